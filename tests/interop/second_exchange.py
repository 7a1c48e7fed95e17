"""The exchange of the second subject: two lines, their calls, who holds them, and what they are told."""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING

from second_shapes import NUMBERS, VOICE
from second_switches import on

if TYPE_CHECKING:
    from second_session import Client

IDLE, OFFERING, ACCEPTED, DIALTONE, DIALING, RINGBACK, BUSY = 1, 2, 4, 8, 0x10, 0x20, 0x40
CONNECTED, PROCEEDING, ONHOLD, CONFERENCED = 0x100, 0x200, 0x400, 0x800
HOLDCONF, HOLDTRANSFER, DISCONNECTED = 0x1000, 0x2000, 0x4000
MONITOR, OWNER = 2, 4
handles = itertools.count(0x00010004, 4)
call_ids = itertools.count(0x501)


class App:
    """An HLINEAPP or HPHONEAPP."""

    def __init__(self, client: Client, context: int, name: str) -> None:
        self.client, self.context, self.name, self.handle = client, context, name, next(handles)


class Opened:
    """An HLINE or HPHONE."""

    def __init__(self, app: App, device: int, context: int, remote: int, version: int) -> None:
        self.app, self.device, self.context, self.version = app, device, context, version
        self.handle = next(handles)
        self.remote = remote or self.handle
        if remote and on("hremote-ignored"):
            self.remote = self.handle
        self.privileges = self.media = self.line_mask = self.address_mask = 0
        self.button_masks = (0, 0)
        self.holders: list[Holder] = []

    def record(self, msg: int, device: int, third: int, words: tuple[int, ...]) -> bytes:
        """One ASYNCEVENTMSG."""
        size = 24 + 4 * len(words)
        init = 0 if on("initcontext-zero") else self.app.context
        context = 0 if on("opencontext-zero") else self.context
        if on("opencontext-of-other") and self.app.client.lines:
            context = list(self.app.client.lines.values())[-1].context
        if on("totalsize-wrong") and msg == 1:
            size += 4
        return struct.pack(f"<6I{len(words)}I", size, init, third, device, msg, context, *words)

    def tell(self, msg: int, device: int, third: int, *words: int, handle: int = 0, reply: bool = False) -> None:
        """Queue an event for the client."""
        client = self.app.client
        if on("event-to-wrong-client") and msg == 2 and words[0] == DISCONNECTED:
            client = client.server.clients[0]
        client.post(self, self.record(msg, device, third, words), handle, reply)


class Holder:
    """A call handle: the hold of one open line on a call."""

    def __init__(self, opened: Opened, call: Call, privilege: int) -> None:
        self.opened, self.call, self.privilege = opened, call, privilege
        self.handle = next(handles)
        self.first = True
        self.before = 0
        opened.holders.append(self)
        call.holders.append(self)
        opened.app.client.calls[self.handle] = self

    def announce(self) -> None:
        """Send LINE_APPNEWCALL from 2.0 on."""
        o, call = self.opened, self.call
        if (o.version < 0x20000 and not on("appnewcall-below-2.0")) or on("appnewcall-missing"):
            return
        number = call.id + 1 if on("appnewcall-call-id") else call.id
        address = 7 if on("appnewcall-address-id") else 0
        for _ in range(2 if on("appnewcall-twice") else 1):
            o.tell(0x17, o.remote, 0, address, self.handle, number, call.related, handle=self.handle)

    def state(self, before: int = 0) -> None:
        """Send LINE_CALLSTATE with the state of the call."""
        o, call = self.opened, self.call
        if self.lost(before):
            return
        mode = call.mode
        if call.state == CONFERENCED:
            mode = next((h.handle for h in call.parent.holders if h.opened is o), 0) if call.parent else 0
            mode = self.handle if on("conf-member-names-itself") else mode
        state, privilege = call.state, self.privilege
        if on("callstate-two-bits") and state == CONNECTED:
            state |= ONHOLD
        if on("callstate-zero") and state == RINGBACK:
            state = 0
        if on("callstate-privilege"):
            privilege = 6 - privilege
        if on("monitor-called-owner"):
            privilege = OWNER
        media = 0x10 if on("callstate-media") else call.media
        remote = 0x7777 if on("callstate-remote-line") else o.remote
        if on("busy-mode-zero") and state == BUSY:
            mode = 0
        for _ in range(2 if on("callstate-twice") else 1):
            o.tell(2, self.handle, mode, state, privilege, media, remote, handle=self.handle)

    def lost(self, before: int) -> bool:
        """Whether a fault loses the event of this state."""
        state, watching = self.call.state, self.privilege == MONITOR
        first, self.first = self.first, False
        return (
            (on("monitor-sees-nothing") and watching)
            or (on("monitor-sees-first-state") and watching and not first)
            or (on("monitor-misses-idle") and watching and state == IDLE)
            or (on("event-idle-lost") and state == IDLE)
            or (on("event-connected-lost") and state == CONNECTED and before in (OFFERING, ACCEPTED))
            or (on("event-disconnected-lost") and state == DISCONNECTED)
            or (on("event-hold-lost") and state == ONHOLD)
            or (on("event-unhold-lost") and state == CONNECTED and before == ONHOLD)
            or (on("event-accepted-lost") and state == ACCEPTED)
            or (on("event-far-connected-lost") and state == CONNECTED and before == RINGBACK)
            or (on("event-conferenced-lost") and state == CONFERENCED)
            or (on("event-offering-lost") and state == OFFERING)
            or (on("event-consult-dialtone-lost") and state == DIALTONE and self.call.original is not None)
        )

    def release(self) -> None:
        """End the hold."""
        self.opened.holders.remove(self)
        self.call.holders.remove(self)
        self.opened.app.client.calls.pop(self.handle, None)
        self.opened.app.client.dead.add(self.handle)
        if not self.call.holders and self.call.state == IDLE and self.call in self.call.line.calls:
            self.call.line.calls.remove(self.call)


class Call:
    """One end of a call: a call appearance at a line."""

    def __init__(self, line: Line, outgoing: bool, caller: str = "", called: str = "") -> None:
        self.line, self.outgoing, self.caller, self.called = line, outgoing, caller, called
        self.id, self.related, self.state, self.mode, self.before = next(call_ids), 0, 0, 0, 0
        self.media, self.app_specific = VOICE, 0
        self.origin, self.reason = 1 if outgoing else 2, 1
        self.peer: Call | None = None
        self.external = self.conference = self.announced = False
        self.parent: Call | None = None
        self.members: list[Call] = []
        self.consult: Call | None = None
        self.original: Call | None = None
        self.holders: list[Holder] = []
        line.calls.append(self)

    def move(self, state: int, mode: int = 0) -> None:
        """Enter a state and tell everyone who holds the call."""
        if self.state == IDLE and state != IDLE:
            return
        before, self.before = self.state, self.state
        self.state, self.mode = state, mode
        for holder in self.holders:
            holder.state(before)
        if not self.announced:
            self.announced = True
            self.show()
        if state == IDLE and on("connected-after-idle"):
            self.state = CONNECTED
            for holder in self.holders:
                holder.state()
            self.state = IDLE
        if state == IDLE and on("callinfo-after-idle"):
            self.changed(0x20)
        if state == IDLE and not self.holders and self in self.line.calls:
            self.line.calls.remove(self)
        self.line.count()

    def show(self) -> None:
        """Announce the call to the openers of the line that do not hold it."""
        mine = [holder.opened for holder in self.holders]
        for opened in self.line.opened:
            if opened in mine:
                continue
            privilege = 0
            if not self.outgoing and opened.privileges & OWNER and opened.media & self.media:
                privilege = OWNER
            elif opened.privileges & MONITOR or (opened.privileges == 1 and on("none-gets-calls")):
                privilege = MONITOR
            if not privilege or (on("monitor-not-told-of-calls") and privilege == MONITOR):
                continue
            if on("monitor-gets-owner"):
                privilege = OWNER
            holder = Holder(opened, self, privilege)
            if on("appnewcall-after-state"):
                holder.state()
                holder.announce()
            else:
                holder.announce()
                holder.state()
        if on("appnewcall-for-own-call") and self.outgoing:
            for holder in self.holders:
                holder.announce()

    def changed(self, bits: int, but: Holder | None = None) -> None:
        """Send LINE_CALLINFO to the holders."""
        if self.state == IDLE and not on("callinfo-after-idle"):
            return
        for h in self.holders:
            if h is not but:
                third = 0x1234 if on("callinfo-third-word") else 0
                h.opened.tell(1, h.handle, third, bits, 0, 0, h.opened.remote, handle=h.handle)

    def count(self, privilege: int) -> int:
        """Holders with a privilege."""
        return sum(holder.privilege == privilege for holder in self.holders)


class Line:
    """A line with one address."""

    def __init__(self, exchange: Exchange, device: int) -> None:
        self.exchange, self.device, self.number = exchange, device, NUMBERS[device]
        self.opened: list[Opened] = []
        self.calls: list[Call] = []
        self.shown = 0

    def live(self) -> list[Call]:
        """Calls that are not idle."""
        return [call for call in self.calls if call.state not in (0, IDLE)]

    def count(self) -> None:
        """Send LINE_ADDRESSSTATE and LINE_LINEDEVSTATE when the number of calls changed."""
        now = len(self.live())
        if now == self.shown:
            return
        self.shown = now
        bits = 0x20 | (4 if now == 0 else 8 if now == 1 else 0x10)
        for opened in self.opened:
            mask = opened.address_mask
            if on("masks-shared"):
                mask = max(one.address_mask for one in self.opened)
            if on("addressstate-unmasked"):
                mask = 0x3C
            if mask & bits:
                opened.tell(0, opened.remote, 0, 0, mask & bits, 0, 0)
            self.devstate(0x800, 0, 0, only=opened)

    def devstate(
        self, bit: int, second: int, third: int, only: Opened | None = None, but: Opened | None = None
    ) -> None:
        """Send LINE_LINEDEVSTATE to those who asked for it."""
        for opened in self.opened if only is None else [only]:
            mask = opened.line_mask
            if on("masks-shared"):
                mask = max(one.line_mask for one in self.opened)
            if on("devstate-unmasked") and bit != 0x800:
                mask = bit
            if mask & bit and opened is not but:
                opened.tell(8, opened.remote, 0, bit, second, third, 0)


class Exchange:
    """Two lines that call each other; any other number is an outside party that answers at once."""

    def __init__(self) -> None:
        self.lines = [Line(self, device) for device in range(len(NUMBERS))]

    def ring(self, line: Line, caller: Call | None, number: str) -> Call:
        """Offer a call at a line."""
        call = Call(line, False, number, line.number)
        call.peer = caller
        if caller is None:
            call.external, call.origin = True, 4
        if on("callinfo-origin"):
            call.origin = 1
        call.move(OFFERING, 1)
        line.devstate(2, 0 if on("ringing-mode-zero") else 1, 0)
        return call

    def dial(self, call: Call, number: str) -> None:
        """Dial from a call that has dial tone."""
        call.called = number
        if call.state != DIALING:
            call.move(DIALING)
        call.move(PROCEEDING)
        target = next((line for line in self.lines if line.number == number), None)
        if number.endswith("0000") or target is call.line or (target is not None and len(target.live()) >= 8):
            call.move(BUSY, 1)
        elif target is None:
            call.external = True
            call.move(RINGBACK)
            call.move(CONNECTED, 1)
        else:
            call.peer = self.ring(target, call, call.line.number)
            call.move(RINGBACK)

    def route(self, call: Call, number: str) -> None:
        """Connect the far party of a call that leaves to another number."""
        far = call.peer
        target = next((line for line in self.lines if line.number == number), None)
        call.peer = None
        if far is None:
            if target is not None:
                self.ring(target, None, call.caller)
            return
        far.peer = None
        if target is None:
            far.external = True
            if far.state == RINGBACK:
                far.move(CONNECTED, 1)
        elif not on("transfer-target-not-offered"):
            far.peer = self.ring(target, far, far.line.number)

    def clear(self, call: Call, mode: int = 1) -> None:
        """End a call at its own end; the far end is disconnected."""
        far, call.peer = call.peer, None
        call.move(IDLE)
        self.leave(call)
        if far is not None:
            far.peer = None
            if not on("far-end-not-disconnected"):
                self.lose(far, mode)

    def lose(self, call: Call, mode: int) -> None:
        """Disconnect a call because its far end is gone."""
        if call.state in (0, IDLE, DISCONNECTED):
            return
        ringing = call.state in (OFFERING, ACCEPTED)
        call.move(DISCONNECTED, mode)
        self.leave(call)
        if ringing:
            call.move(IDLE)

    def leave(self, call: Call) -> None:
        """Take a call out of its conference; one member is no conference."""
        parent, call.parent = call.parent, None
        if parent is None:
            return
        parent.members.remove(call)
        if len(parent.members) < 2 and parent.consult is None and not on("conf-not-dissolved"):
            self.dissolve(parent)

    def dissolve(self, parent: Call) -> None:
        """End a conference: its parent is idle, the last member connected."""
        parent.move(IDLE)
        for member in list(parent.members):
            member.parent = None
            parent.members.remove(member)
            if member.state == CONFERENCED:
                member.move(CONNECTED, 1)

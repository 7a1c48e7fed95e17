"""Requests about calls: what the second subject checks (2.2.4.1.3, 3.1.4.2) and does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from second_exchange import (
    ACCEPTED,
    BUSY,
    CONFERENCED,
    CONNECTED,
    DIALING,
    DIALTONE,
    DISCONNECTED,
    HOLDCONF,
    HOLDTRANSFER,
    IDLE,
    MONITOR,
    OFFERING,
    ONHOLD,
    OWNER,
    PROCEEDING,
    RINGBACK,
    Call,
    Holder,
    Opened,
)
from second_shapes import Message, RequestError
from second_switches import on

if TYPE_CHECKING:
    from second_session import Client

NOTOWNER, BADSTATE, BADCALL, BADLINE = 0x80000046, 0x8000001C, 0x80000018, 0x8000002B
UNAVAILABLE, POINTER, ADDRESS = 0x80000049, 0x80000035, 0x80000010
Reply = Callable[..., None]
Act = Callable[[Reply], None]
Plan = tuple[Opened, int, Act]
HELD = (ONHOLD, HOLDTRANSFER, HOLDCONF)


def owned(client: Client, m: Message, offset: int, states: tuple[int, ...] = (), bad: int = BADCALL) -> Holder:
    """The call handle at an offset: alive, owned, in one of the states."""
    holder = client.call(m.get(offset), bad)
    name = client.function
    if holder.privilege != OWNER and not on(f"monitor-may-{name}") and not on("monitor-may-all"):
        raise RequestError(NOTOWNER)
    if states and holder.call.state not in states and not on(f"{name}-any-state"):
        raise RequestError(BADSTATE)
    return holder


def answer(client: Client, m: Message) -> Plan:
    """Answer: OFFERING, ACCEPTED."""
    m.block(16, 20, POINTER)
    h = owned(client, m, 12, (OFFERING, ACCEPTED))

    def act(reply: Reply) -> None:
        if not on("answer-no-effect"):
            h.call.move(CONNECTED, 1)
            far = h.call.peer
            if far is not None and far.state == RINGBACK and not on("far-end-not-connected"):
                far.move(CONNECTED, 1)
            if on("answer-drops-other-call"):
                for other in h.call.line.live():
                    if other is not h.call and other.state == CONNECTED:
                        client.exchange.clear(other)
        if not on("reply-missing-answer"):
            reply()

    return h.opened, 0, act


def accept(client: Client, m: Message) -> Plan:
    """Accept: OFFERING."""
    m.block(16, 20, POINTER)
    h = owned(client, m, 12, (OFFERING,))

    def act(reply: Reply) -> None:
        if not on("accept-no-effect"):
            h.call.move(CONNECTED if on("accept-connects") else ACCEPTED)
        reply()

    return h.opened, 0, act


def drop(client: Client, m: Message) -> Plan:
    """Drop: any state but IDLE."""
    m.block(16, 20, POINTER)
    h = owned(client, m, 12)
    if h.call.state == IDLE and not on("drop-any-state"):
        raise RequestError(BADSTATE)

    def act(reply: Reply) -> None:
        if not on("drop-no-effect"):
            hang_up(client, h.call)
        if on("drop-clears-whole-line"):
            for other in h.call.line.live():
                client.exchange.clear(other)
        reply()

    return h.opened, 0, act


def hang_up(client: Client, call: Call) -> None:
    """End a call with what hangs on it: members, the call it consults for."""
    exchange = client.exchange
    members, original = list(call.members), call.original
    if call.state in (OFFERING, ACCEPTED):
        exchange.clear(call, mode=4)
        return
    call.members.clear()
    for member in members:
        member.parent = None
    exchange.clear(call)
    for member in members:
        if not on("conf-drop-leaves-members"):
            exchange.clear(member)
    if call.consult is not None:
        call.consult.original = None
    if original is not None and original.consult is call:
        call.original = original.consult = None
        if on("consult-drop-no-reconnect"):
            return
        if original.state == HOLDTRANSFER or (original.state == HOLDCONF and len(original.members) > 1):
            original.move(CONNECTED, 1)
        elif original.state == HOLDCONF:
            exchange.dissolve(original)


def hold(client: Client, m: Message) -> Plan:
    """Hold: CONNECTED."""
    h = owned(client, m, 12, (CONNECTED,))

    def act(reply: Reply) -> None:
        call = h.call
        if on("hold-holds-other-call"):
            call = next((one for one in call.line.live() if one is not call), call)
        if not on("hold-no-effect"):
            call.move(HOLDTRANSFER if on("hold-pending-transfer") else ONHOLD)
        reply()
        if on("reply-twice-hold"):
            reply()

    return h.opened, 0, act


def unhold(client: Client, m: Message) -> Plan:
    """UnHold: ONHOLD, ONHOLDPENDTRANSFER, ONHOLDPENDCONF."""
    h = owned(client, m, 12, HELD)

    def act(reply: Reply) -> None:
        call, consult = h.call, h.call.consult
        pending = call.state != ONHOLD
        if not on("unhold-no-effect"):
            call.move(CONNECTED, 1)
        if pending and consult is not None and not on("unhold-leaves-consult"):
            call.consult = consult.original = None
            client.exchange.clear(consult)
        reply()

    return h.opened, 0, act


def swap(client: Client, m: Message) -> Plan:
    """SwapHold: CONNECTED and a held call, which differ."""
    active = owned(client, m, 12, (CONNECTED,))
    if m.get(12) == m.get(16) and not on("swaphold-same-handle"):
        raise RequestError(BADCALL)
    held = active if m.get(12) == m.get(16) else owned(client, m, 16, HELD)
    if active.call.line is not held.call.line:
        raise RequestError(BADCALL)

    def act(reply: Reply) -> None:
        if not on("swaphold-no-effect"):
            state = ONHOLD if held.call.state == HOLDCONF else held.call.state
            active.call.move(state)
            if not on("swaphold-one-side"):
                held.call.move(CONNECTED, 1)
        reply()

    return active.opened, 0, act


def blind_transfer(client: Client, m: Message) -> Plan:
    """BlindTransfer: CONNECTED."""
    number = m.text(16, ADDRESS)
    h = owned(client, m, 12, (CONNECTED,))
    if not number:
        raise RequestError(ADDRESS)

    def act(reply: Reply) -> None:
        if on("blindtransfer-drops-far-end"):
            client.exchange.clear(h.call)
        else:
            client.exchange.route(h.call, number)
            if not on("blindtransfer-no-effect"):
                h.call.move(DISCONNECTED if on("blindtransfer-disconnects") else IDLE, 0)
                client.exchange.leave(h.call)
        reply()

    return h.opened, 0, act


def redirect(client: Client, m: Message) -> Plan:
    """Redirect: OFFERING."""
    number = m.text(16, ADDRESS)
    h = owned(client, m, 12, (OFFERING,))
    if not number:
        raise RequestError(ADDRESS)

    def act(reply: Reply) -> None:
        client.exchange.route(h.call, number)
        if not on("redirect-no-effect"):
            h.call.move(IDLE)
        reply()

    return h.opened, 0, act


def dial(client: Client, m: Message) -> Plan:
    """Dial: while digits are collected."""
    number = m.text(16, ADDRESS)
    h = owned(client, m, 12, (DIALTONE, DIALING))

    def act(reply: Reply) -> None:
        reply()
        if number and not on("dial-no-effect"):
            client.exchange.dial(h.call, number)

    return h.opened, 0, act


def created(client: Client, opened: Opened, call: Call) -> Holder:
    """Make the requester the owner of a new call; its handle is valid from the reply on."""
    return Holder(opened, call, OWNER)


def make_call(client: Client, m: Message) -> Plan:
    """MakeCall."""
    opened = client.line(m.get(16))
    number = m.text(24, ADDRESS, optional=True)
    m.params(32, opened.version)
    line = client.exchange.lines[opened.device]
    if len(line.live()) >= 8:
        raise RequestError(0x80000005)

    def act(reply: Reply) -> None:
        call = Call(line, True, line.number, number)
        h = created(client, opened, call)
        handle = 0 if on("makecall-no-handle") else h.handle
        echo = 0 if on("reply-call-context-lost") else m.get(20)
        number_out = call.id + 1 if on("makecall-call-id") else call.id
        if on("callstate-before-reply"):
            call.move(DIALTONE, 1)
        if on("makecall-reply-short"):
            reply(handle, echo)
        else:
            reply(handle, echo, 0, number_out, 0)
        if not on("makecall-no-states"):
            if not on("callstate-before-reply"):
                call.move(OFFERING if on("makecall-offering") else DIALTONE, 1)
            if number:
                client.exchange.dial(call, number)

    return opened, m.get(12), act


def consult_call(client: Client, opened: Opened, original: Call) -> Holder:
    """A consultation call of an original call or a conference."""
    call = Call(client.exchange.lines[opened.device], True, number_of(opened), "")
    call.related = 0 if on("consult-related-id") else original.id
    call.original, original.consult = original, call
    return created(client, opened, call)


def number_of(opened: Opened) -> str:
    """The number of an open line."""
    return ("1001", "1002")[opened.device]


def set_up_transfer(client: Client, m: Message) -> Plan:
    """SetUpTransfer: CONNECTED; a consultation call with dial tone."""
    h = owned(client, m, 16, (CONNECTED,))
    m.params(24, h.opened.version)

    def act(reply: Reply) -> None:
        c = consult_call(client, h.opened, h.call)
        if not on("setuptransfer-original-connected"):
            h.call.move(ONHOLD if on("setuptransfer-original-onhold") else HOLDTRANSFER)
        handle = h.handle if on("setuptransfer-same-handle") else c.handle
        echo = 0 if on("reply-consult-context-lost") else m.get(20)
        reply(handle, echo, 0, c.call.id, c.call.related)
        c.call.move(ACCEPTED if on("consult-accepted") else DIALTONE, 1)

    return h.opened, m.get(12), act


def join(first: Call, second: Call) -> None:
    """Connect the far ends of two calls."""
    one, two = first.peer, second.peer
    first.peer = second.peer = None
    outside_one, outside_two = first.external, second.external
    if one is not None:
        one.peer, one.external = two, one.external or (two is None and outside_two)
    if two is not None:
        two.peer, two.external = one, two.external or (one is None and outside_one)


def complete_transfer(client: Client, m: Message) -> Plan:
    """CompleteTransfer: a held call and another of the same line."""
    mode = m.get(28)
    if mode not in (1, 2) and not on("transfer-mode-unchecked"):
        raise RequestError(0x8000003F)
    h = owned(client, m, 16, (ONHOLD, HOLDTRANSFER))
    if m.get(16) == m.get(20) and not on("completetransfer-same-handle"):
        raise RequestError(0x80000021)
    c = h if m.get(16) == m.get(20) else owned(client, m, 20, (CONNECTED, RINGBACK, BUSY, PROCEEDING), 0x80000021)
    if h.call.line is not c.call.line and not on("completetransfer-other-line"):
        raise RequestError(0x80000021)

    def act(reply: Reply) -> None:
        h.call.consult = c.call.original = None
        if mode == 2:
            return conference(reply)
        reply(0, 0 if on("reply-conf-context-lost") else m.get(24), 0, 0, 0)
        lone = c.call.peer is None and not c.call.external
        if on("completetransfer-not-joined"):
            client.exchange.clear(h.call)
            client.exchange.clear(c.call)
            return None
        far = h.call.peer
        join(h.call, c.call)
        if not on("completetransfer-original-stays"):
            h.call.move(IDLE)
        if not on("completetransfer-consult-stays"):
            c.call.move(IDLE)
        if lone and far is not None:
            client.exchange.lose(far, 0x20)
        return None

    def conference(reply: Reply) -> None:
        parent = Call(h.call.line, True, h.call.caller, "")
        parent.conference, parent.origin = True, 0x40
        p = created(client, h.opened, parent)
        reply(0 if on("completetransfer-no-parent") else p.handle, m.get(24), 0, parent.id, 0)
        parent.move(CONNECTED, 1)
        for call in (h.call, c.call):
            call.parent = parent
            parent.members.append(call)
            call.move(CONFERENCED)

    return h.opened, m.get(12), act


def set_up_conference(client: Client, m: Message) -> Plan:
    """SetUpConference: CONNECTED; hLine is ignored because hCall is needed (no SETUPCONFNULL)."""
    if not m.get(16):
        client.line(m.get(20))
        raise RequestError(UNAVAILABLE)
    h = owned(client, m, 16, (CONNECTED,))
    m.params(36, h.opened.version)
    if h.call.conference:
        raise RequestError(BADSTATE)

    def act(reply: Reply) -> None:
        parent = Call(h.call.line, True, h.call.caller, "")
        parent.conference, parent.origin = True, 0x40
        p = created(client, h.opened, parent)
        c = consult_call(client, h.opened, parent)
        echo = 0 if on("reply-conf-context-lost") else m.get(24)
        both = (c.handle, m.get(24), p.handle) if on("conf-handles-swapped") else (p.handle, echo, c.handle)
        reply(*both, m.get(28), 0, parent.id, 0, 0, c.call.id, c.call.related)
        h.call.parent = parent
        parent.members.append(h.call)
        if not on("conf-original-stays-connected"):
            h.call.move(CONFERENCED)
        parent.move(*((CONNECTED, 1) if on("conf-parent-connected") else (HOLDCONF,)))
        c.call.move(DIALTONE, 1)

    return h.opened, m.get(12), act


def prepare(client: Client, m: Message) -> Plan:
    """PrepareAddToConference: CONNECTED parent."""
    p = owned(client, m, 16, (CONNECTED,), 0x80000020)
    m.params(24, p.opened.version)
    if not p.call.conference and not on("prepare-any-call"):
        raise RequestError(0x80000020)

    def act(reply: Reply) -> None:
        c = consult_call(client, p.opened, p.call)
        if not on("conf-prepare-parent-stays"):
            p.call.move(HOLDCONF)
        reply(c.handle, m.get(20), 0, c.call.id, c.call.related)
        c.call.move(DIALTONE, 1)

    return p.opened, m.get(12), act


def add(client: Client, m: Message) -> Plan:
    """AddToConference: a pending parent, a call of the same line that is in no conference."""
    p = owned(client, m, 12, (HOLDCONF, ONHOLD), 0x80000020)
    c = owned(client, m, 16, (CONNECTED, ONHOLD, PROCEEDING, RINGBACK), 0x80000021)
    if not p.call.conference:
        raise RequestError(0x80000020)
    if c.call.conference or c.call.parent is not None or c.call.line is not p.call.line:
        raise RequestError(0x80000021)
    if len(p.call.members) >= 6:
        raise RequestError(0x80000007)

    def act(reply: Reply) -> None:
        if p.call.consult is c.call:
            p.call.consult = c.call.original = None
        c.call.parent = p.call
        p.call.members.append(c.call)
        if not on("conf-add-call-stays"):
            c.call.move(CONFERENCED)
        if not on("conf-add-parent-stays"):
            p.call.move(CONNECTED, 1)
        reply()

    return p.opened, 0, act


def remove(client: Client, m: Message) -> Plan:
    """RemoveFromConference: CONFERENCED; the call becomes idle as LINEADDRESSCAPS says."""
    h = owned(client, m, 12, (CONFERENCED,))

    def act(reply: Reply) -> None:
        if on("conf-remove-other-state"):
            parent = h.call.parent
            h.call.move(ONHOLD)
            client.exchange.leave(h.call)
            del parent
        elif not on("conf-remove-no-effect"):
            client.exchange.clear(h.call)
        reply()

    return h.opened, 0, act


REQUESTS: dict[int, tuple[str, Callable[[Client, Message], Plan]]] = {
    4: ("accept", accept),
    5: ("addtoconference", add),
    7: ("answer", answer),
    8: ("blindtransfer", blind_transfer),
    11: ("completetransfer", complete_transfer),
    15: ("dial", dial),
    16: ("drop", drop),
    46: ("hold", hold),
    48: ("makecall", make_call),
    57: ("prepare", prepare),
    60: ("redirect", redirect),
    63: ("remove", remove),
    84: ("setupconference", set_up_conference),
    85: ("setuptransfer", set_up_transfer),
    87: ("swaphold", swap),
    89: ("unhold", unhold),
}


def features(h: Holder) -> int:
    """LINECALLSTATUS.dwCallFeatures: what the holder may do now."""
    call = h.call
    if h.privilege == MONITOR:
        return 0
    if call.conference:
        mine = {CONNECTED: 0x10880, ONHOLD: 0x8000082, HOLDCONF: 0x8000082}
    else:
        mine = {
            OFFERING: 0x20085,
            ACCEPTED: 0x84,
            DIALTONE: 0xC0,
            DIALING: 0xC0,
            CONNECTED: 0x3000888,
            ONHOLD: 0x80000A0,
            HOLDTRANSFER: 0x80000A0,
            CONFERENCED: 0x40080,
            IDLE: 0,
        }
    found = mine.get(call.state, 0x80)
    if on("status-features") and call.state == CONNECTED:
        found |= 0x4
    return found

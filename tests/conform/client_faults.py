"""Clients with one fault each, and how soon `mstrp conform client` finds them.

``python tests/conform/client_faults.py`` tries them all and prints the table; names after it try only those.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from reference_client import OF_CALLS, OF_EITHER, OF_LINES, InProcess, Reference

from mstrp.conform.client.execution import ClientBed
from mstrp.conform.client.requirements import CLIENT
from mstrp.conform.client.suite import run
from mstrp.conform.core.campaign import Campaign
from mstrp.conform.core.target import Budget, Target
from mstrp.live.client import TapiClient
from mstrp.live.client.channel import Channel
from mstrp.live.provider import TapiError
from mstrp.live.switch import Plan
from mstrp.live.transport import ConnectionEnded
from protocol import events as e
from protocol import generic, line, phone
from protocol.constants import LINECALLSTATE as S
from protocol.event import Reply, UnknownEvent, decode_events
from protocol.ndr import METHODS, ClientRequest, RemoteSPEventProcResult
from protocol.packet import decode_request
from protocol.rpc.association import Status

#: Packets within which a fault has to be found.
WITHIN = 8000
_METHODS = {method.name: method for method in METHODS.values()}


class Fault(NamedTuple):
    """A client with something wrong in it."""

    name: str
    summary: str
    client: Any = TapiClient
    script: Any = Reference
    events: str = "push"


FAULTS: list[Fault] = []


def _said(kind: type) -> str:
    """What the docstring of a class says, as the rest of a sentence about the client."""
    text = (kind.__doc__ or "").strip().split("\n")[0].rstrip(".")
    return text[:1].lower() + text[1:]


def fault(name: str, *, events: str = "push") -> Callable[[type], type]:
    """Declare a faulty client, or a faulty script; its docstring says what is wrong."""

    def declare(kind: type) -> type:
        summary = _said(kind)
        given = {"script": kind} if issubclass(kind, Reference) else {"client": kind}
        FAULTS.append(Fault(name, summary, **given, events=events))
        return kind

    return declare


def both(base: type, name: str) -> Any:
    """The same fault in a client that fetches its events."""
    FAULTS.append(
        next(one for one in FAULTS if one.client is base or one.script is base)._replace(name=name, events="pull")
    )


# -- buffers -----------------------------------------------------------------------------------------------------------


class Splits(TapiClient):
    """A client that splits buffers in a way of its own."""

    odd = False

    def records(self, data: bytes) -> list[bytes]:
        raise NotImplementedError

    def _take(self, data: bytes, *, whole: bool = False) -> None:
        if len(data) & 3 and not self.odd:
            return
        for record in self.records(data):
            super()._take(record)


class Loses(Splits):
    """A client that refuses damaged buffers, and loses a part of others."""

    def _take(self, data: bytes, *, whole: bool = False) -> None:
        if not decode_events(data).problems:
            super()._take(data)


def sized(record: bytes) -> bytes:
    """The record with the TotalSize that it has."""
    return len(record).to_bytes(4, "little") + record[4:]


def total(data: bytes) -> int:
    return int.from_bytes(data[:4], "little")


@fault("short-padded")
class _Padded(Splits):
    """Takes a buffer that is shorter than an event, as if the rest were zero."""

    def records(self, data: bytes) -> list[bytes]:
        return [sized(data + bytes(40 - len(data)))] if 0 < len(data) < 40 else [data]


@fault("odd-size")
class _Odd(Splits):
    """Takes the whole events of a buffer whose size is no multiple of 4."""

    odd = True

    def records(self, data: bytes) -> list[bytes]:
        return [data[: len(data) & ~3]]


@fault("total-clamped")
class _Clamped(Splits):
    """Takes an event whose TotalSize runs past the buffer, as far as it goes."""

    def records(self, data: bytes) -> list[bytes]:
        found = []
        while len(data) >= 40:
            size = min(total(data), len(data))
            if size < 40 or size & 3:
                return []
            found.append(sized(data[:size]))
            data = data[size:]
        return found


@fault("total-at-least")
class _AtLeast(Splits):
    """Takes an event whose TotalSize is less than an event, as one of 40 bytes."""

    def records(self, data: bytes) -> list[bytes]:
        found = []
        while len(data) >= 40:
            size = max(total(data), 40)
            if size > len(data) or size & 3:
                return []
            found.append(sized(data[:size]))
            data = data[size:]
        return found


@fault("total-ignored")
class _Ignored(Splits):
    """Does not look at TotalSize, and takes 40 bytes for each event."""

    def records(self, data: bytes) -> list[bytes]:
        return [sized(data[start : start + 40]) for start in range(0, len(data) - 39, 40)]


@fault("total-rounded")
class _Rounded(Splits):
    """Takes an event whose TotalSize is no multiple of 4, rounded up."""

    def records(self, data: bytes) -> list[bytes]:
        found = []
        while len(data) >= 40:
            size = (total(data) + 3) & ~3
            if size < 40 or size > len(data):
                return []
            found.append(sized(data[:size]))
            data = data[size:]
        return found


@fault("rest-padded")
class _Rest(Splits):
    """Takes what is left over behind the last event, as if the rest were zero."""

    def records(self, data: bytes) -> list[bytes]:
        found = decode_events(data)
        if found.problems and (len(data) & ~3) == len(data) and len(data) % 40 == 36 and found.events:
            return [*(event.buffer for event in found.events), sized(data[-36:] + bytes(4))]
        return [data]


@fault("damage-stops")
class _Stops(TapiClient):
    """Takes no events any more once a buffer was damaged."""

    broken = False

    def _pushed(self, data: bytes) -> None:
        self.broken |= bool(decode_events(data).problems)
        if not self.broken:
            super()._pushed(data)


@fault("damage-disconnects")
class _Disconnects(TapiClient):
    """Ends its connection when a buffer is damaged."""

    def _pushed(self, data: bytes) -> None:
        if decode_events(data).problems:
            assert self._caller is not None
            self._caller.abort()
            return
        super()._pushed(data)


@fault("first-only")
class _First(Loses):
    """Takes only the first event of a buffer."""

    def records(self, data: bytes) -> list[bytes]:
        return [event.buffer for event in decode_events(data).events[:1]]


both(_First, "first-only-pull")


@fault("last-only")
class _Last(Loses):
    """Takes only the last event of a buffer."""

    def records(self, data: bytes) -> list[bytes]:
        return [event.buffer for event in decode_events(data).events[-1:]]


@fault("room-for-8k")
class _Room(Loses):
    """Has room for 8 KiB, and loses what stands behind them."""

    def records(self, data: bytes) -> list[bytes]:
        found, start = [], 0
        for event in decode_events(data).events:
            if start + len(event.buffer) <= 8192:
                found.append(event.buffer)
            start += len(event.buffer)
        return found


both(_Room, "room-for-8k-pull")


@fault("at-most-100")
class _Hundred(Loses):
    """Takes at most 100 events of a buffer."""

    def records(self, data: bytes) -> list[bytes]:
        return [event.buffer for event in decode_events(data).events[:100]]


@fault("unknown-stops")
class _UnknownStops(Loses):
    """Loses what stands behind an event that it does not know."""

    def records(self, data: bytes) -> list[bytes]:
        found = []
        for event in decode_events(data).events:
            if isinstance(event, UnknownEvent):
                break
            found.append(event.buffer)
        return found


class Dies(TapiClient):
    """A client that dies of an event."""

    def deadly(self, event: Any) -> bool:
        raise NotImplementedError

    def route(self, event: Any) -> None:
        if self.deadly(event):
            assert self._caller is not None
            self._caller.abort()
            return
        super().route(event)


@fault("unknown-dies")
class _UnknownDies(Dies):
    """Dies of an event that it does not know."""

    def deadly(self, event: Any) -> bool:
        return isinstance(event, UnknownEvent)


both(_UnknownDies, "unknown-dies-pull")


@fault("unknown-call")
class _UnknownCall(Reference):
    """Asks about the handle in an event that it does not know."""

    async def looked(self, event: Any) -> None:
        if isinstance(event, UnknownEvent) and event.device_handle:
            await self.client.request(line.GetCallStatus(call=event.device_handle, call_status=256))
        await super().looked(event)


# -- the event channel -------------------------------------------------------------------------------------------------


class Channels(TapiClient):
    """A client with a channel of its own kind."""

    kind: Any = Channel

    async def _attach(self) -> None:
        import mstrp.live.client.client as module

        reference, module.Channel = module.Channel, self.kind
        try:
            await super()._attach()
        finally:
            module.Channel = reference


def channel(name: str) -> Callable[[type], type]:
    """Declare a faulty event channel."""

    def declare(kind: type) -> type:
        client = type(kind.__name__, (Channels,), {"kind": kind, "__doc__": kind.__doc__})
        fault(name)(client)
        return kind

    return declare


class Lenient(Channel):
    """Takes events under a context handle that it should not know."""

    def known(self, context: bytes) -> bool:
        raise NotImplementedError

    def called(self, connection: Any, call: Any) -> None:
        if call.method.name == "RemoteSPEventProc":
            value = connection.read(call)
            if value is None:
                return
            if value.context != self._context and self.known(value.context):
                connection.answer(call, RemoteSPEventProcResult())
                self._events(value.buffer)
                return
            if value.context != self._context:
                connection.fault(call, Status.CONTEXT_MISMATCH)
                return
            connection.answer(call, RemoteSPEventProcResult())
            self._events(value.buffer)
            return
        super().called(connection, call)


@channel("context-any")
class _AnyContext(Lenient):
    """Takes events under any context handle."""

    def known(self, context: bytes) -> bool:
        return True


@channel("context-null")
class _NullContext(Lenient):
    """Takes events under the null context handle."""

    def known(self, context: bytes) -> bool:
        return not any(context)


@channel("context-tapsrv")
class _OtherInterface(Lenient):
    """Takes events under the context handle of the other interface."""

    def known(self, context: bytes) -> bool:
        return any(context) and context[4:] != b"\x5a" * 16


@channel("context-after-detach")
class _AfterDetach(Channel):
    """Takes events under the context handle after RemoteSPDetach."""

    old = b""

    def called(self, connection: Any, call: Any) -> None:
        if call.method.name == "RemoteSPDetach":
            self.old = self._context
        elif call.method.name == "RemoteSPEventProc" and self.old:
            connection.answer(call, RemoteSPEventProcResult())
            return
        super().called(connection, call)


class Careless(Channel):
    """Reads stubs that contradict themselves."""

    def called(self, connection: Any, call: Any) -> None:
        if call.method.name != "RemoteSPEventProc":
            super().called(connection, call)
            return
        data = self.read(call)
        if data is None:
            connection.fault(call, Status.NDR_DATA)
        elif data[0] != self._context:
            connection.fault(call, Status.CONTEXT_MISMATCH)
        else:
            connection.answer(call, RemoteSPEventProcResult())
            self._events(data[1])

    def read(self, call: Any) -> tuple[bytes, bytes] | None:
        raise NotImplementedError


@channel("ndr-counts")
class _Counts(Careless):
    """Takes a buffer whose counts contradict each other."""

    def read(self, call: Any) -> tuple[bytes, bytes] | None:
        from protocol.problem import DecodeError

        try:
            value = call.method.read("request", call.stub, ndr64=call.ndr64).value
        except DecodeError:
            return None
        return value.context, value.buffer


@channel("ndr-lsize")
class _Size(_Counts):
    """Does not compare lSize with the counts."""

    def read(self, call: Any) -> tuple[bytes, bytes] | None:
        found = call.method.read("request", call.stub[:-4] + call.stub[20:24], ndr64=call.ndr64)
        whole = call.method.read("request", call.stub, ndr64=call.ndr64)
        if any("actual_count" in str(problem) and "exceeds" in str(problem) for problem in found.problems):
            return None
        return whole.value.context, whole.value.buffer


@channel("ndr-short")
class _Short(_Counts):
    """Takes a stub that ends too soon, as if the rest were zero."""

    def read(self, call: Any) -> tuple[bytes, bytes] | None:
        from protocol.problem import DecodeError

        try:
            found = call.method.read("request", call.stub, ndr64=call.ndr64)
        except DecodeError:
            return call.stub[:20], b""
        return None if any(problem.aspect == "size" for problem in found.problems) else tuple(found.value)


@channel("ndr-disconnects")
class _Hangs(Channel):
    """Ends the connection when a stub is damaged, instead of failing the call."""

    def called(self, connection: Any, call: Any) -> None:
        from protocol.problem import DecodeError

        try:
            damaged = bool(call.method.read("request", call.stub, ndr64=call.ndr64).problems)
        except DecodeError:
            damaged = True
        if damaged:
            connection.abort()
            return
        super().called(connection, call)


@channel("attach-replaces")
class _Replaces(Channel):
    """Loses its channel when RemoteSPAttach comes a second time."""

    def called(self, connection: Any, call: Any) -> None:
        if call.method.name == "RemoteSPAttach":
            self._context = bytes(20)
        super().called(connection, call)


@channel("fault-stops")
class _FaultStops(Channel):
    """Fails every call once it has failed one."""

    failed = False

    def called(self, connection: Any, call: Any) -> None:
        if call.method.name == "RemoteSPEventProc":
            value = connection.read(call)
            if value is None:
                self.failed = True
                return
            if self.failed or value.context != self._context:
                self.failed = True
                connection.fault(call, Status.CONTEXT_MISMATCH)
                return
            connection.answer(call, RemoteSPEventProcResult())
            self._events(value.buffer)
            return
        super().called(connection, call)


@channel("deaf")
class _Deaf(Channel):
    """Does not listen where it says."""

    async def start(self, host: str) -> int:
        await super().start(host)
        assert self._listener is not None
        number: int = self._listener.sockets[0].getsockname()[1]
        self._listener.close()
        return number


# -- events about what is not there ------------------------------------------------------------------------------------


@fault("init-ignored")
class _Init(TapiClient):
    """Does not look at InitContext."""

    def concerns(self, event: Any) -> bool:
        self.handles.contexts.add(event.words[1])
        return super().concerns(event)


both(_Init, "init-ignored-pull")


class AnyLine(TapiClient):
    """Takes the only line that it has where it does not find the one that is named."""

    kinds: tuple[type, ...] = ()

    def concerns(self, event: Any) -> bool:
        return event.words[1] in self.handles.contexts if isinstance(event, self.kinds) else super().concerns(event)

    def route(self, event: Any) -> None:
        words = event.words
        place = 9 if isinstance(event, e.LINE_CALLSTATE) else 3
        if isinstance(event, self.kinds) and words[place] not in self.handles.lines and self.handles.lines:
            words = (*words[:place], next(iter(self.handles.lines)), *words[place + 1 :])
            data = b"".join(word.to_bytes(4, "little") for word in words)
            event = decode_events(data).events[0]
        super().route(event)


@fault("newcall-any-line")
class _NewCall(AnyLine):
    """Takes a call whose LINE_APPNEWCALL names a line of nobody."""

    kinds = (e.LINE_APPNEWCALL, e.LINE_CALLSTATE)


both(_NewCall, "newcall-any-line-pull")


@fault("newstate-any-line")
class _NewState(AnyLine):
    """Takes a call from a LINE_CALLSTATE that names a line of nobody."""

    kinds = (e.LINE_CALLSTATE,)


@fault("state-any-line")
class _State(TapiClient):
    """Takes a state of its call although the line is not its own."""

    def concerns(self, event: Any) -> bool:
        return event.words[1] in self.handles.contexts


@fault("close-any-line")
class _CloseAny(AnyLine):
    """Takes LINE_CLOSE for its line, whatever line is named."""

    kinds = (e.LINE_CLOSE,)


@fault("close-any-phone")
class _ClosePhone(TapiClient):
    """Takes PHONE_CLOSE for its phone, whatever phone is named."""

    def route(self, event: Any) -> None:
        if isinstance(event, e.PHONE_CLOSE):
            for opened in self.handles.phones.values():
                opened.closed = True
            self.handles.phones.clear()
        super().route(event)


@fault("closed-line-known")
class _ClosedLine(TapiClient):
    """Takes calls on a line that it has closed."""

    def route(self, event: Any) -> None:
        if isinstance(event, e.LINE_APPNEWCALL) and event.words[3] not in self.handles.lines:
            asyncio.ensure_future(self._answer(event.call))  # noqa: RUF006 - it ends with the loop
        super().route(event)

    async def _answer(self, call: int) -> None:
        if self.attached:
            with_id, _ = self.completions.number(line.Answer(call=call))
            try:
                await self.request(with_id)
            except OSError:
                return


def _careless(name: str, kinds: tuple[type, ...], *, lines: bool = True) -> None:
    """A script that looks into one kind of event without looking whom it is about."""

    class Script(Reference):
        seen: Any = None

        def has_line(self, remote: int) -> bool:
            return super().has_line(remote) or (lines and isinstance(self.seen, kinds) and self.line is not None)

        def has_phone(self, remote: int) -> bool:
            return super().has_phone(remote) or (not lines and isinstance(self.seen, kinds))

        async def looked(self, event: Any) -> None:
            self.seen = event
            await super().looked(event)

    FAULTS.append(Fault(name, f"does not look which device a {kinds[0].__name__} names", script=Script))


for _kind in (*OF_LINES, *OF_CALLS, *OF_EITHER):
    _careless(f"careless-{_kind.__name__.replace('LINE_', '').lower()}", (_kind,))
for _kind in (e.PHONE_BUTTON, e.PHONE_STATE, e.PHONE_DEVSPECIFIC):
    _careless(f"careless-{_kind.__name__.replace('_', '-').lower()}", (_kind,), lines=False)


@fault("removed-device")
class _Removed(Reference):
    """Asks about a device that is said to be removed, whatever its number."""

    def has_device(self, event: Any) -> bool:
        return True


@fault("context-of-script")
class _ScriptContext(Reference):
    """Looks into events whatever their InitContext."""

    def has_context(self, event: Any) -> bool:
        return True

    async def looked(self, event: Any) -> None:
        if isinstance(event, e.LINE_CALLSTATE) and not super().has_context(event):
            await self.client.request(line.GetCallStatus(call=event.call, call_status=256))
        await super().looked(event)


# -- replies -----------------------------------------------------------------------------------------------------------


class Oldest(TapiClient):
    """Takes a reply for the oldest request that waits, when the id is unknown."""

    kinds: tuple[type, ...] = (Reply,)

    def complete(self, event: Any) -> None:
        if (
            isinstance(event, self.kinds)
            and event.completed_id not in self.completions.pending
            and self.completions.pending
        ):
            number = next(iter(self.completions.pending))
            data = event.buffer[:24] + number.to_bytes(4, "little") + event.buffer[28:]
            event = decode_events(data, self.conversation.completes).events[0]
        super().complete(event)


@fault("reply-oldest")
class _Oldest(Oldest):
    """Takes a reply with an unknown id for its oldest request."""


both(_Oldest, "reply-oldest-pull")


@fault("reply-oldest-phone")
class _OldestPhone(Oldest):
    """Takes a PHONE_REPLY with an unknown id for its oldest request."""

    kinds = (e.PHONE_REPLY,)


@fault("reply-by-order")
class _ByOrder(TapiClient):
    """Gives replies to its requests in their order, and does not look at the ids."""

    def complete(self, event: Any) -> None:
        waiting = next(iter(self.completions.pending), None)
        if waiting is not None and waiting != event.completed_id:
            self.completions.pending[event.completed_id] = self.completions.pending.pop(waiting)
        super().complete(event)


@fault("reply-unknown-dies")
class _ReplyDies(Dies):
    """Dies of a reply that it does not expect."""

    def deadly(self, event: Any) -> bool:
        return isinstance(event, Reply) and event.completed_id not in self.completions.pending


@fault("reply-twice")
class _Twice(TapiClient):
    """Takes the call of a second reply for the one that it made."""

    made: dict[int, Any]

    def complete(self, event: Any) -> None:
        found = self.__dict__.setdefault("made", {})
        call = getattr(event, "call", 0) or getattr(event, "consult_call", 0)
        if event.completed_id in found and call:
            old = found[event.completed_id]
            known = self.handles.calls.get(old)
            if known is not None:
                known.handle = call
        elif call:
            found[event.completed_id] = call
        super().complete(event)


@fault("reply-repeated-fails")
class _RepeatedFails(TapiClient):
    """Takes a second reply that is a failure for one to the request that waits."""

    def complete(self, event: Any) -> None:
        if event.completed_id not in self.completions.pending and event.outcome < 0:
            self.failing = True
        super().complete(event)

    failing = False

    async def request(self, packet: Any, **given: Any) -> Any:
        if self.failing and isinstance(packet, line.DeallocateCall):
            raise ConnectionEnded("something failed")
        return await super().request(packet, **given)


@fault("reply-first-lost")
class _FirstLost(TapiClient):
    """Loses a reply that comes before the answer which names its id."""

    async def _accepted(self, packet: Any, number: int) -> int:
        waiting = self.completions.pending.pop(number)
        answer = await self.request(packet)
        if answer.ack <= 0:
            raise TapiError(answer.words[0], packet.layout.name)
        self.completions.pending[answer.ack] = waiting
        return int(answer.ack)


@fault("id-again")
class _SameId(TapiClient):
    """Chooses a request id that is still in use."""

    async def ask(self, packet: Any) -> Any:
        if isinstance(packet, line.Hold):
            first, number = self.completions.number(packet)
            future = self.expect(number, first)
            second = line.SecureCall(call=packet.call, request_id=number)
            await asyncio.gather(self.request(first), self.request(second))
            return await future
        return await super().ask(packet)


# -- requests ----------------------------------------------------------------------------------------------------------


async def raw(script: Reference, packet: Any) -> Any:
    """Send a request whatever comes of it."""
    if type(packet).completion == "async":
        packet, _ = script.client.completions.number(packet)
    await asyncio.sleep(0.02)
    return await script.client.request(packet)


@fault("answer-twice")
class _AnswerTwice(Reference):
    """Answers a call twice."""

    async def answer(self, call: Any) -> None:
        await super().answer(call)
        await call.wait(S.CONNECTED)
        await raw(self, line.Answer(call=call.handle))


@fault("accept-late")
class _AcceptLate(Reference):
    """Accepts a call after it has answered it."""

    async def hold(self, call: Any) -> None:
        await raw(self, line.Accept(call=call.handle))
        await super().hold(call)


@fault("hold-twice")
class _HoldTwice(Reference):
    """Holds a call that is held."""

    async def hold(self, call: Any) -> None:
        await call.hold()
        await call.wait(S.ONHOLD)
        await raw(self, line.Hold(call=call.handle))
        await call.unhold()


@fault("unhold-connected")
class _UnHold(Reference):
    """Takes back a call that is not held."""

    async def hold(self, call: Any) -> None:
        await raw(self, line.UnHold(call=call.handle))


@fault("hold-offered")
class _HoldOffered(Reference):
    """Holds a call that it has not answered."""

    async def accept(self, call: Any) -> None:
        await raw(self, line.Hold(call=call.handle))
        await super().accept(call)


@fault("transfer-offered")
class _TransferOffered(Reference):
    """Transfers a call that it has not answered."""

    async def accept(self, call: Any) -> None:
        await raw(self, line.BlindTransfer(call=call.handle, dest_address="5551234"))
        await super().accept(call)


@fault("answer-own")
class _AnswerOwn(Reference):
    """Answers a call that it made itself."""

    async def transfer(self, call: Any) -> Any:
        await raw(self, line.Answer(call=call.handle))
        return await super().transfer(call)


@fault("complete-with-itself")
class _Itself(Reference):
    """Completes a transfer with a call that is no consultation."""

    async def transfer(self, call: Any) -> Any:
        await raw(self, line.CompleteTransfer(call=call.handle, consult_call=call.handle, transfer_mode=1))
        return await super().transfer(call)


@fault("deallocated-used")
class _Deallocated(Reference):
    """Asks about a call that it has deallocated."""

    async def forget(self, call: Any) -> None:
        await super().forget(call)
        await asyncio.sleep(0.1)
        await raw(self, line.GetCallStatus(call=call.handle, call_status=256))


@fault("deallocated-twice")
class _DeallocatedTwice(Reference):
    """Deallocates a call twice."""

    async def forget(self, call: Any) -> None:
        await super().forget(call)
        await asyncio.sleep(0.1)
        await raw(self, line.DeallocateCall(call=call.handle))


@fault("drop-idle")
class _DropIdle(Reference):
    """Drops a call that is idle."""

    async def forget(self, call: Any) -> None:
        await raw(self, line.Drop(call=call.handle))
        await super().forget(call)


@fault("deallocate-connected")
class _StillThere(Reference):
    """Gives up the handle of a call that is connected, as its only owner."""

    async def release(self, call: Any) -> None:
        await raw(self, line.DeallocateCall(call=call.handle))
        await super().release(call)


@fault("foreign-call")
class _ForeignCall(Reference):
    """Asks about a call handle that nobody gave it."""

    async def begin(self) -> None:
        await super().begin()
        await raw(self, line.GetCallStatus(call=0xDEAD, call_status=256))


@fault("call-for-line")
class _WrongKind(Reference):
    """Gives the handle of its line where that of a call belongs."""

    async def begin(self) -> None:
        await super().begin()
        await raw(self, line.GetCallInfo(call=self.line.handle, call_info=1024))


@fault("line-close-ignored")
class _CloseIgnored(TapiClient):
    """Goes on with its calls after LINE_CLOSE."""

    def route(self, event: Any) -> None:
        if isinstance(event, e.LINE_CLOSE):
            asyncio.ensure_future(self._later())  # noqa: RUF006 - it ends with the loop
            return
        super().route(event)

    async def _later(self) -> None:
        await asyncio.sleep(0.15)
        for call in list(self.handles.calls):
            if self.attached:
                await self.request(line.GetCallInfo(call=call, call_info=1024))


@fault("line-closed-used")
class _LineClosed(Reference):
    """Uses a line that it has closed."""

    async def end(self) -> None:
        handle = self.line.handle
        await self.line.close()
        await asyncio.sleep(0.1)
        await raw(self, line.GetLineDevStatus(line=handle, line_dev_status=1024))
        await super().end()


@fault("line-forced-used")
class _LineForced(Reference):
    """Closes a line that the server has closed."""

    async def taken(self, call: Any) -> None:
        with contextlib.suppress(TapiError):
            await super().taken(call)

    async def end(self) -> None:
        if self.line.closed:
            await asyncio.sleep(0.15)
            await raw(self, line.Close(line=self.line.handle))
        await super().end()


@fault("phone-forced-used")
class _PhoneForced(Reference):
    """Uses a phone that the server has closed."""

    async def use_phone(self) -> None:
        await super().use_phone()
        if self.phone.closed and self.phone.remote not in self.client.handles.phones:
            await asyncio.sleep(0.15)
            await raw(self, phone.GetStatus(phone=self.phone.handle, phone_status=1024))


@fault("phone-monitor")
class _Monitor(Reference):
    """Rings a phone that it only monitors."""

    async def use_phone(self) -> None:
        opened = await self.phone_app.open(0, 1)
        await raw(self, phone.SetRing(phone=opened.handle, ring_mode=1, volume=0x8000))
        await opened.close()
        await super().use_phone()


@fault("app-after-shutdown")
class _AppGone(Reference):
    """Uses an application after ShutDown."""

    async def end(self) -> None:
        await super().end()
        await asyncio.sleep(0.1)
        await raw(self, line.NegotiateAPIVersion(line_app=self.app.handle, version=0x10003, version_current=0x30001))


@fault("no-negotiation")
class _NoVersion(Reference):
    """Opens a line without having agreed on a version."""

    async def begin(self) -> None:
        await super().begin()
        await raw(
            self,
            line.Open(line_app=self.app.handle, device_id=1, negotiated_version=0x30001, privileges=4, media_modes=4),
        )


@fault("no-device")
class _NoDevice(Reference):
    """Asks for a device that does not exist."""

    async def begin(self) -> None:
        await super().begin()
        await raw(
            self, line.GetDevCaps(line_app=self.app.handle, device_id=77, tspi_version=0x30001, line_dev_caps=4096)
        )


@fault("no-version")
class _NoSuchVersion(Reference):
    """Negotiates with a version that there never was."""

    async def begin(self) -> None:
        await super().begin()
        await raw(
            self, line.NegotiateAPIVersion(line_app=self.app.handle, version=0x7777, version_current=0x7778, size=16)
        )


@fault("no-privileges")
class _NoPrivileges(Reference):
    """Opens a line with privileges that do not exist."""

    async def begin(self) -> None:
        await super().begin()
        await self.app.negotiate(1)
        await raw(
            self,
            line.Open(
                line_app=self.app.handle, device_id=1, negotiated_version=0x30001, privileges=0x40000000, media_modes=4
            ),
        )


class Spoils(TapiClient):
    """A client whose requests are spoilt on their way out."""

    kind: type = line.MakeCall

    def spoil(self, data: bytearray, packet: Any) -> None:
        raise NotImplementedError

    async def request(self, packet: Any, **given: Any) -> Any:
        if isinstance(packet, self.kind):
            data = bytearray(packet.encode())
            self.spoil(data, packet)
            packet = decode_request(bytes(data), packet.capacity)
        return await super().request(packet, **given)


def put(data: bytearray, packet: Any, spec: str, value: int) -> None:
    """Another value for a field."""
    place = 4 * packet.layout.index(spec)
    data[place : place + 4] = value.to_bytes(4, "little")


@fault("offset-outside")
class _Offset(Spoils):
    """Gives an offset that points outside of VarData."""

    def spoil(self, data: bytearray, packet: Any) -> None:
        put(data, packet, "lpszDestAddress", 0x10000)


@fault("not-terminated")
class _Unterminated(Spoils):
    """Gives a string that does not end."""

    def spoil(self, data: bytearray, packet: Any) -> None:
        start = 60 + packet.words[packet.layout.index("lpszDestAddress")]
        data[start:] = b"5\0" * ((len(data) - start) // 2)


@fault("flags-unknown")
class _Flags(Spoils):
    """Rings with a hook switch of its phone that is none."""

    kind = phone.SetStatusMessages

    def spoil(self, data: bytearray, packet: Any) -> None:
        put(data, packet, "dwPhoneStates", 0x80000000)


class _WithMessages(Reference):
    async def use_phone(self) -> None:
        opened = await self.phone_app.open(0)
        await opened.ask(phone.SetStatusMessages, phone_states=1)
        await opened.close()


FAULTS[-1] = FAULTS[-1]._replace(summary="asks for states of a phone that do not exist", script=_WithMessages)


@fault("room-too-small")
class _SmallRoom(Spoils):
    """Asks for a structure without room for it."""

    kind = line.GetCallInfo

    def spoil(self, data: bytearray, packet: Any) -> None:
        put(data, packet, "lpCallInfo", 4)


@fault("mode-unknown")
class _Mode(Spoils):
    """Completes a transfer in a mode that does not exist."""

    kind = line.CompleteTransfer

    def spoil(self, data: bytearray, packet: Any) -> None:
        put(data, packet, "dwTransferMode", 0x40)


@fault("request-unknown")
class _Unknown(Reference):
    """Sends a request that does not exist."""

    async def begin(self) -> None:
        await super().begin()
        await self.client.request(decode_request((0x1FF).to_bytes(4, "little") + bytes(56), 60))


@fault("request-short")
class _ShortRequest(TapiClient):
    """Sends requests that are shorter than a TAPI32_MSG."""

    async def request(self, packet: Any, **given: Any) -> Any:
        if isinstance(packet, line.GetDevCaps):
            return await super().request(decode_request(packet.encode()[:40], 60), **given)
        return await super().request(packet, **given)


@fault("fetches-pushed")
class _Fetches(Reference):
    """Fetches events that are pushed."""

    async def begin(self) -> None:
        await super().begin()
        await self.client.request(generic.GetAsyncEvents(total_buffer_size=1024, capacity=2048))


# -- attaching and detaching -------------------------------------------------------------------------------------------


@fault("no-detach")
class _NoDetach(TapiClient):
    """Ends without ClientDetach."""

    async def detach(self) -> None:
        self._closing = True
        self.attached = False
        if self._fetcher is not None:
            self._fetcher.stop()


both(_NoDetach, "no-detach-pull")


@fault("after-detach")
class _AfterClose(TapiClient):
    """Sends a request after ClientDetach."""

    async def detach(self) -> None:
        was = self.attached
        await super().detach()
        if was:
            await self.again(self._context)

    async def again(self, context: bytes) -> None:
        from mstrp.live.transport import RpcFault

        packet = generic.GetAsyncEvents(total_buffer_size=64, capacity=200)
        assert self._caller is not None
        try:
            await self._caller.call(_METHODS["ClientRequest"], ClientRequest(context, packet.encode(), 200))
        except (OSError, RpcFault):
            return


@fault("no-context")
class _NoContext(_AfterClose):
    """Sends a request under the null context handle."""

    async def again(self, context: bytes) -> None:
        await super().again(bytes(20))


@fault("own-context")
class _OwnContext(_AfterClose):
    """Sends a request under a context handle of its own making."""

    async def again(self, context: bytes) -> None:
        await super().again(bytes(4) + b"\x11" * 16)


@fault("detaches-twice")
class _DetachTwice(_AfterClose):
    """Sends ClientDetach twice."""

    async def again(self, context: bytes) -> None:
        from mstrp.live.transport import RpcFault
        from protocol.ndr import ClientDetach

        assert self._caller is not None
        try:
            await self._caller.call(_METHODS["ClientDetach"], ClientDetach(context))
        except (OSError, RpcFault):
            return


@fault("lost-context")
class _Lost(TapiClient):
    """Goes on under its context handle after its connection broke."""

    def _lost(self) -> None:
        was = self.attached
        super()._lost()
        if was and not self._closing:
            self.again = asyncio.ensure_future(self._again())

    again: Any = None

    async def _again(self) -> None:
        from mstrp.live.transport import Caller, RpcFault
        from protocol.ndr import TAPSRV
        from protocol.rpc.client_association import ClientAssociation

        packet = line.Initialize(friendly_name="x", module_name="x", api_version=0x30001)
        try:
            caller = await Caller.connect(self.binding.host, self.binding.port, ClientAssociation([TAPSRV]))
            await caller.call(_METHODS["ClientRequest"], ClientRequest(self._context, packet.encode(), 400))
        except (OSError, RpcFault):
            pass
        else:
            caller.close()

    async def close(self) -> None:
        if self.again is not None:
            await self.again
        await super().close()


class Attaches(TapiClient):
    """A client that attaches with other words."""

    words: dict[str, Any] = {}  # noqa: RUF012 - read only

    async def open_transport(self, association: Any) -> Any:
        caller = await super().open_transport(association)
        reference = caller.call

        async def call(method: Any, value: Any, *given: Any) -> Any:
            if method.name == "ClientAttach":
                value = value._replace(**self.words)
            return await reference(method, value, *given)

        caller.call = call  # type: ignore[method-assign]
        return caller


@fault("mailslot-wrong", events="pull")
class _Mailslot(Attaches):
    """Names a mailslot in a way that is none."""

    words = {"domain_user": "mailslot/tapi"}  # noqa: RUF012 - read only


@fault("machine-empty", events="pull")
class _Machine(Attaches):
    """Does not say the name of its machine."""

    words = {"machine": ""}  # noqa: RUF012 - read only


@fault("user-empty")
class _User(Attaches):
    """Administers without the name of its user."""

    words = {"process_id": 0xFFFFFFFD, "domain_user": "", "machine": "CLIENT"}  # noqa: RUF012 - read only


@fault("machine-endpoint")
class _Endpoint(Attaches):
    """Administers with an endpoint in the name of its machine."""

    words = {"process_id": 0xFFFFFFFD, "domain_user": "somebody"}  # noqa: RUF012 - read only


@fault("stub-damaged")
class _Stub(TapiClient):
    """Sends stubs whose counts contradict each other."""

    async def open_transport(self, association: Any) -> Any:
        caller = await super().open_transport(association)
        reference = caller.association.call

        def call(method: Any, stub: bytes) -> int:
            if method.name == "ClientRequest" and not self.spoilt and self.handles.lines:
                self.spoilt = True
                place = 24 if caller.association.ndr64(method) else 20
                stub = stub[:place] + (4).to_bytes(4, "little") + stub[place + 4 :]
            return int(reference(method, stub))

        caller.association.call = call  # type: ignore[method-assign]
        return caller

    spoilt = False


# -- trying them -------------------------------------------------------------------------------------------------------

HALL: dict[str, Any] = {"settle": 0.05, "patience": 1.0}


class Score(NamedTuple):
    """What was found, and how much that took."""

    fault: Fault
    found: str
    summary: str
    packets: int
    seconds: float


async def score(one: Fault, wanted: Callable[[str], bool] = lambda name: True) -> Score:
    """Test one faulty client until something is found."""
    bed = ClientBed(plan=Plan(lines=2, phones=1, pace=0.02, step=0.05), **HALL)
    campaign = Campaign.of(Target.of("127.0.0.1:0"), CLIENT.values(), strict=True, budget=Budget(packets=WITHIN))
    iut = InProcess(one.events, client=one.client, script=one.script)
    begun = time.perf_counter()
    await run(campaign, bed, iut, wanted=wanted, until=lambda campaign: bool(campaign.failures))
    first = next(iter(campaign.failures), None)
    return Score(
        one,
        "" if first is None else first.requirement.id,
        "" if first is None else first.cause,
        campaign.budget.sent if first is None else first.found_after,
        time.perf_counter() - begun,
    )


def main(names: list[str]) -> int:
    """Print the table."""
    logging.disable(logging.CRITICAL)
    chosen = [one for one in FAULTS if not names or one.name in names]
    scores = []
    for one in chosen:
        found = asyncio.run(score(one))
        scores.append(found)
        sys.stderr.write(
            f"{one.name}: {found.found or 'MISSED'} {found.packets} {found.seconds:.1f} s {found.summary}\n"
        )
    sys.stdout.write("| fault: the client … | events | found as | packets |\n| --- | --- | --- | --- |\n")
    for found in scores:
        what = f"`{found.found}`" if found.found else "**missed**"
        sys.stdout.write(f"| {found.fault.summary} | {found.fault.events} | {what} | {found.packets:,} |\n")
    hits = sum(bool(found.found) for found in scores)
    most = max((found.packets for found in scores if found.found), default=0)
    sys.stdout.write(
        f"\n{hits} of {len(scores)} found ({100 * hits / max(len(scores), 1):.0f} %), each within {most:,} packets.\n"
    )
    return 0 if hits >= 0.97 * len(scores) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

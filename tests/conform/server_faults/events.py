"""One event late, doubled or lost."""

from __future__ import annotations

import functools
from typing import Any

from mstrp.live.server import server as server_module
from mstrp.live.server.attached import Attached
from mstrp.live.server.calls import Handle
from mstrp.live.server.delivery import Pull, Push
from mstrp.live.switch import Switch
from protocol import line, phone
from protocol.constants import LINECALLSTATE
from protocol.event import Reply
from protocol.events import (
    LINE_ADDRESSSTATE,
    LINE_APPNEWCALL,
    LINE_CALLINFO,
    LINE_CALLSTATE,
    LINE_LINEDEVSTATE,
    LINE_REPLY,
    PHONE_REPLY,
    PHONE_STATE,
)
from server_faults.fault import Fault, Kind, Parts, doubled, late, lost
from server_faults.rules import CALL, CLIENT, CONNECTED, LINE, PHONE

__all__ = ["EVENTS"]

S = LINECALLSTATE


def _is(*kinds: type[Any]) -> Any:
    return lambda client, event: isinstance(event, kinds)


def _state(*states: LINECALLSTATE) -> Any:
    return lambda client, event: isinstance(event, LINE_CALLSTATE) and event.call_state & 0xFFFFFF in states


def _reply_of(*requests: type[Any]) -> Any:
    """The completion of requests, by the ids that are pending."""

    def when(client: Any, event: Any) -> bool:
        return isinstance(event, Reply) and client.asked.get(event.completed_id) in requests

    return when


class _Remembers(Attached):
    """Which request an id stands for."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.asked: dict[int, type[Any]] = {}

    def _number(self, packet: Any) -> int:
        number = super()._number(packet)
        self.asked[number] = type(packet)
        return number


def _with_ids(parts: Parts) -> Parts:
    base = parts.client
    return Parts(client=type("Remembering", (base, _Remembers), {}))


def _lost(name: str, wrong: str, ids: tuple[str, ...], shortest: int, parts: Parts) -> Fault:
    return Fault(name, Kind.LOST, wrong, ids, shortest, parts)


def _doubled(name: str, wrong: str, ids: tuple[str, ...], shortest: int, parts: Parts) -> Fault:
    return Fault(name, Kind.DOUBLED, wrong, ids, shortest, parts)


def _late(name: str, wrong: str, ids: tuple[str, ...], shortest: int, parts: Parts) -> Fault:
    return Fault(name, Kind.LATE, wrong, ids, shortest, parts)


def _done(*requests: type[Any]) -> tuple[str, ...]:
    return tuple(f"DONE-{request.device}.{request.__name__}" for request in requests)


# -- later than they may be ---------------------------------------------------------------------------------------


class _StateBeforeHandle(Attached):
    """What happens to a call that is being made is told before the completion that brings its handle."""

    def _complete(self, pending: Any, result: Any, error: Any) -> None:
        call = None
        if type(pending.request) is line.MakeCall and error is None:
            calls = pending.opened.device.calls.values()
            call = next((one for one in calls if one.pending and one.state == 0), None)
        kept: list[Any] = []
        tell = self.tell
        if call is None:
            super()._complete(pending, result, error)
            return
        self.tell = kept.append  # type: ignore[method-assign,assignment]
        try:
            super()._complete(pending, result, error)
        finally:
            self.tell = tell  # type: ignore[method-assign]
        self.server.settled(call)
        for event in kept:
            self.tell(event)


class _AfterClose(server_module.Server):
    """LINE_LINEDEVSTATE of a line comes after it was closed."""

    def close_line(self, opened: Any) -> None:
        handles = list(opened.handles.values())
        super().close_line(opened)
        client = opened.client
        if not client.gone:
            for handle in handles:
                self.background(_afterwards(functools.partial(client.tell_state, handle)))


async def _afterwards(step: Any) -> None:
    import asyncio

    await asyncio.sleep(0.03)
    step()


class _AfterDeallocate(Attached):
    """LINE_CALLINFO for a call comes after DeallocateCall."""

    def release(self, handle: Handle, *, tell: bool = True) -> None:
        super().release(handle, tell=tell)
        if not self.gone:
            self.server.background(_afterwards(lambda: self.tell_info(handle, 1)))


class _ReplyAfterClose(server_module.Server):
    """What was asked of a line is completed after the line was closed."""

    def close_line(self, opened: Any) -> None:
        super().close_line(opened)
        client = opened.client
        if not client.gone:
            event = LINE_REPLY(
                init_context=opened.app.context, open_context=opened.context, request_id=0x7777, result=0
            )
            self.background(_afterwards(lambda: client.tell(event)))


class _InfoAfterIdle(Switch):
    """LINE_CALLINFO is told of a call that is idle."""

    def provider_init(self, sink: Any) -> None:
        super().provider_init(sink)
        clear = self.connections.clear

        def clear_and_report(party: Any) -> None:
            clear(party)
            if party.call is not None:
                for handle in tuple(party.call.handles):
                    handle.opened.client.tell_info(handle, 1)

        self.connections.clear = clear_and_report


class _EventsAfterDetach(server_module.Server):
    """The next client is told what was meant for the one before."""

    def end(self, client: Any, why: str) -> None:
        handles = list(client.handles.values())
        super().end(client, why)
        self.left = handles

    def _client_attach(self, connection: Any, call: Any) -> None:
        before = set(self.clients)
        super()._client_attach(connection, call)
        for context in set(self.clients) - before:
            client = self.clients[context]
            for handle in getattr(self, "left", ()):
                self.background(_afterwards(functools.partial(client.tell_state, handle)))


class _ReplyAfterRefusal(Attached):
    """A request that was refused is completed nevertheless."""

    def request(self, packet: Any) -> bytes:
        answer = super().request(packet)
        number = getattr(packet, "request_id", 0) or 0
        if answer[3:4] >= b"\x80" and type(packet).completion == "async" and 0 < number < 0x7FFFFFFF:
            self.server.later(lambda: self.tell(LINE_REPLY(request_id=number, result=0)))
        return answer


class _Unfetched(Pull):
    """GetAsyncEvents never brings anything."""

    def take(self, most: int) -> bytes:
        return b""


class _Unpushed(Push):
    """Events are never pushed."""

    def _send(self) -> None:
        self._scheduled = False


class _SlowPush(Push):
    """Every second buffer of events stays until the next one."""

    _turn = 0

    def put(self, event: bytes) -> None:
        self._turn += 1
        if self._turn % 2 and not self.closed:
            self._keep(event)
        else:
            super().put(event)


class _LastFirst(Push):
    """Events that wait together go out in the wrong order."""

    def take(self, most: int) -> bytes:
        self.queue.reverse()
        return super().take(most)


class _PushTwice(Push):
    """A buffer of events is pushed twice."""

    def take(self, most: int) -> bytes:
        found = super().take(most)
        return found + found


class _FetchTwice(Pull):
    """GetAsyncEvents brings what was fetched before once more."""

    _before = b""

    def take(self, most: int) -> bytes:
        found = super().take(most)
        before, self._before = self._before, found
        return found or (before if len(before) <= most else b"")


class _FetchFirst(Pull):
    """GetAsyncEvents brings one event and forgets the others."""

    def take(self, most: int) -> bytes:
        found = super().take(most)
        if not found:
            return found
        return found[: int.from_bytes(found[:4], "little")]


class _Announced(Attached):
    """Every LINE_CALLSTATE comes with a LINE_APPNEWCALL."""

    def tell_state(self, handle: Handle) -> None:
        handle.told = False
        super().tell_state(handle)


class _AnnouncedMade(Attached):
    """A call that the client made itself is announced as well."""

    def hold(self, call: Any, opened: Any, privilege: int, *, told: bool) -> Handle:
        return super().hold(call, opened, privilege, told=False)


class _NoDetach(Push):
    """RemoteSPDetach does not follow ClientDetach."""

    async def close(self) -> None:
        self.drop()
        self.abort()


EVENTS: tuple[Fault, ...] = (
    # Late.
    _late(
        "state before handle",
        "LINE_CALLSTATE comes before the completion that brings the handle of the call.",
        ("CALL-V03",),
        LINE + 1,
        Parts(client=_StateBeforeHandle),
    ),
    _late(
        "APPNEWCALL after LINE_CALLSTATE",
        "LINE_APPNEWCALL comes after the first LINE_CALLSTATE of its call.",
        ("CALL-V03", "CALL-V05"),
        LINE + 1,
        late(_is(LINE_APPNEWCALL)),
    ),
    _late(
        "state after Close",
        "LINE_CALLSTATE comes for a call whose line was closed.",
        ("CALL-V12",),
        CALL + 1,
        Parts(server=_AfterClose),
    ),
    _late(
        "CALLINFO after DeallocateCall",
        "LINE_CALLINFO comes for a call that was deallocated.",
        ("CALL-V12",),
        CALL + 1,
        Parts(client=_AfterDeallocate),
    ),
    _late(
        "reply after Close",
        "A line that was closed completes a request that nobody made.",
        ("CALL-V08",),
        LINE + 1,
        Parts(server=_ReplyAfterClose),
    ),
    _late(
        "CALLINFO after IDLE",
        "LINE_CALLINFO comes for a call that is idle.",
        ("CALL-V07",),
        CALL + 1,
        Parts(switch=_InfoAfterIdle),
    ),
    _late(
        "events of the client before",
        "A new client is told of the calls of the one before.",
        ("CALL-V03",),
        CALL + 3,
        Parts(server=_EventsAfterDetach),
    ),
    _late(
        "IDLE before DISCONNECTED",
        "DISCONNECTED is told after IDLE.",
        ("CALL-V01", "TOLD-STATE"),
        LINE + 3,
        late(_state(S.DISCONNECTED)),
    ),
    _late(
        "CONNECTED late",
        "CONNECTED is told after what comes next.",
        ("TOLD-STATE", "CALL-V01", "ROW-call-OFFERING-Answer"),
        CONNECTED + 1,
        late(_state(S.CONNECTED)),
    ),
    _late(
        "ONHOLD late",
        "ONHOLD is told two seconds after the call is held.",
        ("TOLD-STATE", "ROW-call-CONNECTED-Hold"),
        CONNECTED + 2,
        late(_state(S.ONHOLD), 2.0),
    ),
    _late(
        "IDLE late",
        "IDLE is told two seconds after the call is idle.",
        ("TOLD-STATE",),
        CALL + 2,
        late(_state(S.IDLE), 2.0),
    ),
    _late(
        "replies late",
        "LINE_REPLY comes two seconds after the request is done.",
        _done(line.Answer, line.Accept, line.Drop, line.Hold, line.Dial),
        CALL + 1,
        late(_is(LINE_REPLY), 2.0),
    ),
    _late(
        "pushes late",
        "Every second event stays until the next one comes.",
        ("TOLD-STATE", *_done(line.Answer, line.Accept, line.Drop, line.MakeCall), "ROW-call-OFFERING-Answer"),
        LINE + 1,
        Parts(push=_SlowPush),
    ),
    _late(
        "last event first",
        "Events that wait together are pushed the last one first.",
        ("CALL-V03", "CALL-V04", "CALL-V05", "TOLD-STATE", "CALL-V01"),
        LINE + 1,
        Parts(push=_LastFirst),
    ),
    _late(
        "reply after refusal",
        "A request that was refused is completed nevertheless.",
        ("CALL-ORDER-O01", "CALL-V08"),
        CLIENT + 1,
        Parts(client=_ReplyAfterRefusal),
    ),
    # Doubled.
    _doubled("replies doubled", "Every LINE_REPLY comes twice.", ("CALL-V08",), CALL + 1, doubled(_is(LINE_REPLY))),
    _doubled(
        "phone replies doubled", "Every PHONE_REPLY comes twice.", ("CALL-V08",), PHONE + 1, doubled(_is(PHONE_REPLY))
    ),
    _doubled(
        "MakeCall completed twice",
        "The completion of MakeCall comes twice.",
        ("CALL-V08",),
        LINE + 1,
        _with_ids(doubled(_reply_of(line.MakeCall))),
    ),
    _doubled(
        "SetUpTransfer completed twice",
        "The completion of SetUpTransfer comes twice.",
        ("CALL-V08",),
        CONNECTED + 1,
        _with_ids(doubled(_reply_of(line.SetUpTransfer))),
    ),
    _doubled(
        "DevSpecific completed twice",
        "The completion of DevSpecific comes twice.",
        ("CALL-V08",),
        LINE + 1,
        _with_ids(doubled(_reply_of(line.DevSpecific))),
    ),
    _doubled(
        "Park completed twice",
        "The completion of Park comes twice.",
        ("CALL-V08",),
        CONNECTED + 1,
        _with_ids(doubled(_reply_of(line.Park))),
    ),
    _doubled(
        "CreateAgent completed twice",
        "The completion of CreateAgent comes twice.",
        ("CALL-V08",),
        LINE + 1,
        _with_ids(doubled(_reply_of(line.CreateAgent))),
    ),
    _doubled(
        "APPNEWCALL doubled",
        "LINE_APPNEWCALL comes twice.",
        ("CALL-V05", "CALL-V04"),
        LINE + 1,
        doubled(_is(LINE_APPNEWCALL)),
    ),
    _doubled(
        "every call announced anew",
        "LINE_APPNEWCALL comes with every LINE_CALLSTATE.",
        ("CALL-V05",),
        LINE + 1,
        Parts(client=_Announced),
    ),
    _doubled(
        "own calls announced",
        "LINE_APPNEWCALL comes for a call that the client has made itself.",
        ("CALL-V05",),
        LINE + 1,
        Parts(client=_AnnouncedMade),
    ),
    _doubled(
        "buffers pushed twice",
        "Each buffer of events is pushed twice.",
        ("CALL-V08", "CALL-V05"),
        LINE + 1,
        Parts(push=_PushTwice),
    ),
    _doubled(
        "events fetched twice",
        "GetAsyncEvents brings events once more that were fetched before.",
        ("CALL-V08", "CALL-V05", "CALL-V01"),
        LINE + 3,
        Parts(pull=_FetchTwice),
    ),
    # Lost.
    _lost(
        "replies lost",
        "LINE_REPLY never comes.",
        _done(line.Accept, line.Answer, line.Drop),
        CALL + 1,
        lost(_is(LINE_REPLY)),
    ),
    _lost(
        "phone replies lost",
        "PHONE_REPLY never comes.",
        _done(
            phone.SetLamp,
            phone.SetRing,
            phone.SetGain,
            phone.SetDisplay,
            phone.SetData,
            phone.SetHookSwitch,
            phone.SetButtonInfo,
            phone.SetVolume,
        ),
        PHONE + 1,
        lost(_is(PHONE_REPLY)),
    ),
    *(
        _lost(
            f"{request.__name__} not completed",
            f"The completion of {request.__name__} never comes.",
            _done(request),
            before + 1,
            _with_ids(lost(_reply_of(request))),
        )
        for request, before in (
            (line.MakeCall, LINE),
            (line.SetUpTransfer, CONNECTED),
            (line.SetUpConference, CONNECTED),
            (line.CompleteTransfer, CONNECTED + 2),
            (line.Park, CONNECTED),
            (line.UnPark, CONNECTED + 1),
            (line.Forward, LINE),
            (line.DevSpecific, LINE),
            (line.CreateAgent, LINE),
            (line.Drop, CALL),
            (line.SendUserUserInfo, CONNECTED),
            (line.SwapHold, CONNECTED + 3),
        )
    ),
    _lost(
        "states lost",
        "LINE_CALLSTATE never comes.",
        ("CALL-ORDER-O12", "CALL-V04"),
        LINE + 1,
        lost(_is(LINE_CALLSTATE)),
    ),
    *(
        _lost(
            f"{state.name} lost",
            f"LINE_CALLSTATE never tells {state.name}.",
            ids,
            shortest,
            lost(_state(state)),
        )
        for state, ids, shortest in (
            (S.OFFERING, ("CALL-V04",), LINE + 1),
            (S.ACCEPTED, ("TOLD-STATE", "ROW-call-OFFERING-Accept"), CALL + 2),
            (S.CONNECTED, ("TOLD-STATE", "ROW-call-OFFERING-Answer"), CALL + 2),
            (S.ONHOLD, ("TOLD-STATE", "ROW-call-CONNECTED-Hold"), CONNECTED + 2),
            (S.IDLE, ("TOLD-STATE",), CALL + 2),
            (S.DIALTONE, ("TOLD-STATE", "CALL-ORDER-O12"), LINE + 2),
            (S.ONHOLDPENDTRANSFER, ("TOLD-STATE", "ROW-call-CONNECTED-SetUpTransfer"), CONNECTED + 2),
            (S.CONFERENCED, ("TOLD-STATE", "ROW-call-CONNECTED-SetUpConference"), CONNECTED + 2),
            (S.DISCONNECTED, ("TOLD-STATE",), CONNECTED + 2),
            (S.RINGBACK, ("TOLD-STATE",), LINE + 2),
        )
    ),
    _lost(
        "APPNEWCALL lost",
        "LINE_APPNEWCALL never comes.",
        ("CALL-V03",),
        LINE + 1,
        lost(_is(LINE_APPNEWCALL)),
    ),
    _lost(
        "CALLINFO lost",
        "LINE_CALLINFO never comes, whatever is set.",
        ("TRUE-call-info-told",),
        CALL + 1,
        lost(_is(LINE_CALLINFO)),
    ),
    _lost(
        "LINEDEVSTATE lost",
        "LINE_LINEDEVSTATE never comes, although SetStatusMessages asked for it.",
        ("TRUE-line-state-told",),
        LINE + 2,
        lost(_is(LINE_LINEDEVSTATE)),
    ),
    _lost(
        "ADDRESSSTATE lost",
        "LINE_ADDRESSSTATE never comes, although SetStatusMessages asked for it.",
        ("TRUE-address-state-told",),
        LINE + 2,
        lost(_is(LINE_ADDRESSSTATE)),
    ),
    _lost(
        "PHONE_STATE lost",
        "PHONE_STATE never comes, although SetStatusMessages asked for it.",
        ("TRUE-phone-state-told",),
        PHONE + 2,
        lost(_is(PHONE_STATE)),
    ),
    _lost(
        "nothing fetched",
        "GetAsyncEvents never brings an event.",
        ("TRP-3.1.4.1-04", *_done(line.MakeCall)),
        LINE + 2,
        Parts(pull=_Unfetched),
    ),
    _lost(
        "first event fetched",
        "GetAsyncEvents brings one event of those that wait and forgets the others.",
        ("TOLD-STATE", "CALL-V04", "TRP-3.1.4.1-04", "CALL-ORDER-O12", *_done(line.MakeCall, line.Answer)),
        LINE + 2,
        Parts(pull=_FetchFirst),
    ),
    _lost(
        "nothing pushed",
        "Events are never pushed.",
        ("TRP-3.1.4.1-05", *_done(line.MakeCall)),
        LINE + 1,
        Parts(push=_Unpushed),
    ),
    _lost(
        "RemoteSPDetach lost",
        "RemoteSPDetach does not follow ClientDetach.",
        ("TRP-3.1.4.3-02",),
        CLIENT + 1,
        Parts(push=_NoDetach),
    ),
)

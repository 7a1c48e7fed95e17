"""Stimuli with replies, states and ends: what comes early, late, twice or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mstrp.conform.client.stimulus import Expectation, NotPossible, Stimulus
from protocol.constants import LINECALLPRIVILEGE, LINECALLSTATE, LINEERR, LINEMEDIAMODE
from protocol.events import LINE_CALLSTATE, LINE_LINEDEVSTATE, LINE_REPLY, PHONE_REPLY
from protocol.fields import Handle, HandleType

if TYPE_CHECKING:
    from mstrp.conform.client.stimulus import Injection
    from protocol.event import Event

__all__ = ["REPLIES"]

_S = LINECALLSTATE
_LINE, _PHONE = "TRP-3.3.4.2-M00C-01", "TRP-3.3.4.2-M011-01"
_OWNER = int(LINECALLPRIVILEGE.OWNER)
_VOICE = int(LINEMEDIAMODE.INTERACTIVEVOICE)
#: How long an answer is held back at the most.
_HELD = 1.5


def _reply(injection: Injection, number: int, result: int = 0) -> Event:
    kind = PHONE_REPLY if injection.packet.device == "phone" else LINE_REPLY
    opened: Any = injection._opened  # noqa: SLF001 - some requests are about no line
    contexts = {} if opened is None else {"init_context": injection.init, "open_context": opened.context}
    return kind(**contexts, request_id=number, result=result)


def _unused(injection: Injection) -> int:
    return injection.number + 0x5000


async def _unknown(injection: Injection) -> None:
    await injection.sneak(_reply(injection, _unused(injection)))


async def _unknown_failed(injection: Injection) -> None:
    await injection.sneak(_reply(injection, _unused(injection), int(LINEERR.OPERATIONFAILED)))


async def _unknown_call(injection: Injection) -> None:
    """A completion with a call for an id that the client never used."""
    packet = injection.packet
    kind: Any = type(packet).Completion
    given: dict[str, Any] = {}
    for field in kind.layout.fields:
        if isinstance(field, Handle) and field.type is HandleType.HCALL:
            given[field.name] = injection.mark(source="a reply with a request id that is not its own")
    contexts = {"init_context": injection.init, "open_context": injection.opened.context}
    await injection.sneak(kind(**contexts, **given, request_id=_unused(injection)))


async def _repeated(injection: Injection) -> None:
    """A completion comes a second time, with another call."""
    await injection.drained()
    event = injection.packet
    words = list(event.words)
    for field in event.layout.fields:
        if isinstance(field, Handle) and field.type is HandleType.HCALL and field.index < len(words):
            words[field.index] = injection.mark(source="a second reply to one request")
    data = b"".join(word.to_bytes(4, "little") for word in words) + event.encode()[4 * len(words) :]
    await injection.sneak(data)


async def _again(injection: Injection) -> None:
    """A reply comes a second time, as a failure."""
    await injection.drained()
    event = injection.packet
    data = event.encode()
    await injection.sneak(data[:28] + int(LINEERR.OPERATIONFAILED).to_bytes(4, "little") + data[32:])


async def _first(injection: Injection) -> None:
    """The answer waits until the completion is with the client."""
    waited = await injection.until(lambda: injection.number not in injection.client.pending, _HELD)
    if waited:
        await injection.drained()


async def _opening(injection: Injection) -> None:
    """Events about a line come before the answer that says that it is open."""
    opened = injection.opened
    await injection.sneak(
        LINE_LINEDEVSTATE(
            init_context=injection.init, open_context=opened.context, remote_line=opened.remote, device_states=0x10
        )
    )


# -- states ------------------------------------------------------------------------------------------------------------


def _state(injection: Injection, state: int, mode: int = 0) -> Event:
    opened = injection.opened
    return LINE_CALLSTATE(
        init_context=injection.init,
        open_context=opened.context,
        remote_line=opened.remote,
        call=injection.handle.value,
        mode=mode,
        call_state=int(state),
        privilege=_OWNER,
        media_mode=_VOICE,
    )


async def _same(injection: Injection) -> None:
    await injection.tell(_state(injection, _S.CONNECTED, 1), _state(injection, _S.CONNECTED, 1))


async def _uncertain(injection: Injection) -> None:
    await injection.tell(_state(injection, _S.UNKNOWN), _state(injection, _S.CONNECTED, 1))


async def _hung_up(injection: Injection) -> None:
    """The other side goes away at once."""
    switch: Any = injection.server.provider
    remote = switch.connections.party(injection.handle.call).remote
    if remote is None or remote.call is not None:
        raise NotPossible("the other side is no telephone of the switch")
    switch.routing.hang_up(remote)


async def _late_state(injection: Injection) -> None:
    """What was under way when the call was deallocated."""
    value = injection.handle.value
    injection.session.mark(value, "TAKES-late-state", "a LINE_CALLSTATE after it had deallocated the call")
    await injection.sneak(_state(injection, _S.IDLE))


# -- ends --------------------------------------------------------------------------------------------------------------


async def _close_line(injection: Injection) -> None:
    # What is pending is completed before the line is closed (Q13).
    await injection.until(lambda: not injection.client.pending)
    injection.server.reports.line_close(injection.opened.device.number)
    await injection.drained()


async def _close_phone(injection: Injection) -> None:
    await injection.until(lambda: not injection.client.pending)
    injection.server.reports.phone_close(injection.opened.device.number)
    await injection.drained()


async def _lose(injection: Injection) -> None:
    """The connection breaks."""
    injection.session.cut = True
    injection.remark("the connection breaks")
    for connection in list(injection.client.connections):
        connection.abort()
    await asyncio.sleep(0)


REPLIES: tuple[Stimulus, ...] = (
    Stimulus(
        "reply-unknown",
        (_LINE,),
        "LINE_REPLY with an id that no request has",
        "pending",
        _unknown,
        shown="requests",
        first=True,
    ),
    Stimulus(
        "reply-unknown-failed",
        (_LINE,),
        "a failed LINE_REPLY with an id that no request has",
        "pending",
        _unknown_failed,
        shown="requests",
        first=True,
    ),
    Stimulus(
        "reply-unknown-call",
        (_LINE,),
        "a completion with a call, for an id that no request has",
        "making",
        _unknown_call,
        shown="requests",
        first=True,
    ),
    Stimulus(
        "reply-repeated-call",
        (_LINE,),
        "a completion a second time, with another call",
        "made",
        _repeated,
        shown="requests",
    ),
    Stimulus(
        "reply-repeated",
        (_LINE,),
        "a reply a second time, this time a failure",
        "completed",
        _again,
        shown="requests",
    ),
    Stimulus(
        "phone-reply-unknown",
        (_PHONE,),
        "PHONE_REPLY with an id that no request has",
        "phone pending",
        _unknown,
        shown="requests",
        first=True,
    ),
    Stimulus(
        "phone-reply-failed",
        (_PHONE,),
        "a failed PHONE_REPLY with an id that no request has",
        "phone pending",
        _unknown_failed,
        shown="requests",
        first=True,
    ),
    Stimulus(
        "reply-first",
        ("TAKES-reply-first",),
        "replies before the answers that name their ids",
        "accepting",
        _first,
        Expectation.TAKE,
        models=("push",),
        always=True,
    ),
    Stimulus(
        "open-first",
        ("TAKES-open-first",),
        "an event about a line before the answer to Open",
        "opening",
        _opening,
        Expectation.TAKE,
        models=("push",),
    ),
    Stimulus("state-again", ("TAKES-state-again",), "a state that is told again", "connected", _same, Expectation.TAKE),
    Stimulus(
        "state-unknown",
        ("TAKES-state-unknown",),
        "a call that is unknown for a moment",
        "connected",
        _uncertain,
        Expectation.TAKE,
    ),
    Stimulus(
        "hung-up", ("ENDS-offering",), "a call that ends before it is answered", "offering", _hung_up, Expectation.END
    ),
    Stimulus(
        "hung-up-connected",
        ("ENDS-connected",),
        "a call that ends while it is connected",
        "connected",
        _hung_up,
        Expectation.END,
    ),
    Stimulus(
        "late-state",
        ("TAKES-late-state",),
        "a state of a call that the client has deallocated",
        "deallocated",
        _late_state,
        Expectation.TAKE,
    ),
    Stimulus(
        "line-forced", ("ENDS-line",), "a line that is closed by force", "connected", _close_line, Expectation.END
    ),
    Stimulus(
        "phone-forced", ("ENDS-phone",), "a phone that is closed by force", "phone", _close_phone, Expectation.END
    ),
    Stimulus("lost", ("ENDS-connection",), "a connection that breaks", "connected", _lose, Expectation.END),
)

"""Stimuli with events that name what the client does not have (3.3.4.2): each is to be dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.client.buffers import offered
from mstrp.conform.client.stimulus import NotPossible, Stimulus
from protocol import events
from protocol.constants import LINECALLPRIVILEGE, LINECALLSTATE, LINEMEDIAMODE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.client.stimulus import Injection
    from protocol.event import Event

__all__ = ["UNKNOWN_DEVICES"]

_IDLE = int(LINECALLSTATE.IDLE)
_OWNER = int(LINECALLPRIVILEGE.OWNER)
_VOICE = int(LINEMEDIAMODE.INTERACTIVEVOICE)
#: What the events about lines, calls and phones bring, by the word that names their line or phone.
_OF_LINES: tuple[tuple[type[Event], dict[str, int]], ...] = (
    (events.LINE_ADDRESSSTATE, {"address_states": 0x8}),
    (events.LINE_LINEDEVSTATE, {"device_states": 0x10}),
    (events.LINE_AGENTSTATUS, {"changes": 1, "agent_state": 1}),
    (events.LINE_AGENTSESSIONSTATUS, {"agent_session": 1, "changes": 1}),
    (events.LINE_QUEUESTATUS, {"queue_id": 1, "changes": 1}),
    (events.LINE_AGENTSTATUSEX, {"agent": 1, "changes": 1}),
    (events.LINE_GROUPSTATUS, {}),
    (events.LINE_PROXYSTATUS, {"changes": 1, "request_type": 1}),
    (events.LINE_CLOSE, {}),
)
_OF_CALLS: tuple[tuple[type[Event], dict[str, int]], ...] = (
    (events.LINE_CALLINFO, {"changes": 0x10}),
    (events.LINE_CALLSTATE, {"call_state": _IDLE, "privilege": _OWNER, "media_mode": _VOICE}),
    (events.LINE_GENERATE, {}),
    (events.LINE_MONITORDIGITS, {}),
    (events.LINE_MONITORMEDIA, {}),
    (events.LINE_MONITORTONE, {}),
)
_OF_EITHER: tuple[type[Event], ...] = (
    events.LINE_DEVSPECIFIC,
    events.LINE_DEVSPECIFICFEATURE,
    events.LINE_AGENTSPECIFIC,
)
_OF_PHONES: tuple[tuple[type[Event], str, dict[str, int]], ...] = (
    (events.PHONE_BUTTON, "remote_phone", {"button_mode": 1, "button_state": 1}),
    (events.PHONE_CLOSE, "remote_phone", {}),
    (events.PHONE_STATE, "remote_phone", {"phone_states": 0x10}),
    (events.PHONE_DEVSPECIFIC, "device_handle", {}),
)


def _rule(event: type[Event], bullet: str = "01") -> str:
    return f"TRP-3.3.4.2-M{event.msg:03X}-{bullet}"


def _pair(make: Callable[[Injection, int], Event]) -> tuple[Callable[[Injection], Awaitable[None]], ...]:
    """An event with a device of nobody, and the same with the client's own."""

    async def act(injection: Injection) -> None:
        await injection.sneak(make(injection, injection.unknown_handle()))

    async def control(injection: Injection) -> None:
        await injection.sneak(make(injection, injection.opened.remote))

    return act, control


def _made(event: type[Event], contexts: dict[str, int], **given: Any) -> Event:
    return event(**contexts, **given)


def _contexts(injection: Injection) -> dict[str, int]:
    return {"init_context": injection.init, "open_context": injection.opened.context}


def _name(event: type[Event]) -> str:
    return event.__name__.replace("LINE_", "").replace("_", "-").lower()


def _line(event: type[Event], given: dict[str, int]) -> Stimulus:
    act, control = _pair(lambda injection, remote: _made(event, _contexts(injection), remote_line=remote, **given))
    summary = f"{event.__name__} with an hRemoteLine that the client does not have"
    return Stimulus(f"line-{_name(event)}", (_rule(event),), summary, "line", act, control=control)


def _call(event: type[Event], given: dict[str, int]) -> Stimulus:
    act, control = _pair(
        lambda injection, remote: (
            _made(event, _contexts(injection), remote_line=remote, call=injection.handle.value, **given)
            if "call" in event.layout.by_name
            else _made(event, _contexts(injection), remote_line=remote, device_handle=injection.handle.value, **given)
        )
    )
    summary = f"{event.__name__} about a call of the client, with an hRemoteLine that it does not have"
    return Stimulus(f"call-{_name(event)}", (_rule(event),), summary, "connected", act, control=control)


def _either(event: type[Event]) -> tuple[Stimulus, Stimulus]:
    ofcall, ofcall_control = _pair(
        lambda injection, remote: _made(
            event, _contexts(injection), device_handle=injection.handle.value, remote_line=remote
        )
    )
    ofline, ofline_control = _pair(lambda injection, remote: _made(event, _contexts(injection), device_handle=remote))
    name = event.__name__
    return (
        Stimulus(
            f"call-{_name(event)}",
            (_rule(event),),
            f"{name} about a call of the client, with a Param4 that is no line of it",
            "connected",
            ofcall,
            control=ofcall_control,
        ),
        Stimulus(
            f"line-{_name(event)}",
            (_rule(event, "02"),),
            f"{name} with an hDevice that the client does not have",
            "line",
            ofline,
            control=ofline_control,
        ),
    )


def _phone(event: type[Event], word: str, given: dict[str, int]) -> Stimulus:
    act, control = _pair(lambda injection, remote: _made(event, _contexts(injection), **{word: remote}, **given))
    summary = f"{event.__name__} with an hRemotePhone that the client does not have"
    return Stimulus(_name(event), (_rule(event),), summary, "phone", act, control=control)


def _removal(event: type[Event], when: str) -> Stimulus:
    async def act(injection: Injection) -> None:
        device = injection.mark(source=f"{event.__name__} about a device that does not exist")
        await injection.sneak(_made(event, {"init_context": injection.init}, device_id=device))

    async def control(injection: Injection) -> None:
        await injection.sneak(_made(event, {"init_context": injection.init}, device_id=0))

    summary = f"{event.__name__} with a device that does not exist"
    return Stimulus(f"{_name(event)}-unknown", (_rule(event),), summary, when, act, control=control)


# -- calls that nobody has ---------------------------------------------------------------------------------------------


async def _foreign_init(injection: Injection) -> None:
    await injection.sneak(*offered(injection, injection.mark(), init=injection.unknown_handle()))


async def _foreign_state(injection: Injection) -> None:
    await injection.sneak(_idle(injection, init=injection.unknown_handle()))


async def _own_state(injection: Injection) -> None:
    await injection.sneak(_idle(injection))


def _idle(injection: Injection, init: int | None = None) -> Event:
    opened = injection.opened
    return events.LINE_CALLSTATE(
        init_context=injection.init if init is None else init,
        open_context=opened.context,
        remote_line=opened.remote,
        call=injection.handle.value,
        call_state=_IDLE,
        privilege=_OWNER,
        media_mode=_VOICE,
    )


async def _foreign_line(injection: Injection) -> None:
    await injection.sneak(*offered(injection, injection.mark(), remote=injection.unknown_handle()))


async def _announced(injection: Injection) -> None:
    """The announcement names a line of nobody; the state that follows is about the same call and line."""
    new, _ = offered(injection, injection.mark(), remote=injection.unknown_handle())
    await injection.sneak(new)


async def _only_state(injection: Injection) -> None:
    _, state = offered(injection, injection.mark(), remote=injection.unknown_handle())
    await injection.sneak(state)


async def _closed_line(injection: Injection) -> None:
    if injection.opened.app.version < 0x00020000:
        raise NotPossible("the client agreed on a version below 2.0")
    await injection.sneak(*offered(injection, injection.mark()))


async def _closed_own(injection: Injection) -> None:
    """The forced end of a line that is closed already."""
    opened = injection.opened
    await injection.sneak(
        events.LINE_CLOSE(init_context=injection.init, open_context=opened.context, remote_line=opened.remote)
    )


_M017, _M002 = _rule(events.LINE_APPNEWCALL), _rule(events.LINE_CALLSTATE)

UNKNOWN_DEVICES: tuple[Stimulus, ...] = (
    Stimulus(
        "init-foreign",
        ("TRP-3.3.4.2-GEN-04",),
        "a call that is announced under an InitContext that the client did not give",
        "line",
        _foreign_init,
        shown="calls",
    ),
    Stimulus(
        "init-foreign-state",
        ("TRP-3.3.4.2-GEN-04",),
        "LINE_CALLSTATE idle about a call of the client, under an InitContext that it did not give",
        "connected",
        _foreign_state,
        control=_own_state,
    ),
    Stimulus(
        "line-newcall",
        (_M017, _M002),
        "a call that is announced with an hRemoteLine that the client does not have",
        "line",
        _foreign_line,
        shown="calls",
    ),
    Stimulus(
        "line-newcall-alone",
        (_M017,),
        "LINE_APPNEWCALL with an hRemoteLine that the client does not have",
        "line",
        _announced,
        shown="calls",
    ),
    Stimulus(
        "line-newstate",
        (_M002,),
        "LINE_CALLSTATE of a call that nobody announced, with an hRemoteLine that the client does not have",
        "line",
        _only_state,
        shown="calls",
    ),
    Stimulus(
        "closed-newcall",
        (_M017, _M002),
        "a call that is announced on a line that the client has closed",
        "closed",
        _closed_line,
        shown="calls",
    ),
    Stimulus(
        "closed-close",
        (_rule(events.LINE_CLOSE),),
        "LINE_CLOSE for a line that the client has closed",
        "closed",
        _closed_own,
        shown="requests",
    ),
    *(_line(event, given) for event, given in _OF_LINES),
    *(_call(event, given) for event, given in _OF_CALLS),
    *(stimulus for event in _OF_EITHER for stimulus in _either(event)),
    *(_phone(event, word, given) for event, word, given in _OF_PHONES),
    _removal(events.LINE_REMOVE, "line"),
    _removal(events.PHONE_REMOVE, "phone"),
)

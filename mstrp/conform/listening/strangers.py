"""Provocations with events that name what the client does not have (3.3.4.2): each is to be dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.listening.buffers import offered
from mstrp.conform.listening.provocation import Provocation, Unfit
from protocol import events
from protocol.constants import LINECALLPRIVILEGE, LINECALLSTATE, LINEMEDIAMODE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.listening.provocation import Scene
    from protocol.event import Event

__all__ = ["STRANGERS"]

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


def _pair(make: Callable[[Scene, int], Event]) -> tuple[Callable[[Scene], Awaitable[None]], ...]:
    """An event with a device of nobody, and the same with the client's own."""

    async def act(scene: Scene) -> None:
        await scene.sneak(make(scene, scene.stranger()))

    async def control(scene: Scene) -> None:
        await scene.sneak(make(scene, scene.opened.remote))

    return act, control


def _made(event: type[Event], contexts: dict[str, int], **given: Any) -> Event:
    return event(**contexts, **given)


def _contexts(scene: Scene) -> dict[str, int]:
    return {"init_context": scene.init, "open_context": scene.opened.context}


def _name(event: type[Event]) -> str:
    return event.__name__.replace("LINE_", "").replace("_", "-").lower()


def _line(event: type[Event], given: dict[str, int]) -> Provocation:
    act, control = _pair(lambda scene, remote: _made(event, _contexts(scene), remote_line=remote, **given))
    summary = f"{event.__name__} with an hRemoteLine that the client does not have"
    return Provocation(f"line-{_name(event)}", (_rule(event),), summary, "line", act, control=control)


def _call(event: type[Event], given: dict[str, int]) -> Provocation:
    act, control = _pair(
        lambda scene, remote: (
            _made(event, _contexts(scene), remote_line=remote, call=scene.handle.value, **given)
            if "call" in event.layout.by_name
            else _made(event, _contexts(scene), remote_line=remote, device_handle=scene.handle.value, **given)
        )
    )
    summary = f"{event.__name__} about a call of the client, with an hRemoteLine that it does not have"
    return Provocation(f"call-{_name(event)}", (_rule(event),), summary, "connected", act, control=control)


def _either(event: type[Event]) -> tuple[Provocation, Provocation]:
    ofcall, ofcall_control = _pair(
        lambda scene, remote: _made(event, _contexts(scene), device_handle=scene.handle.value, remote_line=remote)
    )
    ofline, ofline_control = _pair(lambda scene, remote: _made(event, _contexts(scene), device_handle=remote))
    name = event.__name__
    return (
        Provocation(
            f"call-{_name(event)}",
            (_rule(event),),
            f"{name} about a call of the client, with a Param4 that is no line of it",
            "connected",
            ofcall,
            control=ofcall_control,
        ),
        Provocation(
            f"line-{_name(event)}",
            (_rule(event, "02"),),
            f"{name} with an hDevice that the client does not have",
            "line",
            ofline,
            control=ofline_control,
        ),
    )


def _phone(event: type[Event], word: str, given: dict[str, int]) -> Provocation:
    act, control = _pair(lambda scene, remote: _made(event, _contexts(scene), **{word: remote}, **given))
    summary = f"{event.__name__} with an hRemotePhone that the client does not have"
    return Provocation(_name(event), (_rule(event),), summary, "phone", act, control=control)


def _removal(event: type[Event], when: str) -> Provocation:
    async def act(scene: Scene) -> None:
        device = scene.bait(source=f"{event.__name__} about a device that does not exist")
        await scene.sneak(_made(event, {"init_context": scene.init}, device_id=device))

    async def control(scene: Scene) -> None:
        await scene.sneak(_made(event, {"init_context": scene.init}, device_id=0))

    summary = f"{event.__name__} with a device that does not exist"
    return Provocation(f"{_name(event)}-unknown", (_rule(event),), summary, when, act, control=control)


# -- calls that nobody has ---------------------------------------------------------------------------------------------


async def _foreign_init(scene: Scene) -> None:
    await scene.sneak(*offered(scene, scene.bait(), init=scene.stranger()))


async def _foreign_state(scene: Scene) -> None:
    await scene.sneak(_idle(scene, init=scene.stranger()))


async def _own_state(scene: Scene) -> None:
    await scene.sneak(_idle(scene))


def _idle(scene: Scene, init: int | None = None) -> Event:
    opened = scene.opened
    return events.LINE_CALLSTATE(
        init_context=scene.init if init is None else init,
        open_context=opened.context,
        remote_line=opened.remote,
        call=scene.handle.value,
        call_state=_IDLE,
        privilege=_OWNER,
        media_mode=_VOICE,
    )


async def _foreign_line(scene: Scene) -> None:
    await scene.sneak(*offered(scene, scene.bait(), remote=scene.stranger()))


async def _announced(scene: Scene) -> None:
    """The announcement names a line of nobody; the state that follows is about the same call and line."""
    new, _ = offered(scene, scene.bait(), remote=scene.stranger())
    await scene.sneak(new)


async def _only_state(scene: Scene) -> None:
    _, state = offered(scene, scene.bait(), remote=scene.stranger())
    await scene.sneak(state)


async def _closed_line(scene: Scene) -> None:
    if scene.opened.app.version < 0x00020000:
        raise Unfit("the client agreed on a version below 2.0")
    await scene.sneak(*offered(scene, scene.bait()))


async def _closed_own(scene: Scene) -> None:
    """The forced end of a line that is closed already."""
    opened = scene.opened
    await scene.sneak(
        events.LINE_CLOSE(init_context=scene.init, open_context=opened.context, remote_line=opened.remote)
    )


_M017, _M002 = _rule(events.LINE_APPNEWCALL), _rule(events.LINE_CALLSTATE)

STRANGERS: tuple[Provocation, ...] = (
    Provocation(
        "init-foreign",
        ("TRP-3.3.4.2-GEN-04",),
        "a call that is announced under an InitContext that the client did not give",
        "line",
        _foreign_init,
        shown="calls",
    ),
    Provocation(
        "init-foreign-state",
        ("TRP-3.3.4.2-GEN-04",),
        "LINE_CALLSTATE idle about a call of the client, under an InitContext that it did not give",
        "connected",
        _foreign_state,
        control=_own_state,
    ),
    Provocation(
        "line-newcall",
        (_M017, _M002),
        "a call that is announced with an hRemoteLine that the client does not have",
        "line",
        _foreign_line,
        shown="calls",
    ),
    Provocation(
        "line-newcall-alone",
        (_M017,),
        "LINE_APPNEWCALL with an hRemoteLine that the client does not have",
        "line",
        _announced,
        shown="calls",
    ),
    Provocation(
        "line-newstate",
        (_M002,),
        "LINE_CALLSTATE of a call that nobody announced, with an hRemoteLine that the client does not have",
        "line",
        _only_state,
        shown="calls",
    ),
    Provocation(
        "closed-newcall",
        (_M017, _M002),
        "a call that is announced on a line that the client has closed",
        "closed",
        _closed_line,
        shown="calls",
    ),
    Provocation(
        "closed-close",
        (_rule(events.LINE_CLOSE),),
        "LINE_CLOSE for a line that the client has closed",
        "closed",
        _closed_own,
        shown="requests",
    ),
    *(_line(event, given) for event, given in _OF_LINES),
    *(_call(event, given) for event, given in _OF_CALLS),
    *(provocation for event in _OF_EITHER for provocation in _either(event)),
    *(_phone(event, word, given) for event, word, given in _OF_PHONES),
    _removal(events.LINE_REMOVE, "line"),
    _removal(events.PHONE_REMOVE, "phone"),
)

"""Provocations with replies, states and ends: what comes early, late, twice or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mstrp.conform.listening.provocation import Expect, Provocation, Unfit
from protocol.constants import LINECALLPRIVILEGE, LINECALLSTATE, LINEERR, LINEMEDIAMODE
from protocol.events import LINE_CALLSTATE, LINE_LINEDEVSTATE, LINE_REPLY, PHONE_REPLY
from protocol.fields import Handle, HandleType

if TYPE_CHECKING:
    from mstrp.conform.listening.provocation import Scene
    from protocol.event import Event

__all__ = ["REPLIES"]

_S = LINECALLSTATE
_LINE, _PHONE = "TRP-3.3.4.2-M00C-01", "TRP-3.3.4.2-M011-01"
_OWNER = int(LINECALLPRIVILEGE.OWNER)
_VOICE = int(LINEMEDIAMODE.INTERACTIVEVOICE)
#: How long an answer is held back at the most.
_HELD = 1.5


def _reply(scene: Scene, number: int, result: int = 0) -> Event:
    kind = PHONE_REPLY if scene.packet.device == "phone" else LINE_REPLY
    opened: Any = scene._opened  # noqa: SLF001 - some requests are about no line
    contexts = {} if opened is None else {"init_context": scene.init, "open_context": opened.context}
    return kind(**contexts, request_id=number, result=result)


def _unused(scene: Scene) -> int:
    return scene.number + 0x5000


async def _unknown(scene: Scene) -> None:
    await scene.sneak(_reply(scene, _unused(scene)))


async def _unknown_failed(scene: Scene) -> None:
    await scene.sneak(_reply(scene, _unused(scene), int(LINEERR.OPERATIONFAILED)))


async def _unknown_call(scene: Scene) -> None:
    """A completion with a call for an id that the client never used."""
    packet = scene.packet
    kind: Any = type(packet).Completion
    given: dict[str, Any] = {}
    for field in kind.layout.fields:
        if isinstance(field, Handle) and field.type is HandleType.HCALL:
            given[field.name] = scene.bait(source="a reply with a request id that is not its own")
    contexts = {"init_context": scene.init, "open_context": scene.opened.context}
    await scene.sneak(kind(**contexts, **given, request_id=_unused(scene)))


async def _repeated(scene: Scene) -> None:
    """A completion comes a second time, with another call."""
    await scene.drained()
    event = scene.packet
    words = list(event.words)
    for field in event.layout.fields:
        if isinstance(field, Handle) and field.type is HandleType.HCALL and field.index < len(words):
            words[field.index] = scene.bait(source="a second reply to one request")
    data = b"".join(word.to_bytes(4, "little") for word in words) + event.encode()[4 * len(words) :]
    await scene.sneak(data)


async def _again(scene: Scene) -> None:
    """A reply comes a second time, as a failure."""
    await scene.drained()
    event = scene.packet
    data = event.encode()
    await scene.sneak(data[:28] + int(LINEERR.OPERATIONFAILED).to_bytes(4, "little") + data[32:])


async def _first(scene: Scene) -> None:
    """The answer waits until the completion is with the client."""
    waited = await scene.until(lambda: scene.number not in scene.client.pending, _HELD)
    if waited:
        await scene.drained()


async def _opening(scene: Scene) -> None:
    """Events about a line come before the answer that says that it is open."""
    opened = scene.opened
    await scene.sneak(
        LINE_LINEDEVSTATE(
            init_context=scene.init, open_context=opened.context, remote_line=opened.remote, device_states=0x10
        )
    )


# -- states ------------------------------------------------------------------------------------------------------------


def _state(scene: Scene, state: int, mode: int = 0) -> Event:
    opened = scene.opened
    return LINE_CALLSTATE(
        init_context=scene.init,
        open_context=opened.context,
        remote_line=opened.remote,
        call=scene.handle.value,
        mode=mode,
        call_state=int(state),
        privilege=_OWNER,
        media_mode=_VOICE,
    )


async def _same(scene: Scene) -> None:
    await scene.tell(_state(scene, _S.CONNECTED, 1), _state(scene, _S.CONNECTED, 1))


async def _uncertain(scene: Scene) -> None:
    await scene.tell(_state(scene, _S.UNKNOWN), _state(scene, _S.CONNECTED, 1))


async def _hung_up(scene: Scene) -> None:
    """The other side goes away at once."""
    switch: Any = scene.server.provider
    remote = switch.connections.party(scene.handle.call).remote
    if remote is None or remote.call is not None:
        raise Unfit("the other side is no telephone of the switch")
    switch.routing.hang_up(remote)


async def _late_state(scene: Scene) -> None:
    """What was under way when the call was deallocated."""
    value = scene.handle.value
    scene.session.bait(value, "TAKES-late-state", "a LINE_CALLSTATE after it had deallocated the call")
    await scene.sneak(_state(scene, _S.IDLE))


# -- ends --------------------------------------------------------------------------------------------------------------


async def _close_line(scene: Scene) -> None:
    # What is pending is completed before the line is closed (Q13).
    await scene.until(lambda: not scene.client.pending)
    scene.server.line_close(scene.opened.device.number)
    await scene.drained()


async def _close_phone(scene: Scene) -> None:
    await scene.until(lambda: not scene.client.pending)
    scene.server.phone_close(scene.opened.device.number)
    await scene.drained()


async def _lose(scene: Scene) -> None:
    """The connection breaks."""
    scene.session.cut = True
    scene.remark("the connection breaks")
    for connection in list(scene.client.connections):
        connection.abort()
    await asyncio.sleep(0)


REPLIES: tuple[Provocation, ...] = (
    Provocation(
        "reply-unknown",
        (_LINE,),
        "LINE_REPLY with an id that no request has",
        "pending",
        _unknown,
        shown="requests",
        first=True,
    ),
    Provocation(
        "reply-unknown-failed",
        (_LINE,),
        "a failed LINE_REPLY with an id that no request has",
        "pending",
        _unknown_failed,
        shown="requests",
        first=True,
    ),
    Provocation(
        "reply-unknown-call",
        (_LINE,),
        "a completion with a call, for an id that no request has",
        "making",
        _unknown_call,
        shown="requests",
        first=True,
    ),
    Provocation(
        "reply-repeated-call",
        (_LINE,),
        "a completion a second time, with another call",
        "made",
        _repeated,
        shown="requests",
    ),
    Provocation(
        "reply-repeated",
        (_LINE,),
        "a reply a second time, this time a failure",
        "completed",
        _again,
        shown="requests",
    ),
    Provocation(
        "phone-reply-unknown",
        (_PHONE,),
        "PHONE_REPLY with an id that no request has",
        "phone pending",
        _unknown,
        shown="requests",
        first=True,
    ),
    Provocation(
        "phone-reply-failed",
        (_PHONE,),
        "a failed PHONE_REPLY with an id that no request has",
        "phone pending",
        _unknown_failed,
        shown="requests",
        first=True,
    ),
    Provocation(
        "reply-first",
        ("TAKES-reply-first",),
        "replies before the answers that name their ids",
        "accepting",
        _first,
        Expect.TAKE,
        models=("push",),
        always=True,
    ),
    Provocation(
        "open-first",
        ("TAKES-open-first",),
        "an event about a line before the answer to Open",
        "opening",
        _opening,
        Expect.TAKE,
        models=("push",),
    ),
    Provocation("state-again", ("TAKES-state-again",), "a state that is told again", "connected", _same, Expect.TAKE),
    Provocation(
        "state-unknown",
        ("TAKES-state-unknown",),
        "a call that is unknown for a moment",
        "connected",
        _uncertain,
        Expect.TAKE,
    ),
    Provocation(
        "hung-up", ("ENDS-offering",), "a call that ends before it is answered", "offering", _hung_up, Expect.END
    ),
    Provocation(
        "hung-up-connected",
        ("ENDS-connected",),
        "a call that ends while it is connected",
        "connected",
        _hung_up,
        Expect.END,
    ),
    Provocation(
        "late-state",
        ("TAKES-late-state",),
        "a state of a call that the client has deallocated",
        "deallocated",
        _late_state,
        Expect.TAKE,
    ),
    Provocation("line-forced", ("ENDS-line",), "a line that is closed by force", "connected", _close_line, Expect.END),
    Provocation("phone-forced", ("ENDS-phone",), "a phone that is closed by force", "phone", _close_phone, Expect.END),
    Provocation("lost", ("ENDS-connection",), "a connection that breaks", "connected", _lose, Expect.END),
)

"""Provocations with buffers: damaged ones, foreign context handles, stubs that contradict themselves, many and large events."""

from __future__ import annotations

import asyncio
from struct import Struct
from typing import TYPE_CHECKING

from mstrp.conform.listening.provocation import Expect, Provocation
from protocol.constants import LINECALLPRIVILEGE, LINECALLSTATE, LINEMEDIAMODE
from protocol.event import encode_events
from protocol.events import LINE_APPNEWCALL, LINE_CALLSTATE
from protocol.ndr import CONTEXT_SIZE, NULL_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.listening.provocation import Scene
    from protocol.event import Event

__all__ = ["BUFFERS", "offered"]

_WORDS = Struct("<10I")
_SIZE = "TRP-3.3.4.2-GEN-01"
_TOTAL = "TRP-3.3.4.2-GEN-02"
_REST = "TRP-3.3.4.2-GEN-03"
_CONTEXT = "TRP-3.3.4-04"
_NDR = "TRP-3.3.4-01"
_PUSH = ("push",)
#: Numbers that belong to no event, and bytes of a large one.
_UNKNOWN = 0x7F
_LARGE = 24_000


def offered(scene: Scene, call: int, *, remote: int | None = None, init: int | None = None) -> tuple[Event, Event]:
    """What announces a call: to the line of a scene, or as if it were another one."""
    opened = scene.opened
    contexts = {
        "init_context": opened.app.context if init is None else init,
        "open_context": opened.context,
        "remote_line": opened.remote if remote is None else remote,
    }
    state = LINE_CALLSTATE(
        **contexts,
        call=call,
        mode=1,
        call_state=int(LINECALLSTATE.OFFERING),
        privilege=int(LINECALLPRIVILEGE.OWNER),
        media_mode=int(LINEMEDIAMODE.INTERACTIVEVOICE),
    )
    return LINE_APPNEWCALL(**contexts, call=call, call_id=call & 0xFFFF), state


def _sized(event: Event, size: int) -> bytes:
    """An event that says another TotalSize."""
    return size.to_bytes(4, "little") + event.encode()[4:]


def _unknown(number: int, device: int = 0, size: int = 40) -> bytes:
    """A record whose Msg belongs to no event."""
    return _WORDS.pack(size, 0, 0, device, number, 0, 1, 2, 3, 0) + bytes(size - 40)


def _damaged(spoil: Callable[[Event, Event], bytes]) -> Callable[[Scene], Awaitable[None]]:
    """Announce a call in a buffer that is damaged."""

    async def act(scene: Scene) -> None:
        await scene.sneak(spoil(*offered(scene, scene.bait())))

    return act


def _buffer(name: str, rule: str, summary: str, spoil: Callable[[Event, Event], bytes]) -> Provocation:
    return Provocation(name, (rule,), summary, "line", _damaged(spoil), shown="calls", models=_PUSH)


def _whole(new: Event, state: Event) -> bytes:
    return new.encode() + state.encode()


# -- the RPC layer -----------------------------------------------------------------------------------------------------


def _under(context: Callable[[Scene], bytes]) -> Callable[[Scene], Awaitable[None]]:
    async def act(scene: Scene) -> None:
        await scene.outside(context(scene), _whole(*offered(scene, scene.bait())))

    return act


async def _farewell(scene: Scene) -> None:
    """After RemoteSPDetach the context handle of the channel means nothing any more."""
    scene.push.farewell = _whole(*offered(scene, scene.bait()))
    provocation, session = scene.provocation, scene.session

    def told(outcome: str) -> None:
        session.provokes("RemoteSPEventProc", b"", provocation.summary)
        scene.judged({"lost": None, "taken": True, "refused": False}[outcome])

    scene.push.told = told


def _stub(damage: Callable[[bytes, int], bytes]) -> Callable[[Scene], Awaitable[None]]:
    async def act(scene: Scene) -> None:
        data = _whole(*offered(scene, scene.bait()))
        await scene.outside(None, data, lambda whole: damage(whole, len(data)))

    return act


def _count(whole: bytes, place: int, number: int) -> bytes:
    """A stub with another count: 0 for max_count, 1 for the offset, 2 for actual_count, -1 for lSize."""
    wide = len(whole) >= CONTEXT_SIZE + 4 + 24 + 80 + 4 and whole[24:32] == whole[40:48]
    if place < 0:
        return whole[:-4] + number.to_bytes(4, "little")
    width = 8 if wide else 4
    start = (24 if wide else CONTEXT_SIZE) + place * width
    return whole[:start] + number.to_bytes(width, "little") + whole[start + width :]


# -- what has to be taken ----------------------------------------------------------------------------------------------


async def _gather(scene: Scene) -> None:
    scene.delivery.gather = True


async def _split(scene: Scene) -> None:
    scene.delivery.split = True


async def _large(scene: Scene) -> None:
    scene.session.provokes("unknown event", b"", scene.provocation.summary)
    scene.delivery.prefix = _unknown(_UNKNOWN, scene.bait(), _LARGE)


async def _many(scene: Scene) -> None:
    scene.session.provokes("unknown events", b"", scene.provocation.summary)
    scene.delivery.prefix = b"".join(_unknown(_UNKNOWN + place, scene.stranger()) for place in range(400))


async def _one_unknown(scene: Scene) -> None:
    await scene.sneak(_unknown(_UNKNOWN, scene.bait()), _unknown(0xFFFF_FFFF, scene.stranger()))


async def _attach_again(scene: Scene) -> None:
    scene.session.provokes("RemoteSPAttach", b"", scene.provocation.summary)
    outcome = await scene.push.attach_again()
    scene.server.verdicts[scene.provocation.name] = None if outcome is None else True
    await asyncio.sleep(0)


BUFFERS: tuple[Provocation, ...] = (
    _buffer("lsize-short", _SIZE, "a buffer of 36 bytes", lambda new, state: new.encode()[:36]),
    _buffer(
        "lsize-odd",
        _SIZE,
        "a buffer of 82 bytes, which is no multiple of 4",
        lambda new, state: _whole(new, state) + b"\0\0",
    ),
    _buffer(
        "total-long",
        _TOTAL,
        "an event with a TotalSize that runs past the buffer",
        lambda new, state: new.encode() + _sized(state, 44),
    ),
    _buffer(
        "total-huge",
        _TOTAL,
        "an event with a TotalSize of 0xfffffff0",
        lambda new, state: _sized(new, 0xFFFFFFF0) + state.encode(),
    ),
    _buffer(
        "total-short",
        _TOTAL,
        "an event with a TotalSize of 36",
        lambda new, state: _sized(new, 36) + state.encode(),
    ),
    _buffer("total-zero", _TOTAL, "an event with a TotalSize of 0", lambda new, state: _sized(new, 0) + state.encode()),
    _buffer(
        "total-odd",
        _TOTAL,
        "an event with a TotalSize of 42",
        lambda new, state: _sized(new, 42) + bytes(4) + state.encode(),
    ),
    _buffer(
        "second-damaged",
        _TOTAL,
        "a whole event of an unknown kind, and behind it one with a TotalSize of 8",
        lambda new, state: _unknown(_UNKNOWN) + _sized(new, 8) + state.encode(),
    ),
    _buffer(
        "rest",
        _REST,
        "an event, and behind it 36 bytes that are none",
        lambda new, state: _unknown(_UNKNOWN) + _sized(new, 36)[:36],
    ),
    _buffer(
        "rest-state",
        _REST,
        "whole events, and behind them 36 bytes of LINE_CALLSTATE",
        lambda new, state: encode_events([]) + _unknown(_UNKNOWN) + state.encode()[:36],
    ),
    Provocation(
        "context-foreign",
        (_CONTEXT,),
        "RemoteSPEventProc under a context handle that the client never gave",
        "line",
        _under(lambda scene: bytes(4) + b"\x5a" * 16),
        Expect.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Provocation(
        "context-server",
        (_CONTEXT,),
        "RemoteSPEventProc under the context handle of tapsrv, another interface",
        "line",
        _under(lambda scene: scene.client.context),
        Expect.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Provocation(
        "context-null",
        (_CONTEXT,),
        "RemoteSPEventProc under the null context handle",
        "line",
        _under(lambda scene: NULL_CONTEXT),
        Expect.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Provocation(
        "context-detached",
        ("TRP-3.3.4.3-01", _CONTEXT),
        "RemoteSPEventProc after RemoteSPDetach",
        "line",
        _farewell,
        Expect.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Provocation(
        "ndr-actual",
        (_NDR, "TRP-3.3.4-02"),
        "RemoteSPEventProc with an actual_count above max_count",
        "line",
        _stub(lambda whole, size: _count(whole, 0, size - 40)),
        Expect.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Provocation(
        "ndr-size",
        ("TRP-3.3.4-02", _NDR),
        "RemoteSPEventProc with an lSize that is not max_count",
        "line",
        _stub(lambda whole, size: _count(whole, -1, size + 40)),
        Expect.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Provocation(
        "ndr-negative",
        ("TRP-3.3.4-02", _SIZE),
        "RemoteSPEventProc with an lSize of -4",
        "line",
        _stub(lambda whole, size: _count(whole, -1, 0xFFFFFFFC)),
        Expect.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Provocation(
        "ndr-short",
        (_NDR,),
        "RemoteSPEventProc whose stub ends in the middle of pBuffer",
        "line",
        _stub(lambda whole, size: whole[:-60]),
        Expect.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Provocation(
        "attach-twice",
        ("TAKES-attach-twice",),
        "RemoteSPAttach a second time",
        "line",
        _attach_again,
        Expect.TAKE,
        models=_PUSH,
    ),
    Provocation("gathered", ("TAKES-gathered",), "many events in one buffer", "attached", _gather, Expect.TAKE),
    Provocation("split", ("TAKES-split",), "each event in a buffer of its own", "attached", _split, Expect.TAKE),
    Provocation(
        "large", ("TAKES-large",), f"an event of {_LARGE:,} bytes before others", "offering", _large, Expect.TAKE
    ),
    Provocation("many", ("TAKES-many",), "400 events of unknown kinds before others", "offering", _many, Expect.TAKE),
    Provocation(
        "unknown", ("TAKES-unknown",), "events with numbers that nobody knows", "line", _one_unknown, Expect.TAKE
    ),
)

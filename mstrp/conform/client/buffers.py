"""Stimuli with buffers: damaged ones, foreign context handles, stubs that contradict themselves, many and large events."""

from __future__ import annotations

import asyncio
from struct import Struct
from typing import TYPE_CHECKING

from mstrp.conform.client.stimulus import Expectation, Stimulus
from protocol.constants import LINECALLPRIVILEGE, LINECALLSTATE, LINEMEDIAMODE
from protocol.event import encode_events
from protocol.events import LINE_APPNEWCALL, LINE_CALLSTATE
from protocol.ndr import CONTEXT_SIZE, NULL_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.client.stimulus import Injection
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


def offered(
    injection: Injection, call: int, *, remote: int | None = None, init: int | None = None
) -> tuple[Event, Event]:
    """What announces a call: to the line of a injection, or as if it were another one."""
    opened = injection.opened
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


def _damaged(spoil: Callable[[Event, Event], bytes]) -> Callable[[Injection], Awaitable[None]]:
    """Announce a call in a buffer that is damaged."""

    async def act(injection: Injection) -> None:
        await injection.sneak(spoil(*offered(injection, injection.mark())))

    return act


def _buffer(name: str, rule: str, summary: str, spoil: Callable[[Event, Event], bytes]) -> Stimulus:
    return Stimulus(name, (rule,), summary, "line", _damaged(spoil), shown="calls", models=_PUSH)


def _whole(new: Event, state: Event) -> bytes:
    return new.encode() + state.encode()


# -- the RPC layer -----------------------------------------------------------------------------------------------------


def _under(context: Callable[[Injection], bytes]) -> Callable[[Injection], Awaitable[None]]:
    async def act(injection: Injection) -> None:
        await injection.outside(context(injection), _whole(*offered(injection, injection.mark())))

    return act


async def _farewell(injection: Injection) -> None:
    """After RemoteSPDetach the context handle of the channel means nothing any more."""
    injection.push.farewell = _whole(*offered(injection, injection.mark()))
    stimulus, session = injection.stimulus, injection.session

    def told(outcome: str) -> None:
        session.record_stimulus("RemoteSPEventProc", b"", stimulus.summary)
        injection.judged({"lost": None, "taken": True, "refused": False}[outcome])

    injection.push.told = told


def _stub(damage: Callable[[bytes, int], bytes]) -> Callable[[Injection], Awaitable[None]]:
    async def act(injection: Injection) -> None:
        data = _whole(*offered(injection, injection.mark()))
        await injection.outside(None, data, lambda whole: damage(whole, len(data)))

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


async def _gather(injection: Injection) -> None:
    injection.delivery.gather = True


async def _split(injection: Injection) -> None:
    injection.delivery.split = True


async def _large(injection: Injection) -> None:
    injection.session.record_stimulus("unknown event", b"", injection.stimulus.summary)
    injection.delivery.prefix = _unknown(_UNKNOWN, injection.mark(), _LARGE)


async def _many(injection: Injection) -> None:
    injection.session.record_stimulus("unknown events", b"", injection.stimulus.summary)
    injection.delivery.prefix = b"".join(_unknown(_UNKNOWN + place, injection.unknown_handle()) for place in range(400))


async def _one_unknown(injection: Injection) -> None:
    await injection.sneak(_unknown(_UNKNOWN, injection.mark()), _unknown(0xFFFF_FFFF, injection.unknown_handle()))


async def _attach_again(injection: Injection) -> None:
    injection.session.record_stimulus("RemoteSPAttach", b"", injection.stimulus.summary)
    outcome = await injection.push.attach_again()
    injection.server.verdicts[injection.stimulus.name] = None if outcome is None else True
    await asyncio.sleep(0)


BUFFERS: tuple[Stimulus, ...] = (
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
    Stimulus(
        "context-foreign",
        (_CONTEXT,),
        "RemoteSPEventProc under a context handle that the client never gave",
        "line",
        _under(lambda injection: bytes(4) + b"\x5a" * 16),
        Expectation.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Stimulus(
        "context-server",
        (_CONTEXT,),
        "RemoteSPEventProc under the context handle of tapsrv, another interface",
        "line",
        _under(lambda injection: injection.client.context),
        Expectation.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Stimulus(
        "context-null",
        (_CONTEXT,),
        "RemoteSPEventProc under the null context handle",
        "line",
        _under(lambda injection: NULL_CONTEXT),
        Expectation.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Stimulus(
        "context-detached",
        ("TRP-3.3.4.3-01", _CONTEXT),
        "RemoteSPEventProc after RemoteSPDetach",
        "line",
        _farewell,
        Expectation.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Stimulus(
        "ndr-actual",
        (_NDR, "TRP-3.3.4-02"),
        "RemoteSPEventProc with an actual_count above max_count",
        "line",
        _stub(lambda whole, size: _count(whole, 0, size - 40)),
        Expectation.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Stimulus(
        "ndr-size",
        ("TRP-3.3.4-02", _NDR),
        "RemoteSPEventProc with an lSize that is not max_count",
        "line",
        _stub(lambda whole, size: _count(whole, -1, size + 40)),
        Expectation.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Stimulus(
        "ndr-negative",
        ("TRP-3.3.4-02", _SIZE),
        "RemoteSPEventProc with an lSize of -4",
        "line",
        _stub(lambda whole, size: _count(whole, -1, 0xFFFFFFFC)),
        Expectation.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Stimulus(
        "ndr-short",
        (_NDR,),
        "RemoteSPEventProc whose stub ends in the middle of pBuffer",
        "line",
        _stub(lambda whole, size: whole[:-60]),
        Expectation.REFUSE,
        shown="answer",
        models=_PUSH,
    ),
    Stimulus(
        "attach-twice",
        ("TAKES-attach-twice",),
        "RemoteSPAttach a second time",
        "line",
        _attach_again,
        Expectation.TAKE,
        models=_PUSH,
    ),
    Stimulus("gathered", ("TAKES-gathered",), "many events in one buffer", "attached", _gather, Expectation.TAKE),
    Stimulus("split", ("TAKES-split",), "each event in a buffer of its own", "attached", _split, Expectation.TAKE),
    Stimulus(
        "large", ("TAKES-large",), f"an event of {_LARGE:,} bytes before others", "offering", _large, Expectation.TAKE
    ),
    Stimulus("many", ("TAKES-many",), "400 events of unknown kinds before others", "offering", _many, Expectation.TAKE),
    Stimulus(
        "unknown", ("TAKES-unknown",), "events with numbers that nobody knows", "line", _one_unknown, Expectation.TAKE
    ),
)

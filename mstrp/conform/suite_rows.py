"""Positive tests: every row of the call table that a client can take, and what the rows do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.tables.call_requests import EFFECTS, PRECONDITIONS
from fsm.tables.call_states import CallState
from mstrp.conform.catalogue import row_id, row_states
from mstrp.conform.outcome import Result
from mstrp.conform.probe import Missing
from mstrp.conform.situation import LiveSituation
from mstrp.conform.truth import NOT_OFFERED
from mstrp.conform.world import REACHABLE, NotOffered, World
from protocol.constants import LINECALLSTATE

if TYPE_CHECKING:
    from mstrp.conform.book import Book
    from mstrp.conform.probe import Asked, Probe
    from protocol.packet import Request

__all__ = ["try_row", "try_wrong_state", "wrong_states"]


#: Where a request may lead besides: a conference with one member, for which no other is wanted any more, is dissolved.
_ALSO = {("UnHold", CallState.ONHOLDPENDCONF): (LINECALLSTATE.IDLE,)}


async def try_row(book: Book, request: type[Request], state: CallState) -> None:
    """A request where it may be made: it is not refused for an untrue reason, it is completed, and the state is told."""
    name = row_id(request, state)
    async with book.probe() as probe:
        try:
            world = World(probe)
            await world.begin()
            call = await world.call_in(state)
            await _row(book, probe, world, request, call, state)
        except Missing as error:
            book.missed(error, name)
    book.judge(probe)


async def _row(book: Book, probe: Probe, world: World, request: type[Request], call: int, state: CallState) -> None:
    name, device = row_id(request, state), f"{request.device}.{request.__name__}"
    spec = _field(request)
    situation = LiveSituation(world, {spec: call})
    if not world.partner_number:
        await world.numbers()
    packet = situation.packet(request, **_values(request, world))
    asked = await probe.ask("a", packet, legal=True)
    if asked.ok and request.completion == "async" and asked.ack:
        completion = await probe.reply("a", asked)
        book.passes(f"DONE-{device}")
        failed = completion.words[7] if completion.outcome < 0 else 0
    else:
        failed = asked.code
    book.passes(f"LEGAL-{device}")
    if failed or not asked.ok:
        result = Result.NOT_APPLICABLE if failed in NOT_OFFERED else Result.INCONCLUSIVE
        book.leaves(result, f"{request.__name__} is refused: {failed:#010x}" if failed else "RPC fault", name)
        return
    book.passes(name)
    if request.__name__ != "DeallocateCall":
        await _effect(book, probe, asked, call, state, name)


async def _effect(book: Book, probe: Probe, asked: Asked, call: int, state: CallState, name: str) -> None:
    """The state that usually follows, and that LINE_CALLSTATE and GetCallStatus agree."""
    request = type(asked.packet)
    effect = EFFECTS.get((request.__name__, _field(request), ""))
    if effect is not None and state in effect.sources and state not in effect.expect:
        wanted = [LINECALLSTATE[each.name] for each in effect.expect if each.name in LINECALLSTATE.__members__]
        try:
            also = _ALSO.get((request.__name__, state), ())
            await probe.state("a", call, *wanted, *also, promised=name, after=[asked])
        except Missing:
            names = " or ".join(each.name for each in effect.expect)
            book.leaves(Result.INCONCLUSIVE, f"{request.__name__} succeeded, and the call did not become {names}", name)
    await probe.check("a", call)
    book.passes("TOLD-STATE")


async def try_wrong_state(book: Book, request: type[Request], state: CallState) -> None:
    """A request where the tables do not have it: a server that takes it is odd, or breaks a rule."""
    async with book.probe() as probe:
        try:
            world = World(probe)
            await world.begin()
            call = await world.call_in(state)
            packet = LiveSituation(world, {_field(request): call}).packet(request, **_values(request, world))
            asked = await probe.ask("a", packet)
            if asked.ok and asked.ack:
                await probe.reply("a", asked)
            if not asked.ok and request.__name__ == "RemoveFromConference":
                book.passes("TRP-3.1.4.2-063-02")
            # A refused request changes nothing: the state of the call is what it was.
            await probe.check("a", call)
        except NotOffered:
            pass
        except Missing as error:
            book.missed(error, f"CALL-PRE-{request.__name__}")
    if not book.judge(probe):
        book.passes(f"CALL-PRE-{request.__name__}")


def wrong_states(request: type[Request]) -> list[CallState]:
    """The states in which a request may not be made, of those that can be brought about."""
    if (request.__name__, _field(request)) not in PRECONDITIONS:
        return []
    right = row_states(request)
    return [state for state in REACHABLE if state not in right]


def _field(request: type[Request]) -> str:
    from fsm.judge.routes import ROUTES

    return ROUTES[request.req_func].calls[0].spec


def _values(request: type[Request], world: World) -> dict[str, object]:
    """Numbers that lead somewhere."""
    names = request.layout.by_name
    return {
        name: world.partner_number for name in ("dest_address", "dir_address") if name in names and world.partner_number
    }

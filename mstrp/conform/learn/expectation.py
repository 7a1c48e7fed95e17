"""What the tables say about one move: the same, different within their latitude or beyond it, missing, or extra.

Everything comes from the table of the call: in which states a request is allowed, what its success usually leads to,
which states may be reported after which. A success without its documented effect is a failure; a refusal of a feature that
the server does not have is no contradiction: the transition is only missing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.levels import Level, Verdict, verdict_of
from fsm.state.machines import MACHINES
from fsm.tables.bits import CHANGED
from fsm.tables.call import CREATIONS, INFORMED, NO_STATE
from fsm.tables.call_reports import REPORTS
from fsm.tables.call_requests import ASKS, EFFECTS, REPLIED
from fsm.tables.call_states import CallState
from mstrp.conform.learn.alphabet import Cause
from mstrp.conform.learn.observation import FAULT, NO_ANSWER, NOT_COMPLETED, NOT_SENT, caption
from mstrp.conform.server.effects import usual_start
from protocol.line import DeallocateCall

if TYPE_CHECKING:
    from fsm.engine.machine import Move
    from fsm.engine.row import Event, Ref
    from mstrp.conform.learn.alphabet import Input
    from mstrp.conform.learn.observation import Observation
    from protocol.packet import Request

__all__ = ["Assessment", "Kind", "assess"]

_CALL = MACHINES["call"]
#: The states that some request is documented to lead to: none of them comes by itself.
_ASKED_FOR = frozenset(state for effect in EFFECTS.values() for state in effect.expect) - {CallState.IDLE}


class Kind(StrEnum):
    """What a move of a learned machine is to the tables."""

    SAME = "same"
    #: Something else than usual, which the documents leave open.
    ALLOWED = "allowed"
    #: Something that contradicts the tables.
    DIFFERENT = "different"
    #: The tables have a move that the server does not show.
    MISSING = "missing"
    #: The server takes a request where the tables have none.
    EXTRA = "extra"


#: The gravest first: a step that is several things is the first of them.
_ORDER = (Kind.EXTRA, Kind.DIFFERENT, Kind.MISSING, Kind.ALLOWED, Kind.SAME)


class Assessment(NamedTuple):
    """What one step is to the tables, how firmly they stand behind it, why, and where that is written."""

    kind: Kind
    level: Level = Level.TYPICAL
    why: str = ""
    section: str = ""
    #: The states of the calls to which the tables usually lead; empty where that is what was seen.
    usual: tuple[CallState, ...] = ()

    @property
    def hard(self) -> bool:
        """Whether the documents forbid it."""
        return self.kind in {Kind.DIFFERENT, Kind.EXTRA, Kind.MISSING} and verdict_of(self.level) is Verdict.FAIL


_SAME = Assessment(Kind.SAME)


def _cell(event: Event, state: CallState, flags: int = 0) -> Move:
    move = _CALL.cells[event][1 << state]
    return move.variants[flags & move.relevant] if move.relevant else move


def _at(where: Ref | None) -> str:
    return where.section if where is not None else ""


def _spec(request: type[Request], name: str) -> str:
    return next(field.spec for field in request.layout.fields if field.name == name)


def _reported(state: CallState) -> str:
    return "no state" if state is CallState.ABSENT else caption(state)


def _expected(mask: int) -> tuple[CallState, ...]:
    return tuple(state for state in CallState if mask >> state & 1)


def _reports(state: CallState, path: tuple[CallState, ...]) -> Assessment:
    """Whether states may be reported one after the other, for no reason that is known."""
    if not path:
        return _SAME
    way = " → ".join(map(_reported, (state, *path)))
    worst = Assessment(Kind.ALLOWED, why=f"{way} on top: the documents leave that open", section="2.2.3.1.29")
    for reported in path:
        move = _cell(REPORTS.get(reported, NO_STATE), state, CHANGED.bit)
        if not move.legal and (worst.kind is Kind.ALLOWED or move.level < worst.level):
            why = f"{_reported(reported)} is reported of a call that is {caption(state)} [{move.rule}]"
            worst = Assessment(Kind.DIFFERENT, move.level, why, _at(move.ref))
        state = reported if reported in REPORTS else CallState.UNKNOWN
    return worst


def _effect(
    name: str, state: CallState, path: tuple[CallState, ...], usual: tuple[CallState, ...], section: str
) -> Assessment:
    """A success whose usual effect is known."""
    if not path:
        words = " or ".join(map(caption, usual))
        return Assessment(
            Kind.MISSING, Level.STATED, why=f"{name} succeeds, and the call does not become {words}", section=section
        )
    for place, reported in enumerate(path):
        if reported in usual:
            before = _reports(state, path[: place + 1])
            after = _reports(reported, path[place + 1 :])
            return next((found for found in (before, after) if found.kind is Kind.DIFFERENT), _SAME)
    found = _reports(state, path)
    if found.kind is Kind.DIFFERENT:
        return found
    if path[-1] in _ASKED_FOR:
        words = " or ".join(map(caption, usual))
        why = f"{name} makes the call {caption(path[-1])}, where {words} is documented"
        return Assessment(Kind.DIFFERENT, Level.STATED, why, section)
    return found


def _cause(
    symbol: Input, before: tuple[CallState, ...], observed: Observation
) -> dict[int, tuple[Assessment, CallState]]:
    """What the partner did, by call."""
    place = symbol.place
    state, path = before[place], observed.path[place]
    usual = next((targets for sources, targets in symbol.leads if state in sources), ())
    if not usual:
        return {}
    if symbol.cause is Cause.OFFER:
        where = "2.2.4.2.1.6"
        if observed.output.answer == NO_ANSWER:
            return {
                place: (
                    Assessment(Kind.MISSING, Level.STATED, why="the line is called, and no call comes", section=where),
                    usual[0],
                )
            }
        state = CallState.ANNOUNCED
    else:
        where = "2.2.3.1.37"
    if not path:
        why = f"{symbol.name}, and nothing is reported of a call that is {caption(before[place])}"
        return {place: (Assessment(Kind.MISSING, Level.STATED, why=why, section=where), usual[0])}
    found = _reports(state, path)
    same = set(path) & set(usual) and found.kind is Kind.ALLOWED
    return {place: (_SAME if same else found, usual[0])}


def _asked(symbol: Input, name: str, state: CallState) -> Move:
    """The move of a request on one of its calls."""
    assert symbol.request is not None
    return _cell(ASKS[symbol.request.__name__, _spec(symbol.request, name)], state)


def _outside(symbol: Input, before: tuple[CallState, ...]) -> Assessment | None:
    """The request is not allowed on one of its calls: the move that would be extra, the hardest of them."""
    assert symbol.request is not None
    found: Assessment | None = None
    for name, place in symbol.calls:
        move = _asked(symbol, name, before[place])
        if not move.legal and (found is None or move.level < found.level):
            rule = f" [{move.rule}]" if move.rule else ""
            why = f"{symbol.name} is taken although the call is {caption(before[place])}{rule}"
            found = Assessment(Kind.EXTRA, move.level, why, _at(move.ref))
    return found


def _success(
    symbol: Input, before: tuple[CallState, ...], observed: Observation
) -> dict[int, tuple[Assessment, CallState]]:
    """A request that is allowed succeeded: its effect, by call."""
    request = symbol.request
    assert request is not None
    found = {}
    for name, place in symbol.calls:
        key = (request.__name__, _spec(request, name), "")
        if request is DeallocateCall:
            found[place] = (_SAME, CallState.DEALLOCATED)
        elif key in EFFECTS:
            usual = _expected(_cell(REPLIED[key], before[place]).expect)
            if usual:
                section = EFFECTS[key].ref.section
                found[place] = (_effect(symbol.name, before[place], observed.path[place], usual, section), usual[0])
    if symbol.makes is not None:
        start = CREATIONS[request.__name__][1]
        usual = usual_start(start)
        effect = _effect(symbol.name, start, observed.path[symbol.makes], usual, request.layout.section)
        found[symbol.makes] = (effect, usual[0])
    return found


def assess(symbol: Input, before: tuple[CallState, ...], observed: Observation) -> Assessment:
    """What the tables say about one step."""
    output = observed.output
    if output.answer == NOT_SENT:
        return _SAME
    about: dict[int, tuple[Assessment, CallState]] = {}
    found: list[Assessment] = []
    if symbol.request is None:
        about = _cause(symbol, before, observed)
    else:
        outside = _outside(symbol, before)
        if output.answer in {NO_ANSWER, NOT_COMPLETED, FAULT}:
            level = Level.TYPICAL if outside is not None and output.answer == FAULT else Level.STATED
            kind = Kind.DIFFERENT if level is Level.STATED else Kind.ALLOWED
            found.append(Assessment(kind, level, f"{symbol.name}: {output.answer}", symbol.request.layout.section))
        elif outside is not None:
            found += [outside] if output.ok else []
        else:
            about = _success(symbol, before, observed)
            if not output.ok:
                found.append(_refusal(symbol, before, observed, moves=bool(about)))
                about = {place: (_SAME, usual) for place, (_, usual) in about.items()}
    usual = tuple(about[place][1] if place in about else state for place, state in enumerate(before))
    found += [assessment for assessment, _ in about.values()]
    for place, (state, path) in enumerate(zip(before, observed.path, strict=True)):
        if place not in about or not (output.ok or symbol.request is None):
            start = CallState.ANNOUNCED if state is CallState.ABSENT else state
            found.append(_late(path, output.late) if state is CallState.DEALLOCATED else _reports(start, path))
    worst = min(found, key=lambda one: (_ORDER.index(one.kind), one.level), default=_SAME)
    return worst._replace(usual=usual if worst.kind in {Kind.MISSING, Kind.DIFFERENT} and usual != before else ())


def _refusal(symbol: Input, before: tuple[CallState, ...], observed: Observation, *, moves: bool) -> Assessment:
    """A request that is allowed was refused: for a reason that cannot be true, or for one that can."""
    assert symbol.request is not None
    section = symbol.request.layout.section
    states = " and ".join(caption(before[place]) for _, place in symbol.calls)
    why = f"{symbol.name} is {observed.output.answer} although the call is {states}"
    # Where the state is not known the server decides.
    known = all(_asked(symbol, name, before[place]).level <= Level.STATED for name, place in symbol.calls)
    if known and observed.output.answer.endswith(("(state)", "(handle)")):
        # How two calls have to belong together is said nowhere.
        level = Level.STATED if len(symbol.calls) == 1 else Level.SUSPICIOUS
        return Assessment(Kind.DIFFERENT, level, why, section)
    return Assessment(Kind.MISSING if moves else Kind.ALLOWED, why=why, section=section)


def _late(path: tuple[CallState, ...], late: tuple[CallState, ...]) -> Assessment:
    """States that are reported after the end of the handle, and not just while it ended."""
    if not path or not late:
        return _SAME
    move = _cell(REPORTS.get(late[0], INFORMED), CallState.DEALLOCATED)
    why = f"{_reported(late[0])} is reported of a call that was given up [{move.rule}]"
    return Assessment(Kind.DIFFERENT, move.level, why, _at(move.ref))

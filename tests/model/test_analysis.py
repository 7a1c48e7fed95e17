"""The tables are sound, separately and together; deliberate defects are found."""

from __future__ import annotations

import os
from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import pytest
from grid import each_machine

from fsm import Event, Guard, Level, Machine, Row, Table
from fsm.engine.analysis import Part, Step, Violation, problems
from fsm.engine.row import Kind, ref
from fsm.session_model import SESSION, explore
from fsm.tables import application, binding, call, line, request
from fsm.tables import handle as handles
from fsm.tables.application import AppState
from fsm.tables.binding import BindingState
from fsm.tables.call_states import CREATED, LIVE, CallState
from fsm.tables.joint import JOINT
from fsm.tables.line import LineState
from fsm.tables.request import RequestState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    States = Mapping[str, IntEnum]


@each_machine
def test_no_problems(machine: Machine) -> None:
    """Every state can be reached and left, every row is used, and all references, events and guards are valid and used."""
    assert problems(machine.table) == ()


# -- broken tables -------------------------------------------------------------------------------------------------


class Light(IntEnum):
    """States of a small machine."""

    OFF = 0
    ON = 1
    BROKEN = 2


PRESS, DROP, LOOK = Event("press", Kind.REQUEST), Event("drop", Kind.REPORT), Event("look", Kind.REQUEST)
WARM, DRY = Guard("warm", 1, True), Guard("dry", 2, True)
WHERE = ref("1.1")
ON = Row(Light.OFF, PRESS, Light.ON, Level.MUST, WHERE)
OFF = Row(Light.ON, PRESS, Light.OFF, Level.MUST, WHERE)
BREAK = Row(Light.ON, DROP, Light.BROKEN, Level.MUST, WHERE)


def light(*rows: Row, **changes: Any) -> Table:
    """Return the table of a lamp that ends broken."""
    parts: dict[str, Any] = {
        "name": "light",
        "summary": "A light",
        "states": Light,
        "initial": Light.OFF,
        "finals": frozenset({Light.BROKEN}),
        "events": (PRESS, DROP),
        "rows": rows or (ON, OFF, BREAK),
    }
    return Table(**(parts | changes))


BROKEN = {
    "a state that nothing reaches": (light(ON, OFF, BREAK._replace(target=Light.OFF)), "BROKEN cannot be reached"),
    "a trap": (
        light(ON, OFF._replace(target=Light.ON), BREAK._replace(source=Light.OFF)),
        "no legal row leads from ON to a final state",
    ),
    "a trap but for a forbidden row": (light(ON, OFF, BREAK._replace(rule="R")), "no legal row leads from OFF"),
    "a row that is never taken": (
        light(
            ON._replace(guards=(WARM,)),
            ON._replace(guards=(Guard("warm", 1, False),)),
            ON._replace(target=Light.OFF),
            OFF,
            BREAK,
        ),
        "OFF on press: a row is never taken",
    ),
    "rows whose order decides": (
        light(ON._replace(guards=(WARM,)), ON._replace(target=Light.OFF, guards=(DRY,)), OFF, BREAK),
        "OFF on press: only the order of the rows decides",
    ),
    "a reference that is none": (light(ON._replace(ref=ref("chapter 2")), OFF, BREAK), "is not a valid reference"),
    "a level that is none": (light(ON._replace(level=7), OFF, BREAK), "is not a valid reference"),  # type: ignore[arg-type]
    "an event that nothing uses": (light(events=(PRESS, DROP, LOOK)), "no row uses look"),
    "a guard without a difference": (
        light(ON._replace(guards=(WARM,)), ON, OFF, BREAK),
        "the guard warm never makes a difference",
    ),
}


@pytest.mark.parametrize(("table", "problem"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_table(table: Table, problem: str) -> None:
    """A defect of a table is reported in a sentence with the name of the table."""
    found = problems(table)
    assert any(problem in sentence for sentence in found), found
    assert all(sentence.startswith("light: ") for sentence in found)


def test_sound_table() -> None:
    """The same table without the defect has no problem."""
    assert problems(light()) == ()


# -- machines that run together ------------------------------------------------------------------------------------

#: Maximum number of steps for the product of the whole session.
DEPTH = 9
#: Guards that would excuse violations of the laws. The session with one call and one request.
SMALL = [part for part in SESSION if part.name not in {"call 2", "request 2"}]
EXCUSES = ("in flight", "told", "below 2.0", "filtered")
_OVER = {LineState.CLOSED, LineState.LOST, LineState.VOID, LineState.ABSENT}
_ENDED = {RequestState.ANSWERED, RequestState.DONE, RequestState.FAILED, RequestState.REFUSED, RequestState.CANCELLED}
_ALIVE = {AppState.READY, AppState.DUE}


def _calls(states: States) -> list[IntEnum]:
    return [state for name, state in states.items() if name.startswith("call")]


def _requests(states: States) -> list[IntEnum]:
    return [state for name, state in states.items() if name.startswith("request")]


INVARIANTS: dict[str, Callable[[States], bool]] = {
    "no call lives on a line that is not open": lambda states: (
        states["line"] not in _OVER or not any(state in LIVE for state in _calls(states))
    ),
    "no request waits on a line that is over": lambda states: (
        states["line"] not in _OVER - {LineState.ABSENT} or RequestState.PENDING not in _requests(states)
    ),
    "no line is open without its application": lambda states: (
        states["line"] is not LineState.OPEN or states["application"] in _ALIVE
    ),
    "no application is there without a binding": lambda states: (
        states["application"] not in _ALIVE or states["binding"] not in {BindingState.UNBOUND, BindingState.DETACHED}
    ),
}
LAWS: dict[str, Callable[[Step], bool]] = {
    "no event about a call before or after its life": lambda step: (
        step.part.table.name != "call"
        or step.event.kind is not Kind.REPORT
        or step.event is call.ANNOUNCED
        or step.before in LIVE
    ),
    "no event about a call whose line is not open": lambda step: (
        step.part.table.name != "call"
        or step.event.kind is not Kind.REPORT
        or not step.above
        or step.above[0] is LineState.OPEN
    ),
    "no report leads out of idle": lambda step: (
        step.part.table.name != "call"
        or step.before is not CallState.IDLE
        or step.event.kind is not Kind.REPORT
        or step.after is CallState.IDLE
    ),
    "no report leads back to a state that is still to come": lambda step: (
        step.part.table.name != "call" or step.after not in CREATED or step.before in {CallState.ABSENT, step.after}
    ),
    "each accepted request is completed at most once": lambda step: (
        step.part.table.name != "request"
        or step.event not in {request.REPLIES_OK, request.REPLIES_ERROR}
        or step.before in {RequestState.SENT, RequestState.PENDING, RequestState.ZERO}
    ),
    "what is over stays over": lambda step: (
        step.part.table.name != "request" or step.before not in _ENDED or step.after is step.before
    ),
    "nothing is released twice": lambda step: (
        step.part.table.name not in {"line", "application"}
        or step.before not in step.part.table.finals
        or step.after is step.before
    ),
}


def test_session(golden: Callable[[str, str], None]) -> None:
    """Binding, application, line, two calls and two requests keep every invariant in all reachable combinations."""
    found = explore(depth=DEPTH, without=EXCUSES, invariants=INVARIANTS, laws=LAWS)
    assert found.violation is None, str(found.violation)
    golden("exploration.txt", f"binding, application, line, two calls, two requests: {found}\n{_alone()}")


@pytest.mark.skipif(os.environ.get("HYPOTHESIS_PROFILE") != "nightly", reason="takes half a minute")
def test_session_to_the_end() -> None:
    """The same without a limit is complete."""
    found = explore(without=EXCUSES, invariants=INVARIANTS, laws=LAWS)
    assert found.violation is None, str(found.violation)
    assert found.complete
    assert found.states == 59_413


def _alone() -> str:
    """Explore one call and one request completely."""
    found = explore(SMALL, without=EXCUSES, invariants=INVARIANTS, laws=LAWS)
    assert found.violation is None, str(found.violation)
    assert found.complete
    return f"binding, application, line, one call, one request: {found}\n"


def also(table: Table, row: Row) -> Table:
    """Return a table with one more row, in place of those with the same state and event."""
    kept = (other for other in table.rows if (other.source, other.event) != (row.source, row.event))
    return replace(table, rows=(*kept, row))


def without(table: Table, event: Event) -> Table:
    """Return a table without the rows of an event."""
    return replace(table, rows=tuple(row for row in table.rows if row.event is not event))


def _leads(source: IntEnum, event: Event, target: IntEnum) -> Row:
    return Row(source, event, target, Level.TYPICAL, WHERE)


def _idle(state: CallState) -> Event:
    return next(row.event for row in call.CALL.rows if row.rule == "CALL-V01" and row.target is state)


#: Defect: the replacement table, and the violated invariant or law.
DAMAGED: dict[str, tuple[Table, str]] = {
    "a closed line leaves its calls": (without(call.CALL, call.LINE_ENDED), "no call lives"),
    "a closed line leaves its requests": (without(request.REQUEST, request.CANCEL), "no request waits"),
    "an ended application leaves its lines": (without(line.LINE, handles.VOIDED), "no line is open"),
    "an ended binding leaves its applications": (
        without(application.APPLICATION, handles.VOIDED),
        "no application is there",
    ),
    "a call leaves idle": (
        also(call.CALL, _leads(CallState.IDLE, _idle(CallState.CONNECTED), CallState.CONNECTED)),
        "no report leads out of idle",
    ),
    "events before the handle": (
        also(call.CALL, _leads(CallState.ABSENT, call.INFORMED, CallState.UNKNOWN)),
        "no event about a call before",
    ),
    "events after the handle": (
        also(call.CALL, _leads(CallState.DEALLOCATED, call.INFORMED, CallState.DEALLOCATED)),
        "no event about a call before",
    ),
    "a state that goes back to none": (
        also(call.CALL, _leads(CallState.CONNECTED, call.INFORMED, CallState.ANNOUNCED)),
        "no report leads back",
    ),
    "a second reply": (
        also(request.REQUEST, _leads(RequestState.DONE, request.REPLIES_OK, RequestState.DONE)),
        "each accepted request",
    ),
    "an answer after the end": (
        also(request.REQUEST, _leads(RequestState.REFUSED, request.ANSWERS_ID, RequestState.PENDING)),
        "what is over stays over",
    ),
    "a line that opens again": (
        also(line.LINE, _leads(LineState.CLOSED, line.OPENED, LineState.OPEN)),
        "nothing is released twice",
    ),
    "events on a closed line": (
        also(line.LINE, _leads(LineState.CLOSED, handles.REPORTS_ON, LineState.CLOSED)),
        "no event about a call whose line",
    ),
}


@pytest.mark.parametrize(("table", "broken"), DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_tables(table: Table, broken: str) -> None:
    """A table that violates a common invariant is found, with a shortest trace."""
    parts = [part._replace(table=table) if part.table.name == table.name else part for part in SMALL]
    joints = [
        joint._replace(
            trigger=table if joint.trigger.name == table.name else joint.trigger,
            dependent=table if joint.dependent.name == table.name else joint.dependent,
        )
        for joint in JOINT
    ]
    found = explore(parts, joints, without=EXCUSES, invariants=INVARIANTS, laws=LAWS)
    assert isinstance(found.violation, Violation)
    assert found.violation.name.startswith(broken)
    assert not found.complete
    assert broken in str(found.violation)


@pytest.mark.parametrize("dependent", ["application", "line", "call", "request"])
def test_missing_joint_rows(dependent: str) -> None:
    """Without the joint rows of a machine, an instance outlives its parent."""
    joints = [joint for joint in JOINT if joint.dependent.name != dependent]
    found = explore(SMALL, joints, without=EXCUSES, invariants=INVARIANTS, laws=LAWS)
    assert found.violation is not None
    assert found.violation.trace


def test_violation_at_once() -> None:
    """A violation in the initial state has an empty trace."""
    found = explore([Part("binding", binding.BINDING)], invariants={"never": lambda states: False})
    assert str(found.violation) == "never: at once"


def test_depth() -> None:
    """An exploration limited by its depth reports that it is incomplete; without a limit it is complete."""
    short, whole = explore(SMALL[:2], depth=1), explore(SMALL[:2])
    assert (short.depth, short.complete, whole.complete) == (1, False, True)
    assert str(whole).endswith(", complete")
    assert str(short).endswith("depth 1, not complete")


def test_twins_are_interchangeable() -> None:
    """Two calls on one line are interchangeable: the product is smaller than with distinct ones."""
    one = explore([part for part in SMALL if part.table is not request.REQUEST]).states
    parts = [part for part in SESSION if part.table is not request.REQUEST]
    two = explore(parts, depth=6)
    assert two.states < one * one

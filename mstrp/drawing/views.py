"""The views of machines in `mstrp draw`: whole, near a state, coverage of captures, the path of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.diagram import Coverage, collapsed, covered, full, near, path_of, seen_in
from fsm.diagram.model import Tone
from fsm.engine.levels import Level
from fsm.state.machines import MACHINES
from mstrp.capture.files import CaptureError
from mstrp.checking import check_capture
from mstrp.drawing.gallery import diagram_text, machine_text
from mstrp.selection.steps import StepChooser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fsm.diagram import Diagram
    from fsm.engine.step import Step
    from mstrp.selection import Selection

__all__ = ["Views"]


class Views:
    """The requested views; captures are read once. Raises CaptureError if one cannot be read."""

    def __init__(
        self,
        captures: Sequence[str] = (),
        against: Sequence[str] = (),
        *,
        near: Sequence[str] | None = None,
        view: str = "collapsed",
        call: str | None = None,
        selection: Selection | None = None,
    ) -> None:
        if (against or call or selection) and not captures:
            message = "--against, --call and --show require --capture"
            raise ValueError(message)
        self.near = tuple(near or ())
        self.view = view
        self.call = call
        self.selection = selection
        self._steps: list[Step] = []
        self.first = self._visited(captures, keep=call is not None)
        self.second = self._visited(against)
        self.plain = not captures

    def _visited(self, captures: Sequence[str], *, keep: bool = False) -> dict[str, Coverage]:
        found = {name: Coverage(name) for name in MACHINES}

        chooser = StepChooser(self.selection) if self.selection else None

        def step(step: Step) -> None:
            if chooser is not None and not chooser.chooses(step):
                return
            found[step.machine.name].step(step)
            if keep and step.machine.name == "call":
                self._steps.append(step)

        for capture in captures:
            result = check_capture(capture, on_step=step, on_packet=None if chooser is None else chooser.packet)
            if result.error is not None:
                raise CaptureError(result.error)
        return found if captures else {}

    def text(self, name: str, form: str) -> str:
        """Return a machine in a text format."""
        if self.plain and not self.near:
            return machine_text(name, form, self.view)
        if form in ("scxml", "markdown"):
            message = f"{form} has no views"
            raise ValueError(message)
        return diagram_text(self.diagram(name), form)

    def diagram(self, name: str) -> Diagram:
        """Return a machine as a diagram."""
        table = MACHINES[name].table
        if self.call is not None:
            return self._path(self.call)
        found = near(table, *self.near) if self.near else full(table) if self.view == "full" else collapsed(table)
        if self.second:
            return seen_in(found, self.first[name], self.second[name])
        return covered(found, self.first[name]) if self.first else found

    def _path(self, call: str) -> Diagram:
        table = MACHINES["call"].table
        handle, _, epoch = call.partition("#")
        wanted = f"{int(handle, 16):#x}#{epoch or 1}"
        steps = [step for step in self._steps if step.instance == wanted]
        if not steps:
            known = ", ".join(dict.fromkeys(step.instance for step in self._steps))
            message = f"no call {wanted} in the captures; available: {known or 'none'}"
            raise ValueError(message)
        way = [
            (step.machine.words(step.before), _cause(step), step.machine.words(step.after), _tone(step))
            for step in steps
            if step.before != step.after or step.move.rule
        ]
        return path_of(table, f"call {wanted}", way)


def _cause(step: Step) -> str:
    return f"{step.event.name}: {step.move.rule}" if step.move.rule else step.event.name


def _tone(step: Step) -> Tone:
    if not step.move.rule:
        return Tone.REPORT
    return Tone.FORBIDDEN if step.move.level <= Level.STATED else Tone.ODD

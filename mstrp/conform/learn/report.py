"""What learning found, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.engine.levels import Verdict
from mstrp.conform.learn.expectation import Kind
from mstrp.conform.learn.observation import shown
from mstrp.report.lines import blank, line, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.conform.learn.compare import Comparison, Difference
    from mstrp.conform.learn.learner import Lesson
    from mstrp.conform.learn.system import System
    from mstrp.report.lines import Line

__all__ = ["SCHEMA", "Report"]

SCHEMA = "mstrp-learn/1"
_STYLE = {Kind.EXTRA: "warn", Kind.DIFFERENT: "warn", Kind.MISSING: "info", Kind.ALLOWED: "dim"}
_WORDS = {
    Kind.SAME: "as the tables have it",
    Kind.ALLOWED: "different, within what the documents leave open",
    Kind.DIFFERENT: "different, against the tables",
    Kind.MISSING: "missing",
    Kind.EXTRA: "extra",
}


class Report(NamedTuple):
    """A lesson with its comparison; without one when nothing was learned."""

    system: System
    lesson: Lesson
    comparison: Comparison | None

    @property
    def verdict(self) -> Verdict:
        """Fail: something that the documents forbid; warn: something else that contradicts the tables, or no end."""
        differences = self.comparison.differences if self.comparison is not None else ()
        if any(difference.hard for difference in differences):
            return Verdict.FAIL
        odd = any(difference.kind in {Kind.DIFFERENT, Kind.EXTRA} for difference in differences)
        return Verdict.WARN if odd or self.lesson.ended else Verdict.PASS

    # -- text -----------------------------------------------------------------------------------------------------

    def text(self) -> Iterator[Line]:
        """The report for people."""
        system, lesson = self.system, self.lesson
        alphabet = system.alphabet
        style = {Verdict.FAIL: "fail", Verdict.WARN: "warn"}.get(self.verdict, "pass")
        yield line(f"{system.target.binding}, {alphabet.name}: {self.verdict.upper()}", style)
        states = len(lesson.machine.states) if lesson.machine is not None else 0
        yield line(
            f"  {states} states, {len(alphabet.inputs)} inputs; {system.queries:,} conversations, "
            f"{system.steps:,} steps, {system.budget.sent:,} packets, {system.budget.elapsed:.1f} s"
        )
        if lesson.ended:
            yield line(f"  learning did not come to its end: {lesson.ended}", "warn")
        if lesson.unsteady is not None:
            yield from self._unsteady()
        if self.comparison is None:
            return
        counts = [(kind, self.comparison.count(kind)) for kind in Kind]
        yield line("  moves: " + ", ".join(f"{count} {_WORDS[kind]}" for kind, count in counts if count))
        for difference in self.comparison.differences:
            yield blank()
            yield from self._difference(difference)

    def _unsteady(self) -> Iterator[Line]:
        unsteady = self.lesson.unsteady
        assert unsteady is not None
        inputs = self.system.alphabet.inputs
        yield line(f"  this was answered in different ways: {', '.join(inputs[place].name for place in unsteady.word)}")
        yield line(f"    first  {unsteady.first}")
        yield line(f"    then   {unsteady.then}")

    def _difference(self, difference: Difference) -> Iterator[Line]:
        told = difference.told
        assessment = told.assessment
        inputs = self.system.alphabet.inputs
        mark = "FAIL" if difference.hard else assessment.kind.upper()
        style = "fail" if difference.hard else _STYLE[assessment.kind]
        head = f"{difference.number}. {mark} {inputs[told.move.symbol]} in {shown(told.state.calls)}"
        yield line(f"{head}, MS-TRP {assessment.section}", style)
        yield from wrapped(assessment.why, "plain", width=110, first="   ", rest="   ")
        if assessment.usual:
            yield line(f"   the tables lead to {shown(assessment.usual)}; the server: {told.move.output}")
        if difference.confirmed is False:
            yield line("   performed once more, it was something else", "warn")
        width = max(len(inputs[place].name) for place in difference.word)
        yield line(f"   {'':>2}  {'step':{width}}  {'answer':{_ANSWER}}  calls after it", "dim")
        for number, (place, observed) in enumerate(zip(difference.word, difference.observed, strict=False), 1):
            output = observed.output
            yield line(
                f"   {number:>2}  {inputs[place].name:{width}}  {output.answer:{_ANSWER}}  {shown(output.states)}"
            )

    # -- JSON -----------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """The report for programs."""
        system, lesson = self.system, self.lesson
        found: dict[str, Any] = {
            "schema": SCHEMA,
            "verdict": self.verdict.value,
            "server": str(system.target.binding),
            "alphabet": system.alphabet.name,
            "letters": [symbol.name for symbol in system.alphabet.inputs],
            "ended": lesson.ended,
            "cost": {
                "conversations": system.queries,
                "steps": system.steps,
                "packets": system.budget.sent,
                "seconds": round(system.budget.elapsed, 3),
            },
        }
        if lesson.unsteady is not None:
            unsteady = lesson.unsteady
            found["unsteady"] = {
                "word": self._spelled(unsteady.word),
                "first": str(unsteady.first),
                "then": str(unsteady.then),
            }
        if self.comparison is not None:
            found["counts"] = {kind.value: self.comparison.count(kind) for kind in Kind}
            found["states"] = self._states(self.comparison)
            found["differences"] = [self._as_json(difference) for difference in self.comparison.differences]
        return found

    def _spelled(self, word: tuple[int, ...]) -> list[str]:
        return [self.system.alphabet.inputs[place].name for place in word]

    def _states(self, comparison: Comparison) -> list[dict[str, Any]]:
        kinds = {(told.state.number, told.move.symbol): told.assessment.kind.value for told in comparison.moves}
        return [
            {
                "calls": shown(state.calls),
                "access": self._spelled(state.access),
                "moves": [
                    {
                        "letter": self.system.alphabet.inputs[move.symbol].name,
                        "answer": move.output.answer,
                        "target": move.target,
                        "kind": kinds[state.number, move.symbol],
                    }
                    for move in state.moves
                ],
            }
            for state in comparison.machine.states
        ]

    def _as_json(self, difference: Difference) -> dict[str, Any]:
        told = difference.told
        assessment = told.assessment
        return {
            "number": difference.number,
            "kind": assessment.kind.value,
            "fails": difference.hard,
            "level": assessment.level.name,
            "section": assessment.section,
            "summary": assessment.why,
            "calls": shown(told.state.calls),
            "letter": self.system.alphabet.inputs[told.move.symbol].name,
            "answer": told.move.output.answer,
            "calls_after": shown(told.move.output.states),
            "usual": shown(assessment.usual) if assessment.usual else None,
            "word": self._spelled(difference.word),
            "confirmed": difference.confirmed,
            "program": difference.program.to_json() if difference.program is not None else None,
        }


#: Columns of the answers in tables.
_ANSWER = 21

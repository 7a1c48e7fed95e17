"""Outcomes of `conform` as text and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from mstrp.conform.core.outcome import Verdict
from mstrp.conform.server.python_text import python_text
from mstrp.report.lines import Line, Span, blank, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mstrp.conform.core.outcome import Outcome

__all__ = ["SCHEMA", "as_dict", "as_json", "conversation_lines", "failed", "outcome_lines", "program_text", "verdict"]

#: Name and version of the report format.
SCHEMA = "mstrp-conform/1"
_STYLES = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.ERROR: "fail",
    Verdict.INCONCLUSIVE: "warn",
    Verdict.NOT_APPLICABLE: "dim",
}
#: Maximum number of causes listed for inconclusive requirements, and of requirements for each.
_CAUSES, _EACH = 12, 6


def failed(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return unexpected failures, in the order in which they were found."""
    found = [each for each in outcomes if each.verdict is Verdict.FAIL and not each.expected]
    return sorted(found, key=lambda each: (each.found_after, each.requirement.id))


def verdict(outcomes: list[Outcome], cut: str = "") -> str:
    """Return the verdict of the run.

    "fail", "error" if there are only errors of test cases, "inconclusive" if the run was cut short or decided nothing
    that was selected, or "pass".
    """
    if failed(outcomes):
        return "fail"
    if any(outcome.verdict is Verdict.ERROR for outcome in outcomes):
        return "error"
    decided = any(outcome.verdict in {Verdict.PASS, Verdict.FAIL} for outcome in outcomes)
    return "pass" if decided and not cut else "inconclusive"


def as_dict(outcomes: list[Outcome], *, cut: str = "", **about: Any) -> dict[str, Any]:
    """Return the report as one object; ``about`` describes the test run, ``cut`` why it ended early."""
    counts = Counter(outcome.verdict.value for outcome in outcomes)
    return {
        "schema": SCHEMA,
        "verdict": verdict(outcomes, cut),
        **({"cut": cut} if cut else {}),
        **about,
        "counts": {result.value: counts[result.value] for result in Verdict},
        "outcomes": [outcome.as_dict() for outcome in outcomes],
    }


def as_json(outcomes: list[Outcome], **about: Any) -> str:
    """The report as one JSON object."""
    return json.dumps(as_dict(outcomes, **about), indent=1) + "\n"


def program_text(outcome: Outcome, binding: str) -> str:
    """Return the conversation as a Python program, if it can be performed."""
    if outcome.program is None or not outcome.program.performable:
        return ""
    return python_text(outcome.program, binding=binding, title=outcome.requirement.id)


def _spans(*pieces: tuple[str, str]) -> Line:
    return tuple(Span(style or "plain", text) for style, text in pieces)


# -- text ---------------------------------------------------------------------------------------------------------


def conversation_lines(rows: Iterable[str]) -> Iterator[Line]:
    """Return a conversation as a table: the sender of each packet, and the response."""
    for row in rows:
        yield _spans(("dim" if "◀──" in row else "plain", f"    {row}"))


def outcome_lines(
    outcomes: list[Outcome],
    conversations: dict[str, list[str]],
    *,
    binding: str,
    width: int,
    sent: int,
    seconds: float,
    seed: int,
    cut: str = "",
) -> Iterator[Line]:
    """Return the report for a terminal: failures, inconclusive requirements, and totals."""
    for outcome in failed(outcomes):
        yield from _failure(outcome, conversations.get(outcome.requirement.id, []), binding, width)
    yield from _left(outcomes, Verdict.ERROR, "errors of the test cases themselves", width)
    yield from _left(outcomes, Verdict.INCONCLUSIVE, "inconclusive", width)
    yield from _left(outcomes, Verdict.NOT_APPLICABLE, "not applicable", width)
    yield from _baseline(outcomes, width)
    yield _spans(("head", f"{'':<14}{'pass':>7}{'fail':>7}{'inconclusive':>13}{'not applicable':>16}{'error':>7}"))
    kinds = dict.fromkeys(outcome.requirement.kind for outcome in outcomes)
    columns = (
        (Verdict.PASS, 7),
        (Verdict.FAIL, 7),
        (Verdict.INCONCLUSIVE, 13),
        (Verdict.NOT_APPLICABLE, 16),
        (Verdict.ERROR, 7),
    )
    for kind in kinds:
        counts = Counter(outcome.verdict for outcome in outcomes if outcome.requirement.kind == kind)
        yield _spans(
            ("", f"{kind:<14}"),
            *((_STYLES[result] if counts[result] else "dim", f"{counts[result]:>{room},}") for result, room in columns),
        )
    whole = verdict(outcomes, cut)
    reason = cut or ("no selected requirement was decided" if whole == "inconclusive" else "")
    yield blank()
    yield _spans(
        (
            {"pass": "pass", "inconclusive": "warn"}.get(whole, "fail"),
            f"{binding}: {whole.upper()}" + (f": {reason}" if reason and whole == "inconclusive" else ""),
        ),
        ("", f", {sent:,} packets in {seconds:.1f} s, seed {seed}"),
    )


def _failure(outcome: Outcome, rows: list[str], binding: str, width: int) -> Iterator[Line]:
    requirement = outcome.requirement
    yield _spans(("fail", f"FAIL {requirement.id}"), ("", f", MS-TRP {requirement.section}: {requirement.summary}"))
    yield from wrapped(outcome.cause, "plain", width=width, first="  ", rest="    ")
    if outcome.program is not None and len(outcome.program):
        yield _spans(("dim", f"  the shortest conversation found with the failure, {outcome.packets} packets:"))
        yield from conversation_lines(rows)
    if outcome.program is not None and outcome.program.performable:
        yield _spans(("dim", "  as a program:"))
        text = python_text(outcome.program, binding=binding, title=f"{requirement.id}: {outcome.cause}")
        for row in text.splitlines():
            yield _spans(("", f"    {row}" if row else ""))
    yield blank()


def _left(outcomes: list[Outcome], result: Verdict, title: str, width: int) -> Iterator[Line]:
    """Return the outcomes with a result, by cause."""
    causes: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.verdict is result:
            causes.setdefault(outcome.cause, []).append(outcome.requirement.id)
    if not causes:
        return
    yield _spans(("head", f"{title}: {sum(map(len, causes.values())):,}"))
    ordered = sorted(causes.items(), key=lambda item: -len(item[1]))
    for cause, names in ordered[:_CAUSES]:
        more = f" and {len(names) - _EACH:,} more" if len(names) > _EACH else ""
        yield from wrapped(f"{cause}: {', '.join(names[:_EACH])}{more}", "plain", width=width, first="  ", rest="    ")
    if len(ordered) > _CAUSES:
        yield _spans(("dim", f"  {len(ordered) - _CAUSES:,} more causes (--format json has all)"))
    yield blank()


def _baseline(outcomes: list[Outcome], width: int) -> Iterator[Line]:
    expected = sorted(
        (outcome for outcome in outcomes if outcome.expected),
        key=lambda outcome: (outcome.found_after, outcome.requirement.id),
    )
    if not expected:
        return
    still = [outcome for outcome in expected if outcome.verdict is Verdict.FAIL]
    passed = [outcome.requirement.id for outcome in expected if outcome.verdict is Verdict.PASS]
    open_ = [outcome.requirement.id for outcome in expected if outcome.verdict not in {Verdict.FAIL, Verdict.PASS}]
    yield _spans(("", f"expected by the baseline: {len(still):,} of {len(expected):,} failures"))
    for outcome in still:
        reason = f" (known: {outcome.reason})" if outcome.reason not in {"", outcome.cause} else ""
        yield from wrapped(
            f"{outcome.requirement.id}: {outcome.cause}{reason}", "dim", width=width, first="  ", rest="    "
        )
    for names, what in ((passed, "no longer failing"), (open_, "inconclusive in this run")):
        if names:
            yield from wrapped(f"{what}: {', '.join(names)}", "warn", width=width, first="  ", rest="    ")
    yield blank()

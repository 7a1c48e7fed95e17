"""The headline of a checked capture: verdict, checked traffic, and unchecked traffic with reasons."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fsm.engine.levels import Verdict
from mstrp.checking.results import NO_TRAFFIC, judged_of, verdict_of
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mstrp.capture.unread import UnreadKind
    from mstrp.checking.results import CaptureResult, Judged, Unjudged

__all__ = [
    "common_folder",
    "count",
    "explanation",
    "headline",
    "judgement",
    "left_out",
    "short_path",
    "totals",
    "verdict_name",
]

#: Maximum number of causes of unread frames listed if nothing was checked.
_NAMED = 4


def count(number: int, noun: str) -> str:
    """Return a number with its noun in the right form."""
    plural = "es" if noun.endswith("ss") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def verdict_name(result: CaptureResult) -> str:
    """Return the verdict in words; "unreadable" if there is none."""
    verdict = result.verdict
    return "unreadable" if verdict is None else verdict.value


def totals(results: Iterable[CaptureResult]) -> dict[str, int]:
    """Return the number of findings by verdict, including unlisted ones."""
    found = {"fail": 0, "warn": 0, "info": 0}
    for result in results:
        for (_, verdict), number in result.totals.items():
            found[verdict.value] += number
    return found


def headline(result: CaptureResult, *, path: str | None = None) -> str:
    """Return a one-line summary of a capture."""
    text = f"{printable(result.path if path is None else path)}: {verdict_name(result).upper()}"
    said = explanation([result])
    return f"{text}: {said}" if said else text


def explanation(results: Sequence[CaptureResult]) -> str:
    """Return the amount of checked and unchecked traffic, or why nothing could be read."""
    errors = [result.error for result in results if result.error is not None]
    if results and len(errors) == len(results) and verdict_of(results) is None:
        return printable(errors[0]) if len(errors) == 1 else f"{count(len(errors), 'capture')} could not be read"
    judged = judged_of(result.judged for result in results)
    unjudged = [each for result in results for each in result.unjudged]
    if verdict_of(results) is Verdict.INCONCLUSIVE or not judged.packets:
        return "nothing judged: " + _why(unjudged, [kind for result in results for kind in result.unread])
    return "; ".join([judgement(judged), *_left(unjudged)])


def left_out(results: Sequence[CaptureResult]) -> list[str]:
    """Return the findings excluded from the verdict, and the selection of the report."""
    expected = sum(len(result.expected) for result in results)
    ignored = sum(sum(result.ignored.values()) for result in results)
    shown = next((" and ".join(result.selection) for result in results if result.selection), "")
    return [
        *([f"{count(expected, 'finding')} expected by the baseline"] if expected else []),
        *([f"{count(ignored, 'finding')} ignored"] if ignored else []),
        *([f"shown: {printable(shown)}"] if shown else []),
    ]


def judgement(judged: Judged) -> str:
    """Return the amount of checked traffic."""
    return f"{count(judged.packets, 'packet')} in {count(judged.sessions, 'session')} judged"


def _left(unjudged: Sequence[Unjudged]) -> list[str]:
    """Return the unchecked traffic in addition to the checked one, one text for each reason."""
    found = []
    for reason in dict.fromkeys(each.reason for each in unjudged if each.reason != NO_TRAFFIC):
        mine = [each for each in unjudged if each.reason == reason]
        packets, sessions = sum(each.packets for each in mine), sum(each.sessions for each in mine)
        of_sessions = count(sessions, "session" if reason in _SESSIONS else "connection") if sessions else ""
        found.append(
            _PARTS.get(reason, "{what} {reason}, not judged").format(
                what=of_sessions or count(packets, "packet"), packets=count(packets, "packet"), reason=reason
            )
        )
    return found


#: Reasons that are counted in sessions.
_SESSIONS = {"sealed", "wrong-password", "no-response"}
_PARTS = {
    "sealed": "{what} sealed, not judged",
    "wrong-password": "{what} sealed (no given password matches), not judged",
    "one-direction": "{what} captured in one direction, not judged",
    "no-bind": "{what} whose bind was not captured, not judged",
    "no-response": "{what} without responses, not judged",
    "undecodable": "{packets} that cannot be decoded, not judged",
    "truncated": "{packets} truncated by the snap length, not judged",
    "limit": "{packets} beyond a limit, not judged",
}


def _why(unjudged: Sequence[Unjudged], unread: Sequence[UnreadKind]) -> str:
    """Return the reasons why nothing was checked."""
    found = [_reason(each) for each in unjudged if each.reason != NO_TRAFFIC]
    empty = [each for each in unjudged if each.reason == NO_TRAFFIC]
    if not found:
        found = [each.detail for each in empty[:1]] or ["no capture was read"]
        if len(empty) > 1:
            found = ["no MS-TRP traffic"]
    text = "; ".join(found)
    kinds: dict[str, int] = {}
    named_already = {each.detail for each in unjudged}
    for kind in unread:
        if kind.detail not in named_already:
            kinds[kind.detail] = kinds.get(kind.detail, 0) + kind.frames
    if kinds:
        named = [f"{number:,} × {detail}" for detail, number in list(kinds.items())[:_NAMED]]
        rest = sum(list(kinds.values())[_NAMED:])
        text += f"; frames not read: {', '.join([*named, *([f'{rest:,} others'] if rest else [])])}"
    return text


def _reason(each: Unjudged) -> str:
    packets = count(each.packets, "packet")
    if not each.packets and each.sessions:
        packets = count(each.sessions, "session" if each.reason in _SESSIONS else "connection")
    detail = printable(each.detail)
    match each.reason:
        case "sealed" if "needed: " in detail:
            return f"{packets} sealed ({detail})"
        case "sealed":
            return f"{packets} sealed ({detail}); pass the password with --nt-password or --nt-hash"
        case "wrong-password":
            return f"{packets} sealed ({detail}); no given password matches: check --nt-password or --nt-hash"
        case "encapsulation":
            return f"{count(each.packets, 'frame')} of {detail}, which is not read"
        case "one-direction":
            return f"{packets} captured in one direction only ({detail})"
        case "truncated" if not each.packets:
            return f"the file is damaged: {detail}"
        case "truncated":
            return f"{count(each.packets, 'frame')} {'' if detail.startswith('truncated') else 'with '}{detail}"
        case "undecodable":
            return f"{packets} that cannot be decoded ({detail})"
        case "limit" | "fragment":
            return f"{each.packets:,} {detail}"
    return f"{packets}: {detail}"


def common_folder(paths: Sequence[str]) -> str:
    """Return the common folder of several paths, with its separator; "" if there is none."""
    if len(paths) < 2 or "-" in paths:
        return ""
    try:
        found = os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120 - as the paths were given
    except ValueError:
        return ""
    found = found if not found or found.endswith(os.sep) else found + os.sep
    return found if all(path.startswith(found) for path in paths) else ""


def short_path(path: str, folder: str) -> str:
    """Return a path without the common folder."""
    return path.removeprefix(folder) if folder else path

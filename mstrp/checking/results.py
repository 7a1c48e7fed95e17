"""The result of checking a capture: sessions, findings, the verdict, and the amount of checked traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.engine.levels import Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fsm.engine.finding import Finding
    from mstrp.capture.sealed import Sealed
    from mstrp.capture.unread import Skipped, UnreadKind

__all__ = [
    "NO_TRAFFIC",
    "CallResult",
    "CaptureResult",
    "Expected",
    "Judged",
    "Part",
    "SessionResult",
    "Unjudged",
    "counted",
    "judged_of",
    "verdict_of",
]

#: The reason of a capture without any MS-TRP traffic.
NO_TRAFFIC = "no-traffic"


class CallResult(NamedTuple):
    """A call handle: the states it was known to be in, and how it ended."""

    handle: int
    epoch: int
    states: tuple[str, ...]
    final: str
    #: The line, by handle; "" if it is not known.
    line: str = ""

    @property
    def name(self) -> str:
        """The instance, as findings refer to it."""
        return f"{self.handle:#x}#{self.epoch}"

    def _repr_svg_(self) -> str | None:
        """Return a diagram of the states, for notebooks."""
        from mstrp.report.notebook import call_svg

        return call_svg(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the call in the format of the report."""
        return {
            "handle": f"0x{self.handle:08x}",
            "epoch": self.epoch,
            "states": list(self.states),
            "final": self.final,
            **({"line": self.line} if self.line else {}),
        }


class Judged(NamedTuple):
    """Number of packets, sessions and calls that were checked."""

    packets: int = 0
    sessions: int = 0
    calls: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the numbers in the format of the report."""
        return self._asdict()


class Unjudged(NamedTuple):
    """Traffic that was not checked, for one reason."""

    #: "no-traffic", "sealed", "wrong-password", "encapsulation", "truncated", "one-direction", "no-bind",
    #: "no-response", "undecodable", "limit", "fragment" or "attach-refused".
    reason: str
    #: MS-TRP packets or RPC calls if known, otherwise frames.
    packets: int
    detail: str
    #: Sessions, or connections if sessions are not known.
    sessions: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the entry in the format of the report."""
        return self._asdict()


class SessionResult(NamedTuple):
    """A session: both ends, the model of event delivery, and its traffic."""

    id: str
    client: str
    server: str
    model: str | None
    version: int
    requests: dict[str, int]
    events: dict[str, int]
    #: The listed calls; `judged` counts all.
    calls: list[CallResult]
    judged: Judged = Judged()
    #: Frame and time of the first and of the last packet.
    first: tuple[int, float] = (0, 0.0)
    last: tuple[int, float] = (0, 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Return the session in the format of the report."""
        return {
            "id": self.id,
            "client": self.client,
            "server": self.server,
            "model": self.model,
            "version": f"0x{self.version:08x}" if self.version else None,
            "requests": self.requests,
            "events": self.events,
            "judged": {"packets": self.judged.packets, "calls": self.judged.calls},
            "calls": [call.as_dict() for call in self.calls],
        }


class Expected(NamedTuple):
    """A finding that a baseline expects, with the reason."""

    finding: Finding
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Return the finding in the format of the report, with the reason."""
        return {**self.finding.as_dict(), "reason": self.reason}


class Part(NamedTuple):
    """Data about a part of a capture that the report does not contain."""

    #: Sessions in the order of their start, with its frame.
    begun: list[tuple[int, str]]
    #: Endpoints that clients specified, and those of event channels that no client in this part specified.
    announced: set[str]
    unannounced: set[str]
    #: Whether the result depends on the rest of the capture, for instance because a limit was reached.
    dependent: bool
    #: Traffic that was not checked, and sessions without checked traffic, with their requests.
    skipped: tuple[Skipped, ...] = ()
    silent: tuple[int, int] = (0, 0)


class CaptureResult(NamedTuple):
    """The result for one capture."""

    path: str
    frames: int
    sessions: list[SessionResult]
    findings: list[Finding]
    #: Damage: (frame, text).
    notes: list[tuple[int, str]]
    #: The reason why the file could not be read, or None.
    error: str | None
    #: Whether Ctrl-C ended the reading.
    interrupted: bool = False
    #: Calls that could not be decrypted.
    sealed: tuple[Sealed, ...] = ()
    #: Data required to merge the results of several parts.
    part: Part | None = None
    #: Findings that the baseline expects; they do not affect the verdict.
    expected: tuple[Expected, ...] = ()
    judged: Judged = Judged()
    unjudged: tuple[Unjudged, ...] = ()
    #: Frames that were not read, by cause.
    unread: tuple[UnreadKind, ...] = ()
    #: Number of findings by rule and verdict, including unlisted ones; None if all are listed.
    found: Mapping[tuple[str, Verdict], int] | None = None
    #: Number of findings of ignored rules, by rule; they do not affect the verdict.
    ignored: Mapping[str, int] = {}
    #: The selection applied to sessions, calls and findings; verdict and numbers include all.
    selection: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict of the findings; inconclusive if nothing was checked, None if nothing could be read."""
        return verdict_of([self])

    @property
    def totals(self) -> Mapping[tuple[str, Verdict], int]:
        """Number of findings by rule and verdict."""
        return counted(self.findings) if self.found is None else self.found

    @property
    def empty(self) -> bool:
        """Whether the capture contains no MS-TRP traffic."""
        return not self.judged.packets and all(each.reason == NO_TRAFFIC for each in self.unjudged)

    def _repr_html_(self) -> str:
        """Return verdict, calls and findings, for notebooks."""
        from mstrp.report.notebook import result_html

        return result_html(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the capture in the format of the report."""
        verdict = self.verdict
        found: dict[str, Any] = {
            "path": self.path,
            "verdict": None if verdict is None else verdict.value,
            "frames": self.frames,
            "error": self.error,
            "judged": self.judged.as_dict(),
            "unjudged": [each.as_dict() for each in self.unjudged],
            "unread": [each._asdict() for each in self.unread],
            "sessions": [session.as_dict() for session in self.sessions],
            "findings": [finding.as_dict() for finding in self.findings],
        }
        if self.expected:
            found["expected"] = [each.as_dict() for each in self.expected]
        if self.ignored:
            found["ignored"] = dict(self.ignored)
        if self.selection:
            found["selection"] = list(self.selection)
        if self.interrupted:
            found["interrupted"] = True
        if self.sealed:
            found["sealed"] = [sealed._asdict() for sealed in self.sealed]
        if self.notes:
            found["notes"] = [{"frame": frame, "text": text} for frame, text in self.notes]
        return found


def counted(findings: Iterable[Finding]) -> dict[tuple[str, Verdict], int]:
    """Return the number of findings by rule and verdict."""
    found: dict[tuple[str, Verdict], int] = {}
    for finding in findings:
        key = finding.rule, finding.verdict
        found[key] = found.get(key, 0) + 1
    return found


def judged_of(judged: Iterable[Judged]) -> Judged:
    """Return the sum of several results."""
    found = list(judged)
    return Judged(*(sum(each[place] for each in found) for place in range(3)))


def verdict_of(results: Iterable[CaptureResult]) -> Verdict | None:
    """Return the verdict on captures: the worst finding, or inconclusive if nothing was checked.

    None if no capture was read.
    """
    found = list(results)
    whole = worst(*(verdict for result in found for _, verdict in result.totals))
    if whole is not Verdict.PASS:
        return whole
    if found and all(result.error is not None for result in found):
        return None
    return Verdict.PASS if any(result.judged.packets for result in found) else Verdict.INCONCLUSIVE

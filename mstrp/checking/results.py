"""The result of checking a capture: sessions, findings, the verdict, and how much was judged."""

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
        """Notebooks show the states as a picture."""
        from mstrp.report.notebook import call_svg

        return call_svg(self)

    def as_dict(self) -> dict[str, Any]:
        """The call as the report spells it."""
        return {
            "handle": f"0x{self.handle:08x}",
            "epoch": self.epoch,
            "states": list(self.states),
            "final": self.final,
            **({"line": self.line} if self.line else {}),
        }


class Judged(NamedTuple):
    """Number of packets, sessions and calls that were judged."""

    packets: int = 0
    sessions: int = 0
    calls: int = 0

    def as_dict(self) -> dict[str, int]:
        """The numbers as the report spells them."""
        return self._asdict()


class Unjudged(NamedTuple):
    """Traffic that was not judged, for one reason."""

    #: "no-traffic", "sealed", "wrong-password", "encapsulation", "truncated", "one-direction", "no-bind",
    #: "no-response", "undecodable", "limit", "fragment" or "attach-refused".
    reason: str
    #: MS-TRP packets or RPC calls as far as they are known, otherwise frames.
    packets: int
    detail: str
    #: Sessions, or connections where sessions are not known.
    sessions: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The entry as the report spells it."""
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
    #: The calls that are listed; `judged` counts all.
    calls: list[CallResult]
    judged: Judged = Judged()
    #: Frame and time of the first and of the last packet.
    first: tuple[int, float] = (0, 0.0)
    last: tuple[int, float] = (0, 0.0)

    def as_dict(self) -> dict[str, Any]:
        """The session as the report spells it."""
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
    """A finding that a baseline expects, and why."""

    finding: Finding
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """The finding as the report spells it, with the reason."""
        return {**self.finding.as_dict(), "reason": self.reason}


class Part(NamedTuple):
    """What the result of a part of a capture has in addition to what the report shows."""

    #: Sessions in the order in which they began, with the frame of that.
    begun: list[tuple[int, str]]
    #: Endpoints that clients have named, and those of event channels that none has named here.
    announced: set[str]
    unannounced: set[str]
    #: Whether the result depends on the rest of the capture, for instance because a limit was reached.
    dependent: bool
    #: Traffic that was not judged, and sessions of which nothing was, with their requests.
    skipped: tuple[Skipped, ...] = ()
    silent: tuple[int, int] = (0, 0)


class CaptureResult(NamedTuple):
    """Everything about one capture."""

    path: str
    frames: int
    sessions: list[SessionResult]
    findings: list[Finding]
    #: Damage: (frame, text).
    notes: list[tuple[int, str]]
    #: Why the file could not be read, or None.
    error: str | None
    #: Whether Ctrl-C ended the reading.
    interrupted: bool = False
    #: Calls that could not be decrypted.
    sealed: tuple[Sealed, ...] = ()
    #: What is needed to put the results of several parts together.
    part: Part | None = None
    #: Findings that the baseline expects: they do not count.
    expected: tuple[Expected, ...] = ()
    judged: Judged = Judged()
    unjudged: tuple[Unjudged, ...] = ()
    #: Frames that were not read, by cause.
    unread: tuple[UnreadKind, ...] = ()
    #: Number of findings by rule and verdict, with those that are not listed; None: all are listed.
    found: Mapping[tuple[str, Verdict], int] | None = None
    #: Number of findings of ignored rules, by rule: they do not count.
    ignored: Mapping[str, int] = {}
    #: The selection that sessions, calls and findings were reduced to; verdict and numbers are those of all.
    selection: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict of the findings; inconclusive if nothing was judged, None if nothing could be read."""
        return verdict_of([self])

    @property
    def totals(self) -> Mapping[tuple[str, Verdict], int]:
        """Number of findings by rule and verdict."""
        return counted(self.findings) if self.found is None else self.found

    @property
    def empty(self) -> bool:
        """Whether the capture has no MS-TRP traffic at all."""
        return not self.judged.packets and all(each.reason == NO_TRAFFIC for each in self.unjudged)

    def _repr_html_(self) -> str:
        """Notebooks show verdict, calls and findings."""
        from mstrp.report.notebook import result_html

        return result_html(self)

    def as_dict(self) -> dict[str, Any]:
        """The capture as the report spells it."""
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
    """Number of findings by rule and verdict."""
    found: dict[tuple[str, Verdict], int] = {}
    for finding in findings:
        key = finding.rule, finding.verdict
        found[key] = found.get(key, 0) + 1
    return found


def judged_of(judged: Iterable[Judged]) -> Judged:
    """The sum of several."""
    found = list(judged)
    return Judged(*(sum(each[place] for each in found) for place in range(3)))


def verdict_of(results: Iterable[CaptureResult]) -> Verdict | None:
    """The verdict on captures: the worst finding, else inconclusive if nothing was judged; None if none was read."""
    found = list(results)
    whole = worst(*(verdict for result in found for _, verdict in result.totals))
    if whole is not Verdict.PASS:
        return whole
    if found and all(result.error is not None for result in found):
        return None
    return Verdict.PASS if any(result.judged.packets for result in found) else Verdict.INCONCLUSIVE

"""The level of a row, the verdict of a finding, and the side at fault."""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["Fault", "Level", "Verdict", "verdict_of", "worst"]


class Level(IntEnum):
    """How firmly the documents require a row, the firmest first."""

    #: Upper-case MUST of MS-TRP, or an unqualified requirement of the TAPI documentation.
    MUST = 0
    #: Lower-case "must", or a plain statement.
    STATED = 1
    #: Documented as usual, or derived from documentation.
    TYPICAL = 2
    #: No document forbids or explains it.
    SUSPICIOUS = 3


class Verdict(StrEnum):
    """The verdict of a finding, or of all findings together.

    `INCONCLUSIVE` is the verdict of a report in which nothing was checked; no finding has it.
    """

    PASS = "pass"
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


_ORDER = {Verdict.PASS: 0, Verdict.INFO: 1, Verdict.INCONCLUSIVE: 2, Verdict.WARN: 3, Verdict.FAIL: 4}


def verdict_of(level: Level) -> Verdict:
    """Return the verdict of a row with a rule."""
    if level is Level.SUSPICIOUS:
        return Verdict.WARN
    return Verdict.FAIL if level <= Level.STATED else Verdict.INFO


def worst(*verdicts: Verdict) -> Verdict:
    """Return the worst of several verdicts; information alone is a pass."""
    found = max(verdicts, key=_ORDER.__getitem__, default=Verdict.PASS)
    return Verdict.PASS if found is Verdict.INFO else found


class Fault(StrEnum):
    """The side at fault for a finding."""

    CLIENT = "client"
    SERVER = "server"

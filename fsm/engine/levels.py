"""How hard a row is, what a finding means for the verdict, and who is at fault."""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["Fault", "Level", "Verdict", "verdict_of", "worst"]


class Level(IntEnum):
    """How firmly the documents stand behind a row, the firmest first."""

    #: Upper-case MUST of MS-TRP, or an unqualified obligation of the TAPI documentation.
    MUST = 0
    #: Lower-case "must", or a plain statement.
    STATED = 1
    #: Documented as usual, or following from something documented.
    TYPICAL = 2
    #: Nothing forbids it, nothing explains it.
    SUSPICIOUS = 3


class Verdict(StrEnum):
    """The verdict of a finding, or of all findings together.

    `INCONCLUSIVE` is the verdict of a report in which nothing was judged; no finding has it.
    """

    PASS = "pass"
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


_ORDER = {Verdict.PASS: 0, Verdict.INFO: 1, Verdict.INCONCLUSIVE: 2, Verdict.WARN: 3, Verdict.FAIL: 4}


def verdict_of(level: Level) -> Verdict:
    """What a reported row means for the verdict."""
    if level is Level.SUSPICIOUS:
        return Verdict.WARN
    return Verdict.FAIL if level <= Level.STATED else Verdict.INFO


def worst(*verdicts: Verdict) -> Verdict:
    """The gravest of several verdicts; information alone still passes."""
    found = max(verdicts, key=_ORDER.__getitem__, default=Verdict.PASS)
    return Verdict.PASS if found is Verdict.INFO else found


class Fault(StrEnum):
    """Who did what a finding speaks of."""

    CLIENT = "client"
    SERVER = "server"

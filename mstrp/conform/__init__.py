"""Conformance tests of live MS-TRP servers and clients: what the tables know as test programs.

A `Tester` performs steps against the server of a `Target` and keeps what is wrong in `violations`; `Program` is what it
did, as data. `Campaign` has the outcome of every requirement, and `run` performs the tests that fill it.
"""

from mstrp.conform.core.campaign import Campaign
from mstrp.conform.core.errors import Missing, Unreachable
from mstrp.conform.core.outcome import Outcome, Requirement, Verdict
from mstrp.conform.core.program import Program
from mstrp.conform.core.target import Budget, BudgetSpent, Target
from mstrp.conform.core.violation import Violation
from mstrp.conform.server.shrink import replay, shrink
from mstrp.conform.server.suite import run
from mstrp.conform.server.tester import Tester

__all__ = [
    "Budget",
    "BudgetSpent",
    "Campaign",
    "Missing",
    "Outcome",
    "Program",
    "Requirement",
    "Target",
    "Tester",
    "Unreachable",
    "Verdict",
    "Violation",
    "replay",
    "run",
    "shrink",
]

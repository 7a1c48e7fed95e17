"""Conformance tests of live MS-TRP servers and clients: what the tables know as test programs.

A `Probe` performs steps against the server of a `Target` and keeps what is wrong in `complaints`; `Program` is what it
did, as data. `Book` has the outcome of every requirement, and `run` performs the tests that fill it.
"""

from mstrp.conform.book import Book
from mstrp.conform.complaint import Complaint
from mstrp.conform.outcome import Outcome, Requirement, Result
from mstrp.conform.probe import Missing, Probe, Unreachable
from mstrp.conform.program import Program
from mstrp.conform.shrink import replay, shrink
from mstrp.conform.suite import run
from mstrp.conform.target import Budget, BudgetSpent, Target

__all__ = [
    "Book",
    "Budget",
    "BudgetSpent",
    "Complaint",
    "Missing",
    "Outcome",
    "Probe",
    "Program",
    "Requirement",
    "Result",
    "Target",
    "Unreachable",
    "replay",
    "run",
    "shrink",
]

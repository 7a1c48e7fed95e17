"""Our own server keeps what a server has to keep; what is tried is tried for real."""

from __future__ import annotations

from typing import Any

from world import run as run_loop
from world import until

from mstrp.conform.book import Book
from mstrp.conform.outcome import Result
from mstrp.conform.suite import run
from mstrp.conform.target import Budget, Target
from mstrp.live.exchange import Exchange, Plan
from mstrp.live.server import Options, Server


def conform(make: Any = Server, *, wanted: Any = lambda test: True, **options: Any) -> Book:
    """A run against a server in the same process."""
    books = []

    async def work() -> None:
        provider = Exchange(Plan(pace=0.02, step=0.05))
        async with make(provider, Options(port=0)) as server:
            book = Book.of(Target.of(server.address, settle=0.02, patience=1.0), **options)
            books.append(book)
            await run(book, wanted=wanted)
            await until(lambda: not server.clients)

    run_loop(work(), 300.0)
    return books[0]


def test_own_server() -> None:
    """No failure, and hardly a rule that was not decided."""
    book = conform(depth=0)
    assert not book.failures, [(outcome.requirement.id, outcome.cause) for outcome in book.failures]
    rules = [outcome for outcome in book.outcomes.values() if outcome.requirement.kind == "rule"]
    assert sum(outcome.result is Result.PASS for outcome in rules) > 0.85 * len(rules)


def test_budget() -> None:
    """A run ends when its packets are sent, and says what it did not try."""
    book = conform(depth=0, budget=Budget(packets=100))
    assert book.budget.sent <= 100
    left = [outcome for outcome in book.outcomes.values() if not outcome.tried]
    assert left
    assert all(outcome.cause for outcome in left)

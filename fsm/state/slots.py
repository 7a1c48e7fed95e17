"""Transactions by request id: one for each id, more if a client or server reuses an id too early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsm.state.instances import Transaction

__all__ = ["Slots"]

#: Maximum number of transactions stored for one id.
_LIMIT: Final = 64


class Slots:
    """Transactions by request id; those of one id are in the order in which they were added."""

    __slots__ = ("first", "later")

    def __init__(self) -> None:
        self.first: dict[int, Transaction] = {}
        #: Further transactions, by ids that are in use more than once.
        self.later: dict[int, list[Transaction]] = {}

    def __contains__(self, number: int) -> bool:
        return number in self.first

    def __len__(self) -> int:
        return len(self.first)

    def __iter__(self) -> Iterator[int]:
        return iter(self.first)

    def get(self, number: int) -> Transaction | None:
        """Return the oldest transaction of an id."""
        return self.first.get(number)

    def all(self, number: int) -> list[Transaction]:
        """Return the transactions of an id."""
        found = self.first.get(number)
        return [] if found is None else [found, *self.later.get(number, ())]

    def values(self) -> Iterator[Transaction]:
        """Return all transactions."""
        yield from self.first.values()
        for more in self.later.values():
            yield from more

    def add(self, number: int, transaction: Transaction) -> None:
        """Add a transaction; above the limit it replaces the newest."""
        if number not in self.first:
            self.first[number] = transaction
            return
        more = self.later.setdefault(number, [])
        if len(more) >= _LIMIT:
            more.pop()
        more.append(transaction)

    def remove(self, number: int, transaction: Transaction) -> bool:
        """Remove a transaction; return whether it was stored."""
        more = self.later.get(number) if self.later else None
        if self.first.get(number) is transaction:
            if more:
                self.first[number] = more.pop(0)
            else:
                del self.first[number]
        elif more and transaction in more:
            more.remove(transaction)
        else:
            return False
        if more is not None and not more:
            del self.later[number]
        return True

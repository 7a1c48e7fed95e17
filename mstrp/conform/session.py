"""A test that is a conversation of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.conform.probe import Missing, Probe
from mstrp.conform.world import World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.book import Book

__all__ = ["in_session"]


async def in_session(
    book: Book,
    act: Callable[[Probe, World], Awaitable[Any]],
    *names: str,
    lines: int = 2,
    how: str = "",
    phones: bool = False,
) -> None:
    """Do something in a session with so many lines open; the requirements that it tries pass when it was performed."""
    async with book.probe() as probe:
        try:
            world = World(probe)
            await world.begin(lines=lines, how=how, phones=phones)
            await act(probe, world)
            tried = True
        except Missing as error:
            book.missed(error, *names)
            tried = False
    book.judge(probe)
    if tried:
        book.passes(*names)

"""The definition of a flow: a description of clients, and a function that writes their steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mstrp.generate.play import Play

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.generate.play import Script

__all__ = ["Flow", "nothing"]


def nothing(*scripts: Script) -> None:
    """Add nothing to the sessions of the clients."""


class Flow(NamedTuple):
    """A legal conversation. ``write`` gets one script for each client."""

    name: str
    section: str
    summary: str
    write: Callable[..., None] = nothing
    #: Options of `Play.client` for each client.
    clients: tuple[dict[str, Any], ...] = ({},)
    #: Whether the flow ends the session itself, or closes its devices.
    closes: bool = False
    ends: bool = False
    #: Rules of the expected warnings, because the client sends requests that the server must refuse.
    warns: frozenset[str] = frozenset()

    @property
    def plain(self) -> bool:
        """Whether it consists of calls on a line that stays open, so that any number of such flows can use one line."""
        return self.clients == ({},) and not self.closes and not self.ends

    @property
    def repeats(self) -> bool:
        """Whether one session can contain the flow any number of times."""
        return self.write is not nothing and not self.closes and not self.ends

    def play(self) -> Play:
        """Return the flow with the sessions of its clients."""
        play = Play()
        roles = [play.client(**options) for options in self.clients]
        self.write(*(play.script(role) for role in roles))
        for role in roles:
            if not self.ends:
                play.finish(role, close=not self.closes)
        return play

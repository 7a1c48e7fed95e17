"""What a flow is: a description of clients, and a function that writes what they do."""

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
    #: Whether the flow ends the session itself, or leaves its devices closed.
    closes: bool = False
    ends: bool = False
    #: Rules of the warnings that a flow earns because the client asks for what the server has to refuse.
    warns: frozenset[str] = frozenset()

    @property
    def plain(self) -> bool:
        """Whether it is one call or more on a line that stays open: any number of such flows fit on one line."""
        return self.clients == ({},) and not self.closes and not self.ends

    @property
    def repeats(self) -> bool:
        """Whether one session can hold the flow any number of times."""
        return self.write is not nothing and not self.closes and not self.ends

    def play(self) -> Play:
        """The flow with the sessions of its clients around it."""
        play = Play()
        roles = [play.client(**options) for options in self.clients]
        self.write(*(play.script(role) for role in roles))
        for role in roles:
            if not self.ends:
                play.finish(role, close=not self.closes)
        return play

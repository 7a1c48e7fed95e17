"""Paths: sequences of states that calls were known to be in, each sequence stored once."""

from __future__ import annotations

from typing import ClassVar

from fsm.tables.call_states import LABELS, CallState

__all__ = ["Path", "Paths"]


class Path:
    """A sequence of states as a node that knows its predecessor; equal paths are the same node."""

    __slots__ = ("_names", "depth", "following", "previous", "state")

    def __init__(self, previous: Path | None, state: CallState | None) -> None:
        self.previous = previous
        self.state = state
        self.depth: int = 0 if previous is None else previous.depth + 1
        self.following: dict[CallState, Path] = {}
        self._names: tuple[str, ...] | None = None

    def states(self) -> list[CallState]:
        """The states in order."""
        found: list[CallState] = []
        node: Path | None = self
        while node is not None and node.state is not None:
            found.append(node.state)
            node = node.previous
        return found[::-1]

    def names(self) -> tuple[str, ...]:
        """Return the state names in order, as in reports."""
        if self._names is None:
            self._names = tuple(LABELS.get(state, state.name.lower()) for state in self.states())
        return self._names

    def since(self, mark: Path) -> list[CallState]:
        """Return the states entered after an earlier node of the same path."""
        found: list[CallState] = []
        node: Path | None = self
        while node is not None and node is not mark and node.depth > mark.depth and node.state is not None:
            found.append(node.state)
            node = node.previous
        return found


class Paths:
    """All paths of a monitor, each stored once, with a limit that protects the memory from hostile traffic."""

    #: Maximum numbers of nodes, and of states per path; longer paths are not extended.
    NODES: ClassVar[int] = 50_000
    DEPTH: ClassVar[int] = 256

    def __init__(self) -> None:
        self.root = Path(None, None)
        self.count = 0

    def extend(self, path: Path, state: CallState) -> Path:
        """Return the path with one more state, unless it is the last state already."""
        if path.state is state:
            return path
        found = path.following.get(state)
        if found is None:
            if self.count >= self.NODES or path.depth >= self.DEPTH:
                return path
            found = path.following[state] = Path(path, state)
            self.count += 1
        return found

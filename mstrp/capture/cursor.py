"""The frames of a capture one at a time, without an object for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from fsm.engine.compiling import mypyc_attr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_extensions import i64

    from mstrp.capture.files import Frame

__all__ = ["Cursor", "cursor"]


@mypyc_attr(allow_interpreted_subclasses=False)
class Cursor:
    """The frame at hand, as attributes; `step` goes on to the next one.

    It is an iterator over tuples, too, for whoever has the time.
    """

    def __init__(self) -> None:
        #: Number of the frame from 1, and its time in seconds.
        self.number: i64 = 0
        self.time = 0.0
        self.link: i64 = 0
        #: The bytes that it lies in, and from where to where.
        self.data = b""
        self.start: i64 = 0
        self.end: i64 = 0
        #: How long it was on the wire.
        self.length: i64 = 0

    def step(self) -> bool:
        """Go on to the next frame; False when there is none."""
        raise NotImplementedError

    def __iter__(self) -> Self:
        return self

    # A `Frame`; the compiler cannot have a tuple of known types here.
    def __next__(self) -> Any:
        if not self.step():
            raise StopIteration
        return self.number, self.time, self.link, self.data, self.start, self.end, self.length


class _Walk(Cursor):
    """The frames of anything that has them as tuples."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        super().__init__()
        self._frames = iter(frames)

    def step(self) -> bool:
        """Go on to the next frame; False when there is none."""
        for number, time, link, data, start, end, length in self._frames:
            self.number, self.time, self.link = number, time, link
            self.data, self.start, self.end, self.length = data, start, end, length
            return True
        return False


def cursor(frames: Iterable[Frame]) -> Cursor:
    """What goes through some frames: they themselves where they can."""
    found = iter(frames)
    return found if isinstance(found, Cursor) else _Walk(found)

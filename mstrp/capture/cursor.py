"""The frames of a capture, one at a time, without an object for each."""

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
    """The current frame, as attributes; `step` reads the next one.

    It is also an iterator over tuples, for callers without performance requirements.
    """

    def __init__(self) -> None:
        #: Number of the frame from 1, and its time in seconds.
        self.number: i64 = 0
        self.time = 0.0
        self.link: i64 = 0
        #: The buffer that contains the frame, with start and end.
        self.data = b""
        self.start: i64 = 0
        self.end: i64 = 0
        #: The original length of the frame.
        self.length: i64 = 0

    def step(self) -> bool:
        """Read the next frame; return False at the end."""
        raise NotImplementedError

    def __iter__(self) -> Self:
        return self

    # Returns a `Frame`; the compiler does not support a tuple of known types here.
    def __next__(self) -> Any:
        if not self.step():
            raise StopIteration
        return self.number, self.time, self.link, self.data, self.start, self.end, self.length


class _Walk(Cursor):
    """A cursor over any iterable of frame tuples."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        super().__init__()
        self._frames = iter(frames)

    def step(self) -> bool:
        """Read the next frame; return False at the end."""
        for number, time, link, data, start, end, length in self._frames:
            self.number, self.time, self.link = number, time, link
            self.data, self.start, self.end, self.length = data, start, end, length
            return True
        return False


def cursor(frames: Iterable[Frame]) -> Cursor:
    """Return a cursor over frames: the object itself if it is one."""
    found = iter(frames)
    return found if isinstance(found, Cursor) else _Walk(found)

"""The stubs in the recordings, as other RPC stacks sent them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mstrp.capture.calls import CallHandler
from mstrp.capture.files import open_capture
from mstrp.capture.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from protocol.ndr import Method

__all__ = ["Recorded", "recorded"]


class Recorded(NamedTuple):
    """One stub of a recording."""

    file: str
    frame: int
    method: Method
    phase: str
    ndr64: bool
    stub: bytes


class _Collector(CallHandler):
    """A replacement for the sessions that collects the stubs."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Recorded] = []

    def take(self, connection: Any, call: Any, frame: int, time: float) -> None:
        phase = ("request", "response", "fault")[call.phase]
        self.found.append(Recorded(self.file, frame, call.method, phase, call.ndr64, call.data[call.start :]))

    def note(self, frame: int, text: str) -> None:
        pass

    def problems(self, connection: Any, frame: int) -> None:
        connection.dissector.problems.clear()

    def gap(self, *where: Any) -> None:
        pass

    def connection_ended(self, *where: Any) -> None:
        pass

    def sealed(self, *where: Any) -> None:
        pass

    def skip(self, *what: Any, **more: Any) -> None:
        pass

    def finish(self) -> None:
        """No data is buffered here."""


def recorded(folder: Path) -> Iterator[Recorded]:
    """Return all stubs of all recordings."""
    for path in sorted(folder.glob("*.pcap*")):
        collector = _Collector(path.stem)
        reader = Reader(collector)
        with open_capture(str(path), collector.note) as source:
            reader.read(source)
            reader.finish()
        yield from collector.found

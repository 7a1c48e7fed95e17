"""Capture files: pcap and pcapng, plain or compressed, read in one pass and in constant memory.

Reason for a separate reader: the formats are small and stable, and the two maintained libraries with a suitable license
take ten times (dpkt) and a hundred times (python-pcapng) as long per frame; see `docs/decisions.md` for the
measurements.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO, Self, TypeAlias

from mstrp.capture import pcap, pcapng
from mstrp.capture.compressed import GZIP, ZSTD, CompressionError, unpacked
from mstrp.capture.skew import skews

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mstrp.capture.skew import Skew

__all__ = ["CaptureError", "Frame", "Source", "open_capture", "skews_of"]

#: Read size: a chunk that fits into the cache of a processor core is processed twice as fast as a megabyte.
_CHUNK = 1 << 17
#: Maximum length of a line of text.
_LINE = 1 << 22


class CaptureError(ValueError):
    """A file that is not a capture or cannot be read; the message contains the position and the reason."""


#: A frame: its number from 1, its time in seconds, its link type, the buffer that contains it, its start and end there,
#: and its original length (larger than the data if the capture truncated it). A plain tuple, because a capture has
#: millions of frames.
Frame: TypeAlias = tuple[int, float, int, bytes, int, int, int]


class Source:
    """An open capture. ``warn`` is called for each damage; reading continues if possible."""

    def __init__(self, stream: BinaryIO, name: str, warn: Callable[[int, str], None]) -> None:
        self.stream = stream
        self.name = name
        self.warn = warn
        #: Called with the number of bytes read so far.
        self.progress: Callable[[int], None] | None = None
        #: Called before more bytes are read, which may block.
        self.before: Callable[[], None] | None = None
        #: Number of bytes read, and number of frames.
        self.position = 0
        self.frames = 0
        #: Time of the last frame before more bytes were needed, in seconds since 1970; 0 if there is none.
        self.time = 0.0
        # A pipe is read as data arrives, without waiting for a whole chunk.
        self._take: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._chunks: Iterator[bytes] | None = None
        self._head: bytes | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.stream is not getattr(sys.stdin, "buffer", None):
            self.stream.close()

    def head(self) -> bytes:
        """The first bytes of the capture, decompressed: enough to recognize the format, if available."""
        if self._head is None:
            head = self.read_at_least(4)
            if head.startswith((GZIP, ZSTD)):
                self._chunks = unpacked(head, self._bytes)
                head = b""
            self._head = self.read_at_least(24, head)
        return self._head

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of a text; a line longer than `_LINE` bytes is split."""
        pieces: list[bytes] = []
        size = 0
        data = self.head()
        while data:
            *lines, rest = data.split(b"\n")
            if lines:
                pieces.append(lines[0])
                yield b"".join(pieces)
                yield from lines[1:]
                pieces, size = [], 0
            pieces.append(rest)
            size += len(rest)
            if size > _LINE:
                yield b"".join(pieces)
                pieces, size = [], 0
            data = self.read()
        if size:
            yield b"".join(pieces)

    def __iter__(self) -> Iterator[Frame]:
        head = self.head()
        if not head:
            raise CaptureError(f"{self.name}: the file is empty; expected a pcap or pcapng capture")
        if head.startswith(pcapng.MAGIC):
            return pcapng.frames(self, head)
        if head[:4] not in pcap.MAGICS:
            shown = " ".join(f"{byte:02x}" for byte in head[:4])
            message = f"{self.name}: not a capture: it starts with {shown}; expected pcap (d4 c3 b2 a1) or pcapng (0a 0d 0d 0a)"
            raise CaptureError(message)
        if len(head) < 24:
            raise CaptureError(f"{self.name}: the pcap header is truncated after {len(head)} of 24 bytes")
        return pcap.Records(self, head)

    def _bytes(self) -> bytes:
        if self.before is not None:
            self.before()
        try:
            data = self._take(_CHUNK)
        except OSError as error:
            raise CaptureError(f"{self.name}: {error.strerror or error}") from None
        self.position += len(data)
        if self.progress is not None:
            self.progress(self.position)
        return data

    def read(self) -> bytes:
        """Read the next bytes of the capture, decompressed; empty at the end."""
        if self._chunks is None:
            return self._bytes()
        try:
            data = next(self._chunks, b"")
        except CompressionError as error:
            if not self.frames:
                raise CaptureError(f"{self.name}: {error}") from None
            self.warn(self.frames, f"{error}; reading stops here")
            return b""
        if self.progress is not None:
            self.progress(self.position)
        return data

    def read_at_least(self, size: int, data: bytes = b"") -> bytes:
        """Return the given bytes and those that follow, concatenated; fewer than ``size`` only at the end."""
        if len(data) >= size:
            return data
        pieces = [data]
        missing = size - len(data)
        while missing > 0:
            more = self.read()
            if not more:
                break
            pieces.append(more)
            missing -= len(more)
        return b"".join(pieces)


def skews_of(source: Source) -> list[Skew]:
    """The clock differences in a capture that is not read yet and can be read twice; none in other streams."""
    stream = source.stream
    if not stream.seekable() or source.position > _CHUNK:
        return []
    here = stream.tell()
    try:
        stream.seek(here - source.position)
        return skews(Source(stream, source.name, lambda frame, text: None))
    except CaptureError:
        return []
    finally:
        stream.seek(here)


def open_capture(path: str | Path, warn: Callable[[int, str], None]) -> Source:
    """Open a capture by name; ``-`` is standard input. Raises `CaptureError` if it cannot be opened."""
    name = str(path)
    if name == "-":
        if sys.stdin is None:
            raise CaptureError("<stdin>: standard input is closed")
        return Source(sys.stdin.buffer, "<stdin>", warn)
    try:
        # Not with Path.open: Ctrl-C must find this module in the stack while a FIFO without a writer blocks.
        stream = open(name, "rb")  # noqa: SIM115, PTH123 - closed by the reader of the capture
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaptureError(f"{name}: {reason}") from None
    return Source(stream, name, warn)

"""Compressed captures: gzip and Zstandard, unpacked chunk by chunk in constant memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["GZIP", "ZSTD", "CompressionError", "unpacked"]

#: How the two begin (RFC 1952, RFC 8878).
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
#: What one step may unpack, whatever it was packed from.
_CHUNK = 1 << 17


class CompressionError(ValueError):
    """Compressed bytes that cannot be unpacked any further."""


def unpacked(head: bytes, read: Callable[[], bytes]) -> Iterator[bytes]:
    """The unpacked chunks of a stream that begins with ``head`` and goes on with what ``read`` returns."""
    return _gzip(head, read) if head.startswith(GZIP) else _zstd(head, read)


def _gzip(data: bytes, read: Callable[[], bytes]) -> Iterator[bytes]:
    """Any number of gzip members, one after the other."""
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            while not member.eof:
                if not data:
                    data = read()
                    if not data:
                        raise CompressionError("the gzip data ends in the middle")
                found = member.decompress(data, _CHUNK)
                data = member.unconsumed_tail
                if found:
                    yield found
        except zlib.error as error:
            raise CompressionError(f"damaged gzip data: {error}") from None
        data = member.unused_data or read()
        if data and not data.startswith(GZIP[: len(data)]):
            raise CompressionError("something else follows the gzip data")


def _zstd(data: bytes, read: Callable[[], bytes]) -> Iterator[bytes]:
    """Any number of Zstandard frames."""
    # Loaded here: most captures are not compressed, and loading costs more than opening one.
    try:
        import zstandard
    except ModuleNotFoundError:
        raise CompressionError("Zstandard data needs the package zstandard: pip install zstandard") from None
    while data:
        # A window beyond 128 MB is not what capture programs write, but what bombs are made of.
        frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        try:
            while not frame.eof:
                if not data:
                    data = read()
                    if not data:
                        raise CompressionError("the Zstandard data ends in the middle")
                # In small parts: what comes out of one call cannot be limited.
                part, data = data[:4096], data[4096:]
                found = frame.decompress(part)
                if frame.eof:
                    data = frame.unused_data + data
                if found:
                    yield found
        except zstandard.ZstdError as error:
            raise CompressionError(f"damaged Zstandard data: {error}") from None
        data = data or read()

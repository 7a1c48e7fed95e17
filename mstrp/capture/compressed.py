"""Compressed captures: gzip and Zstandard, unpacked chunk by chunk in constant memory."""

from __future__ import annotations

import sys
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
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ModuleNotFoundError:
        raise CompressionError("Zstandard data needs the package backports.zstd: pip install backports.zstd") from None
    # A window beyond 128 MB is not what capture programs write, but what bombs are made of.
    options = {zstd.DecompressionParameter.window_log_max.value: 27}
    while data:
        frame = zstd.ZstdDecompressor(options=options)
        try:
            while not frame.eof:
                if frame.needs_input and not data:
                    data = read()
                    if not data:
                        raise CompressionError("the Zstandard data ends in the middle")
                found = frame.decompress(data, _CHUNK)
                data = b""
                if found:
                    yield found
        except zstd.ZstdError as error:
            raise CompressionError(f"damaged Zstandard data: {error}") from None
        data = frame.unused_data or read()

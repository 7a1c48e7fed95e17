"""Compressed captures: gzip and Zstandard, decompressed chunk by chunk in constant memory."""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["GZIP", "ZSTD", "CompressionError", "unpacked"]

#: The magic numbers of both formats (RFC 1952, RFC 8878).
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
#: Maximum output of one decompression step, regardless of its input.
_CHUNK = 1 << 17


class CompressionError(ValueError):
    """Compressed data that cannot be decompressed further."""


def unpacked(head: bytes, read: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield the decompressed chunks of a stream that starts with ``head`` and continues with the results of ``read``."""
    return _gzip(head, read) if head.startswith(GZIP) else _zstd(head, read)


def _gzip(data: bytes, read: Callable[[], bytes]) -> Iterator[bytes]:
    """Decompress any number of concatenated gzip members."""
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            while not member.eof:
                if not data:
                    data = read()
                    if not data:
                        raise CompressionError("the gzip data is truncated")
                found = member.decompress(data, _CHUNK)
                data = member.unconsumed_tail
                if found:
                    yield found
        except zlib.error as error:
            raise CompressionError(f"damaged gzip data: {error}") from None
        data = member.unused_data or read()
        if data and not data.startswith(GZIP[: len(data)]):
            raise CompressionError("unexpected data after the gzip data")


def _zstd(data: bytes, read: Callable[[], bytes]) -> Iterator[bytes]:
    """Decompress any number of Zstandard frames."""
    # Imported here because most captures are not compressed, and the import takes longer than opening one.
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ModuleNotFoundError:
        raise CompressionError("Zstandard data needs the package backports.zstd: pip install backports.zstd") from None
    # Capture programs do not use windows above 128 MB, but decompression bombs do.
    options = {zstd.DecompressionParameter.window_log_max.value: 27}
    while data:
        frame = zstd.ZstdDecompressor(options=options)
        try:
            while not frame.eof:
                if frame.needs_input and not data:
                    data = read()
                    if not data:
                        raise CompressionError("the Zstandard data is truncated")
                found = frame.decompress(data, _CHUNK)
                data = b""
                if found:
                    yield found
        except zstd.ZstdError as error:
            raise CompressionError(f"damaged Zstandard data: {error}") from None
        data = frame.unused_data or read()

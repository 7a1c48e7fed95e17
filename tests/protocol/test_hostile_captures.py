"""Reading a capture needs work and memory in proportion to its bytes, regardless of their content."""

from __future__ import annotations

import gc
import gzip
import io
from typing import TYPE_CHECKING

import pytest
from backports import zstd
from effort import effort

from benchmarks.hostile import KINDS, PASSWORD, Hostile, signed_request, zstd_bomb
from fsm.conversation import Conversation
from mstrp.capture import reader, segments
from mstrp.capture.compressed import unpacked
from mstrp.capture.files import Source
from mstrp.capture.hints import Setup
from mstrp.capture.limits import Limits
from mstrp.checking import check_capture
from protocol.rpc import sealing
from protocol.rpc.unseal import nt_hashes

if TYPE_CHECKING:
    from collections.abc import Callable

_SMALL, _LARGE = 20_000, 80_000


def _check(kind: Hostile, size: int) -> Callable[[], object]:
    """Return a function that checks a capture of a kind and size."""
    data = kind.write(size)
    names = [option.removeprefix("--limit=") for option in kind.options if option.startswith("--limit=")]
    secrets = tuple(nt_hashes([PASSWORD])) if "--nt-password" in kind.options else ()
    setup = Setup(limits=Limits.parse(names), secrets=secrets)
    return lambda: check_capture(Source(io.BytesIO(data), "made.pcap", lambda frame, text: None), setup=setup)


@pytest.mark.parametrize("name", KINDS)
def test_four_times_the_bytes_cost_at_most_five_times_the_work(name: str) -> None:
    """Neither executed lines nor memory grow faster than the bytes of a hostile capture."""
    small, large = (effort(_check(KINDS[name], size)) for size in (_SMALL, _LARGE))
    assert large.lines <= max(5 * small.lines + 5_000, 2 * _LARGE)
    assert large.memory <= max(5 * small.memory + 100_000, 16 * _LARGE)


@pytest.mark.parametrize("name", ["NTLM signatures, sealed", "NTLM signatures, signed", "NTLM exchanges"])
def test_signatures_that_do_not_fit_cost_few_hmacs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search in the key stream is limited by the number of bytes."""
    calls = []
    digest = sealing._hmac
    monkeypatch.setattr(sealing, "_hmac", lambda *parts: calls.append(1) or digest(*parts))
    for size in (_SMALL, _LARGE):
        calls.clear()
        _check(KINDS[name], size)()
        assert len(calls) <= size / 6


def test_a_search_that_finds_nothing_takes_nothing_of_the_key_stream() -> None:
    """After a PDU with a wrong number and signature, the next correct one is decrypted."""
    flags = 0x40080000 | 0x20000000
    sender, receiver = (sealing.SealingContext(bytes(16), flags, client=True) for _ in range(2))
    for wrong in (0, 1):
        for _ in range(40):
            sealed, signature = sender.seal(b"head", b"x" * 64, b"tail", private=True)
            assert receiver.unseal(b"head", sealed, b"tail", signature, private=True) == (b"x" * 64, True)
        if not wrong:
            forged = signature[:12] + (10_000).to_bytes(4, "little")
            assert not receiver.unseal(b"head", b"y" * 64, b"tail", forged, private=True)[1]


def test_gaps_one_after_the_other_are_unsealed() -> None:
    """Any number of gaps is tolerated; the position in the key stream is found after each."""
    flags = 0x40080000 | 0x20000000
    sender, receiver = (sealing.SealingContext(bytes(16), flags, client=True) for _ in range(2))
    for number in range(2_000):
        sealed, signature = sender.seal(b"head", b"x" * 64, b"tail", private=True)
        if number % 2 or number < 10:
            assert receiver.unseal(b"head", sealed, b"tail", signature, private=True) == (b"x" * 64, True)


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(bytes(50_000_000)), zstd.compress(bytes(50_000_000)), zstd_bomb(50_000_000)],
    ids=["gzip", "zstd", "made"],
)
def test_compressed_bytes_are_unpacked_in_small_parts(packed: bytes) -> None:
    """The output of one decompression step is no larger than the read size."""
    rest = io.BytesIO(packed[4:])
    assert max(len(part) for part in unpacked(packed[:4], lambda: rest.read(1 << 17))) <= 1 << 17


def test_bytes_are_put_together_once() -> None:
    """A block that arrives in single bytes is concatenated when complete, not for every byte."""
    joined: list[int] = []

    class Bytes(Source):
        def read_at_least(self, size: int, data: bytes = b"") -> bytes:
            found = super().read_at_least(size, data)
            joined.append(len(found))
            return found

    data = KINDS["gzip members of one byte"].write(100_000)
    for _ in Bytes(io.BytesIO(data), "made", lambda frame, text: None):
        pass
    assert sum(joined) <= 3 * len(data)


def test_a_connection_beyond_the_limit_looks_at_few_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """At any limit, each further recognized connection makes the reader inspect only a few older ones."""
    looked: list[object] = []
    idle = segments._idle
    monkeypatch.setattr(segments, "_idle", lambda connection: looked.append(connection) or idle(connection))
    frames = 200_000 // 86
    _check(KINDS["recognised connections"], 200_000)()
    assert 0 < len(looked) <= 2 * frames


def test_the_signed_request_of_the_benchmark_is_one() -> None:
    """Its signature starts like one of NTLM."""
    assert signed_request(2, 6)[-16:-12] == sealing.VERSION


@pytest.mark.parametrize("name", ["context handles", "ClientAttach without response", "event channels"])
def test_sessions_beyond_the_limit_are_let_go(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither calls without responses nor findings keep a session that is given up."""
    alive: list[int] = []
    finish = reader.Reader.finish

    def count(self: reader.Reader) -> None:
        gc.collect()
        alive.append(sum(isinstance(each, Conversation) for each in gc.get_objects()))
        finish(self)

    gc.collect()
    before = sum(isinstance(each, Conversation) for each in gc.get_objects())
    monkeypatch.setattr(reader.Reader, "finish", count)
    _check(KINDS[name], 80_000)()
    assert alive[0] - before <= 2 * 100

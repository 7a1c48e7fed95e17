"""A conversation has the same report in every file format, and damage affects only its packets."""

from __future__ import annotations

import gzip
import io
import random
import subprocess
import sys
from struct import Struct
from typing import TYPE_CHECKING, Any

import pytest
from backports import zstd
from frames import (
    block,
    cooked,
    cooked2,
    ethernet,
    facts,
    frames_of,
    ipv4,
    ipv6,
    judge,
    loopback,
    pcap,
    pcapng,
    ppp,
    raw,
    records,
    scenario,
    segments_of,
)
from hypothesis import given
from hypothesis import strategies as st

from mstrp.capture.files import CaptureError, Source, open_capture
from mstrp.checking import check_capture

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN = scenario()
SEGMENTS = segments_of(PLAIN)
EXPECTED = facts(judge(PLAIN))


def _times(result: Any) -> list[float]:
    return [finding.time for finding in result.findings]


FORMATS: dict[str, Callable[[list[Any], int], bytes]] = {
    "pcap": lambda frames, link: pcap(frames, link=link),
    "big-endian": lambda frames, link: pcap(frames, order=">", link=link),
    "nanoseconds": lambda frames, link: pcap(frames, nano=True, link=link),
    "big-endian nanoseconds": lambda frames, link: pcap(frames, order=">", nano=True, link=link),
    "pcapng": lambda frames, link: pcapng(frames, link=link),
    "big-endian pcapng": lambda frames, link: pcapng(frames, order=">", link=link),
    "pcapng in nanoseconds": lambda frames, link: pcapng(frames, resolution=9, link=link),
    "pcapng in binary fractions": lambda frames, link: pcapng(frames, resolution=0x80 | 20, link=link),
    "simple packets": lambda frames, link: pcapng(frames, simple=True, link=link),
}
LINKS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "Ethernet": (1, ethernet),
    "Ethernet with padding": (1, lambda packet: ethernet(packet, padding=6)),
    "VLAN": (1, lambda packet: ethernet(packet, tags=(0x8100,))),
    "QinQ": (1, lambda packet: ethernet(packet, tags=(0x88A8, 0x8100))),
    "PPPoE": (1, lambda packet: bytes(12) + b"\x88\x64\x11\0\0\1\0\0" + ppp(packet)[2:]),
    "Linux cooked": (113, cooked),
    "Linux cooked 2": (276, cooked2),
    "Linux cooked with VLAN": (113, lambda packet: cooked(packet)[:14] + b"\x81\x00\x00\x07" + cooked(packet)[14:]),
    "raw": (101, raw),
    "loopback": (0, loopback),
    "big-endian loopback": (108, lambda packet: loopback(packet)[3::-1] + packet),
    "PPP": (9, ppp),
    "PPP without address": (9, lambda packet: ppp(packet)[2:]),
}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_report(form: str) -> None:
    """The report does not depend on the format of the file."""
    assert facts(judge(FORMATS[form](frames_of(SEGMENTS), 1))) == EXPECTED


@pytest.mark.parametrize("version", [ipv4, ipv6])
@pytest.mark.parametrize("link", LINKS)
def test_every_link_layer_gives_the_same_report(link: str, version: Callable[..., bytes]) -> None:
    """The report does not depend on the link layer or the IP version."""
    number, wrap = LINKS[link]
    result = facts(judge(pcap(frames_of(SEGMENTS, network=version, link=wrap), link=number)))
    for session, expected in zip(result["sessions"], EXPECTED["sessions"], strict=True):
        assert {**session, "client": "", "server": ""} == {**expected, "client": "", "server": ""}
    assert result["findings"] == EXPECTED["findings"]


@pytest.mark.parametrize("form", ["big-endian", "nanoseconds", "pcapng", "pcapng in binary fractions"])
def test_every_format_gives_the_same_times(form: str) -> None:
    """Times in seconds are the same to the microsecond in every format."""
    packets: dict[str, list[float]] = {}
    for name in ("pcap", form):
        times = packets[name] = []
        judge(FORMATS[name](frames_of(SEGMENTS), 1), on_packet=lambda packet, times=times: times.append(packet.time))
    assert packets[form] == pytest.approx(packets["pcap"], abs=2e-6)


def test_sections_and_interfaces_keep_their_own_ways() -> None:
    """A pcapng file may change its byte order, interfaces and time resolution, and contain other blocks."""
    third = len(SEGMENTS) // 3
    parts = [
        pcapng(frames_of(SEGMENTS[:third]), order=">"),
        block(4, bytes(40)),
        pcapng(frames_of(SEGMENTS[third : 2 * third], link=cooked), resolution=9, link=113),
        block(0x0BAD, bytes(300_000)),
        pcapng(frames_of(SEGMENTS[2 * third :], link=raw), resolution=0x80 | 24, link=101),
    ]
    assert facts(judge(b"".join(parts))) == EXPECTED


def _with_heads(order: str, magic: int, extra: int) -> bytes:
    """A capture whose records have more bytes in their headers."""
    parts = [Struct(f"{order}IHHiIII").pack(magic, 2, 4, 0, 0, 1 << 18, 1)]
    for frame in frames_of(SEGMENTS):
        seconds, fraction = divmod(round(frame.time * 1_000_000), 1_000_000)
        head = Struct(f"{order}IIII").pack(seconds, fraction, len(frame.data), frame.length)
        parts += [head, b"\2\0\0\0\x08\0\4\0\1\1\0\0"[:extra], frame.data]
    return b"".join(parts)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "extra"),
    [(0xA1B2C3D4, 8), (0xA1B2C3D4, 4), (0xA1B2CD34, 8), (0xA1B2CD34, 12)],
    ids=["Red Hat 6.1", "Nokia", "modified", "SuSE 6.3"],
)
def test_records_of_patched_systems_are_read(order: str, magic: int, extra: int) -> None:
    """Old patched libpcaps have longer record headers, some under the usual magic number."""
    result = judge(_with_heads(order, magic, extra))
    assert facts(result) == EXPECTED
    assert result.notes == []
    assert result.frames == len(SEGMENTS)


@pytest.mark.parametrize("bits", [0x24000000, 0xF4000000, 0x04000000, 0x03FF0000])
def test_other_bits_of_the_link_type_are_masked(bits: int) -> None:
    """The word with the link type also has the length of the frame check sequence, which may follow each packet."""
    wrapped = frames_of(SEGMENTS, link=lambda packet: ethernet(packet, padding=4))
    assert facts(judge(pcap(wrapped)[:20] + (1 | bits).to_bytes(4, "little") + pcap(wrapped)[24:])) == EXPECTED


def test_files_of_aix_are_read() -> None:
    """AIX writes version 2.2 with nanoseconds and the interface types of RFC 1573."""
    plain = pcap(frames_of(SEGMENTS), nano=True)
    head = Struct("<IHHiIII").pack(0xA1B2C3D4, 2, 2, 0, 0, 1 << 18, 6)
    assert facts(judge(head + plain[24:])) == EXPECTED


@pytest.mark.parametrize("place", [1, 2, len(SEGMENTS) // 2])
def test_concatenated_files_are_one_capture(place: int) -> None:
    """Concatenated files are one capture, each part in its own format, with continuous frame numbers."""
    first, second = SEGMENTS[:place], SEGMENTS[place:]
    expected: list[int] = []
    judge(PLAIN, on_packet=lambda packet: expected.append(packet.frame))
    for other in (
        pcap(frames_of(second)),
        pcap(frames_of(second), order=">"),
        pcap(frames_of(second, link=cooked), nano=True, link=113),
    ):
        found: list[int] = []
        result = judge(pcap(frames_of(first)) + other, on_packet=lambda packet, found=found: found.append(packet.frame))
        assert facts(result) == EXPECTED
        assert result.frames == len(SEGMENTS)
        assert result.notes == []
        assert found == expected
    cut = judge(PLAIN + PLAIN[:20])
    assert [text for _, text in cut.notes] == ["the file ends inside a record: 20 bytes are left"]


def test_time_offsets_of_interfaces_count() -> None:
    """The seconds that if_tsoffset names are added to the time stamps of its interface."""
    from struct import pack

    data = pcapng(frames_of(SEGMENTS[:1]))
    options = pack("<HHq", 14, 8, 1000) + pack("<HH", 0, 0)
    shifted = data[:28] + block(1, pack("<HHI", 1, 0, 0) + options) + data[48:]
    times = [[frame[1] for frame in Source(io.BytesIO(each), "made", print)] for each in (data, shifted)]
    assert times[1][0] - times[0][0] == pytest.approx(1000)


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(PLAIN),
        gzip.compress(PLAIN[:1000]) + gzip.compress(PLAIN[1000:]),
        zstd.compress(PLAIN),
        zstd.compress(PLAIN[:1000]) + zstd.compress(PLAIN[1000:]),
        zstd.compress(PLAIN, options={zstd.CompressionParameter.content_size_flag: 0}),
    ],
    ids=["gzip", "two gzip members", "zstd", "two zstd frames", "zstd of unknown size"],
)
def test_compressed_captures_are_unpacked(packed: bytes) -> None:
    """A compressed capture gives the same report as the uncompressed one."""
    assert facts(judge(packed)) == EXPECTED


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_cut_off_compression_gives_what_is_there(pack: Callable[[bytes], bytes]) -> None:
    """A truncated compressed capture is checked up to its end, with a note."""
    noise = random.Random(1).randbytes(300_000)
    filler = b"".join(
        pcap(frames_of([SEGMENTS[0]._replace(source=("9.9.9.9", 9), flags=0, data=noise[at : at + 1000])]))[24:]
        for at in range(0, 300_000, 1000)
    )
    result = judge(pack(PLAIN + filler)[:-1000])
    assert facts(result) == EXPECTED
    assert any("reading stops here" in text for _, text in result.notes)


def test_standard_input_is_read() -> None:
    """A dash reads the capture from standard input, in any format."""
    for data in (PLAIN, gzip.compress(PLAIN)):
        run = subprocess.run(
            [sys.executable, "-m", "mstrp", "check", "--format", "json", "-"],
            input=data,
            capture_output=True,
            check=True,
        )
        assert b'"path": "-"' in run.stdout
        assert b'"BlindTransfer": 1' in run.stdout


@pytest.mark.parametrize(
    "data", [b"", b"\xd4\xc3", b"GIF89a" * 10, PLAIN[:20], gzip.compress(b"no", mtime=0)[:15], b"\x28\xb5\x2f\xfd"]
)
def test_what_is_no_capture_is_refused(data: bytes) -> None:
    """A file that is not a capture gives one clear error with its name."""
    result = judge(data)
    assert result.error is not None
    assert result.error.startswith("made.pcap: ")


def _damaged(form: str, place: int, size: int) -> bytes:
    """A capture with bytes in the header of a record overwritten."""
    if form == "pcap":
        found = records(PLAIN)
        at = 24 + sum(map(len, found[:place]))
        return PLAIN[: at + 8] + size.to_bytes(4, "little") + PLAIN[at + 12 :]
    data = pcapng(frames_of(SEGMENTS))
    at = 48
    for _ in range(place):
        at += int.from_bytes(data[at + 4 : at + 8], "little")
    return data[: at + 4] + size.to_bytes(4, "little") + data[at + 8 :]


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
@given(place=st.integers(10, 30), size=st.integers(0x0500_0001, 0xFFFF_FFFF))
def test_reading_goes_on_behind_a_damaged_record(form: str, place: int, size: int) -> None:
    """A record with an impossible length costs only that record, with a note that contains its frame."""
    result = judge(_damaged(form, place, size))
    assert result.error is None
    assert any(frame == place + 1 and "continuing at the next" in text for frame, text in result.notes)
    assert result.frames == len(SEGMENTS) - 1
    assert not [finding for finding in result.findings if finding.verdict.value == "fail"]


@given(st.binary(max_size=300), st.sampled_from([PLAIN[:24], pcapng([])[:48], b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"{"]))
def test_no_bytes_stop_the_program(data: bytes, head: bytes) -> None:
    """Any file content results in a report or in one clear error."""
    result = check_capture(Source(io.BytesIO(head + data), "made", lambda frame, text: None))
    assert result.error is None or result.error.startswith("made: ")


@given(st.data())
def test_flipped_bytes_never_stop_the_program(data: st.DataObject) -> None:
    """A capture with bytes changed at random places is read to its end."""
    changed = bytearray(PLAIN)
    for _ in range(data.draw(st.integers(1, 30))):
        changed[data.draw(st.integers(24, len(PLAIN) - 1))] = data.draw(st.integers(0, 255))
    result = judge(bytes(changed))
    assert result.error is None


def test_cut_off_frames_are_told_once() -> None:
    """Truncated frames are counted, and reported in two notes in total."""
    result = judge(pcap(frames_of(SEGMENTS, snap=80)))
    assert [text for _, text in result.notes if "snap length" in text] == [
        text
        for _, text in result.notes
        if "contains 80 of" in text or "in total were truncated by the snap length" in text
    ]
    assert sum("snap length" in text for _, text in result.notes) == 2


def test_unknown_links_are_told_once() -> None:
    """Frames of an unsupported link layer are ignored with one note."""
    result = judge(pcap(frames_of(SEGMENTS), link=147))
    assert [text for _, text in result.notes] == ["link type 147 is not supported; its frames are ignored"]


def test_names_that_cannot_be_opened_are_errors(tmp_path: Any) -> None:
    """A missing file is an error with its name."""
    with pytest.raises(CaptureError, match=r"nothing.pcap: No such file"):
        open_capture(tmp_path / "nothing.pcap", lambda frame, text: None)

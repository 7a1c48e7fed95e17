"""PDUs that another program exported: judged like the segments that they come from."""

from __future__ import annotations

import ipaddress
from struct import pack
from typing import TYPE_CHECKING

import pytest
from frames import Frame, Segment, facts, judge, pcap, scenario, segments_of
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterable

SEGMENTS = segments_of(scenario())
EXPECTED = facts(judge(SEGMENTS))


def _tag(number: int, content: bytes) -> bytes:
    return pack(">HH", number, len(content)) + content


def _exported(segment: Segment, name: bytes, *, numbered: bool) -> bytes:
    (source, here), (target, there) = segment.direction
    tags = (
        _tag(12, name) + _tag(20, ipaddress.ip_address(source).packed) + _tag(21, ipaddress.ip_address(target).packed)
    )
    tags += _tag(24, pack(">I", 2)) + _tag(25, pack(">I", here)) + _tag(26, pack(">I", there)) + _tag(30, bytes(4))
    if numbered:
        tags += _tag(
            34, pack(">HIII", 1, segment.sequence, segment.sequence + len(segment.data), segment.ack) + bytes(6)
        )
    return tags + _tag(0, b"") + segment.data


def _capture(found: Iterable[bytes]) -> bytes:
    return pcap((Frame(1.7e9 + n / 1000, each, len(each)) for n, each in enumerate(found)), link=252)


@pytest.mark.parametrize("numbered", [False, True])
@pytest.mark.parametrize("name", [b"dcerpc", b"tcp\0"])
def test_exported_payloads_are_judged(name: bytes, numbered: bool) -> None:
    """The payloads of TCP connections, with sequence numbers or without, are the conversation."""
    result = judge(_capture(_exported(each, name, numbered=numbered) for each in SEGMENTS if each.data))
    assert facts(result) == EXPECTED
    assert result.unread == ()


@given(st.binary(max_size=200))
def test_any_tags_are_read(data: bytes) -> None:
    """Tags without sense, or longer than their frame, stop nothing, and count as unread where they lack addresses."""
    assert judge(_capture([data])).error is None

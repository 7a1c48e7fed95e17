"""Strategies for packets: the packets are legal, can be encoded, and reach the bounds of checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import mstrp.testing as kit
from mstrp.testing.strategies import STRUCTURES
from protocol import line
from protocol.event import COMPLETIONS, EVENTS, decode_events, encode_events
from protocol.fields import Flag
from protocol.packet import REQUESTS, decode_request, decode_response

ROOT = Path(__file__).parents[2]
#: Few examples of each class: there are several hundred classes.
FEW = settings(max_examples=10, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("part", range(4))
@FEW
@given(data=st.data())
def test_requests_are_legal(part: int, data: Any) -> None:
    """A request of any class has no problem and is equal after encoding and decoding."""
    for kind in list(REQUESTS.values())[part::4]:
        packet = data.draw(kit.requests(kind))
        assert packet.problems() == []
        assert decode_request(packet.encode(), packet.capacity) == packet


@FEW
@given(data=st.data())
def test_responses_are_legal(data: Any) -> None:
    """A response of any class has no problem and is equal after encoding and decoding."""
    for kind in REQUESTS.values():
        packet = data.draw(kit.responses(kind))
        assert packet.problems() == []
        assert decode_response(packet.encode(), kind) == packet


@FEW
@given(data=st.data())
def test_events_are_legal(data: Any) -> None:
    """Events and completions have no problem; events are equal after encoding and decoding an event buffer."""
    for kind in EVENTS.values():
        event = data.draw(kit.events(kind))
        assert event.problems() == []
        assert decode_events(encode_events([event])).events == [event]
    for completion in COMPLETIONS.values():
        assert data.draw(kit.completions(completion)).problems() == []


@FEW
@given(data=st.data())
def test_structures_are_legal(data: Any) -> None:
    """Structures have no problem."""
    for kind in STRUCTURES:
        assert data.draw(kit.structures(kind)).problems() == []


@given(kit.requests(), kit.responses(), kit.events(), kit.completions(), kit.structures())
def test_any_kind(request: Any, response: Any, event: Any, completion: Any, structure: Any) -> None:
    """By default, the strategies generate any class."""
    for packet in (request, response, event, completion, structure):
        assert packet.problems() == []


@pytest.mark.parametrize("name", ["Open", "MakeCall", "Park"])
def test_flags_reach_all_their_values(name: str) -> None:
    """Every legal value of an enumeration and every bit of a set occurs alone."""
    kind = getattr(line, name)
    for field in kind.layout.fields:
        if not isinstance(field, Flag):
            continue
        for number in sorted(field.choices)[:3]:
            if number:
                found = find(
                    kit.requests(kind), lambda packet, field=field, number=number: packet.words[field.index] == number,
                    settings=settings(max_examples=20_000, phases=[Phase.generate]),
                )  # fmt: skip
                assert found.problems() == []


def test_bounds_are_reached() -> None:
    """A version range that just overlaps with the known versions is generated: the bound of a check."""
    kind = line.NegotiateAPIVersion
    (check,) = (check for field in kind.layout.fields for check in field.checks if check.name == "overlap")
    edges = {frozenset(edit.words.items()) for edit in check.valid_edits(kit.legal_request(kind))}
    hit = find(
        kit.requests(kind),
        lambda packet: any(all(packet.words[index] == number for index, number in edge) for edge in edges),
        settings=settings(max_examples=20_000, phases=[Phase.generate]),
    )
    assert hit.problems() == []


def test_the_plain_packet_is_the_simplest() -> None:
    """A failure that does not depend on values shrinks to the simplest packet."""
    found = find(kit.requests(line.Park), lambda packet: True)
    assert found == kit.legal_request(line.Park)


@given(data=st.data())
def test_given_fields_stay(data: Any) -> None:
    """Given values are kept: handles of a session, single fields."""
    names = kit.Names(line=0x777, calls={"hCall": 0x778})
    packet = data.draw(kit.requests(line.CompleteCall, names=names, completion_mode=2))
    assert (packet.call, packet.completion_mode) == (0x778, 2)


def test_a_request_without_completion() -> None:
    """A request without a special completion raises an error that names the completion used."""
    with pytest.raises(ValueError, match="Hold has no special completion"):
        kit.completions(line.Hold)


def test_without_hypothesis() -> None:
    """Without Hypothesis, names that do not need it are available; the others raise an error with the extra."""
    program = """
import sys
sys.modules["hypothesis"] = None
import mstrp.testing
assert mstrp.testing.legal_walk(lambda n: 0, 3).steps
for wanted in (lambda: mstrp.testing.requests, lambda: mstrp.testing.arbitrary):
    try:
        wanted()
    except ImportError as error:
        assert "mstrp[testing]" in str(error), error
    else:
        raise SystemExit("no error")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

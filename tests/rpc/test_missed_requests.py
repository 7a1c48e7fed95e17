"""Matching responses to requests in passive dissection when PDUs are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol.ndr import METHODS, TAPSRV
from protocol.rpc.dissect import RESPONSE, Dissector
from protocol.rpc.pdu import NDR20, Bind, BindAck, CallBody, Context, Kind, Outcome, Syntax, encode

if TYPE_CHECKING:
    from protocol.rpc.dissect import RpcCall

OPNUM = next(method.opnum for method in METHODS.values() if method.name == "ClientRequest")


@pytest.fixture
def tap() -> Dissector:
    """Create a dissector of an association that bound tapsrv with call id 1."""
    tap = Dissector()
    offer = Bind(5840, 5840, 0, (Context(0, Syntax(TAPSRV.uuid, 1), (NDR20,)),))
    tap.receive(True, encode(Kind.BIND, 1, offer))
    tap.receive(False, encode(Kind.BIND_ACK, 1, BindAck(5840, 5840, 1, "", (Outcome(0, 0, NDR20),))))
    return tap


def feed_request(tap: Dissector, call_id: int, stub: bytes = b"") -> RpcCall:
    """Feed a request."""
    found = tap.receive(True, encode(Kind.REQUEST, call_id, CallBody(len(stub), 0, OPNUM, stub)))
    assert found is not None
    return found


def feed_response(tap: Dissector, call_id: int) -> RpcCall | None:
    """Feed a response; return the call to which it is matched."""
    found = tap.receive(False, encode(Kind.RESPONSE, call_id, CallBody(4, 0, 0, bytes(4))))
    assert found is None or found.phase == RESPONSE
    return found


def test_response_to_a_missed_request(tap: Dissector) -> None:
    """The response to a missed request is not matched to another pending request."""
    waits = feed_request(tap, 5)
    assert feed_response(tap, 6) is None
    assert tap.missed
    assert feed_response(tap, 5) is waits


def test_stacks_that_respond_with_one_id(tap: Dissector) -> None:
    """A response with the id of the previous one belongs to the only pending call; after a gap, to the next call."""
    for call_id in (2, 3):
        asked = feed_request(tap, call_id)
        assert feed_response(tap, 1) is asked
    feed_request(tap, 4)
    tap.mark_gap(from_client=False)
    asked = feed_request(tap, 5)
    assert feed_response(tap, 1) is asked
    assert not tap.missed


def test_stacks_that_answer_with_one_id_are_recognised_late() -> None:
    """The same without the start of the capture, from the second response on."""
    tap = Dissector(guess=True, interface=TAPSRV)
    tap.contexts[0] = ({method.opnum: method for method in METHODS.values() if method.interface is TAPSRV}, False)
    feed_request(tap, 70)
    assert feed_response(tap, 1) is None
    asked = feed_request(tap, 71)
    assert feed_response(tap, 1) is asked


def test_responses_before_their_requests(tap: Dissector) -> None:
    """A response captured before its request marks PDUs as missing, both times."""
    assert feed_response(tap, 7) is None
    assert tap.missed
    tap.missed = False
    feed_request(tap, 7)
    assert tap.missed
    asked = feed_request(tap, 8)
    assert feed_response(tap, 8) is asked


def test_reused_id_after_a_missed_response(tap: Dissector) -> None:
    """If all calls have the same id, a missed response does not shift the later ones."""
    feed_request(tap, 7, b"first")
    tap.mark_gap(from_client=False)
    asked = feed_request(tap, 7, b"second")
    assert feed_response(tap, 7) is asked


def test_late_responses_to_orphaned_calls(tap: Dissector) -> None:
    """The response to an orphaned call does not mark PDUs as missing."""
    feed_request(tap, 9)
    tap.receive(True, encode(Kind.ORPHANED, 9, b""))
    assert feed_response(tap, 9) is None
    assert not tap.missed

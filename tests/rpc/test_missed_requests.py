"""Which answer belongs to which request, seen from outside, where not everything was seen."""

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
    """An association that has bound tapsrv with call id 1."""
    tap = Dissector()
    offer = Bind(5840, 5840, 0, (Context(0, Syntax(TAPSRV.uuid, 1), (NDR20,)),))
    tap.receive(True, encode(Kind.BIND, 1, offer))
    tap.receive(False, encode(Kind.BIND_ACK, 1, BindAck(5840, 5840, 1, "", (Outcome(0, 0, NDR20),))))
    return tap


def asks(tap: Dissector, call_id: int, stub: bytes = b"") -> RpcCall:
    """A request that is seen."""
    found = tap.receive(True, encode(Kind.REQUEST, call_id, CallBody(len(stub), 0, OPNUM, stub)))
    assert found is not None
    return found


def answers(tap: Dissector, call_id: int) -> RpcCall | None:
    """An answer that is seen, and the call it is taken for."""
    found = tap.receive(False, encode(Kind.RESPONSE, call_id, CallBody(4, 0, 0, bytes(4))))
    assert found is None or found.phase == RESPONSE
    return found


def test_an_answer_of_a_missed_request_is_nobodys(tap: Dissector) -> None:
    """Where a request was missed, its answer is not taken for that of another one that waits."""
    waits = asks(tap, 5)
    assert answers(tap, 6) is None
    assert tap.missed
    assert answers(tap, 5) is waits


def test_stacks_that_answer_with_one_id(tap: Dissector) -> None:
    """An answer with the id of the one before it belongs to the only call that waits; after a gap, to the next one."""
    for call_id in (2, 3):
        asked = asks(tap, call_id)
        assert answers(tap, 1) is asked
    asks(tap, 4)
    tap.mark_gap(from_client=False)
    asked = asks(tap, 5)
    assert answers(tap, 1) is asked
    assert not tap.missed


def test_stacks_that_answer_with_one_id_are_recognised_late() -> None:
    """The same where the beginning was not seen, from the second answer on."""
    tap = Dissector(guess=True, interface=TAPSRV)
    tap.contexts[0] = ({method.opnum: method for method in METHODS.values() if method.interface is TAPSRV}, False)
    asks(tap, 70)
    assert answers(tap, 1) is None
    asked = asks(tap, 71)
    assert answers(tap, 1) is asked


def test_answers_before_their_requests(tap: Dissector) -> None:
    """An answer that was captured before its request shows that the order is not that of the wire, both times."""
    assert answers(tap, 7) is None
    assert tap.missed
    tap.missed = False
    asks(tap, 7)
    assert tap.missed
    asked = asks(tap, 8)
    assert answers(tap, 8) is asked


def test_an_id_that_is_used_again_after_a_missed_answer(tap: Dissector) -> None:
    """Where all calls have one id, a missed answer does not shift those behind it."""
    asks(tap, 7, b"first")
    tap.mark_gap(from_client=False)
    asked = asks(tap, 7, b"second")
    assert answers(tap, 7) is asked


def test_late_answers_of_orphans(tap: Dissector) -> None:
    """The answer to a call that was orphaned shows nothing."""
    asks(tap, 9)
    tap.receive(True, encode(Kind.ORPHANED, 9, b""))
    assert answers(tap, 9) is None
    assert not tap.missed

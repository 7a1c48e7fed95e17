"""Passive dissection of associations: the calls found in the bytes, and the problems reported."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pdus import ACK, BIND, encoded, pdu

from protocol import line
from protocol.events import LINE_CALLSTATE
from protocol.ndr import REMOTESP, TAPSRV, ClientAttach, ClientRequest, Method, RemoteSPEventProc
from protocol.rpc.dissect import FAULT, REQUEST, RESPONSE, Dissector, Limits
from protocol.rpc.pdu import NDR20, Bind, BindNak, CallBody, Context, Fault, Kind, Outcome, Syntax

_FIRST, _LAST, _WHOLE, _MIDDLE = 1, 2, 3, 0
_OTHER = Syntax(TAPSRV.uuid.__class__(int=7), 1)


def _held(found: Dissector) -> tuple[int, int]:
    """Unfinished calls of both directions and their bytes."""
    return sum(map(len, found._partial)), sum(each.size for each in found._partial)


def _bound(**limits: int) -> Dissector:
    """Create an association with both interfaces bound in both syntaxes."""
    found = Dissector(Limits(**limits))
    found.receive(True, pdu(Kind.BIND, 1, BIND))
    found.receive(False, pdu(Kind.BIND_ACK, 1, ACK))
    assert not found.problems
    return found


def _request(call_id: int, stub: bytes = b"", *, context: int = 0, opnum: int = 1, flags: int = _WHOLE) -> bytes:
    return pdu(Kind.REQUEST, call_id, CallBody(len(stub), context, opnum, stub), flags=flags)


def _response(call_id: int, stub: bytes = b"", *, flags: int = _WHOLE) -> bytes:
    return pdu(Kind.RESPONSE, call_id, CallBody(len(stub), 0, 0, stub), flags=flags)


def _told(found: Dissector) -> list[tuple[str, str]]:
    return [(problem.field, problem.detail) for problem in found.problems]


@pytest.mark.parametrize(
    ("context", "interface", "ndr64"),
    [(0, TAPSRV, False), (1, TAPSRV, True), (2, REMOTESP, False), (3, REMOTESP, True)],
)
def test_a_context_stands_for_interface_and_syntax(context: int, interface: Any, ndr64: bool) -> None:
    """The context id of a request determines method and syntax; the response returns the same call."""
    found = _bound()
    call = found.receive(True, _request(5, b"asked", context=context))
    assert (call.method.interface, call.method.opnum, call.ndr64, call.phase) == (interface, 1, ndr64, REQUEST)
    assert call.data[call.start :] == b"asked"
    again = found.receive(False, _response(5, b"answer"))
    assert again is call
    assert (call.phase, call.data[call.start :]) == (RESPONSE, b"answer")
    assert not found.missed


@given(stubs=st.lists(st.lists(st.binary(max_size=9), min_size=2, max_size=4), min_size=1, max_size=4), data=st.data())
def test_fragments_of_calls_may_interleave(stubs: list[list[bytes]], data: st.DataObject) -> None:
    """Fragments of several calls in any interleaving are reassembled to complete stubs."""
    queues = {number: list(parts) for number, parts in enumerate(stubs, 1)}
    found = _bound()
    done = {}
    while queues:
        number = data.draw(st.sampled_from(sorted(queues)))
        first = len(queues[number]) == len(stubs[number - 1])
        part = queues[number].pop(0)
        flags = (_FIRST if first else 0) | (0 if queues[number] else _LAST)
        call = found.receive(True, _request(number, part, flags=flags))
        if not queues[number]:
            del queues[number]
            done[number] = call.data[call.start :]
        else:
            assert call is None
    assert done == {number: b"".join(parts) for number, parts in enumerate(stubs, 1)}
    assert _held(found) == (0, 0)


def test_a_response_comes_in_fragments_too() -> None:
    """A fragmented response is reassembled and returned with its call."""
    found = _bound()
    call = found.receive(True, _request(5))
    assert found.receive(False, _response(5, b"ab", flags=_FIRST)) is None
    assert found.receive(False, _response(5, b"cd", flags=_MIDDLE)) is None
    assert found.receive(False, _response(5, b"ef", flags=_LAST)) is call
    assert call.data[call.start :] == b"abcdef"


def test_a_fault_ends_a_call() -> None:
    """A fault ends the call, and its status is available."""
    found = _bound()
    call = found.receive(True, _request(5))
    assert found.receive(False, pdu(Kind.FAULT, 5, Fault(0, 0, 0x1C010003, b""))) is call
    assert (call.phase, call.status) == (FAULT, 0x1C010003)
    assert not found.pending


def test_another_interface_is_left_alone() -> None:
    """Calls of other interfaces are neither returned nor reported as problems."""
    found = Dissector()
    found.receive(True, pdu(Kind.BIND, 1, Bind(1, 1, 0, (Context(0, _OTHER, (NDR20,)),))))
    found.receive(False, pdu(Kind.BIND_ACK, 1, ACK._replace(outcomes=(Outcome(0, 0, NDR20),))))
    assert found.receive(True, _request(5)) is None
    assert found.receive(False, _response(5)) is None
    assert not found.problems
    assert not found.missed


def test_calls_with_the_same_id_are_queued() -> None:
    """A request whose id is already pending is queued after the first one."""
    found = _bound()
    first, second = found.receive(True, _request(5, b"1")), found.receive(True, _request(5, b"2"))
    assert found.receive(False, _response(5)) is first
    assert found.receive(False, _response(5)) is second
    assert found.receive(False, _response(5)) is None


def test_an_orphaned_call_gets_no_answer() -> None:
    """An orphaned PDU drops a pending call, or the fragments of an incomplete request."""
    found = _bound()
    found.receive(True, _request(5))
    found.receive(True, pdu(Kind.ORPHANED, 5, b""))
    assert not found.pending
    found.receive(True, _request(6, b"ab", flags=_FIRST))
    found.receive(True, pdu(Kind.ORPHANED, 6, b""))
    assert _held(found) == (0, 0)
    found.receive(True, pdu(Kind.ORPHANED, 7, b""))
    assert not found.problems


def test_gap_drops_incomplete_calls_of_its_direction() -> None:
    """A gap affects only its own direction; later fragments of a dropped call are not reported."""
    found = _bound()
    found.receive(True, _request(5))
    found.receive(True, _request(6, b"ab", flags=_FIRST))
    found.receive(False, _response(5, b"ab", flags=_FIRST))
    found.mark_gap(True)
    assert _held(found) == (1, 2)
    assert found.receive(True, _request(6, b"cd", flags=_LAST)) is None
    assert found.receive(False, _response(5, b"cd", flags=_LAST)) is not None
    assert found.missed
    assert not found.problems


_BAD = {
    "headless": (
        [_request(5, b"x", flags=_LAST), _request(5, b"x", flags=_LAST)],
        "pfc_flags",
        "without its first one",
    ),
    "twice": ([_request(5, b"x", flags=_FIRST), _request(5, b"x", flags=_FIRST)], "fragments", "restarts"),
    "unbound": ([_request(5, context=9)], "p_cont_id", "context 9, whose bind was not seen"),
    "opnum": ([_request(5, opnum=9)], "opnum", "9, which is not a method"),
    "nak": ([pdu(Kind.BIND_NAK, 2, BindNak(3))], "bind_nak", "rejected, reason 3"),
    "cut": ([_request(5)[:-1]], "frag_length", "24 bytes announced, 23 present"),
    "results": (
        [pdu(Kind.ALTER_CONTEXT, 2, BIND), pdu(Kind.ALTER_CONTEXT_RESP, 2, ACK._replace(outcomes=ACK.outcomes[:1]))],
        "p_result_list",
        "1 results for 4 contexts",
    ),
    "syntax": (
        [
            pdu(Kind.ALTER_CONTEXT, 2, BIND._replace(contexts=BIND.contexts[:1])),
            pdu(Kind.ALTER_CONTEXT_RESP, 3, ACK._replace(outcomes=(Outcome(0, 0, _OTHER),))),
        ],
        "transfer_syntax",
        "is neither NDR20 nor NDR64",
    ),
}


@pytest.mark.parametrize("name", _BAD)
def test_problems_are_reported_once(name: str) -> None:
    """Each problem is reported once, with the PDU field and the call or context concerned."""
    pdus, field, detail = _BAD[name]
    found = _bound()
    for data in pdus:
        found.receive(not data[2] & 2 or data[2] == Kind.ALTER_CONTEXT, data)
    told = _told(found)
    assert [each for each, _ in told] == [field]
    assert detail in told[0][1]


def test_pending_calls_are_limited() -> None:
    """The oldest pending calls are dropped; this is reported once, and the dropped calls are available."""
    found = _bound(calls=2)
    calls = [found.receive(True, _request(number)) for number in range(1, 6)]
    assert found.dropped == calls[:3]
    assert [field for field, _ in _told(found)] == ["call_id"]
    assert found.receive(False, _response(5)) is calls[4]


def test_calls_with_one_id_are_limited() -> None:
    """The queue of calls with the same id is limited too."""
    found = _bound(calls=2)
    calls = [found.receive(True, _request(1)) for _ in range(5)]
    assert found.dropped == calls[1:4]


def test_incomplete_calls_are_limited() -> None:
    """With too many incomplete calls or bytes, the oldest call is dropped with all its data."""
    found = _bound(calls=2)
    for number in range(1, 5):
        found.receive(True, _request(number, b"x", flags=_FIRST))
    assert _held(found) == (2, 2)
    found = _bound(fragments=10)
    found.receive(True, _request(1, bytes(8), flags=_FIRST))
    found.receive(True, _request(2, bytes(8), flags=_FIRST))
    assert _held(found)[1] <= 10
    assert "limit fragments" in _told(found)[0][1]


def test_response_with_an_unknown_id() -> None:
    """A response with an id that is not pending belongs to a missed request; pending calls stay pending."""
    found = _bound()
    call = found.receive(True, _request(5))
    assert (found.receive(False, _response(99)), found.missed) == (None, True)
    assert found.receive(False, _response(5)) is call


def test_bind_without_ack_is_accepted_when_used() -> None:
    """A proposed context with one syntax is taken as accepted once it is used."""
    found = Dissector()
    found.receive(True, pdu(Kind.BIND, 1, BIND))
    call = found.receive(True, _request(5, context=1))
    assert (call.method.name, call.ndr64, found.missed) == ("ClientRequest", True, True)


def test_pending_binds_are_limited() -> None:
    """After seventeen binds without a response, the oldest is dropped."""
    found = Dissector()
    for number in range(17):
        offer = Bind(1, 1, 0, (Context(number, BIND.contexts[0].interface, (NDR20,)),))
        found.receive(True, pdu(Kind.BIND, number, offer))
    assert found.receive(True, _request(5, context=0)) is None
    assert found.receive(True, _request(6, context=16)) is not None


@given(pdus=st.lists(st.tuples(st.booleans(), encoded()), max_size=12))
def test_limits_hold_for_any_pdus(pdus: list[tuple[bool, bytes]]) -> None:
    """For any PDUs, the counted bytes are those of the incomplete calls, and the limits hold."""
    found = _bound(calls=3, fragments=100)
    for from_client, data in pdus:
        found.receive(from_client, data)
        assert _held(found)[1] == sum(each.size for way in found._partial for each in way._calls.values()) <= 100
        assert _held(found)[0] <= 3
        assert len(found.pending) <= 3
        assert all(waiting for waiting in found.repeated.values())


def test_problems_are_limited() -> None:
    """Thousands of bad PDUs produce a limited number of problems."""
    found = _bound()
    for number in range(1_200):
        found.receive(True, _request(number, context=9))
    assert len(found.problems) == 1_000


_TELLING = {
    "ClientAttach": (TAPSRV, 0, ClientAttach(0xFFFFFFFF, "user", "client")),
    "ClientRequest": (TAPSRV, 1, ClientRequest(bytes(range(20)), line.Answer(call=5).encode(), 60)),
    "RemoteSPEventProc": (REMOTESP, 1, RemoteSPEventProc(bytes(range(20)), LINE_CALLSTATE(call=5).encode())),
}


@pytest.mark.parametrize("ndr64", [False, True], ids=["NDR20", "NDR64"])
@pytest.mark.parametrize("name", _TELLING)
def test_unbound_context_is_recognised(name: str, ndr64: bool) -> None:
    """With ``guess``, interface and syntax of an unknown context are recognised from a request."""
    interface, opnum, value = _TELLING[name]
    found = Dissector(guess=True)
    call = found.receive(True, _request(5, Method.write(value, ndr64=ndr64), opnum=opnum))
    assert call is not None
    assert (call.method.name, call.ndr64, found.missed) == (name, ndr64, True)
    assert found.interfaces == {interface.uuid}
    assert not found.problems


@given(opnum=st.integers(0, 3), stub=st.binary(max_size=60))
def test_noise_is_not_recognised(opnum: int, stub: bytes) -> None:
    """Bytes that are not a valid stub do not bind a context."""
    found = Dissector(guess=True)
    call = found.receive(True, _request(5, b"\xff" * 4 + stub, opnum=opnum))
    assert call is None
    assert [field for field, _ in _told(found)] == ["p_cont_id"]

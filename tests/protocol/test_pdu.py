"""DCE/RPC PDUs: encoding and parsing round-trip, and invalid PDUs raise an error with the field."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from malformed import mutated, poke
from pdus import ACK, BIND, auths, bodies, encoded, pdu

from mstrp.testing.arbitrary import words
from protocol.problem import DecodeError
from protocol.rpc.pdu import HEADER, Auth, CallBody, Fault, Flag, Header, Kind, encode, parse

_many = settings(max_examples=2 * settings().max_examples)


def _without_pad(body: Any, pad: int) -> Any:
    if isinstance(body, (CallBody, Fault)):
        return body._replace(stub=body.stub[: len(body.stub) - pad])
    return body[: len(body) - pad] if isinstance(body, bytes) else body


@pytest.mark.parametrize("kind", Kind)
@given(data=st.data(), call_id=words(), auth=auths())
def test_a_pdu_is_parsed_as_encoded(kind: Kind, data: st.DataObject, call_id: int, auth: Auth | None) -> None:
    """Every type of PDU returns its header, body and security trailer."""
    body = data.draw(bodies(kind))
    flags = data.draw(st.sampled_from((0, 1, 2, 3, 0x17)))
    found = parse(encode(kind, call_id, body, flags=flags, auth=auth))
    pad = 0 if found.auth is None else found.auth.pad
    assert _without_pad(found.body, pad) == body
    assert found.auth == (None if auth is None else auth._replace(pad=pad))
    assert found.header[:2] == (kind, flags)
    assert found.header.call_id == call_id


@given(body=bodies(Kind.REQUEST), auth=auths().filter(bool))
def test_credentials_are_aligned(body: CallBody, auth: Auth) -> None:
    """The security trailer of a request is aligned to 16 bytes from the end of the call header."""
    data = encode(Kind.REQUEST, 1, body, auth=auth)
    assert (len(data) - len(auth.token) - 8 - 24) % 16 == 8
    assert int.from_bytes(data[10:12], "little") == len(auth.token)


@_many
@given(data=mutated(encoded()) | st.binary(max_size=80))
def test_any_bytes_are_a_pdu_or_a_decode_error(data: bytes) -> None:
    """Parsing returns a PDU of the stated length, or raises a DecodeError of DCE/RPC."""
    try:
        found = parse(data)
    except DecodeError as error:
        assert error.packet == "DCE/RPC"
        assert error.problem.section == "C706 12.6.4"
    else:
        assert found.header.length == len(data)


@given(body=bodies(Kind.REQUEST), object_=st.uuids())
def test_an_object_uuid_is_no_part_of_the_stub(body: CallBody, object_: UUID) -> None:
    """The stub of a request with an object UUID starts after it."""
    data = bytearray(encode(Kind.REQUEST, 1, body, flags=3 | Flag.OBJECT_UUID))
    data[24:24] = object_.bytes_le
    data[8:10] = len(data).to_bytes(2, "little")
    assert parse(bytes(data)).body == body


_REFUSED = {
    "header": (pdu(Kind.REQUEST, 1, CallBody(0, 0, 0, b""))[:15], "15 bytes"),
    "rpc_vers": (poke(pdu(Kind.REQUEST, 1, CallBody(0, 0, 0, b"")), 0, 0x03000004), "version 4.0"),
    "packed_drep": (poke(pdu(Kind.REQUEST, 1, CallBody(0, 0, 0, b"")), 4, 0), "not little-endian"),
    "frag_length": (pdu(Kind.REQUEST, 1, CallBody(0, 0, 0, b"")) + b"\0", "24 bytes announced, 25 present"),
    "auth_length": (poke(pdu(Kind.REQUEST, 1, CallBody(0, 0, 0, b"")), 8, 0x00010018), "do not fit into 24"),
    "p_context_elem": (poke(pdu(Kind.BIND, 1, BIND), 28, 0x00090000), "contexts do not fit"),
    "p_result": (pdu(Kind.BIND_ACK, 1, ACK, auth=Auth(10, 2, 0, 0, bytes(200))), "results do not fit"),
    "body": (HEADER.pack(5, 0, Kind.FAULT, 3, 0x10, 20, 0, 1) + bytes(4), "ends before its last field"),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_invalid_pdu_raises_with_its_field(name: str) -> None:
    """The DecodeError has the invalid PDU field and its value."""
    data, detail = _REFUSED[name]
    if name == "p_result":
        # More results than fit into the bind_ack, so that the security trailer is read as one.
        place = data.index(bytes([len(ACK.outcomes), 0, 0, 0]), 28)
        data = poke(data, place, len(ACK.outcomes) + 4)
    with pytest.raises(DecodeError, match=detail) as caught:
        parse(data)
    assert caught.value.problem.field == name


def test_a_call_header_that_reaches_into_the_credentials_is_refused() -> None:
    """A request with the object UUID flag but without room for a UUID is rejected."""
    data = encode(Kind.REQUEST, 1, CallBody(0, 0, 0, b""), flags=3 | Flag.OBJECT_UUID)
    with pytest.raises(DecodeError, match="the call header does not fit"):
        parse(data)


def test_the_header_of_a_pdu_can_be_read_alone() -> None:
    """The common header can be parsed independently of the body."""
    data = pdu(Kind.SHUTDOWN, 7, b"")
    assert parse(data).header == Header(Kind.SHUTDOWN, 3, 16, 0, 7)

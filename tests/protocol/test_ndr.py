"""The stubs of the six methods in NDR20 and NDR64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from malformed import mutated, poke
from recordings import recorded
from stubs import PHASES, parameters

from mstrp.testing.arbitrary import texts
from protocol import ndr
from protocol.problem import DecodeError
from protocol.stub import TRAILER

if TYPE_CHECKING:
    from pathlib import Path

_few = settings(max_examples=max(12, settings().max_examples // 4))
_CONTEXT = bytes(range(20))
_SYNTAX = pytest.mark.parametrize("ndr64", [False, True], ids=["NDR20", "NDR64"])
_METHOD = {method.name: method for method in ndr.METHODS.values()}
#: The first bytes of a 52-byte trailer, and the padding values of the recorded stacks.
_TRAILED = TRAILER + bytes(44)
_FILLS = (0x00, 0xAB)


@_SYNTAX
@pytest.mark.parametrize(("method", "phase"), PHASES, ids=lambda part: getattr(part, "name", part))
@_few
@given(data=st.data())
def test_parameters_read_back_as_written(method: ndr.Method, phase: str, ndr64: bool, data: st.DataObject) -> None:
    """Decoding an encoded stub returns the parameters without problems, for any padding value."""
    value = data.draw(parameters(method, phase))
    stub = method.write(value, ndr64=ndr64, fill=data.draw(st.integers(0, 255)))
    assert method.read(phase, stub, ndr64=ndr64) == (value, [])


@_SYNTAX
@pytest.mark.parametrize(("method", "phase"), PHASES, ids=lambda part: getattr(part, "name", part))
@_few
@given(data=st.data())
def test_any_bytes_are_a_stub_or_a_decode_error(
    method: ndr.Method, phase: str, ndr64: bool, data: st.DataObject
) -> None:
    """Decoding returns parameters or raises a DecodeError with method, parameter and position."""
    good = parameters(method, phase).map(lambda value: method.write(value, ndr64=ndr64))
    stub = data.draw(mutated(good) | st.binary(max_size=120))
    try:
        method.read(phase, stub, ndr64=ndr64)
    except DecodeError as error:
        assert error.packet == method.name
        assert error.problem.section == method.section
        assert "needs" in error.problem.detail


@_SYNTAX
def test_a_missing_parameter_is_named(ndr64: bool) -> None:
    """A truncated stub raises an error with the first missing parameter."""
    stub = _METHOD["ClientRequest"].write(ndr.ClientRequest(_CONTEXT, bytes(60), 60), ndr64=ndr64)
    for end, name in (
        (12, "phContext"),
        (24, "pBuffer"),
        (len(stub) - 8, "lNeededSize"),
        (len(stub) - 4, "plUsedSize"),
    ):
        with pytest.raises(DecodeError) as caught:
            _METHOD["ClientRequest"].read("request", stub[:end], ndr64=ndr64)
        assert caught.value.problem.field == name


def _problems(name: str, phase: str, stub: bytes, ndr64: bool) -> list[tuple[str, str]]:
    found = _METHOD[name].read(phase, stub, ndr64=ndr64).problems
    assert all(problem.section == _METHOD[name].section for problem in found)
    return [(problem.field, problem.aspect) for problem in found]


@_SYNTAX
def test_contradicting_sizes_of_a_request_are_problems(ndr64: bool) -> None:
    """The fields lNeededSize and plUsedSize must equal max_count and actual_count."""
    stub = _METHOD["ClientRequest"].write(ndr.ClientRequest(_CONTEXT, bytes(60), 64), ndr64=ndr64)
    end = len(stub)
    assert _problems("ClientRequest", "request", poke(stub, end - 8, 68), ndr64) == [("lNeededSize", "size")]
    assert _problems("ClientRequest", "request", poke(stub, end - 4, 59), ndr64) == [("plUsedSize", "size")]


@_SYNTAX
def test_contradicting_sizes_of_a_response_are_problems(ndr64: bool) -> None:
    """The field plUsedSize must equal actual_count."""
    stub = _METHOD["ClientRequest"].write(ndr.ClientRequestResult(bytes(60), 64), ndr64=ndr64)
    assert _problems("ClientRequest", "response", poke(stub, len(stub) - 4, 64), ndr64) == [("plUsedSize", "size")]


@_SYNTAX
def test_contradicting_sizes_of_events_are_problems(ndr64: bool) -> None:
    """The field lSize must equal max_count and actual_count."""
    stub = _METHOD["RemoteSPEventProc"].write(ndr.RemoteSPEventProc(_CONTEXT, bytes(40)), ndr64=ndr64)
    found = _problems("RemoteSPEventProc", "request", poke(stub, len(stub) - 4, 41), ndr64)
    assert found == [("lSize", "size"), ("lSize", "size")]


@_SYNTAX
def test_an_array_starts_at_its_first_element_and_fits(ndr64: bool) -> None:
    """A varying array with an offset, or with more elements than max_count, is read with a problem."""
    width, start = (8, 24) if ndr64 else (4, 20)
    stub = _METHOD["RemoteSPEventProc"].write(ndr.RemoteSPEventProc(_CONTEXT, bytes(40)), ndr64=ndr64)
    assert _problems("RemoteSPEventProc", "request", poke(stub, start + width, 1), ndr64) == [("pBuffer", "size")]
    found = _problems("RemoteSPEventProc", "request", poke(stub, start, 39), ndr64)
    assert found == [("pBuffer", "size"), ("lSize", "size")]


@_SYNTAX
def test_a_string_ends_with_nul(ndr64: bool) -> None:
    """A string without a final NUL is read completely, with a problem; otherwise the first NUL ends it."""
    method = _METHOD["ClientAttach"]
    stub = method.write(ndr.ClientAttach(1, "ab", "cd"), ndr64=ndr64)
    encoded = "cd\0".encode("utf-16-le")
    found = method.read("request", stub.replace(encoded, "cde".encode("utf-16-le")), ndr64=ndr64)
    assert found.value.machine == "cde"
    assert [(problem.field, problem.aspect) for problem in found.problems] == [("pszMachine", "termination")]
    shorter = method.read("request", stub.replace(encoded, "c\0\0".encode("utf-16-le")), ndr64=ndr64)
    assert (shorter.value.machine, shorter.problems) == ("c", [])


@_SYNTAX
@given(name=texts(), rest=st.binary(max_size=7))
def test_only_padding_and_a_trailer_may_follow(ndr64: bool, name: str, rest: bytes) -> None:
    """Up to seven bytes and a verification trailer may follow the parameters; eight other bytes are a problem."""
    method = _METHOD["ClientAttach"]
    value = ndr.ClientAttach(0xFFFFFFFF, "", name)
    stub = method.write(value, ndr64=ndr64)
    assert method.read("request", stub + rest, ndr64=ndr64) == (value, [])
    assert method.read("request", stub + rest + _TRAILED, ndr64=ndr64) == (value, [])
    left = method.read("request", stub + bytes(8), ndr64=ndr64)
    assert left.value == value
    assert [(problem.field, problem.aspect) for problem in left.problems] == [("stub", "layout")]


def _parameters_alone(stub: bytes) -> bytes:
    """Remove the verification trailer."""
    end = stub.find(TRAILER)
    return stub if end < 0 else stub[:end]


def test_recorded_stubs_are_written_again_to_the_byte(captures: Path) -> None:
    """Every recorded stub of another stack is read without problems and encoded to the same bytes."""
    seen: set[tuple[Any, ...]] = set()
    for found in recorded(captures):
        read = found.method.read(found.phase, found.stub, ndr64=found.ndr64)
        assert read.problems == [], found
        again = {found.method.write(read.value, ndr64=found.ndr64, fill=fill) for fill in _FILLS}
        assert _parameters_alone(found.stub) in again, found
        seen.add((found.method.name, found.phase, found.ndr64))
    # The recordings contain both phases of every method in both syntaxes.
    assert seen == {(method.name, phase, ndr64) for method, phase in PHASES for ndr64 in (False, True)} - {
        ("RemoteSPEventProc", "response", False),
        ("RemoteSPEventProc", "response", True),
    }


@pytest.mark.parametrize(
    ("interface", "caller", "callee"), [(ndr.TAPSRV, "client", "server"), (ndr.REMOTESP, "server", "client")]
)
def test_rpc_roles_of_interfaces(interface: ndr.Interface, caller: str, callee: str) -> None:
    """The RPC client of tapsrv is the telephony client, that of remotesp the telephony server."""
    assert (interface.rpc_client, interface.rpc_server) == (caller, callee)

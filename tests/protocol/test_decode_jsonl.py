"""``mstrp decode --format jsonl`` of every packet, compared with an independent decoder based on the facts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import oracle
import pytest
from memory_capture import MemoryCapture

import samples
from mstrp.cli import main
from protocol import line
from protocol.event import COMPLETIONS, EVENTS
from protocol.packet import REQUESTS
from protocol.structure import STRUCTURES
from protocol.structures.proxy import BODIES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


#: Required keys of each object, and additional ones of a completion.
_PROMISED = ("frame", "time", "session", "direction", "method", "phase", "packet", "device", "section", "completes")
_PROMISED += ("fields", "values")


def _name(kind: Any) -> str:
    return f"{kind.device}.{kind.layout.name}"


def _decoded(capture: MemoryCapture, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the output of the program for a capture."""
    assert main(["decode", "--format", "jsonl", capture.save(folder / "capture.pcap")]) == 0
    return [json.loads(each) for each in capsys.readouterr().out.splitlines()]


def _about(packet: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(
        packet.get(key) for key in ("method", "phase", "direction", "packet", "device", "section", "completes")
    )


def test_every_request_and_response_is_named_as_the_facts_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All 132 requests and responses: name, section, the number of each field, each decoded value."""
    capture = MemoryCapture()
    sent = []
    for kind in REQUESTS.values():
        asked, answer = samples.request(kind), samples.response(kind)
        capture.ask(asked, answer)
        sent += [(kind, asked, False), (kind, answer, True)]
    shown = [packet for packet in _decoded(capture, tmp_path, capsys) if packet["method"] == "ClientRequest"]
    assert len(shown) == len(sent) == 264
    for packet, (kind, built, back) in zip(shown, sent, strict=True):
        fact = oracle.FACTS["requests"][_name(kind)]
        way = ("response", "server->client") if back else ("request", "client->server")
        assert _about(packet) == ("ClientRequest", *way, kind.__name__, fact["device"], fact["section"], None)
        assert (packet["fields"], packet["values"]) == oracle.request(_name(kind), built.encode(), back=back), kind
        assert list(packet["fields"])[1:] == [field for field, *_ in fact["fields"]]


def test_every_event_is_named_as_the_facts_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All 32 events, several of them in one buffer."""
    capture = MemoryCapture()
    told = [(kind, samples.event(kind)) for kind in EVENTS.values()]
    capture.tell(*(event for _, event in told[:20]))
    capture.tell(*(event for _, event in told[20:]))
    shown = [packet for packet in _decoded(capture, tmp_path, capsys) if packet["phase"] == "event"]
    assert len(shown) == len(told) == 32
    for packet, (kind, event) in zip(shown, told, strict=True):
        fact = oracle.FACTS["events"][kind.__name__]
        about = ("RemoteSPEventProc", "event", "server->client", kind.__name__, fact["device"], fact["section"], None)
        assert _about(packet) == about
        assert (packet["fields"], packet["values"]) == oracle.event("events", kind.__name__, event.encode()), kind


def test_every_completion_is_named_with_the_request_that_it_completes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All 26 special completions, after a response with the request id."""
    capture = MemoryCapture()
    told = []
    for number, kind in enumerate(COMPLETIONS.values(), 0x700):
        asked = kind.completes
        capture.ask(samples.request(asked, request_id=number), asked(ack=number))
        told.append((kind, samples.event(kind, request_id=number, result=0)))
        capture.tell(told[-1][1])
    shown = [packet for packet in _decoded(capture, tmp_path, capsys) if packet["phase"] == "event"]
    assert len(shown) == len(told) == 26
    for packet, (kind, event) in zip(shown, told, strict=True):
        fact = oracle.FACTS["completions"][_name(kind)]
        name = "PHONE_REPLY" if kind.device == "phone" else "LINE_REPLY"
        assert _about(packet)[3:] == (name, kind.device, fact["section"], kind.completes.__name__)
        assert (packet["fields"], packet["values"]) == oracle.event("completions", _name(kind), event.encode()), kind


@pytest.mark.parametrize("kind", STRUCTURES.values(), ids=lambda kind: kind.__name__)
def test_every_structure_is_named_as_the_facts_say(kind: Any) -> None:
    """All 50 structures with all members, in each version that changes their size."""
    name = kind.__name__
    sizes = oracle.FACTS["structures"][name]["sizes"]
    versions = {4 * kind.length(version): version for version in (0x10004, 0x20000, 0x20002, 0x30000, 0x30001)}
    for size in sizes:
        data = samples.structure(kind, versions[size]).encode()
        assert _described(kind, data) == oracle.structure(name, data, size=size)


@pytest.mark.parametrize("body", BODIES.values(), ids=lambda body: body.__name__)
def test_every_proxy_request_is_named_as_the_facts_say(body: Any) -> None:
    """LINEPROXYREQUEST with each body that dwRequestType can select."""
    kind = STRUCTURES["LINEPROXYREQUEST"]
    data = samples.structure(kind, body=body).encode()
    assert _described(kind, data) == oracle.structure("LINEPROXYREQUEST", data)


def _described(kind: Any, data: bytes) -> Any:
    from protocol.record import Budget

    return kind.at(data, 0, len(data)).describe(Budget(len(data)))


def test_the_other_methods_appear_with_their_parameters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], golden: Callable[[str, str], None]
) -> None:
    """Attach and detach of both interfaces, a request, a response and a completion match the golden file."""
    capture = MemoryCapture()
    asked = line.MakeCall(line=0x10001, dest_address="5551234", call_params={"bearer_mode": 1}, request_id=7, context=9)
    capture.ask(asked, line.MakeCall(ack=7))
    capture.tell(line.MakeCall.Completion(context=9, request_id=7, call=0x10005), EVENTS[2](call_state=0x100, mode=1))
    capture.end()
    shown = [{key: packet[key] for key in _PROMISED if key in packet} for packet in _decoded(capture, tmp_path, capsys)]
    golden("decode/session.jsonl", "".join(json.dumps(packet) + "\n" for packet in shown))

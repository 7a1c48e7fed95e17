"""Sequence charts: lanes, connections, states and findings in every format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mstrp.checking import check_capture
from mstrp.drawing.render import render
from mstrp.generate import Wire
from mstrp.generate.flows import play_of
from mstrp.generate.stages import WireStage, perform
from mstrp.report.ladder import Ladder
from mstrp.report.sequence import Chart, chart_dot, chart_mermaid, chart_of, chart_plantuml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def chart(capture: Path, session: str = "s1") -> Chart:
    ladder = Ladder()
    result = check_capture(str(capture), watcher=ladder)
    return chart_of(ladder, result.findings, session, capture.stem, "client", "server")


def test_chart_of_a_failure(captures: Path, golden: Callable[[str, str], None]) -> None:
    """The chart of a recording in Mermaid and PlantUML has arrows in order, states, and the finding at its packet."""
    found = chart(captures / "impacket-scapy_fault_connected_after_idle.pcap")
    golden("pictures/sequence.mmd", chart_mermaid(found))
    golden("pictures/sequence.puml", chart_plantuml(found))


def test_connections_are_told_apart(captures: Path) -> None:
    """Events have another color and head than requests and responses, in each format."""
    found = chart(captures / "impacket-scapy_s44_answer.pcap")
    events = [arrow for arrow in found.arrows if arrow.channel]
    requests = [arrow for arrow in found.arrows if not arrow.channel]
    assert events
    assert requests
    assert not {arrow.tone for arrow in events} & {arrow.tone for arrow in requests}
    assert chart_mermaid(found).count("-)") == len(events)
    assert len(re.findall(r"\]-*>> ", chart_plantuml(found))) == len(events)
    assert chart_dot(found).count("arrowhead=vee") == len(events)


def test_events_that_are_fetched_are_events(captures: Path) -> None:
    """In the pull model events are on the request connection, and are still drawn as events."""
    found = chart(captures / "impacket-scapy_s45_transfer_pull.pcap")
    assert any(arrow.channel and arrow.text.startswith("LINE_CALLSTATE") for arrow in found.arrows)


def test_a_chart_is_drawn(captures: Path) -> None:
    """The chart is rendered as SVG and PNG, with a lane for each party and every packet."""
    found = chart(captures / "impacket-scapy_s44_answer.pcap")
    svg = render(chart_dot(found), "svg", engine="neato").decode()
    assert ">client<" in svg
    assert ">server<" in svg
    # SVG uses non-breaking spaces.
    plain = svg.replace("&#160;", " ").replace("&#45;", "-")
    for arrow in found.arrows:
        assert arrow.text.split()[0] in plain
    assert render(chart_dot(found), "png", engine="neato").startswith(b"\x89PNG")


def test_proxies_have_a_lane(tmp_path: Path) -> None:
    """Proxy requests to the client that handles agents have a separate lane, in each format."""
    capture = tmp_path / "agents.pcap"
    with capture.open("wb") as stream:
        perform(play_of("agent").order(), WireStage(Wire(stream)))
    found = chart(capture)
    asked = [arrow for arrow in found.arrows if arrow.proxy]
    assert found.proxy == "proxy, session s2"
    assert [arrow.text.split()[0] for arrow in asked] == ["LINE_PROXYREQUEST"]
    texts = [arrow.text.split()[0] for arrow in found.arrows]
    assert texts.index("CreateAgent") < texts.index("LINE_PROXYREQUEST")
    assert "S-)P: LINE_PROXYREQUEST" in chart_mermaid(found)
    assert re.search(r"S -\[#\w+\]>> P : LINE_PROXYREQUEST", chart_plantuml(found))
    assert 'label="proxy, session s2"' in chart_dot(found)
    drawn = render(chart_dot(found), "svg", engine="neato").decode()
    assert ">proxy, session s2<" in drawn.replace("&#160;", " ")


def test_nobody_proxies_elsewhere(captures: Path) -> None:
    """Without such a client there are two lanes."""
    found = chart(captures / "impacket-scapy_s44_answer.pcap")
    assert found.proxy == ""
    assert "participant P" not in chart_mermaid(found)

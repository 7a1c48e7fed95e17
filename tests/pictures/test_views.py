"""Views of machines: whole, near a state, with coverage, and differences."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fsm import MACHINES, Machine
from fsm.diagram import Coverage, collapsed, covered, difference, dot, full, mermaid, near, plantuml, seen_in
from fsm.diagram.dot import LEGEND
from mstrp.checking import check_capture
from mstrp.drawing.views import Views

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

each_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=list(MACHINES))
CALL = MACHINES["call"].table
LINE = MACHINES["line"].table
PLANTUML = shutil.which("plantuml")


def visited(capture: Path, machine: str = "call") -> Coverage:
    coverage = Coverage(machine)
    check_capture(str(capture), on_step=coverage.step)
    return coverage


@each_machine
def test_full_shows_every_row(machine: Machine) -> None:
    """Every row of a table is in the full diagram: on an arrow with level and section, or inside its state."""
    diagram = full(machine.table)
    inside = {node.id: [text for _, text in node.lines] for node in diagram.nodes}
    arrows: dict[tuple[str, str], str] = {}
    for edge in diagram.edges:
        arrows[edge.source, edge.target] = arrows.get((edge.source, edge.target), "") + "\n".join(edge.labels) + "\n"
    for row in machine.table.rows:
        if row.source is row.target and not row.expect:
            assert any(text.startswith(row.event.name) for text in inside[row.source.name])
            continue
        for target in ({row.target} - {row.source}) | set(row.expect):
            found = arrows[row.source.name, target.name]
            assert re.search(
                rf"^{re.escape(row.event.name)}.* · {row.level.name} · {re.escape(row.ref.section)}$",
                found,
                re.MULTILINE,
            )


@each_machine
def test_the_legend_explains_what_occurs(machine: Machine) -> None:
    """The legend contains exactly the colors used in the diagram."""
    for diagram in (collapsed(machine.table), full(machine.table)):
        used = {edge.tone for edge in diagram.edges} | {tone for node in diagram.nodes for tone, _ in node.lines}
        text = dot(diagram)
        for tone, word in LEGEND:
            assert (f"■ {word}" in text) is (tone in used)
            assert (f">{word}</color>" in plantuml(diagram)) is (tone in used)


def test_near_a_state() -> None:
    """The view near onHold has all rows of that state, and only the states at their ends."""
    diagram = near(CALL, "onHold")
    assert all("ONHOLD" in (edge.source, edge.target) for edge in diagram.edges)
    rows = {
        (row.source.name, target.name)
        for row in CALL.rows
        for target in (row.target, *row.expect)
        if "ONHOLD" in (row.source.name, target.name) and row.source is not target
    }
    assert rows == {(edge.source, edge.target) for edge in diagram.edges if edge.source != edge.target}
    assert {node.id for node in diagram.nodes} == {"ONHOLD", *(end for pair in rows for end in pair)}


def test_near_an_unknown_state() -> None:
    """An unknown state is refused with a list of the states."""
    with pytest.raises(ValueError, match=r"no state paused; it has .*onHold"):
        near(CALL, "paused")


def test_coverage_counts_what_happened(captures: Path) -> None:
    """The diagram of a recording has the visited states with their counts, all others in gray."""
    diagram = covered(collapsed(CALL), visited(captures / "impacket-scapy_s44_answer.pcap"))
    counts = {node.id: node.times for node in diagram.nodes if node.visited}
    assert counts.items() >= {"OFFERING": 1, "CONNECTED": 1, "IDLE": 1}.items()
    assert {node.id for node in diagram.nodes if node.visited is False} >= {"BUSY", "DIALING", "ONHOLD"}
    (answered,) = [edge for edge in diagram.edges if (edge.source, edge.target) == ("OFFERING", "CONNECTED")]
    assert (answered.visited, answered.times) == (True, 1)
    assert "connected (1×)" in dot(diagram)


def test_coverage_adds_up(captures: Path) -> None:
    """The coverage of two recordings is the sum of both."""
    names = ("impacket-scapy_s44_answer.pcap", "impacket-scapy_s43_outgoing.pcap")
    both = Coverage("call")
    for name in names:
        check_capture(str(captures / name), on_step=both.step)
    one, other = (visited(captures / name) for name in names)
    assert both.edges == one.edges + other.edges
    assert both.rows == one.rows + other.rows


def test_a_table_does_not_differ_from_itself() -> None:
    """The difference of a table with itself is empty."""
    found = difference(CALL, CALL)
    assert (found.nodes, found.edges, found.notes) == ((), (), ("0 rows added, 0 removed",))


@pytest.mark.parametrize("place", [0, 7, len(LINE.rows) - 1])
def test_difference_finds_the_row(place: int) -> None:
    """A removed row is "removed" in one direction and "added" in the other, with its level and section."""
    row = LINE.rows[place]
    less = replace(LINE, rows=LINE.rows[:place] + LINE.rows[place + 1 :])
    for before, after, change, note in (
        (LINE, less, "removed", "0 rows added, 1 removed"),
        (less, LINE, "added", "1 rows added, 0 removed"),
    ):
        found = difference(before, after)
        assert found.notes == (note,)
        texts = [text for edge in found.edges if edge.change == change for text in edge.labels]
        texts += [text[2:] for node in found.nodes for _, text in node.lines]
        assert any(text.startswith(row.event.name) and text.endswith(row.ref.section) for text in texts)


def test_difference_of_two_recordings(captures: Path) -> None:
    """States visited by only one of two recordings are marked, those visited by both are not."""
    first = visited(captures / "impacket-scapy_s44_answer.pcap")
    second = visited(captures / "impacket-scapy_s43_outgoing.pcap")
    changes = {node.id: node.change for node in seen_in(collapsed(CALL), first, second).nodes}
    assert changes["OFFERING"] == "removed"
    assert changes["DIALING"] == "added"
    assert changes["CONNECTED"] == ""
    assert {change for name, change in changes.items() if name in ("BUSY", "ACCEPTED")} == {""}


def test_the_path_of_one_call(captures: Path, golden: Callable[[str, str], None]) -> None:
    """The diagram of one call is its path, numbered, with violations and their rules."""
    views = Views([str(captures / "impacket-scapy_fault_connected_after_idle.pcap")], call="0x87011")
    golden("pictures/path.mmd", views.text("call", "mermaid"))


def test_text_forms(golden: Callable[[str, str], None]) -> None:
    """The small machine of the event channel in every text format."""
    diagram = collapsed(MACHINES["channel"].table)
    golden("pictures/channel.puml", plantuml(diagram))
    golden("pictures/channel.mmd", mermaid(diagram))
    golden("pictures/channel.dot", dot(diagram))


_PUML = re.compile(
    r"@startuml|@enduml|title .+|hide empty description|left to right direction|legend|endlegend|footer .+"
    r'|state "[^"]+" as \w+( #\w+)?|\w+ : .+|\[\*\] --> \w+|\w+ --> \[\*\]|\w+ -\[#[\w,]+\]-> \w+( : .+)?|<color:.+|dashed: .+'
)
_MERMAID = re.compile(
    r'---|title: .+|stateDiagram-v2|  direction \w+|  state "[^"]+" as \w+|  \[\*\] --> \w+|  \w+ --> \[\*\]'
    r"|  note right of \w+|    ([^:;]|#\d+;)+|  end note|  \w+ --> \w+( : ([^:;]|#\d+;)+)?"
)


@each_machine
def test_text_forms_keep_to_their_grammar(machine: Machine) -> None:
    """Every line of every machine is valid PlantUML or Mermaid, including texts with braces."""
    for diagram in (collapsed(machine.table), full(machine.table)):
        for line in plantuml(diagram).splitlines():
            assert _PUML.fullmatch(line), line
        for line in mermaid(diagram).splitlines():
            assert _MERMAID.fullmatch(line), line


@pytest.mark.skipif(PLANTUML is None, reason="plantuml is not installed (Debian: apt-get install plantuml)")
def test_plantuml_takes_it() -> None:
    """PlantUML reports no error in the diagrams of a small machine and of a large one."""
    assert PLANTUML is not None
    text = "".join(plantuml(collapsed(MACHINES[name].table)) for name in ("channel", "call"))
    run = subprocess.run([PLANTUML, "-syntax"], input=text, capture_output=True, text=True, check=False)
    assert run.returncode == 0
    assert "ERROR" not in run.stdout

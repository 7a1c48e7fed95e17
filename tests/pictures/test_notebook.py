"""Notebook display, and execution of the example notebook."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree as ET

import nbformat
import pytest
from nbclient import NotebookClient

from fsm import MACHINES, Monitor
from mstrp.checking import check_capture
from protocol import events

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str | None) -> str:
    assert svg is not None
    return " ".join(node.text or "" for node in ET.fromstring(svg).iter(f"{SVG}text")).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_tables_and_machines_are_pictures() -> None:
    """A machine and its table show the same diagram, with every state."""
    machine = MACHINES["channel"]
    shown = texts(machine._repr_svg_())
    assert shown == texts(machine.table._repr_svg_())
    for state in machine.table.states:
        assert machine.table.caption(state) in shown


def test_a_live_call_is_a_picture() -> None:
    """A call of a running monitor shows its past states."""
    client = Monitor().conversation(partial=True)
    for state in (2, 0x100):
        client.event(events.LINE_CALLSTATE(call=0x10005, call_state=state, privilege=4), frame=1, time=0.0)
    shown = texts(client.calls[0x10005]._repr_svg_())
    assert "call 0x10005#1" in shown
    assert "offering" in shown
    assert "connected" in shown


def test_results_are_html(captures: Path) -> None:
    """A checked capture shows its verdict, its calls and its findings, all escaped."""
    result = check_capture(str(captures / "impacket-scapy_fault_connected_after_idle.pcap"))
    shown = result._repr_html_()
    assert "FAIL" in shown
    assert "offering → connected → idle → connected" in shown
    assert result.findings[0]._repr_html_() in shown
    assert "after the call had become idle" in shown
    nasty = result._replace(path="<b>", findings=[result.findings[0]._replace(summary="<script>")])._repr_html_()
    assert "<script>" not in nasty
    assert "&lt;b&gt;" in nasty
    assert "offering" in texts(result.sessions[0].calls[0]._repr_svg_())


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell of the example notebook runs, and its diagrams exist."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    book = nbformat.read(ROOT / "samples" / "capture-to-picture.ipynb", as_version=4)
    NotebookClient(
        book, timeout=120, kernel_name="python3", resources={"metadata": {"path": ROOT / "samples"}}
    ).execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert all(output.output_type == "execute_result" for output in outputs)
    kinds = [kind for output in outputs for kind in output.data]
    assert kinds.count("image/svg+xml") == 4
    assert kinds.count("text/html") == 2

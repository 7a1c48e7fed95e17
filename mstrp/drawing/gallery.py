"""The folder of pictures: every machine and the sequence chart of section 4.5, as texts and as pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from fsm.diagram import collapsed, dot, full, markdown, mermaid, plantuml, scxml
from fsm.diagram.dot import LEGEND
from fsm.state.machines import MACHINES
from mstrp.capture.files import Source
from mstrp.checking import check_capture
from mstrp.generate.captures import play
from mstrp.generate.wire import Wire
from mstrp.report.ladder import Ladder
from mstrp.report.sequence import chart_dot, chart_mermaid, chart_of

if TYPE_CHECKING:
    from fsm.diagram import Diagram

__all__ = ["TEXTS", "Picture", "diagram_text", "machine_text", "pictures", "texts"]

#: Text formats and their file names; these are what is compared.
TEXTS = {"dot": ".dot", "mermaid": ".mmd", "plantuml": ".puml", "scxml": ".scxml", "markdown": ".md"}
#: Texts that the folder of pictures holds; the others are written when asked for.
_KEPT = ("dot", "mermaid", "markdown")
_SEQUENCE = "sequence-4.5"


class Picture(NamedTuple):
    """Something to draw: its file name without ending, its DOT text, and the layout engine that it needs."""

    name: str
    source: str
    engine: str


def machine_text(name: str, form: str, view: str = "collapsed") -> str:
    """A machine in one of the text formats; views are ``collapsed`` and ``full``."""
    table = MACHINES[name].table
    if form == "markdown":
        return markdown(table)
    if form == "scxml":
        return scxml(table)
    return diagram_text(full(table) if view == "full" else collapsed(table), form)


def diagram_text(diagram: Diagram, form: str) -> str:
    """A picture as ``dot``, ``mermaid`` or ``plantuml``."""
    return {"dot": dot, "mermaid": mermaid, "plantuml": plantuml}[form](diagram)


def _sequence() -> tuple[str, str]:
    """The chart of section 4.5 as DOT and as Mermaid."""
    capture = io.BytesIO()
    play(Wire(capture), scenario="4.5")
    capture.seek(0)
    ladder = Ladder()
    result = check_capture(Source(capture, "4.5", lambda frame, text: None), watcher=ladder)
    (session,) = result.sessions
    title = "MS-TRP 4.5: transferring a call without consultation"
    chart = chart_of(ladder, result.findings, session.id, title, "client", "server")
    return chart_dot(chart), chart_mermaid(chart)


def texts() -> dict[str, str]:
    """The texts that the folder holds, by file name."""
    found = {
        f"{name}{suffix}": machine_text(name, form) for name in MACHINES for form in _KEPT for suffix in (TEXTS[form],)
    }
    found[f"{_SEQUENCE}.dot"], found[f"{_SEQUENCE}.mmd"] = _sequence()
    found["README.md"] = _index()
    return found


def pictures() -> list[Picture]:
    """The pictures that the folder holds."""
    machines = [Picture(name, machine_text(name, "dot"), "dot") for name in MACHINES]
    return [*machines, Picture(_SEQUENCE, _sequence()[0], "neato")]


def _index() -> str:
    """The page that lists the pictures and explains how to read them."""
    lines = [
        "# The machines in pictures",
        "",
        "Written by `mstrp draw --all diagrams`; `mstrp draw --check diagrams` tells whether they are current.",
        "Each machine is there as picture (`.svg`, `.png`), as Graphviz and Mermaid text (`.dot`, `.mmd`) and as a table",
        "of all its rows with level and section (`.md`).",
        "",
        "| machine | what it is | rows |",
        "| --- | --- | --- |",
    ]
    for name, machine in MACHINES.items():
        table = machine.table
        lines.append(
            f"| [{name}]({name}.svg) ([png]({name}.png), [rows]({name}.md)) | {table.summary} | {len(table.rows)} |"
        )
    lines += [
        "",
        f"[{_SEQUENCE}]({_SEQUENCE}.svg) ([png]({_SEQUENCE}.png)) is the conversation of section 4.5 with the state of",
        "the call after each packet.",
        "",
        "## How to read them",
        "",
        "* A box is a state. A dashed box is where instances begin, a bold one where they end.",
        "* Lines inside a box are what may happen there without leaving it. `×` marks what a MUST forbids, `?` what fits",
        "  no documented pattern; both are reported, everything else is legal.",
        "* Arrows that would come from nearly every state are left out; the box at their end says *from any live state*.",
        "* A dashed arrow leads to a state that may be true from now on although no packet has said so yet: the reply to",
        "  a request arrived, the LINE_CALLSTATE is still to come.",
        "* Colours say what moves the machine:",
        "",
    ]
    meanings = {
        "request": "the client sends a request",
        "answer": "the server's answer (`Ack_ReturnValue` and what it brings)",
        "success": "a LINE_REPLY or PHONE_REPLY, or a special completion",
        "report": "any other event from the server",
        "joint row": "another machine: a line that is closed voids its calls",
        "suspicious": "nothing forbids it, nothing explains it",
        "forbidden": "a MUST, or an obligation of the TAPI documentation, forbids it",
    }
    lines += [f"  * {word}: {meanings[word]}" for _, word in LEGEND]
    lines.append("")
    return "\n".join(lines)

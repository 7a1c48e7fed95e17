"""Text of captures in each diagram format remains text, including in the programs that read the formats."""

from __future__ import annotations

import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
import real_mermaid
from nasty import NASTY, chart_with, states_with

from fsm import MACHINES
from fsm.diagram import collapsed, dot, full, mermaid, plantuml
from fsm.diagram.escape import for_dot, for_markdown, for_mermaid, for_plantuml
from mstrp.cli import main
from mstrp.drawing.render import render
from mstrp.report.sequence import chart_dot, chart_mermaid, chart_plantuml
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable


ROOT = Path(__file__).parents[2]
PLANTUML = shutil.which("plantuml")
STATES = ("title", "a", "b", "line", "other", "label", "second")
CHART = ("title", "client", "server", "proxy", "call", "event", "asked", "states")

needs_mermaid = pytest.mark.skipif(bool(real_mermaid.MISSING), reason=real_mermaid.MISSING)
needs_plantuml = pytest.mark.skipif(
    PLANTUML is None, reason="plantuml is not installed (Debian: apt-get install plantuml)"
)


def squeezed(text: str) -> str:
    """Return text without white space, because programs wrap lines differently."""
    return "".join(printable(text).replace("\N{NO-BREAK SPACE}", "").split())


def shown(svg: bytes) -> tuple[str, set[str]]:
    """Return the text of an SVG and the names of its elements."""
    nodes = list(ET.fromstring(svg).iter())
    text = "".join("".join(node.itertext()) for node in nodes if node.tag.endswith("}text"))
    return squeezed(text.replace("\N{NO-BREAK SPACE}", " ")), {node.tag.rpartition("}")[2] for node in nodes}


@pytest.mark.parametrize("escape", [for_dot, for_markdown, for_mermaid, for_plantuml])
def test_nothing_escapes_a_line(escape: Callable[[str], str]) -> None:
    """No control character, line break or direction mark remains in any format."""
    assert all(escape(text).isprintable() for text in NASTY)


@pytest.mark.parametrize(
    ("write", "names"),
    [(lambda text: dot(states_with(text)), STATES), (lambda text: chart_dot(chart_with(text)), CHART)],
)
def test_graphviz_shows_text(write: Callable[[str], str], names: tuple[str, ...]) -> None:
    """Graphviz renders each text unchanged."""
    engine = "dot" if names is STATES else "neato"
    for text in NASTY:
        found, _ = shown(render(write(text), "svg", engine=engine))
        assert [name for name in names if squeezed(f"{name} {text}") not in found] == []


@needs_plantuml
@pytest.mark.parametrize(
    ("write", "names"),
    [(lambda text: plantuml(states_with(text)), STATES), (lambda text: chart_plantuml(chart_with(text)), CHART)],
)
def test_plantuml_shows_text(tmp_path: Path, write: Callable[[str], str], names: tuple[str, ...]) -> None:
    """PlantUML renders each text unchanged, without a link or an image."""
    assert PLANTUML is not None
    places = [tmp_path / f"{number:02}.puml" for number in range(len(NASTY))]
    for text, place in zip(NASTY, places, strict=True):
        place.write_text(write(text), encoding="utf-8")
    command = [PLANTUML, "-tsvg", "-charset", "UTF-8", *map(str, places)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    for text, place in zip(NASTY, places, strict=True):
        found, tags = shown(place.with_suffix(".svg").read_bytes())
        assert [name for name in names if squeezed(f"{name} {text}") not in found] == []
        assert not tags & {"a", "image"}


@needs_mermaid
def test_mermaid_shows_text(tmp_path: Path) -> None:
    """Mermaid renders each text unchanged, without a markup element."""
    forms: list[tuple[Callable[[str], str], tuple[str, ...]]] = [
        (lambda text: mermaid(states_with(text)), STATES),
        (lambda text: chart_mermaid(chart_with(text)), CHART),
    ]
    cases = list(product(forms, NASTY))
    drawn = real_mermaid.render([write(text) for (write, _), text in cases], tmp_path)
    for ((_, names), text), found in zip(cases, drawn, strict=True):
        assert found.error == ""
        plain = squeezed(found.text).translate(str.maketrans("\u2039\u203a", "<>"))
        assert [name for name in names if squeezed(f"{name} {text}") not in plain] == []
        assert not found.tags & {"script", "a", "img", "image", "b", "i", "em", "strong", "code", "del"}


@needs_mermaid
def test_mermaid_parses_every_diagram(tmp_path: Path, captures: Path) -> None:
    """Mermaid parses every machine in each view, the committed diagrams, and the charts of every recording."""
    texts = {
        f"{name} {view.__name__}": mermaid(view(machine.table))
        for name, machine in MACHINES.items()
        for view in (collapsed, full)
    }
    recordings = sorted(place for place in captures.iterdir() if place.suffix in (".pcap", ".pcapng"))
    main(["check", "-q", "--ladder", "0", "--diagrams", str(tmp_path / "charts"), *map(str, recordings)])
    places = [*(ROOT / "diagrams").glob("*.mmd"), *(ROOT / "tests" / "golden").rglob("*.mmd"), *tmp_path.rglob("*.mmd")]
    texts |= {str(place): place.read_text(encoding="utf-8") for place in places}
    drawn = real_mermaid.render(list(texts.values()), tmp_path)
    assert [(name, found.error) for name, found in zip(texts, drawn, strict=True) if found.error] == []
    assert len(places) > len(recordings)

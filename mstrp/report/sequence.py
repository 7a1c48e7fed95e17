"""Sequence charts: two lanes, an arrow for each packet, the states of the calls beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsm.diagram.dot import COLOURS
from fsm.diagram.model import Tone
from mstrp.capture.packets import CLIENT_TO_SERVER

if TYPE_CHECKING:
    from fsm.finding import Finding
    from mstrp.report.ladder import Ladder, Rung

__all__ = ["Arrow", "Chart", "chart_dot", "chart_mermaid", "chart_of"]

#: Inches: where the lanes stand, the height of a row, where the states are written.
_SERVER_X = 4.6
_ROW = 0.27
_STATES_X = _SERVER_X + 0.25
_FONT = "Helvetica,Arial,sans-serif"


class Arrow(NamedTuple):
    """A packet in the chart; ``channel`` tells the event connection from the request connection."""

    frame: int
    to_server: bool
    text: str
    channel: bool
    answer: bool
    states: str
    findings: tuple[str, ...]


class Chart(NamedTuple):
    """A sequence chart."""

    title: str
    client: str
    server: str
    arrows: tuple[Arrow, ...]


def chart_of(ladder: Ladder, findings: list[Finding], session: str, title: str, client: str, server: str) -> Chart:
    """The chart of a session out of its ladder."""
    rungs = [rung for rung in ladder.rungs if rung.packet.session == session]
    arrows = []
    for place, rung in enumerate(rungs):
        last = place + 1 == len(rungs) or rungs[place + 1].packet.frame != rung.packet.frame
        broken = [f for f in findings if last and f.session == session and f.frame == rung.packet.frame]
        arrows.append(_arrow(rung, broken))
    return Chart(title, client, server, tuple(arrows))


def _arrow(rung: Rung, findings: list[Finding]) -> Arrow:
    packet = rung.packet
    states = [f"{what.removeprefix('call ')}: {after}" for what, after in rung.states if what.startswith("call ")]
    return Arrow(
        packet.frame,
        packet.direction == CLIENT_TO_SERVER,
        rung.text,
        packet.method.startswith("RemoteSP"),
        packet.phase == "response",
        "; ".join(states),
        tuple(f"{finding.rule}: {finding.summary}" for finding in findings),
    )


def chart_dot(chart: Chart) -> str:
    """The chart as DOT with fixed places, for ``neato``."""
    lines = [
        'graph "sequence" {',
        f'  graph [fontname="{_FONT}", bgcolor="white", pad=0.25, splines=line, labelloc=t, labeljust=l, fontsize=13,',
        f'         label="{_plain(chart.title)}\\l"]',
        f'  node [shape=plaintext, fontname="{_FONT}", fontsize=9.5, margin=0, width=0, height=0]',
        "  edge [penwidth=1.1]",
    ]
    bottom = -_ROW * (sum(1 + len(arrow.findings) for arrow in chart.arrows) + 1)
    for name, x, label in (("client", 0.0, chart.client), ("server", _SERVER_X, chart.server)):
        lines.append(
            f'  {name} [pos="{x:.2f},0.35!", shape=box, style="rounded,filled", fillcolor="#eef4fb", margin=0.09, label="{_plain(label)}"]'
        )
        lines.append(f'  {name}_end [pos="{x:.2f},{bottom:.2f}!", label="", style=invis]')
        lines.append(f'  {name} -- {name}_end [color="#b8bfc8", style=dashed]')
    y = 0.0
    for number, arrow in enumerate(chart.arrows):
        y -= _ROW
        lines += _row(number, arrow, y)
        for place, text in enumerate(arrow.findings):
            y -= _ROW
            lines.append(_words(f"f{number}_{place}", 0.1, y, f"✗ {text}".replace("✗", "×"), COLOURS[Tone.FORBIDDEN]))
    return "\n".join([*lines, "}", ""])


def _row(number: int, arrow: Arrow, y: float) -> list[str]:
    tone = Tone.REPORT if arrow.channel else Tone.ANSWER if arrow.answer else Tone.REQUEST
    colour = COLOURS[tone]
    source, target = (0.0, _SERVER_X) if arrow.to_server else (_SERVER_X, 0.0)
    style = "dashed" if arrow.answer else "solid"
    lines = [
        f'  a{number} [pos="{source:.2f},{y:.2f}!", label="", shape=point, style=invis]',
        f'  b{number} [pos="{target:.2f},{y:.2f}!", label="", shape=point, style=invis]',
        f'  a{number} -- b{number} [dir=forward, arrowsize=0.6, color="{colour}", style={style}]',
        f'  t{number} [pos="{_SERVER_X / 2:.2f},{y + 0.09:.2f}!", label="{_plain(arrow.text)}", fontcolor="{colour}"]',
        f'  n{number} [pos="-0.30,{y:.2f}!", label="{arrow.frame}", fontsize=8, fontcolor="#8a929c"]',
    ]
    if arrow.states:
        lines.append(_words(f"s{number}", _STATES_X, y, arrow.states, "#1d2126"))
    return lines


def _words(name: str, x: float, y: float, text: str, colour: str) -> str:
    """Text that begins at a place: Graphviz centres, so the box is made as wide as the text will be."""
    width = 0.072 * len(text) + 0.1
    return (
        f'  {name} [pos="{x + width / 2:.2f},{y:.2f}!", width={width:.2f}, fixedsize=true, '
        f'label="{_plain(text)}\\l", fontcolor="{colour}"]'
    )


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def chart_mermaid(chart: Chart) -> str:
    """The chart as a Mermaid sequence diagram."""
    lines = ["---", f"title: {chart.title}", "---", "sequenceDiagram"]
    lines += [f"  participant C as {chart.client}", f"  participant S as {chart.server}"]
    for arrow in chart.arrows:
        source, target = ("C", "S") if arrow.to_server else ("S", "C")
        head = "-->>" if arrow.answer else "->>"
        lines.append(f"  {source}{head}{target}: {_words_only(arrow.text)}")
        if arrow.states:
            lines.append(f"  Note right of S: {_words_only(arrow.states)}")
        lines += [f"  Note over C,S: × {_words_only(text)}" for text in arrow.findings]
    return "\n".join(lines) + "\n"


def _words_only(text: str) -> str:
    return text.replace(";", ",").replace("#", "♯").replace("\n", " ")

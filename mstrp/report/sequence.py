"""Sequence charts: a lane for each party, an arrow for each packet, the states of the calls at the side.

The two connections of a conversation are distinguished: requests and responses are solid lines in blue and green,
events are dark lines with an open head. A client that handles agent requests has a separate lane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsm.diagram.dot import COLOURS
from fsm.diagram.escape import for_dot, for_mermaid, for_plantuml, front_matter
from fsm.diagram.model import Tone
from mstrp.capture.packets import CLIENT_TO_SERVER
from protocol.events import LINE_PROXYREQUEST

if TYPE_CHECKING:
    from fsm.engine.finding import Finding
    from mstrp.capture.packets import Packet
    from mstrp.report.ladder import Ladder, Rung

__all__ = ["Arrow", "Chart", "chart_dot", "chart_mermaid", "chart_of", "chart_plantuml"]

#: Distances in inches between the lanes of client and server, of server and proxy, and the height of a row.
_SERVER_X = 4.6
_PROXY_X = 9.2
_ROW = 0.27
_FONT = "Helvetica,Arial,sans-serif"
_LEGEND = ((Tone.REQUEST, "request"), (Tone.ANSWER, "response"), (Tone.REPORT, "event, on a separate connection"))


class Arrow(NamedTuple):
    """A packet in the chart; ``channel`` is true on the event connection."""

    frame: int
    to_server: bool
    text: str
    channel: bool
    answer: bool
    states: str
    findings: tuple[str, ...]
    #: Whether the other end is the proxy handler, not the client.
    proxy: bool = False

    @property
    def tone(self) -> Tone:
        """The tone of the arrow."""
        return Tone.REPORT if self.channel else Tone.ANSWER if self.answer else Tone.REQUEST


class Chart(NamedTuple):
    """A sequence chart; ``proxy`` is empty if no client handles agent requests."""

    title: str
    client: str
    server: str
    arrows: tuple[Arrow, ...]
    proxy: str = ""


def chart_of(ladder: Ladder, findings: list[Finding], session: str, title: str, client: str, server: str) -> Chart:
    """Return the chart of a session from its ladder, with proxy requests to other sessions."""
    rungs = [rung for rung in ladder.rungs if rung.packet.session == session or _is_proxied(rung.packet)]
    proxies = sorted({rung.packet.session for rung in rungs if rung.packet.session != session})
    arrows = []
    for place, rung in enumerate(rungs):
        last = place + 1 == len(rungs) or rungs[place + 1].packet.frame != rung.packet.frame
        own = rung.packet.session
        broken = [f for f in findings if last and f.session == own and f.frame == rung.packet.frame]
        arrows.append(_arrow(rung, broken, proxy=own != session))
    return Chart(title, client, server, tuple(arrows), f"proxy, session {', '.join(proxies)}" if proxies else "")


def _is_proxied(packet: Packet) -> bool:
    return isinstance(packet.content, LINE_PROXYREQUEST)


def _arrow(rung: Rung, findings: list[Finding], *, proxy: bool) -> Arrow:
    packet = rung.packet
    states = [f"{what.removeprefix('call ')}: {after}" for what, after in rung.states if what.startswith("call ")]
    return Arrow(
        packet.frame,
        packet.direction == CLIENT_TO_SERVER,
        rung.text,
        packet.method.startswith("RemoteSP") or packet.phase == "event",
        packet.phase == "response",
        "; ".join(states),
        tuple(f"{finding.rule}: {finding.summary}" for finding in findings),
        proxy,
    )


def chart_dot(chart: Chart) -> str:
    """Return the chart as DOT with fixed positions, for ``neato``."""
    lines = [
        'graph "sequence" {',
        f'  graph [fontname="{_FONT}", bgcolor="white", pad=0.25, splines=line, labelloc=t, labeljust=l, fontsize=13,',
        f'         label="{for_dot(chart.title)}\\l"]',
        f'  node [shape=plaintext, fontname="{_FONT}", fontsize=9.5, margin=0, width=0, height=0]',
        "  edge [penwidth=1.1]",
    ]
    bottom = -_ROW * (sum(1 + len(arrow.findings) for arrow in chart.arrows) + 1)
    lanes = [("client", 0.0, chart.client), ("server", _SERVER_X, chart.server)]
    if chart.proxy:
        lanes.append(("proxy", _PROXY_X, chart.proxy))
    for name, x, label in lanes:
        lines.append(
            f'  {name} [pos="{x:.2f},0.35!", shape=box, style="rounded,filled", fillcolor="#eef4fb", margin=0.09, label="{for_dot(label)}"]'
        )
        lines.append(f'  {name}_end [pos="{x:.2f},{bottom:.2f}!", label="", style=invis]')
        lines.append(f'  {name} -- {name}_end [color="#b8bfc8", style=dashed]')
    y = 0.0
    states_x = lanes[-1][1] + 0.25
    for number, arrow in enumerate(chart.arrows):
        y -= _ROW
        lines += _row(number, arrow, y, states_x)
        for place, text in enumerate(arrow.findings):
            y -= _ROW
            lines.append(_words(f"f{number}_{place}", 0.1, y, f"× {text}", COLOURS[Tone.FORBIDDEN]))
    used = {arrow.tone for arrow in chart.arrows}
    x = 0.0
    for tone, word in _LEGEND:
        if tone in used:
            lines.append(_words(f"legend_{tone}", x, bottom - _ROW, f"■ {word}", COLOURS[tone]))
            x += 0.072 * len(word) + 0.4
    return "\n".join([*lines, "}", ""])


def _row(number: int, arrow: Arrow, y: float, states_x: float) -> list[str]:
    colour = COLOURS[arrow.tone]
    outer = _PROXY_X if arrow.proxy else 0.0
    source, target = (outer, _SERVER_X) if arrow.to_server else (_SERVER_X, outer)
    style = "dashed" if arrow.answer else "solid"
    head = "vee" if arrow.channel else "normal"
    middle = (source + target) / 2
    lines = [
        f'  a{number} [pos="{source:.2f},{y:.2f}!", label="", shape=point, style=invis]',
        f'  b{number} [pos="{target:.2f},{y:.2f}!", label="", shape=point, style=invis]',
        f'  a{number} -- b{number} [dir=forward, arrowhead={head}, arrowsize=0.6, color="{colour}", style={style}]',
        f'  t{number} [pos="{middle:.2f},{y + 0.09:.2f}!", label="{for_dot(arrow.text)}", fontcolor="{colour}"]',
        f'  n{number} [pos="-0.30,{y:.2f}!", label="{arrow.frame}", fontsize=8, fontcolor="#8a929c"]',
    ]
    if arrow.states:
        lines.append(_words(f"s{number}", states_x, y, arrow.states, "#1d2126"))
    return lines


def _words(name: str, x: float, y: float, text: str, colour: str) -> str:
    """Return left-aligned text: Graphviz centers it, so its box has the estimated width of the text."""
    width = 0.072 * len(text) + 0.1
    return (
        f'  {name} [pos="{x + width / 2:.2f},{y:.2f}!", width={width:.2f}, fixedsize=true, '
        f'label="{for_dot(text)}\\l", fontcolor="{colour}"]'
    )


def chart_mermaid(chart: Chart) -> str:
    """Return the chart as a Mermaid sequence diagram; events have open heads."""
    lines = [*front_matter(chart.title), "sequenceDiagram"]
    lines += [f"  participant C as {for_mermaid(chart.client)}", f"  participant S as {for_mermaid(chart.server)}"]
    if chart.proxy:
        lines.append(f"  participant P as {for_mermaid(chart.proxy)}")
    for arrow in chart.arrows:
        source, target = _ends(arrow)
        head = "--" if arrow.answer else "-"
        lines.append(f"  {source}{head}{')' if arrow.channel else '>>'}{target}: {for_mermaid(arrow.text)}")
        if arrow.states:
            lines.append(f"  Note right of {'P' if chart.proxy else 'S'}: {for_mermaid(arrow.states)}")
        lines += [f"  Note over C,S: × {for_mermaid(text)}" for text in arrow.findings]
    return "\n".join(lines) + "\n"


def chart_plantuml(chart: Chart) -> str:
    """Return the chart as a PlantUML sequence diagram with a legend; events have open heads."""
    lines = ["@startuml", "skinparam responseMessageBelowArrow false", f"title {for_plantuml(chart.title)}"]
    lines += [f'participant "{for_plantuml(chart.client)}" as C', f'participant "{for_plantuml(chart.server)}" as S']
    if chart.proxy:
        lines.append(f'participant "{for_plantuml(chart.proxy)}" as P')
    for arrow in chart.arrows:
        source, target = _ends(arrow)
        line, head = "--" if arrow.answer else "-", ">>" if arrow.channel else ">"
        shaft = f"{line[0]}[{COLOURS[arrow.tone]}]{line[1:]}{head}"
        lines.append(f"{source} {shaft} {target} : {for_plantuml(arrow.text)}")
        if arrow.states:
            lines.append(f"note right : {for_plantuml(arrow.states)}")
        lines += [f"note over C, S #FBE3E1 : {for_plantuml(text)}" for text in arrow.findings]
    used = {arrow.tone for arrow in chart.arrows}
    words = [f"<color:{COLOURS[tone]}>{word}</color>" for tone, word in _LEGEND if tone in used]
    return "\n".join([*lines, "legend", *words, "endlegend", "@enduml", ""])


def _ends(arrow: Arrow) -> tuple[str, str]:
    outer = "P" if arrow.proxy else "C"
    return (outer, "S") if arrow.to_server else ("S", outer)

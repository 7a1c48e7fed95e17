"""Text with a meaning in some diagram format, and diagrams that contain it."""

from __future__ import annotations

from fsm.diagram import Diagram, Edge, Node
from fsm.diagram.model import Tone
from mstrp.report.sequence import Arrow, Chart

__all__ = ["NASTY", "chart_with", "states_with"]

NASTY = (
    "<script>alert(1)</script>",
    "<b>bold</b> <img src=x onerror=alert(1)> <a href='javascript:x'>y</a>",
    "&lt;i&gt; &amp; &#60;b&#62; #60;b#62; #lt; #quot;",
    '%%{init: {"theme": "dark"}}%% %% comment',
    "a: b; c# d #35; e",
    'quotes "double" \'single\' `code` "`**markdown**`"',
    "**bold** *slanted* _under_ __under__ ~~struck~~ //slanted// --struck-- ~ ^^ ==",
    "wrap: nowrap: style a:#f;b classDef c:#d; click x href",
    "end note",
    "@enduml",
    "@startuml !include /etc/passwd",
    "%date() %getenv(HOME) $variable !$x = 1 !pragma",
    "<color:red>red</color> <size:99>x <img:http://127.0.0.1/x.png> [[http://127.0.0.1 link]] <&key> <U+0041> <:smile:>",
    "/' comment '/ ' comment",
    "back\\slash \\n \\l \\N \\E \\G \\T back\\",
    "{brace} [square] (round) |pipe| $$x^2$$ @{ shape: x } fa:fa-car",
    "--- -->> ->> --x => <|-- ..> ...",
    "control \x00 \x07 \x1b[2J \x7f \x9b new\nline \r return \t tab",
    "\u202eevil\u2066 \u200b \ufeff \ufffe \ud800 \U000e0001",
    "1. list - item # heading",
    "",
)


def states_with(text: str) -> Diagram:
    """Return a diagram of states with a text in each position."""
    start = Node("A", f"a {text}", ((Tone.REQUEST, f"line {text}"), (Tone.FORBIDDEN, f"other {text}")), "start")
    return Diagram(
        "test",
        f"title {text}",
        (start, Node("B", f"b {text}", kind="final")),
        (Edge("A", "B", (f"label {text}", f"second {text}"), Tone.REPORT, details=(f"detail {text}",)),),
        (f"note {text}",),
    )


def chart_with(text: str) -> Chart:
    """Return a sequence chart with a text in each position."""
    arrows = (
        Arrow(1, to_server=True, text=f"call {text}", channel=False, answer=False, states="", findings=()),
        Arrow(2, False, f"event {text}", True, False, f"states {text}", (f"finding {text}",)),
        Arrow(3, False, f"asked {text}", True, False, "", (), proxy=True),
    )
    return Chart(f"title {text}", f"client {text}", f"server {text}", arrows, f"proxy {text}")

"""What a picture of a machine consists of, before it takes any form."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = ["Diagram", "Edge", "Node", "Tone"]


class Tone(StrEnum):
    """What a line of text or an arrow is about; each form maps tones to its own colours."""

    REQUEST = "request"
    ANSWER = "answer"
    REPLY = "reply"
    REPORT = "report"
    JOINT = "joint"
    ODD = "odd"
    FORBIDDEN = "forbidden"
    PLAIN = "plain"


class Node(NamedTuple):
    """A state, or a group of states that is drawn as one."""

    id: str
    label: str
    #: What the state tolerates or allows, as (tone, text).
    lines: tuple[tuple[Tone, str], ...] = ()
    #: "start", "state", "entry", "sink" or "final".
    kind: str = "state"
    #: Whether a path or a coverage has been here; None where nobody asked.
    visited: bool | None = None
    #: How often a coverage was here.
    times: int = 0
    #: Where two things are compared: "added" or "removed"; "missing", "extra", "different" or "allowed" where one of
    #: them is what ought to be; or empty.
    change: str = ""


class Edge(NamedTuple):
    """An arrow; several events between the same states share one."""

    source: str
    target: str
    labels: tuple[str, ...]
    tone: Tone
    #: Whether the target only may follow (a success that nothing announces).
    expected: bool = False
    visited: bool | None = None
    #: Where the rows behind the arrow stand: event, guards, level and section of each.
    details: tuple[str, ...] = ()
    times: int = 0
    change: str = ""


class Diagram(NamedTuple):
    """Boxes and arrows with a title and remarks."""

    name: str
    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: tuple[str, ...] = ()
    #: How the picture runs: "LR" or "TB".
    direction: str = "LR"
    #: Nodes that stand beside each other.
    ranks: tuple[tuple[str, ...], ...] = ()

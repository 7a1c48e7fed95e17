"""The model of a diagram, independent of the output format."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = ["Diagram", "Edge", "Node", "Tone"]


class Tone(StrEnum):
    """The category of a line of text or an arrow; each format maps it to a color."""

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
    #: Events tolerated or allowed in the state, as (tone, text).
    lines: tuple[tuple[Tone, str], ...] = ()
    #: "start", "state", "entry", "sink" or "final".
    kind: str = "state"
    #: Whether a path or a coverage contains the state; None without one.
    visited: bool | None = None
    #: Number of visits in a coverage.
    times: int = 0
    #: In comparisons: "added" or "removed"; "missing", "extra", "different" or "allowed" if one side is the expected
    #: one; otherwise empty.
    change: str = ""


class Edge(NamedTuple):
    """An arrow; several events between the same states share one."""

    source: str
    target: str
    labels: tuple[str, ...]
    tone: Tone
    #: Whether the target is only possible (after a success without a report).
    expected: bool = False
    visited: bool | None = None
    #: The rows of the arrow: event, guards, level and section of each.
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
    #: Direction of layout: "LR" or "TB".
    direction: str = "LR"
    #: Nodes in the same rank.
    ranks: tuple[tuple[str, ...], ...] = ()

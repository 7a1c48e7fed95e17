"""Diagrams of tables: a model of boxes and arrows, views of it, and text formats."""

from fsm.diagram.compare import difference, near, seen_in
from fsm.diagram.coverage import Coverage, covered
from fsm.diagram.dot import dot
from fsm.diagram.markdown import markdown
from fsm.diagram.mermaid import mermaid
from fsm.diagram.model import Diagram, Edge, Node
from fsm.diagram.plantuml import plantuml
from fsm.diagram.scxml import scxml
from fsm.diagram.views import collapsed, full, path_of

__all__ = [
    "Coverage",
    "Diagram",
    "Edge",
    "Node",
    "collapsed",
    "covered",
    "difference",
    "dot",
    "full",
    "markdown",
    "mermaid",
    "near",
    "path_of",
    "plantuml",
    "scxml",
    "seen_in",
]

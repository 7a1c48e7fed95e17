"""Pictures of tables: a model of boxes and arrows, views of it, and text forms."""

from fsm.diagram.dot import dot
from fsm.diagram.markdown import markdown
from fsm.diagram.mermaid import mermaid
from fsm.diagram.model import Diagram, Edge, Node
from fsm.diagram.views import collapsed, full, path_of

__all__ = ["Diagram", "Edge", "Node", "collapsed", "dot", "full", "markdown", "mermaid", "path_of"]

"""The machines of one session as a product, for exhaustive exploration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.engine.analysis import Part
from fsm.engine.analysis import explore as explore_product
from fsm.engine.row import Kind
from fsm.tables import application, binding, call, handle, line, request
from fsm.tables.joint import JOINT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from fsm.engine.analysis import Exploration
    from fsm.engine.joint import Joint
    from fsm.engine.row import Event

__all__ = ["NEEDS", "SESSION", "explore"]

#: A client with one application, one line, two calls and two requests on it.
SESSION: tuple[Part, ...] = (
    Part("binding", binding.BINDING),
    Part("application", application.APPLICATION, "binding"),
    Part("line", line.LINE, "application"),
    Part("call 1", call.CALL, "line"),
    Part("call 2", call.CALL, "line"),
    Part("request 1", request.REQUEST, "line"),
    Part("request 2", request.REQUEST, "line"),
)
_ASKING = (binding.CONTROLS, handle.USED)
_TELLING = (binding.DELIVERED, binding.FETCHED, handle.REPORTS_ON)
#: By kind of an event: one of these must be legal for each part above that has any of them.
NEEDS: dict[Kind, tuple[Event, ...]] = {
    Kind.REQUEST: _ASKING,
    Kind.ANSWER: _ASKING,
    Kind.REPLY: _TELLING,
    Kind.REPORT: _TELLING,
}


def explore(parts: Sequence[Part] = SESSION, joints: Sequence[Joint] = JOINT, **options: Any) -> Exploration:
    """Explore a product of these machines; see `fsm.engine.analysis.explore`."""
    return explore_product(parts, joints, needs=NEEDS, **options)

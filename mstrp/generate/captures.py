"""Captures of legal conversations of any size: a flow is performed repeatedly while it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.generate.flows import FLOWS
from mstrp.generate.play import Play, Step
from mstrp.generate.stages import WireStage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mstrp.generate.flows import Flow
    from mstrp.generate.play import Kind, Role
    from mstrp.generate.stages import Stage
    from mstrp.generate.wire import Wire

__all__ = ["Performance", "find_flow", "play"]

#: Other names of flows, by section.
_ALIASES = {"4.3": "outgoing", "4.4": "incoming", "4.5": "blind-transfer", "4.5-bare": "blind-transfer-bare"}


def find_flow(name: str) -> Flow:
    """Return a flow by its name, or by the section of MS-TRP that describes it.

    Raises `KeyError` for an unknown name.
    """
    found = FLOWS.get(_ALIASES.get(name, name))
    if found is None:
        found = next((flow for flow in FLOWS.values() if name in flow.section.replace(",", "").split()), None)
    if found is None:
        raise KeyError(name)
    return found


class Performance(Play):
    """A play whose steps are performed on a stage as they are written, in that order; none is stored."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.count = 0

    def step(self, role: Role, kind: Kind, after: Iterable[int], **content: Any) -> int:
        """Perform a step."""
        number = self.count
        self.count += 1
        role.last = {number}
        self.stage.take(Step(number, kind, role, frozenset(after), **content))
        return number


def play(
    wire: Wire,
    *,
    scenario: str = "4.5",
    calls: int = 1,
    clients: int = 1,
    packets: int = 0,
    ndr64: bool = False,
) -> None:
    """Write whole sessions: each client sets up, has its calls one after the other, and tears down.

    With ``packets``, calls are repeated until there are at least that many frames. A flow that ends its session, closes
    its devices or has no calls gets a session each time. Raises `KeyError` for an unknown scenario.
    """
    flow = find_flow(scenario)
    performance = Performance(WireStage(wire, ndr64=ndr64))
    casts = [_cast(performance, flow) for _ in range(clients)] if flow.repeats else []
    while calls > 0 or wire.frames < packets:
        calls -= 1
        for number in range(clients):
            cast = casts[number] if flow.repeats else _cast(performance, flow)
            flow.write(*(performance.script(role) for role in cast))
            if not flow.repeats:
                _finish(performance, flow, cast)
    for cast in casts:
        _finish(performance, flow, cast)


def _cast(performance: Performance, flow: Flow) -> list[Role]:
    """Return the clients of one performance of a flow, with their sessions set up."""
    return [performance.client(**options) for options in flow.clients]


def _finish(performance: Performance, flow: Flow, cast: list[Role]) -> None:
    for role in cast:
        if not flow.ends:
            performance.finish(role, close=not flow.closes)

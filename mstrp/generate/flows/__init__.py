"""Legal conversations by name: the scenarios of section 4 and the flows of the call model, each as a partial order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.generate.flows.agents import AGENTS
from mstrp.generate.flows.calls import CALLS
from mstrp.generate.flows.conference import CONFERENCES
from mstrp.generate.flows.flow import Flow
from mstrp.generate.flows.sessions import SESSIONS
from mstrp.generate.flows.transfer import TRANSFERS

if TYPE_CHECKING:
    from mstrp.generate.play import Play

__all__ = ["FLOWS", "Flow", "play_of"]

#: Every flow by name.
FLOWS: dict[str, Flow] = {flow.name: flow for flow in (*SESSIONS, *CALLS, *TRANSFERS, *CONFERENCES, *AGENTS)}


def play_of(name: str) -> Play:
    """Return the play of a flow with the sessions of its clients. Raises `KeyError` for an unknown name."""
    return FLOWS[name].play()

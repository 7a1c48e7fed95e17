"""Groups of calls and call centres: conferences, agents and their sessions, proxy handlers and what is passed to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fsm.judge import devices
from fsm.judge.devices import Devices
from fsm.state.instances import Agent, AgentSession, Call, Conference, Handler, Line, Proxy
from fsm.state.registry import Swap
from fsm.tables import agents, conference
from protocol.constants import LINEAGENTSESSIONSTATUS, LINEAGENTSTATUSEX, LINEPROXYSTATUS
from protocol.events import (
    LINE_AGENTSESSIONSTATUS,
    LINE_AGENTSTATUSEX,
    LINE_CREATEDIALOGINSTANCE,
    LINE_PROXYREQUEST,
    LINE_PROXYSTATUS,
)
from protocol.raw import Raw

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import IntEnum

    from fsm.engine.row import Event
    from fsm.judge.events import Handlers
    from fsm.state.instances import Exchange

__all__ = ["Parties"]

#: Where the completions of CreateAgent and CreateAgentSession have the handle.
_HANDLE: Final = 40
#: Types with handlers that are remembered for a line, and agents of a client: more than any exchange has.
_LIMIT: Final = 65_536


class Parties(Devices):
    """The part of a conversation that follows what several calls, or several clients, have to do with each other."""

    # -- conferences ----------------------------------------------------------------------------------------------

    def _conference(self, handle: int) -> Conference:
        found = self.conferences.get(handle)
        if found is None:
            found = self.conferences[handle] = Conference(handle)
        return found

    def joins(self, call: Call, parent: int) -> None:
        """A call is reported as member of a conference, which may still be under construction (Q10)."""
        call.kin = ("member", parent)
        self.step(self._conference(parent), conference.JOINED)

    def leaves(self, call: Call, parent: int) -> None:
        """A member of a conference is reported in another state."""
        call.kin = None
        found = self.conferences.get(parent)
        if found is not None:
            self.step(found, conference.LEFT)

    def set_up(self, handle: int, *, merged: bool) -> None:
        """A completion brought the call that stands for a conference."""
        self.step(self._conference(handle), conference.MERGED if merged else conference.SET_UP)

    def _advances(self, exchange: Exchange, event: Event) -> None:
        found = self.conferences.get(exchange.calls[0][0].handle) if exchange.calls else None
        if found is not None:
            self.step(found, event)

    def _added(self, exchange: Exchange, words: tuple[int, ...]) -> None:
        self._advances(exchange, conference.ADDED)

    def _prepared(self, exchange: Exchange, words: tuple[int, ...]) -> None:
        self._advances(exchange, conference.PREPARED)

    def _swapped(self, exchange: Exchange, words: tuple[int, ...]) -> None:
        """From now on both calls of a SwapHold are owed a LINE_CALLSTATE (O14)."""
        owed = tuple(call for call, _, mark in exchange.calls if call.path is mark)
        if owed and len(self.swaps) < _LIMIT:
            self.swaps.append(Swap(owed, self.now))

    # -- handlers -------------------------------------------------------------------------------------------------

    def _proxy_request(self, words: tuple[int, ...]) -> None:
        self._about_line(words, LINE_PROXYREQUEST.msg, words[3])
        found = self.reported.get(words[3])
        if found is not None and found.device is not None:
            current = self.current
            event = current.packet() if isinstance(current, Raw) else current
            passed = getattr(getattr(event, "request", None), "request_type", None)
            if (found.device, passed) in self.facts.own:
                self.facts.passed[found.device, passed] = self.now  # type: ignore[index]
        if found is not None and len(found.proxies) < _LIMIT:
            proxy = Proxy()
            found.proxies.append(proxy)
            self.step(proxy, agents.PASSED_ON)

    def _proxy_status(self, words: tuple[int, ...]) -> None:
        self._about_line(words, LINE_PROXYSTATUS.msg, words[3])
        found = self.reported.get(words[3])
        if found is None:
            return
        changes, type_ = words[6], words[7]
        self.facts.proxy_status(found.device, changes, type_, self.now)
        if changes & LINEPROXYSTATUS.OPEN:
            self._handler(found, type_, agents.HANDLER_OPENED)
        if changes & LINEPROXYSTATUS.CLOSE:
            self._handler(found, type_, agents.HANDLER_CLOSED)
        if changes & LINEPROXYSTATUS.ALLOPENFORACD:
            for known in tuple(found.handlers):
                self._handler(found, known, agents.ALL_OPEN)

    def _handler(self, opened: Line, type_: int, event: Event) -> None:
        handler = opened.handlers.get(type_)
        if handler is None:
            if len(opened.handlers) >= _LIMIT:
                return
            handler = opened.handlers[type_] = Handler()
        self.step(handler, event)

    def served(self, exchange: Exchange) -> None:
        """The server took a request that goes to a handler."""
        if isinstance(exchange.line, Line):
            self._handler(exchange.line, exchange.route.proxy, agents.SERVED)

    # -- agents ---------------------------------------------------------------------------------------------------

    def _agent_created(self, exchange: Exchange, words: tuple[int, ...]) -> None:
        if words:
            self._created(self.agents, Agent, agents.AGENT_CREATED)  # type: ignore[arg-type]

    def _session_created(self, exchange: Exchange, words: tuple[int, ...]) -> None:
        if words:
            self._created(self.agent_sessions, AgentSession, agents.SESSION_CREATED)  # type: ignore[arg-type]

    def _created(self, known: dict[int, Agent | AgentSession], kind: type[Agent | AgentSession], event: Event) -> None:
        """The completion carries the handle in its data (E9); a success without one brings no handle."""
        data = self.current.buffer[_HANDLE : _HANDLE + 4]
        found = self._agent(known, kind, int.from_bytes(data, "little")) if len(data) == 4 else None
        if found is not None:
            self.step(found, event)

    def _agent(
        self, known: dict[int, Agent | AgentSession], kind: type[Agent | AgentSession], handle: int
    ) -> Agent | AgentSession | None:
        found = known.get(handle)
        if found is None and len(known) < _LIMIT:
            found = known[handle] = kind(handle)
        return found

    def _agent_status(self, words: tuple[int, ...]) -> None:
        self._about_line(words, LINE_AGENTSTATUSEX.msg, words[3])
        if words[7] & LINEAGENTSTATUSEX.STATE:
            self._reported(self.agents, Agent, words, agents.AGENT_STATES)  # type: ignore[arg-type]

    def _session_status(self, words: tuple[int, ...]) -> None:
        self._about_line(words, LINE_AGENTSESSIONSTATUS.msg, words[3])
        if words[7] & LINEAGENTSESSIONSTATUS.STATE:
            self._reported(self.agent_sessions, AgentSession, words, agents.SESSION_STATES)  # type: ignore[arg-type]

    def _reported(
        self,
        known: dict[int, Agent | AgentSession],
        kind: type[Agent | AgentSession],
        words: tuple[int, ...],
        states: dict[int, tuple[Event, IntEnum]],
    ) -> None:
        found = self._agent(known, kind, words[6])
        state = states.get(words[8])
        if found is not None and state is not None:
            self.step(found, state[0])

    def _dialog_wanted(self, words: tuple[int, ...]) -> None:
        """A provider asks for a dialog: its instance comes another way than with an answer (E12)."""
        self.asked_for_dialogs = True

    #: Whether the server asked for a dialog, so that there may be instances which no answer brought.
    asked_for_dialogs: bool


#: What this part and those before it do with an event.
HANDLERS: Final[Handlers] = {
    LINE_CREATEDIALOGINSTANCE.msg: Parties._dialog_wanted,
    **devices.HANDLERS,
    LINE_PROXYREQUEST.msg: Parties._proxy_request,
    LINE_PROXYSTATUS.msg: Parties._proxy_status,
    LINE_AGENTSTATUSEX.msg: Parties._agent_status,
    LINE_AGENTSESSIONSTATUS.msg: Parties._session_status,
}
#: What else the success of a request means, by the key of its route.
SUCCESSES: Final[dict[str, Callable[[Any, Exchange, tuple[int, ...]], None]]] = {
    "line.AddToConference": Parties._added,
    "line.PrepareAddToConference": Parties._prepared,
    "line.SwapHold": Parties._swapped,
    "line.CreateAgent": Parties._agent_created,
    "line.CreateAgentSession": Parties._session_created,
}

"""Conferences, agents, their sessions, proxy handlers and proxy requests, state by state."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from grids import Cell, cells, check
from live import Live, reach

from protocol import events as event
from protocol import line
from protocol.constants import (
    LINEAGENTSESSIONSTATE,
    LINEAGENTSESSIONSTATUS,
    LINEAGENTSTATEEX,
    LINEAGENTSTATUSEX,
    LINEPROXYSTATUS,
)
from protocol.constants import LINEPROXYREQUEST as TYPES
from protocol.structures import LINEPROXYREQUEST

# -- conferences ---------------------------------------------------------------------------------------------------

CONFERENCE = """
          prepared  added  joined left connected held      idle      disconnected released closed
SETUP     EXTENDING ACTIVE .      .    ACTIVE    .         DISSOLVED DISSOLVED    RELEASED RELEASED
ACTIVE    EXTENDING .      .      .    .         EXTENDING DISSOLVED DISSOLVED    RELEASED RELEASED
EXTENDING .         ACTIVE .      .    ACTIVE    .         DISSOLVED DISSOLVED    RELEASED RELEASED
DISSOLVED .         .      .      .    .         .         .         .            RELEASED RELEASED
"""


class Bridge:
    """A conference in a state, with one member."""

    def __init__(self, state: str) -> None:
        self.live = live = Live()
        self.member = reach(live, "CONNECTED")
        self.parent, self.consult = live.talk.call(), live.talk.call()
        asked = line.SetUpConference(
            context=3,
            call=self.member,
            line=live.line.handle,
            conf_call_context=4,
            consult_call_context=5,
            num_parties=3,
        )
        live.done(asked, conf_call=self.parent, consult_call=self.consult)
        live.reports(self.member, "CONFERENCED", self.parent)
        self.conference = live.conversation.registry.conferences[self.parent]
        live.reports(self.parent, "ONHOLDPENDCONF")
        if state in ("ACTIVE", "EXTENDING"):
            live.reports(self.parent, "CONNECTED")
        if state == "EXTENDING":
            live.reports(self.parent, "ONHOLDPENDCONF")
        elif state == "DISSOLVED":
            live.reports(self.parent, "DISCONNECTED")
        live.news()
        assert self.states() == {state}

    def states(self) -> set[str]:
        """The possible states of the conference."""
        found = self.conference
        return {state.name for state in found.machine.table.states if found.mask >> state & 1}


@cells(CONFERENCE)
def test_conference(cell: Cell) -> None:
    """A conference is set up, extended, reduced and ended with the call that represents it (3.7)."""
    bridge = Bridge(cell.state)
    live, parent = bridge.live, bridge.parent
    match cell.cause:
        case "prepared":
            live.done(line.PrepareAddToConference(context=6, conf_call=parent), consult_call=live.talk.call())
        case "added":
            live.done(line.AddToConference(conf_call=parent, consult_call=bridge.consult))
        case "joined":
            live.reports(reach(live, "CONNECTED"), "CONFERENCED", parent)
        case "left":
            live.reports(bridge.member, "CONNECTED")
        case "connected":
            live.reports(parent, "CONNECTED")
        case "held":
            live.reports(parent, "ONHOLDPENDCONF")
        case "idle":
            live.reports(parent, "IDLE")
        case "disconnected":
            live.reports(parent, "DISCONNECTED")
        case "released":
            live.talk.release(parent)
        case "closed":
            live.talk.ask(line.Close(line=live.line.handle))
    check(cell, bridge.states, [one for one in live.news() if one.machine == "conference"], {})


@pytest.mark.parametrize(
    ("reported", "after"), [("CONNECTED", "NONE"), ("ONHOLDPENDCONF", "NONE"), ("IDLE", "NONE"), ("", "RELEASED")]
)
def test_before_the_completion(reported: str, after: str) -> None:
    """A call that members refer to may represent a conference whose completion was not seen."""
    live = Live()
    parent, member = reach(live, "CONNECTED"), reach(live, "CONNECTED")
    live.reports(member, "CONFERENCED", parent)
    conference = live.conversation.registry.conferences[parent]
    if reported:
        live.reports(parent, reported)
    else:
        live.talk.release(parent)
    assert conference.mask == 1 << conference.machine.table.states[after]
    if reported:
        live.reports(member, "CONNECTED")
        assert conference.mask == 1 << conference.machine.table.states[after]


@pytest.mark.parametrize("state", ["SETUP", "ACTIVE", "EXTENDING", "DISSOLVED"])
@pytest.mark.parametrize("merged", [False, True])
def test_conference_that_comes_twice(state: str, merged: bool) -> None:
    """A handle that a second completion returns is reported by its call; the conference is unchanged."""
    bridge = Bridge(state)
    live = bridge.live
    if merged:
        one, two = reach(live, "ONHOLD"), reach(live, "CONNECTED")
        asked = line.CompleteTransfer(context=5, call=one, consult_call=two, transfer_mode=2)
        live.done(asked, conf_call=bridge.parent)
    else:
        again = line.SetUpConference(context=3, call=reach(live, "CONNECTED"), line=live.line.handle)
        live.done(again, conf_call=bridge.parent, consult_call=live.talk.call())
    live.news()
    assert bridge.states() == {state}


def test_merged() -> None:
    """A conference created by a transfer is active immediately; members may refer to it early (Q8, Q10)."""
    live = Live()
    one, two, parent = reach(live, "ONHOLD"), reach(live, "CONNECTED"), live.talk.call()
    asked = live.talk.ask(line.CompleteTransfer(context=5, call=one, consult_call=two, transfer_mode=2))
    live.reports(one, "CONFERENCED", parent)
    conference = live.conversation.registry.conferences[parent]
    assert conference.mask == 1
    live.talk.reply(asked, conf_call=parent)
    assert conference.machine.names(conference.mask) == ("active",)
    assert live.rules() == set()


# -- proxy handlers ------------------------------------------------------------------------------------------------

HANDLER = """
        open    close   all     served
UNKNOWN PRESENT MISSING -       PRESENT
PRESENT .       MISSING .       .
MISSING PRESENT .       PRESENT PRESENT
"""


def status(live: Live, changes: int, kind: int) -> None:
    """Send LINE_PROXYSTATUS."""
    live.talk.about(event.LINE_PROXYSTATUS, remote_line=live.line.remote, changes=changes, request_type=kind)


@cells(HANDLER)
def test_handler(cell: Cell) -> None:
    """LINE_PROXYSTATUS reports whether a type of request is handled; an accepted request shows that it is."""
    live, kind = Live(), int(TYPES.GETAGENTGROUPLIST)
    asked = line.GetAgentGroupList(context=5, line=live.line.handle, agent_group_list_size=1024)
    if cell.state == "PRESENT":
        status(live, LINEPROXYSTATUS.OPEN, kind)
    elif cell.state == "MISSING":
        status(live, LINEPROXYSTATUS.CLOSE, kind)
    match cell.cause:
        case "open":
            status(live, LINEPROXYSTATUS.OPEN, kind)
        case "close":
            status(live, LINEPROXYSTATUS.CLOSE, kind)
        case "all":
            status(live, LINEPROXYSTATUS.ALLOPENFORACD, 0)
        case "served":
            live.talk.ask(asked)
    (handler,) = live.conversation.lines[live.line.handle].handlers.values()
    check(
        cell,
        lambda: {state.name for state in handler.machine.table.states if handler.mask >> state & 1},
        live.news(),
        {},
    )


@pytest.mark.parametrize("end", ["Close", "LINE_CLOSE", "ShutDown"])
def test_passed_on(end: str) -> None:
    """A proxy request is pending until its line is closed (3.8); the response is not a packet (G1)."""
    live = Live(privileges=0x80000006)
    forwarded = LINEPROXYREQUEST(request_type=5, client_machine_name="PC", client_user_name="user")
    live.talk.about(event.LINE_PROXYREQUEST, device_handle=live.line.remote, request=forwarded)
    (proxy,) = live.conversation.lines[live.line.handle].proxies
    assert proxy.machine.names(proxy.mask) == ("owed",)
    if end == "Close":
        live.talk.ask(line.Close(line=live.line.handle))
    elif end == "LINE_CLOSE":
        live.talk.about(event.LINE_CLOSE, remote_line=live.line.remote)
    else:
        live.talk.ask(line.ShutDown(line_app=live.role.app))
    assert proxy.machine.names(proxy.mask) == ("void",)
    assert live.rules() == set()


# -- agents --------------------------------------------------------------------------------------------------------

HANDLE = 0x71


def reported(live: Live, kind: str, state: Any) -> None:
    """Report the state of an agent or of a session."""
    if kind == "agent":
        words = {"agent": HANDLE, "changes": int(LINEAGENTSTATUSEX.STATE), "agent_state": int(state)}
        live.talk.about(event.LINE_AGENTSTATUSEX, remote_line=live.line.remote, **words)
    else:
        words = {
            "agent_session": HANDLE,
            "changes": int(LINEAGENTSESSIONSTATUS.STATE),
            "agent_session_state": int(state),
        }
        live.talk.about(event.LINE_AGENTSESSIONSTATUS, remote_line=live.line.remote, **words)


def created(live: Live, kind: str) -> None:
    """Complete a request with the handle."""
    if kind == "agent":
        packet: Any = line.CreateAgent(context=3, line=live.line.handle, agent_id="1001", agent_context=4)
    else:
        packet = line.CreateAgentSession(
            context=6, line=live.line.handle, agent=1, agent_session_context=7, group_id=UUID(int=5)
        )
    live.done(packet, data=HANDLE.to_bytes(4, "little"))


KINDS = [("agent", state) for state in LINEAGENTSTATEEX] + [("agent-session", state) for state in LINEAGENTSESSIONSTATE]


@pytest.mark.parametrize(("kind", "state"), KINDS, ids=lambda value: getattr(value, "name", value))
def test_agents(kind: str, state: Any) -> None:
    """Agents and sessions are created by a completion, and may be reported in any order of states (3.8)."""
    states = LINEAGENTSTATEEX if kind == "agent" else LINEAGENTSESSIONSTATE
    for other in (None, *states):
        live = Live()
        if other is None:
            created(live, kind)
        else:
            reported(live, kind, other)
        known = live.conversation.registry.agents if kind == "agent" else live.conversation.registry.agent_sessions
        found: Any = known[HANDLE]
        before = found.machine.table.states(found.mask.bit_length() - 1).name
        assert before == ("CREATED" if other is None else other.name)
        reported(live, kind, state)
        assert known[HANDLE] is found
        assert found.mask == 1 << found.machine.table.states[state.name]
        created(live, kind)
        assert found.mask == 1 << found.machine.table.states[state.name], "reported before its completion"
        live.conversation.lost(0, live.stage.now)
        assert found.mask == 1 << found.machine.table.states.RELEASED
        assert live.rules() == set()


@pytest.mark.parametrize("kind", ["agent", "agent-session"])
def test_new_agents_end_with_the_client(kind: str) -> None:
    """Unreported agents end with their client as well, and a repeated completion changes nothing."""
    live = Live()
    created(live, kind)
    created(live, kind)
    known = live.conversation.registry.agents if kind == "agent" else live.conversation.registry.agent_sessions
    found: Any = known[HANDLE]
    assert found.machine.names(found.mask) == ("created",)
    live.conversation.detached(0, live.stage.now)
    assert found.machine.names(found.mask) == ("released",)


@pytest.mark.parametrize("kind", ["agent", "agent-session"])
def test_other_changes_of_agents(kind: str) -> None:
    """A status event without a change of state does not affect the state."""
    live = Live()
    created(live, kind)
    if kind == "agent":
        live.talk.about(event.LINE_AGENTSTATUSEX, remote_line=live.line.remote, agent=HANDLE, changes=4, agent_state=2)
    else:
        words = {"agent_session": HANDLE, "changes": 4, "agent_session_state": 2}
        live.talk.about(event.LINE_AGENTSESSIONSTATUS, remote_line=live.line.remote, **words)
    known = live.conversation.registry.agents if kind == "agent" else live.conversation.registry.agent_sessions
    assert known[HANDLE].machine.names(known[HANDLE].mask) == ("created",)

"""Flows with conferences: set-up, extension, removal of members, end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mstrp.generate.flows.calls import connect, dial, drop
from mstrp.generate.flows.flow import Flow
from protocol import line
from protocol.constants import LINECALLSTATE, LINECONNECTEDMODE, LINEDIALTONEMODE

if TYPE_CHECKING:
    from mstrp.generate.play import Script

__all__ = ["CONFERENCES"]

S = LINECALLSTATE
_ACTIVE = int(LINECONNECTEDMODE.ACTIVE)
_TONE = int(LINEDIALTONEMODE.NORMAL)


def _set_up(script: Script, member: int) -> tuple[int, int]:
    """SetUpConference: the member may refer to its parent before the completion returns that handle (Q10)."""
    assert script.line is not None
    conference, consultation = script.call(), script.call()
    asked = script.ask(
        line.SetUpConference(
            context=3, call=member, line=script.line.handle, conf_call_context=4, consult_call_context=5, num_parties=3
        )
    )
    script.state(member, S.CONFERENCED, conference, after=asked.sent)
    reply = script.reply(asked, conf_call=conference, consult_call=consultation)
    script.state(conference, S.ONHOLDPENDCONF, after=reply)
    script.state(consultation, S.DIALTONE, _TONE, after=reply)
    return conference, consultation


def _add(script: Script, conference: int, member: int) -> None:
    asked = script.ask(line.AddToConference(conf_call=conference, consult_call=member))
    script.reply(asked)
    script.state(member, S.CONFERENCED, conference, after=asked.sent)
    script.state(conference, S.CONNECTED, _ACTIVE, after=asked.sent)


def _extend(script: Script, conference: int) -> int:
    consultation = script.call()
    asked = script.ask(line.PrepareAddToConference(context=6, conf_call=conference, consult_call_context=7))
    script.state(conference, S.ONHOLDPENDCONF, after=asked.sent)
    reply = script.reply(asked, consult_call=consultation)
    script.state(consultation, S.DIALTONE, _TONE, after=reply)
    return consultation


def _three(script: Script) -> None:
    """6.3 without the extension; the conference ends with Drop."""
    one = connect(script)
    conference, two = _set_up(script, one)
    dial(script, two)
    _add(script, conference, two)
    asked = script.ask(line.Drop(call=conference))
    for call in (one, two, conference):
        script.state(call, S.IDLE, after=asked.sent)
    script.reply(asked)
    script.release(one, two, conference)


def _four(script: Script) -> None:
    """6.3: a member is added, one leaves, one is removed, the bridge ends."""
    one = connect(script)
    conference, two = _set_up(script, one)
    dial(script, two)
    _add(script, conference, two)
    three = _extend(script, conference)
    dial(script, three)
    _add(script, conference, three)
    script.state(two, S.DISCONNECTED, 1)
    script.state(two, S.IDLE)
    asked = script.ask(line.RemoveFromConference(call=three))
    script.state(three, S.CONNECTED, _ACTIVE, after=asked.sent)
    script.state(conference, S.IDLE, after=asked.sent)
    script.state(one, S.CONNECTED, _ACTIVE, after=asked.sent)
    script.reply(asked)
    drop(script, three, one)
    script.release(conference, two)


def _abandoned(script: Script) -> None:
    """The consulted party does not answer; UnHold of the first call cancels the conference."""
    one = connect(script)
    conference, two = _set_up(script, one)
    dial(script, two, S.DIALING, S.RINGBACK)
    asked = script.ask(line.UnHold(call=conference))
    script.state(conference, S.IDLE, after=asked.sent)
    script.state(two, S.IDLE, after=asked.sent)
    script.state(one, S.CONNECTED, _ACTIVE, after=asked.sent)
    script.reply(asked)
    script.release(conference, two)
    drop(script, one)


def _parent_first(script: Script) -> None:
    """The parent is deallocated before its members; from then on they may refer to parent 0 (Q17)."""
    one = connect(script)
    conference, two = _set_up(script, one)
    dial(script, two)
    _add(script, conference, two)
    script.release(conference)
    script.state(one, S.CONFERENCED, 0)
    for call in (one, two):
        script.state(call, S.IDLE)
    script.release(one, two)


#: The flows.
CONFERENCES: tuple[Flow, ...] = (
    Flow("conference", "2.2.4.1.3.77", "a conference of three is set up and dropped", _three),
    Flow("conference-of-four", "2.2.4.1.3.50", "a conference is extended, members leave, and it ends", _four),
    Flow("conference-abandoned", "2.2.4.1.3.81", "the third party does not answer", _abandoned),
    Flow(
        "conference-parent-first", "2.2.4.2.1.8", "the parent's handle is deallocated before its members", _parent_first
    ),
)

"""Legal conversations cause no finding: every flow in every legal order, alone and interleaved."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live import explained

from fsm.conversation import Conversation
from fsm.engine.levels import Verdict
from fsm.monitor import Monitor
from mstrp.capture.files import Source
from mstrp.checking import check_capture
from mstrp.generate.captures import play as write
from mstrp.generate.flows import FLOWS, play_of
from mstrp.generate.play import Play
from mstrp.generate.stages import MonitorStage, WireStage, perform
from mstrp.generate.wire import Wire

if TYPE_CHECKING:
    from fsm.engine.finding import Finding
    from mstrp.generate.play import Step

PLAIN = [flow for flow in FLOWS.values() if flow.plain]
#: Flows without an event after a release: the completion of a later request would prove that it was sent too late.
MIXED = [flow for flow in PLAIN if flow.name != "release-early"]


def judged(steps: list[Step], pace: float = 0.01) -> Monitor:
    """Return a monitor that has processed the steps, ``pace`` seconds apart, and the end; every step had a row."""
    monitor = Monitor()
    monitor.on_step(explained)
    perform(steps, MonitorStage(monitor, pace=pace))
    monitor.finish()
    return monitor


def unexpected(found: list[Finding], *names: str) -> list[str]:
    """Return the findings that the flows do not expect."""
    earned = frozenset().union(*(FLOWS[name].warns for name in names))
    return [str(finding) for finding in found if finding.rule not in earned]


@pytest.mark.parametrize("name", FLOWS)
@given(seed=st.integers(0, 2**32))
def test_any_order(name: str, seed: int) -> None:
    """No legal order of a flow causes an unexpected finding."""
    steps = play_of(name).order(random.Random(seed).randrange)
    assert unexpected(judged(steps).findings, name) == []


@pytest.mark.parametrize("ndr64", [False, True])
@pytest.mark.parametrize("name", FLOWS)
def test_captured(name: str, ndr64: bool) -> None:
    """A flow that is written as a capture and read again has the same verdict, calls and counts as directly."""
    rng = random.Random(name)
    steps = play_of(name).order(rng.randrange)
    stream = io.BytesIO()
    perform(steps, WireStage(Wire(stream), ndr64=ndr64))
    stream.seek(0)
    result = check_capture(Source(stream, name, lambda frame, text: None))
    watched = judged(steps)
    assert result.notes == []
    assert unexpected(result.findings, name) == []
    assert [session.model for session in result.sessions] == [c.model for c in watched.conversations]
    assert [session.requests for session in result.sessions] == [c.requests for c in watched.conversations]
    assert [session.events for session in result.sessions] == [c.events for c in watched.conversations]


@pytest.mark.parametrize("name", FLOWS)
def test_written_at_length(name: str) -> None:
    """A capture of any size can be generated for every flow, with only the expected warnings."""
    stream = io.BytesIO()
    wire = Wire(stream)
    write(wire, scenario=name, clients=3, packets=3000)
    assert wire.frames >= 3000
    stream.seek(0)
    result = check_capture(Source(stream, name, lambda frame, text: None))
    assert result.notes == []
    assert {finding.rule for finding in result.findings} == FLOWS[name].warns
    assert {finding.verdict for finding in result.findings} <= {Verdict.WARN}


def test_a_lost_connection_is_no_detach() -> None:
    """RemoteSPDetach is required after ClientDetach, not after a lost connection."""
    for ends, rules in ((Conversation.lost, set()), (Conversation.detached, {"TRP-3.1.4.3-02"})):
        monitor = Monitor()
        conversation = monitor.conversation()
        conversation.attached(0xFFFFFFFF, "")
        conversation.channel_opened()
        ends(conversation, 1, 1.0)
        conversation.finish(60.0)
        assert {finding.rule for finding in monitor.findings} == rules


@given(seed=st.integers(0, 2**32))
def test_interleaved(seed: int) -> None:
    """Thirty calls on three lines of two clients, in any legal order, cause no unexpected finding."""
    rng = random.Random(seed)
    play = Play()
    roles = [play.client(lines=2), play.client(lines=1)]
    names = []
    for _ in range(30):
        flow = rng.choice(MIXED)
        names.append(flow.name)
        role = rng.choice(roles)
        flow.write(play.script(role, rng.randrange(len(role.lines))))
    for role in roles:
        play.finish(role)
    # Events in transit at the end of a handle may arrive after all others, so the whole conversation is within the
    # grace period.
    steps = play.order(rng.randrange)
    assert unexpected(judged(steps, 0.9 / len(steps)).findings, *names) == []


def test_sections() -> None:
    """All twelve scenarios of section 4 exist."""
    told = " ".join(flow.section for flow in FLOWS.values()).replace(",", "").split()
    assert {f"4.{number}" for number in range(1, 13)} <= set(told)


@pytest.mark.parametrize("name", ["blind-transfer", "blind-transfer-bare"])
def test_path_of_the_transferred_call(name: str) -> None:
    """A blindly transferred call was offering, connected and idle, even if only completions show it (4.5)."""
    ended = []
    monitor = Monitor()
    stage = MonitorStage(monitor)
    for step in play_of(name).order():
        stage.take(step)
        if step.role in stage.conversations:
            stage.conversations[step.role].registry.on_call_end = ended.append
    (call,) = ended
    assert call.path.names() == ("offering", "connected", "idle")
    assert call.final == "deallocated"


@pytest.mark.parametrize("name", FLOWS)
def test_starting_in_the_middle(name: str) -> None:
    """A conversation that is captured from any packet on causes no finding."""
    steps = play_of(name).order()
    for first in range(2, len(steps), 3):
        monitor = Monitor()
        stage = MonitorStage(monitor, partial=True)
        seen = {step.number for step in steps[first:]}
        for role in {step.role for step in steps}:
            stage.conversations[role] = monitor.conversation(partial=True)
        perform((step for step in steps[first:] if step.of < 0 or step.of in seen), stage)
        monitor.finish()
        assert unexpected(monitor.findings, name) == [], f"from step {first}: {steps[first]}"

"""Strategies for conversations: legal ones cause no finding in any order, broken ones exactly the expected finding."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from fsm import Monitor
from fsm.engine.levels import Verdict
from mstrp.generate.flows import play_of
from mstrp.generate.play import Kind
from mstrp.generate.stages import MonitorStage, perform
from mstrp.testing import breakable, broken, conversations, orders
from mstrp.testing.faults import FAULTS

NIGHT = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


@given(st.data())
def test_legal_conversations(data: Any) -> None:
    """A legal conversation causes no finding in any of its orders."""
    play = data.draw(conversations())
    steps = data.draw(orders(play))
    assert sorted(step.number for step in steps) == list(range(len(play.steps)))
    monitor = Monitor()
    perform(steps, MonitorStage(monitor))
    monitor.finish()
    assert [str(finding) for finding in monitor.findings if finding.verdict is not Verdict.INFO] == []


@settings(max_examples=20_000 if NIGHT else 400)
@given(broken())
def test_exactly_one_rule_is_broken(conversation: Any) -> None:
    """Regardless of the surrounding steps, the violated rule is reported, and no unexpected rule."""
    found = conversation.findings()
    rules = {finding.rule for finding in found}
    assert conversation.reported_rule in rules
    assert rules <= conversation.breaks
    if conversation.refused:
        assert {finding.verdict for finding in found if finding.rule == conversation.reported_rule} == {Verdict.WARN}


@pytest.mark.parametrize("rule", sorted({rule for rule, _ in FAULTS}))
@settings(max_examples=15)
@given(data=st.data())
def test_hard_rules_about_calls(rule: str, data: Any) -> None:
    """Violations of the mandatory call rules in the middle of a conversation are failures."""
    found = data.draw(broken(rule)).findings()
    assert {finding.rule for finding in found} == {rule}
    assert any(finding.verdict is Verdict.FAIL for finding in found)


def test_most_rules_can_be_broken() -> None:
    """More than half of the checked rules can be violated anywhere; the others have cases in `rule_cases`."""
    assert len(breakable()) > 500
    with pytest.raises(ValueError, match="TRP-3-01 cannot be violated in the middle"):
        broken("TRP-3-01")


def test_a_broken_conversation_is_small() -> None:
    """A failure shrinks to the session and the violation, and is printed step by step."""
    found = find(broken("CALL-V01"), lambda conversation: True)
    plain = len(find(conversations(), lambda play: True).steps)
    assert len(found.play.steps) <= plain + 6
    text = repr(found)
    assert text.startswith("<CALL-V01 broken by: leaves idle")
    assert "LINE_CALLSTATE" in text
    assert "ClientAttach" in text


def test_orders_differ() -> None:
    """Some drawn orders have the completion before the response with its request id."""
    play = play_of("incoming")
    (asked,) = [step for step in play.steps if step.kind is Kind.ASK and type(step.packet).__name__ == "Answer"]

    def early(steps: Any) -> bool:
        answered = next(place for place, step in enumerate(steps) if step.of == asked.number)
        return any(
            getattr(event, "completed_id", 0) == asked.packet.request_id
            for step in steps[:answered]
            for event in step.events
        )

    assert find(orders(play), early)
    assert find(orders(play), lambda steps: True) == play.order()

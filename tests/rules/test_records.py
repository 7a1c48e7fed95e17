"""Results of a conversation: steps and findings as values, in words, and in journals."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from live import Live, reach

from fsm.engine.journal import open_journal
from fsm.engine.levels import Level, Verdict, worst
from fsm.state.memory import Memory
from fsm.state.paths import Paths
from fsm.tables.call_states import CallState
from protocol import line


def broken() -> Live:
    """A call that leaves IDLE."""
    live = Live()
    handle = reach(live, "CONNECTED")
    live.reports(handle, "IDLE")
    live.reports(handle, "CONNECTED")
    return live


def test_finding() -> None:
    """A finding contains the violation, the side at fault, the reference, time, instance and legal alternatives."""
    live = broken()
    (finding,) = live.monitor.findings
    found = finding.as_dict()
    assert (found["rule"], found["level"], found["verdict"], found["fault"]) == ("CALL-V01", "MUST", "fail", "server")
    assert (found["section"], found["machine"], found["state"], found["allowed"]) == (
        "2.2.3.1.29",
        "call",
        ["idle"],
        [],
    )
    assert "also" not in found
    assert "request_frame" not in found
    assert str(finding).startswith("fail: server reported CONNECTED")
    assert finding.at(Level.SUSPICIOUS).verdict is Verdict.WARN
    json.dumps(found)


def test_findings_of_requests() -> None:
    """A finding about a request contains the frame of the request, and other ids of the same rule."""
    live = Live()
    live.talk.ask(line.Hold(call=reach(live, "OFFERING")), ack=0x8000001C)
    (finding,) = live.news()
    assert finding.as_dict()["request_frame"] == finding.frame - 1
    live.reports(live.talk.call(), "CONNECTED")
    (finding,) = live.news()
    assert finding.as_dict()["also"] == ["CALL-ORDER-O10", "CALL-ORDER-O17"]


@pytest.mark.parametrize("kind", ["steps.jsonl", "steps.sqlite", "steps.db"])
def test_journal(tmp_path: Path, kind: str) -> None:
    """A journal contains every step with its states before and after, its rule and its reference, by capture."""
    live = broken()
    place = tmp_path / kind
    with open_journal(place) as journal:
        journal.capture("one.pcap")
        for _ in range(60):
            for step in live.steps_seen:
                journal.step(step)
    if kind.endswith(".jsonl"):
        rows = [json.loads(row) for row in place.read_text(encoding="utf-8").splitlines()]
        found = [(row["capture"], row["from"], row["to"], row["rule"]) for row in rows]
        leaving = ("one.pcap", ["idle"], ["connected"], "CALL-V01")
    else:
        base = sqlite3.connect(place)
        found = base.execute("SELECT capture, source, target, rule FROM transitions").fetchall()
        base.close()
        leaving = ("one.pcap", "idle", "connected", "CALL-V01")
    assert len(found) == 60 * len(live.steps_seen) > 1000
    assert found.count(leaving) == 60


def test_journal_of_another_kind(tmp_path: Path) -> None:
    """A file name of another type is refused, and one that cannot be written is reported."""
    with pytest.raises(ValueError, match=r"steps\.txt: a journal must be"):
        open_journal(tmp_path / "steps.txt")
    for name in ("steps.jsonl", "steps.sqlite"):
        with pytest.raises(OSError, match=name):
            open_journal(tmp_path / "missing" / name)


def test_steps_in_words() -> None:
    """A step has a sentence, and a dictionary with the level and the reference of its row."""
    live = broken()
    step = live.steps_seen[-1]
    assert str(step).endswith("idle -> connected on LINE_CALLSTATE CONNECTED")
    assert (step.source, step.target) == (("idle",), ("connected",))
    found = step.as_dict()
    assert (found["level"], found["kind"], found["ref"][:17]) == ("MUST", "report", "MS-TRP 2.2.3.1.29")
    listed = next(one for one in live.steps_seen if one.move.legal).as_dict()
    assert listed["rule"] is None


def test_what_a_call_may() -> None:
    """A call lists its legal requests; a name that is not a request on calls is refused."""
    live = Live()
    call = live.record(reach(live, "OFFERING"))
    assert call.states == ("offering",)
    assert call.may(line.Answer)
    assert call.may("Answer")
    assert not call.may("Hold")
    assert not call.may("SwapHold hHeldCall")
    assert {"Answer", "Accept", "Redirect", "Drop"} <= set(call.allowed())
    assert "Hold" not in call.allowed()
    with pytest.raises(KeyError):
        call.may("Initialize")


def test_paths_are_shared_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal paths are one node; the number of nodes is limited."""
    monkeypatch.setattr(Paths, "DEPTH", 3)
    monkeypatch.setattr(Paths, "NODES", 5)
    paths = Paths()
    one = paths.extend(paths.extend(paths.root, CallState.OFFERING), CallState.CONNECTED)
    assert paths.extend(paths.extend(paths.root, CallState.OFFERING), CallState.CONNECTED) is one
    assert paths.extend(one, CallState.CONNECTED) is one
    third = paths.extend(one, CallState.ONHOLD)
    assert paths.extend(third, CallState.CONNECTED) is third
    for state in CallState:
        paths.extend(paths.root, state)
    assert paths.count == 5


def test_memory_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended instances are remembered: always the latest entries, and at most twice the size."""
    monkeypatch.setattr(Memory, "SIZE", 10)
    memory: Memory[int, int] = Memory()
    for number in range(100):
        memory.put(number, number)
        assert memory.get(number) == number
        assert len(memory.young) + len(memory.older) <= 22
    assert memory.get(95) == 95
    assert memory.get(1) is None
    assert memory.pop(99) == 99
    assert memory.get(99) is None


def test_worst() -> None:
    """The worst verdict counts; information alone is a pass, and so is no finding."""
    assert worst() is Verdict.PASS
    assert worst(Verdict.INFO) is Verdict.PASS
    assert worst(Verdict.WARN, Verdict.INFO) is Verdict.WARN
    assert worst(Verdict.WARN, Verdict.FAIL, Verdict.PASS) is Verdict.FAIL

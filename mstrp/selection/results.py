"""Reduce results to a selection; verdict, status and numbers remain unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.tables.call_states import CallState
from mstrp.selection.packets import PacketFacts

if TYPE_CHECKING:
    from fsm.engine.finding import Finding
    from mstrp.capture.packets import Packet
    from mstrp.checking import CallResult, CaptureResult, SessionResult
    from mstrp.report.ladder import Ladder
    from mstrp.selection.conditions import Selection

__all__ = ["SelectedLadder", "keep_selected", "may_show", "select_result", "selecting"]

#: Names of events that report a state of a call.
_STATES = {state.name for state in CallState}


def select_result(result: CaptureResult, selection: Selection) -> CaptureResult:
    """Return a result with the selected findings, and with the sessions and calls that contain selected ones."""
    found = _Found(result)
    findings = [finding for finding in result.findings if selection.matches(found.finding(finding))]
    sessions = []
    for session in result.sessions:
        if selection.matches(found.session(session)):
            calls = [call for call in session.calls if selection.matches(found.call(session, call))]
            sessions.append(session._replace(calls=calls))
    expected = tuple(each for each in result.expected if selection.matches(found.finding(each.finding)))
    return result._replace(
        sessions=sessions, findings=findings, expected=expected, found=result.totals, selection=selection.texts
    )


def may_show(selection: Selection, finding: Finding) -> bool:
    """Whether a finding is selected, as far as it is known before its session has ended: its hosts and line are not."""
    facts = {"packet": {finding.event, *finding.event.split()}} if finding.machine != "call" else {}
    return selection.matches(
        {
            **facts,
            "session": [finding.session],
            "call": [finding.instance] if finding.machine == "call" else [],
            "rule": [finding.rule, *finding.also],
            "verdict": [finding.verdict.value],
            "frames": [(finding.frame, finding.frame)],
            "time": [(finding.time, finding.time)],
        }
    )


class _Found:
    """The facts of a result."""

    def __init__(self, result: CaptureResult) -> None:
        self._sessions = {session.id: session for session in result.sessions}
        self._lines = {(each.id, call.name): call.line for each in result.sessions for call in each.calls}
        #: Facts of the findings of each session, and of each call.
        self._about: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for finding in [*result.findings, *(each.finding for each in result.expected)]:
            facts = self.finding(finding)
            self._about.setdefault((finding.session, ""), []).append(facts)
            if finding.machine == "call":
                self._about.setdefault((finding.session, finding.instance), []).append(facts)

    def finding(self, finding: Finding) -> dict[str, Any]:
        """Return the facts of a finding."""
        call = finding.instance if finding.machine == "call" else ""
        line = finding.instance if finding.machine == "line" else self._lines.get((finding.session, call), "")
        session = self._sessions.get(finding.session)
        packets = {finding.event, *finding.event.split()}
        if finding.machine == "call" and finding.event in _STATES:
            packets.add("LINE_CALLSTATE")
        asked = finding.frame if finding.request_frame is None else finding.request_frame
        return {
            "session": [finding.session],
            "call": [call] if call else [],
            "line": [line] if line else [],
            **({} if session is None else {"client": [session.client], "server": [session.server]}),
            "packet": packets,
            "rule": [finding.rule, *finding.also],
            "verdict": [finding.verdict.value],
            "frames": [(finding.frame, finding.frame), (asked, asked)],
            "time": [(finding.time, finding.time)],
        }

    def session(self, session: SessionResult) -> dict[str, Any]:
        """Return the facts of a session, with those of its calls and findings."""
        unlisted = len(session.calls) < session.judged.calls
        calls = [call.name for call in session.calls]
        lines = {call.line for call in session.calls if call.line}
        return {
            "session": [session.id],
            "client": [session.client],
            "server": [session.server],
            **({} if unlisted else {"call": calls, "line": lines}),
            "packet": [*session.requests, *session.events],
            **self._of_findings(session.id, ""),
            "frames": [(session.first[0], session.last[0])],
            "time": [(session.first[1], session.last[1])],
        }

    def call(self, session: SessionResult, call: CallResult) -> dict[str, Any]:
        """Return the facts of a call, with those of its findings; its packets and frames are not known."""
        return {
            "session": [session.id],
            "client": [session.client],
            "server": [session.server],
            "call": [call.name],
            "line": [call.line] if call.line else [],
            **self._of_findings(session.id, call.name),
        }

    def _of_findings(self, session: str, call: str) -> dict[str, Any]:
        about = self._about.get((session, call), [])
        return {key: [value for facts in about for value in facts[key]] for key in ("rule", "verdict")}


class SelectedLadder:
    """Passes the packets of a selection on to a ladder, with the steps they cause."""

    def __init__(self, ladder: Ladder, selection: Selection, facts: PacketFacts) -> None:
        self._ladder = ladder
        self._selection = selection
        self._facts = facts
        self._chosen = False

    def packet(self, packet: Packet) -> bool:
        """Take a packet; return whether more packets are wanted."""
        self._chosen = self._selection.matches(self._facts.of(packet))
        return self._ladder.packet(packet) if self._chosen else True

    def step(self, step: Any) -> None:
        """Take a step caused by the last packet."""
        if self._chosen:
            self._ladder.step(step)


def selecting(ladder: Ladder, selection: Selection | None) -> Ladder | SelectedLadder:
    """Return the watcher of a ladder that shows a selection."""
    return SelectedLadder(ladder, selection, PacketFacts()) if selection else ladder


def keep_selected(ladder: Ladder, result: CaptureResult, selection: Selection) -> None:
    """Keep the packets of selected findings only, if the selection is one of rules or verdicts."""
    if selection.keys & {"rule", "verdict"}:
        every = [*result.findings, *(each.finding for each in result.expected)]
        frames = {(each.session, frame) for each in every for frame in (each.frame, each.request_frame)}
        ladder.rungs = [rung for rung in ladder.rungs if (rung.packet.session, rung.packet.frame) in frames]

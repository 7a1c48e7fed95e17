"""The ladder: every packet with its effects, and the findings in it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.rule import either
from mstrp.capture.packets import CLIENT_TO_SERVER
from mstrp.report.describe import describe
from mstrp.report.lines import Line, Span, line, wrapped

if TYPE_CHECKING:
    from fsm.engine.finding import Finding
    from fsm.engine.levels import Verdict
    from fsm.engine.step import Step
    from mstrp.capture.packets import Packet

__all__ = ["Ladder", "Rung", "finding_lines", "grouped_lines", "ladder_lines"]

#: Machines whose states are shown with the packets.
_SHOWN = {"call", "line", "phone", "binding"}
#: Maximum length of a packet with the state in the same line; otherwise the state is in the next line.
_BESIDE = 56
#: Maximum number of findings of one rule that are shown in full; above it, only the first is.
_MANY = 5
#: Width of a state after the packets.
_ROOM = 34


class Rung(NamedTuple):
    """One packet and the states after it: (instance, states)."""

    packet: Packet
    text: str
    states: list[tuple[str, str]]


class Ladder:
    """Collects the first packets of a capture and the steps they cause."""

    def __init__(self, limit: int = 500) -> None:
        self.limit = limit
        self.rungs: list[Rung] = []
        #: Whether the capture has more packets than the limit.
        self.full = False

    def packet(self, packet: Packet) -> bool:
        """Take a decoded packet; its steps follow. Return whether it was recorded."""
        if len(self.rungs) >= self.limit:
            self.full = True
            return False
        self.rungs.append(Rung(packet, describe(packet), []))
        return True

    def step(self, step: Step) -> None:
        """Take a step caused by the last packet."""
        if step.before == step.after or step.machine.name not in _SHOWN or self.full or not self.rungs:
            return
        states = self.rungs[-1].states
        what = step.machine.name if step.machine.name == "binding" else f"{step.machine.name} {step.instance}"
        after = step.machine.words(step.after)
        for place, (known, _) in enumerate(states):
            if known == what:
                states[place] = (what, after)
                return
        states.append((what, after))


class _Layout(NamedTuple):
    """Columns of the lines of a ladder."""

    frame: int
    time: int
    #: Column of the states, from the start of the packet text; 0: on separate lines.
    states: int
    width: int

    @property
    def head(self) -> int:
        """Start column of the packet text."""
        return self.frame + self.time + 6


def _layout(rungs: list[Rung], width: int) -> _Layout:
    frame = max(5, *(len(str(rung.packet.frame)) for rung in rungs)) + 2
    time = max(9, *(len(f"{rung.packet.time:.6f}") for rung in rungs))
    beside = [len(rung.text) for rung in rungs if rung.states and len(rung.text) <= _BESIDE]
    column = max(beside, default=0) + 2
    fits = frame + time + 6 + column + _ROOM <= width
    return _Layout(frame, time, column if fits else 0, width)


def ladder_lines(ladder: Ladder, findings: list[Finding], *, width: int = 120, session: str = "") -> list[Line]:
    """Return the ladder of a session: a line for each packet, the states after it, and its findings."""
    rungs = [rung for rung in ladder.rungs if rung.packet.session == session]
    if not rungs:
        return []
    by_frame: dict[int, list[Finding]] = {}
    for finding in findings:
        if finding.session == session:
            by_frame.setdefault(finding.frame, []).append(finding)
    layout = _layout(rungs, width)
    title = f"{'frame':>{layout.frame}} {'time':>{layout.time}}     packet and state after it"
    lines = [line(title, "head")]
    for place, rung in enumerate(rungs):
        lines += _rung(rung, layout)
        frame = rung.packet.frame
        if place + 1 == len(rungs) or rungs[place + 1].packet.frame != frame:
            for finding in by_frame.pop(frame, ()):
                lines += finding_lines(finding, indent=layout.head, width=width)
    left = [finding for found in by_frame.values() for finding in found]
    if left:
        lines += [(), line("  findings in packets outside the ladder:", "head")]
        lines += grouped_lines(left, width=width)
    return lines


def _rung(rung: Rung, layout: _Layout) -> list[Line]:
    packet = rung.packet
    arrow = "──▶" if packet.direction == CLIENT_TO_SERVER else "◀──"
    # A packet that is too long for the terminal continues in the next line.
    room = max(24, layout.width - layout.head)
    text, *more = textwrap.wrap(rung.text, room, subsequent_indent="  ", break_on_hyphens=False) or [""]
    name, blank, rest = text.partition(" ")
    style = packet.phase if packet.phase in ("request", "response") else "event"
    spans = [
        Span("dim", f"{packet.frame:>{layout.frame}} {packet.time:>{layout.time}.6f} "),
        Span(style, arrow),
        Span("plain", " "),
        Span(style, name),
        Span("plain", blank + rest),
    ]
    lines: list[Line] = [tuple(spans), *(line(" " * layout.head + piece) for piece in more)]
    if not layout.states:
        pad = " " * (layout.head + 2)
        for what, after in rung.states:
            lines += wrapped(f"→ {what}: {after}", "state", width=layout.width, first=pad, rest=f"{pad}  ")
        return lines
    for number, (what, after) in enumerate(rung.states):
        state = Span("dim", f"{what}: "), Span("state", after)
        if number == 0 and len(rung.text) + 2 <= layout.states:
            lines[0] = (*spans, Span("plain", " " * (layout.states - len(rung.text))), *state)
        else:
            pad = " " * min(
                layout.head + layout.states, max(layout.head + 2, layout.width - len(what) - len(after) - 2)
            )
            lines.append((Span("plain", pad), *state))
    return lines


def grouped_lines(findings: list[Finding], *, width: int) -> list[Line]:
    """Return findings in full; for a rule with many, only the first, and the number of the others."""
    groups: dict[tuple[str, Verdict], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.rule, finding.verdict), []).append(finding)
    many = {key for key, group in groups.items() if len(group) > _MANY}
    lines: list[Line] = []
    for finding in findings:
        key = finding.rule, finding.verdict
        group = groups[key]
        if key not in many or finding is group[0]:
            lines += finding_lines(finding, indent=6, width=width)
        if key in many and finding is group[0]:
            lines += wrapped(
                f"and {len(group) - 1:,} more of {finding.rule}, to frame {group[-1].frame} (--format json lists them)",
                finding.verdict.value,
                width=width,
                first=" " * 6,
                rest=" " * 6,
            )
    return lines


def finding_lines(finding: Finding, *, indent: int, width: int) -> list[Line]:
    """Return a finding in its packet: the rule, the sentence, then the state and the expected states."""
    style = finding.verdict.value
    pad = " " * indent
    fault = f", {finding.fault.value}'s fault" if finding.fault else ""
    asked = finding.request_frame
    where = f"frame {finding.frame}" + (f" (requested in {asked})" if asked not in (None, finding.frame) else "")
    head = f"{style.upper()} {finding.rule} in {where}{fault}, MS-TRP {finding.section}"
    detail = f"{finding.machine} {finding.instance} was {either(finding.state)}"
    if finding.allowed:
        detail += f"; expected: {', '.join(finding.allowed)}"
    return [
        *wrapped(head, style, width=width, first=f"{pad[:-4]}╰── ", rest=pad),
        *wrapped(finding.summary, style, width=width, first=pad, rest=pad),
        *wrapped(detail, "plain", width=width, first=pad, rest=pad),
    ]

"""The ladder: every packet with what it changed, findings under the packet they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsm.wording import either
from mstrp.capture.packets import CLIENT_TO_SERVER
from mstrp.report.describe import describe

if TYPE_CHECKING:
    from fsm.finding import Finding
    from fsm.step import Step
    from mstrp.capture.packets import Packet

__all__ = ["Ladder", "Rung", "ladder_text"]

#: Machines whose states are shown beside the packets.
_SHOWN = {"call", "line", "phone", "binding"}


class Rung(NamedTuple):
    """One packet and the states after it: (instance, states)."""

    packet: Packet
    text: str
    states: list[tuple[str, str]]


class Ladder:
    """Collects the first packets of a capture with the steps they caused."""

    def __init__(self, limit: int = 500) -> None:
        self.limit = limit
        self.rungs: list[Rung] = []
        self.left_out = 0

    def packet(self, packet: Packet) -> None:
        """A packet was decoded; its steps follow."""
        if len(self.rungs) >= self.limit:
            self.left_out += 1
            return
        self.rungs.append(Rung(packet, describe(packet), []))

    def step(self, step: Step) -> None:
        """A step happened because of the last packet."""
        if step.before == step.after or step.machine.name not in _SHOWN or self.left_out or not self.rungs:
            return
        states = self.rungs[-1].states
        what = step.machine.name if step.machine.name == "binding" else f"{step.machine.name} {step.instance}"
        after = step.machine.words(step.after)
        for place, (known, _) in enumerate(states):
            if known == what:
                states[place] = (what, after)
                return
        states.append((what, after))


def ladder_text(
    ladder: Ladder, findings: list[Finding], *, width: int = 110, session: str = ""
) -> list[tuple[str, str]]:
    """The ladder of a session as (style, line); styles are ``packet``, ``state``, ``fail``, ``warn`` and ``info``."""
    by_frame: dict[int, list[Finding]] = {}
    for finding in findings:
        if finding.session == session:
            by_frame.setdefault(finding.frame, []).append(finding)
    rungs = [rung for rung in ladder.rungs if rung.packet.session == session]
    lines: list[tuple[str, str]] = []
    column = min(max((len(rung.text) for rung in rungs), default=0) + 2, max(30, width - 48))
    for place, rung in enumerate(rungs):
        packet = rung.packet
        arrow = "──▶" if packet.direction == CLIENT_TO_SERVER else "◀──"
        head = f"{packet.frame:>7} {packet.time:>10.6f} {arrow} "
        after = "; ".join(f"{what}: {states}" for what, states in rung.states)
        text = rung.text
        if after and len(text) <= column:
            text = f"{text:<{column}}{after}"
        elif after:
            lines.append(("packet", head + text))
            head, text = " " * len(head), " " * column + after
        lines.append(("packet", (head + text).rstrip()))
        last = place + 1 == len(rungs) or rungs[place + 1].packet.frame != packet.frame
        if last:
            for finding in by_frame.pop(packet.frame, ()):
                lines += finding_lines(finding, indent=len(f"{packet.frame:>7} "))
    for left in by_frame.values():
        for finding in left:
            lines += finding_lines(finding, indent=8)
    return lines


def finding_lines(finding: Finding, *, indent: int) -> list[tuple[str, str]]:
    """A finding under its packet."""
    style = finding.verdict.value
    pad = " " * indent
    fault = f" ({finding.fault.value}'s fault)" if finding.fault else ""
    found = [(style, f"{pad}{style.upper()} {finding.rule}{fault}: {finding.summary}")]
    state = either(finding.state)
    detail = f"{pad}     {finding.machine} {finding.instance} was {state}"
    if finding.allowed:
        detail += f"; legal: {', '.join(finding.allowed)}"
    found.append((style, f"{detail}; MS-TRP {finding.section}; frame {finding.frame}"))
    return found

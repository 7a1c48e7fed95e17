"""One client that attached: what passed, what is wrong with it, and what it must not act on."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.engine.levels import Fault, Level
from fsm.monitor import Monitor
from fsm.rules.catalogue import RULES
from mstrp.conform.core.program import Action, Program, Verb
from mstrp.conform.core.violation import Violation
from protocol.fields import Handle, Number
from protocol.generic import GetAsyncEvents, RSPSetEventFilterMasks

if TYPE_CHECKING:
    from fsm.state.instances import Transaction
    from mstrp.conform.core.target import Budget
    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["Marker", "Session"]

#: Steps of a conversation that are kept.
_STEPS = 4000
#: How long the clock jumps ahead once nothing is under way any more: beyond the grace of the monitor.
_GRACE = 2.0
#: Seconds after a stimulus in which an end has to do with it.
_SOON = 1.0


class Marker(NamedTuple):
    """A handle or device that a client learned only from something that it has to ignore."""

    value: int
    rule: str
    #: What it came with, for people.
    source: str


class Session:
    """What one client did between ClientAttach and its end."""

    def __init__(self, name: str, budget: Budget, settle: float) -> None:
        self.name = name
        self.budget = budget
        self.settle = settle
        self.monitor = Monitor()
        self.conversation = self.monitor.conversation()
        self.program = Program()
        self.violations: list[Violation] = []
        self.passed: set[str] = set()
        #: What the tester finds odd, and warnings of the monitor about the client: no failures.
        self.doubts: list[Violation] = []
        self.warnings: list[Violation] = []
        self.markers: dict[int, Marker] = {}
        #: Requests that were sent, by name, and those that an offered call was answered with.
        self.requests: Counter[str] = Counter()
        self.on_offered: Counter[str] = Counter()
        self.offered: set[int] = set()
        #: Requests against which nothing was found, and something.
        self.kept: Counter[str] = Counter()
        self.pull = False
        self.management = False
        self.detached = False
        self.lost = False
        #: Whether the tester itself ended the connection.
        self.cut = False
        self.begun = time.monotonic()
        self.last = self.begun
        self.ended = 0.0
        #: When something was told that has to be ignored, and what.
        self.stimulated: tuple[float, str] | None = None
        self._seen = 0

    def now(self) -> float:
        """Seconds since the client attached, for the machines."""
        return time.monotonic() - self.begun

    def tick(self) -> float:
        """A packet passes; after a silence nothing old is under way any more."""
        moment = time.monotonic()
        if moment - self.last > self.settle:
            self.begun -= _GRACE
        self.last = moment
        return moment - self.begun

    # -- what passes ----------------------------------------------------------------------------------------------

    def note(self, verb: Verb, packet: str, data: bytes = b"", how: str = "") -> int:
        """Remember a step; its number."""
        number = len(self.program)
        if number < _STEPS:
            self.program.actions.append(Action(number, verb, self.name, packet=packet, data=data, how=how))
        return number

    def asks(self, packet: Request) -> Transaction:
        """The client sends a request."""
        name = f"{packet.device}.{packet.layout.name}"
        moment = self.now()
        if not isinstance(packet, GetAsyncEvents):
            moment = self.tick()
            self.budget.sent += 1
            self.requests[name] += 1
            number = self.note(Verb.DOES, name, packet.encode())
            self._bitten(packet, number)
            self._offered(packet, name)
        return self.conversation.sent(packet, len(self.program), moment)

    def answered(self, exchange: Transaction, answer: Any, packet: Request, *, racing: bool) -> None:
        """The answer goes to the client; ``racing``: events are on their way that the client could not know of."""
        before = len(self.monitor.findings)
        self.conversation.answered(exchange, answer, len(self.program), self.now())
        found = [finding for finding in self.monitor.findings[before:] if finding.fault is Fault.CLIENT]
        self.collect(but="CALL-PRE" if racing else "-")
        if not found:
            self.kept[f"{packet.device}.{packet.layout.name}"] += 1

    def faulted(self, exchange: Transaction) -> None:
        """The request ended in an RPC fault."""
        self.conversation.faulted(exchange, len(self.program), self.now())
        self.collect()

    def told(self, event: Event) -> None:
        """The client is told something legal."""
        moment = self.tick()
        self.budget.sent += 1
        self.note(Verb.TELLS, event.layout.name, event.encode())
        self.conversation.event(event, len(self.program), moment)
        self.collect()

    def record_stimulus(self, packet: str, data: bytes, why: str) -> None:
        """The client is sent something that it has to ignore or to refuse; the machines do not see it."""
        self.tick()
        self.budget.sent += 1
        self.stimulated = (time.monotonic(), why)
        self.note(Verb.TELLS, packet, data, why)

    def mark(self, value: int, rule: str, source: str) -> None:
        """From now on a request that names a value shows that the client acted on what it had to ignore."""
        self.markers[value] = Marker(value, rule, source)

    # -- what is wrong --------------------------------------------------------------------------------------------

    def _bitten(self, packet: Request, number: int) -> None:
        words = packet.words
        for field in packet.layout.fields:
            named = (isinstance(field, Handle) and field.direction != "out") or (
                isinstance(field, Number) and field.role == "device"
            )
            if isinstance(packet, RSPSetEventFilterMasks) and field.spec == "lObjectID":
                named = True
            mark = self.markers.get(words[field.index]) if named and field.index < len(words) else None
            if mark is not None:
                del self.markers[mark.value]
                summary = (
                    f"client sent {packet.layout.name} with {field.spec} {mark.value:#x}, "
                    f"which it knew only from {mark.source}"
                )
                self.complain(mark.rule, summary, number, doubt=mark.rule.startswith("TAKES-"))

    def complain(self, rule: str, summary: str, number: int = -1, section: str = "", *, doubt: bool = False) -> None:
        """Something that no monitor finds: the rule, and what was done; a doubt is odd, and no failure."""
        known = RULES.get(rule)
        place = section or (known.section if known is not None else "3.3.4.2")
        level = Level.MUST if known is not None else Level.STATED
        step = number if number >= 0 else len(self.program) - 1
        (self.doubts if doubt else self.violations).append(Violation(rule, summary, place, level, step))

    def _offered(self, packet: Request, name: str) -> None:
        words = packet.words
        for field in packet.layout.fields:
            if isinstance(field, Handle) and field.index < len(words) and words[field.index] in self.offered:
                self.on_offered[name] += 1

    def collect(self, but: str = "-") -> None:
        """What the monitor has found since; what the tester itself did wrong is none of the client's business."""
        findings = self.monitor.findings
        for finding in findings[self._seen :]:
            # What the tester accepted all the same was as odd of the client to send as what it refused.
            sent = finding.fault is Fault.CLIENT or finding.event.endswith(" accepted")
            if not sent or finding.rule.startswith(but):
                continue
            if Violation.blames(finding, Fault.CLIENT):
                self.violations.append(Violation.of(finding, len(self.program) - 1))
            else:
                self.warnings.append(Violation.of(finding, len(self.program) - 1))
        self._seen = len(findings)

    @property
    def broke_off(self) -> str:
        """Whether the connection ended right after a stimulus; what, for people."""
        if not self.lost or self.cut or self.stimulated is None:
            return ""
        moment, why = self.stimulated
        return f"the client's connection ended right after {why}" if self.ended - moment < _SOON else ""

    def finish(self) -> None:
        """Nothing more will come."""
        self.conversation.finish(self.now())
        self.collect()

"""Violations: rules that a request may violate, kept until its outcome is known, and findings without a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from fsm.engine.errors import LocalProtocolError, RemoteProtocolError
from fsm.engine.finding import Finding
from fsm.engine.levels import Fault, Level, Verdict, verdict_of
from fsm.engine.row import Ref
from fsm.rules.protocol_rules import RECORDS
from fsm.rules.successes import DROPPED
from fsm.state.instances import Application, Call, Phone
from fsm.tables.binding import FETCHES, REQUEST_RULE, BindingState
from fsm.tables.bits import ANSWERED
from fsm.tables.call_states import LIVE
from fsm.tables.phone import USED_AS_OWNER
from fsm.tables.version import VERSION_USED, VersionState

if TYPE_CHECKING:
    from fsm.conversation import Conversation
    from fsm.engine.errors import ProtocolError
    from fsm.engine.machine import Instance, Move
    from fsm.engine.row import Event
    from fsm.judge.routes import CallUse
    from fsm.state.instances import Transaction

__all__ = [
    "SuspectedViolation",
    "decide",
    "reconsider",
    "report",
    "suspect",
    "suspect_call",
    "suspect_packet",
    "suspect_stray",
]

_CALL: Final = Call.machine
_LIVE: Final = sum(1 << state for state in LIVE)
#: Requests, and states, of which no document requires the server to refuse them or to keep a record.
_UNNOTICED: Final = {
    (FETCHES, 1 << BindingState.PUSH),
    (FETCHES, 1 << BindingState.MANAGEMENT),
    (VERSION_USED, 1 << VersionState.UNNEGOTIATED),
}


class SuspectedViolation(NamedTuple):
    """A rule that a request violates if the server accepts it."""

    rule: str
    level: Level
    section: str
    machine: str
    instance: str
    state: tuple[str, ...]
    allowed: tuple[str, ...]
    #: The end of the sentence: the object, and the violation.
    reason: str
    #: For preconditions: the call and the event, to evaluate them again.
    call: Call | None = None
    use: Event | None = None
    #: Whether the rule applies only to the server: a refusal satisfies it.
    accepted_only: bool = False
    #: Whether the server need not notice: the client is at fault even if the request is accepted.
    unnoticed: bool = False

    def error(self, transaction: Transaction, *, local: bool) -> ProtocolError:
        """Return the error of strict use."""
        kind = LocalProtocolError if local else RemoteProtocolError
        return kind(
            machine=self.machine,
            instance=self.instance,
            state=self.state,
            event=transaction.route.name,
            allowed=self.allowed,
            reference=Ref(self.section),
            rule=self.rule,
            summary=f"{transaction.route.name} {self.reason}",
        )

    def finding(self, transaction: Transaction, session: str, time: float, *, accepted: bool) -> Finding:
        """Return the finding: a failure of the server that accepted the request, otherwise a warning about the client."""
        name = transaction.route.name
        if accepted and self.unnoticed:
            summary = f"client sent {name} {self.reason}; the server accepted it, as it may"
        elif accepted:
            summary = f"server accepted {name} {self.reason}"
        else:
            summary = f"client sent {name} {self.reason}; the server refused it"
        return Finding(
            rule=self.rule,
            level=self.level,
            verdict=verdict_of(self.level) if accepted else Verdict.WARN,
            fault=Fault.SERVER if accepted and not self.unnoticed else Fault.CLIENT,
            section=self.section,
            summary=summary,
            frame=transaction.answered,
            time=time,
            session=session,
            machine=self.machine,
            instance=self.instance,
            state=self.state,
            event=f"{name} {'accepted' if accepted else 'refused'}",
            allowed=self.allowed,
            request_frame=transaction.frame,
            also=RECORDS.also(self.rule),
        )


def suspect(transaction: Transaction, instance: Instance, event: Event, move: Move, rule: str, name: str) -> None:
    """Keep the violation that a row reports until the outcome of the request is known."""
    if not move.rule.endswith("*"):
        rule = move.rule
    elif move.rule == REQUEST_RULE:
        rule = f"CALL-PRE-{transaction.route.name}"
    if not rule:
        return
    machine = instance.machine
    noun = "" if machine.name == "binding" else f"{machine.name} "
    if rule.startswith("CALL-PRE") or (isinstance(instance, Call) and instance.mask & _LIVE):
        reason = f"on {noun}{name} in state {machine.words(instance.mask)}, in which it is not allowed"
    else:
        lacks = "the client only monitors" if event is USED_AS_OWNER else f"is not an open {machine.name} handle"
        reason = f"on {noun}{name.split('#', maxsplit=1)[0]}, which {lacks}"
    violation = SuspectedViolation(
        rule,
        move.level,
        move.ref.section if move.ref else transaction.route.section,
        machine.name,
        name,
        machine.names(instance.mask),
        machine.instead(event, instance.mask),
        reason,
        instance if isinstance(instance, Call) else None,
        event,
        # The client may not have known that the handle had ended.
        move.row is not None and ANSWERED in move.row.guards,
        (event, instance.mask) in _UNNOTICED,
    )
    _keep(transaction, violation)
    dropped = DROPPED.get((machine.name, _device(instance), instance.mask))
    if dropped is not None:
        _keep(transaction, violation._replace(rule=dropped, section="3.1.4.2", accepted_only=True))


def _device(instance: Instance) -> str:
    return instance.kind if isinstance(instance, Application) else "phone" if isinstance(instance, Phone) else "line"


def suspect_call(conversation: Conversation, transaction: Transaction, call: Call, use: CallUse, move: Move) -> None:
    """Keep the violation of a request on a call whose state does not allow it; the state may prove to be different."""
    suspect(transaction, call, use.event, move, use.rule, call.name)
    conversation.suspects.setdefault(call, []).append(transaction)


def suspect_packet(transaction: Transaction, rule: str, section: str, reason: str) -> None:
    """Keep a violation in the packet itself."""
    _keep(
        transaction,
        SuspectedViolation(rule, Level.MUST, section, "request", transaction.route.name, ("sent",), (), reason),
    )


def suspect_stray(transaction: Transaction, binding: Instance, move: Move, session: str, how: str) -> None:
    """Keep the violation of a call under an invalid context handle."""
    section = move.ref.section if move.ref else transaction.route.section
    states = binding.machine.names(binding.mask)
    reason = f"under {how}"
    _keep(transaction, SuspectedViolation(move.rule, move.level, section, "binding", session, states, (), reason))


def _keep(transaction: Transaction, violation: SuspectedViolation) -> None:
    if transaction.suspected is None:
        transaction.suspected = []
    transaction.suspected.append(violation)


def reconsider(conversation: Conversation, call: Call) -> None:
    """Drop suspected violations that the new state of a call explains."""
    for transaction in conversation.suspects.get(call, ()):
        transaction.suspected = [
            violation
            for violation in transaction.suspected or ()
            if violation.call is not call or violation.use is None or not _CALL.may(call, violation.use).legal
        ]


def decide(conversation: Conversation, transaction: Transaction, *, accepted: bool) -> None:
    """Report the suspected violations of a request whose outcome is known."""
    suspected, transaction.suspected = transaction.suspected, None
    if transaction.time <= conversation.registry.gap_at:
        return
    runner = conversation.runner
    for violation in suspected or ():
        if violation.call is not None:
            conversation.suspects.pop(violation.call, None)
        if accepted or not violation.accepted_only:
            runner.tell(violation.finding(transaction, runner.session, runner.now, accepted=accepted))


def report(
    conversation: Conversation,
    rule: str,
    section: str,
    summary: str,
    *,
    level: Level = Level.MUST,
    fault: Fault = Fault.SERVER,
    machine: str = "binding",
    instance: str = "",
    event: str = "",
    request_frame: int | None = None,
) -> None:
    """Report the violation of a rule that is not a row of a machine."""
    runner, binding = conversation.runner, conversation.registry.binding
    runner.tell(
        Finding(
            rule=rule,
            level=level,
            verdict=verdict_of(level),
            fault=fault,
            section=section,
            summary=summary,
            frame=runner.frame,
            time=runner.now,
            session=runner.session,
            machine=machine,
            instance=instance or runner.session,
            state=binding.machine.names(binding.mask),
            event=event,
            allowed=(),
            also=RECORDS.also(rule),
            request_frame=request_frame,
        )
    )

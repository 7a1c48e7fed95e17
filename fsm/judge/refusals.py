"""Refusals: open handles that the server rejected as unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fsm.engine.levels import Level
from fsm.judge.requests import find_owner
from fsm.judge.violations import report
from fsm.rules.successes import MADE
from fsm.state.instances import Application, Call, Line, Phone
from fsm.tables.binding import BindingState
from protocol.constants import ACK_RETURN_VALUE, LINEERR, PHONEERR
from protocol.fields import HandleType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fsm.conversation import Conversation
    from fsm.state.instances import Transaction

__all__ = ["INVALRPCCONTEXT", "deny", "report_denied"]

#: A positive return value that is an error (2.2.5.2, Q15).
INVALRPCCONTEXT: Final = int(ACK_RETURN_VALUE.TAPIERR_INVALRPCCONTEXT)
_LIMIT: Final = 1024
#: The rule of a call under an invalid context handle, which explains the refusal.
_INVALID_CONTEXT: Final = "TRP-3.1.4.2-GEN-03"
#: The type of handle that an error calls unknown.
_UNKNOWN: Final[dict[int, HandleType]] = {
    LINEERR.INVALAPPHANDLE: HandleType.HLINEAPP,
    LINEERR.INVALLINEHANDLE: HandleType.HLINE,
    LINEERR.INVALCALLHANDLE: HandleType.HCALL,
    LINEERR.INVALCONSULTCALLHANDLE: HandleType.HCALL,
    LINEERR.INVALCONFCALLHANDLE: HandleType.HCALL,
    PHONEERR.INVALAPPHANDLE: HandleType.HPHONEAPP,
    PHONEERR.INVALPHONEHANDLE: HandleType.HPHONE,
}
_MADE_BY: Final[dict[tuple[type, str], str]] = {
    (Application, "line"): MADE["line.Initialize"],
    (Application, "phone"): MADE["phone.Initialize"],
    (Line, ""): MADE["line.Open"],
    (Phone, ""): MADE["phone.Open"],
}
_OPEN_NAMES: Final = {"ready", "shutdown due", "open", "monitored", "owned"}
_ATTACHED: Final = {1 << state for state in (BindingState.PUSH, BindingState.PULL, BindingState.MANAGEMENT)}


def deny(conversation: Conversation, transaction: Transaction, code: int) -> None:
    """Note a request that was refused because of an open handle, whose end may be on its way (3.1.4.2, on success)."""
    denied = conversation.denied
    if conversation.registry.partial or len(denied) >= _LIMIT:
        return
    if any(violation.rule == _INVALID_CONTEXT for violation in transaction.suspected or ()):
        return
    if code == INVALRPCCONTEXT:
        denied.append((conversation.registry.binding, transaction, "TRP-3.1.4.1-11"))
        return
    type_ = _UNKNOWN.get(code)
    if type_ is None:
        return
    named = list(_named(conversation, transaction, type_))
    if named and all(rule for _, rule in named):
        denied += [(instance, transaction, rule) for instance, rule in named]


def _named(conversation: Conversation, transaction: Transaction, type_: HandleType) -> Iterable[tuple[Any, str]]:
    """Return the instances of a handle type that a request names, each with the rule of its creation if it is open."""
    words = transaction.words
    if type_ is HandleType.HCALL:
        for use in transaction.route.calls:
            call = conversation.registry.calls.get(words[use.word])
            made = None if call is None else call.brought
            yield call, "" if made is None else MADE.get(made, "")
        return
    for handle in transaction.route.handles:
        if handle.type is type_:
            found = find_owner(conversation, type_, words[handle.word])
            is_open = found is not None and found.machine.names(found.mask)[0] in _OPEN_NAMES
            yield found, _MADE_BY.get((type(found), getattr(found, "kind", "")), "") if is_open else ""


def report_denied(conversation: Conversation) -> None:
    """Report handles that the server rejected although they are still open."""
    denied, conversation.denied = conversation.denied, []
    registry = conversation.registry
    for instance, transaction, rule in denied:
        if isinstance(instance, Call):
            ended = registry.calls.get(instance.handle) is not instance
        else:
            ended = bool(getattr(instance, "ended", 0.0))
        if ended or registry.binding.mask not in _ATTACHED:
            continue
        machine, name = instance.machine.name, conversation.runner.name(instance)
        summary = (
            f"server refused {transaction.route.name} as if {machine} {name} were unknown, "
            "although it had returned that handle"
        )
        conversation.runner.frame = transaction.answered
        report(
            conversation,
            rule,
            "3.1.4.2",
            summary,
            level=Level.SUSPICIOUS,
            machine=machine,
            instance=name,
            event=f"{transaction.route.name} refused",
            request_frame=transaction.frame,
        )

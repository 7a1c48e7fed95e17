"""Requests: the steps that a request takes when it is sent, and the rules that it may break."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fsm.engine.levels import Fault, Level
from fsm.judge import replies
from fsm.judge.calls import meet_call
from fsm.judge.lines import adopt_line
from fsm.judge.proxies import register_handler
from fsm.judge.routes import DETACH_ROUTE, ROUTES, UNKNOWN_ROUTE
from fsm.judge.violations import suspect, suspect_call, suspect_packet, suspect_stray
from fsm.state.instances import UNRELEASED, Application, Binding, Call, Dialog, Line, Phone, Transaction, Version
from fsm.tables import request
from fsm.tables.binding import STRAYS
from fsm.tables.bits import ANSWERED, IN_FLIGHT
from fsm.tables.dialog import DIALOG_FREED, DIALOG_USED
from fsm.tables.handle import USED
from fsm.tables.phone import USED_AS_OWNER
from fsm.tables.request import RequestState
from fsm.tables.version import VERSION_USED
from protocol.fields import HandleType
from protocol.packet import FIXED, Unknown
from protocol.problem import ALL_VERSIONS
from protocol.raw import Raw, raw_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fsm.conversation import Conversation
    from fsm.judge.routes import CallUse, Route
    from fsm.rules.handles import HandleUse
    from fsm.state.memory import Memory
    from fsm.state.registry import Registry
    from protocol.packet import Request
    from protocol.problem import Problem

__all__ = ["find_owner", "send", "send_stray", "suspect_damage"]

_BINDING_CELLS: Final = Binding.machine.cells
_ROUTES: Final = ROUTES
_UNKNOWN: Final = UNKNOWN_ROUTE
_NO_REQUEST: Final = Unknown
#: Initialize requests, and requests that end a handle, that await a response: more than any client sends.
_LIMIT: Final = 1024
_IN_FLIGHT: Final = IN_FLIGHT.bit
_ANSWERED: Final = IN_FLIGHT.bit | ANSWERED.bit
_EARLY: Final = 1 << int(RequestState.EARLY)


def send(conversation: Conversation, packet: Request | Raw) -> Transaction:
    """Take a request that goes to the server; its violations wait for the outcome."""
    raw = packet if isinstance(packet, Raw) else raw_of(packet)
    runner, registry = conversation.runner, conversation.registry
    if runner.role is not None:
        _rehearse(conversation, raw.packet())
    words = raw.words
    route = _UNKNOWN if raw.kind is _NO_REQUEST else _ROUTES.get(words[0], _UNKNOWN)
    conversation.request_counts[route.name] += 1
    transaction = Transaction(route, words, runner.frame, runner.now)
    runner.advance(transaction, route.first)
    _suspect_binding(conversation, transaction, route)
    if route.plain:
        use = route.calls[0]
        call = registry.calls.get(words[use.word])
        if call is None:
            named = _name_call(conversation, transaction, use, words)
            transaction.calls = (named,)
            transaction.line = named[0].line
        else:
            move = runner.advance(call, use.cell)
            if move.rule:
                suspect_call(conversation, transaction, call, use, move)
            transaction.calls = ((call, use, call.path),)
            transaction.line = call.line
    else:
        _name_handles(conversation, transaction, route, words)
    if route.conditions:
        _try_conditions(conversation, transaction, raw.packet())
        if route.opens:
            register_handler(conversation, transaction, raw.packet())
    if raw.capacity < FIXED or raw.size < FIXED:
        _inspect(conversation, transaction, raw.packet())
    else:
        for precheck in route.layout.prechecks:
            if precheck.may_fail(raw):
                _inspect(conversation, transaction, raw.packet())
                break
    if route.asynchronous:
        number = words[route.request_id]
        if not number:
            registry.unnumbered[transaction] = None
        else:
            if number in registry.pending or number in registry.unanswered:
                _reuse_id(conversation, transaction, number)
            registry.unanswered.add(number, transaction)
            replies.claim(conversation, number)
    elif route.releases:
        _note_release(registry, transaction)
    return transaction


def send_stray(conversation: Conversation, packet: Request | Raw | None, how: str) -> Transaction:
    """Take a call under an invalid context handle: a request, or ClientDetach.

    That one violation explains all others of the call.
    """
    runner, registry = conversation.runner, conversation.registry
    move = _BINDING_CELLS[STRAYS][registry.binding.mask]
    if runner.role is not None:
        runner.refuse(registry.binding, STRAYS, move)
    if packet is None:
        transaction = Transaction(DETACH_ROUTE, (0,) * 15, runner.frame, runner.now)
        runner.advance(transaction, DETACH_ROUTE.first)
    else:
        transaction = send(conversation, packet)
        for call, _, _ in transaction.calls:
            waiting = conversation.suspects.get(call)
            if waiting is not None and transaction in waiting:
                waiting.remove(transaction)
    transaction.suspected = None
    suspect_stray(transaction, registry.binding, move, conversation.session, how)
    return transaction


def _reuse_id(conversation: Conversation, transaction: Transaction, number: int) -> None:
    """Take the id of an earlier request that is in use, as far as was seen."""
    registry = conversation.registry
    earlier = registry.pending.get(number)
    if earlier is not None and not replies.still_pending(registry, earlier):
        # Its reply was missed.
        registry.pending.remove(number, earlier)
        earlier = None
    if earlier is None and registry.sees_responses and registry.sees_events:
        earlier = registry.unanswered.get(number)
    if earlier is not None and earlier.mask != _EARLY and earlier.time > registry.gap_at:
        conversation.runner.step(transaction, request.REUSES, what=transaction.route.name)


def _note_release(registry: Registry, transaction: Transaction) -> None:
    """Note that the handle of a request may be given out again before the response is seen."""
    if len(registry.ending) >= _LIMIT:
        return
    if transaction.calls:
        registry.ending[transaction] = transaction.calls[0][0]
    elif transaction.line is not None:
        registry.ending[transaction] = transaction.line
    else:
        use = transaction.route.handles[0]
        registry.ending[transaction] = registry.applications.get(transaction.words[use.word])


def _suspect_binding(conversation: Conversation, transaction: Transaction, route: Route) -> None:
    if route.binding not in conversation.links.fitting:
        binding = conversation.registry.binding
        move = _BINDING_CELLS[route.binding][binding.mask]
        if move.rule:
            suspect(transaction, binding, route.binding, move, "", conversation.session)


def _rehearse(conversation: Conversation, packet: Request) -> None:
    """Raise, in strict use, if a request would break a rule; nothing changes."""
    runner, registry = conversation.runner, conversation.registry
    route = _ROUTES.get(packet.words[0], _UNKNOWN)
    words = packet.words
    transaction = Transaction(route, words, runner.frame, runner.now)
    observers, runner.observers = runner.observers, []
    role, runner.role = runner.role, None
    suspects, conversation.suspects = conversation.suspects, {}
    opening = registry.opening.get(words[route.opens]) if route.opens else None
    try:
        _suspect_binding(conversation, transaction, route)
        _name_handles(conversation, transaction, route, words)
        _try_conditions(conversation, transaction, packet)
        _inspect(conversation, transaction, packet)
    finally:
        runner.observers, runner.role, conversation.suspects = observers, role, suspects
        if route.opens:
            registry.opening.pop(words[route.opens], None)
            if opening is not None:
                registry.opening[words[route.opens]] = opening
    local = role is Fault.CLIENT
    for violation in transaction.suspected or ():
        if local or (violation.level is not Level.SUSPICIOUS and not violation.accepted_only):
            raise violation.error(transaction, local=local)
    if route.asynchronous and words[route.request_id] in registry.pending:
        transaction.machine.advance(transaction, route.first.event)
        runner.refuse(transaction, request.REUSES, transaction.machine.may(transaction, request.REUSES))


# -- rules of the packet ----------------------------------------------------------------------------------------------


def _try_conditions(conversation: Conversation, transaction: Transaction, packet: Request) -> None:
    """Suspect rules that depend on earlier packets."""
    if conversation.registry.partial:
        return
    for condition in transaction.route.conditions:
        detail = condition.wrong(conversation.registry, packet)
        if detail:
            reason = f"in which {condition.field}: {detail}" if condition.field else f"although {detail}"
            suspect_packet(transaction, condition.rule, transaction.route.section, reason)


def _inspect(conversation: Conversation, transaction: Transaction, packet: Request) -> None:
    """Suspect rules that the packet alone breaks."""
    seen = set()
    for problem in packet.problems():
        if problem.rule and problem.rule not in seen and _binds(conversation, transaction, problem.versions):
            seen.add(problem.rule)
            suspect_packet(transaction, problem.rule, problem.section, f"in which {problem.field}: {problem.detail}")


def _binds(conversation: Conversation, transaction: Transaction, versions: tuple[int, int]) -> bool:
    """Whether a rule for some TAPI versions binds; as long as none is negotiated, only those for all do."""
    if versions == ALL_VERSIONS:
        return True
    agreed = getattr(transaction.line, "version", 0) or conversation.links.version
    return bool(agreed) and versions[0] <= agreed <= versions[1]


def suspect_damage(transaction: Transaction, problems: Iterable[Problem]) -> None:
    """Suspect a request whose stub contradicts itself; a server has to refuse it (3.1.4, C706 14)."""
    for problem in problems:
        reason = f"whose stub is damaged: {problem.field}: {problem.detail}"
        suspect_packet(transaction, "TRP-3.1.4-01", "3.1.4", reason)


# -- the handles of a request -----------------------------------------------------------------------------------------


def _name_handles(conversation: Conversation, transaction: Transaction, route: Route, words: tuple[int, ...]) -> None:
    """Take the steps of a request that names several handles, or none."""
    for use in route.handles:
        _name_handle(conversation, transaction, use, words)
    if route.initializes and len(conversation.registry.initializing) < _LIMIT:
        conversation.registry.initializing[transaction] = words[route.initializes]
    if route.opens:
        conversation.registry.opening[words[route.opens]] = transaction
    if route.versioned is not None:
        _use_version(conversation, transaction, words[route.versioned[0]], words[route.versioned[1]])
    named = (_name_call(conversation, transaction, call, words) for call in route.calls if call.counts(words))
    transaction.calls = tuple(named)
    if transaction.line is None and transaction.calls:
        transaction.line = transaction.calls[0][0].line


def _name_handle(conversation: Conversation, transaction: Transaction, use: HandleUse, words: tuple[int, ...]) -> None:
    """Suspect a request that names an application, line, phone or dialog that is not open."""
    if not use.counts(words):
        return
    found = find_owner(conversation, use.type, words[use.word])
    if found is None:
        return
    if isinstance(found, Dialog):
        event = DIALOG_FREED if transaction.route.name == "FreeDialogInstance" else DIALOG_USED
        move = found.machine.may(found, event)
        if move.rule:
            suspect(transaction, found, event, move, use.rule, found.name)
        return
    if not isinstance(found, Application):
        transaction.line = found
    packet = transaction.route.packet
    if isinstance(found, Phone) and packet.required_privilege == "owner":
        move = found.machine.may(found, USED_AS_OWNER)
        if move.rule:
            suspect(transaction, found, USED_AS_OWNER, move, packet.layout.privilege_rule, found.name)
    flags = _late(conversation.registry, found.ended, found.released)
    move = found.machine.may(found, USED, flags)
    if move.rule:
        suspect(transaction, found, USED, move, use.rule, found.name)


def _use_version(conversation: Conversation, transaction: Transaction, app: int, number: int) -> None:
    """Suspect a request that uses a version which was not negotiated for the device (3.3 of the call model)."""
    known = conversation.registry.applications.get(app)
    if known is not None and not conversation.registry.partial:
        version = known.versions.get(number) or Version(number)
        move = version.machine.may(version, VERSION_USED)
        if move.rule:
            suspect(transaction, version, VERSION_USED, move, "", version.name)


def find_owner(conversation: Conversation, type_: HandleType, handle: int) -> Any:
    """Return the instance of a handle: open, ended or absent; None if nothing can be concluded."""
    registry = conversation.registry
    if type_ is HandleType.HLINE:
        return (registry.lines.get(handle) or _ended(registry, registry.ended_lines, handle)) or (
            adopt_line(conversation, handle) if registry.partial else Line(handle, 1, None)
        )
    if type_ is HandleType.HPHONE:
        return (registry.phones.get(handle) or _ended(registry, registry.ended_phones, handle)) or (
            None if registry.partial else Phone(handle, 1, None)
        )
    if type_ is HandleType.DIALOGINSTANCE:
        unseen = registry.partial or conversation.dialog_requested
        return registry.dialogs.get(handle) or (None if unseen else Dialog(handle))
    if type_ in (HandleType.HLINEAPP, HandleType.HPHONEAPP):
        return (registry.applications.get(handle) or _ended(registry, registry.ended_applications, handle)) or (
            None if registry.partial else Application(handle, 1, "line", None)
        )
    return None


def _ended(registry: Registry, memory: Memory[int, Any], handle: int) -> Any:
    found = memory.get(handle)
    return None if found is None or registry.may_be_in_use(found.ended) else found


def _name_call(conversation: Conversation, transaction: Transaction, use: CallUse, words: tuple[int, ...]) -> Any:
    """Take the step of a call that a request names; returns the call, its use and its path so far."""
    runner, registry = conversation.runner, conversation.registry
    handle = words[use.word]
    call = registry.calls.get(handle)
    flags = 0
    if call is None:
        call = registry.ended_calls.get(handle)
        if call is not None and registry.sees_events and not registry.may_be_in_use(call.last):
            flags = _late(registry, call.last, UNRELEASED if _may_return(registry) else call.released)
        elif registry.partial:
            call = meet_call(conversation, handle, 0)
        else:
            call = Call(handle, 1, None, registry.paths.root)
    move = runner.advance(call, use.cell, flags)
    if move.rule:
        suspect_call(conversation, transaction, call, use, move)
    return (call, use, call.path)


def _late(registry: Registry, ended: float, released: object) -> int:
    """Return the bits of a request on a handle that has ended: whether the client, or only the server, may not know."""
    if not registry.in_flight(ended):
        return 0
    return _ANSWERED if released is registry.carrier else _IN_FLIGHT


def _may_return(registry: Registry) -> bool:
    """Whether the handle of a call may be in use again unseen: its event may be missing, or still to come."""
    waiting = (*registry.pending.values(), *registry.unanswered.values(), *registry.unnumbered)
    return registry.partial or any(transaction.route.creates for transaction in waiting)

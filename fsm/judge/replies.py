"""Replies: LINE_REPLY and PHONE_REPLY, the requests that they complete, and the effects of success."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fsm.judge.conferences import set_up
from fsm.judge.lines import check_context
from fsm.judge.proxies import expect_passing, serve
from fsm.judge.routes import UNKNOWN_ROUTE
from fsm.judge.violations import decide
from fsm.state.instances import Call, Line, Transaction
from fsm.tables import request
from fsm.tables.bits import IN_FLIGHT, REACHED
from fsm.tables.call_requests import EFFECTS, REPLIED
from fsm.tables.call_states import CallState
from fsm.tables.request import RequestState
from protocol.raw import Raw

if TYPE_CHECKING:
    from fsm.conversation import Conversation
    from fsm.engine.row import Event
    from fsm.judge.routes import Creation
    from fsm.state.registry import Registry

__all__ = ["Replies", "accept", "claim", "reply", "report_stray", "still_pending", "succeed"]

_CELLS: Final = Transaction.machine.cells
_OK: Final = _CELLS[request.REPLIES_OK]
_ERROR: Final = _CELLS[request.REPLIES_ERROR]
_PENDING: Final = 1 << int(RequestState.PENDING)
_ZERO: Final = 1 << int(RequestState.ZERO)
_REPLIED: Final = {1 << int(RequestState.EARLY), 1 << int(RequestState.DONE), 1 << int(RequestState.FAILED)}
_REACHED: Final = REACHED.bit
_IDLE: Final = int(CallState.IDLE)
_UNKNOWN: Final = int(CallState.UNKNOWN)
_STATES: Final = tuple(CallState)
#: By success: its moves in the call machine, and the states that it leads to.
_EFFECTS: Final = {event: (Call.machine.cells[event], frozenset(EFFECTS[key].expect)) for key, event in REPLIED.items()}
#: Requests that create a call and may succeed without a handle.
_WITHOUT_HANDLE: Final = {"Forward"}
#: Replies of one conversation that are kept.
_LIMIT: Final = 1024


class Replies:
    """Replies that arrived before the response that names their request, or without a request.

    ``early`` are replies by request id, seen while a request that chose no id awaits its response. ``stray`` are
    replies to ids that no request had, each with its event, frame and time, until the next response.
    """

    def __init__(self) -> None:
        self.early: dict[int, Any] = {}
        self.stray: list[tuple[Any, Event, int, float]] = []


def reply(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_REPLY or PHONE_REPLY."""
    runner, registry = conversation.runner, conversation.registry
    number, result = words[6], words[7]
    if words[1] != registry.trusted_context:
        check_context(conversation, words)
    transaction = registry.pending.get(number) or registry.unanswered.get(number)
    if registry.pending.later or registry.unanswered.later:
        transaction = _match(registry, words, number) or transaction
    cell = _ERROR if result else _OK
    if transaction is None:
        _take_unexpected(conversation, words, number, cell.event)
        return
    if transaction.time > registry.sent_after and registry.sequenced and registry.carrier is None:
        registry.sent_after = transaction.time
    before = transaction.mask
    move = runner.advance(transaction, cell)
    if move.rule:
        where = f"{transaction.route.name} (request id {number:#x})"
        runner.report(transaction, cell.event, before, move, where=where, what="a reply")
        return
    transaction.ok = not result
    if before == _PENDING:
        _finish(conversation, transaction, number)
        if transaction.suspected:
            decide(conversation, transaction, accepted=not result)
    elif before == _ZERO:
        _finish(conversation, transaction, number)
        return
    if not result:
        succeed(conversation, transaction, words)


def _match(registry: Registry, words: tuple[int, ...], number: int) -> Transaction | None:
    """Return the request that a reply completes: the oldest one whose contexts and handle it returns."""
    for transaction in (*registry.pending.all(number), *registry.unanswered.all(number)):
        route, given = transaction.route, transaction.words
        if transaction.mask in _REPLIED:
            continue
        if all(word >= len(words) or words[word] == given[source] for word, source in route.echoes) and (
            words[7] or not route.creates or any(words[each.word] for each in route.creates if each.word < len(words))
        ):
            return transaction
    return None


def still_pending(registry: Registry, transaction: Transaction) -> bool:
    """Whether a request awaits its reply, and not only because the reply was missed."""
    return transaction.time > registry.gap_at and registry.sees_events


def _finish(conversation: Conversation, transaction: Transaction, number: int) -> None:
    registry = conversation.registry
    registry.pending.remove(number, transaction)
    if transaction.line is not None:
        transaction.line.pending.discard(transaction)
    registry.recent.put(number, transaction)


def accept(conversation: Conversation, transaction: Transaction, number: int) -> None:
    """Register an accepted request under its id until its reply arrives."""
    registry = conversation.registry
    transaction.number = number
    earlier = registry.pending.get(number)
    if earlier is not None and not still_pending(registry, earlier):
        registry.pending.remove(number, earlier)
    registry.pending.add(number, transaction)
    if transaction.line is not None:
        if transaction.time > registry.gap_at:
            # Of an earlier one the reply may be among the missing packets.
            transaction.line.pending.add(transaction)
        if transaction.route.proxy:
            serve(conversation, transaction)
    if conversation.replies.early:
        early = conversation.replies.early.pop(number, None)
        if early is not None:
            conversation.current = early
            reply(conversation, early.words)


def _take_unexpected(conversation: Conversation, words: tuple[int, ...], number: int, event: Event) -> None:
    """Take a reply that no request awaits: early, repeated, late, or invented."""
    runner, registry, replies = conversation.runner, conversation.registry, conversation.replies
    where = f"request id {number:#x}"
    finished = registry.recent.get(number)
    if registry.unnumbered and len(replies.early) < _LIMIT:
        replies.early[number] = _keep(conversation)
    elif finished is not None:
        recent = finished.line is not None and registry.in_flight(finished.line.ended)
        where = f"{finished.route.name} ({where})"
        runner.step(finished, event, IN_FLIGHT.bit if recent else 0, where=where, what="a reply")
    elif not registry.partial and runner.role is None and len(replies.stray) < _LIMIT:
        replies.stray.append((_keep(conversation), event, runner.frame, runner.now))
    elif not registry.partial:
        _report_unknown(conversation, words, event)


def _report_unknown(conversation: Conversation, words: tuple[int, ...], event: Event) -> None:
    """Report a reply to an id that no request has."""
    runner = conversation.runner
    unknown = Transaction(UNKNOWN_ROUTE, words, runner.frame, runner.now)
    runner.step(unknown, event, where=f"request id {words[6]:#x}", what="a reply")


def _keep(conversation: Conversation) -> Any:
    """Return the event at hand in a form that can be kept."""
    event = conversation.current
    if isinstance(event, Raw):
        event.trim()
    return event


def report_stray(conversation: Conversation) -> None:
    """Report replies to ids that no request had: no packet shows that the request was missed."""
    runner = conversation.runner
    stray, conversation.replies.stray = conversation.replies.stray, []
    moment = runner.frame, runner.now
    for early, event, frame, time in stray:
        runner.frame, runner.now = frame, time
        _report_unknown(conversation, early.words, event)
    runner.frame, runner.now = moment


def claim(conversation: Conversation, number: int) -> None:
    """Take a stray reply to a request id that is in use now: it was recorded first, on the other connection."""
    replies, registry = conversation.replies, conversation.registry
    for stray in replies.stray:
        event, _, _, time = stray
        if event.words[6] == number and registry.now - time <= registry.grace:
            replies.stray.remove(stray)
            conversation.current = event
            reply(conversation, event.words)
            return


# -- effects ----------------------------------------------------------------------------------------------------------


def succeed(conversation: Conversation, transaction: Transaction, words: tuple[int, ...]) -> None:
    """Take a success: its effects on the calls that the request named, and the calls that its completion returns."""
    route = transaction.route
    if route.proxy and conversation.registry.facts.own:
        expect_passing(conversation, transaction)
    if route.succeeded is not None:
        route.succeeded(conversation, transaction, words)
    variant = ""
    if route.variant is not None:
        variant = route.variant.values.get(transaction.words[route.variant.word], "")
    replied = route.replied
    for place, (call, _, mark) in enumerate(transaction.calls):
        event = replied[place].get(variant)
        if event is not None:
            _affect(conversation, call, event, mark)
    if words and route.echoes:
        _check_echoes(conversation, transaction, words)
    for creation in route.creates:
        _create(conversation, transaction, creation, words)


def _affect(conversation: Conversation, call: Call, event: Event, mark: Any) -> None:
    """Take the effect of a success on a call; its path tells which states were reported since the request."""
    cell, expected = _EFFECTS[event]
    path = call.path
    reached = path is not mark and any(state in expected for state in path.since(mark))
    move = conversation.runner.advance(call, cell, _REACHED if reached else 0)
    expect = move.expect
    if not expect:
        return
    paths = conversation.registry.paths
    source = move.source
    if source is not None and path.state is not source and _IDLE <= source < _UNKNOWN:
        path = paths.extend(path, _STATES[source])
    if not expect & (expect - 1):
        path = paths.extend(path, _STATES[expect.bit_length() - 1])
        call.inferred = True
    call.path = path


def _check_echoes(conversation: Conversation, transaction: Transaction, words: tuple[int, ...]) -> None:
    """Check that contexts are returned as they were given (V14)."""
    route = transaction.route
    given = transaction.words
    for word, source in route.echoes:
        if word < len(words) and words[word] != given[source]:
            if word > 2 and route.creates and not words[route.creates[0].word]:
                continue  # Without a handle its context has no meaning.
            conversation.runner.step(transaction, request.NO_ECHO, what=route.name)
            return


def _create(conversation: Conversation, transaction: Transaction, creation: Creation, words: tuple[int, ...]) -> None:
    """Register the call whose handle a completion returns."""
    if creation.condition is not None and transaction.words[creation.condition[0]] != creation.condition[1]:
        return
    runner, registry = conversation.runner, conversation.registry
    handle = words[creation.word] if creation.word < len(words) else 0
    route = transaction.route
    if not handle:
        if route.name not in _WITHOUT_HANDLE and words:
            runner.step(transaction, request.NO_ECHO, what=route.name)
        return
    call = registry.calls.get(handle)
    if call is not None and registry.may_have_ended(call) and call.machine.may(call, creation.event).rule:
        call.retire(registry)
        call = None
    if call is None:
        call = registry.add_call(handle, transaction.line if isinstance(transaction.line, Line) else None)
    call.brought = route.key
    runner.step(call, creation.event)
    if creation.conference:
        call.kin = ("conference", 0)
        set_up(conversation, handle, merged=route.name == "CompleteTransfer")
    elif transaction.calls:
        call.kin = ("consultation", transaction.calls[0][0].handle)

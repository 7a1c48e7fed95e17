"""Transactions: the outcome of a request, by its response or an RPC fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fsm.judge import replies
from fsm.judge.proxies import accept_handler
from fsm.judge.refusals import INVALRPCCONTEXT, deny
from fsm.judge.replies import accept, report_stray, succeed
from fsm.judge.violations import decide
from fsm.state.instances import Transaction
from fsm.tables import request
from fsm.tables.request import RequestState
from protocol.raw import Raw, raw_of

if TYPE_CHECKING:
    from fsm.conversation import Conversation
    from fsm.engine.row import Event
    from fsm.state.registry import Registry
    from protocol.packet import Request

__all__ = ["TIMEOUT", "complete", "fail", "respond"]

#: Seconds for which a client waits for a response (3.2.2); a server that has not detached by then will not.
TIMEOUT: Final = 5.0
_ACK_SIZE: Final = 4
_CELLS: Final = Transaction.machine.cells
_PENDING: Final = 1 << int(RequestState.PENDING)
_ANSWERED: Final = 1 << int(RequestState.ANSWERED)
_DONE: Final = 1 << int(RequestState.DONE)
_REFUSED: Final = 1 << int(RequestState.REFUSED)
_ZERO: Final = 1 << int(RequestState.ZERO)


def respond(conversation: Conversation, transaction: Transaction, packet: Request | Raw) -> None:
    """Take the response to a request."""
    runner, registry = conversation.runner, conversation.registry
    transaction.answered = runner.frame
    registry.responses_seen = True
    if registry.ending:
        registry.ending.pop(transaction, None)
    if conversation.replies.stray:
        report_stray(conversation)
    taken = runner.now - transaction.time
    if taken > TIMEOUT:
        runner.step(transaction, request.LATE, what=f"{taken:.1f} s")
    raw = packet if isinstance(packet, Raw) else raw_of(packet)
    if raw.size < _ACK_SIZE:
        # It holds no Ack_ReturnValue: as little is known of the outcome as after a fault.
        fail(conversation, transaction)
        return
    ack = raw.first_dword()
    route = transaction.route
    number = transaction.words[route.request_id] if route.asynchronous else 0
    event = request.ANSWERS_ID if ack and ack == number else _classify(registry, number, ack)
    before = transaction.mask
    move = runner.advance(transaction, _CELLS[event], route.zero)
    mask = transaction.mask
    if route.asynchronous:
        _forget(registry, transaction, number)
    if move.rule:
        runner.report(transaction, event, before, move, what=route.name)
    if mask == _ANSWERED:
        if transaction.suspected:
            decide(conversation, transaction, accepted=True)
        if route.accepted is not None:
            route.accepted(conversation, transaction, raw)
    elif mask == _PENDING:
        accept(conversation, transaction, ack)
    elif mask == _REFUSED:
        deny(conversation, transaction, ack)
        decide(conversation, transaction, accepted=False)
        if route.refused is not None:
            route.refused(conversation, transaction, raw)
        if route.opens:
            registry.opening.pop(transaction.words[route.opens], None)
            accept_handler(conversation, transaction, accepted=False)
        if route.asynchronous and number:
            registry.recent.put(number, transaction)
    elif mask == _ZERO:
        decide(conversation, transaction, accepted=True)
        succeed(conversation, transaction, ())
        if number:
            accept(conversation, transaction, number)
    elif mask == _DONE:
        decide(conversation, transaction, accepted=transaction.ok)
        registry.recent.put(ack, transaction)


def _classify(registry: Registry, chosen: int, ack: int) -> Event:
    """Return the event of a response, given the id that the client chose (0: none)."""
    if ack == 0:
        return request.ANSWERS_ZERO
    if ack & 0x80000000:
        return request.ANSWERS_ERROR
    if ack == INVALRPCCONTEXT and chosen != INVALRPCCONTEXT:
        return request.ANSWERS_CONTEXT
    if chosen and ack != chosen:
        return request.ANSWERS_OTHER_ID
    if not chosen:
        earlier = registry.pending.get(ack)
        if earlier is not None and replies.still_pending(registry, earlier):
            return request.ANSWERS_USED_ID
    return request.ANSWERS_ID


def _forget(registry: Registry, transaction: Transaction, number: int) -> None:
    """Remove an asynchronous request from those awaiting a response."""
    if not number:
        registry.unnumbered.pop(transaction, None)
    else:
        registry.unanswered.remove(number, transaction)


def complete(conversation: Conversation, transaction: Transaction) -> None:
    """Take the response of a call that returns no value."""
    conversation.runner.step(transaction, request.ANSWERS_ZERO)
    transaction.answered = conversation.runner.frame
    decide(conversation, transaction, accepted=True)


def fail(conversation: Conversation, transaction: Transaction) -> None:
    """Take an RPC fault instead of a response."""
    runner = conversation.runner
    if transaction.route.asynchronous:
        _forget(conversation.registry, transaction, transaction.words[transaction.route.request_id])
    transaction.answered = runner.frame
    runner.step(transaction, request.UNANSWERED)
    decide(conversation, transaction, accepted=False)

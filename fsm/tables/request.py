"""The request: from sending to its response and, if asynchronous, its LINE_REPLY or PHONE_REPLY."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Guard, Kind, Ref, Row, ref, when
from fsm.engine.table import Table
from fsm.tables.bits import DROPPING, IN_FLIGHT

__all__ = [
    "ANSWERS_CONTEXT",
    "ANSWERS_ERROR",
    "ANSWERS_ID",
    "ANSWERS_OTHER_ID",
    "ANSWERS_USED_ID",
    "ANSWERS_ZERO",
    "ASK",
    "CANCEL",
    "ENDS",
    "FORCED_CANCEL",
    "LATE",
    "NO_ECHO",
    "REPLIES_ERROR",
    "REPLIES_OK",
    "REQUEST",
    "REUSES",
    "SEND",
    "UNANSWERED",
    "RequestState",
]


class RequestState(IntEnum):
    """States of a request."""

    UNSENT = 0
    ASKED = 1
    ANSWERED = 2
    SENT = 3
    EARLY = 4
    PENDING = 5
    ZERO = 6
    DONE = 7
    FAILED = 8
    REFUSED = 9
    CANCELLED = 10


S = RequestState


ASK = Event("asks", Kind.REQUEST, "a synchronous request is sent")
SEND = Event("sends", Kind.REQUEST, "an asynchronous request is sent")
ANSWERS_ZERO = Event("answers 0", Kind.ANSWER, "Ack_ReturnValue is 0")
ANSWERS_ID = Event(
    "answers id", Kind.ANSWER, "Ack_ReturnValue is the request id of the client, or an unused one of the server"
)
ANSWERS_OTHER_ID = Event("answers another id", Kind.ANSWER, "Ack_ReturnValue is not the id that the client selected")
ANSWERS_USED_ID = Event(
    "answers a used id", Kind.ANSWER, "Ack_ReturnValue is the id of a request that is still pending"
)
ANSWERS_ERROR = Event("answers error", Kind.ANSWER, "Ack_ReturnValue is negative")
ANSWERS_CONTEXT = Event(
    "answers INVALRPCCONTEXT", Kind.ANSWER, "Ack_ReturnValue is 0xF101, an error although it is positive"
)
UNANSWERED = Event("fault", Kind.ANSWER, "the call ended with an RPC fault, or its response has no Ack_ReturnValue")
REPLIES_OK = Event("reply 0", Kind.REPLY, "LINE_REPLY or PHONE_REPLY with result 0")
REPLIES_ERROR = Event("reply error", Kind.REPLY, "LINE_REPLY or PHONE_REPLY with a negative result")
CANCEL = Event("cancelled", Kind.JOINT, "the object of the request was closed, shut down, detached or lost")
FORCED_CANCEL = Event("cancelled by force", Kind.JOINT, "the server closed the object of the request")
ENDS = Event("end of the conversation", Kind.JOINT, "no further packets")
REUSES = Event("reuses an id", Kind.REQUEST, "the client selected the id of a request that is still pending")
LATE = Event("answer after 5 s", Kind.ANSWER, "the response took longer than the client's timeout")
NO_ECHO = Event("completion without echo", Kind.REPLY, "a context is not repeated, or the handle is missing")

_MUST, _STATED, _TYPICAL, _ODD = Level.MUST, Level.STATED, Level.TYPICAL, Level.SUSPICIOUS
_ID = ref("2.2.4.1.3.1", "dwRequestID")
_SYNC = ref("2.2.5.2", "synchronous requests return 0 or a negative value; TAPI page 'Synchronous/Asynchronous Model'")
_ASYNC = ref("2.2.4.1.3.1", "TAPI page 'Asynchronous Functions'")
_ONCE = ref("2.2.4.2.1.25", "exactly one LINE_REPLY for each request id; ASYNC_COMPLETION")
_EARLY = ref("3.3.4.2", "the completion uses another connection than the response")
_REFUSED = ref("2.2.4.1.3.1", "there is no LINE_REPLY after a negative return value")
_CLOSED = ref("2.2.4.1.2.1", "Close suppresses pending completions; lineClose, lineShutdown")
_UNLIMITED = ref("2.2.4.2.1.25", "no time limit")
_CONTEXT = ref("2.2.5.2", "TAPIERR_INVALRPCCONTEXT (Q15)")
_FAULT = ref("3.1.4.2", "an RPC fault instead of Ack_ReturnValue")


def _row(
    source: S, event: Event, target: S, level: Level, where: Ref, *guards: Guard, rule: str = "", note: str = ""
) -> Row:
    return Row(source, event, target, level, where, guards, rule=rule, note=note)


def _rows() -> list[Row]:
    rows = [
        _row(S.UNSENT, ASK, S.ASKED, _STATED, ref("3.1.4.2")),
        _row(S.UNSENT, SEND, S.SENT, _STATED, ref("3.1.4.2")),
        _row(S.SENT, REUSES, S.SENT, _ODD, ref("2.2.4.1.3.1", "DRV_REQUESTID"), rule="CALL-ORDER-O06"),
        _row(S.ASKED, ANSWERS_ZERO, S.ANSWERED, _STATED, _SYNC),
        _row(S.ASKED, ANSWERS_ERROR, S.REFUSED, _STATED, _SYNC),
        _row(S.ASKED, ANSWERS_CONTEXT, S.REFUSED, _STATED, _CONTEXT),
        *(_row(S.ASKED, event, S.ANSWERED, _MUST, _SYNC, rule="CALL-V10") for event in (ANSWERS_ID, ANSWERS_USED_ID)),
        _row(S.SENT, ANSWERS_ID, S.PENDING, _MUST, _ID),
        _row(S.SENT, ANSWERS_OTHER_ID, S.PENDING, _MUST, _ID, rule="CALL-V09"),
        _row(S.SENT, ANSWERS_USED_ID, S.PENDING, _MUST, ref("2.2.4.1.3.1", "DRV_REQUESTID"), rule="CALL-ORDER-O06"),
        _row(S.SENT, REPLIES_OK, S.EARLY, _TYPICAL, _EARLY),
        _row(S.SENT, REPLIES_ERROR, S.EARLY, _TYPICAL, _EARLY),
        _row(S.EARLY, ANSWERS_ID, S.DONE, _TYPICAL, _EARLY),
        _row(S.EARLY, ANSWERS_OTHER_ID, S.DONE, _MUST, _ID, rule="CALL-V09"),
        _row(S.EARLY, ANSWERS_ERROR, S.REFUSED, _MUST, _REFUSED, rule="CALL-ORDER-O01"),
        _row(S.EARLY, ANSWERS_CONTEXT, S.REFUSED, _MUST, _REFUSED, rule="CALL-ORDER-O01"),
        _row(S.PENDING, REPLIES_OK, S.DONE, _MUST, _ONCE),
        _row(S.PENDING, REPLIES_ERROR, S.FAILED, _MUST, _ONCE),
        _row(S.ZERO, REPLIES_OK, S.DONE, _TYPICAL, _ONCE, note="the response was already reported"),
        _row(S.ZERO, REPLIES_ERROR, S.FAILED, _TYPICAL, _ONCE, note="the response was already reported"),
    ]
    for state in (S.SENT, S.EARLY):
        target = S.ZERO if state is S.SENT else S.DONE
        if state is S.SENT:
            rows.append(_row(state, ANSWERS_ERROR, S.REFUSED, _STATED, _ASYNC))
            rows.append(_row(state, ANSWERS_CONTEXT, S.REFUSED, _STATED, _CONTEXT))
        rows.append(_row(state, ANSWERS_ZERO, target, _ODD, _ASYNC, when(DROPPING), rule="CALL-V10"))
        rows.append(_row(state, ANSWERS_ZERO, target, _MUST, _ASYNC, rule="CALL-V10"))
    rows.append(_row(S.ZERO, ENDS, S.ZERO, _TYPICAL, _UNLIMITED, note="the response was already reported"))
    for state in (S.ASKED, S.SENT, S.EARLY):
        rows.append(_row(state, UNANSWERED, S.REFUSED, _STATED, _FAULT))
    for event in (REPLIES_OK, REPLIES_ERROR):
        for state in (S.UNSENT, S.EARLY, S.DONE, S.FAILED):
            rows.append(_row(state, event, state, _MUST, _ONCE, rule="CALL-V08"))
        rows.append(_row(S.REFUSED, event, S.REFUSED, _MUST, _REFUSED, rule="CALL-ORDER-O01"))
        rows.append(_row(S.CANCELLED, event, S.CANCELLED, _TYPICAL, _CLOSED, when(IN_FLIGHT)))
        rows.append(_row(S.CANCELLED, event, S.DONE, _ODD, _CLOSED, rule="CALL-V12"))
    for state in S:
        pending = state in (S.PENDING, S.ZERO)
        if state is not S.UNSENT:
            note = "" if pending else "its response is pending, or it has ended"
            target = S.CANCELLED if pending else state
            rows.append(_row(state, CANCEL, target, _STATED, _CLOSED, note=note))
            if state is S.PENDING:
                unanswered = ref("2.2.4.2.1.9", "TSPI page 'LINE_CLOSE': pending requests are completed first (Q13)")
                rows.append(_row(state, FORCED_CANCEL, target, _ODD, unanswered, rule="CALL-ORDER-O05"))
            else:
                rows.append(_row(state, FORCED_CANCEL, target, _STATED, _CLOSED, note=note))
        if state in (S.ASKED, S.SENT, S.EARLY):
            rows.append(_row(state, LATE, state, _ODD, ref("3.2.2", "5 s"), rule="CALL-ORDER-O09"))
        if state in (S.EARLY, S.DONE):
            rows.append(_row(state, NO_ECHO, state, _MUST, ref("2.2.4.2.2", "lpContext, lph*Context"), rule="CALL-V14"))
    rows.append(_row(S.PENDING, ENDS, S.PENDING, _TYPICAL, _UNLIMITED, rule="CALL-ORDER-O08"))
    return rows


REQUEST = Table(
    name="request",
    summary="One request, synchronous or asynchronous",
    states=RequestState,
    initial=S.UNSENT,
    finals=frozenset({S.ANSWERED, S.DONE, S.FAILED, S.REFUSED, S.CANCELLED}),
    events=(
        ASK,
        SEND,
        ANSWERS_ZERO,
        ANSWERS_ID,
        ANSWERS_OTHER_ID,
        ANSWERS_USED_ID,
        ANSWERS_ERROR,
        ANSWERS_CONTEXT,
        UNANSWERED,
        REPLIES_OK,
        REPLIES_ERROR,
        CANCEL,
        FORCED_CANCEL,
        ENDS,
        LATE,
        NO_ECHO,
        REUSES,
    ),
    rows=tuple(_rows()),
    labels={S.ZERO: "answered 0", S.EARLY: "early reply"},
    sinks=frozenset({S.CANCELLED}),
)

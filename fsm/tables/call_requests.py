"""States in which requests are allowed on a call, and effects of their success.

Only the packet specifications define preconditions, mostly with lower-case "must"; a wrong state is therefore
suspicious, never forbidden (`CALL-PRE-<Request>`). Effects are the "typical" results of the documentation:
LINE_CALLSTATE reports the state itself, so a success only adds possible states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.levels import Level
from fsm.engine.row import Event, Guard, Kind, Row, ref, unless, when
from fsm.tables.bits import ANSWERED, BRIDGED, DIALLED, IN_FLIGHT, MONITORING, REACHED, REMOVED
from fsm.tables.call_states import CREATED, ENDED, LIVE, STATES, CallState
from protocol.fields import Handle, HandleType
from protocol.packet import REQUESTS

if TYPE_CHECKING:
    from fsm.engine.row import Ref
    from protocol.packet import Request

__all__ = [
    "ASKED",
    "ASKS",
    "EFFECTS",
    "PRECONDITIONS",
    "REPLIED",
    "Effect",
    "Precondition",
    "ask_rows",
    "reply_rows",
]

S = CallState


class Precondition(NamedTuple):
    """The states in which a request is allowed on a call."""

    states: tuple[CallState, ...]
    level: Level
    ref: Ref
    #: Whether the client must own the call (2.2.3.1.26).
    owner: bool = True
    note: str = ""
    #: The rule that makes any other state an error; empty if only the packet specification lists states.
    rule: str = ""


class Effect(NamedTuple):
    """Possible next states after the success of a request, by the state of the call."""

    sources: tuple[CallState, ...]
    expect: tuple[CallState, ...]
    ref: Ref
    note: str = ""
    #: Bits that the success sets in every state.
    sets: tuple[Guard, ...] = ()


def _but(*states: CallState) -> tuple[CallState, ...]:
    return tuple(state for state in STATES if state not in states)


_ANY = STATES
_HELD = (S.ONHOLD, S.ONHOLDPENDTRANSFER, S.ONHOLDPENDCONF)
_MUST, _STATED, _TYPICAL = Level.MUST, Level.STATED, Level.TYPICAL

#: (request, field of the call handle) -> precondition. Requests without a listed state are allowed in all.
PRECONDITIONS: dict[tuple[str, str], Precondition] = {
    ("Accept", "hCall"): Precondition((S.OFFERING,), _STATED, ref("2.2.4.1.3.1", "hCall")),
    ("Answer", "hCall"): Precondition((S.OFFERING, S.ACCEPTED), _STATED, ref("2.2.4.1.3.4", "hCall")),
    ("Redirect", "hCall"): Precondition((S.OFFERING,), _STATED, ref("2.2.4.1.3.51", "hCall")),
    ("Drop", "hCall"): Precondition(_but(S.IDLE), _STATED, ref("2.2.4.1.3.15", "hCall")),
    ("Dial", "hCall"): Precondition(_but(S.IDLE, S.DISCONNECTED), _STATED, ref("2.2.4.1.3.14", "hCall")),
    ("BlindTransfer", "hCall"): Precondition((S.CONNECTED,), _STATED, ref("2.2.4.1.3.5", "hCall")),
    ("Hold", "hCall"): Precondition((S.CONNECTED,), _STATED, ref("2.2.4.1.3.42", "hCall")),
    ("UnHold", "hCall"): Precondition(_HELD, _STATED, ref("2.2.4.1.3.81", "hCall")),
    ("SwapHold", "hActiveCall"): Precondition((S.CONNECTED,), _MUST, ref("2.2.4.1.3.79", "hActiveCall")),
    ("SwapHold", "hHeldCall"): Precondition(_HELD, _STATED, ref("2.2.4.1.3.79", "hHeldCall")),
    ("Park", "hCall"): Precondition((S.CONNECTED,), _STATED, ref("2.2.4.1.3.48", "hCall")),
    ("SetUpTransfer", "hCall"): Precondition((S.CONNECTED,), _STATED, ref("2.2.4.1.3.78", "hCall")),
    ("CompleteTransfer", "hCall"): Precondition((S.ONHOLD, S.ONHOLDPENDTRANSFER), _STATED, ref("2.2.4.1.3.8", "hCall")),
    ("CompleteTransfer", "hConsultCall"): Precondition(
        (S.CONNECTED, S.RINGBACK, S.BUSY, S.PROCEEDING), _MUST, ref("2.2.4.1.3.8", "hConsultCall")
    ),
    ("SetUpConference", "hCall"): Precondition((S.CONNECTED,), _STATED, ref("2.2.4.1.3.77", "hCall")),
    ("PrepareAddToConference", "hConfCall"): Precondition((S.CONNECTED,), _MUST, ref("2.2.4.1.3.50", "hConfCall")),
    ("AddToConference", "hConfCall"): Precondition(
        (S.ONHOLDPENDCONF, S.ONHOLD), _MUST, ref("2.2.4.1.3.2", "hConfCall")
    ),
    ("AddToConference", "hConsultCall"): Precondition(
        (S.CONNECTED, S.ONHOLD, S.PROCEEDING, S.RINGBACK), _STATED, ref("2.2.4.1.3.2", "hConsultCall")
    ),
    ("RemoveFromConference", "hCall"): Precondition(
        (S.CONFERENCED,), _MUST, ref("2.2.4.1.3.53", "hCall"), rule="TRP-3.1.4.2-063-02"
    ),
    ("CompleteCall", "hCall"): Precondition(
        (S.BUSY, S.RINGBACK, S.PROCEEDING),
        _STATED,
        ref("2.2.4.1.3.7", "hCall"),
        note="PROCEEDING by the TSPI page (Q28)",
    ),
    ("SendUserUserInfo", "hCall"): Precondition(
        (S.CONNECTED, S.OFFERING, S.ACCEPTED, S.RINGBACK), _STATED, ref("2.2.4.1.3.56", "hCall")
    ),
    ("SetCallParams", "hCall"): Precondition(_but(S.IDLE, S.DISCONNECTED), _STATED, ref("2.2.4.1.3.66", "hCall")),
    ("MonitorDigits", "hCall"): Precondition(
        _but(S.IDLE, S.DISCONNECTED), _STATED, ref("2.2.4.1.3.44", "hCall"), owner=False
    ),
    ("MonitorMedia", "hCall"): Precondition(_but(S.IDLE), _STATED, ref("2.2.4.1.3.45", "hCall"), owner=False),
    ("MonitorTones", "hCall"): Precondition(_but(S.IDLE), _STATED, ref("2.2.4.1.3.46", "hCall"), owner=False),
    ("DeallocateCall", "hCall"): Precondition(
        _ANY, _STATED, ref("2.2.4.1.3.6", "hCall"), owner=False, note="sole owners of calls that are not idle: Q3"
    ),
}

#: (request, field, variant) -> effect of a success. `fsm.judge.routes` distinguishes the variants.
EFFECTS: dict[tuple[str, str, str], Effect] = {
    ("Accept", "hCall", ""): Effect((S.OFFERING,), (S.ACCEPTED,), ref("2.2.4.1.3.1", "lineAccept")),
    ("Answer", "hCall", ""): Effect((S.OFFERING, S.ACCEPTED), (S.CONNECTED,), ref("4.4", "lineAnswer")),
    ("Redirect", "hCall", ""): Effect((S.OFFERING, S.ACCEPTED), (S.IDLE,), ref("2.2.4.1.3.51", "lineRedirect")),
    ("BlindTransfer", "hCall", ""): Effect((S.CONNECTED,), (S.IDLE,), ref("4.5", "lineBlindTransfer")),
    ("Drop", "hCall", ""): Effect((*CREATED, *_but(S.IDLE)), (S.IDLE,), ref("2.2.4.1.3.15", "lineDrop")),
    ("Hold", "hCall", ""): Effect((S.CONNECTED,), (S.ONHOLD,), ref("2.2.4.1.3.42", "lineHold")),
    ("UnHold", "hCall", ""): Effect(_HELD, (S.CONNECTED,), ref("2.2.4.1.3.81", "TSPI_lineUnhold")),
    ("SwapHold", "hActiveCall", ""): Effect(
        (S.CONNECTED,), _HELD, ref("2.2.4.1.3.79", "lineSwapHold"), "the provider selects the held state"
    ),
    ("SwapHold", "hHeldCall", ""): Effect(_HELD, (S.CONNECTED,), ref("2.2.4.1.3.79", "lineSwapHold")),
    ("Park", "hCall", ""): Effect((S.CONNECTED,), (S.IDLE,), ref("2.2.4.1.3.48", "linePark")),
    ("SetUpTransfer", "hCall", ""): Effect(
        (S.CONNECTED,), (S.ONHOLDPENDTRANSFER,), ref("2.2.4.1.3.78", "lineSetupTransfer")
    ),
    ("CompleteTransfer", "hCall", ""): Effect(
        (S.ONHOLD, S.ONHOLDPENDTRANSFER), (S.IDLE,), ref("2.2.4.1.3.8", "LINETRANSFERMODE_TRANSFER")
    ),
    ("CompleteTransfer", "hConsultCall", ""): Effect(
        (S.CONNECTED, S.RINGBACK, S.BUSY, S.PROCEEDING), (S.IDLE,), ref("2.2.4.1.3.8", "LINETRANSFERMODE_TRANSFER")
    ),
    ("CompleteTransfer", "hCall", "conference"): Effect(
        (S.ONHOLD, S.ONHOLDPENDTRANSFER), (S.CONFERENCED,), ref("2.2.4.1.3.8", "LINETRANSFERMODE_CONFERENCE")
    ),
    ("CompleteTransfer", "hConsultCall", "conference"): Effect(
        (S.CONNECTED, S.RINGBACK, S.BUSY, S.PROCEEDING),
        (S.CONFERENCED,),
        ref("2.2.4.1.3.8", "LINETRANSFERMODE_CONFERENCE"),
    ),
    ("SetUpConference", "hCall", ""): Effect(
        (S.CONNECTED,),
        (S.CONFERENCED,),
        ref("2.2.4.1.3.77", "lineSetupConference"),
        "with NOHOLDCONFERENCE only after the other party is connected",
    ),
    ("PrepareAddToConference", "hConfCall", ""): Effect(
        (S.CONNECTED,), (S.ONHOLDPENDCONF,), ref("2.2.4.1.3.50", "linePrepareAddToConference")
    ),
    ("AddToConference", "hConfCall", ""): Effect(
        (S.ONHOLDPENDCONF, S.ONHOLD), (S.CONNECTED,), ref("2.2.4.1.3.2", "lineAddToConference")
    ),
    ("AddToConference", "hConsultCall", ""): Effect(
        (S.CONNECTED, S.ONHOLD, S.PROCEEDING, S.RINGBACK), (S.CONFERENCED,), ref("2.2.4.1.3.2", "lineAddToConference")
    ),
    ("RemoveFromConference", "hCall", ""): Effect(
        (S.CONFERENCED,),
        (S.CONNECTED, S.ONHOLD, S.DISCONNECTED, S.IDLE),
        ref("2.2.6.6", "dwRemoveFromConfState"),
        "the address capabilities specify it",
        (REMOVED,),
    ),
    ("CompleteCall", "hCall", ""): Effect(
        (S.BUSY, S.RINGBACK, S.PROCEEDING), (S.IDLE,), ref("2.2.4.1.3.7", "lineCompleteCall")
    ),
    ("CompleteCall", "hCall", "camped"): Effect(
        (S.BUSY, S.RINGBACK, S.PROCEEDING),
        (S.RINGBACK, S.CONNECTED, S.CONFERENCED, S.DISCONNECTED, S.IDLE),
        ref("2.2.3.1.18", "CAMPON, INTRUDE"),
    ),
    ("Dial", "hCall", ""): Effect(
        (S.DIALTONE, S.DIALING),
        (S.DIALING, S.PROCEEDING),
        ref("2.2.4.1.3.14", "lineDial"),
        "the completion reports that the provider accepted the digits",
        (DIALLED,),
    ),
}


def _call_fields() -> list[tuple[type[Request], Handle]]:
    found = []
    for request in REQUESTS.values():
        for field in request.layout.fields:
            if isinstance(field, Handle) and field.type is HandleType.HCALL:
                found.append((request, field))
    return found


def _name(request: str, field: str, fields: int) -> str:
    return request if fields == 1 else f"{request} {field}"


_FIELDS = _call_fields()
_COUNT = {request: sum(1 for other, _ in _FIELDS if other is request) for request, _ in _FIELDS}

#: asks(request, field): the request was sent with this call in that field.
ASKS: dict[tuple[str, str], Event] = {
    (request.__name__, field.spec): Event(
        _name(request.__name__, field.spec, _COUNT[request]), Kind.REQUEST, f"the client sends {request.__name__}"
    )
    for request, field in _FIELDS
}
#: The same events by name, and by the name of the request for its first call.
ASKED: dict[str, Event] = {event.name: event for event in ASKS.values()}
for (_request, _field), _event in ASKS.items():
    ASKED.setdefault(_request, _event)
#: replied(request, field, variant): the request succeeded; only for requests with an effect on the call.
REPLIED: dict[tuple[str, str, str], Event] = {
    (request, field, variant): Event(
        f"{ASKS[request, field].name}{f' ({variant})' if variant else ''} succeeded",
        Kind.REPLY,
        f"{request} succeeded",
    )
    for request, field, variant in EFFECTS
}


def ask_rows() -> list[Row]:
    """Return the rows of requests in states that allow them, and on handles that are not open."""
    rows = []
    for request, field in _FIELDS:
        name = request.__name__
        event = ASKS[name, field.spec]
        where = ref(request.layout.section, field.spec)
        condition = PRECONDITIONS.get((name, field.spec)) or Precondition(
            _ANY, _STATED, where, owner=bool(request.required_privilege)
        )
        guards = (unless(MONITORING),) if condition.owner else ()
        for state in condition.states:
            rows.append(Row(state, event, state, condition.level, condition.ref, guards, note=condition.note))
        if name == "Answer":
            bridged = ref("2.2.3.1.31", "INACTIVE; lineAnswer joins a bridged call")
            rows.append(Row(S.CONNECTED, event, S.CONNECTED, _TYPICAL, bridged, (when(BRIDGED), *guards)))
        unclear = ref("2.2.3.1.29", "the state is uncertain")
        for state in (*CREATED, S.UNKNOWN):
            if state not in condition.states:
                rows.append(Row(state, event, state, _TYPICAL, unclear, guards, note="the server decides"))
        if condition.rule:
            must = ref("3.1.4.2", f"{where.section} {where.detail}")
            for state in STATES:
                if state not in condition.states and state is not S.UNKNOWN:
                    rows.append(Row(state, event, state, _MUST, must, guards, rule=condition.rule))
        rows += _dead_handle(event, field, where)
    return rows


def _dead_handle(event: Event, field: Handle, where: Ref) -> list[Row]:
    """Return the rows of the rule that the handle must be open, for absent and ended handles."""
    rule = field.rule("live")
    rows: list[Row] = []
    if not rule:
        return rows
    must = ref("3.1.4.2", f"{where.section} {where.detail}")
    for state in (S.ABSENT, *ENDED):
        if state is not S.ABSENT:
            note = "sent before the client was notified"
            rows.append(Row(state, event, state, _MUST, must, (when(IN_FLIGHT), when(ANSWERED)), rule=rule))
            rows.append(Row(state, event, state, _TYPICAL, must, (when(IN_FLIGHT),), note=note))
        rows.append(Row(state, event, state, _MUST, must, rule=rule))
    return rows


def reply_rows() -> list[Row]:
    """Return the rows of successes: with their effect, or without it if the state was already reported."""
    rows = []
    for key, effect in EFFECTS.items():
        event, sets = REPLIED[key], effect.sets
        sources = (*effect.sources, S.UNKNOWN)
        for state in LIVE:
            if state in sources:
                expect = tuple(other for other in effect.expect if other is not state)
                reached = "the state was reported before the completion"
                rows.append(Row(state, event, state, _TYPICAL, effect.ref, (when(REACHED),), note=reached, sets=sets))
                rows.append(Row(state, event, state, _TYPICAL, effect.ref, expect=expect, note=effect.note, sets=sets))
            else:
                rows.append(
                    Row(
                        state,
                        event,
                        state,
                        _TYPICAL,
                        effect.ref,
                        note="no document specifies the order of completion and report",
                        sets=sets,
                    )
                )
        for state in (S.ABSENT, *ENDED):
            rows.append(
                Row(state, event, state, _TYPICAL, ref("2.2.4.1.3.6"), note="completions may follow the end", sets=sets)
            )
    return rows

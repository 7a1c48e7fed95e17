"""Which events a packet causes, as data: the hinge between packets and machines.

Built once from the declarations of `protocol` and a few tables below. The conversation runs along these routes
and knows no packet by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from fsm.engine.machine import Cell  # noqa: TC001
from fsm.engine.row import Event  # noqa: TC001
from fsm.rules.conditions import Condition, conditions_of, proxy_type

# The compiler looks the types of the fields up.
from fsm.rules.handles import HandleUse, handles_of
from fsm.state.instances import Call, Transaction
from fsm.tables import call_requests
from fsm.tables.binding import CONTROLS, FETCHES, MANAGES
from fsm.tables.bits import DROPPING
from fsm.tables.call import CREATIONS
from fsm.tables.call_states import CallState
from fsm.tables.request import ASK, SEND
from protocol.constants import LINECALLCOMPLMODE, LINETRANSFERMODE
from protocol.event import COMPLETIONS
from protocol.fields import Handle, HandleType
from protocol.packet import REQUESTS, Request, Unknown
from protocol.record import Layout  # noqa: TC001

__all__ = ["DETACH_ROUTE", "ROUTES", "UNKNOWN_ROUTE", "CallUse", "Creation", "Route", "Variant"]


#: A function of a conversation, a transaction, and its response or the words of its completion.
Outcome: TypeAlias = Callable[[Any, Any, Any], None]


@dataclass(eq=False)
class CallUse(HandleUse):
    """A call handle in a request."""

    event: Event
    #: The moves of the event, so that a step need not look them up.
    cell: Cell


@dataclass(eq=False)
class Variant:
    """How the effect of a request depends on one of its words: (value, variant), anything else is the plain one."""

    word: int
    values: dict[int, str]


@dataclass(eq=False)
class Creation:
    """A call handle that a completion brings."""

    word: int
    spec: str
    event: Event
    #: Word of the request that has to be there for the handle to exist, and the value it must have.
    condition: tuple[int, int] | None
    #: Whether the call stands for a conference.
    conference: bool


@dataclass(eq=False)
class Route:
    """Everything about a request that the conversation needs."""

    packet: type[Request]
    layout: Layout
    name: str
    section: str
    asynchronous: bool
    #: Which kind of request it is to the binding.
    binding: Event
    handles: tuple[HandleUse, ...]
    calls: tuple[CallUse, ...]
    #: Word of dwRequestID, and of lpContext where there is one.
    request_id: int
    context: int
    creates: tuple[Creation, ...]
    variant: Variant | None
    #: What success does to each call, in the order of ``calls``, by variant.
    replied: tuple[dict[str, Event], ...]
    #: The name under which the handler for what the answer creates or ends is found.
    key: str
    #: Whether the request names one call and nothing else that has to be live: the commonest kind.
    plain: bool
    #: The moves of its first event: it is asked or, asynchronously, sent.
    first: Cell
    #: Words of the completion that repeat words of the request: (there, here).
    echoes: tuple[tuple[int, int], ...]
    #: Word of the handle that events about what the request opens will carry, 0 for requests that open nothing.
    opens: int
    #: Word of the InitContext that the request gives, 0 for requests that initialise nothing.
    initializes: int
    #: What else has to hold, by what the conversation has shown.
    conditions: tuple[Condition, ...]
    #: Words of the application's handle and of the device, where the request uses a version that was agreed on.
    versioned: tuple[int, int] | None
    #: The type of proxy request that it becomes; 0 for others.
    proxy: int
    #: Bits of context that hold when the response is 0.
    zero: int
    #: Whether success ends the handle of the request.
    releases: bool
    #: The functions of a successful response, a refusal and a success, from the dispatch table.
    accepted: Outcome | None = None
    refused: Outcome | None = None
    succeeded: Outcome | None = None


_VARIANTS: dict[str, tuple[str, dict[int, str]]] = {
    "CompleteTransfer": ("dwTransferMode", {LINETRANSFERMODE.CONFERENCE: "conference"}),
    "CompleteCall": (
        "dwCompletionMode",
        {LINECALLCOMPLMODE.CAMPON: "camped", LINECALLCOMPLMODE.INTRUDE: "camped", LINECALLCOMPLMODE.MESSAGE: "camped"},
    ),
}
#: Handles in a completion that exist only in some cases.
_CONDITIONS: dict[tuple[str, str], tuple[str, int]] = {
    ("CompleteTransfer", "hConfCall"): ("dwTransferMode", LINETRANSFERMODE.CONFERENCE),
}
_RELEASES = {"DeallocateCall", "Close", "ShutDown"}
#: Requests that control devices, whatever their handles say.
_DEVICE_HANDLES = {HandleType.HLINE, HandleType.HCALL, HandleType.HPHONE}


def _route(request: type[Request]) -> Route:
    layout = request.layout
    name = request.__name__
    handles, calls = [], []
    for use in handles_of(request):
        if use.type is HandleType.HCALL:
            event = call_requests.ASKS[name, use.spec]
            place = (use.word, use.spec, use.type, use.rule, use.optional, use.when)
            calls.append(CallUse(*place, event, Call.machine.cells[event]))
        else:
            handles.append(use)
    variant = None
    if name in _VARIANTS:
        spec, values = _VARIANTS[name]
        variant = Variant(layout.index(spec), values)
    replied = tuple(
        {
            kind: event
            for (of, field, kind), event in call_requests.REPLIED.items()
            if of == name and field == use.spec and request.device == "line"
        }
        for use in calls
    )
    return Route(
        packet=request,
        layout=layout,
        name=name,
        section=layout.section,
        asynchronous=request.completion == "async",
        binding=_binding_event(request),
        handles=tuple(handles),
        calls=tuple(calls),
        request_id=layout.index("dwRequestID") if "dwRequestID" in layout.by_spec else 0,
        context=layout.index("lpContext") if "lpContext" in layout.by_spec else 0,
        creates=_creations(request),
        variant=variant,
        replied=replied,
        key=f"{request.device}.{name}",
        plain=len(calls) == 1 and not handles and not calls[0].optional and calls[0].when is None,
        echoes=_echoes(request),
        conditions=conditions_of(request),
        opens=next((layout.index(spec) for spec in ("hRemoteLine", "hRemotePhone") if spec in layout.by_spec), 0),
        initializes=layout.index("InitContext") if "InitContext" in layout.by_spec else 0,
        versioned=_versioned(request),
        proxy=proxy_type(request),
        zero=DROPPING.bit if name == "Drop" else 0,
        releases=name in _RELEASES,
        first=Transaction.machine.cells[SEND if request.completion == "async" else ASK],
    )


def _binding_event(request: type[Request]) -> Event:
    if request.__name__ == "GetAsyncEvents":
        return FETCHES
    if request.__name__ == "Open":
        return CONTROLS
    types = {field.type for field in request.layout.fields if isinstance(field, Handle)}
    return CONTROLS if types & _DEVICE_HANDLES else MANAGES


def _creations(request: type[Request]) -> tuple[Creation, ...]:
    completion = COMPLETIONS.get(request.req_func)
    if completion is None:
        return ()
    found = []
    handles = [f for f in completion.layout.fields if isinstance(f, Handle) and f.type is HandleType.HCALL]
    for field in handles:
        key = request.__name__ if len(handles) == 1 else f"{request.__name__} {field.spec}"
        condition = None
        if (request.__name__, field.spec) in _CONDITIONS:
            spec, value = _CONDITIONS[request.__name__, field.spec]
            condition = (request.layout.index(spec), value)
        event, start = CREATIONS[key]
        found.append(Creation(field.index, field.spec, event, condition, start is CallState.PARENT))
    return tuple(found)


def _versioned(request: type[Request]) -> tuple[int, int] | None:
    """Open has to name a version that was negotiated for the device."""
    layout = request.layout
    if request.__name__ != "Open":
        return None
    app = "hLineApp" if request.device == "line" else "hPhoneApp"
    return layout.index(app), layout.index("dwDeviceID")


def _echoes(request: type[Request]) -> tuple[tuple[int, int], ...]:
    completion = COMPLETIONS.get(request.req_func)
    asked = request.layout
    found = [(2, asked.index("lpContext"))] if "lpContext" in asked.by_spec else []
    for field in completion.layout.fields if completion is not None else ():
        echoes = getattr(field, "echoes", "")
        if echoes in asked.by_spec and field.spec != "lpContext":
            found.append((field.index, asked.index(echoes)))
    return tuple(found)


#: The route of every request, by Req_Func.
ROUTES: dict[int, Route] = {number: _route(request) for number, request in REQUESTS.items()}
#: The route of a buffer whose Req_Func means nothing.
UNKNOWN_ROUTE: Route = replace(_route(Unknown), binding=MANAGES, name="unknown")
#: The route of ClientDetach, where its context handle is invalid.
DETACH_ROUTE: Route = replace(UNKNOWN_ROUTE, name="ClientDetach", section="3.1.4.3")

"""The events that each packet causes, as data: the link between packets and machines.

The routes are built once from the declarations of `protocol` and the tables below. The conversation uses them instead
of the names of packets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from fsm.engine.machine import Cell  # noqa: TC001
from fsm.engine.row import Event  # noqa: TC001
from fsm.rules.conditions import Condition, conditions_of, proxy_type

# The compiler resolves the types of the fields.
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


#: A function of a conversation, a transaction, and its response or the DWORDs of its completion.
Outcome: TypeAlias = Callable[[Any, Any, Any], None]


@dataclass(eq=False)
class CallUse(HandleUse):
    """A call handle in a request."""

    event: Event
    #: The moves of the event, so that a step needs no lookup.
    cell: Cell


@dataclass(eq=False)
class Variant:
    """How the effect of a request depends on one of its DWORDs: (value, variant); other values mean the default effect."""

    word: int
    values: dict[int, str]


@dataclass(eq=False)
class Creation:
    """A call handle that a completion returns."""

    word: int
    spec: str
    event: Event
    #: The DWORD of the request that determines whether the handle exists, and its required value.
    condition: tuple[int, int] | None
    #: Whether the call represents a conference.
    conference: bool


@dataclass(eq=False)
class Route:
    """All data about a request that the conversation needs."""

    packet: type[Request]
    layout: Layout
    name: str
    section: str
    asynchronous: bool
    #: The type of request for the binding.
    binding: Event
    handles: tuple[HandleUse, ...]
    calls: tuple[CallUse, ...]
    #: Index of dwRequestID, and of lpContext if there is one.
    request_id: int
    context: int
    creates: tuple[Creation, ...]
    variant: Variant | None
    #: The effect of success on each call, in the order of ``calls``, by variant.
    replied: tuple[dict[str, Event], ...]
    #: The key of the handlers in the dispatch table.
    key: str
    #: Whether the request contains one call and no other handle that must be open: the most frequent kind.
    plain: bool
    #: The moves of its first event: the sending of a synchronous or asynchronous request.
    first: Cell
    #: DWORDs of the completion that repeat DWORDs of the request: (completion, request).
    echoes: tuple[tuple[int, int], ...]
    #: Index of the handle that events about the opened device will carry, 0 if the request opens none.
    opens: int
    #: Index of the InitContext that the request specifies, 0 if there is none.
    initializes: int
    #: Other conditions, which depend on earlier traffic.
    conditions: tuple[Condition, ...]
    #: Indexes of the application's handle and of the device, if the request uses a negotiated version.
    versioned: tuple[int, int] | None
    #: The type of proxy request for it; 0 if it is not forwarded.
    proxy: int
    #: Context bits that apply if the response is 0.
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
#: Requests that control devices, independent of their handles.
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
    """Return the indexes of handle and device for Open, which requires a version negotiated for the device."""
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
#: The route of a buffer with an unknown Req_Func.
UNKNOWN_ROUTE: Route = replace(_route(Unknown), binding=MANAGES, name="unknown")
#: The route of ClientDetach with an invalid context handle.
DETACH_ROUTE: Route = replace(UNKNOWN_ROUTE, name="ClientDetach", section="3.1.4.3")

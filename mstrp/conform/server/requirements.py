"""What a server has to keep and can be tested for: every requirement by its id, made from the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.judge.routes import ROUTES
from fsm.rules.call_rules import CALL_RULES
from fsm.rules.catalogue import RULES, Status
from fsm.tables.call import CREATIONS
from fsm.tables.call_requests import EFFECTS, PRECONDITIONS
from mstrp.conform.core.outcome import Requirement
from mstrp.conform.server.consistency import CONSISTENCY
from mstrp.conform.server.test_bed import REACHABLE
from mstrp.generate.flows import FLOWS
from protocol.packet import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsm.tables.call_states import CallState
    from protocol.packet import Request

__all__ = ["SCENARIO_FLOWS", "SERVER", "response_id", "row_id", "row_states"]

#: The flows that are scenarios of section 4.
SCENARIO_FLOWS: dict[str, str] = {
    "4.1": "session",
    "4.2": "session",
    "4.3": "outgoing",
    "4.4": "incoming",
    "4.5": "blind-transfer",
    "4.6": "forward",
    "4.7": "management",
    "4.8": "management",
    "4.9": "get-server-config",
    "4.10": "set-server-config",
    "4.11": "agent",
    "4.12": "agent-session",
}


#: Requirements about calls at both ends, about several calls, and about several clients, with their sections.
INTERACTIONS: dict[str, tuple[str, str]] = {
    "CROSS-offered": ("2.2.4.1.3.43", "a call to another line of the server is offered there"),
    "CROSS-progress": ("2.2.3.1.29", "the caller's call proceeds while the other line is alerted"),
    "CROSS-answered": ("2.2.3.1.29", "the caller's call is connected when the other line answers"),
    "CROSS-dropped": ("2.2.3.1.29", "a call is disconnected or idle when the remote party has dropped its own"),
    "CROSS-other-party": ("2.2.3.1.29", "the remote party's call continues when a call is held or retrieved"),
    "CROSS-other-call": ("2.2.3.1.29", "a request leaves the other calls of the client as they are"),
    "CROSS-refused": ("2.2.3.1.29", "a request that is refused or fails leaves its call in the state in which it was"),
    "CROSS-released": (
        "2.2.4.1.3.6",
        "releasing a handle, a line or a client leaves the calls of the others as they are",
    ),
    "CROSS-consultation": ("2.2.4.1.3.78", "a consultation call can be dialled, and is connected when it is answered"),
    "CROSS-member": ("2.2.4.1.3.77", "a member stays in its conference until the conference or the member ends"),
    "CROSS-observer-new-call": ("2.2.4.2.1.6", "every client with a line open is told of a new call"),
    "CROSS-observer-state": ("2.2.4.2.1.8", "every client with a handle of a call is told of its states"),
    "CROSS-observer-listed": ("2.2.4.1.3.39", "GetNewCalls returns the calls that exist when a line is opened"),
    "CROSS-observer-privilege": ("2.2.3.1.26", "a client that only monitors a call cannot control it"),
    "CROSS-line-again": ("2.2.4.1.3.47", "a line whose owner is gone can be opened, and calls work as before"),
}
#: Requirements about the effects of requests on calls that exist.
_EFFECTS = {f"EFFECT-line.{name}" for name, _, _ in EFFECTS}


def response_id(packet: Request) -> str:
    """The requirement that a request gets a response."""
    return f"RESPONSE-{packet.device}.{packet.layout.name}"


def row_id(request: type[Request], state: CallState) -> str:
    """The requirement that a request works, or fails, on a call in a state."""
    return f"ROW-call-{state.name}-{request.__name__}"


def row_states(request: type[Request]) -> tuple[CallState, ...]:
    """The states in which a request may be made on its first call, of those that can be brought about."""
    use = ROUTES[request.req_func].calls[0]
    condition = PRECONDITIONS.get((request.__name__, use.spec))
    return tuple(state for state in REACHABLE if condition is None or state in condition.states)


def _of_server() -> Iterator[Requirement]:
    for number, flow_name in SCENARIO_FLOWS.items():
        yield Requirement(f"SCENARIO-{number}", "scenario", number, f"section {number}: {FLOWS[flow_name].summary}")
    for name, flow in FLOWS.items():
        yield Requirement(f"FLOW-{name}", "flow", flow.section, flow.summary)
    for rule in RULES.values():
        if rule.role == "server" and rule.status is Status.CHECKED:
            yield Requirement(rule.id, "rule", rule.section, rule.summary)
    for name, call_rule in CALL_RULES.rules.items():
        if not name.startswith(("CALL-PRE", "CALL-STATE")):
            yield Requirement(name, "call rule", call_rule.section, call_rule.summary)
    for request in REQUESTS.values():
        name = f"{request.device}.{request.__name__}"
        section = request.layout.section
        yield Requirement(
            f"LEGAL-{name}", "request", section, f"{name} with nothing wrong is not refused for an untrue reason"
        )
        yield Requirement(f"RESPONSE-{name}", "request", section, f"every {name} gets a response or an RPC fault")
        if request.completion == "async":
            yield Requirement(f"DONE-{name}", "request", section, f"{name} is completed when it was accepted")
        if request.device == "line" and len(ROUTES[request.req_func].calls) == 1:
            for state in row_states(request):
                summary = f"{request.__name__} may be made on a call in {state.name}"
                yield Requirement(row_id(request, state), "row", section, summary)
    for name in dict.fromkeys(request for request, _, _ in EFFECTS if request != "CompleteCall"):
        section = next(effect.ref.section for (request, _, _), effect in EFFECTS.items() if request == name)
        summary = f"the documented states are reported after {name} has succeeded"
        yield Requirement(f"EFFECT-line.{name}", "effect", section, summary)
    for name in CREATIONS:
        if f"EFFECT-line.{name}" not in _EFFECTS:
            summary = f"LINE_CALLSTATE reports the call that {name} makes"
            yield Requirement(f"EFFECT-line.{name}", "effect", "2.2.4.2.1.8", summary)
    for name, (section, summary) in INTERACTIONS.items():
        yield Requirement(name, "effect", section, summary)
    for name, consistency in CONSISTENCY.items():
        yield Requirement(name, "consistency", consistency.section, consistency.summary)
    yield Requirement("TOLD-STATE", "call rule", "2.2.4.2.1.8", "LINE_CALLSTATE tells what GetCallStatus says")
    yield Requirement("WALK", "walk", "3.1", "random legal conversations have no finding")
    yield Requirement("ALIVE", "walk", "3.1.4", "the server serves on, whatever it is sent")


#: What a server can be tested for, by id.
SERVER: dict[str, Requirement] = {requirement.id: requirement for requirement in _of_server()}

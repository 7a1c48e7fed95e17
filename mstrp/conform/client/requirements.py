"""What a client has to keep and can be tested for: every requirement by its id, made from the tables and stimuli."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.rules.catalogue import RULES, Status
from fsm.tables.call_requests import PRECONDITIONS
from mstrp.conform.client.buffers import BUFFERS
from mstrp.conform.client.replies import REPLIES
from mstrp.conform.client.unknown_devices import UNKNOWN_DEVICES
from mstrp.conform.core.outcome import Requirement
from protocol.packet import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.conform.client.stimulus import Stimulus

__all__ = ["CLIENT", "SHOWN_HERE", "STIMULI"]

#: Everything that is done to a client, in order: what is damaged, what is foreign, what is legal, what is the end.
STIMULI: tuple[Stimulus, ...] = (*BUFFERS, *UNKNOWN_DEVICES, *REPLIES)
#: Rules that no recording shows, and that a server which tests its client sees.
SHOWN_HERE = ("TRP-3-02", "TRP-3-04", "TRP-3.2.3-01", "TRP-3.3.3-01")


def _of_client() -> Iterator[Requirement]:
    for rule in RULES.values():
        if rule.role == "client" and (rule.status is Status.CHECKED or rule.id in SHOWN_HERE):
            yield Requirement(rule.id, "rule", rule.section, rule.summary)
    yield Requirement("WIRE-NDR", "rule", "3.2.4", "what the client sends is well-formed NDR")
    yield Requirement("CALL-ORDER-O06", "call rule", "2.2.4.1.3.1", "a request id is not chosen while it is pending")
    for name in sorted({name for name, _ in PRECONDITIONS}):
        summary = f"{name} is only sent in a state of the call that allows it"
        yield Requirement(f"CALL-PRE-{name}", "call rule", "2.2.4.1.3", summary)
    for request in REQUESTS.values():
        name = f"{request.device}.{request.__name__}"
        yield Requirement(f"SENDS-{name}", "request", request.layout.section, f"nothing is wrong with any {name} sent")
    for stimulus in STIMULI:
        if stimulus.rule.startswith(("TAKES-", "ENDS-")):
            what = "is taken" if stimulus.rule.startswith("TAKES-") else "leaves the client legal"
            yield Requirement(stimulus.rule, "scenario", "3.3.4.2", f"{stimulus.summary} {what}")
    yield Requirement("ALIVE", "walk", "3.3.4", "the client goes on, whatever it is sent")


#: What a client can be tested for, by id.
CLIENT: dict[str, Requirement] = {requirement.id: requirement for requirement in _of_client()}

"""Charges: what a request breaks, held until its outcome is known, and then told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.errors import LocalProtocolError, RemoteProtocolError
from fsm.engine.finding import Finding
from fsm.engine.levels import Fault, Level, Verdict, verdict_of
from fsm.engine.row import Ref
from fsm.rules.wording import ALSO

if TYPE_CHECKING:
    from fsm.engine.errors import ProtocolError
    from fsm.engine.row import Event
    from fsm.state.instances import Call, Exchange

__all__ = ["Charge"]


class Charge(NamedTuple):
    """A rule that a request breaks."""

    rule: str
    level: Level
    section: str
    machine: str
    instance: str
    state: tuple[str, ...]
    allowed: tuple[str, ...]
    #: The end of the sentence: on what, and why.
    reason: str
    #: For preconditions: the call and the event, so that they can be tried again.
    call: Call | None = None
    use: Event | None = None
    #: Whether the rule is the server's alone: a refusal keeps it.
    accepted_only: bool = False

    def error(self, exchange: Exchange, *, local: bool) -> ProtocolError:
        """The error of strict use."""
        kind = LocalProtocolError if local else RemoteProtocolError
        return kind(
            machine=self.machine,
            instance=self.instance,
            state=self.state,
            event=exchange.route.name,
            allowed=self.allowed,
            reference=Ref(self.section),
            rule=self.rule,
            summary=f"{exchange.route.name} {self.reason}",
        )

    def finding(self, exchange: Exchange, session: str, time: float, *, accepted: bool) -> Finding:
        """The finding, now that the request was accepted (the server failed) or refused (a warning to the client)."""
        name = exchange.route.name
        if accepted:
            summary = f"server accepted {name} {self.reason}"
        else:
            summary = f"client sent {name} {self.reason}; the server refused it"
        return Finding(
            rule=self.rule,
            level=self.level,
            verdict=verdict_of(self.level) if accepted else Verdict.WARN,
            fault=Fault.SERVER if accepted else Fault.CLIENT,
            section=self.section,
            summary=summary,
            frame=exchange.answered,
            time=time,
            session=session,
            machine=self.machine,
            instance=self.instance,
            state=self.state,
            event=f"{name} {'accepted' if accepted else 'refused'}",
            allowed=self.allowed,
            request_frame=exchange.frame,
            also=ALSO.get(self.rule, ()),
        )

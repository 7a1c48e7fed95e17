"""What answers and buffers show by themselves: refusals of live handles, requests that reach no handler, damaged bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fsm.engine.finding import Finding
from fsm.engine.levels import Fault, Level, verdict_of
from fsm.judge.requests import Asking
from fsm.rules.attach import broken_by
from fsm.rules.conditions import Proxied
from fsm.rules.successes import MADE
from fsm.rules.wording import ALSO
from fsm.state.instances import App, Call, Line, Phone
from fsm.tables.agents import PROXY
from fsm.tables.binding import BindingState, ChannelState
from protocol.constants import ACK_RETURN_VALUE, LINEERR, LINEOPENOPTION, PHONEERR
from protocol.fields import HandleType
from protocol.line import Open
from protocol.ndr import ALL_DEVICES, MANAGEMENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fsm.engine.machine import Instance
    from fsm.state.instances import Exchange
    from protocol.ndr import ClientAttach, ClientAttachResult
    from protocol.packet import Request
    from protocol.problem import Problem

__all__ = ["INVALRPCCONTEXT", "PATIENCE", "Judging"]

#: A positive answer that is an error all the same (2.2.5.2, Q15).
INVALRPCCONTEXT: Final = int(ACK_RETURN_VALUE.TAPIERR_INVALRPCCONTEXT)
#: What a client waits for an answer, in seconds (3.2.2); a server that has not detached by then will not.
PATIENCE: Final = 5.0
_LIMIT: Final = 1024
#: What an error says about which handles of the request.
_UNKNOWN: Final[dict[int, HandleType]] = {
    LINEERR.INVALAPPHANDLE: HandleType.HLINEAPP,
    LINEERR.INVALLINEHANDLE: HandleType.HLINE,
    LINEERR.INVALCALLHANDLE: HandleType.HCALL,
    LINEERR.INVALCONSULTCALLHANDLE: HandleType.HCALL,
    LINEERR.INVALCONFCALLHANDLE: HandleType.HCALL,
    PHONEERR.INVALAPPHANDLE: HandleType.HPHONEAPP,
    PHONEERR.INVALPHONEHANDLE: HandleType.HPHONE,
}
_PRIVILEGES: Final = Open.layout.index("dwPrivileges")
_DEVICE: Final = Open.layout.index("dwDeviceID")


class Judging(Asking):
    """The part of a conversation that judges outcomes."""

    #: Live things that the server refused as unknown, with the request: their end may be on its way.
    denied: list[tuple[Instance, Exchange, str]]
    #: Requests to open a line as proxy handler: the types that they want to handle.
    registering: dict[Exchange, tuple[int, ...]]
    #: How events travel; None while that is not known.
    model: str | None

    def show(
        self,
        rule: str,
        section: str,
        summary: str,
        *,
        level: Level = Level.MUST,
        fault: Fault = Fault.SERVER,
        machine: str = "binding",
        instance: str = "",
        event: str = "",
        request_frame: int | None = None,
    ) -> None:
        """Tell that a rule is broken which is no row of a machine."""
        self.tell(
            Finding(
                rule=rule,
                level=level,
                verdict=verdict_of(level),
                fault=fault,
                section=section,
                summary=summary,
                frame=self.frame,
                time=self.now,
                session=self.session,
                machine=machine,
                instance=instance or self.session,
                state=self.binding.machine.names(self.binding.mask),
                event=event,
                allowed=(),
                also=ALSO.get(rule, ()),
                request_frame=request_frame,
            )
        )

    # -- attaching and marshalling --------------------------------------------------------------------------------

    def inspect_attach(self, asked: ClientAttach, result: ClientAttachResult) -> None:
        """What ClientAttach and its answer break (3.1.4.1); for who has both of them."""
        for broken, detail in broken_by(asked, result):
            who = "server answered" if broken.fault == "server" else "client sent"
            summary = f"{who} ClientAttach against the rule that {broken.summary}: {detail}"
            self.show(broken.rule, "3.1.4.1", summary, fault=Fault(broken.fault), event="ClientAttach")
        if result.result == 0:
            self.facts.marker = result.async_events_event
            if asked.process_id == MANAGEMENT and self.facts.administrator is False:
                summary = "server let a client attach with lProcessID -3 that is no administrator"
                self.show("TRP-3.1.4.1-10", "3.1.4.1", summary, event="ClientAttach")

    def inspect_marker(self, exchange: Exchange) -> None:
        """NegotiateAPIVersionForAllDevices was accepted; ClientAttach had to say that it is supported."""
        marker = self.facts.marker
        if marker is not None and marker != ALL_DEVICES and self.model != "management":
            self.facts.marker = None
            summary = (
                f"server accepted NegotiateAPIVersionForAllDevices although ClientAttach returned {marker:#010x}, "
                f"not {ALL_DEVICES:#010x}, in phAsyncEventsEvent"
            )
            self.show("TRP-3.1.4.1-01", "3.1.4.1", summary, event="ClientAttach", request_frame=exchange.frame)

    def damaged(self, exchange: Exchange, problems: Iterable[Problem]) -> None:
        """The stub of a request contradicts itself; a server has to refuse it (3.1.4, C706 14)."""
        for problem in problems:
            self._accuse(exchange, "TRP-3.1.4-01", "3.1.4", f"whose stub is damaged: {problem.field}: {problem.detail}")

    def damaged_events(self, problems: Iterable[Problem], *, stub: bool = False) -> None:
        """A buffer of events cannot be read to its end (3.3.4.2), or its stub contradicts itself (3.3.4)."""
        for problem in problems:
            rule = "TRP-3.3.4-01" if stub else problem.rule
            if rule:
                summary = f"server sent a damaged buffer of events: {problem.field}: {problem.detail}"
                self.show(rule, "3.3.4" if stub else "3.3.4.2", summary, machine="channel", event="events")

    def inspect_end(self, until: float) -> None:
        """Report an event channel that the server left open after ClientDetach (3.1.4.3)."""
        detached = self.binding.detached and self.channel.mask == _OPEN
        if detached and not self.partial and until - self.binding.ended > PATIENCE:
            summary = "server left the event channel open after ClientDetach, without RemoteSPDetach"
            self.show("TRP-3.1.4.3-02", "3.1.4.3", summary, machine="channel", event="end of the conversation")

    # -- successes and refusals -----------------------------------------------------------------------------------

    def denies(self, exchange: Exchange, code: int) -> None:
        """A request was refused because of a handle: remember it where the handle is live (3.1.4.2, on success)."""
        if self.partial or len(self.denied) >= _LIMIT:
            return
        if code == INVALRPCCONTEXT:
            self.denied.append((self.binding, exchange, "TRP-3.1.4.1-11"))
            return
        type_ = _UNKNOWN.get(code)
        if type_ is None:
            return
        named = list(self._named(exchange, type_))
        if named and all(rule for _, rule in named):
            self.denied += [(instance, exchange, rule) for instance, rule in named]

    def _named(self, exchange: Exchange, type_: HandleType) -> Iterable[tuple[Any, str]]:
        """The live things of a type that a request names, each with the rule of its making."""
        words = exchange.words
        if type_ is HandleType.HCALL:
            for use in exchange.route.calls:
                call = self.calls.get(words[use.word])
                made = None if call is None else call.brought
                yield call, "" if made is None else MADE.get(made, "")
            return
        for handle in exchange.route.handles:
            if handle.type is type_:
                found = self._owner(type_, words[handle.word])
                live = found is not None and found.machine.names(found.mask)[0] in _LIVE_NAMES
                yield found, _MADE_BY.get((type(found), getattr(found, "kind", "")), "") if live else ""

    def settle_denied(self) -> None:
        """What was refused and never ended after that was live."""
        denied, self.denied = self.denied, []
        for instance, exchange, rule in denied:
            live = self.calls.get(instance.handle) is instance if isinstance(instance, Call) else not _ended(instance)
            if not live or self.binding.mask not in _ATTACHED:
                continue
            name = instance.machine.name
            what = f"{name} {self.name(instance)}"
            summary = f"server refused {exchange.route.name} as if {what} were unknown, which it had given out itself"
            self.frame = exchange.answered
            self.show(
                rule,
                "3.1.4.2",
                summary,
                level=Level.SUSPICIOUS,
                machine=name,
                instance=self.name(instance),
                event=f"{exchange.route.name} refused",
                request_frame=exchange.frame,
            )

    # -- proxy handlers -------------------------------------------------------------------------------------------

    def registers(self, exchange: Exchange, packet: Request) -> None:
        """The client opens a line as handler: the types stand in LINECALLPARAMS (2.2.3.1.48)."""
        if isinstance(packet, Open) and exchange.words[_PRIVILEGES] & LINEOPENOPTION.PROXY:
            params = packet.call_params
            data = b"" if params is None else params.dev_specific or b""
            types = tuple(int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data) - 3, 4))
            if types and len(self.registering) < _LIMIT:
                self.registering[exchange] = types[:_LIMIT]

    def registered(self, exchange: Exchange, *, accepted: bool) -> None:
        """The answer to a request to become handler."""
        for type_ in self.registering.pop(exchange, ()):
            if accepted:
                self.facts.own.add((exchange.words[_DEVICE], type_))

    def passes_on(self, exchange: Exchange) -> None:
        """An agent request succeeded: the handler, where it is this client itself, had to get it."""
        device = next(
            (each.device_of(self, exchange.words) for each in exchange.route.conditions if isinstance(each, Proxied)),
            None,
        )
        if device is None:
            return
        key = (device, exchange.route.proxy)
        if key in self.facts.own and self.facts.passed.get(key, float("-inf")) < exchange.time:
            rules = exchange.route.packet.layout.proxy_rules
            if len(rules) > 2:
                summary = f"server completed {exchange.route.name} without passing it to the proxy handler of the line"
                self.show(
                    rules[2], "3.1.4.2", summary, machine=PROXY.name, event="reply 0", request_frame=exchange.frame
                )


_MADE_BY: Final[dict[tuple[type, str], str]] = {
    (App, "line"): MADE["line.Initialize"],
    (App, "phone"): MADE["phone.Initialize"],
    (Line, ""): MADE["line.Open"],
    (Phone, ""): MADE["phone.Open"],
}
_LIVE_NAMES: Final = {"ready", "shutdown due", "open", "monitored", "owned"}
_ATTACHED: Final = {1 << state for state in (BindingState.PUSH, BindingState.PULL, BindingState.MANAGEMENT)}
_OPEN = 1 << ChannelState.OPEN


def _ended(instance: Any) -> bool:
    """Whether something that is no call has ended."""
    return bool(instance.ended)

"""One client and one server: requests, responses and events in the order in which they were seen.

A conversation owns its parts: the runner that takes steps, the registry of instances, the links to the server, the
replies that wait for a request, and the violations that wait for an outcome. Each packet is dispatched by
`fsm.judge.dispatch` to plain functions of the conversation. A server that accepts a request that it must refuse has
failed; a bad request that it refused is a warning about the client.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fsm.engine.runner import Runner
from fsm.judge import attaching, gaps, refusals, replies, requests, transactions, violations
from fsm.judge.dispatch import EVENT_HANDLERS
from fsm.judge.links import Links
from fsm.state.registry import JOINTS, Registry
from fsm.tables.call import ENDS as CALL_ENDS
from fsm.tables.request import ENDS as REQUEST_ENDS
from protocol.event import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsm.engine.finding import Finding
    from fsm.engine.levels import Fault
    from fsm.engine.machine import Instance
    from fsm.engine.step import Step
    from fsm.state.facts import Facts
    from fsm.state.instances import Application, Call, Line, Phone, Transaction
    from fsm.state.paths import Paths
    from protocol.event import Event
    from protocol.ndr import ClientAttach, ClientAttachResult
    from protocol.packet import Request
    from protocol.problem import Problem
    from protocol.raw import Raw

__all__ = ["Conversation"]


class Conversation:
    """One binding. Pass it packets with their frame and time in seconds; `Monitor.conversation` creates it.

    In strict use `send`, `respond` and `event` raise `LocalProtocolError` or `RemoteProtocolError`.
    """

    def __init__(
        self,
        session: str,
        paths: Paths,
        tell: Callable[[Finding], None],
        observers: list[Callable[[Step], None]],
        *,
        client: str = "",
        server: str = "",
        partial: bool = False,
        grace: float = 1.0,
        role: Fault | None = None,
    ) -> None:
        self.session = session
        self.client = client
        self.server = server
        self.runner = Runner(session, tell, observers, JOINTS, role=role)
        self.registry = Registry(self.runner, paths, partial=partial, grace=grace)
        if partial:
            gaps.begin_partial(self.registry)
        self.links = Links(self.runner, self.registry)
        self.replies = replies.Replies()
        #: Calls with requests that were sent in a wrong state, and the requests.
        self.suspects: dict[Call, list[Transaction]] = {}
        #: Open instances that the server rejected as unknown, with the request and the rule of their creation.
        self.denied: list[tuple[Instance, Transaction, str]] = []
        #: Requests to open a line as proxy handler, with the types that it offers to handle.
        self.registrations: dict[Transaction, tuple[int, ...]] = {}
        #: Rules about absent devices that were reported.
        self.reported_rules: set[str] = set()
        #: Foreign contexts that were reported.
        self.foreign_contexts: set[int] = set()
        #: Whether the server requested a dialog, whose instance no response returns.
        self.dialog_requested = False
        #: The event at hand.
        self.current: Any = None
        #: Number of requests whose response was judged, and of such methods of the binding and the event channel.
        self.transactions = 0
        self.request_counts: defaultdict[str, int] = defaultdict(int)
        self.event_counts: defaultdict[int, int] = defaultdict(int)

    # -- packets --------------------------------------------------------------------------------------------------

    def sent(self, packet: Request | Raw, frame: int = 0, time: float = 0.0) -> Transaction:
        """Take a request to the server; pass the returned transaction to `answered` with its response."""
        self._at(frame, time)
        return requests.send(self, packet)

    def answered(self, transaction: Transaction, packet: Request | Raw, frame: int = 0, time: float = 0.0) -> None:
        """Take the response to a request."""
        self._at(frame, time)
        self.transactions += 1
        transactions.respond(self, transaction, packet)

    def faulted(self, transaction: Transaction, frame: int = 0, time: float = 0.0) -> None:
        """Take an RPC fault instead of a response."""
        self._at(frame, time)
        self.transactions += 1
        transactions.fail(self, transaction)

    def strayed(self, packet: Request | Raw | None, how: str, frame: int = 0, time: float = 0.0) -> Transaction:
        """Take a request to the server under an invalid context handle of some kind; None is a ClientDetach.

        Pass the returned transaction to `answered`, `completed` (ClientDetach) or `faulted` with its outcome.
        """
        self._at(frame, time)
        return requests.send_stray(self, packet, how)

    def completed(self, transaction: Transaction, frame: int = 0, time: float = 0.0) -> None:
        """Take the response to a ClientDetach that `strayed` returned."""
        self._at(frame, time)
        transactions.complete(self, transaction)

    def channel_strayed(self, method: str, how: str, *, accepted: bool, frame: int = 0, time: float = 0.0) -> None:
        """Take a call of the event channel under an invalid context handle, with its outcome."""
        self._at(frame, time)
        self.links.stray(f"{method} under {how}", accepted=accepted)

    def event(self, event: Event | Raw, frame: int = 0, time: float = 0.0) -> None:
        """Take one event, however it was delivered."""
        self._at(frame, time)
        self.current = event
        self.registry.events_seen = True
        words = event.words
        message = words[4]
        self.event_counts[message] += 1
        handler = EVENT_HANDLERS.get(message)
        if handler is not None:
            handler(self, words)

    # -- the binding and the event channel --------------------------------------------------------------------------

    def attached(self, process_id: int, domain_user: str, frame: int = 0, time: float = 0.0) -> None:
        """Take a ClientAttach that returned 0 (3.1.4.1)."""
        self._at(frame, time)
        self.transactions += 1
        self.links.attach(process_id, domain_user)

    def detached(self, frame: int = 0, time: float = 0.0) -> None:
        """Take the end of a ClientDetach (3.1.4.3)."""
        self._at(frame, time)
        self.transactions += 1
        self.links.detach()

    def lost(self, frame: int = 0, time: float = 0.0) -> None:
        """Take the end of the client's connection without ClientDetach (Q20)."""
        self._at(frame, time)
        self.links.lose()

    def channel_opened(self, frame: int = 0, time: float = 0.0) -> None:
        """Take a RemoteSPAttach that returned 0 (3.3.4.1)."""
        self._at(frame, time)
        self.transactions += 1
        self.links.open_channel()

    def channel_closed(self, frame: int = 0, time: float = 0.0) -> None:
        """Take the end of a RemoteSPDetach (3.3.4.3)."""
        self._at(frame, time)
        self.transactions += 1
        self.links.close_channel()

    def channel_lost(self, frame: int = 0, time: float = 0.0) -> None:
        """Take the end of the channel's connection without RemoteSPDetach (3.3.6)."""
        self._at(frame, time)
        self.links.lose_channel()

    def delivered(self, frame: int = 0, time: float = 0.0) -> None:
        """Take a use of the event channel; it proves nothing new while `flowing`."""
        self._at(frame, time)
        self.links.deliver()

    def fetched(self, frame: int = 0, time: float = 0.0) -> None:
        """Take events that GetAsyncEvents returned (2.2.4.1.8.1)."""
        self._at(frame, time)
        self.links.fetch()

    def gap(self, frame: int = 0, time: float = 0.0) -> None:
        """Take a gap: packets are missing, so what was known may have changed unseen.

        A gap is noticed late: what was sent since is no older than the gap.
        """
        self._at(frame, max(time, self.runner.now))
        gaps.doubt(self)

    def assume_unseen(self) -> None:
        """Do not rely on responses or events before one was seen: a capture may lack a connection, direction or end."""
        self.registry.responses_seen = self.registry.events_seen = self.registry.end_seen = False

    def inspect_attach(self, asked: ClientAttach, result: ClientAttachResult) -> None:
        """Report the rules that a ClientAttach and its result break (3.1.4.1)."""
        attaching.check_attach(self, asked, result)

    def damaged(self, transaction: Transaction, problems: Iterable[Problem]) -> None:
        """Take the problems of a request's stub; a server has to refuse the request (3.1.4, C706 14)."""
        requests.suspect_damage(transaction, problems)

    def damaged_events(self, problems: Iterable[Problem], *, stub: bool = False) -> None:
        """Report the problems of a buffer of events, or of its stub."""
        attaching.report_damage(self, problems, stub=stub)

    def misplaced(self, used: str, named: str, *, certain: bool, frame: int = 0, time: float = 0.0) -> None:
        """Report an event channel at an endpoint that the client did not name (3.3.4.2)."""
        self._at(frame, time)
        attaching.report_endpoint(self, used, named, certain=certain)

    def finish(self, until: float | None = None) -> None:
        """Report what the end of the traffic decides: accepted requests without a reply, effects that never came.

        ``until`` is the time of the last packet of all conversations.
        """
        runner, registry = self.runner, self.registry
        runner.role = None  # The end refuses no step: it reports.
        attaching.check_channel(self, registry.now if until is None else until, transactions.TIMEOUT)
        replies.report_stray(self)
        refusals.report_denied(self)
        for transaction in list(registry.pending.values()):
            if transaction.time > registry.gap_at:
                violations.decide(self, transaction, accepted=True)
                where, frame = f"request id {transaction.number:#x}", transaction.frame
                runner.step(transaction, REQUEST_ENDS, what=transaction.route.name, where=where, frame=frame)
        for call in list(registry.calls.values()):
            call.prepare(registry)
            runner.step(call, CALL_ENDS, call.context(registry))

    def _at(self, frame: int, time: float) -> None:
        self.runner.frame = frame
        self.runner.now = time

    # -- what is known ----------------------------------------------------------------------------------------------

    @property
    def calls(self) -> dict[int, Call]:
        """The open calls by handle."""
        return self.registry.calls

    @property
    def lines(self) -> dict[int, Line]:
        """The open lines by handle."""
        return self.registry.lines

    @property
    def phones(self) -> dict[int, Phone]:
        """The open phones by handle."""
        return self.registry.phones

    @property
    def applications(self) -> dict[int, Application]:
        """The applications by handle."""
        return self.registry.applications

    @property
    def facts(self) -> Facts:
        """The server's devices and the client's rights, as far as they were seen."""
        return self.registry.facts

    @property
    def model(self) -> str | None:
        """How events are delivered: "push", "pull" or "management"; None if it is not known."""
        return self.links.model

    @property
    def version(self) -> int:
        """The highest TAPI version negotiated, 0 if there is none."""
        return self.links.version

    @property
    def flowing(self) -> bool:
        """Whether the binding takes events over its channel, so that one more delivery proves nothing new."""
        return self.links.flowing

    @property
    def now(self) -> float:
        """The time of the last packet, in seconds."""
        return self.runner.now

    @property
    def partial(self) -> bool:
        """Whether instances may exist whose creation was not seen."""
        return self.registry.partial

    def completes(self, number: int) -> type[Request] | None:
        """Return the request class that a request id belongs to, to decode its completion."""
        registry = self.registry
        found = registry.pending.get(number) or registry.unanswered.get(number) or registry.recent.get(number)
        return None if found is None else found.route.packet

    @property
    def requests(self) -> dict[str, int]:
        """Number of requests by name."""
        return dict(sorted(self.request_counts.items()))

    @property
    def judged(self) -> int:
        """Number of packets that were judged: requests with their responses, and events."""
        return 2 * self.transactions + sum(self.event_counts.values())

    @property
    def events(self) -> dict[str, int]:
        """Number of events by name."""
        found = {EVENTS[n].__name__ if n in EVENTS else f"{n:#x}": count for n, count in self.event_counts.items()}
        return dict(sorted(found.items()))

"""Assign calls to sessions: context handles, event channels and bindings, and their end."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from mstrp.capture.handles import ContextHandles, Stray
from mstrp.capture.session import Misplaced, Session, Unclaimed, Undecided, Waiting, fitting
from mstrp.capture.unread import SkippedTraffic
from protocol.ndr import NULL_CONTEXT, REMOTESP, TAPSRV

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.conversation import Conversation
    from fsm.monitor import Monitor
    from mstrp.capture.connection import Connection
    from mstrp.capture.pending_findings import PendingFindings
    from mstrp.capture.session import Hosts
    from protocol.ndr import Interface

__all__ = ["Sessions"]

#: Time in seconds after the end of a session during which late packets are still assigned to it.
_AFTERGLOW: Final = 60.0
#: Maximum number of sessions remembered for one connection.
_MOST: Final = 64


class Sessions:
    """The sessions of a capture, with the indexes to find them.

    ``warn`` is called for each damage.
    """

    def __init__(self, monitor: Monitor, warn: Callable[[int, str], None], *, limit: int = 65_536) -> None:
        self.monitor = monitor
        self.warn = warn
        self.limit = limit
        #: Traffic that was not checked, except encrypted traffic.
        self.skipped = SkippedTraffic()
        self.on_session: Callable[[Conversation], None] | None = None
        #: Called with a finished conversation and the time.
        self.on_over: Callable[[Conversation, float], None] | None = None
        #: Called for missing packets of a conversation, and for a lost connection; the last argument is the first frame
        #: of the period with possibly missing packets.
        self.on_loss: Callable[[Conversation, str, int, float, int], None] | None = None
        #: By hosts and context handle.
        self.bindings: dict[tuple[Hosts, bytes], Session] = {}
        self.channels: dict[tuple[Hosts, bytes], Session] = {}
        #: The context handles that were returned, and the latest session between two hosts.
        self.handles = ContextHandles(limit, monitor.grace)
        self._latest: dict[Hosts, Session] = {}
        #: By connection the session to which its last call under an invalid context handle was attributed.
        self._strays: dict[Connection, Session] = {}
        #: Event channels whose session is not decided yet.
        self.undecided: dict[tuple[Hosts, bytes], Undecided] = {}
        #: Sessions for which the server may still open an event channel, in the order of their ClientAttach.
        self.waiting = Waiting()
        #: Sessions with only an event channel, and sessions without one that started before the capture.
        self._handleless = Unclaimed()
        self._channelless = Unclaimed()
        #: Sessions that have ended, with late packets still possible.
        self._ended: deque[Session] = deque()
        #: All sessions that may still receive packets.
        self._known: dict[Session, None] = {}
        #: Those that hold findings.
        self._held: set[PendingFindings] = set()
        self._open = 0
        self.crowded = False
        #: Endpoints of event channels that no ClientAttach specified, and those that were specified.
        self.unannounced: set[str] = set()
        self.announced: set[str] = set()

    # -- end of connections ---------------------------------------------------------------------------------------

    def gap(self, connection: Connection, frame: int, time: float) -> None:
        """Handle missing packets of a connection: its sessions may have changed unseen."""
        if connection.doubted and not _changed(connection):
            return
        connection.doubted = True
        self.handles.miss(connection)
        concerned = [*connection.bound.values(), *connection.channels.values()]
        if connection.session is not None:
            concerned.append(connection.session)
        stray = self._strays.get(connection)
        if stray is not None:
            concerned.append(stray)
        if not concerned:
            hosts = self.channel_hosts(connection)
            concerned = self.waiting.of(hosts, connection.endpoint)
        # Each session once, in a deterministic order.
        for session in dict.fromkeys(concerned):
            since = session.pending.gap(connection.carriers(), frame)
            if session.changed or since < frame:
                self.doubt(session, frame, time, since)

    def doubt(self, session: Session, frame: int, time: float, since: int | None = None) -> None:
        session.changed = False
        session.conversation.gap(frame, time)
        if self.on_loss is not None:
            self.on_loss(session.conversation, "gap", frame, time, frame if since is None else since)

    def connection_ended(self, connection: Connection, frame: int, time: float) -> None:
        """Handle the end of a connection: bindings that used only this one are lost (Q20)."""
        # A copy, because finished sessions are removed.
        for session in dict.fromkeys(connection.bound.values()):
            session.ends.pop(connection, None)
            if not session.ends and session.ended is None:
                session.conversation.lost(frame, time)
                if self.on_loss is not None:
                    self.on_loss(session.conversation, "lost", frame, time, frame)
                self.end(session, time)
        begun = connection.session
        if begun is not None and begun in self.waiting and not begun.attached:
            # The response to its ClientAttach was never received.
            self.waiting.discard(begun)
        if begun is not None and begun.idle and begun.ended is None:
            self.end(begun, time)
        for session in connection.channels.values():
            session.conversation.channel_lost(frame, time)
            if self.on_loss is not None:
                self.on_loss(session.conversation, "channel lost", frame, time, frame)
            if not session.context:
                # Only its event channel was seen.
                self.end(session, time)
        for context in connection.channels:
            self.channels.pop((self.channel_hosts(connection), context), None)
            self._decide((self.channel_hosts(connection), context))

    def skip(self, reason: str, detail: str, packets: int, connections: int = 0, *, known: bool = True) -> None:
        """Count traffic that is not checked."""
        self.skipped.add(reason, detail, packets, connections, known=known)

    def finish(self) -> None:
        """Report all findings at the end of the capture."""
        for session in self._known:
            if session.misplaced is not None:
                runner = session.conversation.runner
                self._report_place(session, runner.frame, runner.now, certain=False)
            session.pending.over()
        self._known.clear()

    def advance(self) -> None:
        """Tell the findings that have become certain since they came up."""
        for pending in list(self._held):
            pending.advance()
            if not pending.waiting:
                self._held.discard(pending)

    # -- sessions -------------------------------------------------------------------------------------------------

    def _begin(self, hosts: Hosts, frame: int, time: float, machine: str = "", *, partial: bool = False) -> Session:
        """Start a session; remove sessions that ended long ago, and the oldest one above the limit."""
        while self._ended and time - (self._ended[0].ended or 0.0) > _AFTERGLOW:
            self._forget(self._ended.popleft(), time)
        if self._open >= self.limit:
            if not self.crowded:
                self.crowded = True
                self.warn(frame, f"more than {self.limit} sessions are open (limit sessions); the oldest are given up")
            oldest = next(iter(self.bindings.values()), None) or next(iter(self.waiting), None)
            if oldest is not None:
                # Its later traffic is treated as a session that started earlier.
                self.doubt(oldest, frame, time)
                self.end(oldest, time)
        self._open += 1
        conversation = self.monitor.conversation(client=hosts[0], server=hosts[1], partial=partial)
        conversation.runner.frame, conversation.runner.now = frame, time
        conversation.assume_unseen()
        if self.on_session is not None:
            self.on_session(conversation)
        session = Session(conversation, machine, hosts)
        session.pending.held = self._held
        self._known[session] = None
        self._latest[hosts] = session
        if len(self._latest) > self.limit:
            del self._latest[next(iter(self._latest))]
        return session

    def attach(self, connection: Connection, machine: str, frame: int, time: float) -> Session:
        """Start a session for a ClientAttach request, with the endpoints of its event channel and without a handle."""
        begun = connection.session
        if begun is not None and begun.idle:
            session = begun
            session.idle = False
            session.announce(machine)
        else:
            session = self._begin((connection.client.host, connection.server.host), frame, time, machine)
        session.ends[connection] = None
        connection.session = session
        self.waiting.add(session)
        if len(self.announced) < self.limit:
            self.announced.update(session.endpoints)
        return session

    def refuse(self, connection: Connection, session: Session) -> None:
        """Discard a session whose ClientAttach was refused."""
        self.skip("attach-refused", "the server refused ClientAttach", 2, 1, known=False)
        self.waiting.discard(session)
        if session.strayed:
            # Calls under invalid context handles preceded it and were checked.
            session.idle = True
            return
        connection.session = None
        self._open -= 1
        self._known.pop(session, None)
        self.monitor.discard(session.conversation)

    def end(self, session: Session, time: float) -> None:
        """End a binding: no event channel and no request can follow."""
        if session.misplaced is not None:
            self._report_place(session, session.conversation.runner.frame, time, certain=False)
        self.waiting.discard(session)
        if session.ended is None:
            session.ended = time
            self._open -= 1
            self._ended.append(session)
            if len(self._ended) > self.limit // 16 + 1:
                self._forget(self._ended.popleft(), time)
        self.bindings.pop((session.hosts, session.context), None)
        self._channelless.discard(session)
        for connection in session.ends:
            connection.bound.pop(session.context, None)

    def _forget(self, session: Session, time: float) -> None:
        """Remove a session that has ended."""
        self._known.pop(session, None)
        self._handleless.discard(session)
        self.bindings.pop((session.hosts, session.placeholder), None)
        session.pending.over()
        self._held.discard(session.pending)
        self.channels.pop((session.hosts, session.channel), None)
        if self.on_over is not None:
            self.on_over(session.conversation, time)

    def bind(self, connection: Connection, context: bytes, session: Session) -> None:
        """Assign a context handle to a session on a connection."""
        session.context = context
        session.changed = True
        session.ends[connection] = None
        session.shared = len(session.ends) > 1
        self.bindings[session.hosts, context] = session
        if session.conversation.partial and not session.channel:
            self._channelless.add(session)
        connection.bound[context] = session
        if len(connection.bound) > _MOST:
            # It can still be found by its handle.
            oldest = connection.bound.pop(next(iter(connection.bound)))
            oldest.ends.pop(connection, None)

    def resolve(self, connection: Connection, context: bytes, frame: int, time: float) -> Session:
        """Return the session of a context handle that was not used on this connection yet."""
        hosts = connection.client.host, connection.server.host
        session = (
            connection.bound.get(context) or self.bindings.get((hosts, context)) or self._joined(connection, context)
        )
        if session is None:
            session = self._midway(connection, context, frame, time)
        self.bind(connection, context, session)
        return session

    def _joined(self, connection: Connection, context: bytes) -> Session | None:
        """Return the session of a handle of the association group that a connection from another address has joined."""
        found = self.handles.owner(TAPSRV, context, connection) if connection.joined else None
        return found if found is not None and found.ended is None and found in self._known else None

    def _midway(self, connection: Connection, context: bytes, frame: int, time: float) -> Session:
        """Return a session that started before the capture, or whose ClientAttach has no captured response."""
        hosts = connection.client.host, connection.server.host
        known = connection.session
        if known is not None and _attaching(known):
            known.attached = True
            self.doubt(known, frame, time)
            return known
        session = self._handleless.only(hosts)
        if session is not None:
            self._handleless.discard(session)
            self.bindings.pop((hosts, session.placeholder), None)
        else:
            session = self._begin(hosts, frame, time, partial=True)
            name = session.conversation.session
            self.warn(frame, f"session {name} began before the capture: its ClientAttach is missing")
        session.attached = True
        return session

    def stray(
        self, interface: Interface, connection: Connection, context: bytes, frame: int, time: float
    ) -> Stray | None:
        """Return the session of a call under an invalid context handle; None if the handle may be valid."""
        begun = connection.session
        if begun is not None and _attaching(begun) and context != NULL_CONTEXT:
            # The response that returned the handle may be missing.
            return None
        how = self.handles.fault(interface, context, connection, time)
        if how is None or (self.crowded and context != NULL_CONTEXT):
            return None
        hosts = (connection.client.host, connection.server.host)
        if interface is REMOTESP:
            hosts = hosts[1], hosts[0]
        owner = self.handles.owner(interface, context, connection)
        latest = self._latest.get(hosts)
        if how and latest is not None and _attaching(latest) and owner is None and context != NULL_CONTEXT:
            return None
        if owner is not None and owner.hosts != hosts and begun is None:
            begun = latest
        for session in (begun, owner, latest):
            if session is not None and session in self._known:
                break
        else:
            session = self._begin(hosts, frame, time)
            session.idle = session.settled = True
            if interface is TAPSRV:
                connection.session = session
            else:
                self.end(session, time)
        session.strayed = True
        session.follow(connection)
        self._strays[connection] = session
        return Stray(session, how)

    # -- event channels -------------------------------------------------------------------------------------------

    @staticmethod
    def channel_hosts(connection: Connection) -> Hosts:
        """Return client and server of the binding: on an event channel, the server is the RPC client."""
        return connection.server.host, connection.client.host

    def channel_candidates(self, connection: Connection, frame: int, time: float) -> list[Session]:
        """Return the sessions that an event channel may belong to, the most likely last."""
        found = fitting(self.waiting, connection)
        if not found:
            return [self._misplaced(connection) or self._orphan_channel(connection, frame, time)]
        # The server connects during ClientAttach, so a session awaiting its response is more likely.
        found.sort(key=lambda session: not session.attached)
        if len(found) == 1:
            self.waiting.discard(found[0])
        return found

    def _misplaced(self, connection: Connection) -> Session | None:
        """The session that an event channel at an endpoint that no client named may belong to, if it can be only one."""
        session = self.waiting.only(self.channel_hosts(connection))
        if session is None or session.misplaced is not None or session.channel:
            return None
        session.misplaced = Misplaced(connection.endpoint, timely=not session.attached)
        if len(self.unannounced) < self.limit:
            self.unannounced.add(connection.endpoint.lower())
        return session

    def place(self, session: Session, words: tuple[int, ...], frame: int, time: float) -> None:
        """Judge the endpoint of a channel by its events: an InitContext of the client shows whose it is."""
        if words and session.knows(words[1]):
            self._report_place(session, frame, time, certain=True)

    def _report_place(self, session: Session, frame: int, time: float, *, certain: bool) -> None:
        misplaced, session.misplaced = session.misplaced, None
        if misplaced is not None and (certain or misplaced.timely):
            named = " or ".join(sorted(session.endpoints))
            session.conversation.misplaced(misplaced.endpoint, named, certain=certain, frame=frame, time=time)

    def open_channel(
        self, connection: Connection, context: bytes, session: Session, frame: int, time: float, *, told: bool = True
    ) -> None:
        """Assign an event channel to a session."""
        self.waiting.discard(session)
        if session.misplaced is not None:
            if session.misplaced.endpoint == connection.endpoint:
                # The client's own endpoint may still be used.
                self.waiting.add(session)
            else:
                session.misplaced = None
        session.channel = context
        session.changed = True
        self._channelless.discard(session)
        session.events = connection
        session.settled = True
        connection.session = session
        connection.channels[context] = session
        self.channels[self.channel_hosts(connection), context] = session
        if told:
            session.conversation.channel_opened(frame, time)

    def leave_undecided(self, key: tuple[Hosts, bytes], candidates: list[Session]) -> None:
        """Keep the sessions that an event channel may belong to, until an event decides."""
        self._decide(key)
        for session in candidates:
            session.candidacies += 1
        self.undecided[key] = Undecided(candidates)
        if len(self.undecided) > self.limit:
            self._decide(next(iter(self.undecided)))

    def _decide(self, key: tuple[Hosts, bytes]) -> Undecided | None:
        """Remove and return the candidates for an event channel."""
        found = self.undecided.pop(key, None)
        if found is not None:
            for session in found.candidates:
                session.candidacies -= 1
        return found

    def resolve_channel(
        self, connection: Connection, context: bytes, words: tuple[int, ...], frame: int, time: float
    ) -> Session:
        """Return the session of an event channel that was not used on this connection yet."""
        key = self.channel_hosts(connection), context
        session = self.channels.get(key)
        if session is not None:
            connection.channels[context] = session
            session.events = connection
            session.conversation.registry.sequenced = False
            return session
        undecided = self._decide(key)
        if undecided is not None:
            session = undecided.settle(words[1] if words else 0, lambda each: bool(each.channel))
            if session.misplaced is not None and not (words and session.knows(words[1])):
                session.misplaced = None
                session = self._orphan_channel(connection, frame, time)
            self.open_channel(connection, context, session, frame, time)
            return session
        known = connection.session
        if known is None:
            candidates = self.channel_candidates(connection, frame, time)
            fits = [each for each in candidates if each.knows(words[1])] if words else []
            known = (fits or candidates)[-1]
        if not known.channel:
            # The RemoteSPAttach response that returned the handle was missed.
            self.open_channel(connection, context, known, frame, time, told=False)
            self.doubt(known, frame, time)
        connection.channels[context] = known
        return known

    def _orphan_channel(self, connection: Connection, frame: int, time: float) -> Session:
        """Assign an event channel without a captured ClientAttach to a binding between the same hosts."""
        hosts = self.channel_hosts(connection)
        if len(self.unannounced) < self.limit:
            self.unannounced.add(connection.endpoint.lower())
        session = self._channelless.only(hosts)
        if session is None:
            session = self._begin(hosts, frame, time, partial=True)
            self.warn(frame, f"event channel of session {session.conversation.session}: its ClientAttach is missing")
            session.placeholder = b"channel of %s" % connection.endpoint.encode()
            self.bindings[hosts, session.placeholder] = session
            self._handleless.add(session)
            self._channelless.add(session)
        return session


def _attaching(session: Session) -> bool:
    """Return whether ClientAttach was requested and has no response yet."""
    return not session.attached and session.ended is None and not session.idle


def _changed(connection: Connection) -> bool:
    """Return whether a session of a connection has changed since the last gap."""
    if not connection.sessions_known:
        # It may still be the event channel of a session.
        return True
    return (
        (connection.session is not None and connection.session.changed)
        or any(session.changed for session in connection.bound.values())
        or any(session.changed for session in connection.channels.values())
    )

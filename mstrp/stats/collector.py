"""Counters that are filled while captures are read."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from mstrp.stats.durations import Durations
from protocol.event import Event, Reply
from protocol.fields import Number
from protocol.packet import Request, error_name, signed

if TYPE_CHECKING:
    from fsm.conversation import Conversation
    from fsm.engine.finding import Finding
    from mstrp.capture.packets import Packet
    from mstrp.checking import CallResult, SessionResult

__all__ = ["OTHERS", "ClientCounts", "Collector", "RequestCounts"]

#: Pending requests, and keys of a counter; further keys are counted together.
_MOST = 65_536
OTHERS = "(others)"


class _Asked(NamedTuple):
    """A request that awaits its response or its reply."""

    name: str
    time: float
    #: Its request id; None if it is synchronous.
    number: int | None


class RequestCounts:
    """Numbers and times of the requests of one name."""

    def __init__(self) -> None:
        self.requests = 0
        self.failed = 0
        #: Seconds from the request to its response, and to its reply.
        self.responses = Durations()
        self.replies = Durations()


class ClientCounts:
    """Numbers of one client."""

    def __init__(self) -> None:
        self.sessions = 0
        self.packets = 0
        self.requests = 0
        self.calls = 0
        self.findings = 0


class Collector:
    """Counts what the callbacks of `check_capture` report."""

    def __init__(self) -> None:
        self.packets = 0
        self.sessions = 0
        self.requests: dict[str, RequestCounts] = {}
        self.events: Counter[str] = Counter()
        #: By request and return code.
        self.codes: Counter[tuple[str, str]] = Counter()
        #: By final state and path.
        self.calls: Counter[tuple[str, str]] = Counter()
        self.clients: dict[str, ClientCounts] = {}
        self.findings: Counter[tuple[str, str]] = Counter()
        self._capture = 0
        #: Requests by session and number of the RPC call, and those without a reply by session and request id.
        self._asked: OrderedDict[Any, _Asked] = OrderedDict()
        self._pending: OrderedDict[Any, _Asked] = OrderedDict()
        self._clients: dict[str, str] = {}

    def next_capture(self) -> None:
        """Packets that follow are those of another capture."""
        self._capture += 1
        self._asked.clear()
        self._pending.clear()
        self._clients.clear()

    def packet(self, packet: Packet) -> None:
        """Count a packet."""
        self.packets += 1
        content = packet.content
        client = self._client(packet.client)
        client.packets += 1
        if isinstance(content, Request):
            if packet.phase == "request":
                client.requests += 1
                self._request(packet, content)
            else:
                self._response(packet, content)
        elif isinstance(content, Event):
            self.events[packet.name] += 1
            if isinstance(content, Reply):
                self._reply(packet, content)
        elif packet.fault is not None:
            asked = self._asked.pop((packet.session, packet.call), None)
            if asked is not None:
                self._code(asked.name, f"RPC fault {packet.fault:#010x}", failed=True)

    def call(self, conversation: Conversation, call: CallResult) -> None:
        """Count a call."""
        key = (call.final, " → ".join(call.states) or "no state known")
        self.calls[key if key in self.calls or len(self.calls) < _MOST else (call.final, OTHERS)] += 1
        self._client(conversation.client).calls += 1

    def session(self, session: SessionResult) -> None:
        """Count a session."""
        self.sessions += 1
        self._client(session.client).sessions += 1
        self._clients.pop(session.id, None)

    def finding(self, finding: Finding) -> None:
        """Count a finding."""
        self.findings[finding.rule, finding.verdict.value] += 1
        self._client(self._clients.get(finding.session, "")).findings += 1

    def _client(self, name: str) -> ClientCounts:
        found = self.clients.get(name)
        if found is None:
            if len(self.clients) >= _MOST:
                name = OTHERS
            found = self.clients.setdefault(name, ClientCounts())
        return found

    def _request(self, packet: Packet, content: Request) -> None:
        name = packet.name
        counts = self.requests.setdefault(name, RequestCounts())
        counts.requests += 1
        self._clients.setdefault(packet.session, packet.client)
        asked = _Asked(name, packet.time, _request_id(content))
        _keep(self._asked, (packet.session, packet.call), asked)
        if asked.number is not None:
            # The reply may be captured before the response.
            _keep(self._pending, (packet.session, asked.number), asked)

    def _response(self, packet: Packet, content: Request) -> None:
        asked = self._asked.pop((packet.session, packet.call), None)
        if asked is None:
            return
        self.requests.setdefault(asked.name, RequestCounts()).responses.add(packet.time - asked.time)
        number = signed(content.words[0])
        if asked.number is not None and number != asked.number:
            self._pending.pop((packet.session, asked.number), None)
            if number > 0:
                _keep(self._pending, (packet.session, number), asked)
        if number <= 0 or asked.number is None:
            self._code(asked.name, _code(content.words[0]), failed=number < 0)

    def _reply(self, packet: Packet, content: Reply) -> None:
        asked = self._pending.pop((packet.session, content.words[6]), None)
        if asked is None:
            return
        self.requests.setdefault(asked.name, RequestCounts()).replies.add(packet.time - asked.time)
        self._code(asked.name, _code(content.words[7]), failed=signed(content.words[7]) < 0)

    def _code(self, name: str, code: str, *, failed: bool) -> None:
        self.codes[name, code] += 1
        if failed:
            self.requests.setdefault(name, RequestCounts()).failed += 1


def _code(word: int) -> str:
    """Return a return code by its name; all positive values are one."""
    return "0" if not word else "> 0" if signed(word) > 0 else error_name(word) or f"{word:#010x}"


def _request_id(request: Request) -> int | None:
    """Return the request id of an asynchronous request."""
    if request.completion == "async":
        for field in request.layout.fields:
            if isinstance(field, Number) and field.role == "request_id":
                return int(field.read(request))
    return None


def _keep(found: OrderedDict[Any, _Asked], key: Any, value: _Asked) -> None:
    found[key] = value
    if len(found) > _MOST:
        found.popitem(last=False)

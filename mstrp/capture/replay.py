"""Check packets in the JSON lines of ``decode --format jsonl``."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from mstrp.capture.files import CaptureError
from mstrp.capture.pending_findings import PendingFindings
from protocol.event import decode_events
from protocol.generic import GetAsyncEvents
from protocol.packet import decode_request, decode_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsm.conversation import Conversation
    from fsm.state.instances import Transaction
    from mstrp.capture.methods import Methods
    from mstrp.capture.packets import Packet

__all__ = ["Replay", "loss_dict"]

_USED = GetAsyncEvents.layout.index("dwUsedBufferSize")


def loss_dict(conversation: Conversation, kind: str, frame: int, time: float, since: int) -> dict[str, Any]:
    """Return a line for missing packets ("gap") or a lost connection ("lost", "channel lost").

    ``since`` is the first frame of the period with possibly missing packets.
    """
    return {
        "frame": frame,
        "since": since,
        "time": round(time, 6),
        "session": conversation.session,
        "direction": None,
        "method": None,
        "phase": kind,
        "packet": None,
    }


class _Asked(NamedTuple):
    """A request awaiting its response."""

    exchange: Transaction | None
    values: dict[str, Any]


class Replay:
    """Reads lines and passes their packets to the same conversations."""

    def __init__(self, methods: Methods, name: str) -> None:
        self.methods = methods
        self.sessions = methods.sessions
        self.name = name
        #: Whether a line with a packet was found; a file whose first line is not one is rejected.
        self.found = False
        self.conversations: dict[str, Conversation] = {}
        self.pending: dict[str, PendingFindings] = {}
        #: Requests awaiting a response, by session and call.
        self._asked: dict[tuple[str, Any], _Asked] = {}
        self._opened: set[str] = set()
        self.crowded = False
        #: Number of the last frame, and time of the last line.
        self.last = (0, 0.0)
        self._methods: dict[tuple[str, str], Callable[[Conversation, dict[str, Any], int, float], None]] = {
            ("ClientAttach", "request"): self._asks,
            ("ClientAttach", "response"): self._attached,
            ("ClientRequest", "request"): self._request,
            ("ClientRequest", "response"): self._response,
            ("ClientRequest", "event"): self._event,
            ("ClientDetach", "request"): self._detach,
            ("ClientDetach", "response"): self._detached,
            ("RemoteSPAttach", "response"): self._opened_channel,
            ("RemoteSPEventProc", "event"): self._event,
            ("RemoteSPEventProc", "response"): self._stray_call,
            ("RemoteSPDetach", "response"): self._closed_channel,
        }

    def read(self, lines: Iterable[bytes]) -> None:
        """Read all lines."""
        for number, text in enumerate(lines, 1):
            if text.strip():
                self._line(number, text)
        for held in self.pending.values():
            held.over()

    def _line(self, number: int, text: bytes) -> None:
        try:
            line = json.loads(text)
            frame, time, name = _whole(line["frame"], 63), _finite(line["time"]), str(line["session"])
            phase, method = line["phase"], line["method"]
            self.last = frame, time
            self.found = True
            conversation = self.conversations.get(name)
            if conversation is None:
                if not name:
                    return
                conversation = self._begin(
                    line, name, partial=(method, phase) != ("ClientAttach", "request") and "stray" not in line
                )
            elif not conversation.client:
                # The first line of the conversation was about a loss, which has no addresses.
                conversation.client, conversation.server = str(line.get("client", "")), str(line.get("server", ""))
            if phase == "gap":
                self.pending[name].since(_whole(line.get("since", frame), 63))
                conversation.gap(frame, time)
            elif phase == "lost":
                conversation.lost(frame, time)
            elif phase == "channel lost":
                conversation.channel_lost(frame, time)
            else:
                take = self._methods.get((method, phase))
                if take is not None:
                    take(conversation, line, frame, time)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            what = f"{type(error).__name__}: {error}" if not isinstance(error, json.JSONDecodeError) else str(error)
            if not self.found:
                message = (
                    f"{self.name}: not a capture: line {number} is not a packet of `decode --format jsonl` ({what})"
                )
                raise CaptureError(message) from None
            self.methods.note(self.last[0], f"line {number} is not a packet of `decode --format jsonl` ({what})")

    def _begin(self, line: dict[str, Any], name: str, *, partial: bool) -> Conversation:
        found = self.sessions.monitor.conversation(
            name, client=str(line.get("client", "")), server=str(line.get("server", "")), partial=partial
        )
        found.assume_unseen()
        if self.sessions.on_session is not None:
            self.sessions.on_session(found)
        self._limit()
        self.conversations[name] = found
        self.pending[name] = PendingFindings(found, None)
        return found

    def _limit(self) -> None:
        """Give up the oldest session if there are too many."""
        if len(self.conversations) >= self.sessions.limit:
            if not self.crowded:
                self.crowded = True
                more = f"more than {self.sessions.limit} sessions are open (limit sessions); the oldest are given up"
                self.methods.note(self.last[0], more)
            name = next(iter(self.conversations))
            oldest = self.conversations.pop(name)
            self.pending.pop(name).over()
            if self.sessions.on_over is not None:
                self.sessions.on_over(oldest, self.last[1])

    def _wait(self, conversation: Conversation, line: dict[str, Any], asked: _Asked) -> None:
        """Register a request until its response; above the limit, the oldest is dropped."""
        self._asked[conversation.session, line.get("call")] = asked
        if len(self._asked) > self.sessions.limit:
            del self._asked[next(iter(self._asked))]

    def _show(self, line: dict[str, Any], content: Any, frame: int, time: float) -> None:
        if self.methods.on_packet is not None:
            problems = tuple(content.problems())
            self.methods.on_packet(_packet(line, content, frame, time, problems))

    def _asks(self, conversation: Conversation, line: dict[str, Any], frame: int, time: float) -> None:
        self._wait(conversation, line, _Asked(None, line))

    def _attached(self, conversation: Conversation, line: dict[str, Any], frame: int, time: float) -> None:
        asked = self._asked.pop((conversation.session, line.get("call")), None)
        if line["fields"]["return"] != 0 or not str(line["values"]["pphContext"]).strip("0"):
            del self.conversations[conversation.session]
            self.sessions.monitor.discard(conversation)
        elif asked is not None:
            fields, values = asked.values["fields"], asked.values["values"]
            conversation.attached(_whole(fields["lProcessID"], 32), str(values["pszDomainUser"]), frame, time)

    def _request(self, conversation: Conversation, line: dict[str, Any], frame: int, time: float) -> None:
        packet = decode_request(bytes.fromhex(line["bytes"]), _whole(line["capacity"], 32))
        stray = line.get("stray")
        if stray == "":
            return
        if stray is None:
            exchange = conversation.sent(packet, frame, time)
        else:
            exchange = conversation.strayed(packet, str(stray), frame, time)
        self._wait(conversation, line, _Asked(exchange, {}))
        self._show(line, packet, frame, time)

    def _response(self, conversation: Conversation, line: dict[str, Any], frame: int, time: float) -> None:
        asked = self._asked.pop((conversation.session, line.get("call")), None)
        if asked is None or asked.exchange is None:
            return
        if "fault" in line:
            conversation.faulted(asked.exchange, frame, time)
        elif "bytes" in line:
            kind = asked.exchange.route.packet
            answer = decode_response(bytes.fromhex(line["bytes"]), kind)
            self._show(line, answer, frame, time)
            conversation.answered(asked.exchange, answer, frame, time)
            if kind is GetAsyncEvents and answer.words[0] == 0 and answer.words[_USED]:
                conversation.fetched(frame, time)

    def _event(self, conversation: Conversation, line: dict[str, Any], frame: int, time: float) -> None:
        if line["method"] == "RemoteSPEventProc":
            name = conversation.session
            if "stray" in line:
                pass
            elif name not in self._opened and not conversation.partial:
                # Only this event shows which of several channels it was.
                self._opened.add(name)
                conversation.channel_opened(frame, time)
            if "stray" not in line and not conversation.flowing:
                conversation.delivered(frame, time)
        for event in decode_events(bytes.fromhex(line["bytes"]), conversation.completes).events:
            self._show(line, event, frame, time)
            conversation.event(event, frame, time)

    def _detach(self, conversation: Conversation, line: dict[str, Any], frame: int, time: float) -> None:
        if line.get("stray"):
            exchange = conversation.strayed(None, str(line["stray"]), frame, time)
            self._wait(conversation, line, _Asked(exchange, {}))

    def _stray_call(self, conversation: Conversation, line: dict[str, Any], frame: int, time: float) -> None:
        if line.get("stray"):
            conversation.channel_strayed(
                line["method"], str(line["stray"]), accepted="fault" not in line, frame=frame, time=time
            )

    def _detached(self, conversation: Conversation, line: dict[str, Any], frame: int, time: float) -> None:
        asked = self._asked.pop((conversation.session, line.get("call")), None)
        if asked is not None and asked.exchange is not None:
            if "fault" in line:
                conversation.faulted(asked.exchange, frame, time)
            else:
                conversation.completed(asked.exchange, frame, time)
            return
        if "fault" in line:
            return
        conversation.detached(frame, time)

    def _opened_channel(self, conversation: Conversation, line: dict[str, Any], frame: int, time: float) -> None:
        if line["fields"]["return"] == 0:
            self._opened.add(conversation.session)
            conversation.channel_opened(frame, time)

    def _closed_channel(self, conversation: Conversation, line: dict[str, Any], frame: int, time: float) -> None:
        if "stray" in line:
            self._stray_call(conversation, line, frame, time)
        elif "fault" not in line:
            conversation.channel_closed(frame, time)


def _whole(value: Any, bits: int) -> int:
    """Return an integer of the given number of bits."""
    number = int(value)
    if not 0 <= number < 1 << bits:
        raise ValueError(f"{value} is not an integer of {bits} bits")
    return number


def _finite(value: Any) -> float:
    """Return a finite time."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not a time")
    return number


def _packet(line: dict[str, Any], content: Any, frame: int, time: float, problems: tuple[Any, ...]) -> Packet:
    from mstrp.capture.packets import Packet

    return Packet(frame, time, line["session"], line["direction"], line["method"], line["phase"], content, problems)

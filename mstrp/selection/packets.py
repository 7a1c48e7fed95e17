"""Facts about packets: the calls and lines that they refer to, directly or through their request or completion."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from protocol.event import Event, Reply
from protocol.fields import Handle, HandleType, Number
from protocol.packet import Request, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsm.conversation import Conversation
    from mstrp.capture.packets import Packet
    from mstrp.checking import CaptureResult
    from mstrp.selection.conditions import Facts, Selection

__all__ = ["PacketChooser", "PacketFacts", "needs_findings"]

#: Maximum number of requests and calls that are remembered.
_MOST = 65_536


class _Named(NamedTuple):
    """Calls and lines by handle."""

    calls: frozenset[int] = frozenset()
    lines: frozenset[int] = frozenset()

    def plus(self, other: _Named | None) -> _Named:
        return self if other is None else _Named(self.calls | other.calls, self.lines | other.lines)


class PacketFacts:
    """Facts of the packets of a capture, in order: a response and a reply belong to the handles of their request."""

    def __init__(self) -> None:
        #: Handles by session and number of the RPC call, and by session and request id.
        self._calls: OrderedDict[Any, _Named] = OrderedDict()
        self._ids: OrderedDict[Any, _Named] = OrderedDict()
        #: The line of a call, by session and handle.
        self._lines: OrderedDict[Any, int] = OrderedDict()

    def of(self, packet: Packet) -> Facts:
        """Return the facts of the next packet."""
        named = self._named(packet)
        return {
            "session": (packet.session,),
            "client": (packet.client,),
            "server": (packet.server,),
            "packet": (packet.name, packet.method),
            "frames": ((packet.frame, packet.frame),),
            "time": ((packet.time, packet.time),),
            "call": [f"{handle:#x}" for handle in named.calls],
            "line": [f"{handle:#x}" for handle in named.lines],
        }

    def line_of(self, session: str, call: int) -> int | None:
        """Return the line of a call, if a packet contained both."""
        return self._lines.get((session, call))

    def _named(self, packet: Packet) -> _Named:
        content, session = packet.content, packet.session
        if not isinstance(content, (Request, Event)):
            return self._calls.pop((session, packet.call), _Named()) if packet.call else _Named()
        named = _Named(frozenset(_handles(content, HandleType.HCALL)), frozenset(_handles(content, HandleType.HLINE)))
        if packet.phase == "response":
            named = named.plus(self._calls.pop((session, packet.call), None))
            number = signed(content.words[0])
            if number > 0 and isinstance(content, Request) and content.completion == "async":
                _keep(self._ids, (session, number), named)
        elif isinstance(content, Reply):
            named = named.plus(self._ids.pop((session, content.words[6]), None))
        elif packet.phase == "request":
            _keep(self._calls, (session, packet.call), named)
            for field in content.layout.fields:
                if isinstance(field, Number) and field.role == "request_id":
                    # A completion may be captured before the response that returns its id.
                    _keep(self._ids, (session, field.read(content)), named)
        if len(named.lines) == 1:
            for call in named.calls:
                _keep(self._lines, (session, call), next(iter(named.lines)))
        known = (self._lines.get((session, call)) for call in named.calls)
        return named.plus(_Named(lines=frozenset(line for line in known if line is not None)))


def _handles(content: Request | Event, kind: HandleType) -> Iterator[int]:
    """Yield the handles of a kind in a packet; handles that a request returns are in its response only."""
    response = isinstance(content, Request) and content.phase == "response"
    if response and signed(content.words[0]) < 0:
        return
    for field in content.layout.fields:
        if not isinstance(field, Handle) or field.type is not kind:
            continue
        if isinstance(content, Request) and (field.direction == "in") is response:
            continue
        handle = content.words[field.index] if response else field.read(content)
        if isinstance(handle, int) and handle:
            yield handle


def _keep(found: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    found[key] = value
    if len(found) > _MOST:
        found.popitem(last=False)


def needs_findings(selection: Selection) -> bool:
    """Whether a selection of packets depends on the findings about them."""
    return bool(selection.keys & {"rule", "verdict"})


class PacketChooser:
    """Chooses the packets of a capture, with its result if the selection depends on findings."""

    def __init__(self, selection: Selection, result: CaptureResult | None = None) -> None:
        self._selection = selection
        self._facts = PacketFacts()
        #: Rules and verdicts by session and frame.
        self._found: dict[tuple[str, int], dict[str, set[str]]] = {}
        for finding in () if result is None else result.findings:
            for frame in (finding.frame, finding.request_frame):
                if frame is not None:
                    about = self._found.setdefault((finding.session, frame), {"rule": set(), "verdict": set()})
                    about["rule"].update((finding.rule, *finding.also))
                    about["verdict"].add(finding.verdict.value)

    def chooses(self, packet: Packet) -> bool:
        """Whether the next packet is selected."""
        if not self._selection:
            return True
        about = self._found.get((packet.session, packet.frame), _NOTHING)
        return self._selection.matches({**self._facts.of(packet), **about})

    def chooses_loss(self, conversation: Conversation, frame: int, time: float) -> bool:
        """Whether the loss of packets of a conversation is selected."""
        facts: Facts = {
            "session": (conversation.session,),
            "client": (conversation.client,),
            "server": (conversation.server,),
            "frames": ((frame, frame),),
            "time": ((time, time),),
            "call": (),
            "line": (),
            "packet": (),
            **_NOTHING,
        }
        return self._selection.matches(facts)


_NOTHING: dict[str, set[str]] = {"rule": set(), "verdict": set()}

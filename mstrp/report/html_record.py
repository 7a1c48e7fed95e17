"""Data of a capture for the HTML report, recorded while it is read: packets, their calls, paths through machines."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from fsm.engine.row import Kind
from mstrp.capture.packets import CLIENT_TO_SERVER
from mstrp.report.describe import describe
from mstrp.report.packets import packet_dict
from protocol.event import Event, Reply
from protocol.fields import Handle, HandleType, Number
from protocol.packet import Request, signed

if TYPE_CHECKING:
    from fsm.engine.step import Step
    from mstrp.capture.packets import Packet

__all__ = ["CHUNK", "Recorder", "packed"]

#: Number of packets that are compressed together, and decompressed to show one of them.
CHUNK = 400
#: Machines that are not shown in the ladder, because they repeat the packets.
_SILENT = {"request", "version"}
_PHASES = {"request": 0, "response": 1, "event": 2}


def packed(value: Any) -> str:
    """Return a value as compressed JSON in base64; equal values give equal text."""
    data = json.dumps(value, separators=(",", ":")).encode()
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()


class Recorder:
    """Records one capture. Packets beyond ``limit`` are checked but not shown."""

    def __init__(self, limit: int = 400_000) -> None:
        self.limit = limit
        self.count = 0
        self.left_out = 0
        #: Compressed packets, `CHUNK` in each.
        self.chunks: list[str] = []
        #: (session, instance) of a call -> the numbers of its packets, and its path: (frame, from, event, to, rule).
        self.calls: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.ways: defaultdict[tuple[str, str], list[tuple[int, list[str], str, list[str], str]]] = defaultdict(list)
        self.sessions: defaultdict[str, list[int]] = defaultdict(list)
        #: Machine -> number of entries of each state, of steps between each pair of states, of uses of each row.
        self.states: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.edges: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self.rows: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._rows: list[list[Any]] = []
        self._early: list[Step] = []
        #: (session, handle) -> the current instance; pending requests -> their call.
        self._instances: dict[tuple[str, int], str] = {}
        self._asked: defaultdict[tuple[str, str], list[set[tuple[str, str]]]] = defaultdict(list)
        self._ids: dict[tuple[str, int], set[tuple[str, str]]] = {}

    # -- recording ------------------------------------------------------------------------------------------------

    def packet(self, packet: Packet) -> bool:
        """Take a decoded packet; steps of requests precede it, all others follow it."""
        if self.count >= self.limit:
            self.left_out += 1
            return True
        self._flush()
        number = self.count
        self.count += 1
        channel = int(packet.method.startswith("RemoteSP"))
        direction = int(packet.direction != CLIENT_TO_SERVER)
        phase = _PHASES.get(packet.phase, 3)
        detail = {
            name: value
            for name, value in packet_dict(packet).items()
            if name not in ("frame", "time", "session", "direction")
        }
        text = describe(packet)
        row = [number, packet.frame, round(packet.time, 6), packet.session, direction, phase, channel, text, [], detail]
        self._rows.append(row)
        self.sessions[packet.session].append(number)
        for key in self._calls_of(packet):
            self._belongs(number, key)
        early, self._early = self._early, []
        for step in early:
            self._stepped(step)
        return True

    def watch(self, packet: Packet) -> None:
        """Take a packet, without a result."""
        self.packet(packet)

    def step(self, step: Step) -> None:
        """Take a step."""
        name = step.machine.name
        if name == "request" and step.event.kind is Kind.REQUEST:
            self._count(step)
            return
        if step.event.kind is Kind.REQUEST:
            self._early.append(step)
        else:
            self._stepped(step)

    def _stepped(self, step: Step) -> None:
        self._count(step)
        name = step.machine.name
        if name in _SILENT or not self._rows:
            return
        changed = step.before != step.after
        if changed and not self.left_out:
            what = step.session if step.instance == step.session else step.instance
            self._rows[-1][8].append([name, what, step.machine.words(step.after), step.move.rule])
        if name == "call":
            key = (step.session, step.instance)
            self._instances[step.session, int(step.instance.split("#")[0], 16)] = step.instance
            if not self.left_out:
                self._belongs(self._rows[-1][0], key)
            if changed or step.move.rule:
                self.ways[key].append(
                    (
                        step.frame,
                        list(_ids(step, step.before)),
                        step.event.name,
                        list(_ids(step, step.after)),
                        step.move.rule,
                    )
                )

    def _count(self, step: Step) -> None:
        name = step.machine.name
        if step.before.bit_count() == 1 and step.after.bit_count() == 1 and step.before != step.after:
            (source,), (target,) = _ids(step, step.before), _ids(step, step.after)
            self.edges[name][source, target] += 1
        for state in _ids(step, step.after):
            self.states[name][state] += 1
        for row in step.move.rows:
            self.rows[name][id(row)] += 1

    # -- calls of packets -----------------------------------------------------------------------------------------

    def _belongs(self, number: int, key: tuple[str, str]) -> None:
        known = self.calls[key]
        if not known or known[-1] != number:
            known.append(number)

    def _calls_of(self, packet: Packet) -> set[tuple[str, str]]:
        content, session = packet.content, packet.session
        if isinstance(content, Reply):
            return self._ids.get((session, content.completed_id), set())
        if isinstance(content, Event):
            return self._handles(content, session)
        if not isinstance(content, Request):
            return set()
        name = (session, content.layout.name)
        if packet.phase == "request":
            found = self._handles(content, session)
            self._asked[name].append(found)
            self._await(content, session, found)
            return found
        waiting = self._asked[name]
        found = waiting.pop(0) if waiting else set()
        ack = signed(content.words[0])
        if content.completion == "async" and ack > 0:
            self._ids[session, ack] = found
        return found

    def _await(self, request: Request, session: str, found: set[tuple[str, str]]) -> None:
        for field in request.layout.fields:
            if isinstance(field, Number) and field.role == "request_id" and field.read(request):
                self._ids[session, field.read(request)] = found

    def _handles(self, content: Request | Event, session: str) -> set[tuple[str, str]]:
        found = set()
        for field in content.layout.fields:
            if isinstance(field, Handle) and field.type is HandleType.HCALL and field.direction == "in":
                instance = self._instances.get((session, field.read(content) or 0))
                if instance is not None:
                    found.add((session, instance))
        return found

    # -- end ------------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        if len(self._rows) >= CHUNK:
            self.chunks.append(packed(self._rows))
            self._rows = []

    def finish(self) -> None:
        """Compress the remaining packets."""
        if self._rows:
            self.chunks.append(packed(self._rows))
            self._rows = []


def _ids(step: Step, mask: int) -> tuple[str, ...]:
    """Return the member names of a set of states, which are the ids in diagrams."""
    return tuple(state.name for state in step.machine.table.states if mask >> state & 1)

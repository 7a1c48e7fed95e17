"""Flows and scenarios performed with a live server: the client's part of a play, and whatever makes the rest happen.

A play says what a server tells. Here the server is real, so the tester causes what can be caused (a partner calls,
answers, hangs up) and waits for the rest. What only the server's side can bring about ends the flow as not applicable.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from mstrp.conform.catalogue import SCENARIO_FLOWS
from mstrp.conform.outcome import Result
from mstrp.conform.probe import OBJECTS, Asked, Missing, Probe, label
from mstrp.conform.truth import NOT_OFFERED
from mstrp.conform.world import NotOffered, World
from mstrp.generate.flows import FLOWS
from mstrp.generate.play import Kind, Play, Role, Step
from protocol import line
from protocol.constants import LINECALLSTATE, LINECONNECTEDMODE
from protocol.event import Reply
from protocol.events import LINE_APPNEWCALL, LINE_CALLINFO, LINE_CALLSTATE, LINE_PROXYREQUEST, LINE_PROXYSTATUS
from protocol.fields import Handle, HandleType
from protocol.generic import RSPSetEventFilterMasks
from protocol.packet import decode_request, error_name

if TYPE_CHECKING:
    from mstrp.conform.book import Book
    from mstrp.generate.flows.flow import Flow

__all__ = ["FLOW_TESTS", "flow_ids", "try_flow"]

S = LINECALLSTATE
#: States of call progress that some networks skip: nobody waits for them.
_PROGRESS = (S.DIALTONE, S.DIALING, S.PROCEEDING, S.RINGBACK)
#: Events that a client may or may not get: nobody waits for them either.
_MAYBE = (LINE_APPNEWCALL, LINE_CALLINFO, LINE_PROXYSTATUS)
#: Where a play names somebody to call.
_NUMBERS = ("dest_address",)


class _Performance:
    """One play with a live server; the partner is a client of its own."""

    def __init__(self, book: Book, probe: Probe, play: Play) -> None:
        self.book = book
        self.probe = probe
        self.play = play
        #: Handles of the play and what they are called here, by client.
        self.names: dict[tuple[str, HandleType, int], int] = {}
        self.asked: dict[int, Asked] = {}
        self.partner = World.of(probe, "p")
        self.number = ""
        #: The partner's end of a call of the play, by the handle here.
        self.ends: dict[int, int] = {}
        self.refused = ""

    async def perform(self) -> None:
        """Every step in the order of the play."""
        for step in self.play.order():
            await self._step(step, _client(step.role))

    async def _step(self, step: Step, client: str) -> None:
        match step.kind:
            case Kind.ATTACH:
                await self.probe.attach(client, step.role.model)
            case Kind.ASK:
                await self._ask(step, client)
            case Kind.ANSWER:
                self._answer(step)
            case Kind.TELL:
                for event in step.events:
                    await self._tell(client, event)
            case Kind.DETACH:
                await self.probe.detach(client)
            case Kind.LOST:
                await self.probe.lose(client)

    # -- requests -------------------------------------------------------------------------------------------------

    async def _ask(self, step: Step, client: str) -> None:
        packet: Any = step.packet
        words = packet.words
        data = bytearray(packet.encode())
        for field in packet.layout.fields:
            if isinstance(field, Handle) and field.direction == "in":
                self._put(data, client, field.index, field.type, words[field.index])
        if isinstance(packet, RSPSetEventFilterMasks) and packet.obj_type in OBJECTS:
            word = packet.layout.index("lObjectID")
            self._put(data, client, word, OBJECTS[packet.obj_type], words[word])
        index = packet.layout.by_spec.get("dwRequestID")
        if index is not None and type(packet).completion == "async":
            data[4 * index.index : 4 * index.index + 4] = bytes(4)
        packet = decode_request(bytes(data), packet.capacity)
        changes = {name: await self._to() for name in _NUMBERS if isinstance(getattr(packet, name, None), str)}
        if changes and type(packet) is not line.UnPark:
            packet = packet.replace(**changes, capacity=None)
        asked = self.asked[step.number] = await self.probe.ask(client, packet, legal=True)
        expected = self._answer_of(step)
        if asked.ok and expected is not None:
            for field in asked.packet.layout.fields:
                if isinstance(field, Handle) and field.direction == "out":
                    self.names[client, field.type, expected.words[field.index]] = asked.answer.words[field.index]

    def _answer_of(self, step: Step) -> Any:
        return next((other.packet for other in self.play.steps if other.of == step.number), None)

    def _put(self, data: bytearray, client: str, word: int, kind: HandleType, value: int) -> None:
        ours = self.names.get((client, kind, value))
        if ours is None and value and kind in {HandleType.HCALL, HandleType.HLINE, HandleType.HPHONE}:
            raise NotOffered(f"there is no {kind.value} for this step")
        data[4 * word : 4 * word + 4] = (value if ours is None else ours).to_bytes(4, "little")

    async def _to(self) -> str:
        """The number of the partner, whom everybody calls."""
        await self._begin_partner()
        return self.partner.number

    def _answer(self, step: Step) -> None:
        asked, expected = self.asked[step.of], step.packet
        assert expected is not None
        if asked.ok or expected.words[0] & 0x80000000:
            return
        text = f"{asked.packet.layout.name} is refused: {asked.outcome}"
        raise NotOffered(text) if asked.code in NOT_OFFERED else Missing(text)

    # -- what is told ---------------------------------------------------------------------------------------------

    async def _tell(self, client: str, event: Any) -> None:
        if isinstance(event, Reply):
            await self._reply(client, event)
        elif isinstance(event, LINE_CALLSTATE):
            await self._state(client, event)
        elif isinstance(event, LINE_PROXYREQUEST):
            await self.probe.event(client, "LINE_PROXYREQUEST")
        elif not isinstance(event, _MAYBE):
            raise NotOffered(f"only the server's side can bring about {type(event).__name__}")

    async def _reply(self, client: str, event: Any) -> None:
        asked = next(
            (
                self.asked[step.number]
                for step in self.play.steps
                if step.kind is Kind.ASK
                and step.number in self.asked
                and step.packet is not None
                and getattr(step.packet, "request_id", 0) == event.completed_id
                and _client(step.role) == client
            ),
            None,
        )
        if asked is None or not asked.ack:
            return
        done = await self.probe.reply(client, asked)
        if done.outcome < 0 <= event.outcome:
            name = asked.packet.layout.name
            code = done.words[7]
            text = f"{name} fails: {error_name(code) or f'{code:#010x}'}"
            raise NotOffered(text) if code in NOT_OFFERED else Missing(text)
        for field in event.layout.fields:
            if isinstance(field, Handle) and event.words[field.index] and field.index < len(done.words):
                self.names[client, field.type, event.words[field.index]] = done.words[field.index]
        data = getattr(event, "data", None)
        if data and getattr(done, "data", None):
            for kind in (HandleType.HAGENT, HandleType.HAGENTSESSION):
                value = int.from_bytes(data[:4], "little")
                self.names[client, kind, value] = int.from_bytes(done.data[:4], "little")

    async def _state(self, client: str, event: Any) -> None:
        call = self.names.get((client, HandleType.HCALL, event.call))
        state = int(event.call_state)
        if call is None:
            if state != S.OFFERING:
                raise NotOffered(f"only the server's side can bring a call into {label(state)}")
            call = await self._offer(client)
            self.names[client, HandleType.HCALL, event.call] = call
        if call not in self.probe.live_calls(client):
            return
        if state == S.CONNECTED and event.mode & LINECONNECTEDMODE.INACTIVE:
            raise NotOffered("only another station can answer a call that both have")
        if state in _PROGRESS:
            # Some networks report no progress: what comes later will do.
            later = _PROGRESS[_PROGRESS.index(S(state)) :]
            with contextlib.suppress(Missing):
                await self.probe.state(client, call, *later, S.CONNECTED, S.BUSY, S.DISCONNECTED, S.IDLE)
            return
        await self._cause(client, call, state)
        ends = (S.IDLE,) if state == S.DISCONNECTED else ()
        await self.probe.state(client, call, S(state), *ends)

    async def _offer(self, client: str) -> int:
        await self._begin_partner()
        opened = next(ours for (who, kind, _), ours in self.names.items() if who == client and kind is HandleType.HLINE)
        made = await self.partner.make(self.partner.subject, self.number)
        call = await self.probe.call(client, opened)
        self.ends[call] = made
        return call

    async def _cause(self, client: str, call: int, state: int) -> None:
        """Let the partner do what leads a call into a state, where it is not there or on its way."""
        now = self.probe.state_of(client, call)
        if now == state or state not in {S.CONNECTED, S.DISCONNECTED, S.IDLE, S.BUSY, S.SPECIALINFO}:
            return
        if state == S.CONNECTED and (now in _PROGRESS or not now):
            # An outgoing call: somebody has to answer it.
            await self._begin_partner()
            other = await self.probe.call("p", self.partner.subject)
            self.ends[call] = other
            await self.partner.done(line.Answer(call=other))
        elif state == S.DISCONNECTED and now != S.IDLE and call in self.ends:
            await self.partner.done(line.Drop(call=self.ends[call]))
        elif state in {S.BUSY, S.SPECIALINFO}:
            raise NotOffered(f"only the network can bring a call into {label(state)}")

    async def _begin_partner(self) -> None:
        """The partner: a client of its own, on the second line."""
        if self.partner.subject:
            return
        world = self.partner
        await world.begin(lines=0, how="push")
        if world.line_count < 2:
            raise NotOffered("nobody calls: the server has only one line")
        world.subject = await world.open(1)
        self.number = await world.number_of(0)
        world.number = self.book.target.to or await world.number_of(1)


def _client(role: Role) -> str:
    return "abcdefgh"[role.number - 1]


def flow_ids(flow: Flow) -> tuple[str, ...]:
    """The requirements that a flow shows."""
    scenarios = [f"SCENARIO-{section}" for section, name in SCENARIO_FLOWS.items() if name == flow.name]
    return (f"FLOW-{flow.name}", *scenarios)


async def try_flow(book: Book, flow: Flow) -> None:
    """Perform a flow; it passes when everything in it happened and nothing was wrong."""
    names = flow_ids(flow)
    play = flow.play()
    async with book.probe() as probe:
        performance = _Performance(book, probe, play)
        try:
            await performance.perform()
            done = True
        except Missing as error:
            done = False
            book.missed(error, *names)
    bad = book.judge(probe)
    if done and not bad:
        book.passes(*names)
    elif bad:
        book.leaves(Result.INCONCLUSIVE, "something else was wrong on the way", *names)


#: The flows by name; scenarios of section 4 first.
FLOW_TESTS: tuple[Flow, ...] = tuple(sorted(FLOWS.values(), key=lambda flow: flow.name not in SCENARIO_FLOWS.values()))

"""Flows and scenarios performed with a live server: the client's part of a play, and whatever makes the rest happen.

A play says what a server tells. Here the server is real, so the tester causes what can be caused (a partner calls,
answers, hangs up) and waits for the rest. What only the server's side can bring about ends the flow as not applicable.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from mstrp.conform.core.errors import Missing, NotOffered
from mstrp.conform.core.outcome import Verdict
from mstrp.conform.server.handle_names import OBJECTS
from mstrp.conform.server.refusals import NOT_OFFERED
from mstrp.conform.server.requirements import SCENARIO_FLOWS
from mstrp.conform.server.test_bed import TestBed
from mstrp.conform.server.tester import Tester
from mstrp.conform.server.transaction import Transaction, label
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
    from mstrp.conform.core.campaign import Campaign
    from mstrp.generate.flows.flow import Flow

__all__ = ["FLOW_CASES", "flow_ids", "try_flow"]

S = LINECALLSTATE
#: States of call progress that some networks skip: nobody waits for them.
_PROGRESS = (S.DIALTONE, S.DIALING, S.PROCEEDING, S.RINGBACK)
#: Events that a client may or may not get: nobody waits for them either.
_MAYBE = (LINE_APPNEWCALL, LINE_CALLINFO, LINE_PROXYSTATUS)
#: Where a play names somebody to call.
_NUMBERS = ("dest_address",)


class _Performance:
    """One play with a live server; the partner is a client of its own."""

    def __init__(self, campaign: Campaign, tester: Tester, play: Play) -> None:
        self.campaign = campaign
        self.tester = tester
        self.play = play
        #: Handles of the play and what they are called here, by client.
        self.names: dict[tuple[str, HandleType, int], int] = {}
        self.transaction: dict[int, Transaction] = {}
        self.partner = TestBed(tester, "p")
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
                await self.tester.attach(client, step.role.model)
            case Kind.ASK:
                await self._ask(step, client)
            case Kind.ANSWER:
                self._answer(step)
            case Kind.TELL:
                for event in step.events:
                    await self._tell(client, event)
            case Kind.DETACH:
                await self.tester.detach(client)
            case Kind.LOST:
                await self.tester.lose(client)

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
        transaction = self.transaction[step.number] = await self.tester.ask(client, packet, legal=True)
        expected = self._answer_of(step)
        if transaction.ok and expected is not None:
            for field in transaction.packet.layout.fields:
                if isinstance(field, Handle) and field.direction == "out":
                    self.names[client, field.type, expected.words[field.index]] = transaction.answer.words[field.index]

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
        transaction, expected = self.transaction[step.of], step.packet
        assert expected is not None
        if transaction.ok or expected.words[0] & 0x80000000:
            return
        text = f"{transaction.packet.layout.name} is refused: {transaction.outcome}"
        raise NotOffered(text) if transaction.code in NOT_OFFERED else Missing(text)

    # -- what is told ---------------------------------------------------------------------------------------------

    async def _tell(self, client: str, event: Any) -> None:
        if isinstance(event, Reply):
            await self._reply(client, event)
        elif isinstance(event, LINE_CALLSTATE):
            await self._state(client, event)
        elif isinstance(event, LINE_PROXYREQUEST):
            await self.tester.event(client, "LINE_PROXYREQUEST")
        elif not isinstance(event, _MAYBE):
            raise NotOffered(f"only the server's side can bring about {type(event).__name__}")

    async def _reply(self, client: str, event: Any) -> None:
        transaction = next(
            (
                self.transaction[step.number]
                for step in self.play.steps
                if step.kind is Kind.ASK
                and step.number in self.transaction
                and step.packet is not None
                and getattr(step.packet, "request_id", 0) == event.completed_id
                and _client(step.role) == client
            ),
            None,
        )
        if transaction is None or not transaction.ack:
            return
        done = await self.tester.reply(client, transaction)
        if done.outcome < 0 <= event.outcome:
            name = transaction.packet.layout.name
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
        if call not in self.tester.live_calls(client):
            return
        if state == S.CONNECTED and event.mode & LINECONNECTEDMODE.INACTIVE:
            raise NotOffered("only another station can answer a call that both have")
        if state in _PROGRESS:
            # Some networks report no progress: what comes later will do.
            later = _PROGRESS[_PROGRESS.index(S(state)) :]
            with contextlib.suppress(Missing):
                await self.tester.state(client, call, *later, S.CONNECTED, S.BUSY, S.DISCONNECTED, S.IDLE)
            return
        await self._cause(client, call, state)
        ends = (S.IDLE,) if state == S.DISCONNECTED else ()
        await self.tester.state(client, call, S(state), *ends)

    async def _offer(self, client: str) -> int:
        await self._begin_partner()
        opened = next(ours for (who, kind, _), ours in self.names.items() if who == client and kind is HandleType.HLINE)
        made = await self.partner.make(self.partner.subject, self.number)
        call = await self.tester.call(client, opened)
        self.ends[call] = made
        return call

    async def _cause(self, client: str, call: int, state: int) -> None:
        """Let the partner do what leads a call into a state, where it is not there or on its way."""
        now = self.tester.state_of(client, call)
        if now == state or state not in {S.CONNECTED, S.DISCONNECTED, S.IDLE, S.BUSY, S.SPECIALINFO}:
            return
        if state == S.CONNECTED and (now in _PROGRESS or not now):
            # An outgoing call: somebody has to answer it.
            await self._begin_partner()
            other = await self.tester.call("p", self.partner.subject)
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
        bed = self.partner
        await bed.begin(lines=0, how="push")
        if bed.line_count < 2:
            raise NotOffered("nobody calls: the server has only one line")
        bed.subject = await bed.open(1)
        self.number = await bed.number_of(0)
        bed.number = self.campaign.target.to or await bed.number_of(1)


def _client(role: Role) -> str:
    return "abcdefgh"[role.number - 1]


def flow_ids(flow: Flow) -> tuple[str, ...]:
    """The requirements that a flow shows."""
    scenarios = [f"SCENARIO-{section}" for section, name in SCENARIO_FLOWS.items() if name == flow.name]
    return (f"FLOW-{flow.name}", *scenarios)


async def try_flow(campaign: Campaign, flow: Flow) -> None:
    """Perform a flow; it passes when everything in it happened and nothing was wrong."""
    names = flow_ids(flow)
    play = flow.play()
    async with Tester.of(campaign) as tester:
        performance = _Performance(campaign, tester, play)
        try:
            await performance.perform()
            done = True
        except Missing as error:
            done = False
            campaign.record_missing(error, *names)
    bad = campaign.collect(tester)
    if done and not bad:
        campaign.record_pass(*names)
    elif bad:
        campaign.record(Verdict.INCONCLUSIVE, "something else was wrong on the way", *names)


#: The flows by name; scenarios of section 4 first.
FLOW_CASES: tuple[Flow, ...] = tuple(sorted(FLOWS.values(), key=lambda flow: flow.name not in SCENARIO_FLOWS.values()))

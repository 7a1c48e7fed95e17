"""A provider controlled by a play, and a performance of plays with a real client and a real server.

The client of the play is a `TapiClient`, the server a `Server`; only the provider behind it is controlled by the play.
So every flow of the model is exchanged by the real programs, with their own handles.
"""

from __future__ import annotations

import asyncio
from typing import Any

from world import until

from mstrp.generate.play import Kind, Play, Role, Step
from mstrp.live.client import TapiClient
from mstrp.live.provider import Provider, TapiError
from mstrp.live.server import Server
from mstrp.live.switch import Plan, Switch
from mstrp.live.switch.phones import push_button
from protocol import events, phone
from protocol.constants import LINECALLSTATE, OBJTYPE, TUISPIDLL_OBJECT
from protocol.event import Reply
from protocol.fields import Handle, HandleType
from protocol.generic import RSPSetEventFilterMasks
from protocol.line import GetNewCalls
from protocol.mmc import TUISPIDLLCallback
from protocol.packet import decode_request

#: TSPI functions that complete later.
_SLOW = [
    name
    for name in vars(Provider)
    if name.startswith(("line_", "phone_set", "agent_request"))
    and not name.startswith(("line_get", "line_monitor", "line_open", "line_close", "line_negotiate", "line_select"))
]


class Puppet(Switch):
    """A provider whose operations wait until the play completes them."""

    def __init__(self, lines: int = 2) -> None:
        super().__init__(Plan(lines=lines, phones=1))
        self.operations: list[tuple[str, tuple[Any, ...], asyncio.Future[Any]]] = []

    def agent_types(self, device: int) -> frozenset[int]:
        return frozenset()


def _slow(name: str) -> Any:
    def operation(self: Puppet, *arguments: Any, **named: Any) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self.operations.append((name, arguments, future))
        return future

    return operation


for _name in _SLOW:
    setattr(Puppet, _name, _slow(_name))
Puppet.line_monitor_digits = lambda self, call, modes: None
#: Only notified: requests on calls that the play does not contain.
Puppet.line_close_call = lambda self, call: None


_OBJECTS = {
    int(OBJTYPE.HLINEAPP): HandleType.HLINEAPP,
    int(OBJTYPE.HLINE): HandleType.HLINE,
    int(OBJTYPE.HCALL): HandleType.HCALL,
    int(OBJTYPE.HPHONEAPP): HandleType.HPHONEAPP,
    int(OBJTYPE.HPHONE): HandleType.HPHONE,
}


class Actor:
    """The client of a role."""

    def __init__(self, client: TapiClient) -> None:
        self.client = client
        self.queue = client.reader()
        self.seen: list[Any] = []
        self.requests: dict[int, asyncio.Future[Any]] = {}
        self.attached: Any = None
        #: Handles of the play and the corresponding live handles, by type.
        self.names: dict[tuple[HandleType, int], int] = {}
        self.unannounced: set[int] = set()

    async def event(self, fits: Any) -> Any:
        """Return the first matching event, received now or soon."""
        for place, event in enumerate(self.seen):
            if fits(event):
                return self.seen.pop(place)
        while True:
            async with asyncio.timeout(5.0):
                event = await self.queue.get()
            assert event is not None, "the binding ended"
            if fits(event):
                return event
            self.seen.append(event)


class Performance:
    """Performs the steps of a play, one after the other."""

    def __init__(self, server: Server, puppet: Puppet, **options: Any) -> None:
        self.server = server
        self.puppet = puppet
        self.options = options
        self.actors: dict[Role, Actor] = {}
        self.answers: dict[int, Any] = {}

    async def perform(self, play: Play, choose: Any = lambda count: 0) -> None:
        for step in play.order(choose):
            await self._step(step)

    async def _step(self, step: Step) -> None:
        role = step.role
        if step.kind is Kind.ATTACH:
            known = set(self.server.clients)
            client = await TapiClient.connect(
                self.server.address,
                **{
                    "poll": 0.005,
                    **self.options,
                    "events": "pull" if role.model == "pull" else self.options.get("events", "push"),
                    "management": role.model == "management",
                },
            )
            self.actors[role] = Actor(client)
            (new,) = set(self.server.clients) - known
            self.actors[role].attached = self.server.clients[new]
            return
        actor = self.actors[role]
        match step.kind:
            case Kind.ASK:
                await self._ask(actor, step)
            case Kind.ANSWER:
                expected, given = step.packet.words[0], self.answers.pop(step.of).words[0]
                assert (given ^ expected) & 0x80000000 == 0, f"{step}: {given:#x}"
                if not expected & 0x80000000:
                    assert given == expected, f"{step}: {given:#x}"
            case Kind.TELL:
                for event in step.events:
                    await self._tell(actor, event)
            case Kind.DETACH:
                await actor.client.close()
                assert not actor.attached.handles
            case Kind.LOST:
                actor.client._caller.abort()
                await until(lambda: actor.attached.gone)
                assert not actor.attached.handles
                await actor.client.close()

    # -- requests -------------------------------------------------------------------------------------------------

    async def _ask(self, actor: Actor, step: Step) -> None:
        packet = step.packet
        # Only DWORDs are changed: invalid offsets and sizes stay invalid.
        data = bytearray(packet.encode())
        for field in packet.layout.fields:
            if isinstance(field, Handle) and field.direction == "in":
                self._set(data, field.index, actor, field.type)
        if isinstance(packet, RSPSetEventFilterMasks):
            place = 4 * packet.layout.index("ulEventMasksLo")
            data[place : place + 4] = (0x7FFFFFFF & ~0x4).to_bytes(4, "little")
            kind = _OBJECTS.get(packet.obj_type)
            if kind is not None:
                self._set(data, packet.layout.index("lObjectID"), actor, kind)
        if isinstance(packet, TUISPIDLLCallback) and packet.object_type == TUISPIDLL_OBJECT.DIALOGINSTANCE:
            self._set(data, packet.layout.index("dwObjectID"), actor, HandleType.DIALOGINSTANCE)
        if isinstance(packet, GetNewCalls):
            call = self.server.make_call(0)
            call.state = int(LINECALLSTATE.CONNECTED)
        packet = decode_request(bytes(data), packet.capacity)
        before = len(self.puppet.operations)
        answer = self.answers[step.number] = await actor.client.request(packet)
        if len(self.puppet.operations) > before and hasattr(packet, "request_id"):
            actor.requests[packet.request_id] = self.puppet.operations[-1][2]
        self._learn(actor, step, answer)
        if isinstance(packet, phone.Open):
            opened = answer.phone
            await actor.client.request(
                phone.SetStatusMessages(phone=opened, phone_states=0xFFFFFF, button_modes=0x3F, button_states=0xF)
            )

    @staticmethod
    def _set(data: bytearray, word: int, actor: Actor, kind: HandleType) -> None:
        """Replace a handle of the play by the live handle."""
        place = slice(4 * word, 4 * word + 4)
        value = int.from_bytes(data[place], "little")
        data[place] = actor.names.get((kind, value), value).to_bytes(4, "little")

    def _learn(self, actor: Actor, step: Step, answer: Any) -> None:
        """Record the handles in the response, by the handles of the play's response."""
        if answer.ack < 0:
            return
        packet = step.packet
        play_answer = self._answer_of(step)
        for field in answer.layout.fields:
            if isinstance(field, Handle) and field.direction == "out":
                actor.names[field.type, play_answer.words[field.index]] = answer.words[field.index]
        if isinstance(packet, GetNewCalls):
            (theirs,), (ours,) = play_answer.call_list.calls, answer.call_list.calls
            actor.names[HandleType.HCALL, theirs] = ours

    def _answer_of(self, step: Step) -> Any:
        return next(other.packet for other in self.steps if other.of == step.number)

    # -- events ---------------------------------------------------------------------------------------------------

    def _call(self, actor: Actor, theirs: int) -> Any:
        """Return the server's call for a handle of the play; None if the client no longer has such a handle."""
        ours = actor.names.get((HandleType.HCALL, theirs))
        handle = actor.attached.handles.get(ours)
        return handle.call if handle is not None else None

    async def _tell(self, actor: Actor, event: Any) -> None:
        name = event.__class__.__name__
        if isinstance(event, Reply):
            await self._reply(actor, event)
        elif isinstance(event, events.LINE_APPNEWCALL):
            actor.unannounced.add(event.call)
        elif isinstance(event, events.LINE_CALLSTATE):
            await self._state(actor, event)
        elif isinstance(event, events.LINE_CALLINFO):
            call = self._call(actor, event.call)
            if call is not None:
                self.server.reports.call_info(call, event.changes)
                if not actor.attached.lines[next(iter(actor.attached.lines))].app.masks:
                    await actor.event(lambda one: isinstance(one, events.LINE_CALLINFO))
        elif isinstance(event, events.LINE_MONITORDIGITS):
            self.server.reports.call_event(
                self._call(actor, event.call),
                events.LINE_MONITORDIGITS,
                digit=event.digit,
                digit_mode=event.digit_mode,
            )
            await actor.event(lambda one: isinstance(one, events.LINE_MONITORDIGITS))
        elif isinstance(event, events.LINE_CLOSE):
            self.server.reports.line_close(0)
            await actor.event(lambda one: isinstance(one, events.LINE_CLOSE))
        elif isinstance(event, events.LINE_REMOVE):
            self.server.reports.line_remove(0)
            await actor.event(lambda one: isinstance(one, events.LINE_REMOVE))
        elif isinstance(event, events.PHONE_CLOSE):
            self.server.reports.phone_close(0)
            await actor.event(lambda one: isinstance(one, events.PHONE_CLOSE))
        elif isinstance(event, events.PHONE_BUTTON):
            push_button(self.puppet, 0, event.button_lamp_id)
            await actor.event(lambda one: isinstance(one, events.PHONE_BUTTON))
        elif isinstance(event, events.LINE_PROXYREQUEST):
            found = await actor.event(lambda one: isinstance(one, events.LINE_PROXYREQUEST))
            assert found.request.request_type == event.request.request_type
        else:
            # Whether handlers are announced depends on which client opened the line first.
            assert name == "LINE_PROXYSTATUS", name

    async def _reply(self, actor: Actor, event: Any) -> None:
        future = actor.requests.pop(event.completed_id)
        if event.outcome < 0:
            future.set_exception(TapiError(event.words[7]))
        else:
            future.set_result(self._brings(event))
        found = await actor.event(lambda one: isinstance(one, Reply) and one.completed_id == event.completed_id)
        assert found.outcome == event.outcome
        for field in event.layout.fields:
            if isinstance(field, Handle) and event.words[field.index]:
                actor.names[field.type, event.words[field.index]] = found.words[field.index]
        data = getattr(event, "data", None)
        if data is not None:
            for kind in (HandleType.HAGENT, HandleType.HAGENTSESSION):
                actor.names[kind, int.from_bytes(data, "little")] = int.from_bytes(found.data[:4], "little")

    @staticmethod
    def _brings(event: Any) -> Any:
        match event.layout.name:
            case "Park":
                return event.address.string if event.address is not None else "701"
            case "CompleteCall":
                return event.completion_id
            case "Forward" | "LINE_REPLY" | "PHONE_REPLY":
                return None
            case "CreateAgent":
                return {"agent": int.from_bytes(event.data, "little")}
            case "CreateAgentSession":
                return {"agent_session": int.from_bytes(event.data, "little")}
            case "GetAgentGroupList":
                return {"agent_group_list": event.agent_group_list}
        return None

    async def _state(self, actor: Actor, event: Any) -> None:
        call = self._call(actor, event.call)
        known = (HandleType.HCALL, event.call) in actor.names
        if call is None and known:
            return  # The client has deallocated the handle: it receives no more events.
        pending = call is not None and call.pending
        state, mode = event.call_state, event.mode
        new = call is None
        if new:
            call = self.server.reports.new_call(0)
        deferred = pending
        if state == LINECALLSTATE.CONFERENCED:
            call.parent = call if mode == event.call else self._call(actor, mode)
            if call.parent is None and mode:
                call.parent = self._made()
                deferred = True
        self.server.reports.call_state(call, state, mode)
        if deferred:
            return
        found = await actor.event(lambda one: isinstance(one, events.LINE_CALLSTATE) and one.call_state == state)
        if new:
            actor.names[HandleType.HCALL, event.call] = found.call
            actor.unannounced.discard(event.call)
        assert found.privilege == event.privilege

    def _made(self) -> Any:
        """Return the conference of a pending set-up."""
        for name, arguments, future in reversed(self.puppet.operations):
            if name in {"line_setup_conference", "line_complete_transfer"} and not future.done():
                return arguments[2]
        raise AssertionError("no conference is being set up")

    steps: list[Step]


async def perform(server: Server, puppet: Puppet, play: Play, choose: Any = lambda count: 0, **options: Any) -> None:
    """Perform a play live."""
    performance = Performance(server, puppet, **options)
    performance.steps = play.steps
    await performance.perform(play, choose)

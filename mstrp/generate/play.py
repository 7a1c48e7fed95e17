"""Conversations as partial orders of steps: requests, responses, events, and the steps that precede each.

A `Play` is data: steps with concrete packets, each with the steps that it must follow. An order that no document
requires is left open, so every legal order of a conversation can be generated from one description. `Play.order`
selects one; a stage (`mstrp.generate.stages`) writes it to a capture or passes it to a monitor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from protocol import events as event
from protocol import generic, line, phone
from protocol.constants import LINECALLPRIVILEGE, LINECALLSTATE, LINEMEDIAMODE, LINEOFFERINGMODE, PHONEPRIVILEGE
from protocol.packet import decode_request
from protocol.structures import LINEADDRESSCAPS, LINEDEVCAPS, LINEEXTENSIONID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from protocol.event import Event
    from protocol.packet import Request
    from protocol.record import Layout

__all__ = ["Asked", "Kind", "Line", "Play", "Role", "Script", "Step"]

_OWNER = int(LINECALLPRIVILEGE.OWNER)
_VOICE = int(LINEMEDIAMODE.INTERACTIVEVOICE)


class Kind(StrEnum):
    """The type of a step."""

    ATTACH = "ClientAttach"
    ATTACHED = "ClientAttach returns"
    CHANNEL = "RemoteSPAttach"
    ASK = "request"
    ANSWER = "answer"
    TELL = "events"
    DETACH = "ClientDetach"
    DETACHED = "ClientDetach returns"
    CHANNEL_END = "RemoteSPDetach"
    LOST = "connection lost"


@dataclass(frozen=True, slots=True)
class Step:
    """A step; it follows all steps in ``after``."""

    number: int
    kind: Kind
    role: Role
    after: frozenset[int]
    #: The request or its response.
    packet: Request | None = None
    #: Events of one event buffer.
    events: tuple[Event, ...] = ()
    #: The step of the request to which a response belongs.
    of: int = -1

    def __str__(self) -> str:
        what = self.packet or ", ".join(map(str, self.events))
        return f"{self.number}: client {self.role.number} {self.kind}: {what}"


class Asked(NamedTuple):
    """A request in a script: the steps of the request and of its response."""

    packet: Request
    sent: int
    answered: int


@dataclass(eq=False, slots=True)
class Line:
    """A line as known to its client: the handle of the server, the handle of the client, the context."""

    handle: int
    remote: int
    context: int
    opened: int = -1


@dataclass(eq=False, slots=True)
class Role:
    """A client of the play, with its identifying values."""

    number: int
    version: int = 0x00030001
    #: "push", "pull" or "management".
    model: str = "push"
    privileges: int = _OWNER
    lines: list[Line] = field(default_factory=list)
    phone: Line | None = None
    app: int = 0
    phone_app: int = 0
    init_context: int = 0
    #: The steps after which the client is ready, and its last steps.
    ready: frozenset[int] = frozenset()
    last: set[int] = field(default_factory=set)
    next_id: int = 1

    def identifier(self) -> int:
        """Return an unused request id."""
        self.next_id += 1
        return self.next_id


class Play:
    """A conversation of any number of clients with one server."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.roles: list[Role] = []
        self._handle = 0x10000

    def __repr__(self) -> str:
        return "\n".join([f"<Play of {len(self.steps)} steps", *(f"  {step}" for step in self.steps)]) + ">"

    def handle(self) -> int:
        """Return an unused handle."""
        self._handle += 1
        return self._handle

    def step(self, role: Role, kind: Kind, after: Iterable[int], **content: Any) -> int:
        """Add a step; return its number."""
        number = len(self.steps)
        step = Step(number, kind, role, frozenset(after), **content)
        self.steps.append(step)
        role.last -= step.after
        role.last.add(number)
        return number

    # -- clients --------------------------------------------------------------------------------------------------

    def client(self, *, lines: int = 1, phones: int = 0, **options: Any) -> Role:
        """Add a client with its session (4.1, 4.7): attached, with open devices.

        `finish` ends the session (4.2, 4.8).
        """
        role = Role(len(self.roles) + 1, **options)
        self.roles.append(role)
        role.init_context = 0x100 + role.number
        attach = self.step(role, Kind.ATTACH, ())
        if role.model == "push":
            # No document specifies the order of RemoteSPAttach and the response to ClientAttach (Q22).
            channel = self.step(role, Kind.CHANNEL, (attach,))
            first: tuple[int, ...] = (self.step(role, Kind.ATTACHED, (attach,)), channel)
        else:
            first = (self.step(role, Kind.ATTACHED, (attach,)),)
        script = Script(self, role, None, first)
        name = f"CLIENT{role.number}"
        role.app = 0x1000 + role.number
        script.ask(
            line.Initialize(
                init_context=role.init_context, friendly_name=name, module_name=name, api_version=role.version
            ),
            line_app=role.app,
            num_devs=lines,
        )
        if role.model != "management":
            self._devices(script, role, lines, phones)
        role.ready = frozenset(script.last)
        return role

    def _devices(self, script: Script, role: Role, lines: int, phones: int) -> None:
        version = role.version
        extension = (LINEEXTENSIONID(),) * lines
        script.ask(
            generic.NegotiateAPIVersionForAllDevices(
                line_app=role.app,
                num_line_devices=lines,
                api_high_version=version,
                line_api_versions_size=4 * lines,
                line_extension_ids_size=16 * lines,
            ),
            line_api_versions=(version,) * lines,
            line_extension_ids=extension,
        )
        for number in range(lines):
            caps = LINEDEVCAPS(num_addresses=1, line_name=f"Line {number}", media_modes=_VOICE)
            asked = line.GetDevCaps(line_app=role.app, device_id=number, tspi_version=version, line_dev_caps=1024)
            script.ask(asked, line_dev_caps=caps)
            address = LINEADDRESSCAPS(address=f"5{role.number:03}{number}")
            asked_address = line.GetAddressCaps(
                line_app=role.app, device_id=number, tspi_version=version, address_caps=1024
            )
            script.ask(asked_address, address_caps=address)
            role.lines.append(self.open(script, role, number))
        if phones:
            self._phone(script, role)

    def open(self, script: Script, role: Role, device: int) -> Line:
        """Open a line device."""
        opened = Line(
            self.handle(), 0x500 + 16 * role.number + len(role.lines), 0x700 + 16 * role.number + len(role.lines)
        )
        asked = script.ask(
            line.Open(
                line_app=role.app,
                device_id=device,
                negotiated_version=role.version,
                open_context=opened.context,
                privileges=role.privileges,
                media_modes=_VOICE if role.privileges & _OWNER else 0,
                remote_line=opened.remote,
            ),
            line=opened.handle,
        )
        opened.opened = asked.answered
        return opened

    def _phone(self, script: Script, role: Role) -> None:
        role.phone_app = 0x2000 + role.number
        name = f"CLIENT{role.number}"
        script.ask(
            phone.Initialize(
                init_context=role.init_context, friendly_name=name, module_name=name, api_version=role.version
            ),
            phone_app=role.phone_app,
            num_devs=1,
        )
        asked = phone.NegotiateAPIVersion(
            phone_app=role.phone_app, version=0x00010003, version_current=role.version, size=16
        )
        script.ask(asked, negotiated_version=role.version)
        opened = role.phone = Line(self.handle(), 0x900 + role.number, 0xA00 + role.number)
        script.ask(
            phone.Open(
                phone_app=role.phone_app,
                negotiated_version=role.version,
                open_context=opened.context,
                privilege=int(PHONEPRIVILEGE.OWNER),
                remote_phone=opened.remote,
            ),
            phone=opened.handle,
        )

    def script(self, role: Role, line_number: int = 0, after: Iterable[int] = ()) -> Script:
        """Return a script for one line of a client."""
        opened = role.lines[line_number] if role.lines else None
        return Script(self, role, opened, (*role.ready, *after))

    def finish(self, role: Role, *, close: bool = True) -> None:
        """End the session of a client after all its steps (4.2, 4.8)."""
        script = Script(self, role, None, role.last)
        if role.model != "management" and close:
            for opened in role.lines:
                script.ask(line.Close(line=opened.handle))
            if role.phone is not None:
                script.ask(phone.Close(phone=role.phone.handle))
        if role.phone is not None:
            script.ask(phone.ShutDown(phone_app=role.phone_app))
        script.ask(line.ShutDown(line_app=role.app))
        detach = self.step(role, Kind.DETACH, script.last)
        if role.model == "push":
            self.step(role, Kind.CHANNEL_END, (detach,))
        self.step(role, Kind.DETACHED, (detach,))

    # -- orders ---------------------------------------------------------------------------------------------------

    def order(self, choose: Callable[[int], int] = lambda count: 0) -> list[Step]:
        """Return the steps in a legal order: ``choose(n)`` selects one of ``n`` possible next steps.

        By default, the order in which they were written.
        """
        waiting = {step.number: len(step.after) for step in self.steps}
        followers: dict[int, list[int]] = {}
        for step in self.steps:
            for earlier in step.after:
                followers.setdefault(earlier, []).append(step.number)
        ready = [step.number for step in self.steps if not step.after]
        found = []
        while ready:
            number = ready.pop(choose(len(ready)))
            found.append(self.steps[number])
            for follower in followers.get(number, ()):
                waiting[follower] -= 1
                if not waiting[follower]:
                    ready.append(follower)
            ready.sort()
        return found


def _numbered(packet: Request, number: int) -> Request:
    """Return a request with the id that its client selected."""
    place = 4 * packet.layout.by_spec["dwRequestID"].index
    data = packet.encode()
    return decode_request(data[:place] + number.to_bytes(4, "little") + data[place + 4 :], packet.capacity)


@cache
def _numbers(kind: type[Request]) -> tuple[tuple[str, int], ...]:
    """Return the number fields of a request and their DWORDs, which a response repeats."""
    empty = kind().values()
    return tuple((name, word.index) for name, word in kind.layout.by_name.items() if isinstance(empty.get(name), int))


@cache
def _echoes(request: Layout, completion: Layout) -> tuple[tuple[str, int], ...]:
    """Return the fields of a completion that repeat DWORDs of its request, with those DWORDs."""
    known = request.by_spec
    found = [
        (name, known[echoed].index)
        for name, word in completion.by_name.items()
        if (echoed := getattr(word, "echoes", "")) in known and name != "request_id"
    ]
    return (*found, ("context", known["lpContext"].index)) if "lpContext" in known else tuple(found)


class Script:
    """Writes steps of one client, mostly on one of its lines.

    A request follows all earlier steps of the script; its effects specify their predecessors: its completion and its
    events follow the sending of the request, in any order (O3, O11), unless ``after`` contains more.
    """

    def __init__(self, play: Play, role: Role, opened: Line | None, after: Iterable[int]) -> None:
        self.play = play
        self.role = role
        self.line = opened
        #: The last steps of the script: a step that follows them follows all earlier ones.
        self.last: set[int] = set(after)

    def _step(self, kind: Kind, after: Iterable[int] | int | None, **content: Any) -> int:
        if after is None:
            after = self.last
        elif isinstance(after, int):
            after = (after,)
        after = frozenset(after)
        number = self.play.step(self.role, kind, after, **content)
        self.last -= after
        self.last.add(number)
        return number

    def call(self) -> int:
        """Return a new call handle."""
        return self.play.handle()

    # -- requests -------------------------------------------------------------------------------------------------

    def ask(
        self,
        packet: Request,
        *,
        after: Iterable[int] | int | None = None,
        ack: int | None = None,
        **answers: Any,
    ) -> Asked:
        """Add a request and its response: 0, or the request id of an asynchronous one, or ``ack``."""
        kind: Any = type(packet)
        if kind.completion == "async":
            if not packet.request_id:  # type: ignore[attr-defined]
                packet = _numbered(packet, self.role.identifier())
            if ack is None:
                ack = packet.request_id  # type: ignore[attr-defined]
        sent = self._step(Kind.ASK, after, packet=packet)
        words = packet.words
        given = {name: words[index] for name, index in _numbers(kind)}
        answer = kind(ack=ack or 0, **{**given, **answers})
        return Asked(packet, sent, self._step(Kind.ANSWER, sent, packet=answer, of=sent))

    def exchange(self, packet: Request, answer: Request, *, after: Iterable[int] | int | None = None) -> Asked:
        """Add the given request and response."""
        sent = self._step(Kind.ASK, after, packet=packet)
        return Asked(packet, sent, self._step(Kind.ANSWER, sent, packet=answer, of=sent))

    def reply(
        self,
        asked: Asked,
        result: int = 0,
        *,
        after: Iterable[int] | int | None = None,
        plain: bool = False,
        **brings: Any,
    ) -> int:
        """Add the completion of a request; it follows the sending unless ``after`` contains more.

        Arguments as in `reply_event`.
        """
        return self.tell(
            self.reply_event(asked, result, plain=plain, **brings), after=asked.sent if after is None else after
        )

    def reply_event(self, asked: Asked, result: int = 0, *, plain: bool = False, **brings: Any) -> Event:
        """Return the LINE_REPLY, PHONE_REPLY or special completion of a request, with its contexts.

        ``plain``: a LINE_REPLY although the request has a special completion (Forward without a call, E5).
        """
        request = asked.packet
        kind: Any = type(request).Completion
        if kind is None or plain:
            kind = event.PHONE_REPLY if request.device == "phone" else event.LINE_REPLY
        for name, word in _echoes(request.layout, kind.layout):
            brings.setdefault(name, request.words[word])
        known = request.layout.by_spec
        number = request.words[known["dwRequestID"].index]
        found: Event = kind(**self._contexts(), request_id=number, result=result & 0xFFFFFFFF, **brings)
        return found

    # -- events ---------------------------------------------------------------------------------------------------

    def _contexts(self) -> dict[str, int]:
        return {"init_context": self.role.init_context, "open_context": 0 if self.line is None else self.line.context}

    def tell(self, *found: Event, after: Iterable[int] | int | None = None) -> int:
        """Add events in one event buffer."""
        return self._step(Kind.TELL, after, events=found)

    def state_event(self, call: int, state: int, mode: int = 0, privilege: int = _OWNER) -> Event:
        """Return a LINE_CALLSTATE, to send together with other events."""
        assert self.line is not None
        return event.LINE_CALLSTATE(
            **self._contexts(),
            call=call,
            call_state=state,
            mode=mode,
            privilege=privilege,
            media_mode=_VOICE,
            remote_line=self.line.remote,
        )

    def state(
        self,
        call: int,
        state: int,
        mode: int = 0,
        *,
        privilege: int = _OWNER,
        after: Iterable[int] | int | None = None,
    ) -> int:
        """Add a LINE_CALLSTATE."""
        return self.tell(self.state_event(call, state, mode, privilege), after=after)

    def offer(
        self,
        call: int | None = None,
        state: int = LINECALLSTATE.OFFERING,
        mode: int = LINEOFFERINGMODE.ACTIVE,
        *,
        privilege: int = _OWNER,
        after: Iterable[int] | int | None = None,
    ) -> int:
        """Add an incoming call: LINE_APPNEWCALL and its first state, or only the state below 2.0. Return the handle."""
        call = self.call() if call is None else call
        assert self.line is not None
        first = self.state_event(call, state, mode, privilege)
        if self.role.version < 0x00020000:
            self.tell(first, after=after)
        else:
            self.tell(self.announcement(call), first, after=after)
        return call

    def announcement(self, call: int) -> Event:
        """Return a LINE_APPNEWCALL, to send together with other events."""
        assert self.line is not None
        return event.LINE_APPNEWCALL(**self._contexts(), remote_line=self.line.remote, call=call, call_id=call & 0xFFFF)

    def info(self, call: int, changes: int = 0x8000, *, after: Iterable[int] | int | None = None) -> int:
        """Add a LINE_CALLINFO."""
        assert self.line is not None
        found = event.LINE_CALLINFO(**self._contexts(), call=call, changes=changes, remote_line=self.line.remote)
        return self.tell(found, after=after)

    def about(self, kind: type[Event], *, after: Iterable[int] | int | None = None, **fields: Any) -> int:
        """Add any other event of the line."""
        return self.tell(kind(**self._contexts(), **fields), after=after)

    def release(self, *calls: int) -> None:
        """Add DeallocateCall for calls, one after the other."""
        for call in calls:
            self.ask(line.DeallocateCall(call=call))

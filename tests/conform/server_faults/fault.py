"""What a fault is, and the tools with which one mistake is built into an otherwise correct server."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from unittest import mock

from mstrp.live.provider import TapiError
from mstrp.live.server import Options, Server, attached, refusal
from mstrp.live.server import server as server_module
from mstrp.live.server.attached import Attached, Pending, Work
from mstrp.live.server.delivery import Pull, Push
from mstrp.live.switch import Plan, Switch
from protocol.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from protocol.packet import Request

__all__ = ["Fault", "Kind", "Parts", "accepts", "answers", "handled", "put", "told", "unchecked"]


class Kind(StrEnum):
    """What sort of mistake it is."""

    RULE = "rule off"
    ROW = "row changed"
    HANDLE = "handle leaked or lost"
    LATE = "event late"
    DOUBLED = "event doubled"
    LOST = "event lost"
    FIELD = "field wrong"
    OFF_BY_ONE = "off by one"


@dataclass(frozen=True)
class Parts:
    """The parts of a server, of which some are faulty: classes to take instead, and functions around its own."""

    server: type[Server] = Server
    client: type[Attached] = Attached
    switch: type[Switch] = Switch
    push: type[Push] = Push
    pull: type[Pull] = Pull
    #: Handlers by request: called with the right one, the client and the packet.
    handlers: dict[type[Request], Callable[..., Any]] = field(default_factory=dict)
    #: Around `refusal.check`: called with the right one, the client and the packet.
    check: Callable[..., None] | None = None
    #: Other values: (object, name, value).
    values: tuple[tuple[Any, str, Any], ...] = ()


@dataclass(frozen=True)
class Fault:
    """A server with one mistake, as data."""

    name: str
    kind: Kind
    #: What is wrong, in one sentence.
    wrong: str
    #: Under which requirements it may be told.
    ids: tuple[str, ...]
    #: Packets of the clients in the shortest conversation that can show it.
    shortest: int
    parts: Parts

    @contextmanager
    def server(self) -> Iterator[Server]:
        """The faulty server, not started yet; everything is as it was afterwards."""
        with built(self.parts) as server:
            yield server


@contextmanager
def built(parts: Parts) -> Iterator[Server]:
    """A server of these parts, not started yet; its own machines look away."""
    with ExitStack() as stack:

        def put_in(owner: Any, name: str, value: Any) -> None:
            stack.enter_context(mock.patch.object(owner, name, value))

        put_in(parts.server, "holder", parts.client)
        put_in(server_module, "Push", parts.push)
        put_in(server_module, "Pull", parts.pull)
        known = attached._HANDLERS
        around = {
            request.req_func: _around(known[request.req_func], function) for request, function in parts.handlers.items()
        }
        stack.enter_context(mock.patch.dict(known, around))
        if parts.check is not None:
            put_in(refusal, "check", _around(refusal.check, parts.check))
        for owner, name, value in parts.values:
            put_in(owner, name, value)
        switch = parts.switch(Plan(pace=0.02, step=0.05))
        yield parts.server(switch, Options(port=0, watch=False))


def _around(right: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda client, packet: function(right, client, packet)


# -- rules that are not kept --------------------------------------------------------------------------------------


class _Blind:
    """A request as a check sees it that does not look for some problems."""

    def __init__(self, packet: Request, rules: frozenset[str]) -> None:
        self._packet = packet
        self._rules = rules

    def __getattr__(self, name: str) -> Any:
        return getattr(self._packet, name)

    def problems(self) -> list[Any]:
        return [problem for problem in self._packet.problems() if problem.rule not in self._rules]


class _Careless(Attached):
    """A client whose requests are taken although something is wrong with them."""

    request_type: type[Request]

    def forgives(self, packet: Request, error: TapiError) -> bool:
        """Whether the server does not see what is wrong."""
        raise NotImplementedError

    def _admit(self, packet: Request) -> Any:
        self._careless = False
        try:
            return super()._admit(packet)
        except TapiError as error:
            if type(packet) is not self.request_type or not self.forgives(packet, error):
                raise
            self._careless = True
            return None

    def _perform(self, packet: Request) -> bytes:
        if not self._careless:
            try:
                return super()._perform(packet)
            except TapiError as error:
                if type(packet) is not self.request_type or not self.forgives(packet, error):
                    raise
        return self.pretend(packet)

    def pretend(self, packet: Any) -> bytes:
        """Say that it was done."""
        if type(packet).completion != "async":
            return attached._acknowledged(packet, 0)
        number = self._number(packet)
        self.tell(self._reply(Pending(number, packet, Work(None), self._line_of(packet)), 0, None))
        return attached._acknowledged(packet, number)


def unchecked(request: type[Request], *rules: str) -> Parts:
    """The server does not check some rules of the packet itself, and says that it has done what was asked."""
    blind = frozenset(f"TRP-3.1.4.2-{rule}" for rule in rules)

    class Careless(_Careless):
        request_type = request

        def forgives(self, packet: Request, error: TapiError) -> bool:
            problems = {problem.rule for problem in packet.problems() if problem.rule}
            if not problems or not problems <= blind:
                return False
            try:
                refusal.check(self, _Blind(packet, blind))  # type: ignore[arg-type]
            except TapiError:
                return False
            return True

    # Versions out of a list are looked at twice.
    listed = {**refusal._LISTED, request.req_func: ()}
    return Parts(client=Careless, values=((refusal, "_LISTED", listed),))


def accepts(request: type[Request], when: Callable[[Attached, Any], bool]) -> Parts:
    """The server says that it has done what it has to refuse, where something holds."""

    class Careless(_Careless):
        request_type = request

        def forgives(self, packet: Request, error: TapiError) -> bool:
            return when(self, packet)

    return Parts(client=Careless)


def dead(name: str) -> Callable[[Attached, Any], bool]:
    """A handle of a request is nobody's."""

    def when(client: Attached, packet: Any) -> bool:
        known = packet.layout.by_name[name]
        return not client.has(known.type, getattr(packet, name))

    return when


# -- what is answered and told ------------------------------------------------------------------------------------


def handled(request: type[Request], function: Callable[[Callable[..., Any], Attached, Any], Any]) -> Parts:
    """Another handler, which gets the right one."""
    return Parts(handlers={request: function})


def answers(request: type[Request], change: Callable[[Attached, Any, dict[str, Any]], Any]) -> Parts:
    """A synchronous request whose answer is changed: the fields as a dictionary."""

    def function(right: Any, client: Attached, packet: Any) -> Any:
        fields = dict(right(client, packet) or {})
        return change(client, packet, fields)

    return handled(request, function)


def brings(request: type[Request], change: Callable[[dict[str, Any]], Any]) -> Parts:
    """A request whose completion is changed: its fields as a dictionary."""

    def function(right: Any, client: Attached, packet: Any) -> Any:
        work = right(client, packet)
        work = work if isinstance(work, Work) else Work(work)
        finish = work.finish

        def changed(result: Any) -> Any:
            fields = finish(result) if finish is not None else None
            if fields is not None:
                change(fields)
            return fields

        work.finish = changed
        return work

    return handled(request, function)


def told(change: Callable[[Attached, Any], Any]) -> Parts:
    """What becomes of an event that is told: a list of events in its place, or None for the event itself."""

    class Telling(Attached):
        def _deliver(self, event: Event) -> None:
            found = change(self, event)
            for each in (event,) if found is None else found:
                super()._deliver(each)

    return Parts(client=Telling)


def late(when: Callable[[Attached, Any], bool], seconds: float | None = None) -> Parts:
    """Some events are told later: after what comes next, or after so many seconds."""

    class Late(Attached):
        _kept: Event | None = None

        def _deliver(self, event: Event) -> None:
            if self._kept is not None:
                super()._deliver(event)
                kept, self._kept = self._kept, None
                super()._deliver(kept)
            elif not when(self, event):
                super()._deliver(event)
            elif seconds is None:
                self._kept = event
            else:
                asyncio.get_running_loop().call_later(seconds, lambda: super(Late, self)._deliver(event))

    return Parts(client=Late)


def lost(when: Callable[[Attached, Any], bool]) -> Parts:
    """Some events are never told."""
    return told(lambda client, event: [] if when(client, event) else None)


def doubled(when: Callable[[Attached, Any], bool]) -> Parts:
    """Some events are told twice."""
    return told(lambda client, event: [event, event] if when(client, event) else None)


def put(event: Any, **values: int) -> list[Any]:
    """An event with other values."""
    words = list(event.words)
    for name, value in values.items():
        words[event.layout.by_name[name].index] = value & 0xFFFFFFFF
    return [attached.quick(type(event), tuple(words)) if len(words) == 10 else _bytes(event, words)]


def _bytes(event: Any, words: list[int]) -> Any:
    from protocol.event import decode_event

    data = b"".join(word.to_bytes(4, "little") for word in words) + event.buffer[4 * len(words) :]
    return decode_event(data)

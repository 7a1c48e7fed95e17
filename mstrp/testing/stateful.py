"""A state machine of Hypothesis over a server: its rules are the requests that a client may make, the monitor judges.

`machine` makes the class; ``run_state_machine_as_test(machine(...))`` runs it, or ``machine(...).TestCase`` in a module
of tests. A failure is printed as a program.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from fsm.engine.levels import Fault, Verdict
from fsm.monitor import Monitor
from fsm.tables.call_requests import ASKS, PRECONDITIONS
from mstrp.live.bindings import parse_binding
from mstrp.live.client import ClientOptions, TapiClient
from mstrp.live.server import Options, Server
from mstrp.live.switch import Plan, Switch
from mstrp.live.transport import RpcFault
from mstrp.testing.extra import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule, st
from mstrp.testing.special import LIFECYCLE
from mstrp.testing.strategies import requests
from mstrp.testing.variants import with_word
from protocol import line
from protocol.fields import Handle, HandleType
from protocol.packet import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fsm.engine.finding import Finding
    from fsm.state.instances import Call
    from protocol.packet import Request

__all__ = ["Judge", "ServerMachine", "machine"]

#: Requests whose story a rule of its own tells.
_APART = LIFECYCLE | {"MakeCall"}
#: Seconds that a server has to complete a request before the next step is taken.
_PATIENCE = 0.25


class _Name(int):
    """A handle; printed as people write it."""

    def __repr__(self) -> str:
        return hex(self)


class Judge:
    """A monitor that sees what a live client sends and gets."""

    def __init__(self, client: TapiClient) -> None:
        self.monitor = Monitor()
        self.conversation = self.monitor.conversation()
        self._client = client
        self._skipped = 0.0
        self._exchange: Any = None
        self._told = 0
        client.on_packet = self.packet

    def _now(self) -> float:
        return self._client.now() + self._skipped

    def skip(self, seconds: float) -> None:
        """Let time pass for the monitor: what was under way has arrived."""
        self._skipped += seconds

    def packet(self, direction: str, method: str, phase: str, content: Any) -> None:
        """A packet passed."""
        talk, now = self.conversation, self._now()
        match method, phase:
            case "ClientAttach", "request":
                self._asked = content
            case "ClientAttach", "response":
                talk.attached(self._asked.process_id, self._asked.domain_user, 0, now)
            case "RemoteSPAttach", _:
                talk.channel_opened(0, now)
            case "RemoteSPDetach", _:
                talk.channel_closed(0, now)
            case "ClientDetach", "response":
                talk.detached(0, now)
            case "ClientRequest", "request":
                self._exchange = talk.sent(content, 0, now)
            case "ClientRequest", "response":
                talk.answered(self._exchange, content, 0, now)
            case "RemoteSPEventProc", _:
                talk.delivered(0, now)
                talk.event(content, 0, now)

    def faulted(self) -> None:
        """The last request ended in an RPC fault."""
        self.conversation.faulted(self._exchange, 0, self._now())

    def complaints(self) -> list[Finding]:
        """What was found since the last question that is the server's fault; information is none."""
        found = self.monitor.findings[self._told :]
        self._told = len(self.monitor.findings)
        return [each for each in found if each.fault is Fault.SERVER and each.verdict is not Verdict.INFO]


class ServerMachine(RuleBasedStateMachine):
    """What the machines of `machine` share: the event loop, the server, the client and the judge."""

    calls = Bundle("calls")
    ended = Bundle("ended")
    lines = Bundle("lines")
    #: Makes the server, or the binding of one that runs.
    server_of: Callable[[], Server] | str
    settle: float = 0.02

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.server: Server | None = None
        self.client: TapiClient | None = None
        self.known: set[int] = set()
        self.history: list[Finding] = []
        try:
            self.run(self._begin())
        except BaseException:
            self.teardown()
            raise

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Let something happen in the loop of the machine."""
        return self.runner.run(work)

    async def _begin(self) -> None:
        given = type(self).server_of
        if isinstance(given, str):
            address = given
        else:
            self.server = given()
            await self.server.start()
            address = self.server.address
        self.client = TapiClient(parse_binding(address), ClientOptions(strict=False))
        self.judge = Judge(self.client)
        await self.client.attach()
        self.app = await self.client.initialize()
        self.count = self.app.count
        await self.app.negotiate_all()

    def teardown(self) -> None:
        """Detach, stop the server, judge what is left."""
        try:
            with contextlib.suppress(OSError, TimeoutError):
                self.run(self._end())
        finally:
            self.runner.close()
        if self.client is not None:
            self.judge.monitor.finish()
            self.complain()

    async def _end(self) -> None:
        if self.client is not None:
            await self.client.close()
        if self.server is not None:
            await self.server.stop()

    # -- what is known --------------------------------------------------------------------------------------------

    def call(self, handle: int) -> Call | None:
        """A call that is live and whose state is known."""
        found = self.judge.conversation.calls.get(handle)
        return found if found is not None and not found.mask & (found.mask - 1) else None

    def may(self, event: Any) -> bool:
        """Whether there is a call on which a request may be made."""
        calls = self.judge.conversation.calls.values()
        return any(call.machine.may(call, event, call.flags).legal for call in calls if self.call(call.handle))

    def arrived(self) -> Any:
        """The calls that are new, for the bundle."""
        new = [handle for handle in self.judge.conversation.calls if handle not in self.known]
        self.known.update(new)
        return multiple(*map(_Name, new))

    # -- what is done ---------------------------------------------------------------------------------------------

    async def _ask(self, packet: Request) -> Any:
        assert self.client is not None
        if type(packet).completion == "async":
            packet = with_word(packet, type(packet).layout.index("dwRequestID"), self.client.new_id())
        try:
            answer = await self.client.request(packet)
        except RpcFault:
            self.judge.faulted()
            answer = None
        await self._wait()
        return answer

    async def _wait(self) -> None:
        await asyncio.sleep(self.settle)
        talk = self.judge.conversation
        for _ in range(round(_PATIENCE / 0.005)):
            if not talk.registry.pending:
                break
            await asyncio.sleep(0.005)

    def ask(self, packet: Request) -> Any:
        """Send a request and let the server do what comes of it; None where the call ended in an RPC fault."""
        return self.run(self._ask(packet))

    def named(self, packet: Request, *calls: int) -> Request:
        """The packet with the handles of this session: calls in the order of their fields."""
        talk, left = self.judge.conversation, list(calls)
        handles: dict[HandleType, int] = {
            HandleType.HLINEAPP: self.app.handle,
            HandleType.HLINE: next(iter(talk.lines), 0),
        }
        if calls and (known := talk.calls.get(calls[0])) is not None and known.line is not None:
            handles[HandleType.HLINE] = known.line.handle
        for field in packet.layout.fields:
            if isinstance(field, Handle) and field.direction == "in":
                value = (left.pop(0) if left else 0) if field.type is HandleType.HCALL else handles.get(field.type, 0)
                packet = with_word(packet, field.index, value)
        return packet

    def complain(self) -> None:
        """Raise `AssertionError` with the findings that are the server's fault."""
        found = self.judge.complaints()
        self.history += found
        assert not found, "the server is at fault:\n" + "\n".join(map(str, found))

    # -- rules ----------------------------------------------------------------------------------------------------

    @rule(target=lines, device=st.integers(0, 3))
    def opens(self, device: int) -> Any:
        """Open a line that is not open."""
        if device >= self.count or any(each.device == device for each in self.judge.conversation.lines.values()):
            return multiple()

        async def work() -> Any:
            opened = await self.app.open(device)
            await self._wait()
            return opened

        return self.run(work())

    @rule(line=consumes(lines))
    def closes(self, line: Any) -> None:
        """Close a line; its calls are void."""
        if line.handle in self.judge.conversation.lines:
            self.run(line.close())

    @precondition(lambda self: self.judge.conversation.lines)
    @rule(target=calls, number=st.sampled_from(["5551234", "5550000", "5550002", "1002", None]))
    def makes(self, number: str | None) -> Any:
        """Make a call from the first line."""
        assert self.client is not None
        opened = next(iter(self.judge.conversation.lines))
        self.ask(line.MakeCall(context=self.client.new_id(), line=opened, call_context=1, dest_address=number))
        return self.arrived()

    @rule(target=calls)
    def waits_a_moment(self) -> Any:
        """Let the server go on."""
        self.run(asyncio.sleep(self.settle * 2))
        return self.arrived()

    @rule(target=ended, call=consumes(calls))
    def releases(self, call: int) -> Any:
        """Give a call up."""
        if self.call(call) is None:
            return multiple()
        answer = self.ask(line.DeallocateCall(call=call))
        return call if answer is not None and not answer.words[0] else multiple()

    @rule(call=ended)
    def uses_what_ended(self, call: int) -> None:
        """A handle that was given up: the server has to refuse it."""
        if call not in self.judge.conversation.calls:
            self.run(asyncio.sleep(self.settle))
            self.judge.skip(self.judge.monitor.grace + 0.1)
            self.ask(line.GetCallInfo(call=call, call_info=1024))

    @invariant()
    def is_without_fault(self) -> None:
        """Nothing that the server did so far is its fault."""
        if self.client is not None:
            self.complain()


class _Ringing(ServerMachine):
    """With a switch in the same process, calls come in as well."""

    @precondition(lambda self: self.judge.conversation.lines)
    @rule(target=ServerMachine.calls)
    def rings(self) -> Any:
        """Somebody calls the first line."""
        device = next(iter(self.judge.conversation.lines.values())).device

        async def work() -> None:
            assert self.server is not None
            self.server.provider.incoming(device, "5551000")  # type: ignore[attr-defined]
            await self._wait()

        self.run(work())
        return self.arrived()


def _call_fields(kind: type[Request]) -> list[Any]:
    return [
        field
        for field in kind.layout.fields
        if isinstance(field, Handle) and field.type is HandleType.HCALL and field.direction == "in"
    ]


def _on_calls(kind: type[Request], fields: list[Any]) -> Any:
    """A rule that makes a request on calls, in states in which it may be made."""
    events = [ASKS[kind.__name__, field.spec] for field in fields]

    def asks(self: ServerMachine, packet: Request, **calls: int) -> Any:
        found = [self.call(handle) for handle in calls.values()]
        lines = {None if call is None else call.line for call in found}
        distinct = len(set(calls.values())) == len(calls)
        if distinct and len(lines) == 1 and all(
            call is not None and call.machine.may(call, event, call.flags).legal
            for call, event in zip(found, events, strict=True)
        ):  # fmt: skip
            self.ask(self.named(packet, *calls.values()))
        return self.arrived()

    asks.__doc__ = f"{kind.__name__} on calls that it may be made on."
    calls = dict.fromkeys(("call", "other")[: len(fields)], ServerMachine.calls)
    ruled: Any = rule
    made = ruled(target=ServerMachine.calls, packet=requests(kind), **calls)(asks)
    return precondition(lambda self: self.may(events[0]))(made)


def _out_of_state(kind: type[Request], field: Any) -> Any:
    """A rule that makes a request on a call in a state in which it may not be made: the server has to refuse it."""
    event = ASKS[kind.__name__, field.spec]

    def oversteps(self: ServerMachine, packet: Request, call: int) -> None:
        found = self.call(call)
        if found is not None and not found.machine.may(found, event, found.flags).legal:
            self.ask(self.named(packet, call))

    oversteps.__doc__ = f"{kind.__name__} where it may not be made."
    return rule(packet=requests(kind), call=ServerMachine.calls)(oversteps)


def _on_lines(kind: type[Request], needs_line: bool) -> Any:
    """A rule that makes a request on the application, or on an open line."""

    def asks(self: ServerMachine, packet: Request) -> Any:
        self.ask(self.named(packet))
        return self.arrived()

    asks.__doc__ = f"{kind.__name__}."
    made = rule(target=ServerMachine.calls, packet=requests(kind))(asks)
    return precondition(lambda self: self.judge.conversation.lines)(made) if needs_line else made


def machine(
    server: Callable[[], Server] | str | None = None,
    *,
    only: Callable[[type[Request]], bool] = lambda kind: True,
    probe: bool = True,
    settle: float = 0.02,
) -> type[ServerMachine]:
    """A state machine over a server: without one, `mstrp.live`'s own with its simulated switch.

    ``server`` makes a server for each run, or is the binding of one that runs already
    (``"ncacn_ip_tcp:127.0.0.1[5150]"``). ``only`` says which requests may be made; with ``probe`` also requests in the
    wrong state and on handles that have ended, which the server has to refuse. ``settle``: seconds that the server is
    given after each request. Whatever the monitor finds to be the server's fault fails the machine; answers that the
    tables allow are taken either way.
    """
    body: dict[str, Any] = {
        "__doc__": "Requests of a client to a server, in any order, judged by the monitor.",
        "server_of": server if isinstance(server, str) else staticmethod(server or _own),
        "settle": settle,
    }
    for kind in REQUESTS.values():
        if kind.__name__ in _APART or kind.device != "line" or kind.layout.proxy_rules or not only(kind):
            continue
        fields = _call_fields(kind)
        types = {field.type for field in kind.layout.fields if isinstance(field, Handle) and field.direction == "in"}
        if fields and not any(field.optional for field in fields) and len(fields) < 3:
            body[kind.__name__] = _on_calls(kind, fields)
            if probe and len(fields) == 1 and (kind.__name__, fields[0].spec) in PRECONDITIONS:
                body[f"{kind.__name__}_out_of_state"] = _out_of_state(kind, fields[0])
        elif not fields and types and types <= {HandleType.HLINE, HandleType.HLINEAPP}:
            body[kind.__name__] = _on_lines(kind, HandleType.HLINE in types)
    base = ServerMachine if isinstance(server, str) else _Ringing
    return type("ServerStateMachine", (base,), body)


def _own() -> Server:
    return Server(Switch(Plan(pace=0.01)), Options(port=0))

"""A Hypothesis state machine that tests a server: its rules are the requests of a client, checked by the monitor.

`machine` returns the class; run it with ``run_state_machine_as_test(machine(...))``, or use ``machine(...).TestCase``
in a test module. A failure is printed as a program.
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
from mstrp.testing.hypothesis_names import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    st,
)
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

__all__ = ["LiveMonitor", "ServerMachine", "machine"]

#: Requests with dedicated rules.
_SEPARATE = LIFECYCLE | {"MakeCall"}
#: Timeout in seconds for the completion of a request, before the next step.
_TIMEOUT = 0.25


class _Name(int):
    """A handle; its repr is hexadecimal."""

    def __repr__(self) -> str:
        return hex(self)


class LiveMonitor:
    """A monitor of the packets that a live client sends and receives."""

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
        """Advance the monitor's clock: packets in transit have arrived."""
        self._skipped += seconds

    def packet(self, direction: str, method: str, phase: str, content: Any) -> None:
        """Pass a packet to the monitor."""
        conversation, now = self.conversation, self._now()
        match method, phase:
            case "ClientAttach", "request":
                self._asked = content
            case "ClientAttach", "response":
                conversation.attached(self._asked.process_id, self._asked.domain_user, 0, now)
            case "RemoteSPAttach", _:
                conversation.channel_opened(0, now)
            case "RemoteSPDetach", _:
                conversation.channel_closed(0, now)
            case "ClientDetach", "response":
                conversation.detached(0, now)
            case "ClientRequest", "request":
                self._exchange = conversation.sent(content, 0, now)
            case "ClientRequest", "response":
                conversation.answered(self._exchange, content, 0, now)
            case "RemoteSPEventProc", _:
                conversation.delivered(0, now)
                conversation.event(content, 0, now)

    def faulted(self) -> None:
        """Record that the last request ended with an RPC fault."""
        self.conversation.faulted(self._exchange, 0, self._now())

    def new_findings(self) -> list[Finding]:
        """Return the findings since the last call with the server at fault, except information."""
        found = self.monitor.findings[self._told :]
        self._told = len(self.monitor.findings)
        return [each for each in found if each.fault is Fault.SERVER and each.verdict is not Verdict.INFO]


class ServerMachine(RuleBasedStateMachine):
    """The common part of the classes that `machine` returns: event loop, server, client and monitor."""

    calls = Bundle("calls")
    ended = Bundle("ended")
    lines = Bundle("lines")
    #: Creates the server, or is the binding of a running server.
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
        """Run a coroutine in the event loop of this machine."""
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
        self.checker = LiveMonitor(self.client)
        await self.client.attach()
        self.app = await self.client.initialize()
        self.count = self.app.count
        await self.app.negotiate_all()

    def teardown(self) -> None:
        """Detach, stop the server, and check the remaining findings."""
        try:
            with contextlib.suppress(OSError, TimeoutError):
                self.run(self._end())
        finally:
            self.runner.close()
        if self.client is not None:
            self.checker.monitor.finish()
            self.raise_findings()

    async def _end(self) -> None:
        if self.client is not None:
            await self.client.close()
        if self.server is not None:
            await self.server.stop()

    # -- state of the session -------------------------------------------------------------------------------------

    def call(self, handle: int) -> Call | None:
        """Return an open call whose state is certain, or None."""
        found = self.checker.conversation.calls.get(handle)
        return found if found is not None and not found.mask & (found.mask - 1) else None

    def may(self, event: Any) -> bool:
        """Return whether a request is allowed on any call."""
        calls = self.checker.conversation.calls.values()
        return any(call.machine.may(call, event, call.flags).legal for call in calls if self.call(call.handle))

    def arrived(self) -> Any:
        """Return the new calls, for the bundle."""
        new = [handle for handle in self.checker.conversation.calls if handle not in self.known]
        self.known.update(new)
        return multiple(*map(_Name, new))

    # -- requests -------------------------------------------------------------------------------------------------

    async def _ask(self, packet: Request) -> Any:
        assert self.client is not None
        if type(packet).completion == "async":
            packet = with_word(packet, type(packet).layout.index("dwRequestID"), self.client.new_id())
        try:
            answer = await self.client.request(packet)
        except RpcFault:
            self.checker.faulted()
            answer = None
        await self._wait()
        return answer

    async def _wait(self) -> None:
        await asyncio.sleep(self.settle)
        conversation = self.checker.conversation
        for _ in range(round(_TIMEOUT / 0.005)):
            if not conversation.registry.pending:
                break
            await asyncio.sleep(0.005)

    def ask(self, packet: Request) -> Any:
        """Send a request and wait for its effects. Returns the response; None after an RPC fault."""
        return self.run(self._ask(packet))

    def named(self, packet: Request, *calls: int) -> Request:
        """Return the packet with the handles of this session; ``calls`` in the order of their fields."""
        conversation, left = self.checker.conversation, list(calls)
        handles: dict[HandleType, int] = {
            HandleType.HLINEAPP: self.app.handle,
            HandleType.HLINE: next(iter(conversation.lines), 0),
        }
        if calls and (known := conversation.calls.get(calls[0])) is not None and known.line is not None:
            handles[HandleType.HLINE] = known.line.handle
        for field in packet.layout.fields:
            if isinstance(field, Handle) and field.direction == "in":
                value = (left.pop(0) if left else 0) if field.type is HandleType.HCALL else handles.get(field.type, 0)
                packet = with_word(packet, field.index, value)
        return packet

    def raise_findings(self) -> None:
        """Raise `AssertionError` with the new findings that have the server at fault."""
        found = self.checker.new_findings()
        self.history += found
        assert not found, "the server is at fault:\n" + "\n".join(map(str, found))

    # -- rules ----------------------------------------------------------------------------------------------------

    @rule(target=lines, device=st.integers(0, 3))
    def open_line(self, device: int) -> Any:
        """Open a line that is not open."""
        if device >= self.count or any(each.device == device for each in self.checker.conversation.lines.values()):
            return multiple()

        async def work() -> Any:
            opened = await self.app.open(device)
            await self._wait()
            return opened

        return self.run(work())

    @rule(line=consumes(lines))
    def close_line(self, line: Any) -> None:
        """Close a line, which voids its calls."""
        if line.handle in self.checker.conversation.lines:
            self.run(line.close())

    @precondition(lambda self: self.checker.conversation.lines)
    @rule(target=calls, number=st.sampled_from(["5551234", "5550000", "5550002", "1002", None]))
    def make_call(self, number: str | None) -> Any:
        """Make a call on the first line."""
        assert self.client is not None
        opened = next(iter(self.checker.conversation.lines))
        self.ask(line.MakeCall(context=self.client.new_id(), line=opened, call_context=1, dest_address=number))
        return self.arrived()

    @rule(target=calls)
    def wait(self) -> Any:
        """Wait briefly for events."""
        self.run(asyncio.sleep(self.settle * 2))
        return self.arrived()

    @rule(target=ended, call=consumes(calls))
    def deallocate_call(self, call: int) -> Any:
        """Deallocate a call."""
        if self.call(call) is None:
            return multiple()
        answer = self.ask(line.DeallocateCall(call=call))
        return call if answer is not None and not answer.words[0] else multiple()

    @rule(call=ended)
    def use_deallocated_call(self, call: int) -> None:
        """Use the handle of a deallocated call, which the server must refuse."""
        if call not in self.checker.conversation.calls:
            self.run(asyncio.sleep(self.settle))
            self.checker.skip(self.checker.monitor.grace + 0.1)
            self.ask(line.GetCallInfo(call=call, call_info=1024))

    @invariant()
    def server_not_at_fault(self) -> None:
        """No finding has the server at fault."""
        if self.client is not None:
            self.raise_findings()


class _WithIncomingCalls(ServerMachine):
    """The machine for a server with its switch in this process: it also simulates incoming calls."""

    @precondition(lambda self: self.checker.conversation.lines)
    @rule(target=ServerMachine.calls)
    def receive_call(self) -> Any:
        """Simulate an incoming call on the first line."""
        device = next(iter(self.checker.conversation.lines.values())).device

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


def _rule_on_calls(kind: type[Request], fields: list[Any]) -> Any:
    """Return a rule that sends a request on calls, in states in which it is allowed."""
    events = [ASKS[kind.__name__, field.spec] for field in fields]

    def send(self: ServerMachine, packet: Request, **calls: int) -> Any:
        found = [self.call(handle) for handle in calls.values()]
        lines = {None if call is None else call.line for call in found}
        distinct = len(set(calls.values())) == len(calls)
        if distinct and len(lines) == 1 and all(
            call is not None and call.machine.may(call, event, call.flags).legal
            for call, event in zip(found, events, strict=True)
        ):  # fmt: skip
            self.ask(self.named(packet, *calls.values()))
        return self.arrived()

    send.__doc__ = f"{kind.__name__} on calls that allow it."
    calls = dict.fromkeys(("call", "other")[: len(fields)], ServerMachine.calls)
    ruled: Any = rule
    made = ruled(target=ServerMachine.calls, packet=requests(kind), **calls)(send)
    return precondition(lambda self: self.may(events[0]))(made)


def _rule_out_of_state(kind: type[Request], field: Any) -> Any:
    """Return a rule that sends a request on a call in a state in which it is not allowed: the server must refuse it."""
    event = ASKS[kind.__name__, field.spec]

    def send_illegal(self: ServerMachine, packet: Request, call: int) -> None:
        found = self.call(call)
        if found is not None and not found.machine.may(found, event, found.flags).legal:
            self.ask(self.named(packet, call))

    send_illegal.__doc__ = f"{kind.__name__} where it is not allowed."
    return rule(packet=requests(kind), call=ServerMachine.calls)(send_illegal)


def _rule_on_lines(kind: type[Request], needs_line: bool) -> Any:
    """Return a rule that sends a request on the application or on an open line."""

    def send(self: ServerMachine, packet: Request) -> Any:
        self.ask(self.named(packet))
        return self.arrived()

    send.__doc__ = f"{kind.__name__}."
    made = rule(target=ServerMachine.calls, packet=requests(kind))(send)
    return precondition(lambda self: self.checker.conversation.lines)(made) if needs_line else made


def machine(
    server: Callable[[], Server] | str | None = None,
    *,
    only: Callable[[type[Request]], bool] = lambda kind: True,
    probe: bool = True,
    settle: float = 0.02,
) -> type[ServerMachine]:
    """Return a state machine that tests a server; default: the server of `mstrp.live` with its simulated switch.

    ``server`` creates a server for each run, or is the binding of a running server
    (``"ncacn_ip_tcp:127.0.0.1[5150]"``). ``only`` selects the requests to send; with ``probe``, requests in a wrong
    state and on closed handles are sent as well, which the server must refuse. ``settle`` is the wait after each
    request in seconds. A finding with the server at fault fails the run; a response is accepted with either result
    where the tables permit both.
    """
    body: dict[str, Any] = {
        "__doc__": "Requests of a client to a server, in any order, checked by the monitor.",
        "server_of": server if isinstance(server, str) else staticmethod(server or _own),
        "settle": settle,
    }
    for kind in REQUESTS.values():
        if kind.__name__ in _SEPARATE or kind.device != "line" or kind.layout.proxy_rules or not only(kind):
            continue
        fields = _call_fields(kind)
        types = {field.type for field in kind.layout.fields if isinstance(field, Handle) and field.direction == "in"}
        if fields and not any(field.optional for field in fields) and len(fields) < 3:
            body[kind.__name__] = _rule_on_calls(kind, fields)
            if probe and len(fields) == 1 and (kind.__name__, fields[0].spec) in PRECONDITIONS:
                body[f"{kind.__name__}_out_of_state"] = _rule_out_of_state(kind, fields[0])
        elif not fields and types and types <= {HandleType.HLINE, HandleType.HLINEAPP}:
            body[kind.__name__] = _rule_on_lines(kind, HandleType.HLINE in types)
    base = ServerMachine if isinstance(server, str) else _WithIncomingCalls
    return type("ServerStateMachine", (base,), body)


def _own() -> Server:
    return Server(Switch(Plan(pace=0.01)), Options(port=0))

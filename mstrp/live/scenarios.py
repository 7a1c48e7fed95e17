"""The scenarios of section 4 as client programs.

Each takes an attached client and the number to call or transfer to, and opens and closes its own devices (4.1, 4.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from protocol import line
from protocol.constants import LINECALLPRIVILEGE, LINECALLSTATE, LINEFORWARDMODE, LINEMEDIAMODE, LINEOPENOPTION
from protocol.structures import LINEFORWARD, LINEFORWARDLIST, TAPISERVERCONFIG

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.live.client import Line, LineApp, TapiClient

__all__ = ["SCENARIOS", "Scenario", "find_scenario"]

S = LINECALLSTATE
#: Multiplier of the timeout for the first state of an outgoing call.
_SILENT = 10
_HANDLER = int(LINECALLPRIVILEGE.OWNER | LINECALLPRIVILEGE.MONITOR) | int(LINEOPENOPTION.PROXY)


class Scenario(NamedTuple):
    """A client program for a scenario."""

    name: str
    section: str
    summary: str
    run: Callable[[TapiClient, str], Awaitable[None]]
    #: Whether it attaches as an administrator; whether it waits for an incoming call.
    management: bool = False
    incoming: bool = False


async def _open(client: TapiClient) -> tuple[LineApp, Line]:
    app = await client.initialize()
    await app.negotiate_all()
    await app.dev_caps(0)
    await app.address_caps(0)
    return app, await app.open(0)


async def _close(app: LineApp, opened: Line) -> None:
    await opened.close()
    await app.shut_down()


async def _session(client: TapiClient, to: str) -> None:
    await _close(*await _open(client))


async def _outgoing(client: TapiClient, to: str) -> None:
    app, opened = await _open(client)
    call = await opened.make_call(to)
    # Section 4.3 as printed contains no LINE_CALLSTATE.
    silent = _SILENT * client.options.quiet
    await call.wait(S.CONNECTED, S.BUSY, S.DISCONNECTED, S.SPECIALINFO, timeout=60, silent=silent)
    await call.drop()
    await call.wait(S.IDLE)
    await call.deallocate()
    await _close(app, opened)


async def _incoming(client: TapiClient, to: str) -> None:
    app, opened = await _open(client)
    call = await opened.next_call(timeout=60)
    await call.answer()
    await call.wait(S.CONNECTED)
    await call.drop()
    await call.wait(S.IDLE)
    await call.deallocate()
    await _close(app, opened)


async def _blind_transfer(client: TapiClient, to: str) -> None:
    app, opened = await _open(client)
    call = await opened.next_call(timeout=60)
    await call.answer()
    await call.wait(S.CONNECTED)
    await call.blind_transfer(to)
    await call.wait(S.IDLE)
    await call.deallocate()
    await _close(app, opened)


async def _forward(client: TapiClient, to: str) -> None:
    app, opened = await _open(client)
    rule = LINEFORWARD(forward_mode=int(LINEFORWARDMODE.UNCOND), dest_address=to)
    await opened.forward(LINEFORWARDLIST(forward_list=(rule,)))
    await opened.forward(None)
    await _close(app, opened)


async def _management(client: TapiClient, to: str) -> None:
    app = await client.initialize()
    await app.shut_down()


async def _get_config(client: TapiClient, to: str) -> None:
    app = await client.initialize()
    await app.server_config()
    await app.shut_down()


async def _set_config(client: TapiClient, to: str) -> None:
    app = await client.initialize()
    known = await app.server_config()
    await app.set_server_config(
        TAPISERVERCONFIG(flags=known.flags, domain_name=known.domain_name, user_name=known.user_name)
    )
    await app.shut_down()


async def _handler(client: TapiClient) -> tuple[LineApp, Line]:
    """Open a line as the handler of its agent requests."""
    app = await client.initialize()
    await app.negotiate_all()
    await app.dev_caps(0)
    media = int(LINEMEDIAMODE.INTERACTIVEVOICE)
    return app, await app.open(0, privileges=_HANDLER, media=media)


async def _create_agent(client: TapiClient, opened: Line) -> int:
    done = await opened.ask(
        line.CreateAgent, context=client.new_id(), agent_id="1001", agent_pin="0000", agent_context=client.new_id()
    )
    return int.from_bytes(done.data[:4], "little")


async def _agent(client: TapiClient, to: str) -> None:
    app, opened = await _handler(client)
    await _create_agent(client, opened)
    await _close(app, opened)


async def _agent_session(client: TapiClient, to: str) -> None:
    app, opened = await _handler(client)
    agent = await _create_agent(client, opened)
    done = await opened.ask(
        line.GetAgentGroupList,
        context=client.new_id(),
        agent_group_list_context=client.new_id(),
        agent_group_list_size=1024,
    )
    entries: Any = done.agent_group_list.entries
    words = (entries[0].group_id1, entries[0].group_id2, entries[0].group_id3, entries[0].group_id4)
    await opened.ask(
        line.CreateAgentSession,
        context=client.new_id(),
        agent=agent,
        agent_session_context=client.new_id(),
        group_id=UUID(bytes_le=b"".join(word.to_bytes(4, "little") for word in words)),
    )
    await _close(app, opened)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("session", "4.1", "open a line", _session),
    Scenario("session-end", "4.2", "close a line", _session),
    Scenario("outgoing", "4.3", "make and drop a call", _outgoing),
    Scenario("incoming", "4.4", "answer and drop a call", _incoming, incoming=True),
    Scenario("blind-transfer", "4.5", "answer and transfer a call", _blind_transfer, incoming=True),
    Scenario("forward", "4.6", "set and cancel forwarding", _forward),
    Scenario("management", "4.7", "attach as an administrator", _management, management=True),
    Scenario("management-end", "4.8", "detach as an administrator", _management, management=True),
    Scenario("get-server-config", "4.9", "read the configuration", _get_config, management=True),
    Scenario("set-server-config", "4.10", "write the configuration", _set_config, management=True),
    Scenario("agent", "4.11", "create an agent", _agent),
    Scenario("agent-session", "4.12", "create an agent session", _agent_session),
)


def find_scenario(name: str) -> Scenario | None:
    """Find a scenario by its name or section."""
    return next((one for one in SCENARIOS if name in {one.name, one.section}), None)

"""The simulated switch through the client's interface: its functions, and that all of them are legal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from world import judge, run, serving, until

from fsm.engine.errors import LocalProtocolError
from mstrp.live.client import Call, CallEnded, Line, TapiClient
from mstrp.live.provider import TapiError
from mstrp.live.switch import Plan, ScriptError, Switch, load_script
from mstrp.live.switch.phones import lift, push_button
from protocol import events as event
from protocol import line, phone
from protocol.constants import (
    LINEADDRESSSTATE,
    LINECALLPARTYID,
    LINEDEVSTATE,
    LINEDISCONNECTMODE,
    LINEERR,
    LINEFORWARDMODE,
    PHONEERR,
    PHONESTATE,
)
from protocol.constants import LINECALLSTATE as S
from protocol.structures import LINEAGENTGROUPENTRY, LINEAGENTGROUPLIST, LINEFORWARD, LINEFORWARDLIST


@asynccontextmanager
async def at(path: Path, *lines: int, **plan: Any) -> AsyncIterator[tuple[Switch, list[Line], TapiClient]]:
    """Return a switch, and one client with some of its lines open."""
    switch = Switch(Plan(**{"pace": 0.02, "step": 0.05, "ring": 0.5, "timeout": 40.0, **plan}))
    async with serving(path, switch) as world, TapiClient.connect(world.address) as client:
        app = await client.initialize()
        opened = [await app.open(number) for number in lines]
        yield switch, opened, client
        assert not client.problems, [str(problem) for problem in client.problems]


def live(path: Path, *lines: int, allowed: frozenset[str] = frozenset(), **plan: Any) -> Callable[[Any], None]:
    """Run a test with a switch and check its recording."""

    def perform(test: Any) -> None:
        async def inside() -> None:
            async with at(path, *lines, **plan) as (switch, opened, client):
                await test(switch, *opened, client)

        run(inside())
        judge(path, allowed)

    return perform


async def answered(switch: Switch, opened: Line) -> Call:
    """Answer a call of an external party."""
    switch.incoming(opened.device, "5551000", "Ms Example")
    call = await opened.next_call()
    await call.answer()
    await call.wait(S.CONNECTED)
    return call


async def ended(*calls: Call) -> None:
    """Drop and deallocate a call."""
    for call in calls:
        if call.state != S.IDLE:
            await call.drop()
            await call.wait(S.IDLE)
        await call.deallocate()


def test_hold_and_swap(recording: Path) -> None:
    """A call is held, a second one made, both swapped, and the first one resumed."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        first = await answered(switch, one)
        await first.hold()
        await first.wait(S.ONHOLD)
        second = await one.make_call("5552222")
        await second.wait(S.CONNECTED)
        await second.swap(first)
        await first.wait(S.CONNECTED)
        assert second.state == S.ONHOLD
        await ended(first)
        await second.unhold()
        await second.wait(S.CONNECTED)
        await ended(second)

    live(recording, 0)(test)


def test_internal_call(recording: Path) -> None:
    """A call between two lines is offered, connected and ended on both."""

    async def test(switch: Switch, one: Line, two: Line, client: TapiClient) -> None:
        out = await one.make_call("1002")
        inside = await two.next_call()
        info = await inside.info()
        assert (info.caller_id, info.called_id) == ("1001", "1002")
        await inside.accept()
        await inside.wait(S.ACCEPTED)
        await inside.answer()
        await out.wait(S.CONNECTED)
        await inside.drop()
        await out.wait(S.DISCONNECTED)
        assert out.mode == LINEDISCONNECTMODE.NORMAL
        await ended(out, inside)

    live(recording, 0, 1)(test)


@pytest.mark.parametrize(
    ("number", "states", "mode"),
    [
        ("5550000", [S.DIALTONE, S.DIALING, S.PROCEEDING, S.BUSY], None),
        ("5550001", [S.DIALTONE, S.DIALING, S.PROCEEDING, S.RINGBACK, S.DISCONNECTED], LINEDISCONNECTMODE.NOANSWER),
        ("5550002", [S.DIALTONE, S.DIALING, S.PROCEEDING, S.RINGBACK, S.DISCONNECTED], LINEDISCONNECTMODE.REJECT),
        ("5550003", [S.DIALTONE, S.DIALING, S.PROCEEDING, S.DISCONNECTED], LINEDISCONNECTMODE.BADADDRESS),
        ("5550005", [S.DIALTONE, S.DIALING, S.PROCEEDING, S.SPECIALINFO], None),
        ("5550006", [S.DIALTONE, S.DIALING, S.PROCEEDING, S.RINGBACK, S.CONNECTED, S.DISCONNECTED], 1),
    ],
)
def test_progress(number: str, states: list[int], mode: int | None, recording: Path) -> None:
    """An external number behaves as configured, step by step."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        call = await one.make_call(number)
        modes = {}
        await until(lambda: modes.setdefault(call.state, call.mode) is not None and len(call.states) >= len(states))
        assert call.states[: len(states)] == states
        assert mode is None or modes.get(S.DISCONNECTED, mode) == mode
        await ended(call)

    live(recording, 0)(test)


def test_dialled_by_hand(recording: Path) -> None:
    """Without a number a call stops at the dial tone; Dial continues."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        call = await one.make_call(None)
        await call.wait(S.DIALTONE)
        await call.dial("5551111")
        await call.wait(S.CONNECTED)
        await ended(call)

    live(recording, 0)(test)


def test_consultation(recording: Path) -> None:
    """After consultation and transfer, the two remote parties are connected."""

    async def test(switch: Switch, one: Line, two: Line, client: TapiClient) -> None:
        call = await answered(switch, one)
        consult = await call.set_up_transfer()
        await call.wait(S.ONHOLDPENDTRANSFER)
        await consult.wait(S.DIALTONE)
        await consult.dial("1002")
        inside = await two.next_call()
        await inside.answer()
        await consult.wait(S.CONNECTED)
        await call.complete_transfer(consult)
        await consult.wait(S.IDLE)
        await ended(call, consult)
        assert inside.state == S.CONNECTED
        await ended(inside)

    live(recording, 0, 1)(test)


@pytest.mark.parametrize("way", ["drop", "unhold"])
def test_consultation_undone(way: str, recording: Path) -> None:
    """A consultation call is dropped, or ends because the first call is resumed."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        call = await answered(switch, one)
        consult = await call.set_up_transfer()
        await consult.wait(S.DIALTONE)
        if way == "drop":
            await consult.drop()
        else:
            await call.unhold()
        await call.wait(S.CONNECTED)
        await consult.wait(S.IDLE)
        await ended(consult, call)

    live(recording, 0)(test)


def test_blind_transfer(recording: Path) -> None:
    """The caller is connected to the number to which the call is transferred."""

    async def test(switch: Switch, one: Line, two: Line, client: TapiClient) -> None:
        call = await answered(switch, one)
        await call.blind_transfer("1002")
        inside = await two.next_call()
        assert (await inside.info()).caller_id == "5551000"
        await call.wait(S.IDLE)
        await ended(call)
        await inside.answer()
        await inside.wait(S.CONNECTED)
        await ended(inside)

    live(recording, 0, 1)(test)


def test_redirect_and_reject(recording: Path) -> None:
    """Offered calls are redirected or rejected."""

    async def test(switch: Switch, one: Line, two: Line, client: TapiClient) -> None:
        switch.incoming(0, "5551000")
        call = await one.next_call()
        await call.redirect("1002")
        other = await two.next_call()
        await ended(call, other)

    live(recording, 0, 1)(test)


def test_conference(recording: Path) -> None:
    """A conference of three is extended, reduced and ended."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        first = await answered(switch, one)
        parent, second = await first.set_up_conference()
        await first.wait(S.CONFERENCED)
        assert first.mode == parent.handle
        await second.wait(S.DIALTONE)
        await second.dial("5552222")
        await second.wait(S.CONNECTED)
        await parent.add(second)
        await parent.wait(S.CONNECTED)
        third = await parent.prepare_add()
        await parent.wait(S.ONHOLDPENDCONF)
        await third.dial("5553333")
        await third.wait(S.CONNECTED)
        await parent.add(third)
        await third.wait(S.CONFERENCED)
        await third.leave_conference()
        await third.wait(S.CONNECTED)
        await ended(third)
        switch.routing.hang_up(switch.connections.party(_server_call(switch, second)).remote)
        await second.wait(S.IDLE)
        await parent.wait(S.IDLE)
        await first.wait(S.CONNECTED)
        await ended(second, parent, first)

    live(recording, 0)(test)


def test_transfer_into_conference(recording: Path) -> None:
    """A consultation becomes a conference, and the conference is dropped."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        call = await answered(switch, one)
        consult = await call.set_up_transfer()
        await consult.wait(S.DIALTONE)
        await consult.dial("5552222")
        await consult.wait(S.CONNECTED)
        parent = await call.merge(consult)
        await parent.wait(S.CONNECTED)
        await consult.wait(S.CONFERENCED)
        await parent.drop()
        await call.wait(S.IDLE)
        await parent.wait(S.IDLE)
        await ended(call, consult, parent)

    live(recording, 0)(test)


def _server_call(switch: Switch, call: Call) -> Any:
    for device in switch.sink.lines.values():
        for opened in device.opens:
            if call.handle in opened.handles:
                return opened.handles[call.handle].call
    raise AssertionError(call)


def test_park(recording: Path) -> None:
    """Calls are parked at an address or at one that the switch selects, and retrieved from both."""

    async def test(switch: Switch, one: Line, two: Line, client: TapiClient) -> None:
        call = await answered(switch, one)
        where = await call.park_anywhere()
        await call.wait(S.IDLE)
        await ended(call)
        taken = await two.unpark(where)
        await taken.wait(S.CONNECTED)
        assert (await taken.info()).caller_id == "5551000"
        await taken.park("800")
        await taken.wait(S.IDLE)
        await ended(taken)
        with pytest.raises(TapiError, match="INVALADDRESS"):
            await one.unpark("801")
        again = await one.unpark("800")
        await again.wait(S.CONNECTED)
        await ended(again)

    live(recording, 0, 1)(test)


def test_who_is_parked_hangs_up(recording: Path) -> None:
    """A parked call is dropped like any other, and its park address is free again."""

    async def test(switch: Switch, one: Line, two: Line, client: TapiClient) -> None:
        for _ in range(2):
            waiting = await one.make_call("1002")
            call = await two.next_call()
            await call.answer()
            await call.wait(S.CONNECTED)
            await call.park("800")
            await ended(call, waiting)

    live(recording, 0, 1)(test)


def test_conference_of_closed_line(recording: Path) -> None:
    """The switch keeps no data of a conference whose line is closed."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        call = await answered(switch, one)
        parent, consult = await call.set_up_conference()
        assert parent.line is consult.line is one
        await one.close()
        assert not list(switch.conferences)

    live(recording, 0)(test)


def test_caller_id(recording: Path) -> None:
    """The flags of the caller id identify the parts that are present, also after pick-up and unpark."""
    flags = LINECALLPARTYID.ADDRESS | LINECALLPARTYID.NAME

    async def test(switch: Switch, one: Line, two: Line, client: TapiClient) -> None:
        switch.incoming(0, "5551000", "Ms Example")
        first = await one.next_call()
        assert (await first.info()).caller_id_flags == flags
        second = await two.pick_up("1001")
        await second.wait(S.CONNECTED)
        assert (await second.info()).caller_id_flags == flags
        await second.park("800")
        third = await one.unpark("800")
        await third.wait(S.CONNECTED)
        assert (await third.info()).caller_id_flags == flags
        await ended(first, second, third)

    live(recording, 0, 1)(test)


def test_pick_up(recording: Path) -> None:
    """A call that is alerting on one line is picked up on another."""

    async def test(switch: Switch, one: Line, two: Line, client: TapiClient) -> None:
        switch.incoming(0, "5551000")
        ringing = await one.next_call()
        taken = await two.pick_up("1001")
        await taken.wait(S.CONNECTED)
        await ringing.wait(S.IDLE)
        await ended(ringing, taken)

    live(recording, 0, 1)(test)


def test_forward(recording: Path) -> None:
    """Calls are forwarded immediately or if unanswered; the address status contains it."""

    async def test(switch: Switch, one: Line, two: Line, client: TapiClient) -> None:
        await one.status_messages(int(LINEDEVSTATE.RINGING), int(LINEADDRESSSTATE.FORWARD))
        await one.forward(_rule(LINEFORWARDMODE.UNCOND, "1002"))
        switch.incoming(0, "5551000")
        call = await two.next_call()
        await ended(call)
        await one.forward(_rule(LINEFORWARDMODE.NOANSW, "1002"))
        answer = await one.ask(line.GetAddressStatus, address_status=1024)
        assert answer.address_status.forward[0].dest_address == "1002"
        switch.incoming(0, "5551000")
        call = await one.next_call()
        other = await two.next_call()
        await call.wait(S.IDLE)
        await ended(call, other)
        await one.forward(None)
        switch.incoming(0, "5551000")
        await ended(await one.next_call())

    live(recording, 0, 1, timeout=4.0)(test)


def _rule(mode: int, to: str) -> LINEFORWARDLIST:
    return LINEFORWARDLIST(forward_list=(LINEFORWARD(forward_mode=int(mode), dest_address=to),))


def test_call_back(recording: Path) -> None:
    """The switch calls back when the busy station is free; a completion can be cancelled."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        call = await one.make_call("5550000")
        await call.wait(S.BUSY)
        assert await call.complete() == 1
        await call.wait(S.IDLE)
        await ended(call)
        again = await one.next_call()
        assert (await again.info()).completion_id == 1
        await ended(again)
        with pytest.raises(TapiError, match="INVALCOMPLETIONID"):
            await one.ask(line.UnCompleteCall, completion_id=7)

    live(recording, 0)(test)


def test_caller_gives_up(recording: Path) -> None:
    """A waiting caller hangs up after a while; waiting for another state then raises."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        switch.incoming(0, "5551000", give_up=1.0)
        call = await one.next_call()
        with pytest.raises(CallEnded):
            await call.wait(S.CONNECTED)
        assert call.states == [S.OFFERING, S.DISCONNECTED, S.IDLE]
        await ended(call)

    live(recording, 0)(test)


def test_digits(recording: Path) -> None:
    """Digits are monitored, gathered up to a termination, and generated for the remote party."""

    async def test(switch: Switch, one: Line, two: Line, client: TapiClient) -> None:
        call = await one.make_call("1002")
        inside = await two.next_call()
        await inside.answer()
        await call.wait(S.CONNECTED)
        await call.monitor_digits()
        await inside.gather_digits(10, ending="#")
        await call.generate_digits("12#")
        await until(lambda: inside.digits == "12#")
        await inside.generate_digits("9")
        await until(lambda: call.digits == "9")
        await inside.gather_digits(3, first=1)
        await asyncio.sleep(0.02)
        await ended(call, inside)

    live(recording, 0, 1)(test)


def test_existing_calls(recording: Path) -> None:
    """A second application gets existing calls from GetNewCalls."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        call = await answered(switch, one)
        app = await client.initialize()
        again = await app.open(0, privileges=2)
        (found,) = await again.new_calls()
        assert (await found.status()).call_state == S.CONNECTED
        assert (await found.status()).call_privilege == 2
        assert await again.new_calls() == []
        await ended(call)
        await found.wait(S.IDLE)
        await found.deallocate()

    live(recording, 0)(test)


def test_forced_close(recording: Path) -> None:
    """A line closed by the switch invalidates its calls and requests, and can be reopened."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        call = await answered(switch, one)
        switch.sink.line_close(0)
        with pytest.raises(CallEnded):
            await call.wait(S.IDLE)
        assert one.closed
        assert not call.valid
        again = await one.app.open(0)
        await ended(await answered(switch, again))

    live(recording, 0)(test)


def test_devices_come_and_go(recording: Path) -> None:
    """A line is added and removed: applications are notified, and a removed line cannot be opened."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        queue = client.reader()
        number = switch.sink.line_create()
        assert (await queue.get()).device_id == number
        await one.app.open(number)
        switch.sink.line_remove(number)
        assert isinstance(await queue.get(), event.LINE_CLOSE)
        assert (await queue.get()).device_id == number
        client.options.strict = False

    live(recording, 0)(test)


def test_phone(recording: Path) -> None:
    """A phone rings, shows text, lights lamps, and reports buttons and handset to the clients that request it."""

    async def test(switch: Switch, client: TapiClient) -> None:
        app = await client.initialize_phones()
        assert (await app.dev_caps(0)).phone_name == "Phone 0"
        opened = await app.open(0)
        with pytest.raises(TapiError, match="INUSE"):
            await app.open(0)
        queue = client.reader()
        await opened.status_messages(int(PHONESTATE.HANDSETHOOKSWITCH), 0x3F, 0xF)
        lift(switch, 0)
        push_button(switch, 0, 3)
        await opened.ring(2, 100)
        assert (await opened.ask(phone.GetRing)).ring_mode == 2
        await opened.display("hello", row=1, column=3)
        assert "hello" in (await opened.ask(phone.GetDisplay, display=256)).display.string
        await opened.lamp(2, 0x2)
        assert (await opened.ask(phone.GetLamp, button_lamp_id=2)).lamp_mode == 2
        with pytest.raises(TapiError) as caught:
            await opened.lamp(99, 0x2)
        assert caught.value.code == PHONEERR.INVALBUTTONLAMPID
        assert (await opened.status()).num_owners == 1
        kinds = [type(await queue.get()) for _ in range(3)]
        assert kinds == [event.PHONE_STATE, event.PHONE_BUTTON, event.PHONE_BUTTON]
        await opened.close()
        await app.shut_down()

    live(recording)(test)


def test_agents(recording: Path) -> None:
    """Agents log on, change their states, and are counted; without a handler client the switch handles them."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        queue = client.reader()
        own = {"context": client.new_id()}
        groups = await one.ask(line.GetAgentGroupList, **own, agent_group_list_size=1024)
        assert [entry.name for entry in groups.agent_group_list.entries] == ["Support", "Sales"]
        entry: LINEAGENTGROUPENTRY = groups.agent_group_list.entries[0]
        await one.ask(line.SetAgentGroup, agent_group_list=LINEAGENTGROUPLIST(entries=(entry,)))
        await one.ask(line.SetAgentState, agent_state=4)
        status = await one.ask(line.GetAgentStatus, **own, agent_status_size=2048)
        assert status.agent_status.state == 4
        agent = int.from_bytes((await one.ask(line.CreateAgent, **own, agent_id="7")).data[:4], "little")
        await one.ask(line.SetAgentStateEx, agent=agent, agent_state=2)
        info = await one.ask(line.GetAgentInfo, **own, agent=agent, agent_info=256)
        assert info.agent_info.agent_state == 2
        session = await one.ask(line.CreateAgentSession, **own, agent=agent, group_id=UUID(int=0x5051))
        number = int.from_bytes(session.data[:4], "little")
        await one.ask(line.SetAgentSessionState, agent_session=number, agent_session_state=2)
        sessions = await one.ask(line.GetAgentSessionList, **own, agent=agent, agent_session_list=1024)
        assert sessions.agent_session_list.entries[0].agent_session == number
        queues = await one.ask(line.GetQueueList, **own, group_id=UUID(int=0x5051), queue_list=1024)
        await one.ask(line.SetQueueMeasurementPeriod, queue_id=1, measurement_period=60)
        counted = await one.ask(line.GetQueueInfo, **own, queue_id=1, queue_info=256)
        assert (queues.queue_list.entries[0].name, counted.queue_info.measurement_period) == ("Support", 60)
        seen = set()
        while not queue.empty():
            seen.add(type(queue.get_nowait()))
        assert {event.LINE_AGENTSTATUS, event.LINE_AGENTSTATUSEX, event.LINE_AGENTSESSIONSTATUS} <= seen

    live(recording, 0)(test)


def test_strict_use(recording: Path) -> None:
    """An illegal request raises before it is sent; with strict off it is sent, and the server refuses it."""

    async def test(switch: Switch, one: Line, client: TapiClient) -> None:
        call = await answered(switch, one)
        sent = client.conversation.requests
        with pytest.raises(LocalProtocolError, match="UnHold"):
            await call.unhold()
        assert client.conversation.requests == sent
        await ended(call)

    live(recording, 0)(test)

    async def anyway() -> None:
        switch = Switch(Plan(pace=0.02))
        async with (
            serving(recording, switch) as world,
            TapiClient.connect(world.address, strict=False) as client,
        ):
            app = await client.initialize()
            opened = await app.open(0)
            call = await answered(switch, opened)
            with pytest.raises(TapiError) as caught:
                await call.unhold()
            assert caught.value.code == LINEERR.INVALCALLSTATE
            await ended(call)

    run(anyway())
    assert {finding.rule for finding in judge(recording, frozenset({"CALL-PRE-UnHold"})).findings} == {
        "CALL-PRE-UnHold"
    }


def test_script(tmp_path: Path, recording: Path) -> None:
    """A script determines incoming calls and the behavior of external numbers."""
    place = tmp_path / "switch.toml"
    place.write_text(
        """
seed = 3
[switch]
lines = 2
pace = 0.02
[[numbers]]
pattern = "77*"
does = "busy"
after = 0.1
[[steps]]
at = 3.0
do = "call"
line = 1
from = "5554711"
[[steps]]
at = 20.0
do = "hang-up"
line = 1
"""
    )

    async def test() -> None:
        async with (
            serving(recording, Switch(script=load_script(place))) as world,
            TapiClient.connect(world.address) as client,
        ):
            app = await client.initialize()
            one, two = await app.open(0), await app.open(1)
            call = await two.next_call()
            assert (await call.info()).caller_id == "5554711"
            out = await one.make_call("7712345")
            await out.wait(S.BUSY)
            await call.wait(S.IDLE)
            await ended(call, out)

    run(test())
    judge(recording)


@pytest.mark.parametrize(
    "text",
    [
        "what = 1",
        "[switch]\nrows = 2",
        "[[steps]]\nat = 1\ndo = 'sing'",
        "[[numbers]]\npattern='1'\ndoes='sleep'",
        "[",
    ],
)
def test_bad_script(text: str, tmp_path: Path) -> None:
    """An invalid script is refused with a message."""
    place = tmp_path / "bad.toml"
    place.write_text(text)
    with pytest.raises(ScriptError, match=r"bad\.toml|unknown|must be one of"):
        load_script(place)


def test_random_calls_repeat() -> None:
    """Random mode with the same seed makes the same calls."""

    async def calls() -> list[tuple[int, str]]:
        from mstrp.live.switch import Script

        made: list[tuple[int, str]] = []
        switch = Switch(script=Script(Plan(pace=0.001), seed=5, rate=2.0, duration=20.0))
        switch.incoming = lambda line, caller, **more: made.append((line, caller))  # type: ignore[method-assign,assignment]
        switch.provider_init(None)
        await until(lambda: not switch.clock._timers)
        switch.provider_shutdown()
        return made

    first = run(calls())
    assert len(first) > 10
    assert first == run(calls())

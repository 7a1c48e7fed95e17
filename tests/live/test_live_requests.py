"""All 132 requests: each succeeds once, each gets a response whatever its content, and required failures occur."""

from __future__ import annotations

import logging
import random
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from world import judge, run, serving

from mstrp.live.client import TapiClient
from mstrp.live.provider import TapiError
from mstrp.live.switch import Plan, Switch
from protocol import generic, line, mmc, phone
from protocol.constants import LINECALLSTATE as S
from protocol.constants import LINEERR, LINEOPENOPTION, OBJTYPE, PHONEERR, STRINGFORMAT
from protocol.fields import Handle
from protocol.packet import REQUESTS, error_name
from protocol.structures import (
    DEVICEINFO,
    DEVICEINFOLIST,
    FLOWSPEC,
    LINEAGENTGROUPLIST,
    LINECALLHUBTRACKINGINFO,
    LINECALLPARAMS,
    LINEDIALPARAMS,
    PHONEBUTTONINFO,
    TAPISERVERCONFIG,
    VARSTRING,
)

_VOICE = 4


class Echo(Switch):
    """A switch with extensions, so that the requests about them can succeed."""

    def line_negotiate_ext_version(self, device: int, low: int, high: int) -> int:
        return high

    def phone_negotiate_ext_version(self, device: int, low: int, high: int) -> int:
        return high

    def line_get_dev_config(self, device: int, device_class: str) -> bytes:
        return b"configuration"

    def line_set_dev_config(self, device: int, device_class: str, config: Any) -> None:
        pass

    def line_set_terminal(self, *arguments: Any) -> None:
        pass

    def line_select_ext_version(self, device: int, version: int) -> None:
        pass

    def phone_select_ext_version(self, device: int, version: int) -> None:
        pass


async def _calls(switch: Switch, client: TapiClient, one: Any, two: Any) -> None:
    """Send every request about calls."""
    switch.incoming(0, "5551000")
    call = await one.next_call()
    await call.accept()
    await call.send_user_user(b"hello")
    await call.answer()
    await call.wait(S.CONNECTED)
    for kind in (line.SecureCall, line.ReleaseUserUserInfo, line.GetCallIDs):
        await call.ask(kind)
    await call.info()
    await call.status()
    await call.set_data(b"data")
    await call.set_app_specific(7)
    await call.set_media(_VOICE)
    await call.ask(line.SetCallParams, bearer_mode=1, max_rate=64, dial_params=LINEDIALPARAMS())
    flow = FLOWSPEC()
    await call.ask(line.SetCallQualityOfService, sending_flowspec=flow, receiving_flowspec=flow)
    await call.ask(line.SetCallTreatment, treatment=1)
    await call.monitor_digits()
    await call.ask(line.MonitorMedia, media_modes=_VOICE)
    await call.ask(line.MonitorTones, tone_list=())
    await call.gather_digits(3)
    await call.generate_digits("1")
    await call.ask(line.GenerateTone, tone_mode=2)
    await call.ask(line.SetTerminal, select=4, terminal_modes=1, enable=1)
    await one.ask(line.SetMediaControl, call=call.handle, select=4)
    await call.hold()
    await call.wait(S.ONHOLD)
    other = await one.make_call("5552222")
    await other.wait(S.CONNECTED)
    await other.swap(call)
    await call.wait(S.CONNECTED)
    await other.wait(S.ONHOLD)
    await other.unhold()
    await other.wait(S.CONNECTED)
    await other.drop()
    consult = await call.set_up_transfer()
    await consult.wait(S.DIALTONE)
    await consult.dial("5553333")
    await consult.wait(S.CONNECTED)
    await call.complete_transfer(consult)
    switch.incoming(0, "5551001")
    call = await one.next_call()
    await call.redirect("5550000")
    switch.incoming(0, "5551002")
    call = await one.next_call()
    await call.answer()
    await call.wait(S.CONNECTED)
    parent, consult = await call.set_up_conference()
    await consult.wait(S.DIALTONE)
    await consult.dial("5554444")
    await consult.wait(S.CONNECTED)
    await parent.add(consult)
    await parent.wait(S.CONNECTED)
    third = await parent.prepare_add()
    await third.wait(S.DIALTONE)
    await third.dial("5555555")
    await third.wait(S.CONNECTED)
    await parent.add(third)
    await third.wait(S.CONFERENCED)
    await third.leave_conference()
    await third.wait(S.CONNECTED)
    where = await third.park_anywhere()
    await third.wait(S.IDLE)
    await third.deallocate()
    taken = await two.unpark(where)
    await taken.wait(S.CONNECTED)
    await taken.blind_transfer("5550000")
    await parent.drop()
    switch.incoming(0, "5551003")
    await one.next_call()
    picked = await two.pick_up("1001")
    await picked.drop()
    busy = await one.make_call("5550000")
    await busy.wait(S.BUSY)
    # No call back occurs before it is cancelled, however busy the machine is.
    switch.plan.step = 10.0
    completion = await busy.complete()
    await one.ask(line.UnCompleteCall, completion_id=completion)
    await one.forward(None)
    await two.new_calls()


async def _lines(app: Any, one: Any) -> None:
    await app.negotiate(0)
    await app.negotiate_all(phones=1)
    await app.dev_caps(0)
    await app.address_caps(0)
    ask, own = app.client.ask, {"line_app": app.handle, "device_id": 0}
    await ask(line.NegotiateExtVersion(**own, tspi_version=0x00030001, low_version=1, high_version=2))
    await ask(line.GetProxyStatus(**own, app_api_version=0x00030001, line_proxy_request_list=512))
    await ask(line.GetDevConfig(device_config=256, device_class="tapi/line"))
    config = VARSTRING(string=b"x", string_format=int(STRINGFORMAT.BINARY))
    await ask(line.SetDevConfig(device_config=config, device_class="tapi/line"))
    for kind, fields in (
        (line.DevSpecific, {"params": b"x"}),
        (line.DevSpecificFeature, {"feature": 1, "params": b"x"}),
        (line.GetAddressID, {"address_mode": 2, "address": "1001\0".encode("utf-16-le")}),
        (line.GetAddressStatus, {"address_status": 512}),
        (line.GetCallHubTracking, {"tracking_info": 64}),
        (line.SetCallHubTracking, {"tracking_info": LINECALLHUBTRACKINGINFO()}),
        (line.GetID, {"select": 1, "device_id": 64, "device_class": "tapi/line"}),
        (line.GetLineDevStatus, {"line_dev_status": 1024}),
        (line.GetNumAddressIDs, {}),
        (line.SelectExtVersion, {"ext_version": 0}),
        (line.SetLineDevStatus, {"status_to_change": 4, "status": 1}),
        (line.SetStatusMessages, {"line_states": 2, "address_states": 0x20}),
        (line.SetDefaultMediaDetection, {"media_modes": _VOICE}),
        (line.ConditionalMediaDetection, {"media_modes": _VOICE, "call_params": LINECALLPARAMS(bearer_mode=1)}),
    ):
        await one.ask(kind, **fields)
    await app.client.ask(
        generic.RSPSetEventFilterMasks(obj_type=int(OBJTYPE.HLINE), object_id=one.handle, event_masks_lo=0x7FFFFFFF)
    )


async def _agents(one: Any) -> None:
    agent = int.from_bytes((await one.ask(line.CreateAgent, agent_id="7")).data[:4], "little")
    done = await one.ask(line.CreateAgentSession, agent=agent, group_id=UUID(int=0x5051))
    session = int.from_bytes(done.data[:4], "little")
    for kind, fields in (
        (line.AgentSpecific, {"params": b"x"}),
        (line.GetAgentActivityList, {"agent_activity_list": 1024}),
        (line.GetAgentGroupList, {"agent_group_list_size": 1024}),
        (line.GetAgentInfo, {"agent": agent, "agent_info": 1024}),
        (line.GetAgentSessionInfo, {"agent_session": session, "agent_session_info": 1024}),
        (line.GetAgentSessionList, {"agent": agent, "agent_session_list": 1024}),
        (line.GetAgentStatus, {"agent_status_size": 1024}),
        (line.GetGroupList, {"agent_group_list_size": 1024}),
        (line.GetQueueInfo, {"queue_id": 1, "queue_info": 1024}),
        (line.GetQueueList, {"group_id": UUID(int=0x5051), "queue_list": 1024}),
        (line.SetAgentActivity, {"activity_id": 1}),
        (line.SetAgentGroup, {"agent_group_list": LINEAGENTGROUPLIST()}),
        (line.SetAgentMeasurementPeriod, {"agent": agent, "measurement_period": 60}),
        (line.SetAgentSessionState, {"agent_session": session, "agent_session_state": 2}),
        (line.SetAgentState, {"agent_state": 2}),
        (line.SetAgentStateEx, {"agent": agent, "agent_state": 2}),
        (line.SetQueueMeasurementPeriod, {"queue_id": 1, "measurement_period": 60}),
    ):
        await one.ask(kind, **fields)
    await one.client.ask(line.GetAgentCaps(line_app=one.app.handle, app_api_version=0x00030001, agent_caps_size=1024))


async def _phones(client: TapiClient) -> None:
    app = await client.initialize_phones()
    await app.dev_caps(0)
    await client.ask(
        phone.NegotiateExtVersion(phone_app=app.handle, tspi_version=0x00030001, low_version=1, high_version=2)
    )
    opened = await app.open(0)
    await opened.status_messages(0x200)
    await opened.status()
    await opened.ring(1)
    await opened.display("x")
    await opened.lamp(0, 2)
    info = PHONEBUTTONINFO(button_mode=2, button_function=1, button_text="one")
    for kind, fields in (
        (phone.DevSpecific, {"params": b"x"}),
        (phone.SetButtonInfo, {"button_lamp_id": 1, "button_info": info}),
        (phone.GetButtonInfo, {"button_lamp_id": 1, "button_info": 256}),
        (phone.SetData, {"data": b"abcd"}),
        (phone.GetData, {"size": 64}),
        (phone.GetDisplay, {"display": 256}),
        (phone.SetGain, {"hook_switch_dev": 1, "gain": 5}),
        (phone.GetGain, {"hook_switch_dev": 1}),
        (phone.SetHookSwitch, {"hook_switch_devs": 1, "hook_switch_mode": 8}),
        (phone.GetHookSwitch, {}),
        (phone.GetID, {"device_id": 64, "device_class": "tapi/phone"}),
        (phone.GetLamp, {"button_lamp_id": 0}),
        (phone.GetRing, {}),
        (phone.SetVolume, {"hook_switch_dev": 1, "volume": 5}),
        (phone.GetVolume, {"hook_switch_dev": 1}),
        (phone.SelectExtVersion, {"ext_version": 0}),
    ):
        await opened.ask(kind, **fields)
    await opened.close()
    await app.shut_down()


async def _manage(client: TapiClient) -> None:
    app = await client.initialize()
    phones = await client.initialize_phones()
    own, devices = {"line_app": app.handle}, DEVICEINFOLIST(device_info=(DEVICEINFO(provider_id=1),))
    await client.ask(mmc.GetAvailableProviders(**own, provider_list=1024))
    await client.ask(mmc.GetProviderList(api_version=0x00030001, provider_list=1024))
    await client.ask(mmc.GetDeviceFlags(**own, line=1, provider_id=1))
    await client.ask(mmc.GetLineInfo(**own, device_info_list=4096))
    await client.ask(mmc.GetPhoneInfo(phone_app=phones.handle, device_info_list=4096))
    await client.ask(mmc.SetLineInfo(**own, device_info_list=devices))
    await client.ask(mmc.SetPhoneInfo(phone_app=phones.handle, device_info_list=devices))
    await app.server_config()
    await app.set_server_config(TAPISERVERCONFIG(domain_name="D", user_name="U", flags=4))
    dialog = await client.ask(mmc.GetUIDllName(object_type=3, object_id=1, capacity=512))
    await client.ask(
        mmc.TUISPIDLLCallback(object_type=4, object_id=dialog.dlg_inst, params_in=b"ab", params_out_size=16)
    )
    await client.ask(mmc.FreeDialogInstance(dlg_inst=dialog.dlg_inst))
    await phones.shut_down()
    await app.shut_down()


def test_every_request_succeeds(recording: Path) -> None:
    """A strict client sends all 132 requests successfully; the recording has no finding."""
    done: set[int] = set()

    def note(direction: str, method: str, phase: str, content: Any) -> None:
        if phase == "response" and method == "ClientRequest" and content.ack >= 0:
            done.add(type(content).req_func)

    async def tour() -> None:
        switch = Echo(Plan(pace=0.02, step=0.05))
        async with serving(recording, switch) as world:
            for events in ("push", "pull"):
                connecting = TapiClient.connect(world.address, events=events, poll=0.005)
                connecting.client.on_packet = note
                async with connecting as client:
                    app = await client.initialize()
                    one, two = await app.open(0), await app.open(1)
                    await _calls(switch, client, one, two)
                    await _lines(app, one)
                    await _agents(one)
                    await _phones(client)
                    await one.close()
                    await app.shut_down()
                    assert not client.problems, [str(problem) for problem in client.problems]
            connecting = TapiClient.connect(world.address, management=True)
            connecting.client.on_packet = note
            async with connecting as client:
                await _manage(client)

    run(tour())
    judge(recording)
    missing = {REQUESTS[number].__name__ for number in REQUESTS.keys() - done}
    assert not missing
    assert len(done) == 132


def test_whatever_is_in_it(recording: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every request with random DWORDs gets success or an error code of its family, without an internal error."""
    chance = random.Random(1)
    caplog.set_level(logging.WARNING)

    async def storm() -> None:
        async with (
            serving(recording, Echo(Plan(pace=0.02))) as world,
            TapiClient.connect(world.address, strict=False, events="pull", poll=0.02) as client,
        ):
            app = await client.initialize()
            opened = await app.open(0)
            call = await opened.make_call("5551234")
            phones = await client.initialize_phones()
            handset = await phones.open(0)
            live = [app.handle, opened.handle, call.handle, phones.handle, handset.handle]
            for kind in REQUESTS.values():
                if kind in (line.Close, line.ShutDown, phone.Close, phone.ShutDown):
                    continue
                for _ in range(4):
                    await _random(client, kind, live, chance)

    run(storm())
    assert not [record for record in caplog.records if record.exc_info], caplog.text


async def _random(client: TapiClient, kind: type[Any], live: list[int], chance: random.Random) -> None:
    sizes = [0, 1, 2, 4, 0x40, 0xFFFFFFFF, 0x00030001]
    data = bytearray(kind().encode())
    for field in kind.layout.fields:
        number = chance.choice(live) if isinstance(field, Handle) else chance.choice(sizes)
        for step in range(field.width):
            place = 4 * (field.index + step)
            data[place : place + 4] = number.to_bytes(4, "little")
    if "dwRequestID" in kind.layout.by_spec:
        data[8:12] = bytes(4)
    data += chance.randbytes(chance.choice([0, 64, 256]))
    from protocol.packet import decode_request

    packet = decode_request(bytes(data), chance.choice([len(data), 4096]))
    answer = await client.request(packet)
    if answer.ack < 0:
        assert error_name(answer.words[0]) is not None, f"{kind.__name__}: {answer.words[0]:#x}"
        phones = set(map(int, PHONEERR))
        assert (answer.words[0] in phones) == (kind.device == "phone") or answer.words[0] in _APPS, kind.__name__


#: Requests of other families with a phone application.
_APPS = {int(PHONEERR.INVALAPPHANDLE)}


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (
            line.Open(line_app=0xDEAD, negotiated_version=0x00030001, privileges=4, media_modes=4),
            LINEERR.INVALAPPHANDLE,
        ),
        (line.Hold(call=0xDEAD), LINEERR.INVALCALLHANDLE),
        (line.Close(line=0xDEAD), LINEERR.INVALLINEHANDLE),
        (phone.Close(phone=0xDEAD), PHONEERR.INVALPHONEHANDLE),
        (mmc.FreeDialogInstance(dlg_inst=0xDEAD), LINEERR.INVALPARAM),
        (line.GetDevConfig(device_id=99, device_config=64, device_class="x"), LINEERR.BADDEVICEID),
        (mmc.GetProviderList(api_version=5, provider_list=512), LINEERR.INCOMPATIBLEAPIVERSION),
        (mmc.GetProviderList(api_version=0x00030001, provider_list=4), LINEERR.STRUCTURETOOSMALL),
        (line.Initialize(friendly_name=0x4000, module_name="x"), LINEERR.INVALPOINTER),
        (generic.RSPSetEventFilterMasks(obj_type=2, object_id=0xDEAD), LINEERR.INVALPARAM),
    ],
    ids=lambda one: type(one).__name__ if hasattr(one, "layout") else one.name,
)
def test_refusals(packet: Any, code: int, recording: Path) -> None:
    """Required failures have the natural error code, and the refusal is not a fault of the server."""

    async def test() -> None:
        async with serving(recording) as world, TapiClient.connect(world.address, strict=False) as client:
            await client.initialize()
            with pytest.raises(TapiError) as caught:
                await client.ask(packet)
            assert caught.value.code == code

    run(test())
    assert not [finding for finding in judge_refusal(recording) if finding.fault == "server"]


def test_an_address_that_does_not_exist(recording: Path) -> None:
    """A line is not opened for an address that does not exist."""

    async def test() -> None:
        async with serving(recording) as world, TapiClient.connect(world.address, strict=False) as client:
            app = await client.initialize()
            await app.negotiate(0)
            wanted = LINECALLPARAMS(address_mode=1, address_id=1)
            packet = line.Open(
                line_app=app.handle,
                negotiated_version=0x00030001,
                privileges=4 | int(LINEOPENOPTION.SINGLEADDRESS),
                media_modes=4,
                call_params=wanted,
            )
            with pytest.raises(TapiError) as caught:
                await client.ask(packet)
            assert caught.value.code == LINEERR.INVALADDRESSID

    run(test())


def judge_refusal(path: Path) -> list[Any]:
    """Return the findings of a recording, none of which is a failure."""
    from mstrp.checking import check_capture

    result = check_capture(str(path))
    assert all(finding.verdict.value != "fail" for finding in result.findings), result.findings
    return result.findings


def test_every_bit_that_the_headers_have(recording: Path) -> None:
    """Masks with all states, buttons and digit modes, as sent by public wrappers, are sent, accepted and legal."""

    async def work() -> None:
        switch = Switch(Plan(phones=1, pace=0.02, step=0.05))
        async with serving(recording, switch) as world, TapiClient.connect(world.address) as client:
            app = await client.initialize()
            await app.negotiate_all()
            opened = await app.open(0)
            await opened.status_messages(0x01FFFFFF, 0x1FF)
            switch.incoming(0, "5551000")
            call = await opened.next_call()
            await call.answer()
            await call.wait(S.CONNECTED)
            await call.monitor_digits(0x7)
            phones = await client.initialize_phones()
            desk = await phones.open(0)
            await desk.ask(phone.SetStatusMessages, phone_states=0x00FFFFFF, button_modes=0x3F, button_states=0xF)
            assert not client.problems

    run(work())
    assert not judge(recording).findings

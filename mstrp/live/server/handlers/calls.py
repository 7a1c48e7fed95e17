"""Calls: made, answered, held, transferred, parked, ended (2.2.4.1.3)."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from mstrp.live.provider import TapiError
from mstrp.live.server.attached import Attached, Work, handler
from mstrp.live.server.calls import OWNER, Call, Handle
from mstrp.live.server.handlers.shape import fitted
from mstrp.live.server.refusal import refuse
from protocol import line
from protocol.constants import (
    LINECALLINFOSTATE,
    LINECALLPARTYID,
    LINECALLSELECT,
    LINECALLSTATE,
    LINEERR,
    LINEMEDIAMODE,
    LINEPARKMODE,
    LINETRANSFERMODE,
    STRINGFORMAT,
    TAPI_VERSION,
)
from protocol.structures import LINECALLINFO, LINECALLLIST, LINECALLSTATUS, VARSTRING
from protocol.structures.common import LINEDIALPARAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.live.server.devices import LineOpen

__all__: list[str] = []

_IDLE = int(LINECALLSTATE.IDLE)
_UNKNOWN = int(LINECALLPARTYID.UNKNOWN)
#: Above this a client's user-user information is too much for any network.
_USER_USER = 4096


def _call(client: Attached, value: int) -> Call:
    return client.handles[value].call


def _user_user(packet: Any) -> bytes:
    data = packet.user_user_info or b""
    if len(data) > _USER_USER:
        raise refuse(packet, "USERUSERINFOTOOBIG", f"{len(data)} bytes")
    return bytes(data)


class _New:
    """Calls that a request makes: they exist for the provider at once, for the client with the completion."""

    def __init__(self, client: Attached, opened: LineOpen) -> None:
        self.client = client
        self.opened = opened
        self.calls: list[Call] = []

    def call(self, address: int = 0, related: Call | None = None) -> Call:
        found = self.client.server.make_call(self.opened.device.number, address)
        found.pending = True
        self.client.keep(found)
        if related is not None:
            found.related = related.number
        self.calls.append(found)
        return found

    def give(self, call: Call) -> Handle:
        """The client's handle; what has happened to the call is told after the completion."""
        server = self.client.server
        handle = self.client.hold(call, self.opened, OWNER, told=True)
        for other in call_watchers(call, self.opened):
            other.client.hold(call, other, int(other.wants(call)), told=False)
        server.later(lambda: server.settled(call))
        return handle

    def undo(self) -> None:
        devices = self.client.server.lines
        for call in self.calls:
            devices[call.device].calls.pop(call.number, None)


def call_watchers(call: Call, but: LineOpen) -> list[LineOpen]:
    """Others who have the line open and only watch: they get to see calls that one of them makes (O15)."""
    return [
        opened
        for opened in but.device.opens
        if opened is not but and opened.wants(call) and opened.privileges & 2 and not call.handle_of(opened)
    ]


# -- one call that exists ------------------------------------------------------------------------------------------


@handler(line.Accept)
def accept(client: Attached, packet: line.Accept) -> Any:
    return client.server.provider.line_accept(_call(client, packet.call), _user_user(packet))


@handler(line.Answer)
def answer(client: Attached, packet: line.Answer) -> Any:
    return client.server.provider.line_answer(_call(client, packet.call), _user_user(packet))


@handler(line.Drop)
def drop(client: Attached, packet: line.Drop) -> Any:
    return client.server.provider.line_drop(_call(client, packet.call), _user_user(packet))


@handler(line.Dial)
def dial(client: Attached, packet: line.Dial) -> Any:
    return client.server.provider.line_dial(_call(client, packet.call), packet.dest_address or "", packet.country_code)


@handler(line.Redirect)
def redirect(client: Attached, packet: line.Redirect) -> Any:
    provider = client.server.provider
    return provider.line_redirect(_call(client, packet.call), packet.dest_address or "", packet.country_code)


@handler(line.BlindTransfer)
def blind_transfer(client: Attached, packet: line.BlindTransfer) -> Any:
    provider = client.server.provider
    return provider.line_blind_transfer(_call(client, packet.call), packet.dest_address or "", packet.country_code)


@handler(line.Hold)
def hold(client: Attached, packet: line.Hold) -> Any:
    return client.server.provider.line_hold(_call(client, packet.call))


@handler(line.UnHold)
def unhold(client: Attached, packet: line.UnHold) -> Any:
    return client.server.provider.line_unhold(_call(client, packet.call))


@handler(line.SecureCall)
def secure(client: Attached, packet: line.SecureCall) -> Any:
    return client.server.provider.line_secure_call(_call(client, packet.call))


@handler(line.SendUserUserInfo)
def send_user_user(client: Attached, packet: line.SendUserUserInfo) -> Any:
    return client.server.provider.line_send_uui(_call(client, packet.call), _user_user(packet))


@handler(line.ReleaseUserUserInfo)
def release_user_user(client: Attached, packet: line.ReleaseUserUserInfo) -> Any:
    return client.server.provider.line_release_uui(_call(client, packet.call))


@handler(line.SwapHold)
def swap_hold(client: Attached, packet: line.SwapHold) -> Any:
    if packet.active_call == packet.held_call:
        raise refuse(packet, "INVALCALLHANDLE", "the calls must differ")
    provider = client.server.provider
    return provider.line_swap_hold(_call(client, packet.active_call), _call(client, packet.held_call))


@handler(line.SetCallParams)
def set_call_params(client: Attached, packet: line.SetCallParams) -> Any:
    call = _call(client, packet.call)
    if packet.min_rate > packet.max_rate:
        raise refuse(packet, "INVALRATE")
    provider = client.server.provider
    return provider.line_set_call_params(call, packet.bearer_mode, packet.min_rate, packet.max_rate, packet.dial_params)


@handler(line.SetCallQualityOfService)
def set_quality(client: Attached, packet: line.SetCallQualityOfService) -> Any:
    provider = client.server.provider
    call = _call(client, packet.call)
    return provider.line_set_call_quality_of_service(call, packet.sending_flowspec, packet.receiving_flowspec)


@handler(line.SetCallTreatment)
def set_treatment(client: Attached, packet: line.SetCallTreatment) -> Any:
    return client.server.provider.line_set_call_treatment(_call(client, packet.call), packet.treatment)


@handler(line.SetCallData)
def set_call_data(client: Attached, packet: line.SetCallData) -> Any:
    call = _call(client, packet.call)
    data = bytes(packet.call_data or b"")
    reply = client.server.provider.line_set_call_data(call, data)
    changes = int(LINECALLINFOSTATE.CALLDATA)
    return _then(reply, lambda: client.server.reports.call_info(call, changes, call_data=data))


@handler(line.SetAppSpecific)
def set_app_specific(client: Attached, packet: line.SetAppSpecific) -> None:
    call = _call(client, packet.call)
    client.server.provider.line_set_app_specific(call, packet.app_specific)
    client.server.reports.call_info(call, int(LINECALLINFOSTATE.APPSPECIFIC), app_specific=packet.app_specific)


def _then(reply: Any, after: Callable[[], None]) -> Any:
    """Do something when an operation has succeeded."""
    if not inspect.isawaitable(reply):
        after()
        return reply

    async def both() -> Any:
        result = await reply
        after()
        return result

    return both()


@handler(line.DeallocateCall)
def deallocate(client: Attached, packet: line.DeallocateCall) -> None:
    handle = client.handles[packet.call]
    call = handle.call
    old = handle.opened.version < TAPI_VERSION.V2_0
    if old and handle.privilege == OWNER and call.owners() == 1 and call.state != _IDLE:
        raise refuse(packet, "INVALCALLSTATE", "the only owner of a call that is not idle (decision Q3)")
    client.release(handle)


# -- requests that make calls --------------------------------------------------------------------------------------


@handler(line.MakeCall)
def make_call(client: Attached, packet: line.MakeCall) -> Work:
    opened = client.lines[packet.line]
    device, params = opened.device.number, packet.call_params
    new = _New(client, opened)
    address = opened.address or 0
    if params is not None and params.address_mode == 1:
        address = params.address_id
    client.server.check_address(packet, device, address)
    call = new.call(address)
    if params is not None and params.media_mode:
        call.media = params.media_mode & ~int(LINEMEDIAMODE.UNKNOWN) or params.media_mode
    try:
        reply = client.server.provider.line_make_call(device, call, packet.dest_address, packet.country_code, params)
    except TapiError:
        new.undo()
        raise
    return Work(reply, lambda _: _brings(new.give(call)), new.undo)


def _brings(handle: Handle) -> dict[str, Any]:
    call = handle.call
    return {
        "call": handle.value,
        "address_id": call.address,
        "call_id": call.number,
        "related_call_id": call.related,
    }


def _consultation(handle: Handle) -> dict[str, Any]:
    call = handle.call
    return {
        "consult_call": handle.value,
        "consult_call_address_id": call.address,
        "consult_call_id": call.number,
        "consult_call_related_call_id": call.related,
    }


def _conference(handle: Handle) -> dict[str, Any]:
    call = handle.call
    return {
        "conf_call": handle.value,
        "conf_call_address_id": call.address,
        "conf_call_id": call.number,
        "conf_call_related_call_id": call.related,
    }


@handler(line.SetUpTransfer)
def set_up_transfer(client: Attached, packet: line.SetUpTransfer) -> Work:
    handle = client.handles[packet.call]
    new = _New(client, handle.opened)
    consult = new.call(handle.call.address, handle.call)
    try:
        reply = client.server.provider.line_setup_transfer(handle.call, consult, packet.call_params)
    except TapiError:
        new.undo()
        raise
    return Work(reply, lambda _: _consultation(new.give(consult)), new.undo)


@handler(line.CompleteTransfer)
def complete_transfer(client: Attached, packet: line.CompleteTransfer) -> Work:
    one, two = client.handles[packet.call], client.handles[packet.consult_call]
    if one.call is two.call:
        raise refuse(packet, "INVALCALLHANDLE", "the calls must differ")
    if one.opened is not two.opened:
        raise refuse(packet, "INVALCALLHANDLE", "the calls must be on one line")
    provider = client.server.provider
    if packet.transfer_mode != LINETRANSFERMODE.CONFERENCE:
        return Work(provider.line_complete_transfer(one.call, two.call, None), lambda _: {})
    new = _New(client, one.opened)
    conference = new.call(one.call.address, one.call)
    try:
        reply = provider.line_complete_transfer(one.call, two.call, conference)
    except TapiError:
        new.undo()
        raise
    return Work(reply, lambda _: _conference(new.give(conference)), new.undo)


@handler(line.SetUpConference)
def set_up_conference(client: Attached, packet: line.SetUpConference) -> Work:
    handle = client.handles.get(packet.call) if packet.call else None
    opened = handle.opened if handle is not None else client.lines[packet.line]
    new = _New(client, opened)
    first = handle.call if handle is not None else None
    address = first.address if first is not None else 0
    conference, consult = new.call(address, first), new.call(address, first)
    provider = client.server.provider
    try:
        reply = provider.line_setup_conference(
            first, opened.device.number, conference, consult, packet.num_parties, packet.call_params
        )
    except TapiError:
        new.undo()
        raise
    return Work(reply, lambda _: {**_conference(new.give(conference)), **_consultation(new.give(consult))}, new.undo)


@handler(line.PrepareAddToConference)
def prepare_add(client: Attached, packet: line.PrepareAddToConference) -> Work:
    handle = client.handles[packet.conf_call]
    new = _New(client, handle.opened)
    consult = new.call(handle.call.address, handle.call)
    try:
        reply = client.server.provider.line_prepare_add_to_conference(handle.call, consult, packet.call_params)
    except TapiError:
        new.undo()
        raise
    return Work(reply, lambda _: _consultation(new.give(consult)), new.undo)


@handler(line.AddToConference)
def add_to_conference(client: Attached, packet: line.AddToConference) -> Any:
    conference, consult = client.handles[packet.conf_call], client.handles[packet.consult_call]
    if conference.opened is not consult.opened or conference.call is consult.call:
        raise refuse(packet, "INVALCALLHANDLE", "two calls of one line")
    return client.server.provider.line_add_to_conference(conference.call, consult.call)


@handler(line.RemoveFromConference)
def remove_from_conference(client: Attached, packet: line.RemoveFromConference) -> Any:
    call = _call(client, packet.call)
    if call.state != LINECALLSTATE.CONFERENCED:
        raise refuse(packet, "INVALCALLSTATE", "the call is in no conference")
    return client.server.provider.line_remove_from_conference(call)


@handler(line.Park)
def park(client: Attached, packet: line.Park) -> Work:
    undirected = packet.park_mode == LINEPARKMODE.NONDIRECTED
    address = None if undirected else packet.dir_address or ""
    reply = client.server.provider.line_park(_call(client, packet.call), packet.park_mode, address)

    def brings(result: Any) -> dict[str, Any]:
        if not undirected:
            return {}
        made = VARSTRING(string=str(result), string_format=int(STRINGFORMAT.UNICODE))
        if len(made.encode()) > packet.non_dir_address:
            raise TapiError(LINEERR.STRUCTURETOOSMALL, "the address where the call was parked does not fit")
        return {"address": made}

    return Work(reply, brings)


@handler(line.UnPark)
def unpark(client: Attached, packet: line.UnPark) -> Work:
    opened = client.lines[packet.line]
    new = _New(client, opened)
    call = new.call(packet.address_id)
    provider = client.server.provider
    try:
        reply = provider.line_unpark(opened.device.number, packet.address_id, call, packet.dest_address or "")
    except TapiError:
        new.undo()
        raise
    return Work(reply, lambda _: _brings(new.give(call)), new.undo)


@handler(line.PickUp)
def pick_up(client: Attached, packet: line.PickUp) -> Work:
    opened = client.lines[packet.line]
    new = _New(client, opened)
    call = new.call(packet.address_id)
    provider = client.server.provider
    try:
        reply = provider.line_pickup(
            opened.device.number, packet.address_id, call, packet.dest_address, packet.group_id
        )
    except TapiError:
        new.undo()
        raise
    return Work(reply, lambda _: _brings(new.give(call)), new.undo)


@handler(line.Forward)
def forward(client: Attached, packet: line.Forward) -> Work:
    opened = client.lines[packet.line]
    device = opened.device.number
    address = None if packet.all_addresses else packet.address_id
    new = _New(client, opened)
    consult = new.call(address or 0)
    provider = client.server.provider
    try:
        reply = provider.line_forward(
            device, address, packet.forward_list, packet.num_rings_no_answer, consult, packet.call_params
        )
    except TapiError:
        new.undo()
        raise

    def brings(used: Any) -> dict[str, Any] | None:
        if not used:
            new.undo()
            return None
        return _consultation(new.give(consult))

    return Work(reply, brings, new.undo)


@handler(line.CompleteCall)
def complete_call(client: Attached, packet: line.CompleteCall) -> Work:
    provider = client.server.provider
    reply = provider.line_complete_call(_call(client, packet.call), packet.completion_mode, packet.message_id)
    return Work(reply, lambda result: {"completion_id": int(result or 0)})


@handler(line.UnCompleteCall)
def uncomplete_call(client: Attached, packet: line.UnCompleteCall) -> Any:
    device = client.lines[packet.line].device.number
    return client.server.provider.line_uncomplete_call(device, packet.completion_id)


# -- what is known about calls -------------------------------------------------------------------------------------


@handler(line.GetCallIDs)
def get_call_ids(client: Attached, packet: line.GetCallIDs) -> dict[str, Any]:
    call = _call(client, packet.call)
    return {"address_id": call.address, "call_id": call.number, "related_call_id": call.related}


@handler(line.GetCallInfo)
def get_call_info(client: Attached, packet: Any) -> dict[str, Any]:
    handle = client.handles[packet.call]
    call, facts = handle.call, handle.call.facts or {}
    version = handle.opened.version
    owners = call.owners()
    known: dict[str, Any] = {
        "line": handle.opened.value,
        "line_device_id": call.device,
        "address_id": call.address,
        "bearer_mode": 1,
        "media_mode": call.media,
        "call_id": call.number,
        "related_call_id": call.related,
        "dial_params": LINEDIALPARAMS(),
        "origin": 0x10,
        "reason": 0x400,
        "num_owners": owners,
        "num_monitors": len(call.handles) - owners,
        "trunk": 0xFFFFFFFF,
        "caller_id_flags": _UNKNOWN,
        "called_id_flags": _UNKNOWN,
        "connected_id_flags": _UNKNOWN,
        "redirection_id_flags": _UNKNOWN,
        "redirecting_id_flags": _UNKNOWN,
        **facts,
    }
    length = LINECALLINFO.length(version)
    usable = {
        name: value
        for name, value in known.items()
        if (field := LINECALLINFO.layout.by_name[name]).index + field.width <= length
    }
    made = LINECALLINFO(**usable, tapi_version=version)
    return {"call_info": fitted(made, packet.call_info)}


@handler(line.GetCallStatus)
def get_call_status(client: Attached, packet: Any) -> dict[str, Any]:
    handle = client.handles[packet.call]
    call = handle.call
    mode = call.mode
    if call.state == LINECALLSTATE.CONFERENCED:
        parent = call.parent.handle_of(handle.opened) if call.parent is not None else None
        mode = parent.value if parent is not None else 0
    made = LINECALLSTATUS(
        call_state=call.state,
        call_state_mode=mode,
        call_privilege=handle.privilege,
        tapi_version=handle.opened.version,
    )
    return {"call_status": fitted(made, packet.call_status)}


@handler(line.GetNewCalls)
def get_new_calls(client: Attached, packet: Any) -> dict[str, Any]:
    opened = client.lines[packet.line]
    found = []
    for call in list(opened.device.calls.values()):
        if call.pending or not call.state or call.handle_of(opened) is not None:
            continue
        if packet.select == LINECALLSELECT.ADDRESS and call.address != packet.address_id:
            continue
        privilege = opened.wants(call)
        if privilege:
            found.append(client.hold(call, opened, privilege, told=True))
    made: Any = fitted(LINECALLLIST(calls=tuple(handle.value for handle in found)), packet.call_list)
    if made.calls is None and found:
        for handle in found:
            client.release(handle, tell=False)
    return {"call_list": made}

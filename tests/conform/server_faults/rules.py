"""One rule switched off: the server takes what it has to refuse, and says that it has done it.

The lengths are those of conversations in which all but the last request is as it should be. A line that calls its own
number has a call that is offered after five packets: ClientAttach, Initialize, NegotiateAPIVersion, Open, MakeCall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.judge.routes import ROUTES
from mstrp.live.server import server as server_module
from mstrp.live.server.attached import Attached
from protocol import generic, line, mmc, phone
from protocol.constants import LINECALLSTATE
from protocol.packet import FIXED, decode_request
from server_faults.fault import Fault, Kind, Parts, accepts, dead, unchecked

if TYPE_CHECKING:
    from protocol.packet import Request

__all__ = ["RULES"]

#: Packets until there is: a client, a line application, an open line, a call in one's hands, a connected call.
CLIENT, APP, LINE, CALL, CONNECTED = 1, 2, 4, 5, 6
#: Two applications' worth for a phone: ClientAttach, Initialize, NegotiateAPIVersion, Open.
PHONE_APP, PHONE = 2, 4


def _off(request: type[Request], rule: str, wrong: str, before: int) -> Fault:
    """A rule of the packet itself."""
    first = rule.split(maxsplit=1)[0]
    name = f"{request.device}.{request.__name__} without {first}"
    ids = tuple(f"TRP-3.1.4.2-{each}" for each in rule.split())
    return Fault(name, Kind.RULE, wrong, ids, before + 1, unchecked(request, *rule.split()))


def _dead(request: type[Request], rule: str, field: str, before: int = CLIENT) -> Fault:
    """A handle that need not be live."""
    spec = request.layout.by_name[field].spec
    name = f"{request.device}.{request.__name__} without {rule}"
    wrong = f"{request.__name__} takes any number as {spec}."
    return Fault(name, Kind.RULE, wrong, (f"TRP-3.1.4.2-{rule}",), before + 1, accepts(request, dead(field)))


def _when(request: type[Request], rule: str, wrong: str, when: Any, before: int, *others: str) -> Fault:
    """A rule that needs more than the packet."""
    name = f"{request.device}.{request.__name__} without {rule}"
    return Fault(name, Kind.RULE, wrong, (f"TRP-3.1.4.2-{rule}", *others), before + 1, accepts(request, when))


def _no_device(client: Attached, packet: Any) -> bool:
    number = getattr(packet, "device_id", None)
    number = packet.device_id_local if number is None else number
    devices: Any = client.server.phones if packet.device == "phone" else client.server.lines
    return number not in devices


def _no_owner(client: Attached, packet: Any) -> bool:
    opened = client.phones.get(packet.phone)
    return opened is not None and not opened.owns


def _other_version(client: Attached, packet: Any) -> bool:
    app = client.apps.get(packet.phone_app)
    agreed = app.versions.get(packet.device_id) if app is not None else None
    return agreed is not None and packet.negotiated_version != agreed


def _no_conference(client: Attached, packet: Any) -> bool:
    handle = client.handles.get(packet.call)
    return handle is not None and handle.call.state != LINECALLSTATE.CONFERENCED


def _same(client: Attached, packet: Any) -> bool:
    values = (
        (packet.active_call, packet.held_call) if type(packet) is line.SwapHold else (packet.call, packet.consult_call)
    )
    return values[0] == values[1] and values[0] in client.handles


def _no_address(client: Attached, packet: Any) -> bool:
    name = "working_address_id" if type(packet) is line.CreateAgentSession else "address_id"
    return packet.line in client.lines and getattr(packet, name) >= 1


def _no_room(client: Attached, packet: Any) -> bool:
    return packet.capacity < FIXED


class _Unknown(Attached):
    """Requests that do not exist are answered with 0."""

    def _admit(self, packet: Any) -> Any:
        self._nothing = packet.words[0] not in ROUTES
        return None if self._nothing else super()._admit(packet)

    def _perform(self, packet: Any) -> bytes:
        return bytes(4) + packet.buffer[4:FIXED].ljust(FIXED - 4, b"\0") if self._nothing else super()._perform(packet)


class _AnyContext(server_module.Server):
    """A context handle that the server does not know stands for any client that is there."""

    def _client_request(self, connection: Any, call: Any) -> None:
        known = self.clients

        class Anybody(dict[bytes, Any]):
            def get(self, context: bytes, default: Any = None) -> Any:
                return super().get(context, next(iter(self.values()), default))

        self.clients = Anybody(known)
        try:
            super()._client_request(connection, call)
        finally:
            self.clients = known


class _ShortTaken(server_module.Server):
    """A request that is too short to have a number is answered as done."""

    def _client_request(self, connection: Any, call: Any) -> None:
        value = connection.read(call)
        if value is not None and len(value.buffer) < 8 and value.context in self.clients:
            from protocol.ndr import ClientRequestResult

            connection.answer(call, ClientRequestResult(bytes(FIXED)[: value.needed], value.needed))
        else:
            super()._client_request(connection, call)


assert decode_request


RULES: tuple[Fault, ...] = (
    # Offsets and strings.
    _off(line.Accept, "004-01", "Accept takes user-user information at an odd offset.", CALL),
    _off(line.Answer, "007-02", "Answer reads user-user information beyond the end of VarData.", CALL),
    _off(line.Drop, "016-02", "Drop reads user-user information beyond the end of VarData.", CALL),
    _off(line.BlindTransfer, "008-01", "BlindTransfer takes an address without NUL, or outside VarData.", CONNECTED),
    _off(line.Dial, "015-01", "Dial takes an address without NUL, or outside VarData.", CALL),
    _off(line.MakeCall, "048-02", "MakeCall takes an address without NUL, or outside VarData.", LINE),
    _off(line.MakeCall, "048-03", "MakeCall takes lpCallParams outside VarData.", LINE),
    _off(line.Redirect, "060-02", "Redirect takes an address without NUL, or outside VarData.", CALL),
    _off(line.Initialize, "047-01", "Initialize takes an odd offset of the friendly name.", CLIENT),
    _off(line.Initialize, "047-06", "Initialize takes a module name without NUL.", CLIENT),
    _off(line.SetCallData, "071-02", "SetCallData reads beyond the end of VarData.", CALL),
    _off(line.MonitorTones, "051-01", "MonitorTones takes a list at an odd offset.", CALL),
    _off(line.DevSpecific, "013-04", "DevSpecific reads beyond the end of VarData.", LINE),
    _off(line.GetID, "037-03", "GetID takes a device class without NUL.", LINE),
    _off(phone.SetDisplay, "112-03", "SetDisplay reads a text beyond the end of VarData.", PHONE),
    _off(phone.SetData, "111-02", "SetData takes data at an odd offset.", PHONE),
    _off(phone.Initialize, "106-03", "phone.Initialize takes a friendly name without NUL.", CLIENT),
    # Values.
    _off(line.CompleteTransfer, "011-01", "CompleteTransfer takes any dwTransferMode.", CALL + 2),
    _off(line.CompleteCall, "010-02", "CompleteCall takes any dwCompletionMode.", CALL),
    _off(line.Park, "055-01", "Park takes any dwParkMode.", CONNECTED),
    _off(line.GenerateDigits, "019-03", "GenerateDigits takes any dwDigitMode.", CONNECTED),
    _off(line.GatherDigits, "018-03", "GatherDigits takes any dwDigitModes.", CONNECTED),
    _off(line.MonitorMedia, "050-02", "MonitorMedia takes any media types.", CALL),
    _off(line.SetMediaMode, "080-02", "SetMediaMode takes any media type.", CALL),
    _off(line.SetCallParams, "072-04", "SetCallParams takes any bearer mode.", CALL),
    _off(line.Open, "054-03", "Open takes LINECALLPRIVILEGE_NONE together with others.", APP + 1),
    _off(line.GetNewCalls, "039-03", "GetNewCalls takes any dwSelect.", LINE),
    _off(line.SetStatusMessages, "082-02", "SetStatusMessages takes any dwLineStates.", LINE),
    _off(phone.SetLamp, "115-02", "SetLamp takes any lamp mode.", PHONE),
    _off(phone.SetHookSwitch, "114-03", "SetHookSwitch takes any mode.", PHONE),
    _off(phone.GetVolume, "105-02", "GetVolume takes several devices at once.", PHONE),
    _off(phone.Open, "107-02", "phone.Open takes any dwPrivilege.", PHONE_APP + 1),
    _off(generic.RSPSetEventFilterMasks, "161-01", "RSPSetEventFilterMasks takes any dwObjType.", CLIENT),
    # Sizes and structures.
    _off(line.GetCallInfo, "030-02", "GetCallInfo takes a size below the fixed part of LINECALLINFO.", CALL),
    _off(line.GetDevCaps, "034-01", "GetDevCaps promises more than the client has room for.", APP),
    _off(line.GetAddressStatus, "023-03", "GetAddressStatus takes a size below the fixed part.", LINE),
    _off(mmc.GetProviderList, "042-03", "GetProviderList takes a size below the fixed part.", CLIENT),
    _off(line.MakeCall, "LCP-02 048-05", "MakeCall takes LINECALLPARAMS with any dwBearerMode.", LINE),
    _off(
        line.MakeCall,
        "LCP-05-01 LCP-06-01 048-05",
        "MakeCall takes LINECALLPARAMS whose address stands at an odd offset.",
        LINE,
    ),
    _off(line.Forward, "017-06", "Forward takes any dwForwardMode.", LINE),
    _off(phone.GetStatus, "103-03", "phone.GetStatus takes a size below the fixed part.", PHONE),
    # Versions.
    _off(line.GetAddressCaps, "021-06", "GetAddressCaps takes any number as a version.", APP),
    _off(line.NegotiateAPIVersion, "052-04", "NegotiateAPIVersion takes a range that is upside down.", APP),
    _off(mmc.GetProviderList, "042-02", "GetProviderList takes any number as a version.", CLIENT),
    _when(
        phone.Open,
        "107-03",
        "phone.Open takes another version than the one that was agreed on.",
        _other_version,
        PHONE_APP + 1,
    ),
    # Devices and addresses.
    _when(line.GetDevCaps, "034-03", "GetDevCaps knows devices that do not exist.", _no_device, APP),
    _when(line.NegotiateAPIVersion, "052-02", "NegotiateAPIVersion takes any device.", _no_device, APP),
    _when(phone.GetDevCaps, "095-03", "phone.GetDevCaps knows devices that do not exist.", _no_device, PHONE_APP),
    _when(line.GetAgentStatus, "027-02", "GetAgentStatus knows addresses that do not exist.", _no_address, LINE),
    # Handles.
    _dead(line.Close, "009-01", "line"),
    _dead(line.Drop, "016-03", "call"),
    _dead(line.Hold, "046-01", "call"),
    _dead(line.GetCallStatus, "031-03", "call"),
    _dead(line.MakeCall, "048-01", "line"),
    _dead(line.ShutDown, "086-01", "line_app"),
    _dead(line.DeallocateCall, "012-01", "call"),
    _dead(phone.GetRing, "102-01", "phone"),
    _dead(phone.SetVolume, "118-01", "phone"),
    _dead(mmc.FreeDialogInstance, "003-01", "dlg_inst"),
    _when(line.SwapHold, "087-03", "SwapHold exchanges a call with itself.", _same, CONNECTED),
    _when(line.CompleteTransfer, "011-04", "CompleteTransfer connects a call with itself.", _same, CALL + 2),
    # Privileges and states.
    _when(phone.SetGain, "113-03", "SetGain works for a client that only watches the phone.", _no_owner, PHONE),
    _when(phone.SetRing, "116-02", "SetRing works for a client that only watches the phone.", _no_owner, PHONE),
    _when(
        line.RemoveFromConference,
        "063-02",
        "RemoveFromConference takes a call that is in no conference.",
        _no_conference,
        CALL,
        "CALL-PRE-RemoveFromConference",
    ),
    # The message as such.
    Fault(
        "any Req_Func",
        Kind.RULE,
        "A request that does not exist is answered as done.",
        ("TRP-3.1.4.2-GEN-04",),
        CLIENT + 1,
        Parts(client=_Unknown),
    ),
    Fault(
        "any context handle",
        Kind.RULE,
        "A context handle that nobody has stands for another client.",
        ("TRP-3.1.4.2-GEN-03",),
        CLIENT + 1,
        Parts(server=_AnyContext),
    ),
    Fault(
        "any length",
        Kind.RULE,
        "A request of three bytes is answered as done.",
        ("TRP-3.1.4.2-GEN-01", "TRP-3.1.4.2-GEN-02"),
        CLIENT + 1,
        Parts(server=_ShortTaken),
    ),
)

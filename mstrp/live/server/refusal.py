"""Refused requests and their error codes: the rules of 3.1.4.2, and the tables of the call machine.

No rule of 3.1.4.2 specifies a code (decision C5), so the natural one is used: by the type of handle, by the field, or
by the kind of check. The order is: the packet itself, objects, permissions, state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.judge.routes import ROUTES, UNKNOWN_ROUTE
from fsm.tables.bits import BRIDGED, DIALLED
from fsm.tables.call_states import BY_BIT
from mstrp.live.provider import TapiError
from mstrp.live.server.calls import MONITOR, OWNER
from protocol.constants import LINECALLSTATE, LINECONNECTEDMODE, LINEERR, PHONEERR, TAPI_VERSION
from protocol.fields import Handle, HandleType, Number

if TYPE_CHECKING:
    from fsm.engine.errors import ProtocolError
    from mstrp.live.server.attached import Attached
    from protocol.packet import Request
    from protocol.problem import Problem

__all__ = ["check", "code_of_error", "refuse"]

#: Checks whose violation makes a packet unreadable: refused whether or not a rule of 3.1.4.2 requires it (D17).
_BROKEN = {"alignment", "bounds", "termination", "overrun", "layout"}
_ASPECTS = {
    "alignment": "INVALPOINTER",
    "bounds": "INVALPOINTER",
    "termination": "INVALPOINTER",
    "overrun": "INVALPOINTER",
    "size": "STRUCTURETOOSMALL",
    "layout": "OPERATIONFAILED",
}
#: Codes by the invalid field, without the prefix of the family.
_FIELDS = {
    "dwAPIHighVersion": "INCOMPATIBLEAPIVERSION",
    "dwAPIVersion": "INCOMPATIBLEAPIVERSION",
    "dwAddressMode": "INVALADDRESSMODE",
    "dwAddressStates": "INVALADDRESSSTATE",
    "dwAgentSessionState": "INVALAGENTSESSIONSTATE",
    "dwAgentState": "INVALAGENTSTATE",
    "dwAppAPIVersion": "INCOMPATIBLEAPIVERSION",
    "dwBearerMode": "INVALBEARERMODE",
    "dwButtonModes": "INVALBUTTONMODE",
    "dwButtonStates": "INVALBUTTONSTATE",
    "dwCompletionMode": "INVALCALLCOMPLMODE",
    "dwDeviceID": "BADDEVICEID",
    "dwDeviceIDLocal": "BADDEVICEID",
    "dwDigitMode": "INVALDIGITMODE",
    "dwDigitModes": "INVALDIGITMODE",
    "dwExtVersion": "INCOMPATIBLEEXTVERSION",
    "dwFeature": "INVALFEATURE",
    "dwHookSwitchDev": "INVALHOOKSWITCHDEV",
    "dwHookSwitchDevs": "INVALHOOKSWITCHDEV",
    "dwHookSwitchMode": "INVALHOOKSWITCHMODE",
    "dwLampMode": "INVALLAMPMODE",
    "dwLineStates": "INVALLINESTATE",
    "dwMediaMode": "INVALMEDIAMODE",
    "dwMediaModes": "INVALMEDIAMODE",
    "dwNegotiatedVersion": "INCOMPATIBLEAPIVERSION",
    "dwNextAgentSessionState": "INVALAGENTSESSIONSTATE",
    "dwNextAgentState": "INVALAGENTSTATE",
    "dwParkMode": "INVALPARKMODE",
    "dwPrivilege": "INVALPRIVILEGE",
    "dwPrivileges": "INVALPRIVSELECT",
    "dwSelect": "INVALCALLSELECT",
    "dwTSPIVersion": "INCOMPATIBLEAPIVERSION",
    "dwTerminalModes": "INVALTERMINALMODE",
    "dwToneMode": "INVALTONEMODE",
    "dwTransferMode": "INVALTRANSFERMODE",
    "dwVersion": "INCOMPATIBLEAPIVERSION",
    "dwWorkingAddressID": "INVALADDRESSID",
    "Req_Func": "OPERATIONUNAVAIL",
}
_HANDLES = {
    HandleType.HLINEAPP: int(LINEERR.INVALAPPHANDLE),
    HandleType.HLINE: int(LINEERR.INVALLINEHANDLE),
    HandleType.HCALL: int(LINEERR.INVALCALLHANDLE),
    HandleType.HPHONEAPP: int(PHONEERR.INVALAPPHANDLE),
    HandleType.HPHONE: int(PHONEERR.INVALPHONEHANDLE),
    HandleType.HAGENT: int(LINEERR.INVALAGENTID),
    HandleType.HAGENTSESSION: int(LINEERR.INVALPARAM),
    HandleType.DIALOGINSTANCE: int(LINEERR.INVALPARAM),
}
_VERSIONS = {int(member) for member in TAPI_VERSION}
#: Fields that contain a version from a list, by request.
_LISTED: dict[int, tuple[int, ...]] = {}
#: Device fields of each request: (index, whether it is a phone).
_DEVICES: dict[int, tuple[tuple[int, bool], ...]] = {}


def _learn() -> None:
    for number, route in ROUTES.items():
        fields = [field for field in route.packet.layout.fields if isinstance(field, Number)]
        _LISTED[number] = tuple(field.index for field in fields if "listed" in field.rules)
        phone = route.packet.device == "phone"
        _DEVICES[number] = tuple(
            (field.index, phone) for field in fields if field.role == "device" and field.direction == "in"
        )


_learn()


def refuse(packet: Request, name: str, why: str = "") -> TapiError:
    """Return the error with a name in the family of a request's device."""
    family: type[LINEERR | PHONEERR] = PHONEERR if packet.device == "phone" else LINEERR
    code = family.__members__.get(name) or family.INVALPARAM
    return TapiError(int(code), why)


def check(client: Attached, packet: Request) -> None:
    """Raise `TapiError` for requests that must fail, independent of the switch."""
    route = ROUTES.get(packet.words[0], UNKNOWN_ROUTE)
    if route is UNKNOWN_ROUTE:
        raise refuse(packet, "OPERATIONUNAVAIL", "Req_Func")
    if packet.may_fail():
        for problem in packet.problems():
            if problem.rule or problem.aspect in _BROKEN:
                raise of_problem(packet, problem)
    words = packet.words
    for word in _LISTED[words[0]]:
        if words[word] not in _VERSIONS:
            raise refuse(packet, "INCOMPATIBLEAPIVERSION", f"{words[word]:#x} is not a version")
    _handles(client, packet, route)
    for word, phone in _DEVICES[words[0]]:
        client.server.check_device(packet, words[word], phone=phone)
    _calls(client, packet, route)


def _handles(client: Attached, packet: Request, route: Any) -> None:
    words = packet.words
    uses = (*route.handles, *route.calls)
    if uses and all(use.optional and not words[use.word] for use in uses):
        # Each handle may be 0 if another one is not.
        raise TapiError(_HANDLES[uses[0].type], f"{' and '.join(use.spec for use in uses)} are 0")
    for use in route.handles:
        handle = words[use.word]
        if use.when is not None and (words[use.when.word] in use.when.values) is not use.when.wanted:
            continue
        if use.optional and not handle:
            continue
        if not client.has(use.type, handle):
            raise TapiError(_HANDLES[use.type], f"{use.spec} {handle:#x}")
    if packet.required_privilege == "owner" and packet.device == "phone":
        opened = client.phones[words[route.handles[0].word]]
        if not opened.owns:
            raise refuse(packet, "NOTOWNER")


def _calls(client: Attached, packet: Request, route: Any) -> None:
    words = packet.words
    for use in route.calls:
        value = words[use.word]
        if use.when is not None and (words[use.when.word] in use.when.values) is not use.when.wanted:
            continue
        if use.optional and not value:
            continue
        handle = client.handles.get(value)
        if handle is None or handle.call.pending:
            raise TapiError(LINEERR.INVALCALLHANDLE, f"{use.spec} {value:#x}")
        if packet.required_privilege == "owner" and handle.privilege != OWNER:
            raise TapiError(LINEERR.NOTOWNER)
        call = handle.call
        state = BY_BIT.get(call.state & 0x00FFFFFF)
        if state is None or handle.privilege == MONITOR:
            continue
        flags = DIALLED.bit
        if call.state == LINECALLSTATE.CONNECTED and call.mode & LINECONNECTEDMODE.INACTIVE:
            flags |= BRIDGED.bit
        # A provider may omit the report after the success of a request: the implied state is also possible.
        masks = (1 << state, client.believed(value))
        if not any(_legal(use.cell, mask, flags) for mask in masks if mask):
            raise TapiError(LINEERR.INVALCALLSTATE, f"{route.name} in state {state.name}")


def _legal(cell: Any, mask: int, flags: int) -> bool:
    move = cell[mask]
    if move.relevant:
        move = move.variants[flags & move.relevant]
    return not move.rule


def of_problem(packet: Request, problem: Problem) -> TapiError:
    """Return the code for a problem of the packet itself."""
    if ".dw" in problem.field or problem.field.startswith("lpCallParams"):
        name = "INVALCALLPARAMS" if "CallParams" in problem.field else "INVALPARAM"
    elif problem.aspect == "value" or problem.aspect not in _ASPECTS:
        name = _FIELDS.get(problem.field, "INVALPARAM")
    else:
        name = _ASPECTS[problem.aspect]
    return refuse(packet, name, str(problem))


def code_of_error(packet: Request, error: ProtocolError) -> TapiError:
    """Return the code for an error of the machines."""
    rule = error.rule
    route = ROUTES.get(packet.words[0], UNKNOWN_ROUTE)
    if rule.startswith("CALL-PRE"):
        return refuse(packet, "INVALCALLSTATE" if error.machine == "call" else "OPERATIONFAILED", str(error))
    kinds = [(use.rule, use.type) for use in route.handles]
    kinds += [(use.rule, HandleType.HCALL) for use in route.calls]
    for known, kind in kinds:
        if known == rule:
            return TapiError(_HANDLES[kind], str(error))
    for field in packet.layout.fields:
        if isinstance(field, Handle):
            continue
        if rule in {packet.layout.rule(bullet) for bullet in getattr(field, "rules", {}).values()}:
            return refuse(packet, _FIELDS.get(field.spec, "INVALPARAM"), str(error))
    return refuse(packet, "OPERATIONFAILED", str(error))

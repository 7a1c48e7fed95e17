"""One field wrong: an answer, a completion or an event says what is not so."""

from __future__ import annotations

from typing import Any

from mstrp.live.server import server as server_module
from mstrp.live.server.attached import Attached
from mstrp.live.switch import Switch
from protocol import line, mmc, phone
from protocol.constants import LINECALLSTATE, LINEERR
from protocol.events import LINE_APPNEWCALL, LINE_CALLINFO, LINE_CALLSTATE, LINE_REPLY, PHONE_REPLY
from protocol.ndr import ALL_DEVICES, MANAGEMENT, TELEPHONY
from server_faults.events import S
from server_faults.fault import Fault, Kind, Parts, answers, brings, handled, put, told
from server_faults.rules import APP, CALL, CLIENT, CONNECTED, LINE, PHONE

__all__ = ["FIELDS"]

assert LINECALLSTATE is type(S.IDLE)


def _fault(name: str, wrong: str, ids: tuple[str, ...] | str, shortest: int, parts: Parts) -> Fault:
    return Fault(name, Kind.FIELD, wrong, (ids,) if isinstance(ids, str) else ids, shortest, parts)


def _in(kind: type[Any], **values: int) -> Parts:
    """Fields of an event that are always wrong in the same way."""
    return told(lambda client, event: put(event, **values) if type(event) is kind else None)


def _set(**values: Any) -> Any:
    return lambda client, packet, fields: {**fields, **values}


def _member(field: str, **values: Any) -> Any:
    """Members of a structure that an answer brings."""

    def change(client: Attached, packet: Any, fields: dict[str, Any]) -> dict[str, Any]:
        made = fields[field]
        return {**fields, field: made.replace(**values)}

    return change


class _AckZero(Attached):
    """Asynchronous requests are answered with 0."""

    def request(self, packet: Any) -> bytes:
        answer = super().request(packet)
        done = type(packet).completion == "async" and answer[3] < 0x80
        return bytes(4) + answer[4:] if done else answer


class _AckOne(Attached):
    """Synchronous requests are answered with 1."""

    def request(self, packet: Any) -> bytes:
        answer = super().request(packet)
        done = type(packet) is line.SetStatusMessages and answer[:4] == bytes(4)
        return b"\1\0\0\0" + answer[4:] if done else answer


class _OtherId(Attached):
    """The id that the client chose is not used."""

    def _number(self, packet: Any) -> int:
        return super()._number(packet) ^ 0x4000


class _OneId(Attached):
    """A request that is completed later gets the id of one that is pending."""

    def _reply(self, pending: Any, code: int, found: Any) -> Any:
        event = super()._reply(pending, code, found)
        return put(event, request_id=pending.number ^ 0x100)[0] if isinstance(event, LINE_REPLY) else event


class _OtherContext(Attached):
    """The completion of MakeCall brings another lpContext."""

    def _reply(self, pending: Any, code: int, found: Any) -> Any:
        event = super()._reply(pending, code, found)
        if type(pending.request) is line.MakeCall and "context" in event.layout.by_name:
            return put(event, context=event.context ^ 0x55)[0]
        return event


class _NegativeReply(Attached):
    """Everything that succeeds is reported as failed."""

    def _reply(self, pending: Any, code: int, found: Any) -> Any:
        if type(pending.request) in {line.Answer, line.Hold}:
            code = int(LINEERR.INVALCALLSTATE)
        return super()._reply(pending, code, found)


class _OtherHandle(Attached):
    """LINE_CALLSTATE names another call."""

    def tell_state(self, handle: Any) -> None:
        value = handle.value
        if handle.told:
            handle.value = value ^ 0x8000
        super().tell_state(handle)
        handle.value = value


def _swapped_ids(fields: dict[str, Any]) -> None:
    fields["call"], fields["call_id"] = fields["call_id"], fields["call"]


def _swapped_calls(fields: dict[str, Any]) -> None:
    fields["conf_call"], fields["consult_call"] = fields["consult_call"], fields["conf_call"]


def _no_handle(name: str) -> Any:
    def change(fields: dict[str, Any]) -> None:
        fields[name] = 0

    return change


class _CrossedPhones(Switch):
    """The volume is kept as the gain, and the other way round."""

    def phone_set(self, device: int, what: str, which: int, value: Any) -> None:
        super().phone_set(device, {"gain": "volume", "volume": "gain"}.get(what, what), which, value)


class _LampsForget(Switch):
    def phone_set(self, device: int, what: str, which: int, value: Any) -> None:
        if what != "lamp":
            super().phone_set(device, what, which, value)


class _DisplayForgets(Switch):
    def phone_set(self, device: int, what: str, which: int, value: Any) -> None:
        if what != "display":
            super().phone_set(device, what, which, value)


class _OneRing(Switch):
    def phone_set(self, device: int, what: str, which: int, value: Any) -> None:
        if what != "ring":
            super().phone_set(device, what, which, value)


class _Filters(Attached):
    """RSPSetEventFilterMasks succeeds, and nothing is held back."""

    def tell_line(self, opened: Any, event: Any, *extra: Any) -> None:
        self.tell(event)


def _versions_mixed(client: Attached, packet: Any, fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "negotiated_version": packet.version_current + 0x10000}


FIELDS: tuple[Fault, ...] = (
    # Answers.
    _fault("asynchronous 0", "Asynchronous requests return 0.", "CALL-V10", LINE + 1, Parts(client=_AckZero)),
    _fault(
        "synchronous 1",
        "SetStatusMessages returns 1 when it has succeeded.",
        "CALL-V10",
        LINE + 1,
        Parts(client=_AckOne),
    ),
    _fault(
        "another request id",
        "The server does not use the request id that the client chose.",
        "CALL-V09",
        CALL + 1,
        Parts(client=_OtherId),
    ),
    _fault(
        "reply of another id",
        "LINE_REPLY completes another request id.",
        ("CALL-V08", "DONE-line.Accept", "DONE-line.Answer", "DONE-line.Drop"),
        CALL + 1,
        Parts(client=_OneId),
    ),
    _fault(
        "lpContext lost",
        "The completion of MakeCall brings another lpContext.",
        "CALL-V14",
        LINE + 1,
        Parts(client=_OtherContext),
    ),
    _fault(
        "success told as failure",
        "Answer and Hold are completed with INVALCALLSTATE, and have succeeded.",
        ("LEGAL-line.Answer", "LEGAL-line.Hold", "TRUE-completion"),
        CALL + 1,
        Parts(client=_NegativeReply),
    ),
    _fault(
        "no handle from MakeCall",
        "The completion of MakeCall brings the handle 0.",
        ("CALL-V14", "TRP-3.1.4.2-048-06", "CALL-V03"),
        LINE + 1,
        brings(line.MakeCall, _no_handle("call")),
    ),
    _fault(
        "handle and id exchanged",
        "The completion of MakeCall has the call id where the handle belongs.",
        ("CALL-V03", "LEGAL-line.GetCallInfo", "LEGAL-line.Drop", "TRP-3.1.4.2-048-06"),
        LINE + 1,
        brings(line.MakeCall, _swapped_ids),
    ),
    _fault(
        "no conference",
        "The completion of SetUpConference brings the handle 0 of the conference.",
        ("CALL-V14", "CALL-V11", "CALL-V03", "TRP-3.1.4.2-084-05"),
        CONNECTED + 1,
        brings(line.SetUpConference, _no_handle("conf_call")),
    ),
    _fault(
        "conference and consultation exchanged",
        "The completion of SetUpConference exchanges conference and consultation call.",
        ("CALL-STATE-NEW-ONHOLDPENDCONF", "CALL-STATE-NEW-DIALTONE"),
        CONNECTED + 1,
        brings(line.SetUpConference, _swapped_calls),
    ),
    _fault(
        "no consultation",
        "The completion of SetUpTransfer brings the handle 0.",
        ("CALL-V14", "CALL-V03", "TRP-3.1.4.2-085-05"),
        CONNECTED + 1,
        brings(line.SetUpTransfer, _no_handle("consult_call")),
    ),
    _fault(
        "version above all",
        "NegotiateAPIVersion agrees on a version above the client's range.",
        "TRUE-version",
        APP + 1,
        answers(line.NegotiateAPIVersion, _versions_mixed),
    ),
    _fault(
        "no device",
        "Initialize counts no device, and GetDevCaps knows them.",
        ("TRP-3.1.4.2-034-03", "TRP-3.1.4.2-052-02"),
        APP + 1,
        answers(line.Initialize, _set(num_devs=0)),
    ),
    _fault(
        "wrong state in GetCallStatus",
        "GetCallStatus says ONHOLD of every call.",
        "TOLD-STATE",
        CALL + 1,
        answers(line.GetCallStatus, _member("call_status", call_state=int(S.ONHOLD), call_state_mode=0)),
    ),
    _fault(
        "wrong privilege in GetCallStatus",
        "GetCallStatus says that the owner of a call watches it.",
        "TRUE-privilege",
        CALL + 1,
        answers(line.GetCallStatus, _member("call_status", call_privilege=2)),
    ),
    _fault(
        "wrong line in GetCallInfo",
        "GetCallInfo names another line.",
        "TRUE-call-line",
        CALL + 1,
        answers(line.GetCallInfo, _member("call_info", line=0x1234)),
    ),
    _fault(
        "wrong call id in GetCallIDs",
        "GetCallIDs says another id than the completion of MakeCall.",
        "TRUE-call-id",
        CALL + 1,
        answers(line.GetCallIDs, lambda c, p, f: {**f, "call_id": f["call_id"] ^ 0x100}),
    ),
    _fault(
        "wrong address in GetAddressID",
        "GetAddressID does not give back the id of the address that GetAddressCaps showed.",
        "TRUE-address",
        LINE + 2,
        answers(line.GetAddressID, _set(address_id=3)),
    ),
    _fault(
        "wrong device in GetDevCaps",
        "The number of addresses in GetDevCaps is not that of GetNumAddressIDs.",
        "TRUE-addresses",
        LINE + 2,
        answers(line.GetDevCaps, _member("line_dev_caps", num_addresses=7)),
    ),
    _fault(
        "used size above total size",
        "dwUsedSize of LINEDEVSTATUS is larger than dwTotalSize.",
        "TRUE-sizes",
        LINE + 1,
        answers(line.GetLineDevStatus, _member("line_dev_status", used_size=0x7000)),
    ),
    _fault(
        "wrong number of opens",
        "GetLineDevStatus does not count the client's own open line.",
        "TRUE-opens",
        LINE + 1,
        answers(line.GetLineDevStatus, _member("line_dev_status", num_opens=0, app_info=())),
    ),
    _fault(
        "wrong owners of a phone",
        "phone.GetStatus says that nobody owns the phone.",
        "TRUE-phone-owner",
        PHONE + 1,
        answers(phone.GetStatus, _member("phone_status", num_owners=0)),
    ),
    _fault(
        "gain and volume exchanged",
        "SetVolume sets the gain, and SetGain the volume.",
        ("TRUE-phone-volume", "TRUE-phone-gain"),
        PHONE + 2,
        Parts(switch=_CrossedPhones),
    ),
    _fault(
        "lamps never change",
        "SetLamp succeeds, and GetLamp says what it was.",
        "TRUE-phone-lamp",
        PHONE + 2,
        Parts(switch=_LampsForget),
    ),
    _fault(
        "display never changes",
        "SetDisplay succeeds, and GetDisplay shows what it was.",
        "TRUE-phone-display",
        PHONE + 2,
        Parts(switch=_DisplayForgets),
    ),
    _fault(
        "ring never changes",
        "SetRing succeeds, and GetRing says what it was.",
        "TRUE-phone-ring",
        PHONE + 2,
        Parts(switch=_OneRing),
    ),
    _fault(
        "application data forgotten",
        "SetAppSpecific succeeds, and GetCallInfo says what it was.",
        "TRUE-app-specific",
        CALL + 2,
        handled(line.SetAppSpecific, lambda right, client, packet: None),
    ),
    _fault(
        "media type forgotten",
        "SetMediaMode succeeds, and GetCallInfo says what it was.",
        "TRUE-media-mode",
        CALL + 2,
        handled(line.SetMediaMode, lambda right, client, packet: None),
    ),
    _fault(
        "provider with another id",
        "GetProviderList says another id than GetLineInfo.",
        ("TRUE-provider", "LEGAL-mmc.GetUIDllName", "LEGAL-mmc.GetDeviceFlags"),
        CLIENT + 2,
        answers(
            mmc.GetProviderList,
            lambda client, packet, fields: {**fields, "provider_list": _other_provider(fields["provider_list"])},
        ),
    ),
    # Events.
    _fault(
        "another InitContext",
        "LINE_CALLSTATE brings an InitContext that the client did not give.",
        "CALL-V13",
        LINE + 1,
        _in(LINE_CALLSTATE, init_context=0x4444),
    ),
    _fault(
        "another OpenContext",
        "LINE_CALLSTATE brings an OpenContext that the client did not give.",
        "CALL-V13",
        LINE + 1,
        _in(LINE_CALLSTATE, open_context=0x4444),
    ),
    _fault(
        "another OpenContext of LINE_CALLINFO",
        "LINE_CALLINFO brings an OpenContext that the client did not give.",
        "CALL-V13",
        LINE + 1,
        _in(LINE_CALLINFO, open_context=0x4444),
    ),
    _fault(
        "another InitContext of LINE_APPNEWCALL",
        "LINE_APPNEWCALL brings an InitContext that the client did not give.",
        "CALL-V13",
        LINE + 1,
        _in(LINE_APPNEWCALL, init_context=0x4444),
    ),
    _fault(
        "another InitContext of PHONE_REPLY",
        "PHONE_REPLY brings an InitContext that the client did not give.",
        "TRUE-reply-context",
        PHONE + 1,
        _in(PHONE_REPLY, init_context=0x4444),
    ),
    _fault(
        "another call in LINE_CALLSTATE",
        "LINE_CALLSTATE names a call that the client does not have.",
        ("CALL-V03",),
        LINE + 1,
        Parts(client=_OtherHandle),
    ),
    _fault(
        "wrong privilege in LINE_CALLSTATE",
        "LINE_CALLSTATE has a privilege that does not exist.",
        "CALL-Q05",
        LINE + 1,
        _in(LINE_CALLSTATE, privilege=0x40),
    ),
    _fault(
        "wrong mode in LINE_CALLSTATE",
        "The mode of LINE_CALLSTATE is 0xFFFF, whatever the state.",
        "CALL-Q17",
        LINE + 1,
        told(
            lambda client, event: (
                put(event, mode=0xFFFF) if type(event) is LINE_CALLSTATE and event.call_state != S.CONFERENCED else None
            )
        ),
    ),
    _fault(
        "no state in LINE_CALLSTATE",
        "LINE_CALLSTATE has the state 0.",
        ("CALL-V02",),
        LINE + 1,
        _in(LINE_CALLSTATE, call_state=0),
    ),
    _fault(
        "no parent of a member",
        "CONFERENCED names no conference.",
        ("CALL-V11", "CALL-Q17"),
        CONNECTED + 1,
        told(
            lambda client, event: (
                put(event, mode=0) if type(event) is LINE_CALLSTATE and event.call_state == S.CONFERENCED else None
            )
        ),
    ),
    _fault(
        "filters without effect",
        "RSPSetEventFilterMasks succeeds, and nothing is held back.",
        "TRUE-filter",
        LINE + 2,
        Parts(client=_Filters),
    ),
    # The binding.
    _fault(
        "wrong marker of management",
        "ClientAttach returns ALL_DEVICES to a management client.",
        "TRP-3.1.4.1-02",
        CLIENT,
        Parts(values=((server_module, "_MARKERS", {TELEPHONY: ALL_DEVICES, MANAGEMENT: ALL_DEVICES}),)),
    ),
    _fault(
        "wrong marker of telephony",
        "ClientAttach returns 0 where NegotiateAPIVersionForAllDevices works.",
        "TRP-3.1.4.1-01",
        CLIENT,
        Parts(values=((server_module, "_MARKERS", {TELEPHONY: 0, MANAGEMENT: server_module.MANAGED_64}),)),
    ),
    _fault(
        "no context handle",
        "ClientAttach returns 0 and a context handle of zeros.",
        ("TRP-3.1.4.1-12", "ALIVE"),
        CLIENT,
        Parts(values=((server_module.os, "urandom", bytes),)),
    ),
)


def _other_provider(listed: Any) -> Any:
    return type(listed)(
        provider_list=tuple(
            entry.replace(permanent_provider_id=entry.permanent_provider_id + 5) for entry in listed.provider_list or ()
        )
    )

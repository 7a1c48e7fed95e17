"""One off-by-one: a bound that is one too far, a count that is one too high, a number that is the next one."""

from __future__ import annotations

from typing import Any

from mstrp.live.server import server as server_module
from mstrp.live.server.attached import Attached
from mstrp.live.server.delivery import Pull, Push
from protocol import generic, line, phone
from protocol.packet import FIXED
from server_faults.fault import Fault, Kind, Parts, accepts, answers, put
from server_faults.rules import APP, CALL, LINE, PHONE, PHONE_APP

__all__ = ["BOUNDS"]


def _fault(name: str, wrong: str, ids: tuple[str, ...] | str, shortest: int, parts: Parts) -> Fault:
    return Fault(name, Kind.OFF_BY_ONE, wrong, (ids,) if isinstance(ids, str) else ids, shortest, parts)


def _count(field: str, member: str) -> Any:
    def change(client: Attached, packet: Any, fields: dict[str, Any]) -> dict[str, Any]:
        made = fields[field]
        return {**fields, field: made.replace(**{member: getattr(made, member) + 1})}

    return change


def _device_after(client: Attached, packet: Any) -> bool:
    devices: Any = client.server.phones if packet.device == "phone" else client.server.lines
    number = getattr(packet, "device_id", None)
    return (packet.device_id_local if number is None else number) == len(devices)


def _short(rule: str) -> Any:
    """Only a structure that is one byte, or one word, too short for its bound is taken."""

    def when(client: Attached, packet: Any) -> bool:
        problems = packet.problems()
        return bool(problems) and {problem.rule for problem in problems} == {f"TRP-3.1.4.2-{rule}"}

    return when


def _one_below(field: str, rule: str, least: int) -> Any:
    def when(client: Attached, packet: Any) -> bool:
        return least - 4 <= getattr(packet, field) < least and _short(rule)(client, packet)

    return when


class _LongEvents(Pull):
    """TotalSize of every event is four bytes too much."""

    def put(self, event: bytes) -> None:
        super().put((int.from_bytes(event[:4], "little") + 4).to_bytes(4, "little") + event[4:])


class _ShortEvents(Push):
    """TotalSize of every event is four bytes too little."""

    def put(self, event: bytes) -> None:
        super().put((int.from_bytes(event[:4], "little") - 4).to_bytes(4, "little") + event[4:])


class _NextId(Attached):
    """The acknowledgement is the id after the right one."""

    def request(self, packet: Any) -> bytes:
        answer = super().request(packet)
        number = int.from_bytes(answer[:4], "little")
        if type(packet).completion == "async" and 0 < number < 0x7FFFFFFF:
            return (number + 1).to_bytes(4, "little") + answer[4:]
        return answer


class _NextReply(Attached):
    """The completion has the id after the right one."""

    def _reply(self, pending: Any, code: int, found: Any) -> Any:
        return put(super()._reply(pending, code, found), request_id=pending.number + 1)[0]


class _Used(server_module.Server):
    """GetAsyncEvents says that one word less is used than is."""

    def _fetch(self, client: Attached, packet: Any) -> bytes:
        answer = super()._fetch(client, packet)
        if len(answer) <= FIXED:
            return answer
        index = generic.GetAsyncEvents.layout.by_name["used_buffer_size"].index
        used = int.from_bytes(answer[4 * index : 4 * index + 4], "little") - 4
        return answer[: 4 * index] + used.to_bytes(4, "little") + answer[4 * index + 4 :]


def _next_handle(request: type[Any], field: str) -> Parts:
    return answers(request, lambda client, packet, fields: {**fields, field: fields[field] + 1})


def _address_after(client: Attached, packet: Any) -> bool:
    return packet.line in client.lines and packet.address_id == 1


def _backwards(low: int, high: int) -> bool:
    return low == high + 1


BOUNDS: tuple[Fault, ...] = (
    _fault(
        "one line too many",
        "Initialize counts one line more than there is.",
        "LEGAL-line.GetDevCaps",
        APP + 1,
        answers(line.Initialize, lambda c, p, f: {**f, "num_devs": f["num_devs"] + 1}),
    ),
    _fault(
        "one line too few",
        "Initialize counts one line less than there is.",
        ("TRP-3.1.4.2-034-03", "TRP-3.1.4.2-052-02", "TRP-3.1.4.2-130-02"),
        APP + 1,
        answers(line.Initialize, lambda c, p, f: {**f, "num_devs": f["num_devs"] - 1}),
    ),
    _fault(
        "one phone too many",
        "phone.Initialize counts one phone more than there is.",
        "LEGAL-phone.GetDevCaps",
        PHONE_APP + 1,
        answers(phone.Initialize, lambda c, p, f: {**f, "num_devs": f["num_devs"] + 1}),
    ),
    _fault(
        "device after the last one",
        "GetDevCaps knows the device after the last one.",
        "TRP-3.1.4.2-034-03",
        APP + 1,
        accepts(line.GetDevCaps, _device_after),
    ),
    _fault(
        "version for the device after the last one",
        "NegotiateAPIVersion takes the device after the last one.",
        "TRP-3.1.4.2-052-02",
        APP + 1,
        accepts(line.NegotiateAPIVersion, _device_after),
    ),
    _fault(
        "phone after the last one",
        "phone.NegotiateAPIVersion takes the device after the last one.",
        "TRP-3.1.4.2-108-02",
        PHONE_APP + 1,
        accepts(phone.NegotiateAPIVersion, _device_after),
    ),
    _fault(
        "address after the last one",
        "GetAgentGroupList takes the address after the last one.",
        "TRP-3.1.4.2-026-02",
        LINE + 1,
        accepts(line.GetAgentGroupList, _address_after),
    ),
    _fault(
        "one address too many",
        "GetNumAddressIDs counts one address more than there is.",
        "TRUE-addresses",
        LINE + 1,
        answers(line.GetNumAddressIDs, lambda c, p, f: {**f, "num_address_ids": f["num_address_ids"] + 1}),
    ),
    _fault(
        "LINECALLSTATUS one word short",
        "GetCallStatus takes room for one word less than LINECALLSTATUS has.",
        "TRP-3.1.4.2-031-02",
        CALL + 1,
        accepts(line.GetCallStatus, _short("031-02")),
    ),
    _fault(
        "LINEDEVSTATUS one word short",
        "GetLineDevStatus takes room for one word less than LINEDEVSTATUS has.",
        "TRP-3.1.4.2-038-02",
        LINE + 1,
        accepts(line.GetLineDevStatus, _short("038-02")),
    ),
    _fault(
        "PHONESTATUS one word short",
        "phone.GetStatus takes room for one word less than PHONESTATUS has.",
        "TRP-3.1.4.2-103-03",
        PHONE + 1,
        accepts(phone.GetStatus, _short("103-03")),
    ),
    _fault(
        "one byte of user-user information too many",
        "Accept reads one byte beyond the end of VarData.",
        "TRP-3.1.4.2-004-02",
        CALL + 1,
        accepts(line.Accept, _short("004-02")),
    ),
    _fault(
        "one open line too many",
        "GetLineDevStatus counts one open line more than there is.",
        "TRUE-opens",
        LINE + 1,
        answers(line.GetLineDevStatus, _count("line_dev_status", "num_opens")),
    ),
    _fault(
        "one active call too many",
        "GetAddressStatus counts one active call more than there is.",
        "TRUE-calls",
        LINE + 1,
        answers(line.GetAddressStatus, _count("address_status", "num_active_calls")),
    ),
    _fault(
        "one owner too many",
        "GetCallInfo counts one owner more than the call has.",
        "TRUE-owners",
        CALL + 1,
        answers(line.GetCallInfo, _count("call_info", "num_owners")),
    ),
    _fault(
        "one monitor too many",
        "phone.GetStatus counts one monitor more than the phone has.",
        "TRUE-phone-owner",
        PHONE + 1,
        answers(phone.GetStatus, _count("phone_status", "num_monitors")),
    ),
    _fault(
        "next call id",
        "GetCallIDs says the id after that of the call.",
        "TRUE-call-id",
        CALL + 1,
        answers(line.GetCallIDs, lambda c, p, f: {**f, "call_id": f["call_id"] + 1}),
    ),
    _fault(
        "next request id answered",
        "The answer to an asynchronous request is the id after the right one.",
        ("CALL-V09", "CALL-V08"),
        LINE + 1,
        Parts(client=_NextId),
    ),
    _fault(
        "next request id completed",
        "The completion has the id after the right one.",
        ("CALL-V08", "DONE-line.MakeCall"),
        LINE + 1,
        Parts(client=_NextReply),
    ),
    _fault(
        "next line handle",
        "Open returns the handle after the right one.",
        ("TRP-3.1.4.2-054-11", "LEGAL-line.GetLineDevStatus", "LEGAL-line.Close", "LEGAL-line.MakeCall"),
        LINE + 1,
        _next_handle(line.Open, "line"),
    ),
    _fault(
        "next phone handle",
        "phone.Open returns the handle after the right one.",
        ("TRP-3.1.4.2-107-05", "LEGAL-phone.GetRing", "LEGAL-phone.Close"),
        PHONE + 1,
        _next_handle(phone.Open, "phone"),
    ),
    _fault(
        "events four bytes longer",
        "TotalSize of every fetched event is four bytes too much.",
        ("TRP-3.3.4.2-GEN-01", "TRP-3.3.4.2-GEN-02", "TRP-3.3.4.2-GEN-03"),
        LINE + 2,
        Parts(pull=_LongEvents),
    ),
    _fault(
        "events four bytes shorter",
        "TotalSize of every pushed event is four bytes too little.",
        ("TRP-3.3.4.2-GEN-01", "TRP-3.3.4.2-GEN-02", "TRP-3.3.4.2-GEN-03"),
        LINE + 1,
        Parts(push=_ShortEvents),
    ),
    _fault(
        "one word too little used",
        "GetAsyncEvents says that one word less is used than there is.",
        ("TRP-3.3.4.2-GEN-01", "TRP-3.3.4.2-GEN-02", "TRP-3.3.4.2-GEN-03"),
        LINE + 2,
        Parts(server=_Used),
    ),
    _fault(
        "another hook switch",
        "GetVolume says the volume of a hookswitch device that is one higher than was set.",
        "TRUE-phone-volume",
        PHONE + 2,
        answers(phone.GetVolume, lambda c, p, f: {**f, "volume": f["volume"] + 1}),
    ),
)

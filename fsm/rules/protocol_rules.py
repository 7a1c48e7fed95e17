"""Rules of MS-TRP without a declaration: attach and detach, buffers, RPC, and rules that are not checked.

Rules of fields are in the field declarations, those of handles in the machines, those of successes in `successes`. This
module contains all others, so each rule has one place.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from fsm.engine.rule import Catalogue, Rule
from fsm.rules.call_rules import CALL_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EVENT_RULES", "OTHERS", "RECORDS", "Other", "Status"]


class Status(StrEnum):
    """Whether a rule is checked."""

    CHECKED = "checked"
    NOT_OBSERVABLE = "not-observable"
    SUPERSEDED = "superseded"


class Other(NamedTuple):
    """A rule without a declaration. ``how`` is the mechanism, the reason why it cannot be checked, or the decision."""

    rule: str
    kind: str
    role: str
    summary: str
    how: str
    status: Status = Status.CHECKED
    #: The rule that findings refer to, if it is another one.
    told: str = ""
    #: The sentence of a finding, if a row refers to the rule.
    sentence: str = ""
    #: Other rules that findings of this one also list.
    also: tuple[str, ...] = ()


_NOT, _OVER = Status.NOT_OBSERVABLE, Status.SUPERSEDED
_LOCAL = "an RPC runtime refuses such data without visible traffic"
_UNIQUE = "the interfaces have no unique or full pointers"


def _strict(section: str, role: str, status: Status = Status.CHECKED) -> tuple[Other, ...]:
    how = "function: inconsistent NDR stubs that are accepted" if status is Status.CHECKED else _LOCAL
    first = f"TRP-{section}-01"
    told = first if status is Status.CHECKED else ""
    return (
        Other(first, "must", role, "NDR data is checked for consistency at target level 5.0", how, status),
        Other(
            f"TRP-{section}-02",
            "must",
            role,
            "NDR data is checked for consistency at target level 6.0",
            how,
            status,
            told=told,
        ),
        Other(
            f"TRP-{section}-03", "must", role, "a NULL unique or full pointer has no conformant value", _UNIQUE, _NOT
        ),
    )


_SAME = "table row: binding, use of a context handle that is not open"
_PACKET = "packet: the buffer itself"
_GEN3 = "TRP-3.1.4.2-GEN-03"
_MODEL = "table row: binding, event delivery"
_BUFFER = "packet: the event buffer"

OTHERS: tuple[Other, ...] = (
    Other("TRP-3.1.4.2-GEN-01", "fail-if", "server", "lNeededSize is at least sizeof TAPI32_MSG", _PACKET),
    Other("TRP-3.1.4.2-GEN-02", "fail-if", "server", "*plUsedSize is at least sizeof ULONG_PTR", _PACKET),
    Other("TRP-3.1.4.2-GEN-03", "fail-if", "server", "phContext is an open context handle of tapsrv", _SAME),
    Other("TRP-3.1.4.2-GEN-04", "fail-if", "server", "Req_Func is the number of a request", _PACKET),
    Other("TRP-3.1.4.2-01", "must", "client", "phContext is the handle that ClientAttach returned", _SAME, told=_GEN3),
    Other(
        "TRP-3.1.4.2-02", "must", "client", "pBuffer has the layout of a TAPI32_MSG", _PACKET, told="TRP-3.1.4.2-GEN-02"
    ),
    # -- 3.1.4.2, decided otherwise -------------------------------------------------------------------------------
    Other(
        "TRP-3.1.4.2-021-07",
        "fail-if",
        "server",
        "dwExtVersion of GetAddressCaps is acceptable",
        "D13: the packet specification says that the field is not validated",
        _OVER,
    ),
    Other(
        "TRP-3.1.4.2-034-05",
        "fail-if",
        "server",
        "dwExtVersion of GetDevCaps is acceptable",
        "D13: the packet specification says that the field is not validated",
        _OVER,
    ),
    Other(
        "TRP-3.1.4.2-037-05",
        "fail-if",
        "server",
        "dwAddressID of GetID is valid with LINECALLSELECT_DEVICEID",
        "D13: the packet specification says that the field is not validated, and DEVICEID is used without an address",
        _OVER,
    ),
    Other("TRP-3.1.4.2-013-05", "fail-if", "server", "hCall of DevSpecific is open", "repeats 013-01", _OVER),
    Other(
        "TRP-3.1.4.2-025-02",
        "fail-if",
        "server",
        "VarData of GetAgentCaps has room for lpAgentCapsSize bytes",
        "D14: the packet has no VarData; the completion contains the structure",
        _OVER,
    ),
    Other(
        "TRP-3.1.4.2-152-03",
        "fail-if",
        "server",
        "VarData of GetGroupList can hold a LINEAGENTGROUPLIST",
        "D14: the packet has no VarData; 152-02 compares the intended size",
        _OVER,
    ),
    Other(
        "TRP-3.1.4.2-118-04",
        "fail-if",
        "server",
        "VarData of SetVolume can hold a PHONEBUTTONINFO",
        "D2: it belongs to SetButtonInfo",
        _OVER,
    ),
    Other(
        "TRP-3.1.4.2-141-01",
        "fail-if",
        "server",
        "the server has an initialized line at GetCallIDs",
        "D20: without a line there is no open call, which 141-02 requires",
        _OVER,
    ),
    Other(
        "TRP-3.1.4.2-LCP-03",
        "fail-if",
        "server",
        "dwBearerMode has one bit, above 2.0",
        "D15: 2.2.6.20 allows several, and the sentence is ambiguous",
        _OVER,
    ),
    *(
        Other(
            f"TRP-3.1.4.2-{bullet}",
            "fail-if",
            "server",
            f"{field} of {request} is open",
            "agents and their sessions belong to the server, and unseen clients create them as well",
            _NOT,
        )
        for bullet, field, request in (
            ("148-04", "hAgent", "GetAgentInfo"),
            ("149-04", "hAgentSession", "GetAgentSessionInfo"),
            ("150-04", "hAgent", "GetAgentSessionList"),
        )
    ),
    Other(
        "TRP-3.1.4.2-117-06",
        "fail-if",
        "server",
        "the caller of SetStatusMessages has PHONEPRIVILEGE_MONITOR",
        "every owner of an open hPhone has at least MONITOR (107-02), so this cannot be violated separately from 117-01",
        _NOT,
    ),
    Other(
        "TRP-3.1.4.2-003-02",
        "on-success",
        "server",
        "FreeDialogInstance finishes the installation and updates the list of providers",
        "the result of the dialog is passed between the provider's components as opaque bytes",
        _NOT,
    ),
    # -- transport ------------------------------------------------------------------------------------------------
    Other(
        "TRP-2.1-01", "must", "server", r"tapsrv is on the pipe \pipe\tapsrv", "an unused endpoint is not visible", _NOT
    ),
    Other(
        "TRP-2.1-02",
        "must",
        "server",
        "events are delivered as selected in ClientAttach",
        _MODEL,
        sentence="server delivered events by another method than the client selected in ClientAttach",
    ),
    Other(
        "TRP-2.1-03",
        "must",
        "server",
        "the UUIDs of 1.9 are used",
        "traffic with other UUIDs is not recognized as MS-TRP",
        _NOT,
    ),
    Other(
        "TRP-2.2-01",
        "must",
        "server",
        "NDR20 and NDR64 are negotiated",
        "a bind shows the selected syntax, not other acceptable ones",
        _NOT,
    ),
    Other("TRP-3-01", "must", "client", "ClientAttach precedes any other method", _SAME, told=_GEN3),
    Other(
        "TRP-3-02",
        "must",
        "client",
        "the context handle is passed to ClientDetach when finished",
        "the end of a connection does not show whether the client was finished (Q20)",
        _NOT,
    ),
    Other("TRP-3-03", "must", "client", "a detached context handle is not used again", _SAME, told=_GEN3),
    Other(
        "TRP-3-04",
        "must",
        "client",
        "a connection-oriented client listens before ClientAttach",
        "a server that could not connect does not report it",
        _NOT,
    ),
    Other(
        "TRP-3-05", "must", "client", "a mailslot exists before ClientAttach", "mailslots are local to the client", _NOT
    ),
    Other(
        "TRP-3.1.3-01",
        "must",
        "server",
        "the server listens on its endpoint",
        "an unused endpoint is not visible",
        _NOT,
    ),
    *_strict("3.1.4", "server"),
    Other("TRP-3.1.4-04", "must", "server", "context handles of other interfaces are refused", _SAME, told=_GEN3),
    *_strict("3.2.4", "client", _NOT),
    *_strict("3.3.4", "client"),
    Other(
        "TRP-3.3.4-04",
        "must",
        "client",
        "context handles of other interfaces are refused",
        "table row: channel, use of a context handle that is not open",
        sentence="server used the event channel with a context handle that is not valid: {what}",
    ),
    *_strict("3.4.4", "server", _NOT),
    # -- attaching and detaching ----------------------------------------------------------------------------------
    Other(
        "TRP-3.1.4.1-01",
        "must",
        "server",
        "phAsyncEventsEvent is 0xA5C369A5 if NegotiateAPIVersionForAllDevices is supported",
        "function: ClientAttach compared with the requests that follow",
    ),
    Other("TRP-3.1.4.1-04", "must", "server", "with a mailslot, events are pulled", _MODEL, told="TRP-2.1-02"),
    Other("TRP-3.1.4.1-05", "must", "server", "without a mailslot, events are pushed", _MODEL, told="TRP-2.1-02"),
    Other(
        "TRP-3.1.4.1-10",
        "fail-if",
        "server",
        "lProcessID -3 requires an administrator",
        "function: ClientAttach, if the embedding program knows that the client is not an administrator",
    ),
    Other(
        "TRP-3.1.4.1-11",
        "on-success",
        "server",
        "the server keeps the client's state",
        "function: refusals of open handles",
    ),
    Other("TRP-3.1.4.3-01", "on-success", "server", "the binding is released", _SAME, told=_GEN3),
    Other(
        "TRP-3.1.4.3-02",
        "must",
        "server",
        "RemoteSPDetach follows ClientDetach",
        "function: event channels at the end",
    ),
    Other(
        "TRP-3.2.3-01",
        "must",
        "client",
        "the client listens on the endpoint that it specified",
        "an unused endpoint is not visible",
        _NOT,
    ),
    Other(
        "TRP-3.3.3-01",
        "must",
        "client",
        "the client listens during ClientAttach",
        "a server that could not connect does not report it",
        _NOT,
    ),
    Other(
        "TRP-3.3.4.1-01",
        "fail-if",
        "client",
        "RemoteSPAttach is refused if the call attributes cannot be queried",
        "only the client's runtime knows whether they can be queried",
        _NOT,
    ),
    Other(
        "TRP-3.3.4.1-02",
        "fail-if",
        "client",
        "RemoteSPAttach is refused below PKT_PRIVACY if that is required",
        "the requirement is a setting of the client",
        _NOT,
    ),
    Other(
        "TRP-3.3.4.1-03",
        "on-success",
        "client",
        "the binding is kept",
        "table row: channel, use of a context handle that is not open",
        told="TRP-3.3.4-04",
    ),
    Other(
        "TRP-3.3.4.3-01",
        "on-success",
        "client",
        "the binding is dropped",
        "table row: channel, use of a context handle that is not open",
        told="TRP-3.3.4-04",
    ),
    # -- event buffers --------------------------------------------------------------------------------------------
    Other(
        "TRP-3.3.4.2-GEN-01",
        "fail-if",
        "client",
        "lSize is a multiple of 4 and at least one fixed part",
        _BUFFER,
        also=("TRP-3.3.4.2-02",),
    ),
    Other("TRP-3.3.4.2-GEN-02", "fail-if", "client", "each TotalSize fits", _BUFFER),
    Other(
        "TRP-3.3.4.2-GEN-03",
        "fail-if",
        "client",
        "no data follows the last event",
        _BUFFER,
        also=("TRP-3.3.4.2-02",),
    ),
    Other(
        "TRP-3.3.4.2-GEN-04",
        "fail-if",
        "client",
        "InitContext is a value that the client specified",
        "table row: line and phone, a context that is not the client's",
        told="CALL-V13",
    ),
    Other(
        "TRP-3.3.4.2-01",
        "must",
        "server",
        "events are sent to the endpoint specified in ClientAttach",
        "the endpoint of the event channel, if its events have the InitContext of the client",
    ),
    Other(
        "TRP-3.3.4.2-02",
        "must",
        "server",
        "a buffer is a list of events, each TotalSize bytes long",
        _BUFFER,
        told="TRP-3.3.4.2-GEN-02",
    ),
    Other(
        "TRP-3.3.4.2-M00C-01",
        "ignore-if",
        "client",
        "LINE_REPLY has the id of a pending request",
        "table row: request, replies without a pending request",
        told="CALL-V08",
    ),
    Other(
        "TRP-3.3.4.2-M011-01",
        "ignore-if",
        "client",
        "PHONE_REPLY has the id of a pending request",
        "table row: request, replies without a pending request",
        told="CALL-V08",
    ),
    Other(
        "TRP-3.3.4.2-M013-01",
        "ignore-if",
        "client",
        "LINE_CREATE has a possible device id",
        "E19: any new id is possible; the specification states no bound",
        _OVER,
    ),
    Other(
        "TRP-3.3.4.2-M014-01",
        "ignore-if",
        "client",
        "PHONE_CREATE has a possible device id",
        "E19: any new id is possible; the specification states no bound",
        _OVER,
    ),
)

#: Events that a client drops if they refer to a handle or device it does not have: (Msg, bullet, content).
EVENT_RULES: tuple[tuple[int, str, str], ...] = (
    *(
        (msg, "01", "hRemoteLine is 0 or an open line of the client")
        for msg in (0x00, 0x01, 0x02, 0x03, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x16, 0x17, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F)
    ),
    *((msg, "01", "hRemotePhone is 0 or an open phone of the client") for msg in (0x0E, 0x0F, 0x10, 0x12)),
    *((msg, "01", "Param1 is a device that the client knows") for msg in (0x19, 0x1A)),
    *((msg, "01", "Param4 is 0 or an open line of the client") for msg in (0x04, 0x05, 0x15)),
    *((msg, "02", "with Param4 0, hDevice is an open line of the client") for msg in (0x04, 0x05, 0x15)),
)


def _records() -> Iterator[Rule]:
    """Yield the records of rules that rows and findings refer to: those of the call model, and the MS-TRP rules here."""
    told: dict[str, list[str]] = {}
    for other in OTHERS:
        if other.told not in ("", other.rule):
            told.setdefault(other.told, []).append(other.rule)
    for rule in CALL_RULES.rules.values():
        yield rule._replace(also=(*rule.also, *sorted(told.get(rule.id, ()))))
    for other in OTHERS:
        if other.status is Status.CHECKED and not other.told:
            section = other.rule.removeprefix("TRP-").partition("-")[0]
            record = Rule(other.rule, other.summary, section, also=(*sorted(told.get(other.rule, ())), *other.also))
            yield record._replace(sentence=other.sentence) if other.sentence else record
    yield Rule("TRP-3.1.4.2-", "the request fails unless its handles and fields are valid", "3.1.4.2")
    yield Rule("TRP-3.3.4.2-", "the client ignores events for handles and devices that it does not have", "3.3.4.2")


#: The records of all rules that rows refer to.
RECORDS: Final = Catalogue(_records())

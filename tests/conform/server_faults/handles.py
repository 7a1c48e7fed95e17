"""One handle leaked: it works after its end, or for somebody else; or lost: it never works, or stops too early."""

from __future__ import annotations

from typing import Any

from mstrp.live.server import server as server_module
from mstrp.live.server.attached import Attached
from mstrp.live.server.calls import Handle
from protocol import line, mmc, phone
from protocol.constants import LINECALLSTATE
from protocol.fields import HandleType
from server_faults.fault import Fault, Kind, Parts, handled
from server_faults.rules import APP, CALL, CLIENT, CONNECTED, LINE, PHONE, PHONE_APP

__all__ = ["HANDLES"]

S = LINECALLSTATE


def _fault(name: str, wrong: str, ids: tuple[str, ...] | str, shortest: int, parts: Parts) -> Fault:
    return Fault(name, Kind.HANDLE, wrong, (ids,) if isinstance(ids, str) else ids, shortest, parts)


class _KeepsCalls(Attached):
    """DeallocateCall leaves the handle."""

    def release(self, handle: Handle, *, tell: bool = True) -> None:
        super().release(handle, tell=tell)
        self.handles[handle.value] = handle


class _KeepsLines(server_module.Server):
    """Close leaves the handle of the line."""

    def close_line(self, opened: Any) -> None:
        super().close_line(opened)
        if not opened.client.gone:
            opened.client.lines[opened.value] = opened


class _KeepsPhones(server_module.Server):
    def close_phone(self, opened: Any) -> None:
        super().close_phone(opened)
        if not opened.client.gone:
            opened.client.phones[opened.value] = opened


def _keeps_app(right: Any, client: Attached, packet: Any) -> Any:
    value = packet.line_app if packet.device == "line" else packet.phone_app
    app = client.apps[value]
    found = right(client, packet)
    client.apps[value] = app
    return found


def _forgets_lines(right: Any, client: Attached, packet: Any) -> None:
    """ShutDown of an application leaves its lines open."""
    client.apps.pop(packet.line_app)


def _forgets_phones(right: Any, client: Attached, packet: Any) -> None:
    client.apps.pop(packet.phone_app)


class _KeepsCallsOfLine(server_module.Server):
    """The calls of a line that is closed stay with the client."""

    def close_line(self, opened: Any) -> None:
        calls = dict(opened.handles)
        super().close_line(opened)
        if not opened.client.gone:
            opened.client.handles.update(calls)


class _KeepsClients(server_module.Server):
    """A context handle works after ClientDetach."""

    def end(self, client: Any, why: str) -> None:
        super().end(client, why)
        if not why:
            self.clients[client.context] = client


class _KeepsLinesOfClients(server_module.Server):
    """Who detaches keeps its lines open: the next client sees them in use."""

    def end(self, client: Any, why: str) -> None:
        opened = list(client.lines.values())
        super().end(client, why)
        for each in opened:
            each.device.opens.append(each)


class _KeepsPhoneOwner(server_module.Server):
    """A phone whose owner has closed it has an owner still."""

    def close_phone(self, opened: Any) -> None:
        device = opened.device
        super().close_phone(opened)
        if not opened.client.gone and opened.owns:
            device.opens.append(opened)


class _Everybodys(Attached):
    """A call handle of one client works for every other one."""

    def has(self, kind: HandleType, value: int) -> bool:
        if kind is HandleType.HLINE and value not in self.lines:
            for client in self.server.clients.values():
                if value in client.lines:
                    self.lines[value] = client.lines[value]
                    return True
        return super().has(kind, value)


class _EverybodysCalls(Attached):
    def _admit(self, packet: Any) -> Any:
        value = getattr(packet, "call", 0) or 0
        for client in self.server.clients.values():
            if value in client.handles:
                self.handles.setdefault(value, client.handles[value])
        return super()._admit(packet)


class _DropsIdle(Attached):
    """A call handle is gone as soon as the call is idle, without DeallocateCall."""

    def tell_state(self, handle: Handle) -> None:
        super().tell_state(handle)
        if handle.call.state == S.IDLE:
            self.handles.pop(handle.value, None)


def _no_line(right: Any, client: Attached, packet: Any) -> Any:
    """Open returns a handle that the server does not keep."""
    found = right(client, packet)
    opened = client.lines.pop(found["line"])
    opened.device.opens.remove(opened)
    return found


def _no_phone(right: Any, client: Attached, packet: Any) -> Any:
    found = right(client, packet)
    opened = client.phones.pop(found["phone"])
    opened.device.opens.remove(opened)
    return found


def _no_app(right: Any, client: Attached, packet: Any) -> Any:
    found = right(client, packet)
    client.apps.pop(found["line_app"])
    return found


def _no_phone_app(right: Any, client: Attached, packet: Any) -> Any:
    found = right(client, packet)
    client.apps.pop(found["phone_app"])
    return found


def _no_dialog(right: Any, client: Attached, packet: Any) -> Any:
    found = right(client, packet)
    client.dialogs.pop(found["dlg_inst"])
    return found


def _keeps_dialog(right: Any, client: Attached, packet: Any) -> Any:
    change = client.dialogs[packet.dlg_inst]
    found = right(client, packet)
    client.dialogs[packet.dlg_inst] = change
    return found


class _NoConsultation(Attached):
    """The consultation call of SetUpTransfer has a handle that the server forgets at once."""

    def _reply(self, pending: Any, code: int, found: Any) -> Any:
        if type(pending.request) is line.SetUpTransfer and found:
            self.handles.pop(found["consult_call"], None)
        return super()._reply(pending, code, found)


class _NoCall(Attached):
    def _reply(self, pending: Any, code: int, found: Any) -> Any:
        if type(pending.request) is line.MakeCall and found:
            self.handles.pop(found["call"], None)
        return super()._reply(pending, code, found)


class _NoMember(Attached):
    """SetUpConference forgets the handle of the conference."""

    def _reply(self, pending: Any, code: int, found: Any) -> Any:
        if type(pending.request) is line.SetUpConference and found:
            self.handles.pop(found["conf_call"], None)
        return super()._reply(pending, code, found)


class _CloseAll(server_module.Server):
    """Close of one line closes every line of the client."""

    def close_line(self, opened: Any) -> None:
        super().close_line(opened)
        for other in list(opened.client.lines.values()):
            super().close_line(other)


class _LosesOthers(Attached):
    """DeallocateCall of one call takes the other calls of the line away."""

    def release(self, handle: Handle, *, tell: bool = True) -> None:
        super().release(handle, tell=tell)
        for other in list(handle.opened.handles.values()):
            self.handles.pop(other.value, None)


HANDLES: tuple[Fault, ...] = (
    _fault(
        "call after DeallocateCall",
        "A call handle works after DeallocateCall.",
        ("TRP-3.1.4.2-012-02", "TRP-3.1.4.2-030-03", "TRP-3.1.4.2-012-01"),
        CALL + 2,
        Parts(client=_KeepsCalls),
    ),
    _fault(
        "line after Close",
        "A line handle works after Close.",
        ("TRP-3.1.4.2-009-02", "TRP-3.1.4.2-038-03", "TRP-3.1.4.2-009-01"),
        LINE + 2,
        Parts(server=_KeepsLines),
    ),
    _fault(
        "phone after Close",
        "A phone handle works after Close.",
        ("TRP-3.1.4.2-091-02", "TRP-3.1.4.2-102-01", "TRP-3.1.4.2-091-01"),
        PHONE + 2,
        Parts(server=_KeepsPhones),
    ),
    _fault(
        "application after ShutDown",
        "An HLINEAPP works after ShutDown.",
        ("TRP-3.1.4.2-086-02", "TRP-3.1.4.2-034-06", "TRP-3.1.4.2-086-01"),
        APP + 2,
        handled(line.ShutDown, _keeps_app),
    ),
    _fault(
        "phone application after ShutDown",
        "An HPHONEAPP works after ShutDown.",
        ("TRP-3.1.4.2-119-02", "TRP-3.1.4.2-108-03", "TRP-3.1.4.2-119-01"),
        PHONE_APP + 2,
        handled(phone.ShutDown, _keeps_app),
    ),
    _fault(
        "lines after ShutDown",
        "Lines stay open when their application is shut down.",
        ("TRP-3.1.4.2-086-02", "TRP-3.1.4.2-038-03"),
        LINE + 2,
        handled(line.ShutDown, _forgets_lines),
    ),
    _fault(
        "phones after ShutDown",
        "Phones stay open when their application is shut down.",
        ("TRP-3.1.4.2-099-01", "TRP-3.1.4.2-119-02", "TRP-3.1.4.2-102-01"),
        PHONE + 2,
        handled(phone.ShutDown, _forgets_phones),
    ),
    _fault(
        "calls after Close",
        "The calls of a line work after the line was closed.",
        ("TRP-3.1.4.2-030-01", "TRP-3.1.4.2-030-03", "TRP-3.1.4.2-009-02"),
        CALL + 2,
        Parts(server=_KeepsCallsOfLine),
    ),
    _fault(
        "context after ClientDetach",
        "A context handle works after ClientDetach.",
        ("TRP-3.1.4.3-01", "TRP-3.1.4.2-GEN-03"),
        CLIENT + 2,
        Parts(server=_KeepsClients),
    ),
    _fault(
        "lines after ClientDetach",
        "Lines of a client that has detached count as open.",
        ("TRP-3.1.4.3-01", "TRUE-opens", "LEGAL-line.Open"),
        LINE + 1 + LINE + 1,
        Parts(server=_KeepsLinesOfClients),
    ),
    _fault(
        "owner after Close",
        "A phone has an owner after its owner has closed it: nobody else can own it.",
        ("TRUE-phone-owner", "LEGAL-phone.Open"),
        PHONE + 2,
        Parts(server=_KeepsPhoneOwner),
    ),
    _fault(
        "line of another client",
        "A line handle of one client works for every other one.",
        ("TRP-3.1.4.2-038-03", "TRP-3.1.4.2-009-01", "TRP-3.1.4.2-023-01"),
        LINE + 2,
        Parts(client=_Everybodys),
    ),
    _fault(
        "call of another client",
        "A call handle of one client works for every other one.",
        ("TRP-3.1.4.2-030-03", "TRP-3.1.4.2-031-03", "TRP-3.1.4.2-016-03"),
        CALL + 2,
        Parts(client=_EverybodysCalls),
    ),
    _fault(
        "dialog after FreeDialogInstance",
        "A dialog instance works after FreeDialogInstance.",
        ("TRP-3.1.4.2-003-01", "TRP-3.1.4.2-002-04"),
        CLIENT + 3,
        handled(mmc.FreeDialogInstance, _keeps_dialog),
    ),
    _fault(
        "idle call without a handle",
        "A call handle is gone when the call is idle, without DeallocateCall.",
        ("LEGAL-line.GetCallInfo", "LEGAL-line.GetCallStatus", "LEGAL-line.DeallocateCall"),
        CALL + 2,
        Parts(client=_DropsIdle),
    ),
    _fault(
        "line not kept",
        "Open returns a handle that the server does not keep.",
        ("TRP-3.1.4.2-054-11", "LEGAL-line.GetLineDevStatus", "LEGAL-line.Close"),
        LINE + 1,
        handled(line.Open, _no_line),
    ),
    _fault(
        "phone not kept",
        "phone.Open returns a handle that the server does not keep.",
        ("TRP-3.1.4.2-107-05", "LEGAL-phone.GetRing", "LEGAL-phone.Close"),
        PHONE + 1,
        handled(phone.Open, _no_phone),
    ),
    _fault(
        "application not kept",
        "Initialize returns a handle that the server does not keep.",
        ("TRP-3.1.4.2-047-07", "LEGAL-line.GetDevCaps", "LEGAL-line.NegotiateAPIVersion"),
        APP + 1,
        handled(line.Initialize, _no_app),
    ),
    _fault(
        "phone application not kept",
        "phone.Initialize returns a handle that the server does not keep.",
        ("TRP-3.1.4.2-106-07", "LEGAL-phone.NegotiateAPIVersion"),
        PHONE_APP + 1,
        handled(phone.Initialize, _no_phone_app),
    ),
    _fault(
        "dialog not kept",
        "GetUIDllName returns a dialog instance that the server does not keep.",
        ("LEGAL-mmc.FreeDialogInstance", "TRUE-dialog"),
        CLIENT + 3,
        handled(mmc.GetUIDllName, _no_dialog),
    ),
    _fault(
        "call not kept",
        "MakeCall brings a handle that the server does not keep.",
        ("TRP-3.1.4.2-048-06", "LEGAL-line.GetCallInfo", "LEGAL-line.Drop", "LEGAL-line.GetCallStatus"),
        CALL + 1,
        Parts(client=_NoCall),
    ),
    _fault(
        "consultation call not kept",
        "SetUpTransfer brings a handle that the server does not keep.",
        ("TRP-3.1.4.2-085-05", "LEGAL-line.GetCallInfo", "LEGAL-line.Dial"),
        CONNECTED + 2,
        Parts(client=_NoConsultation),
    ),
    _fault(
        "conference not kept",
        "SetUpConference brings a handle of the conference that the server does not keep.",
        ("TRP-3.1.4.2-084-05", "CALL-V11", "LEGAL-line.GetCallInfo"),
        CONNECTED + 2,
        Parts(client=_NoMember),
    ),
    _fault(
        "all lines closed",
        "Close of one line closes every line of the client.",
        ("LEGAL-line.GetLineDevStatus", "LEGAL-line.Close", "LEGAL-line.MakeCall"),
        LINE + 4,
        Parts(server=_CloseAll),
    ),
    _fault(
        "other calls deallocated",
        "DeallocateCall of one call takes the other calls of the line away.",
        ("LEGAL-line.Drop", "LEGAL-line.GetCallInfo", "LEGAL-line.DeallocateCall", "LEGAL-line.GetCallStatus"),
        CALL + 3,
        Parts(client=_LosesOthers),
    ),
)

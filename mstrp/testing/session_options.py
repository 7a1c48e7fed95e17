"""Actions of sessions: bindings, applications, versions, lines, phones, dialogs, call centers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.state.instances import Agent, AgentSession, Application, Dialog, Handler, Phone, Proxy, Transaction, Version
from fsm.state.instances import Line as Opened
from fsm.tables import agent as agent_table
from fsm.tables import agent_session as agent_session_table
from fsm.tables import application as application_table
from fsm.tables import binding, request
from fsm.tables import dialog as dialog_table
from fsm.tables import handle as handles
from fsm.tables import handler as handler_table
from fsm.tables import line as line_table
from fsm.tables import phone as phone_table
from fsm.tables import proxy as proxy_table
from fsm.tables import version as version_table
from fsm.tables.bits import FILTERED, IN_FLIGHT
from fsm.tables.call import LINE_ENDED, VOIDED
from fsm.tables.call_states import CallState
from fsm.tables.conference import ConferenceState
from mstrp.generate.play import Kind, Line
from mstrp.testing.call_options import FAILED
from mstrp.testing.client_session import ClientSession
from mstrp.testing.selection import Place, RowKey
from mstrp.testing.special import SPECIAL
from protocol import events as event
from protocol import generic, line, mmc, phone
from protocol.constants import (
    LINEADDRESSSTATE,
    LINEAGENTSESSIONSTATUS,
    LINEAGENTSTATUSEX,
    LINECALLPRIVILEGE,
    LINEDEVSTATE,
    LINEERR,
    LINEMEDIAMODE,
    LINEPROXYSTATUS,
    PHONEERR,
    PHONEPRIVILEGE,
    PHONESTATE,
)
from protocol.fields import Handle, HandleType
from protocol.packet import REQUESTS
from protocol.structures import LINEPROVIDERENTRY, LINEPROVIDERLIST, LINEPROXYREQUEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.testing.client_session import Act
    from mstrp.testing.selection import Option

__all__ = ["TO_CALLS", "SessionOptions"]

#: The version of each line device: the second is older than 2.0.
_VERSIONS = (0x00030001, 0x00010004)
#: The row of a refused synchronous request.
_REFUSED = RowKey(Transaction.machine.name, request.RequestState.ASKED, request.ANSWERS_ERROR)
#: Approximate number of steps to restore the same objects after the end of a line, an application, a session.
_CLOSED, _SHUT, _ENDED = 3, 6, 10
#: The initial place of calls: actions that make calls possible lead there.
TO_CALLS = (Place("call", CallState.ABSENT), Place("conference", ConferenceState.NONE))
_OPENED = {phone_table.OPENED_OWNER: PHONEPRIVILEGE.OWNER, phone_table.OPENED_MONITOR: PHONEPRIVILEGE.MONITOR}
_APPLICATIONS: dict[str, Any] = {"line": line.Initialize, "phone": phone.Initialize}
_REINIT = {"line": int(LINEERR.REINIT), "phone": int(PHONEERR.REINIT)}
#: Requests with dedicated actions.
_SEPARATE = SPECIAL | {"GetProviderList"}
_NEEDED = (
    HandleType.HLINE, HandleType.HPHONE, HandleType.HLINEAPP, HandleType.HPHONEAPP, HandleType.HAGENT,
    HandleType.HAGENTSESSION, HandleType.DIALOGINSTANCE, HandleType.HCALL,
)  # fmt: skip


def _types(kind: Any) -> set[HandleType]:
    return {field.type for field in kind.layout.fields if isinstance(field, Handle) and field.direction == "in"}


_GENERAL = [
    (kind, _types(kind))
    for kind in REQUESTS.values()
    if kind.__name__ not in _SEPARATE
    and not any(
        isinstance(field, Handle) and field.type is HandleType.HCALL and not field.optional and field.direction == "in"
        for field in kind.layout.fields
    )
]


class SessionOptions(ClientSession):
    """The options of sessions."""

    def session_options(self) -> Iterator[Option[Act]]:
        """Yield all options of bindings, applications and devices."""
        for kind in _APPLICATIONS:
            yield from self._application(kind)
        yield from self._versions()
        yield from self._lines()
        yield from self._phones()
        yield from self._dialogs()
        yield from self._centre()
        yield from self._general()
        yield from self._ends()

    # -- applications ---------------------------------------------------------------------------------------------

    def _application(self, kind: str) -> Iterator[Option[Act]]:
        app = self.app(kind)
        if app is None:
            key = f"{kind}.Initialize"
            yield self.option(
                [ClientSession.start(Application.machine, application_table.INITIALIZED), key],
                self._initialize,
                kind,
                leads=TO_CALLS if kind == "line" else (),
            )
        elif not (self.conversation.calls or self.conversation.registry.pending.first) or kind == "phone":
            yield self.option(
                [*self.keys((app, application_table.SHUTS)), f"{kind}.ShutDown"], self._shut_down, kind, cost=_SHUT
            )
        takes = [
            ClientSession.start(Application.machine, application_table.REINIT),
            *(self.keys((app, application_table.REINIT)) if app else ()),
        ]
        yield self.option(takes, self._refuse_hello, kind)
        if app is not None:
            takes = list(self.keys((app, application_table.REINIT_DUE)))
            if (kind == "line" and self.conversation.lines) or (kind == "phone" and self.conversation.phones):
                yield self.option(takes, self._due, kind)

    def _hello(self, kind: str) -> Any:
        return _APPLICATIONS[kind](
            init_context=self.role.init_context, friendly_name="C", module_name="C", api_version=self.role.version
        )

    def _initialize(self, kind: str) -> None:
        handle = self.play.handle()
        given: dict[str, Any] = {"line_app": handle} if kind == "line" else {"phone_app": handle}
        if kind == "line":
            self.role.app = handle
        else:
            self.role.phone_app = handle
        self.script.ask(self._hello(kind), num_devs=2 if kind == "line" else 1, **given)

    def _refuse_hello(self, kind: str) -> None:
        self.script.ask(self._hello(kind), ack=_REINIT[kind])

    def _shut_down(self, kind: str) -> None:
        app = self.app(kind)
        assert app is not None
        self.script.ask(line.ShutDown(line_app=app.handle) if kind == "line" else phone.ShutDown(phone_app=app.handle))

    def _due(self, kind: str) -> None:
        if kind == "line":
            opened = next(iter(self.conversation.lines.values()))
            self.on(opened).about(
                event.LINE_LINEDEVSTATE, remote_line=opened.reported, device_states=int(LINEDEVSTATE.REINIT)
            )
        else:
            self._phone_event(next(iter(self.conversation.phones.values())), int(PHONESTATE.REINIT))

    # -- versions -------------------------------------------------------------------------------------------------

    def _versions(self) -> Iterator[Option[Act]]:
        for kind, count in (("line", 2), ("phone", 1)):
            app = self.app(kind)
            if app is None:
                continue
            for number in range(count):
                version = app.versions.get(number)
                state = ClientSession.start(Version.machine, version_table.NEGOTIATED)
                takes = self.keys((version, version_table.NEGOTIATED)) if version else (state,)
                leads = TO_CALLS if kind == "line" and not (version and version.agreed) else ()
                yield self.option([*takes, f"{kind}.NegotiateAPIVersion"], self._negotiate, kind, number, leads=leads)
                takes = self.keys((version, version_table.NEGOTIATED_EXT)) if version else ()
                yield self.option([*takes, f"{kind}.NegotiateExtVersion"], self._extend, kind, number)
                if self.role.model == "management":
                    continue
                takes = self.keys((version, version_table.CREATED)) if version else ()
                yield self.option(takes, self._changed, kind, number, True)
                opened = self.conversation.lines if kind == "line" else self.conversation.phones
                if not number and all(each.device != number for each in opened.values()):
                    takes = self.keys((version, version_table.REMOVED)) if version else ()
                    yield self.option(takes, self._changed, kind, number, False)

    def _negotiate(self, kind: str, number: int) -> None:
        agreed = _VERSIONS[number]
        if kind == "line":
            self.script.ask(
                line.NegotiateAPIVersion(
                    line_app=self.role.app, device_id=number, version=0x00010003, version_current=agreed, size=16
                ),
                negotiated_version=agreed,
            )
        else:
            self.script.ask(
                phone.NegotiateAPIVersion(
                    phone_app=self.role.phone_app, version=0x00010003, version_current=agreed, size=16
                ),
                negotiated_version=agreed,
            )

    def _extend(self, kind: str, number: int) -> None:
        names = self.names()
        if kind == "line":
            self.script.ask(
                self.packet(line.NegotiateExtVersion, names, device_id=number, tspi_version=_VERSIONS[number])
            )
        else:
            self.script.ask(self.packet(phone.NegotiateExtVersion, names))

    def _changed(self, kind: str, number: int, created: bool) -> None:
        events: dict[tuple[str, bool], Any] = {
            ("line", True): event.LINE_CREATE,
            ("line", False): event.LINE_REMOVE,
            ("phone", True): event.PHONE_CREATE,
            ("phone", False): event.PHONE_REMOVE,
        }
        self.script.tell(events[kind, created](init_context=self.role.init_context, device_id=number))

    # -- lines ----------------------------------------------------------------------------------------------------

    def _lines(self) -> Iterator[Option[Act]]:
        app = self.app("line")
        if app is not None and self.role.model != "management":
            for number in range(2):
                version = app.versions.get(number)
                free = all(opened.device != number for opened in self.conversation.lines.values())
                if free and version is not None and version.agreed and self.legal(version, version_table.VERSION_USED):
                    yield self.option(
                        [ClientSession.start(Opened.machine, line_table.OPENED), "line.Open"],
                        self._open,
                        number,
                        leads=TO_CALLS,
                    )
        for opened in self.conversation.lines.values():
            takes = self.keys((opened, handles.REPORTS_ON))
            if opened.announced is None:
                yield self.option(takes, self._line_event, opened)
            ended = self._ending(opened.calls.values(), LINE_ENDED)
            if ended is None:
                continue
            cancelled = [key for each in opened.pending for key in self.keys((each, request.CANCEL))]
            yield self.option(
                [*self.keys((opened, handles.CLOSES)), *ended, *cancelled], self._close, opened, cost=_CLOSED
            )
            if not opened.pending:
                yield self.option([*self.keys((opened, handles.FORCED)), *ended], self._force, opened, cost=_CLOSED)
        for opened in list(self.conversation.registry.ended_reported.young.values())[-2:]:
            if self.late(opened.ended):
                yield self.option(self.keys((opened, handles.REPORTS_ON)), self._line_event, opened)
                if self.legal(opened, handles.FORCED, IN_FLIGHT.bit):
                    yield self.option(self.keys((opened, handles.FORCED)), self._force, opened)

    def _ending(self, calls: Any, ends: Any) -> list[Any] | None:
        """Return the rows that voided calls take; None if that is not legal now."""
        found: list[Any] = []
        for call in calls:
            if not self.legal(call, ends, self.flags(call)):
                return None
            found += self.keys((call, ends))
        return found

    def _open(self, number: int) -> None:
        self.news += 1
        opened = Line(self.play.handle(), 0x500_0000 + len(self.play.steps), 0x700_0000 + len(self.play.steps))
        self.lines[opened.handle] = opened
        self.script.ask(
            line.Open(
                line_app=self.role.app,
                device_id=number,
                negotiated_version=_VERSIONS[number],
                open_context=opened.context,
                privileges=int(LINECALLPRIVILEGE.OWNER),
                media_modes=int(LINEMEDIAMODE.INTERACTIVEVOICE),
                remote_line=opened.remote,
            ),
            line=opened.handle,
        )

    def _line_event(self, opened: Opened) -> None:
        self.on(opened).about(
            event.LINE_ADDRESSSTATE, remote_line=opened.reported, address_states=int(LINEADDRESSSTATE.NUMCALLS)
        )

    def _close(self, opened: Opened) -> None:
        self.script.ask(line.Close(line=opened.handle))

    def _force(self, opened: Opened) -> None:
        self.on(opened).about(event.LINE_CLOSE, remote_line=opened.reported)

    # -- phones ---------------------------------------------------------------------------------------------------

    def _phones(self) -> Iterator[Option[Act]]:
        app = self.app("phone")
        version = app.versions.get(0) if app is not None else None
        if version is not None and version.agreed and not self.conversation.phones and self.role.model != "management":
            for how in _OPENED:
                if self.legal(version, version_table.VERSION_USED):
                    yield self.option([ClientSession.start(Phone.machine, how), "phone.Open"], self._open_phone, how)
        for opened in self.conversation.phones.values():
            yield self.option(self.keys((opened, handles.REPORTS_ON)), self._phone_event, opened, int(PHONESTATE.OTHER))
            yield self.option([*self.keys((opened, handles.CLOSES)), "phone.Close"], self._close_phone, opened)
            if not self._asked_on(opened):
                yield self.option(self.keys((opened, handles.FORCED)), self._force_phone, opened)
        for opened in list(self.conversation.registry.ended_reported_phones.young.values())[-2:]:
            if self.late(opened.ended):
                takes = self.keys((opened, handles.REPORTS_ON))
                yield self.option(takes, self._phone_event, opened, int(PHONESTATE.OTHER))
                if self.legal(opened, handles.FORCED, IN_FLIGHT.bit):
                    yield self.option(self.keys((opened, handles.FORCED)), self._force_phone, opened)

    def _asked_on(self, opened: Any) -> bool:
        """Return whether a request on a device is pending: it still gets its completion (O05)."""
        return bool(opened.pending) or any(pending.exchange.line is opened for pending in self.pending)

    def _open_phone(self, how: Any) -> None:
        opened = Line(self.play.handle(), 0x900_0000 + len(self.play.steps), 0xA00_0000 + len(self.play.steps))
        self.phones[opened.handle] = opened
        self.script.ask(
            phone.Open(
                phone_app=self.role.phone_app,
                negotiated_version=_VERSIONS[0],
                open_context=opened.context,
                privilege=int(_OPENED[how]),
                remote_phone=opened.remote,
            ),
            phone=opened.handle,
        )

    def _told_phone(self, opened: Phone) -> dict[str, int]:
        return {
            "init_context": self.role.init_context,
            "open_context": self.phones[opened.handle].context,
            "remote_phone": opened.reported,
        }

    def _phone_event(self, opened: Phone, states: int) -> None:
        self.script.tell(event.PHONE_STATE(**self._told_phone(opened), phone_states=states))

    def _close_phone(self, opened: Phone) -> None:
        self.script.ask(phone.Close(phone=opened.handle))

    def _force_phone(self, opened: Phone) -> None:
        self.script.tell(event.PHONE_CLOSE(**self._told_phone(opened)))

    # -- dialogs and call centers ---------------------------------------------------------------------------------

    def _dialogs(self) -> Iterator[Option[Act]]:
        if not self.conversation.facts.providers:
            yield self.option(["mmc.GetProviderList"], self._list_providers)
        else:
            yield self.option(
                [ClientSession.start(Dialog.machine, dialog_table.DIALOG_OPENED), "mmc.GetUIDllName"], self._dialog
            )
        for dialog in self.conversation.registry.dialogs.values():
            yield self.option(self.keys((dialog, dialog_table.DIALOG_FREED)), self._free, dialog.handle)
            yield self.option(["mmc.TUISPIDLLCallback"], self._call_back, dialog.handle)

    def _list_providers(self) -> None:
        listed = LINEPROVIDERLIST(provider_list=(LINEPROVIDERENTRY(permanent_provider_id=0x11),))
        asked = mmc.GetProviderList(api_version=self.role.version, provider_list=1024)
        self.script.ask(asked, provider_list=listed)

    def _dialog(self) -> None:
        asked = self.packet(mmc.GetUIDllName, object_id=0x11, object_type=3)
        self.script.ask(asked, dlg_inst=self.play.handle())

    def _free(self, handle: int) -> None:
        self.script.ask(mmc.FreeDialogInstance(dlg_inst=handle))

    def _call_back(self, handle: int) -> None:
        self.script.ask(self.packet(mmc.TUISPIDLLCallback, object_id=handle, object_type=4))

    def _centre(self) -> Iterator[Option[Act]]:
        conversation = self.conversation
        for opened in conversation.lines.values():
            if opened.announced is not None or opened.version < 0x00020002:
                continue
            handler = opened.handlers.get(1)
            for changes, happened in (
                (LINEPROXYSTATUS.OPEN, handler_table.HANDLER_OPENED),
                (LINEPROXYSTATUS.CLOSE, handler_table.HANDLER_CLOSED),
                (LINEPROXYSTATUS.ALLOPENFORACD, handler_table.ALL_OPEN),
            ):
                takes = self.keys((handler, happened)) if handler else [ClientSession.start(Handler.machine, happened)]
                yield self.option(takes, self._proxy_status, opened, int(changes))
            yield self.option([ClientSession.start(Proxy.machine, proxy_table.PASSED_ON)], self._proxy_request, opened)
            yield from self._agent_states(opened)

    def _agent_states(self, opened: Opened) -> Iterator[Option[Act]]:
        known: tuple[tuple[Any, Any, Any, Any, int], ...] = (
            (
                self.conversation.registry.agents,
                Agent,
                agent_table.AGENT_STATES,
                event.LINE_AGENTSTATUSEX,
                int(LINEAGENTSTATUSEX.STATE),
            ),
            (
                self.conversation.registry.agent_sessions,
                AgentSession,
                agent_session_table.SESSION_STATES,
                event.LINE_AGENTSESSIONSTATUS,
                int(LINEAGENTSESSIONSTATUS.STATE),
            ),
        )
        for instances, kind, states, told, changed in known:
            for constant, (happened, _) in states.items():
                for instance in list(instances.values())[-1:]:
                    takes = self.keys((instance, happened))
                    yield self.option(takes, self._agent, opened, told, instance.handle, changed, constant)
                takes = (ClientSession.start(kind.machine, happened),)
                yield self.option(takes, self._agent, opened, told, 0, changed, constant)

    def _agent(self, opened: Opened, told: Any, handle: int, changed: int, constant: int) -> None:
        fields = [field.name for field in told.layout.fields if field.index in (3, 6, 7, 8)]
        values = dict(zip(fields, (opened.reported, handle or self.play.handle(), changed, constant), strict=True))
        self.on(opened).about(told, **values)

    def _proxy_status(self, opened: Opened, changes: int) -> None:
        self.on(opened).about(event.LINE_PROXYSTATUS, remote_line=opened.reported, **_status(changes))

    def _proxy_request(self, opened: Opened) -> None:
        told = event.LINE_PROXYREQUEST(
            init_context=self.role.init_context,
            open_context=self.lines[opened.handle].context,
            device_handle=opened.reported,
            request=LINEPROXYREQUEST(request_type=1),
        )
        self.script.tell(told)

    # -- other requests -------------------------------------------------------------------------------------------

    def _general(self) -> Iterator[Option[Act]]:
        conversation = self.conversation
        app, phone_app = self.app("line"), self.app("phone")
        there: set[HandleType] = {HandleType.HCALL}
        for type_, found in (
            (HandleType.HLINEAPP, app), (HandleType.HPHONEAPP, phone_app), (HandleType.HLINE, conversation.lines),
            (HandleType.HPHONE, conversation.phones), (HandleType.HAGENT, conversation.registry.agents),
            (HandleType.HAGENTSESSION, conversation.registry.agent_sessions), (HandleType.DIALOGINSTANCE, conversation.registry.dialogs),
        ):  # fmt: skip
            if found:
                there.add(type_)
        waiting = len(self.pending) >= self.PENDING
        owned = any(opened.mask == 1 << phone_table.PhoneState.OWNED for opened in conversation.phones.values())
        for kind, types in _GENERAL:
            if self.role.model == "management" and kind.completion == "async":
                continue  # Its completion would be an event.
            if not types <= there or (kind.completion == "async" and waiting):
                continue
            if (kind.required_privilege == "owner" and kind.device == "phone" and not owned) or (
                kind.layout.proxy_rules
                and any(
                    h.mask == 1 << handler_table.HandlerState.MISSING
                    for o in conversation.lines.values()
                    for h in o.handlers.values()
                )
            ):
                continue
            key = f"{kind.device}.{kind.__name__}"
            first = ClientSession.start(
                Transaction.machine, request.SEND if kind.completion == "async" else request.ASK
            )
            yield self.option([first, key], self._request, kind, False)
        if app is not None:
            yield self.option([_REFUSED], self._request, line.GetDevCaps, True)
            if conversation.lines and not conversation.registry.line_flags & FILTERED.bit:
                yield self.option(["generic.RSPSetEventFilterMasks"], self._filter, cost=_ENDED)
            yield self.option(["generic.NegotiateAPIVersionForAllDevices"], self._negotiate_all)

    def _request(self, kind: Any, refuse: bool) -> None:
        calls = {
            field.spec: 0
            for field in kind.layout.fields
            if isinstance(field, Handle) and field.type is HandleType.HCALL and field.optional
        }
        packet = self.packet(kind, self.names(calls=calls))
        if kind.completion == "async":
            self.send(packet)
        elif refuse:
            self.script.ask(packet, ack=FAILED.get(kind.device, FAILED["line"]))
        else:
            self.script.ask(packet)

    def _filter(self) -> None:
        self.script.ask(self.packet(generic.RSPSetEventFilterMasks))

    def _negotiate_all(self) -> None:
        self.script.ask(
            generic.NegotiateAPIVersionForAllDevices(
                line_app=self.role.app,
                num_line_devices=2,
                api_high_version=_VERSIONS[0],
                line_api_versions_size=8,
                line_extension_ids_size=32,
            ),
            line_api_versions=_VERSIONS,
        )

    # -- end of the session ---------------------------------------------------------------------------------------

    def _ends(self) -> Iterator[Option[Act]]:
        conversation = self.conversation
        ended = self._ending(conversation.calls.values(), VOIDED)
        if ended is None:
            return
        rows = [key for each in (*conversation.registry.agents.values(), *conversation.registry.agent_sessions.values()) for key in
                self.keys((each, handles.VOIDED))]  # fmt: skip
        rows += [key for each in conversation.registry.dialogs.values() for key in self.keys((each, handles.VOIDED))]
        for kind in (Kind.DETACH, Kind.LOST):
            happened = binding.DETACHED if kind is Kind.DETACH else binding.LOST
            yield self.option(
                [*self.keys((conversation.registry.binding, happened)), *ended, *rows], self.end, kind, cost=_ENDED
            )

    def end(self, kind: Kind = Kind.DETACH) -> None:
        """Detach, or lose the connection."""
        step, last = self.play.step, self.script.last
        if kind is Kind.LOST:
            lost = step(self.role, Kind.LOST, last)
            # Context rundown: the server closes the event channel as after ClientDetach.
            self.script.last = {step(self.role, Kind.CHANNEL_END, {lost}) if self.role.model == "push" else lost}
            return
        detach = step(self.role, Kind.DETACH, last)
        if self.role.model == "push":
            detach = step(self.role, Kind.CHANNEL_END, {detach})
        self.script.last = {step(self.role, Kind.DETACHED, {detach})}

    @property
    def over(self) -> bool:
        """Whether the binding has ended."""
        return bool(self.conversation.registry.binding.mask >> binding.BindingState.DETACHED & 1)


def _status(changes: int) -> dict[str, int]:
    names = {field.index: field.name for field in event.LINE_PROXYSTATUS.layout.fields}
    return {names[6]: changes, names[7]: 1}

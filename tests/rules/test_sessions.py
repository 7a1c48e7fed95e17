"""Sessions: bindings, event channels, applications, versions, lines, phones and dialogs, state by state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from grids import Cell, cells, check
from live import Live, explained

from fsm.engine.levels import Fault, Level, Verdict
from fsm.monitor import Monitor
from fsm.tables.binding import BindingState
from protocol import events as event
from protocol import generic, line, mmc, phone
from protocol.constants import (
    LINECALLSTATE,
    LINECONNECTEDMODE,
    LINEDEVSTATE,
    LINEDISCONNECTMODE,
    LINEERR,
    PHONEERR,
    PHONEPRIVILEGE,
    PHONESTATE,
)

if TYPE_CHECKING:
    from fsm.conversation import Conversation
    from fsm.state.instances import Instance

BAD = 0x80000048


def names(instance: Any) -> set[str]:
    """Return the possible states of an instance, by the name of the constant."""
    return {state.name for state in instance.machine.table.states if instance.mask >> state & 1}


# -- binding -------------------------------------------------------------------------------------------------------

#: Own: events in the other direction. request: any client may send it. device: it controls a line, a call or a phone.
BINDING = """
            push mailslot  management request device      fetch      fetched delivered  detach     lost     late
UNBOUND     PUSH PUSH|PULL MANAGEMENT !first  !first      !first     -       .          !first     .        .
PUSH        -    -         -          .       .           ?fetch     PULL?way .         DETACHED   DETACHED .
PULL        -    -         -          .       .           .          .       PUSH!way   DETACHED   DETACHED PUSH!way
MANAGEMENT  -    -         -          .       ?device     ?fetch     -       ?way       DETACHED   DETACHED ?way
DETACHED    -    -         -          !first  !first      !first     -       .          !first     .        ?CALL-V12
"""
SHORT = {
    "first": "TRP-3.1.4.2-GEN-03",
    "way": "TRP-2.1-02",
    "device": "CALL-PRE-GetLineDevStatus",
    "fetch": "CALL-PRE-GetAsyncEvents",
}


def bound(state: str) -> tuple[Monitor, Conversation]:
    """Return a binding in a state, with an open channel."""
    monitor = Monitor()
    monitor.on_step(explained)
    conversation = monitor.conversation()
    conversation.channel_opened()
    if state in ("PUSH", "DETACHED"):
        conversation.attached(0xFFFFFFFF, "")
    elif state == "PULL":
        conversation.attached(0xFFFFFFFF, r"\\PC\.\mailslot\tapi\tp1")
        conversation.fetched()
    elif state == "MANAGEMENT":
        conversation.attached(0xFFFFFFFD, "admin")
    if state == "DETACHED":
        conversation.detached(0, 1.0)
    assert names(conversation.registry.binding) == {state}
    monitor.findings.clear()
    return monitor, conversation


def exchange(conversation: Conversation, packet: Any, ack: int = 0) -> None:
    """Send a request with its response."""
    conversation.answered(
        conversation.sent(packet, 0, 1.0), packet.replace(ack=ack) if ack else _answer(packet), 0, 1.0
    )


def _answer(packet: Any) -> Any:
    return type(packet)(ack=0, **{name: value for name, value in packet.values().items() if isinstance(value, int)})


@cells(BINDING)
def test_binding(cell: Cell) -> None:
    """ClientAttach determines what a binding allows; its end ends everything (3.1, 3.10 of the call model)."""
    monitor, conversation = bound(cell.state)
    match cell.cause:
        case "push":
            conversation.attached(0xFFFFFFFF, "")
        case "mailslot":
            conversation.attached(0xFFFFFFFF, r"\\PC\.\mailslot\tapi\tp1")
        case "management":
            conversation.attached(0xFFFFFFFD, "admin")
        case "request":
            exchange(conversation, mmc.GetProviderList(provider_list=1024))
        case "device":
            _device_request(conversation)
        case "fetch":
            exchange(conversation, generic.GetAsyncEvents(total_buffer_size=1024))
        case "fetched":
            conversation.fetched()
        case "delivered":
            conversation.delivered(0, 1.0)
        case "late":
            conversation.delivered(0, 9.0)
        case "detach":
            conversation.detached(0, 2.0)
        case "lost":
            conversation.lost(0, 2.0)
    found = [one for one in monitor.findings if one.machine == "binding"]
    check(cell, lambda: names(conversation.registry.binding), found, SHORT)


@pytest.mark.parametrize("ack", [0, BAD])
@pytest.mark.parametrize("state", ["PUSH", "MANAGEMENT"])
def test_fetch_without_queued_events_is_the_clients(state: str, ack: int) -> None:
    """GetAsyncEvents of a client that does not pull events is a warning about that client, also if it is answered 0."""
    monitor, conversation = bound(state)
    exchange(conversation, generic.GetAsyncEvents(total_buffer_size=1024), ack)
    (finding,) = monitor.findings
    assert (finding.rule, finding.verdict, finding.fault) == ("CALL-PRE-GetAsyncEvents", Verdict.WARN, Fault.CLIENT)


@pytest.mark.parametrize(("state", "fault"), [("UNNEGOTIATED", Fault.CLIENT), ("REMOVED", Fault.SERVER)])
def test_open_without_version(state: str, fault: Fault) -> None:
    """Open before negotiation is the client's, as the server checks only the value; a removed device does not open."""
    live = Live(lines=9)
    device = 1 if state == "REMOVED" else 7
    version = live.conversation.applications[live.role.app].version(device)
    assert version is not None
    if state == "REMOVED":
        _device(live, event.LINE_REMOVE, device)
    else:
        version.mask = 1
    live.news()
    _open(live, device)
    found = [finding for finding in live.news() if finding.rule == "CALL-PRE-Open"]
    assert [(finding.verdict, finding.fault) for finding in found] == [(Verdict.WARN, fault)]


def _device_request(conversation: Conversation) -> None:
    asked = conversation.sent(line.GetLineDevStatus(line=1, line_dev_status=1024), 0, 1.0)
    conversation.answered(asked, line.GetLineDevStatus(ack=0, line=1), 0, 1.0)


def test_mailslot_that_cannot_be_opened() -> None:
    """With a mailslot name events are pulled, or pushed if the server cannot open it (3.1.4.1)."""
    monitor = Monitor()
    conversation = monitor.conversation()
    conversation.attached(0xFFFFFFFF, r"\\PC\.\mailslot\tapi\tp1")
    conversation.channel_opened()
    conversation.delivered()
    assert names(conversation.registry.binding) == {"PUSH"}
    assert monitor.findings == []


def test_a_refused_request_stays_a_warning() -> None:
    """A request of a detached client that the server refuses is a warning about the client."""
    monitor, conversation = bound("DETACHED")
    exchange(conversation, mmc.GetProviderList(provider_list=1024), BAD)
    assert {finding.verdict.value for finding in monitor.findings} == {"warn"}


def test_models_are_known() -> None:
    """The report contains the model of event delivery."""
    known = {"PUSH": "push", "PULL": "pull", "MANAGEMENT": "management"}
    assert {state: bound(state)[1].model for state in known} == known
    assert bound("UNBOUND")[1].model is None
    assert BindingState.DETACHED.name == "DETACHED"


# -- event channel -------------------------------------------------------------------------------------------------

CHANNEL = """
          open events   closed   lost
CLOSED    OPEN !context !context .
OPEN      -    .        DETACHED OPEN|DETACHED
DETACHED  -    !context !context .
"""


@cells(CHANNEL)
def test_channel(cell: Cell) -> None:
    """Events and RemoteSPDetach need the context handle that RemoteSPAttach returned (3.3.4)."""
    monitor = Monitor()
    monitor.on_step(explained)
    conversation = monitor.conversation()
    conversation.attached(0xFFFFFFFF, "")
    if cell.state != "CLOSED":
        conversation.channel_opened()
    if cell.state == "DETACHED":
        conversation.channel_closed()
    {
        "open": conversation.channel_opened,
        "events": conversation.delivered,
        "closed": conversation.channel_closed,
        "lost": conversation.channel_lost,
    }[cell.cause]()
    check(cell, lambda: names(conversation.registry.channel), monitor.findings, {"context": "TRP-3.3.4-04"})


# -- applications --------------------------------------------------------------------------------------------------

APPLICATION = """
        refused   reinit  created request         shutdown        detach late
ABSENT  -         -       -       !line           !line           -      !line
READY   READY|DUE DUE     .       .               SHUT            VOID   .
DUE     .         .       .       .               SHUT            VOID   .
SHUT    -         .       .       .               .               .      !line
VOID    -         .       .       .               .               .      !line
"""
LIVE = {"line": "TRP-3.1.4.2-086-01"}


def application(state: str) -> tuple[Live, Any]:
    """Return a line application in a state."""
    live = Live()
    handle = live.role.app
    if state == "ABSENT":
        from fsm.state.instances import Application

        return live, Application(0xBAD, 1, "line", None)
    found = live.conversation.applications[handle]
    if state == "DUE":
        reinit(live)
    elif state == "SHUT":
        live.talk.ask(line.ShutDown(line_app=handle))
    elif state == "VOID":
        live.conversation.lost(0, live.stage.now)
    live.news()
    assert names(found) == {state}
    return live, found


def reinit(live: Live, param2: int = 0) -> None:
    """Send LINE_LINEDEVSTATE with REINIT."""
    live.talk.about(
        event.LINE_LINEDEVSTATE,
        remote_line=live.line.remote,
        device_states=int(LINEDEVSTATE.REINIT),
        param2=param2,
    )


@cells(APPLICATION)
def test_application(cell: Cell) -> None:
    """An application exists from Initialize to ShutDown; REINIT requires ShutDown (3.2 of the call model)."""
    live, found = application(cell.state)
    handle = found.handle
    match cell.cause:
        case "refused":
            live.talk.ask(_initialize(line), ack=int(LINEERR.REINIT))
        case "reinit":
            reinit(live)
        case "created":
            live.talk.tell(event.LINE_CREATE(init_context=live.role.init_context, device_id=5))
        case "request" | "shutdown":
            live.talk.ask(
                line.ShutDown(line_app=handle), ack=BAD if cell.cause == "request" or cell.state == "SHUT" else None
            )
        case "late":
            live.wait()
            live.talk.ask(line.ShutDown(line_app=handle), ack=BAD)
        case "detach":
            live.conversation.detached(0, live.stage.now)
    about = [one._replace(verdict=_of(one)) for one in live.news() if one.machine == "application"]
    check(cell, lambda: names(found), about, LIVE)


def _of(finding: Any) -> Any:
    """Return the verdict on a server that accepts: a refusal reduces it to a warning."""
    from fsm.engine.levels import verdict_of

    return verdict_of(finding.level)


def _initialize(family: Any) -> Any:
    return family.Initialize(init_context=9, friendly_name="PC", module_name="PC", api_version=0x30001)


def test_reinit_for_old_clients() -> None:
    """REINIT with another event as Param2 represents that event: no ShutDown is required."""
    live, found = application("READY")
    reinit(live, event.LINE_CREATE.msg)
    assert names(found) == {"READY"}
    live.talk.about(event.LINE_LINEDEVSTATE, remote_line=live.line.remote, device_states=int(LINEDEVSTATE.RINGING))
    assert names(found) == {"READY"}


def test_reinit_of_another_application() -> None:
    """REINIT concerns the application with its InitContext."""
    live, found = application("READY")
    live.conversation.applications[0x77] = other = type(found)(0x77, 1, "line", 0x999)
    phones = live.conversation.applications[0x78] = type(found)(0x78, 1, "phone", live.role.init_context)
    for app in (other, phones):
        app.mask = found.mask
    reinit(live)
    assert (names(found), names(other), names(phones)) == ({"DUE"}, {"READY"}, {"READY"})


def test_reinit_while_no_application_is_there() -> None:
    """Initialize may be refused with REINIT, which is not a finding."""
    live = Live()
    live.talk.ask(line.ShutDown(line_app=live.role.app))
    live.talk.ask(_initialize(line), ack=int(LINEERR.REINIT))
    assert live.rules() == set()
    assert live.level("Initialize REINIT", "application") is not None


@pytest.mark.parametrize("told", ["event", "refusal", "other refusal"])
def test_reinit_of_phones(told: str) -> None:
    """Phone applications are notified by PHONE_STATE, or by the refusal of Initialize."""
    live = Live(phones=1)
    found = live.conversation.applications[live.role.phone_app]
    if told == "event":
        live.talk.tell(
            event.PHONE_STATE(
                init_context=live.role.init_context,
                open_context=live.role.phone.context,
                remote_phone=live.role.phone.remote,
                phone_states=int(PHONESTATE.REINIT),
            )
        )
    else:
        error = PHONEERR.REINIT if told == "refusal" else PHONEERR.NODEVICE
        live.talk.ask(_initialize(phone), ack=int(error))
    assert names(found) == {"event": {"DUE"}, "refusal": {"READY", "DUE"}, "other refusal": {"READY"}}[told]
    assert names(live.conversation.applications[live.role.app]) == {"READY"}
    assert live.rules() == set()


# -- versions ------------------------------------------------------------------------------------------------------

VERSION = """
             negotiate extend   all    created      removed open
UNNEGOTIATED AGREED    EXTENDED AGREED .            REMOVED ?CALL-PRE-Open
AGREED       .         EXTENDED .      .            REMOVED .
EXTENDED     AGREED    .        AGREED .            REMOVED .
REMOVED      AGREED    EXTENDED AGREED UNNEGOTIATED .       ?CALL-PRE-Open
"""


@cells(VERSION)
def test_version(cell: Cell) -> None:
    """Versions are negotiated for each device before it is opened; a removed device must be negotiated again."""
    live = Live(lines=2)
    app = live.conversation.applications[live.role.app]
    device = 7 if cell.state == "UNNEGOTIATED" else 1
    if cell.state == "EXTENDED":
        _extend(live, device)
    elif cell.state == "REMOVED":
        _device(live, event.LINE_REMOVE, device)
    version = app.version(device)
    assert version is not None
    assert names(version) == {cell.state}
    live.news()
    match cell.cause:
        case "negotiate":
            _negotiate(live, device)
        case "extend":
            _extend(live, device)
        case "all":
            live.talk.ask(
                generic.NegotiateAPIVersionForAllDevices(
                    line_app=live.role.app,
                    num_line_devices=8,
                    api_high_version=0x30001,
                    line_api_versions_size=32,
                    line_extension_ids_size=128,
                ),
                line_api_versions=(0x30001,) * 8,
            )
        case "created":
            _device(live, event.LINE_CREATE, device)
        case "removed":
            _device(live, event.LINE_REMOVE, device)
        case "open":
            _open(live, device)
    found = [one for one in live.news() if one.machine == "version"]
    check(cell, lambda: names(version), found, {})


def _negotiate(live: Live, device: int, version: int = 0x30001) -> None:
    asked = line.NegotiateAPIVersion(
        line_app=live.role.app, device_id=device, version=0x10003, version_current=version, size=16
    )
    live.talk.ask(asked, negotiated_version=version)


def _extend(live: Live, device: int) -> None:
    asked = line.NegotiateExtVersion(line_app=live.role.app, device_id=device, tspi_version=0x30001, high_version=1)
    live.talk.ask(asked, ext_version=1) if "ext_version" in line.NegotiateExtVersion.layout.by_name else live.talk.ask(
        asked
    )


def _device(live: Live, kind: Any, device: int) -> None:
    live.talk.tell(kind(init_context=live.role.init_context, device_id=device))


def _open(live: Live, device: int) -> None:
    asked = line.Open(
        line_app=live.role.app,
        device_id=device,
        negotiated_version=0x30001,
        open_context=9,
        privileges=4,
        media_modes=4,
        remote_line=0x999,
    )
    live.talk.ask(asked, line=live.handle())


@pytest.mark.parametrize("state", ["UNNEGOTIATED", "AGREED", "EXTENDED", "REMOVED"])
def test_removal_below_2_0(state: str) -> None:
    """Clients below 2.0 do not know LINE_REMOVE (V6); a second one for the same device is not a second violation."""
    live = Live(version=0x00010004)
    app = live.conversation.applications[live.role.app]
    version = app.version(0)
    assert version is not None
    if state == "EXTENDED":
        _extend(live, 0)
    elif state == "UNNEGOTIATED":
        version.mask = 1
    elif state == "REMOVED":
        _device(live, event.LINE_REMOVE, 0)
    live.news()
    _device(live, event.LINE_REMOVE, 0)
    found = live.news()
    assert {(one.rule, one.level) for one in found} == (set() if state == "REMOVED" else {("CALL-V06", Level.MUST)})
    assert names(version) == {"REMOVED"}


def test_removed_phone() -> None:
    """PHONE_REMOVE and PHONE_CREATE are about phones, also below 2.0."""
    live = Live(phones=1, version=0x00010004)
    lines, phones = (live.conversation.applications[app].version(0) for app in (live.role.app, live.role.phone_app))
    _device(live, event.PHONE_REMOVE, 0)
    assert (names(lines), names(phones)) == ({"AGREED"}, {"REMOVED"})
    _device(live, event.PHONE_CREATE, 0)
    assert (names(lines), names(phones)) == ({"AGREED"}, {"UNNEGOTIATED"})
    assert live.rules() == set()


def test_versions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of devices that events refer to is limited."""
    from fsm.state.instances import Application

    monkeypatch.setattr(Application, "DEVICES", 10)
    live = Live()
    for device in range(100):
        _device(live, event.LINE_REMOVE, device)
    assert len(live.conversation.applications[live.role.app].versions) == 10


# -- lines ---------------------------------------------------------------------------------------------------------

LINE = """
        event      foreign        request  Close  LINE_CLOSE shutdown lost  late-event late-close late-request
ABSENT  ?stranger  -              !handle  -      ?stranger0 -        -     ?stranger  ?stranger0 !handle
OPEN    .          !CALL-V13      .        CLOSED LOST       VOID     VOID  .          LOST       .
CLOSED  .          .              .        .      .          .        .     !CALL-V12  !CALL-V12  !handle
LOST    .          .              .        .      .          .        .     !CALL-V12  !CALL-V12  !handle
VOID    .          .              .        .      .          .        .     !CALL-V12  !CALL-V12  !handle
"""
LINE_RULES = {
    "stranger": "TRP-3.3.4.2-M008-01",
    "stranger0": "TRP-3.3.4.2-M003-01",
    "handle": line.GetLineDevStatus.layout.by_name["line"].rule("live"),
}


def opened(state: str) -> tuple[Live, Any, int, int]:
    """Return a line in a state, with its handle and the handle in events."""
    from fsm.state.instances import Line

    live = Live()
    if state == "ABSENT":
        return live, Line(0xBAD, 1, None), 0xBAD, 0xBAD
    found = live.conversation.lines[live.line.handle]
    _ends_line(live, {"CLOSED": "Close", "LOST": "LINE_CLOSE", "VOID": "shutdown"}.get(state, ""))
    live.news()
    assert names(found) == {state}
    return live, found, live.line.handle, live.line.remote


def _ends_line(live: Live, how: str) -> None:
    if how == "Close":
        live.talk.ask(line.Close(line=live.line.handle))
    elif how == "LINE_CLOSE":
        live.talk.about(event.LINE_CLOSE, remote_line=live.line.remote)
    elif how == "shutdown":
        live.talk.ask(line.ShutDown(line_app=live.role.app))
    elif how == "lost":
        live.conversation.lost(0, live.stage.now)


@cells(LINE)
def test_line(cell: Cell) -> None:
    """A line exists from Open to its end; later events are tolerated while they may be in transit."""
    live, found, handle, remote = opened(cell.state)
    if cell.cause.startswith("late"):
        live.wait()
    status = {"remote_line": remote, "device_states": 0x80}
    match cell.cause:
        case "event" | "late-event":
            live.talk.about(event.LINE_LINEDEVSTATE, **status)
        case "foreign":
            live.talk.tell(event.LINE_LINEDEVSTATE(init_context=live.role.init_context, open_context=0xBAD, **status))
        case "request" | "late-request":
            live.talk.ask(_named(handle), ack=BAD)
        case "LINE_CLOSE" | "late-close":
            live.talk.about(event.LINE_CLOSE, remote_line=remote)
        case "Close":
            _closes_at_once(live, handle)
        case how:
            _ends_line(live, how)
    about = [one._replace(verdict=_of(one)) for one in live.news() if one.machine == "line"]
    check(cell, lambda: names(found), about, LINE_RULES)


def _named(handle: int) -> Any:
    """Send a request on a line."""
    return line.GetLineDevStatus(line=handle, line_dev_status=1024)


def _closes_at_once(live: Live, handle: int) -> None:
    """Send Close; for a line that has ended it is refused, as the client may not know."""
    live.talk.ask(line.Close(line=handle), ack=0 if handle in live.conversation.lines else BAD)


def test_foreign_context_once() -> None:
    """A wrong context is reported once for each line."""
    live = Live()
    for _ in range(2):
        live.talk.tell(
            event.LINE_LINEDEVSTATE(
                init_context=live.role.init_context,
                open_context=0xBAD,
                remote_line=live.line.remote,
                device_states=0x80,
            )
        )
    assert [finding.rule for finding in live.news()] == ["CALL-V13"]


def test_lines_of_their_own() -> None:
    """Each Open creates a separate line: closing one leaves the other and its calls open."""
    live = Live(lines=2)
    first, second = (live.script(live.role, number) for number in (0, 1))
    gone, kept = first.offer(), second.offer()
    first.ask(line.Close(line=live.role.lines[0].handle))
    assert names(live.record(gone)) == {"VOID"}
    assert names(live.record(kept)) == {"OFFERING"}
    assert live.rules() == set()


def test_reopened() -> None:
    """A line may be opened again immediately, with the same handles: another epoch, with other contexts."""
    live = Live()
    old = live.conversation.lines[live.line.handle]
    live.talk.ask(line.Close(line=live.line.handle))
    asked = line.Open(
        line_app=live.role.app,
        negotiated_version=0x30001,
        open_context=0xAAAA,
        privileges=4,
        media_modes=4,
        remote_line=live.line.remote,
    )
    live.talk.ask(asked, line=live.line.handle)
    new = live.conversation.lines[live.line.handle]
    assert (old.epoch, new.epoch) == (1, 2)
    live.talk.tell(
        event.LINE_LINEDEVSTATE(
            init_context=live.role.init_context, open_context=0xAAAA, remote_line=live.line.remote, device_states=0x80
        )
    )
    assert live.rules() == set()


@pytest.mark.parametrize("end", ["detach", "lost"])
@pytest.mark.parametrize("partial", [False, True])
def test_everything_ends_with_the_binding(end: str, partial: bool) -> None:
    """ClientDetach and a lost connection end all instances of a client, including those older than the capture."""
    live = Live(phones=1)
    conversation = live.monitor.conversation(partial=True) if partial else live.conversation
    if partial:
        opened = phone.Open(phone_app=0x99, negotiated_version=0x30001, open_context=1, privilege=1)
        conversation.answered(conversation.sent(opened, 0, 1.0), phone.Open(ack=0, phone=0x88), 0, 1.0)
        asked = conversation.sent(line.GetLineDevStatus(line=0x77, line_dev_status=1024), 0, 1.0)
        conversation.answered(asked, line.GetLineDevStatus(ack=0, line=0x77), 0, 1.0)
        conversation.event(event.LINE_CALLSTATE(call=0x66, call_state=2, mode=1, remote_line=0), 0, 1.0)
        waiting = conversation.sent(line.Answer(call=0x66, request_id=5), 0, 1.0)
        conversation.answered(waiting, line.Answer(ack=5, call=0x66), 0, 1.0)
    else:
        call = live.talk.offer()
        live.talk.ask(line.Answer(call=call))
        (waiting,) = conversation.registry.pending.values()
    things = [*conversation.lines.values(), *conversation.phones.values(), *conversation.calls.values()]
    assert len(things) == 3
    (conversation.detached if end == "detach" else conversation.lost)(0, live.stage.now)
    assert [names(thing) for thing in things] == [{"VOID"}] * 3
    assert names(waiting) == {"CANCELLED"}
    assert not any((conversation.lines, conversation.phones, conversation.calls, conversation.registry.pending))
    assert live.rules() == set()


@pytest.mark.parametrize("end", ["Close", "LINE_CLOSE", "shutdown", "lost"])
def test_requests_end_with_their_line(end: str) -> None:
    """Pending requests are cancelled with their line (2.4 of the call model)."""
    live = Live()
    live.talk.ask(line.Answer(call=live.talk.offer()))
    (waiting,) = live.conversation.registry.pending.values()
    _ends_line(live, end)
    assert names(waiting) == {"CANCELLED"}
    assert live.rules() == ({"CALL-ORDER-O05"} if end == "LINE_CLOSE" else set())


# -- phones --------------------------------------------------------------------------------------------------------

PHONE = """
          event     foreign   request owner  Close  PHONE_CLOSE shutdown lost late-event late-close late-request
ABSENT    ?stranger -         !lamp   -      -      ?stranger0  -        -    ?stranger  ?stranger0 !lamp
MONITORED .         !CALL-V13 .       !right CLOSED LOST        VOID     VOID .          LOST       .
OWNED     .         !CALL-V13 .       .      CLOSED LOST        VOID     VOID .          LOST       .
CLOSED    .         .         .       .      .      LOST        .        .    !CALL-V12  LOST       !lamp
LOST      .         .         .       .      .      .           .        .    !CALL-V12  !CALL-V12  !lamp
VOID      .         .         .       .      .      .           .        .    !CALL-V12  !CALL-V12  !lamp
"""
PHONE_RULES = {
    "stranger": f"TRP-3.3.4.2-M{event.PHONE_BUTTON.msg:03X}-01",
    "stranger0": f"TRP-3.3.4.2-M{event.PHONE_CLOSE.msg:03X}-01",
}


def a_phone(state: str) -> tuple[Live, Any, int, int]:
    """Return a phone in a state, with its handle and the handle in events."""
    from fsm.state.instances import Phone

    live = Live(phones=1)
    if state == "ABSENT":
        return live, Phone(0xBAD, 1, None), 0xBAD, 0xBAD
    handle, remote = live.role.phone.handle, live.role.phone.remote
    if state == "MONITORED":
        live.talk.ask(phone.Close(phone=handle))
        asked = phone.Open(
            phone_app=live.role.phone_app,
            negotiated_version=0x30001,
            open_context=live.role.phone.context,
            privilege=int(PHONEPRIVILEGE.MONITOR),
            remote_phone=remote,
        )
        live.talk.ask(asked, phone=handle)
    found = live.conversation.phones[handle]
    _ends_phone(live, {"CLOSED": "Close", "LOST": "PHONE_CLOSE", "VOID": "shutdown"}.get(state, ""))
    live.news()
    assert names(found) == {state}
    return live, found, handle, remote


def _ends_phone(live: Live, how: str) -> None:
    if how == "Close":
        live.talk.ask(phone.Close(phone=live.role.phone.handle))
    elif how == "PHONE_CLOSE":
        _phone_event(live, event.PHONE_CLOSE, live.role.phone.remote)
    elif how == "shutdown":
        live.talk.ask(phone.ShutDown(phone_app=live.role.phone_app))
    elif how == "lost":
        live.conversation.lost(0, live.stage.now)


def _phone_event(live: Live, kind: Any, remote: int, context: int | None = None, **words: Any) -> None:
    context = live.role.phone.context if context is None else context
    live.talk.tell(kind(init_context=live.role.init_context, open_context=context, remote_phone=remote, **words))


@cells(PHONE)
def test_phone(cell: Cell) -> None:
    """A phone has an owner or a monitor; only owners may set values (3.5 of the call model)."""
    live, found, handle, remote = a_phone(cell.state)
    if cell.cause.startswith("late"):
        live.wait()
    match cell.cause:
        case "event" | "late-event":
            _phone_event(live, event.PHONE_BUTTON, remote, button_mode=2, button_state=2)
        case "foreign":
            _phone_event(live, event.PHONE_BUTTON, remote, 0xBAD, button_mode=2, button_state=2)
        case "request" | "late-request":
            live.talk.ask(phone.GetRing(phone=handle), ack=BAD)
        case "owner":
            live.talk.ask(phone.SetLamp(phone=handle, button_lamp_id=1, lamp_mode=2), ack=BAD)
        case "PHONE_CLOSE" | "late-close":
            _phone_event(live, event.PHONE_CLOSE, remote)
        case "Close":
            live.talk.ask(phone.Close(phone=handle), ack=0 if handle in live.conversation.phones else BAD)
        case how:
            _ends_phone(live, how)
    about = [one._replace(verdict=_of(one)) for one in live.news() if one.machine == "phone"]
    short = {"lamp": phone.GetRing.layout.by_name["phone"].rule("live"), "right": "TRP-3.1.4.2-115-03"}
    check(cell, lambda: names(found), about, {**PHONE_RULES, **short})


@pytest.mark.parametrize("end", ["Close", "PHONE_CLOSE", "shutdown", "lost"])
def test_requests_end_with_their_phone(end: str) -> None:
    """Pending requests are cancelled with their phone."""
    live, _, handle, _ = a_phone("OWNED")
    live.talk.ask(phone.SetLamp(phone=handle, button_lamp_id=1, lamp_mode=2))
    (waiting,) = live.conversation.registry.pending.values()
    live.news()
    _ends_phone(live, end)
    assert names(waiting) == {"CANCELLED"}
    assert {one for one in live.rules() if one.startswith("CALL")} == (
        {"CALL-ORDER-O05"} if end == "PHONE_CLOSE" else set()
    )


def test_what_a_monitor_is_told() -> None:
    """The finding about a monitor that sets a value contains the privilege."""
    live, _, handle, _ = a_phone("MONITORED")
    live.talk.ask(phone.SetLamp(phone=handle, button_lamp_id=1, lamp_mode=2), ack=BAD)
    (finding,) = [one for one in live.news() if one.machine == "phone"]
    assert "which the client only monitors" in finding.summary


# -- dialogs -------------------------------------------------------------------------------------------------------

DIALOG = """
        callback free     lost
ABSENT  !use     !free    -
OPEN    .        FREED    FREED
FREED   !use     !free    -
"""


@cells(DIALOG)
def test_dialog(cell: Cell) -> None:
    """A dialog instance exists from GetUIDllName to FreeDialogInstance (3.9 of the call model)."""
    from fsm.state.instances import Dialog

    live = Live(model="management")
    handle = 0x51
    found: Instance = Dialog(handle)
    if cell.state != "ABSENT":
        live.talk.ask(mmc.GetUIDllName(), dlg_inst=handle)
        found = live.conversation.registry.dialogs[handle]
    if cell.state == "FREED":
        live.talk.ask(mmc.FreeDialogInstance(dlg_inst=handle))
    assert names(found) == {cell.state}
    live.news()
    match cell.cause:
        case "callback":
            live.talk.ask(mmc.TUISPIDLLCallback(object_id=handle, object_type=4), ack=BAD)
        case "free":
            live.talk.ask(mmc.FreeDialogInstance(dlg_inst=handle))
        case "lost":
            live.conversation.lost(0, live.stage.now)
    about = [one._replace(verdict=_of(one)) for one in live.news() if one.machine == "dialog"]
    short = {
        "use": mmc.TUISPIDLLCallback.layout.by_name["object_id"].rule("exists"),
        "free": mmc.FreeDialogInstance.layout.by_name["dlg_inst"].rule("live"),
    }
    check(cell, lambda: names(found), about, short)


@pytest.mark.parametrize(("version", "odd"), [(0x00010004, True), (0x00020000, False), (0x00030001, False)])
def test_modes_that_the_agreed_version_does_not_have(version: int, odd: bool) -> None:
    """A mode introduced with 2.0 is suspicious on a line with an older version, and legal on others."""
    live = Live(version=version)
    call = live.talk.offer(state=LINECALLSTATE.CONNECTED, mode=1)
    live.talk.state(call, LINECALLSTATE.CONNECTED, int(LINECONNECTEDMODE.ACTIVEHELD))
    live.talk.state(call, LINECALLSTATE.DISCONNECTED, int(LINEDISCONNECTMODE.NORMAL))
    assert live.rules() == ({"CALL-Q17"} if odd else set())


def test_administrator_request_in_words() -> None:
    """A rule about the client, not about a field, makes a complete sentence."""
    live = Live()
    live.conversation.registry.facts.administrator = False
    live.talk.ask(mmc.SetLineInfo())
    assert any(" although the client is not an administrator" in finding.summary for finding in live.news())


def test_event_of_another_call_first_in_words() -> None:
    """The finding about an interrupted announcement names both calls."""
    live = Live()
    first, second = live.talk.call(), live.talk.call()
    live.talk.tell(live.talk.announcement(first))
    live.talk.tell(live.talk.announcement(second))
    summary = next(finding.summary for finding in live.news() if finding.rule == "CALL-V04")
    assert summary.startswith(f"server sent an event for call {second:#x}#1, before any for call {first:#x}#1, instead")

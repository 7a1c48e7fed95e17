"""Test cases for rules that no single request can show: attaching, buffers, life time of handles, events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fsm.rules.protocol_rules import EVENT_RULES
from fsm.rules.successes import SUCCESSES
from mstrp.testing.case import ABSENT_HANDLE, RuleCase, played
from mstrp.testing.prepared_session import PreparedSession
from mstrp.testing.variants import changed
from protocol import events as event
from protocol import generic, line, mmc, phone
from protocol.check import Edit
from protocol.constants import ACK_RETURN_VALUE, LINECALLPRIVILEGE, LINECALLSTATE, LINEERR, LINEOPENOPTION, PHONEERR
from protocol.event import EVENTS, decode_events, encode_events
from protocol.fields import Handle, HandleType
from protocol.ndr import ALL_DEVICES, MANAGED_64, MANAGEMENT, NULL_CONTEXT, TELEPHONY, ClientAttach, ClientAttachResult
from protocol.packet import REQUESTS, decode_request
from protocol.problem import Problem
from protocol.structures import LINECALLPARAMS, LINEPROXYREQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fsm.conversation import Conversation
    from fsm.monitor import Monitor
    from protocol.packet import Request

__all__ = ["SESSION_CASES"]

_CONNECTED = LINECALLSTATE.CONNECTED
_CONTEXT = bytes(4) + bytes([1]) * 16


def _two(rule: str, what: str, kept: Any, broken: Any, *also: str) -> Iterator[RuleCase]:
    """Yield a case that satisfies a rule and a case that violates it, from plays or functions."""
    yield RuleCase(rule, True, frozenset(), f"{what}, kept", _runner(kept))
    yield RuleCase(rule, False, frozenset({rule, *also}), f"{what}, broken", _runner(broken))


def _runner(what: Any) -> Callable[[Monitor], None]:
    return played(what.play.order()) if isinstance(what, PreparedSession) else what


def _direct(act: Callable[[Conversation], None], **options: Any) -> Callable[[Monitor], None]:
    """Return a function that acts on a new conversation."""

    def run(monitor: Monitor) -> None:
        act(monitor.conversation(**options))

    return run


def _attached(act: Callable[[Conversation], None]) -> Callable[[Monitor], None]:
    """Return a function that acts on a conversation that is attached and has an event channel."""

    def attach(conversation: Conversation) -> None:
        conversation.attached(TELEPHONY, "", 1, 0.0)
        conversation.channel_opened(2, 0.1)
        act(conversation)

    return _direct(attach)


# -- effects of success -------------------------------------------------------------------------------------------


def _wait(session: PreparedSession) -> None:
    """Add requests until every earlier request is out of the transit time."""
    for _ in range(6):
        session.script.ask(mmc.GetProviderList(api_version=session.role.version, provider_list=1024))


def _uses() -> dict[str, tuple[Callable[[PreparedSession, int], Any], int]]:
    """Return, by kind of handle, a request that uses one and the error code for an absent handle."""
    return {
        "application line": (
            lambda s, h: line.GetDevCaps(line_app=h, tspi_version=s.role.version, line_dev_caps=1024),
            LINEERR.INVALAPPHANDLE,
        ),
        "application phone": (
            lambda s, h: phone.NegotiateAPIVersion(
                phone_app=h, version=0x00010003, version_current=s.role.version, size=16
            ),
            PHONEERR.INVALAPPHANDLE,
        ),
        "line line": (lambda s, h: line.GetLineDevStatus(line=h, line_dev_status=1024), LINEERR.INVALLINEHANDLE),
        "phone phone": (lambda s, h: phone.GetRing(phone=h), PHONEERR.INVALPHONEHANDLE),
        "call line": (lambda s, h: line.GetCallInfo(call=h, call_info=1024), LINEERR.INVALCALLHANDLE),
    }


def _handle(session: PreparedSession, machine: str, device: str) -> int:
    if machine == "application":
        return session.role.app if device == "line" else session.role.phone_app
    if machine == "line":
        return session.line
    if machine == "phone":
        return session.phone
    return session.created[-1] if session.created else session.script.offer()


def _making() -> Iterator[RuleCase]:
    """The server refuses a handle that it has returned, with the error code for an absent handle."""
    for row in SUCCESSES:
        if row.state is not None:
            continue
        device, _, name = row.request.partition(".")
        packet, unknown = _uses()[f"{row.machine} {device}"]
        tried = []
        for code in (LINEERR.OPERATIONUNAVAIL, unknown):
            request = next(each for each in REQUESTS.values() if (each.device, each.__name__) == (device, name))
            session = PreparedSession(request if row.machine == "call" else None)
            if row.machine == "call":
                given: dict[str, Any] = {"transfer_mode": 2} if name == "CompleteTransfer" else {}
                session.ask(session.packet(request, **given))
            handle = _handle(session, row.machine, device)
            session.script.exchange(packet(session, handle), type(packet(session, handle))(ack=int(code)))
            tried.append(session)
        yield from _two(row.rule, f"{name} made a handle", tried[0], tried[1])


def _dropping() -> Iterator[RuleCase]:
    """The server accepts a handle that was closed."""
    for row in SUCCESSES:
        if row.state is None:
            continue
        device, _, name = row.request.partition(".")
        request: Any = next(each for each in REQUESTS.values() if (each.device, each.__name__) == (device, name))
        packet, _ = _uses()[f"{row.machine} {device}"]
        tried = []
        for accepted in (False, True):
            session = PreparedSession()
            if row.machine == "call":
                session.calls["hCall"] = session.script.offer()
                session.script.state(session.calls["hCall"], LINECALLSTATE.IDLE)
            handle = session.calls.get("hCall") or _handle(session, row.machine, device)
            session.ask(request(**{request.layout.fields[0].name: handle}))
            _wait(session)
            if accepted:
                session.script.ask(packet(session, handle))
            tried.append(session)
        asked = type(packet(tried[0], 0))
        live = {field.rule("live") for field in asked.layout.fields if isinstance(field, Handle)}
        yield from _two(row.rule, f"{name} dropped a handle", tried[0], tried[1], *live)


def _conferenced() -> Iterator[RuleCase]:
    kept, broken = PreparedSession(line.RemoveFromConference), PreparedSession(line.RemoveFromConference)
    kept.ask(kept.packet(line.RemoveFromConference))
    call = broken.script.offer(state=_CONNECTED, mode=1)
    broken.ask(broken.packet(line.RemoveFromConference, call=call))
    yield from _two("TRP-3.1.4.2-063-02", "RemoveFromConference of a call that is not in a conference", kept, broken)


def _forwarding() -> Iterator[RuleCase]:
    """A client is its own proxy handler; the server must forward its requests to it."""
    for request in REQUESTS.values():
        for rule in request.layout.proxy_rules[2:]:
            kept, broken = PreparedSession(request), PreparedSession(request)
            for session in (kept, broken):
                _handles(session, request, passed=session is kept)
            yield from _two(rule, f"{request.__name__} is forwarded", kept, broken)


def _handles(session: PreparedSession, request: type[Request], *, passed: bool) -> None:
    from fsm.rules.conditions import proxy_type

    type_ = proxy_type(request)
    handling = session.play.handle()
    opened = line.Open(
        line_app=session.role.app,
        negotiated_version=session.role.version,
        open_context=0x77,
        privileges=int(LINECALLPRIVILEGE.MONITOR) | int(LINEOPENOPTION.PROXY),
        call_params=LINECALLPARAMS(dev_specific=type_.to_bytes(4, "little")),
        remote_line=0x5F0,
    )
    session.script.ask(opened, line=handling)
    packet = session.packet(request)
    asked = session.send(packet)
    if passed:
        told = event.LINE_PROXYREQUEST(
            init_context=session.role.init_context,
            open_context=0x77,
            device_handle=0x5F0,
            request=LINEPROXYREQUEST(request_type=type_),
        )
        session.script.tell(told)
    session.complete(asked)


# -- buffers ------------------------------------------------------------------------------------------------------


def _buffers() -> Iterator[RuleCase]:
    def close(data: bytes | None, capacity: int | None, words: dict[int, int] | None = None) -> PreparedSession:
        session = PreparedSession()
        packet = changed(line.Close(line=session.line), Edit(words or {}, None, capacity))
        if data is not None:
            packet = decode_request(data, 60)
        session.ask(packet)
        return session

    yield from _two("TRP-3.1.4.2-GEN-01", "lNeededSize", close(None, 60), close(None, 59))
    for rule in ("TRP-3.1.4.2-GEN-02", "TRP-3.1.4.2-02"):
        yield from _two(
            rule,
            "*plUsedSize",
            close(None, 60),
            close(b"\x09\0\0", None),
            "TRP-3.1.4.2-GEN-02",
            "TRP-3.1.4.2-GEN-04",
        )
    yield from _two("TRP-3.1.4.2-GEN-04", "Req_Func", close(None, 60), close(None, 60, {0: 166, 2: 0}))


def _stub() -> Iterator[RuleCase]:
    """A request or an event buffer with an inconsistent stub."""
    problem = Problem("max_count", "size", "64 is not lNeededSize 60", "C706 14.3.3")

    def request(problems: tuple[Problem, ...]) -> Callable[[Conversation], None]:
        def act(conversation: Conversation) -> None:
            exchange = conversation.sent(mmc.GetProviderList(api_version=0x00030001, provider_list=1024), 3, 0.2)
            conversation.damaged(exchange, problems)
            conversation.answered(exchange, mmc.GetProviderList(ack=0), 4, 0.3)

        return act

    def told(problems: tuple[Problem, ...]) -> Callable[[Conversation], None]:
        return lambda conversation: conversation.damaged_events(problems, stub=True)

    for rules, act in ((("TRP-3.1.4-01", "TRP-3.1.4-02"), request), (("TRP-3.3.4-01", "TRP-3.3.4-02"), told)):
        for rule in rules:
            yield from _two(rule, "a damaged stub", _attached(act(())), _attached(act((problem,))), rules[0])


def _event_buffers() -> Iterator[RuleCase]:
    whole = encode_events([event.LINE_CREATE(init_context=1, device_id=0)])
    long = (len(whole) + 4).to_bytes(4, "little") + whole[4:]

    def told(data: bytes) -> Callable[[Monitor], None]:
        return _attached(lambda conversation: conversation.damaged_events(decode_events(data).problems))

    for rule, damaged in (
        ("TRP-3.3.4.2-GEN-01", whole[:36]),
        ("TRP-3.3.4.2-GEN-02", long),
        ("TRP-3.3.4.2-GEN-02", (42).to_bytes(4, "little") + whole[4:] + bytes(4)),
        ("TRP-3.3.4.2-GEN-03", whole + bytes(36)),
        ("TRP-3.3.4.2-02", long),
    ):
        yield from _two(rule, "a damaged event buffer", told(whole * 2), told(damaged), "TRP-3.3.4.2-GEN-02")


# -- bindings -----------------------------------------------------------------------------------------------------


def _bindings() -> Iterator[RuleCase]:
    def ask(conversation: Conversation, time: float) -> None:
        exchange = conversation.sent(mmc.GetProviderList(api_version=0x00030001, provider_list=1024), 5, time)
        conversation.answered(exchange, mmc.GetProviderList(ack=0), 6, time + 0.1)

    def detached(conversation: Conversation) -> None:
        conversation.detached(3, 0.2)
        conversation.channel_closed(4, 0.3)
        ask(conversation, 9.0)

    gen = "TRP-3.1.4.2-GEN-03"
    for rule in (gen, "TRP-3-01", "TRP-3.1.4.2-01", "TRP-3.1.4-04"):
        kept, broken = _attached(lambda c: ask(c, 0.2)), _direct(lambda c: ask(c, 0.2))
        yield from _two(rule, "a request without ClientAttach", kept, broken, gen)
    for rule in ("TRP-3-03", "TRP-3.1.4.3-01"):
        yield from _two(
            rule, "a request after ClientDetach", _attached(lambda c: c.detached(3, 0.2)), _attached(detached), gen
        )
    yield from _delivery()
    yield from _channels()


def _delivery() -> Iterator[RuleCase]:
    def pull(conversation: Conversation) -> None:
        conversation.attached(TELEPHONY, r"\\PC\mailslot\tapi", 1, 0.0)
        conversation.fetched(2, 0.1)

    def odd(conversation: Conversation) -> None:
        conversation.attached(MANAGEMENT, "admin", 1, 0.0)
        conversation.channel_opened(2, 0.1)
        conversation.delivered(3, 0.2)

    def pulled(conversation: Conversation) -> None:
        conversation.fetched(3, 0.2)

    def elsewhere(conversation: Conversation) -> None:
        conversation.misplaced("6111", "49200", certain=True, frame=3, time=0.2)

    yield from _two("TRP-3.3.4.2-01", "the endpoint of the channel", _attached(lambda _: None), _attached(elsewhere))

    told = "TRP-2.1-02"
    pushed = _attached(lambda conversation: conversation.delivered(3, 0.2))
    yield from _two(told, "events to a management client", pushed, _direct(odd))
    yield from _two("TRP-3.1.4.1-05", "events fetched without a mailslot", pushed, _attached(pulled), told)
    yield from _two("TRP-3.1.4.1-04", "events fetched without a mailslot", _direct(pull), _attached(pulled), told)


def _channels() -> Iterator[RuleCase]:
    def unopened(conversation: Conversation) -> None:
        conversation.attached(TELEPHONY, "", 1, 0.0)
        conversation.delivered(2, 0.1)

    def closed(conversation: Conversation) -> None:
        conversation.channel_closed(3, 0.2)
        conversation.delivered(4, 0.3)

    told = "TRP-3.3.4-04"
    pushed = _attached(lambda conversation: conversation.delivered(3, 0.2))
    for rule, broken in (
        (told, _direct(unopened)),
        ("TRP-3.3.4.1-03", _direct(unopened)),
        ("TRP-3.3.4.3-01", _attached(closed)),
    ):
        yield from _two(rule, "an event channel that is not open", pushed, broken, told)

    def left_open(*, close: bool) -> Callable[[Monitor], None]:
        def run(monitor: Monitor) -> None:
            conversation = monitor.conversation()
            conversation.attached(TELEPHONY, "", 1, 0.0)
            conversation.channel_opened(2, 0.1)
            conversation.detached(3, 1.0)
            if close:
                conversation.channel_closed(4, 1.1)
            monitor.conversation().attached(TELEPHONY, "", 5, 60.0)

        return run

    yield from _two("TRP-3.1.4.3-02", "RemoteSPDetach", left_open(close=True), left_open(close=False))


def _attaches() -> Iterator[RuleCase]:
    good = ClientAttach(TELEPHONY, "", 'PC"ncacn_ip_tcp"5000"')
    managing = ClientAttach(MANAGEMENT, "admin", "PC")
    fine = ClientAttachResult(_CONTEXT, ALL_DEVICES, 0)
    managed = ClientAttachResult(_CONTEXT, MANAGED_64, 0)

    def attach(asked: ClientAttach, result: ClientAttachResult, **facts: Any) -> Callable[[Monitor], None]:
        def act(conversation: Conversation) -> None:
            for name, known in facts.items():
                setattr(conversation.facts, name, known)
            conversation.attached(asked.process_id, asked.domain_user, 1, 0.0)
            conversation.inspect_attach(asked, result)

        return _direct(act)

    def negotiates(marker: int) -> Callable[[Conversation], None]:
        def act(conversation: Conversation) -> None:
            conversation.inspect_attach(good, fine._replace(async_events_event=marker))
            asked = generic.NegotiateAPIVersionForAllDevices(line_app=0x1001, api_high_version=0x00030001)
            conversation.applications.clear()
            exchange = conversation.sent(asked, 3, 0.2)
            exchange.suspected = None
            conversation.answered(exchange, generic.NegotiateAPIVersionForAllDevices(ack=0), 4, 0.3)

        return act

    kept, managed_well = attach(good, fine), attach(managing, managed)
    for rule, right, asked, result in (
        ("02", managed_well, managing, fine),
        ("03", attach(good._replace(domain_user=r"\\PC\mailslot\t"), fine), good._replace(domain_user="me"), fine),
        ("06", managed_well, managing._replace(domain_user=""), managed),
        ("07", kept, good._replace(machine=""), fine),
        ("08", kept, good._replace(machine="PC"), fine),
        ("09", managed_well, managing._replace(machine='PC"ncacn_ip_tcp"5000"'), managed),
        ("12", kept, good, fine._replace(context=NULL_CONTEXT)),
    ):
        yield from _two(f"TRP-3.1.4.1-{rule}", "ClientAttach", right, attach(asked, result))
    yield from _two(
        "TRP-3.1.4.1-10",
        "lProcessID -3",
        attach(managing, managed, administrator=True),
        attach(managing, managed, administrator=False),
    )
    yield from _two(
        "TRP-3.1.4.1-01", "phAsyncEventsEvent", _attached(negotiates(ALL_DEVICES)), _attached(negotiates(0))
    )
    tried = []
    for code in (int(LINEERR.OPERATIONFAILED), int(ACK_RETURN_VALUE.TAPIERR_INVALRPCCONTEXT)):
        session = PreparedSession()
        asked_line = line.GetLineDevStatus(line=session.line, line_dev_status=1024)
        session.script.exchange(asked_line, line.GetLineDevStatus(ack=code))
        tried.append(session)
    yield from _two("TRP-3.1.4.1-11", "an open context handle", tried[0], tried[1])


# -- events -------------------------------------------------------------------------------------------------------


def _events() -> Iterator[RuleCase]:
    """Events that refer to objects which the client does not have."""
    for msg, bullet, _ in EVENT_RULES:
        rule = f"TRP-3.3.4.2-M{msg:03X}-{bullet}"
        for known in (True, False):
            yield _written(rule, EVENTS[msg].__name__, partial(_told, msg, bullet, known=known), keeps=known)


def _written(
    rule: str, what: str, write: Callable[[Callable[[PreparedSession], None]], PreparedSession], *, keeps: bool
) -> RuleCase:
    """Return a case that can be inserted into the middle of a conversation."""

    def run(monitor: Monitor) -> None:
        played(write(lambda session: None).play.order())(monitor)

    breaks = frozenset() if keeps else frozenset({rule})
    return RuleCase(rule, keeps, breaks, f"{what}, {'kept' if keeps else 'broken'}", run, write=write)


def _told(msg: int, bullet: str, around: Callable[[PreparedSession], None], *, known: bool) -> PreparedSession:
    session = PreparedSession()
    around(session)
    kind: Any = EVENTS[msg]
    role, script = session.role, session.script
    opened, opened_phone = role.lines[0], role.phone
    assert opened_phone is not None
    of_phone = kind.device == "phone"
    fields: dict[str, int] = {
        "init_context": role.init_context,
        "open_context": opened_phone.context if of_phone else opened.context,
    }
    good = opened_phone.remote if of_phone else opened.remote
    handle = good if known else ABSENT_HANDLE
    names = kind.layout.by_spec
    if msg in (event.LINE_REMOVE.msg, event.PHONE_REMOVE.msg):
        fields["device_id"] = 0 if known else 9
    elif "Param4" in names and "hDevice" in names:
        if bullet == "01" and not of_phone:
            call = script.offer()
            fields |= {names["hDevice"].name: call if known else ABSENT_HANDLE + 1, names["Param4"].name: handle}
        else:
            fields[names["hDevice"].name] = handle
    elif any(isinstance(field, Handle) and field.type is HandleType.HCALL for field in kind.layout.fields):
        call = script.call() if msg == event.LINE_APPNEWCALL.msg else script.offer()
        fields["call"] = call
        fields["remote_line"] = handle
        if msg == event.LINE_CALLSTATE.msg:
            fields |= {"call_state": int(_CONNECTED), "mode": 1, "privilege": 4}
    else:
        field = next(
            f for f in kind.layout.fields if isinstance(f, Handle) or "Remote" in f.spec or f.spec == "hDevice"
        )
        fields[field.name] = handle
    script.tell(kind(**fields))
    if msg == event.LINE_APPNEWCALL.msg and known:
        script.state(fields["call"], LINECALLSTATE.OFFERING, 1)
    around(session)
    return session


def _replies() -> Iterator[RuleCase]:
    for rule, kind in (("TRP-3.3.4.2-M00C-01", event.LINE_REPLY), ("TRP-3.3.4.2-M011-01", event.PHONE_REPLY)):
        kept, broken = PreparedSession(line.Hold), PreparedSession(line.Hold)
        kept.ask(kept.packet(line.Hold))
        broken.ask(broken.packet(line.Hold))
        broken.script.tell(kind(init_context=broken.role.init_context, request_id=0x777, result=0))
        _wait(broken)
        yield from _two(rule, "a reply without a request", kept, broken, "CALL-V08")
    kept, broken = PreparedSession(), PreparedSession()
    for session in (kept, broken):
        call = session.script.offer()
        told: Any = session.script.state_event(call, int(_CONNECTED), 1)
        session.script.tell(told if session is kept else told.replace(init_context=0x999))
    yield from _two("TRP-3.3.4.2-GEN-04", "a foreign InitContext", kept, broken, "CALL-V13")


SESSION_CASES: tuple[Callable[[], Iterator[RuleCase]], ...] = (
    _making,
    _dropping,
    _conferenced,
    _forwarding,
    _buffers,
    _stub,
    _event_buffers,
    _bindings,
    _attaches,
    _events,
    _replies,
)

"""Test cases for every checked rule: conversations that just violate it, and conversations that just satisfy it.

`rule_cases` derives them from the declarations and tables of the rules. In a case that violates a rule, the server
accepts what it must refuse, or does what it must not do; the monitor must report that rule, and no rule outside
``expected``. In a case that satisfies the rule, the monitor must report nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fsm.judge.routes import ROUTES
from fsm.rules.catalogue import RULES, Status
from fsm.rules.conditions import (
    Administrator,
    Condition,
    ExtensionAgreed,
    HandleExists,
    ObjectExists,
    ProviderExists,
    ProxyRegistered,
    ProxyServes,
    SameLine,
    VersionAgreed,
)
from mstrp.testing.case import ABSENT_HANDLE, RuleCase, played
from mstrp.testing.prepared_session import PreparedSession
from mstrp.testing.session_cases import SESSION_CASES
from mstrp.testing.variants import changed, inner_variants, variants, with_word
from protocol import line
from protocol.check import Edit
from protocol.constants import LINECALLSTATE, LINEERR, LINEOPENOPTION, TUISPIDLL_OBJECT
from protocol.fields import Buffer, Inner
from protocol.packet import REQUESTS
from protocol.structures import LINECALLPARAMS, LINEPROXYREQUESTLIST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fsm.conversation import Conversation
    from fsm.monitor import Monitor
    from protocol.check import Check
    from protocol.packet import Request

__all__ = ["RequestCase", "RuleCase", "request_cases", "rule_cases"]

#: An error code that is unrelated to handles.
_REFUSED = int(LINEERR.INVALPARAM) & 0xFFFFFFFF


class RequestCase(NamedTuple):
    """A way to satisfy or violate a rule with one request: the basis of `rule_cases` and of tests of live servers."""

    rule: str
    request: type[Request]
    #: Return the requests that satisfy the rule and those that violate it, for a session.
    packets: Callable[[PreparedSession], tuple[list[Any], list[Any]]]
    #: The rules that findings about the violating requests may refer to.
    expected: frozenset[str]
    #: Human-readable description.
    what: str
    #: Actions and facts required before the request.
    prepare: Callable[[PreparedSession], None] | None = None
    learn: Callable[[Conversation], None] | None = None
    #: Options of the session.
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed
    #: A precondition that only the server can establish: "rights", "proxies", "another line".
    needs: str = ""

    def rule_cases(self) -> Iterator[RuleCase]:
        """Yield the cases: satisfying requests accepted, violating requests accepted and refused."""
        kept, broken = self.packets(self._begin())
        yield from (self._case(0, number, None, "kept") for number in range(len(kept)))
        yield from (self._case(1, number, None, "broken and accepted") for number in range(len(broken)))
        yield from (self._case(1, number, _REFUSED, "broken and refused") for number in range(len(broken)))

    def _begin(self) -> PreparedSession:
        session = PreparedSession(self.request, **self.options)
        if self.prepare is not None:
            self.prepare(session)
        return session

    def _case(self, which: int, number: int, ack: int | None, how: str) -> RuleCase:
        """Return a case; its conversation is generated on demand."""

        def write(around: Callable[[PreparedSession], None]) -> PreparedSession:
            session = self._begin()
            around(session)
            session.ask(self.packets(session)[which][number], ack)
            around(session)
            return session

        def happen(monitor: Monitor) -> None:
            played(write(_alone).play.order(), self.learn)(monitor)

        breaks = self.expected if which else frozenset()
        return RuleCase(
            self.rule, not which, breaks, f"{self.what}, {how}", happen, number, ack is not None, write, self.learn
        )


def _alone(session: PreparedSession) -> None:
    """Insert no other steps around the case."""


# -- from declarations --------------------------------------------------------------------------------------------


def _all_rules(field: Any, names: tuple[str, ...]) -> set[str]:
    """Return the rules of the checks of a field that have one of these names."""
    checks = (*field.checks, *(field.inner.checks if isinstance(field, Buffer) else ()))
    return {rule for check in checks if check.name in names for rule in check.rules}


def _field_cases(request: type[Request]) -> Iterator[RequestCase]:
    """Yield cases for checks of single fields and of several fields together."""
    fields: tuple[Any, ...] = request.layout.fields
    for field in fields:
        for check in field.checks:
            expected = frozenset({*check.rules, *_all_rules(field, check.broken_together)})
            expected |= {
                rule for each in request.layout.cross_field_checks if field.spec in each.specs for rule in each.rules
            }
            if check.name == "valid":
                expected |= {
                    rule for member in field.type.layout.fields[:1] for each in member.checks for rule in each.rules
                }
            versions: dict[str, Any] = {"version": 0x00020001} if check.versions[1] < 0x00030001 else {}
            for rule in check.rules:
                yield RequestCase(
                    rule,
                    request,
                    _by_check(request, check, field),
                    expected,
                    f"{request.__name__}.{field.spec} {check.name}",
                    options=versions,
                )
        if (isinstance(field, Inner) and "valid" in field.rules) or field.kind == "structure":
            yield from _member_cases(request, field)
    for check in request.layout.cross_field_checks:
        for rule in check.rules:
            yield RequestCase(
                rule,
                request,
                _across(request, check),
                frozenset(check.rules) | _consequences(request, check),
                f"{request.__name__} {check.name}",
            )


def _by_check(
    request: type[Request], check: Check, field: Any
) -> Callable[[PreparedSession], tuple[list[Any], list[Any]]]:
    def packets(session: PreparedSession) -> tuple[list[Any], list[Any]]:
        packet = session.packet(request, enabling=field)
        kept, broken = variants(check, packet)
        return [packet, *(session.matched(each) for each in kept if _only(each, check))], broken

    return packets


def _only(packet: Any, check: Check) -> bool:
    """Return whether a request that satisfies a check has no other problem."""
    return {problem.rule for problem in packet.problems() if problem.rule} <= set(check.rules)


def _across(request: type[Request], check: Any) -> Callable[[PreparedSession], tuple[list[Any], list[Any]]]:
    def packets(session: PreparedSession) -> tuple[list[Any], list[Any]]:
        given: dict[str, Any] = {}
        enabling = check.field if check.name == "member" else None
        packet = session.packet(request, enabling, **given)
        if check.name == "member":
            packet = session.packet(
                request,
                privileges=int(LINEOPENOPTION.SINGLEADDRESS) | 4,
                call_params=LINECALLPARAMS(address_mode=check.number),
            )
        kept, broken = variants(check, packet)
        return [packet, *kept], broken

    return packets


def _consequences(request: type[Request], check: Any) -> frozenset[str]:
    """Return the rules that two equal handles also violate: one of them is in a wrong state."""
    return frozenset({f"CALL-PRE-{request.__name__}"}) if check.name == "differ" else frozenset()


def _member_cases(request: type[Request], field: Any) -> Iterator[RequestCase]:
    """Yield cases for checks of members of a structure in a request."""
    whole = frozenset(_all_rules(field, ("valid",)))
    for layout in _layouts(field.type):
        for member in layout.fields:
            for check in member.checks:
                company = _all_rules(member, check.broken_together)
                for rule in check.rules:
                    yield RequestCase(
                        rule,
                        request,
                        _by_member(request, check, field),
                        frozenset({*check.rules, *company}) | whole,
                        f"{request.__name__}.{field.spec}.{member.spec} {check.name}",
                    )


def _layouts(structure: Any) -> Iterator[Any]:
    yield structure.layout
    for field in structure.layout.fields:
        entry = getattr(field, "entry", None)
        if entry is not None and field.kind == "following":
            yield entry.layout


def _by_member(
    request: type[Request], check: Check, field: Any
) -> Callable[[PreparedSession], tuple[list[Any], list[Any]]]:
    def packets(session: PreparedSession) -> tuple[list[Any], list[Any]]:
        packet = session.packet(request, enabling=field)
        kept, broken = inner_variants(check, packet, field)
        return [packet, *kept], broken

    return packets


# -- from machines ------------------------------------------------------------------------------------------------


def _handle_cases(request: type[Request]) -> Iterator[RequestCase]:
    """Yield cases for handles that must be open."""
    route = ROUTES[request.req_func]
    uses: tuple[Any, ...] = (*route.handles, *route.calls)
    for use in uses:
        if use.rule:
            yield RequestCase(
                use.rule,
                request,
                _by_handle(request, use),
                frozenset({use.rule}),
                f"{request.__name__}.{use.spec} live",
            )


def _by_handle(request: type[Request], use: Any) -> Callable[[PreparedSession], tuple[list[Any], list[Any]]]:
    def packets(session: PreparedSession) -> tuple[list[Any], list[Any]]:
        packet = session.packet(request)
        if use.spec == "dwObjectID":
            session.dialog = session.dialog or ABSENT_HANDLE - 1
            packet = with_word(packet, request.layout.index("dwObjectType"), int(TUISPIDLL_OBJECT.DIALOGINSTANCE))
            return [], [with_word(packet, use.word, ABSENT_HANDLE)]
        if use.when is not None:
            values = sorted(use.when.values)
            number = values[0] if use.when.wanted else next(n for n in (1, 2, 4) if n not in values)
            packet = with_word(packet, use.when.word, number)
        return [packet], [with_word(packet, use.word, ABSENT_HANDLE)]

    return packets


def _privilege_cases(request: type[Request]) -> Iterator[RequestCase]:
    """Yield cases for requests that require owner privilege on a phone."""
    rule = request.layout.privilege_rule
    if rule:
        yield RequestCase(rule, request, _plain(request), frozenset({rule}), f"{request.__name__} owner")
        yield RequestCase(
            rule, request, _wrong(request), frozenset({rule}), f"{request.__name__} monitor", options={"owner": False}
        )


def _plain(request: type[Request]) -> Callable[[PreparedSession], tuple[list[Any], list[Any]]]:
    return lambda session: ([session.packet(request)], [])


def _wrong(request: type[Request]) -> Callable[[PreparedSession], tuple[list[Any], list[Any]]]:
    return lambda session: ([], [session.packet(request)])


def _condition_cases(request: type[Request]) -> Iterator[RequestCase]:
    """Yield cases for conditions that depend on earlier traffic."""
    for condition in ROUTES[request.req_func].conditions:
        yield from _of_condition(request, condition)


def _of_condition(request: type[Request], condition: Condition) -> Iterator[RequestCase]:
    what = f"{request.__name__} {type(condition).__name__}"
    expected = frozenset({condition.rule})
    if isinstance(condition, Administrator):
        value = condition.values[0] if condition.values else None

        def packets(session: PreparedSession) -> list[Any]:
            packet = session.packet(request)
            if value is None:
                return [packet]
            if value == TUISPIDLL_OBJECT.PROVIDERID:
                packet = with_word(packet, request.layout.index("dwObjectID"), session.provider)
            return [with_word(packet, condition.words[0], value)]

        yield RequestCase(
            condition.rule,
            request,
            lambda s: (packets(s), []),
            expected,
            what,
            prepare=_known,
            learn=_rights(True),
            needs="rights",
        )
        yield RequestCase(
            condition.rule,
            request,
            lambda s: ([], packets(s)),
            expected,
            what,
            prepare=_known,
            learn=_rights(False),
            needs="rights",
        )
        return
    if isinstance(condition, (ProxyRegistered, ProxyServes)):
        other = 1 if condition.type != 1 else 2
        wrong = () if isinstance(condition, ProxyRegistered) else (other,)
        yield RequestCase(
            condition.rule,
            request,
            _plain(request),
            expected,
            what,
            prepare=_proxies((condition.type,)),
            needs="proxies",
        )
        yield RequestCase(
            condition.rule, request, _wrong(request), expected, what, prepare=_proxies(wrong), needs="proxies"
        )
        return
    if isinstance(condition, SameLine):
        yield RequestCase(
            condition.rule, request, _wrong(request), expected, what, prepare=_on_another_line, needs="another line"
        )
        yield RequestCase(condition.rule, request, _plain(request), expected, what)
        return

    def numbered(session: PreparedSession) -> tuple[list[Any], list[Any]]:
        good, bad = _numbers(condition, session)
        packet = _for_number(session, request, condition)
        index = condition.words[0]
        if type(condition).__name__ == "CallAddressExists":
            return [_with_address(packet, number) for number in good], [_with_address(packet, number) for number in bad]
        kept = [packet if number < 0 else with_word(packet, index, number) for number in good]
        return kept, [with_word(packet, index, number) for number in bad]

    yield RequestCase(condition.rule, request, numbered, expected, what)


def _for_number(session: PreparedSession, request: type[Request], condition: Condition) -> Any:
    packet = session.packet(request)
    if isinstance(condition, ObjectExists) and not isinstance(condition, HandleExists):
        kind = int(TUISPIDLL_OBJECT.PROVIDERID)
        return with_word(packet, condition.words[1], kind)
    if type(condition).__name__ == "CallAddressExists":
        return session.packet(
            request,
            privileges=int(LINEOPENOPTION.SINGLEADDRESS) | 4,
            call_params=LINECALLPARAMS(address_mode=1),
        )
    if condition.field.startswith("dwNum"):
        zero: dict[str, Any] = {name: 0 for name in request.layout.by_name if name.endswith("_size")}
        return session.packet(request, **zero)
    return packet


def _with_address(packet: Any, number: int) -> Any:
    index = LINECALLPARAMS.layout.index("dwAddressID")
    data = bytearray(packet.buffer[60:])
    start = packet.call_params._start - 60 + 4 * index  # noqa: SLF001 - where the structure stands
    data[start : start + 4] = number.to_bytes(4, "little")
    return changed(packet, Edit({}, bytes(data)))


def _numbers(condition: Condition, session: PreparedSession) -> tuple[list[int], list[int]]:
    """Return values that satisfy and values that violate a condition in the session."""
    if isinstance(condition, HandleExists):
        return [-1], [ABSENT_HANDLE, 0]
    if isinstance(condition, (ObjectExists, ProviderExists)):
        return [session.provider], [session.provider + 1, 0]
    if isinstance(condition, VersionAgreed):
        agreed = session.role.version
        return [agreed], [0x00030000 if agreed != 0x00030000 else 0x00030001]
    if isinstance(condition, ExtensionAgreed):
        return [0], [1]
    if condition.field.startswith("dwNum"):
        count = session.phone_count if "Phone" in condition.field else session.line_count
        return [count], [count + 1]
    if "ddress" in condition.field or condition.field == "pCallParams":
        return [0], [session.address_count, 0xFFFFFFFF]
    phones = "Phone" in condition.text or RULES[condition.rule].packet.startswith("phone")
    count = session.phone_count if phones else session.line_count
    return [count - 1], [count, 0xFFFFFFFF]


def _known(session: PreparedSession) -> None:
    session.list_providers()


def _rights(administrator: bool) -> Callable[[Conversation], None]:
    def learn(conversation: Conversation) -> None:
        conversation.facts.administrator = administrator

    return learn


def _proxies(types: tuple[int, ...]) -> Callable[[PreparedSession], None]:
    """Return a function that lets the server list its proxy handlers, some time before the request."""

    def prepare(session: PreparedSession) -> None:
        asked = line.GetProxyStatus(
            line_app=session.role.app, app_api_version=session.role.version, line_proxy_request_list=1024
        )
        session.script.ask(asked, line_proxy_request_list=LINEPROXYREQUESTLIST(entries=types))
        # Recently listed handlers may be out of date for a moment.
        for _ in range(6):
            session.script.ask(line.GetLineDevStatus(line=session.line, line_dev_status=1024))

    return prepare


def _on_another_line(session: PreparedSession) -> None:
    script = session.play.script(session.role, 1, after=session.script.last)
    session.calls["hConsultCall"] = script.offer(state=LINECALLSTATE.CONNECTED, mode=1)
    session.script.last |= script.last


def request_cases(rule: str = "") -> Iterator[RequestCase]:
    """Yield the request cases of all rules, or of one rule."""
    for request in REQUESTS.values():
        prefix = f"TRP-3.1.4.2-{request.req_func:03d}-"
        if rule and not rule.startswith(prefix) and "LCP" not in rule:
            continue
        for source in (_field_cases, _handle_cases, _privilege_cases, _condition_cases):
            yield from (case for case in source(request) if not rule or case.rule == rule)


def rule_cases(rule: str = "") -> Iterator[RuleCase]:
    """Yield the cases of all checked rules, or of one rule.

    Raises `KeyError` for a rule that does not exist or is not checked.
    """
    if rule:
        known = RULES[rule]
        if known.status is not Status.CHECKED:
            raise KeyError(rule)
    for case in request_cases(rule):
        yield from case.rule_cases()
    for cases in SESSION_CASES:
        yield from (case for case in cases() if not rule or case.rule == rule)

"""For every rule that is checked: conversations that just break it, and conversations that just keep it.

`trials` makes them from the declarations and tables that state the rules. In a trial that breaks a rule the server
accepts what it has to refuse, or does what it must not; a monitor has to name that rule, and none that the trial does
not announce. In a trial that keeps the rule there is nothing to be found.
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
from mstrp.testing.occasions import OCCASIONS
from mstrp.testing.situation import Situation
from mstrp.testing.trial import STRANGER, Trial, played
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

__all__ = ["Attempt", "Trial", "attempts", "trials"]

#: A refusal that says nothing about handles.
_REFUSED = int(LINEERR.INVALPARAM) & 0xFFFFFFFF


class Attempt(NamedTuple):
    """A way to break or keep a rule with one request: what `trials` are made of, and tests of live servers too."""

    rule: str
    request: type[Request]
    #: The requests that keep the rule and those that break it, in a situation.
    packets: Callable[[Situation], tuple[list[Any], list[Any]]]
    #: The rules that findings about the broken ones may name.
    expected: frozenset[str]
    #: What is tried, for people.
    what: str
    #: What has to be done, or known, before the request.
    prepare: Callable[[Situation], None] | None = None
    learn: Callable[[Conversation], None] | None = None
    #: Options of the situation.
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed
    #: What only the server's side can bring about: "rights", "proxies", "another line".
    needs: str = ""

    def trials(self) -> Iterator[Trial]:
        """The trials: accepted variants, and the broken ones also refused."""
        kept, broken = self.packets(self._begin())
        yield from (self._trial(0, number, None, "kept") for number in range(len(kept)))
        yield from (self._trial(1, number, None, "broken and accepted") for number in range(len(broken)))
        yield from (self._trial(1, number, _REFUSED, "broken and refused") for number in range(len(broken)))

    def _begin(self) -> Situation:
        situation = Situation(self.request, **self.options)
        if self.prepare is not None:
            self.prepare(situation)
        return situation

    def _trial(self, which: int, number: int, ack: int | None, how: str) -> Trial:
        """The conversation is made when it is wanted."""

        def write(around: Callable[[Situation], None]) -> Situation:
            situation = self._begin()
            around(situation)
            situation.ask(self.packets(situation)[which][number], ack)
            around(situation)
            return situation

        def happen(monitor: Monitor) -> None:
            played(write(_alone).play.order(), self.learn)(monitor)

        breaks = self.expected if which else frozenset()
        return Trial(
            self.rule, not which, breaks, f"{self.what}, {how}", happen, number, ack is not None, write, self.learn
        )


def _alone(situation: Situation) -> None:
    """Nothing but the trial happens."""


# -- what declarations say ----------------------------------------------------------------------------------------


def _all_rules(field: Any, names: tuple[str, ...]) -> set[str]:
    """The rules of checks of a field by name."""
    checks = (*field.checks, *(field.inner.checks if isinstance(field, Buffer) else ()))
    return {rule for check in checks if check.name in names for rule in check.rules}


def _field_trials(request: type[Request]) -> Iterator[Attempt]:
    """Of the checks of single fields, and of several fields together."""
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
                yield Attempt(
                    rule,
                    request,
                    _by_check(request, check, field),
                    expected,
                    f"{request.__name__}.{field.spec} {check.name}",
                    options=versions,
                )
        if (isinstance(field, Inner) and "valid" in field.rules) or field.kind == "structure":
            yield from _member_trials(request, field)
    for check in request.layout.cross_field_checks:
        for rule in check.rules:
            yield Attempt(
                rule,
                request,
                _across(request, check),
                frozenset(check.rules) | _consequences(request, check),
                f"{request.__name__} {check.name}",
            )


def _by_check(request: type[Request], check: Check, field: Any) -> Callable[[Situation], tuple[list[Any], list[Any]]]:
    def packets(situation: Situation) -> tuple[list[Any], list[Any]]:
        packet = situation.packet(request, enabling=field)
        kept, broken = variants(check, packet)
        return [packet, *(situation.matched(each) for each in kept if _only(each, check))], broken

    return packets


def _only(packet: Any, check: Check) -> bool:
    """Whether a request that keeps a check breaks no other rule of the packet itself."""
    return {problem.rule for problem in packet.problems() if problem.rule} <= set(check.rules)


def _across(request: type[Request], check: Any) -> Callable[[Situation], tuple[list[Any], list[Any]]]:
    def packets(situation: Situation) -> tuple[list[Any], list[Any]]:
        given: dict[str, Any] = {}
        enabling = check.field if check.name == "member" else None
        packet = situation.packet(request, enabling, **given)
        if check.name == "member":
            packet = situation.packet(
                request,
                privileges=int(LINEOPENOPTION.SINGLEADDRESS) | 4,
                call_params=LINECALLPARAMS(address_mode=check.number),
            )
        kept, broken = variants(check, packet)
        return [packet, *kept], broken

    return packets


def _consequences(request: type[Request], check: Any) -> frozenset[str]:
    """Rules that two equal handles break as well: one of them is in the wrong state."""
    return frozenset({f"CALL-PRE-{request.__name__}"}) if check.name == "differ" else frozenset()


def _member_trials(request: type[Request], field: Any) -> Iterator[Attempt]:
    """Of the checks of members of a structure that comes with a request."""
    whole = frozenset(_all_rules(field, ("valid",)))
    for layout in _layouts(field.type):
        for member in layout.fields:
            for check in member.checks:
                company = _all_rules(member, check.broken_together)
                for rule in check.rules:
                    yield Attempt(
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


def _by_member(request: type[Request], check: Check, field: Any) -> Callable[[Situation], tuple[list[Any], list[Any]]]:
    def packets(situation: Situation) -> tuple[list[Any], list[Any]]:
        packet = situation.packet(request, enabling=field)
        kept, broken = inner_variants(check, packet, field)
        return [packet, *kept], broken

    return packets


# -- what the machines know ---------------------------------------------------------------------------------------


def _handle_trials(request: type[Request]) -> Iterator[Attempt]:
    """Of handles that have to be live."""
    route = ROUTES[request.req_func]
    uses: tuple[Any, ...] = (*route.handles, *route.calls)
    for use in uses:
        if use.rule:
            yield Attempt(
                use.rule,
                request,
                _by_handle(request, use),
                frozenset({use.rule}),
                f"{request.__name__}.{use.spec} live",
            )


def _by_handle(request: type[Request], use: Any) -> Callable[[Situation], tuple[list[Any], list[Any]]]:
    def packets(situation: Situation) -> tuple[list[Any], list[Any]]:
        packet = situation.packet(request)
        if use.spec == "dwObjectID":
            situation.dialog = situation.dialog or STRANGER - 1
            packet = with_word(packet, request.layout.index("dwObjectType"), int(TUISPIDLL_OBJECT.DIALOGINSTANCE))
            return [], [with_word(packet, use.word, STRANGER)]
        if use.when is not None:
            values = sorted(use.when.values)
            number = values[0] if use.when.wanted else next(n for n in (1, 2, 4) if n not in values)
            packet = with_word(packet, use.when.word, number)
        return [packet], [with_word(packet, use.word, STRANGER)]

    return packets


def _privilege_trials(request: type[Request]) -> Iterator[Attempt]:
    """Of requests that only the owner of a phone may make."""
    rule = request.layout.privilege_rule
    if rule:
        yield Attempt(rule, request, _plain(request), frozenset({rule}), f"{request.__name__} owner")
        yield Attempt(
            rule, request, _wrong(request), frozenset({rule}), f"{request.__name__} monitor", options={"owner": False}
        )


def _plain(request: type[Request]) -> Callable[[Situation], tuple[list[Any], list[Any]]]:
    return lambda situation: ([situation.packet(request)], [])


def _wrong(request: type[Request]) -> Callable[[Situation], tuple[list[Any], list[Any]]]:
    return lambda situation: ([], [situation.packet(request)])


def _condition_trials(request: type[Request]) -> Iterator[Attempt]:
    """Of conditions on what the conversation has shown."""
    for condition in ROUTES[request.req_func].conditions:
        yield from _of_condition(request, condition)


def _of_condition(request: type[Request], condition: Condition) -> Iterator[Attempt]:
    what = f"{request.__name__} {type(condition).__name__}"
    expected = frozenset({condition.rule})
    if isinstance(condition, Administrator):
        value = condition.values[0] if condition.values else None

        def packets(situation: Situation) -> list[Any]:
            packet = situation.packet(request)
            if value is None:
                return [packet]
            if value == TUISPIDLL_OBJECT.PROVIDERID:
                packet = with_word(packet, request.layout.index("dwObjectID"), situation.provider)
            return [with_word(packet, condition.words[0], value)]

        yield Attempt(
            condition.rule,
            request,
            lambda s: (packets(s), []),
            expected,
            what,
            prepare=_known,
            learn=_rights(True),
            needs="rights",
        )
        yield Attempt(
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
        yield Attempt(
            condition.rule,
            request,
            _plain(request),
            expected,
            what,
            prepare=_proxies((condition.type,)),
            needs="proxies",
        )
        yield Attempt(
            condition.rule, request, _wrong(request), expected, what, prepare=_proxies(wrong), needs="proxies"
        )
        return
    if isinstance(condition, SameLine):
        yield Attempt(
            condition.rule, request, _wrong(request), expected, what, prepare=_on_another_line, needs="another line"
        )
        yield Attempt(condition.rule, request, _plain(request), expected, what)
        return

    def numbered(situation: Situation) -> tuple[list[Any], list[Any]]:
        good, bad = _numbers(condition, situation)
        packet = _for_number(situation, request, condition)
        index = condition.words[0]
        if type(condition).__name__ == "CallAddressExists":
            return [_with_address(packet, number) for number in good], [_with_address(packet, number) for number in bad]
        kept = [packet if number < 0 else with_word(packet, index, number) for number in good]
        return kept, [with_word(packet, index, number) for number in bad]

    yield Attempt(condition.rule, request, numbered, expected, what)


def _for_number(situation: Situation, request: type[Request], condition: Condition) -> Any:
    packet = situation.packet(request)
    if isinstance(condition, ObjectExists) and not isinstance(condition, HandleExists):
        kind = int(TUISPIDLL_OBJECT.PROVIDERID)
        return with_word(packet, condition.words[1], kind)
    if type(condition).__name__ == "CallAddressExists":
        return situation.packet(
            request,
            privileges=int(LINEOPENOPTION.SINGLEADDRESS) | 4,
            call_params=LINECALLPARAMS(address_mode=1),
        )
    if condition.field.startswith("dwNum"):
        zero: dict[str, Any] = {name: 0 for name in request.layout.by_name if name.endswith("_size")}
        return situation.packet(request, **zero)
    return packet


def _with_address(packet: Any, number: int) -> Any:
    index = LINECALLPARAMS.layout.index("dwAddressID")
    data = bytearray(packet.buffer[60:])
    start = packet.call_params._start - 60 + 4 * index  # noqa: SLF001 - where the structure stands
    data[start : start + 4] = number.to_bytes(4, "little")
    return changed(packet, Edit({}, bytes(data)))


def _numbers(condition: Condition, situation: Situation) -> tuple[list[int], list[int]]:
    """Values that keep and that break a condition, in the situation at hand."""
    if isinstance(condition, HandleExists):
        return [-1], [STRANGER, 0]
    if isinstance(condition, (ObjectExists, ProviderExists)):
        return [situation.provider], [situation.provider + 1, 0]
    if isinstance(condition, VersionAgreed):
        agreed = situation.role.version
        return [agreed], [0x00030000 if agreed != 0x00030000 else 0x00030001]
    if isinstance(condition, ExtensionAgreed):
        return [0], [1]
    if condition.field.startswith("dwNum"):
        count = situation.phone_count if "Phone" in condition.field else situation.line_count
        return [count], [count + 1]
    if "ddress" in condition.field or condition.field == "pCallParams":
        return [0], [situation.address_count, 0xFFFFFFFF]
    phones = "Phone" in condition.text or RULES[condition.rule].packet.startswith("phone")
    count = situation.phone_count if phones else situation.line_count
    return [count - 1], [count, 0xFFFFFFFF]


def _known(situation: Situation) -> None:
    situation.know_providers()


def _rights(administrator: bool) -> Callable[[Conversation], None]:
    def learn(conversation: Conversation) -> None:
        conversation.facts.administrator = administrator

    return learn


def _proxies(types: tuple[int, ...]) -> Callable[[Situation], None]:
    """The server lists who handles what, some time before the request."""

    def prepare(situation: Situation) -> None:
        asked = line.GetProxyStatus(
            line_app=situation.role.app, app_api_version=situation.role.version, line_proxy_request_list=1024
        )
        situation.script.ask(asked, line_proxy_request_list=LINEPROXYREQUESTLIST(entries=types))
        # What was told may be out of date for a moment.
        for _ in range(6):
            situation.script.ask(line.GetLineDevStatus(line=situation.line, line_dev_status=1024))

    return prepare


def _on_another_line(situation: Situation) -> None:
    script = situation.play.script(situation.role, 1, after=situation.script.last)
    situation.calls["hConsultCall"] = script.offer(state=LINECALLSTATE.CONNECTED, mode=1)
    situation.script.last |= script.last


def attempts(rule: str = "") -> Iterator[Attempt]:
    """The attempts of all rules of requests, or of one."""
    for request in REQUESTS.values():
        prefix = f"TRP-3.1.4.2-{request.req_func:03d}-"
        if rule and not rule.startswith(prefix) and "LCP" not in rule:
            continue
        for source in (_field_trials, _handle_trials, _privilege_trials, _condition_trials):
            yield from (attempt for attempt in source(request) if not rule or attempt.rule == rule)


def trials(rule: str = "") -> Iterator[Trial]:
    """The trials of all rules that are checked, or of one.

    Raises `KeyError` for a rule that is not in the book, or not checked.
    """
    if rule:
        known = RULES[rule]
        if known.status is not Status.CHECKED:
            raise KeyError(rule)
    for attempt in attempts(rule):
        yield from attempt.trials()
    for occasion in OCCASIONS:
        yield from (trial for trial in occasion() if not rule or trial.rule == rule)

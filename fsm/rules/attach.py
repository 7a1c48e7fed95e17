"""Rules about ClientAttach (3.1.4.1): its parameters, its result, and their consistency."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from protocol.ndr import MANAGED_32, MANAGED_64, MANAGEMENT, NULL_CONTEXT, TELEPHONY

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.ndr import ClientAttach, ClientAttachResult

__all__ = ["ATTACH_RULES", "AttachRule", "broken_by"]

_MAILSLOT = re.compile(r"\\\\.+\\mailslot\\.+", re.IGNORECASE)
_ENDPOINT = re.compile(r'[^"]+"[^"]+"[^"]+"?.*')


class AttachRule(NamedTuple):
    """A rule about an attach with its response; ``broken`` returns the violation, or an empty string."""

    rule: str
    #: "client" or "server".
    fault: str
    summary: str
    broken: Callable[[ClientAttach, ClientAttachResult], str]


def _marker(asked: ClientAttach, result: ClientAttachResult) -> str:
    if asked.process_id != MANAGEMENT or result.result or result.async_events_event in (MANAGED_32, MANAGED_64):
        return ""
    return f"phAsyncEventsEvent is {result.async_events_event:#010x}"


def _mailslot(asked: ClientAttach, result: ClientAttachResult) -> str:
    if asked.process_id != TELEPHONY or not asked.domain_user or _MAILSLOT.fullmatch(asked.domain_user):
        return ""
    return f"pszDomainUser is {asked.domain_user!r}"


def _user(asked: ClientAttach, result: ClientAttachResult) -> str:
    return "pszDomainUser is empty" if asked.process_id == MANAGEMENT and not asked.domain_user else ""


def _machine(asked: ClientAttach, result: ClientAttachResult) -> str:
    return "" if asked.machine else "pszMachine is empty"


def _endpoint(asked: ClientAttach, result: ClientAttachResult) -> str:
    if asked.process_id != TELEPHONY or asked.domain_user or not asked.machine or _ENDPOINT.fullmatch(asked.machine):
        return ""
    return f"pszMachine is {asked.machine!r}"


def _computer(asked: ClientAttach, result: ClientAttachResult) -> str:
    return f"pszMachine is {asked.machine!r}" if asked.process_id == MANAGEMENT and '"' in asked.machine else ""


def _handle(asked: ClientAttach, result: ClientAttachResult) -> str:
    if result.result == 0 and result.context == NULL_CONTEXT:
        return "it returned 0 without a context handle"
    return ""


ATTACH_RULES: tuple[AttachRule, ...] = (
    AttachRule(
        "TRP-3.1.4.1-02", "server", "for lProcessID -3, phAsyncEventsEvent is 0x32323232 or 0x64646464", _marker
    ),
    AttachRule(
        "TRP-3.1.4.1-03", "client", "with lProcessID -1, pszDomainUser is empty or contains a mailslot name", _mailslot
    ),
    AttachRule("TRP-3.1.4.1-06", "client", "with lProcessID -3, pszDomainUser is the name of the user", _user),
    AttachRule("TRP-3.1.4.1-07", "client", "pszMachine is the name of the machine", _machine),
    AttachRule(
        "TRP-3.1.4.1-08",
        "client",
        'in the push model, pszMachine is the name, the protocol sequence and the endpoint: NAME"ncacn_ip_tcp"5000"',
        _endpoint,
    ),
    AttachRule("TRP-3.1.4.1-09", "client", "with lProcessID -3, pszMachine is the name of the computer", _computer),
    AttachRule("TRP-3.1.4.1-12", "server", "a response with result 0 contains a context handle", _handle),
)


def broken_by(asked: ClientAttach, result: ClientAttachResult) -> list[tuple[AttachRule, str]]:
    """Return the rules that an attach and its response violate, each with the violation."""
    found = ((rule, rule.broken(asked, result)) for rule in ATTACH_RULES)
    return [(rule, detail) for rule, detail in found if detail]

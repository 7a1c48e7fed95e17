"""Facts about a conversation in addition to the states of its machines: the abstract data model of 3.1.1.

Device counts, addresses, providers, versions, proxy handlers and the client's rights are learned from responses and
events; facts that were not seen are unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from protocol.constants import LINEPROXYSTATUS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Facts"]

#: Maximum number of entries per kind: more than any server has.
_LIMIT = 65_536


class _Status(NamedTuple):
    """Whether a handler serves a type of request, and the time of that information."""

    there: bool
    since: float


class Facts:
    """Known facts about the server's devices and the client's rights; None or missing if unknown."""

    __slots__ = (
        "addresses",
        "administrator",
        "complete",
        "line_ids",
        "marker",
        "own",
        "passed",
        "phone_ids",
        "providers",
        "proxies",
    )

    def __init__(self) -> None:
        #: Whether the client is an administrator of the telephony server: shown by a successful attach with lProcessID
        #: -3, or set by the embedding program.
        self.administrator: bool | None = None
        #: The phAsyncEventsEvent that ClientAttach returned.
        self.marker: int | None = None
        #: Number of addresses, by line device.
        self.addresses: dict[int, int] = {}
        #: Permanent ids of the installed providers, and of line and phone devices.
        self.providers: frozenset[int] | None = None
        self.line_ids: frozenset[int] | None = None
        self.phone_ids: frozenset[int] | None = None
        #: Handlers by line device and type of request; devices of which all types are known.
        self.proxies: dict[int, dict[int, _Status]] = {}
        self.complete: dict[int, float] = {}
        #: Devices and types that this client handles itself, and the time of its last proxy request.
        self.own: set[tuple[int, int]] = set()
        self.passed: dict[tuple[int, int], float] = {}

    def set_addresses(self, device: int, count: int) -> None:
        """Set the number of addresses of a device, from LINEDEVCAPS."""
        if count and len(self.addresses) < _LIMIT:
            self.addresses[device] = count

    def set_proxy_status(self, device: int | None, changes: int, type_: int, now: float) -> None:
        """Record a LINE_PROXYSTATUS: a handler was opened or closed."""
        if device is None or len(self.proxies) >= _LIMIT:
            return
        known = self.proxies.setdefault(device, {})
        if changes & LINEPROXYSTATUS.OPEN and len(known) < _LIMIT:
            known[type_] = _Status(True, now)
        elif changes & LINEPROXYSTATUS.CLOSE and len(known) < _LIMIT:
            known[type_] = _Status(False, now)
        if changes & LINEPROXYSTATUS.ALLOPENFORACD:
            self.complete.pop(device, None)
            known.clear()

    def set_proxy_list(self, device: int, types: Iterable[int], now: float) -> None:
        """Record all types with a handler, from GetProxyStatus."""
        if len(self.proxies) < _LIMIT:
            self.proxies[device] = {type_: _Status(True, now) for type_ in types}
            self.complete[device] = now

    def serves(self, device: int, type_: int, before: float) -> bool | None:
        """Return whether a type has a handler; None if that is not known, or not since ``before``."""
        found = self.proxies.get(device, {}).get(type_)
        if found is not None:
            return found.there or (None if found.since > before else False)
        told = self.complete.get(device)
        return False if told is not None and told <= before else None

    def serves_any(self, device: int, before: float) -> bool | None:
        """Return whether any type has a handler; None if that is not known."""
        if any(status.there for status in self.proxies.get(device, {}).values()):
            return True
        told = self.complete.get(device)
        return False if told is not None and told <= before else None

"""Legal requests: the value of each field is derived from its declaration.

`Names` are the handles and numbers of a session; the owner of the session fills them in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from protocol.constants import LINEMEDIAMODE
from protocol.fields import Block, Buffer, Flag, GuidAt, Handle, HandleType, Inner, Items, Number, Size, Text
from protocol.structures import LINECALLHUBTRACKINGINFO, LINEFORWARD, LINEFORWARDLIST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocol.packet import Request
    from protocol.record import Field

__all__ = ["Names", "legal_number", "legal_request", "legal_structure"]

_VOICE = int(LINEMEDIAMODE.INTERACTIVEVOICE)


@dataclass(slots=True)
class Names:
    """Values that a request may refer to: handles, the negotiated version, ids of providers and devices.

    ``calls`` maps field names to call handles; ``call`` is the handle for all other fields.
    """

    app: int = 0x1001
    line: int = 0x10001
    call: int = 0x10005
    phone_app: int = 0x2001
    phone: int = 0x10003
    agent: int = 0x71
    agent_session: int = 0x72
    dialog: int = 0x81
    calls: Mapping[str, int] = field(default_factory=dict)
    version: int = 0x00030001
    provider: int = 0x11
    device: int = 0x21
    lines: int = 2
    phones: int = 1

    def handle(self, field: Handle) -> int:
        """Return the handle for a field. A second call field of a request gets a different handle."""
        if field.type is HandleType.HCALL:
            return self.calls.get(field.spec, self.call + (field.spec in _SECOND))
        return {
            HandleType.HLINE: self.line,
            HandleType.HLINEAPP: self.app,
            HandleType.HPHONE: self.phone,
            HandleType.HPHONEAPP: self.phone_app,
            HandleType.HAGENT: self.agent,
            HandleType.HAGENTSESSION: self.agent_session,
            HandleType.DIALOGINSTANCE: self.dialog,
        }[field.type]


_SECOND = {"hHeldCall", "hConsultCall"}


def legal_number(field: Flag) -> int:
    """Return the first legal value of a field with constant tables."""
    check = next((check for check in field.checks if check.name == "legal"), None)
    if field.choices:
        return min(number for number in field.choices if number) if any(field.choices) else 0
    candidates = [1 << bit for bit in range(32) if field.bits >> bit & 1]
    for candidate in candidates:
        if check is None or not check.check_value(candidate):  # type: ignore[attr-defined]
            return candidate
    return 0


def legal_structure(kind: type[Any], **given: Any) -> Any:
    """Return a legal structure."""
    return _STRUCTURES.get(kind, kind)(**given)


def legal_request(
    request: type[Request], names: Names | None = None, enabling: Field | None = None, **given: Any
) -> Any:
    """Return a legal request. ``enabling`` is a field that must be significant in the request.

    ``given`` are field values set by the caller.
    """
    names = names or Names()
    values: dict[str, Any] = {}
    for each in request.layout.fields:
        value = _value(request, each, names)
        if value is not None:
            values[each.name] = value
    values.update(_TOGETHER.get((request.device, request.__name__), {}))
    if enabling is not None and enabling.only is not None:
        spec, mask = enabling.only
        _enable(values, request.layout.by_spec[spec], mask)
    return request(**{**values, **given})


def _enable(values: dict[str, Any], field: Any, mask: int) -> None:
    number = int(values.get(field.name) or 0)
    if not number & mask:
        lowest = mask & -mask
        single = getattr(field, "cardinality", "") in ("one", "one-or-zero")
        values[field.name] = lowest if single else number | lowest


def _value(request: type[Request], field: Any, names: Names) -> Any:
    """Return a legal value for a field; None if the default is legal."""
    if getattr(field, "direction", "in") == "out":
        return 1024 if getattr(field, "role", "") == "capacity" else None
    if isinstance(field, Handle):
        return names.handle(field)
    if isinstance(field, Flag):
        return legal_number(field)
    if isinstance(field, Buffer):
        return 1024
    if isinstance(field, Size):
        return None
    if isinstance(field, Number):
        return _number(field, names)
    return _content(field)


def _number(field: Number, names: Names) -> int | None:
    if field.role == "version" and field.spec not in ("dwExtVersion", "dwVersion"):
        return names.version
    if field.spec == "dwVersion":
        return 0x00010003
    if field.role in {"limit", "capacity"}:
        return 1024
    if field.role == "context":
        return 0x50 + field.index
    if "nonzero" in field.rules:
        return 1
    known = {
        "lObjectID": names.line,
        "dwProviderID": names.provider,
        "dwNumLineDevices": names.lines,
        "dwNumPhoneDevices": names.phones,
        "dwObjectID": names.device,
    }
    return known.get(field.spec)


def _content(field: Any) -> Any:
    """Return legal content for a field that refers to variable data."""
    if isinstance(field, Text):
        return "5551234"
    if isinstance(field, Block):
        return b"abcd"
    if isinstance(field, GuidAt):
        return UUID(int=5)
    if isinstance(field, Items):
        return (1,) if field.entry is None else (field.entry(),)
    if isinstance(field, Inner):
        return legal_structure(field.type)
    return None


_STRUCTURES: dict[Any, Any] = {
    LINEFORWARD: lambda **given: LINEFORWARD(
        **{"forward_mode": 1, "caller_address": "1", "dest_address": "2", **given}
    ),
    LINEFORWARDLIST: lambda **given: LINEFORWARDLIST(**{"forward_list": (legal_structure(LINEFORWARD),), **given}),
    LINECALLHUBTRACKINGINFO: lambda **given: LINECALLHUBTRACKINGINFO(
        **{"available_tracking": 1, "current_tracking": 1, **given}
    ),
}
#: Values that must be used together.
_TOGETHER: dict[tuple[str, str], dict[str, Any]] = {
    ("generic", "NegotiateAPIVersionForAllDevices"): {
        "line_api_versions_size": 8,
        "line_extension_ids_size": 32,
        "phone_api_versions_size": 4,
        "phone_extension_ids_size": 16,
    },
    ("generic", "RSPSetEventFilterMasks"): {"obj_type": 2},
    ("line", "Open"): {"privileges": 4, "media_modes": _VOICE},
    ("mmc", "GetUIDllName"): {"object_type": 1, "provider_filename": None},
    ("mmc", "TUISPIDLLCallback"): {"object_type": 1},
}

"""Rules with conditions that depend on earlier traffic: devices, versions, rights, proxy handlers.

A rule without the required facts is not checked. Declarations specify the rules of a field or a request
(``exists="02"``, ``proxy="04 05 06"``); `conditions_of` derives the conditions from them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from protocol.constants import LINEOPENOPTION, LINEPROXYREQUEST, OBJTYPE, TUISPIDLL_OBJECT
from protocol.fields import Handle, HandleType

if TYPE_CHECKING:
    from fsm.state.registry import Registry
    from protocol.packet import Request
    from protocol.record import Layout

__all__ = ["Condition", "Proxied", "conditions_of", "proxy_type"]


class Condition(ABC):
    """A condition on a request that depends on earlier traffic."""

    name: ClassVar[str] = ""
    #: The requirement; ``{field}`` is replaced by the field name.
    text: ClassVar[str] = ""

    def __init__(self, rule: str, field: str, *words: int) -> None:
        self.rule = rule
        self.field = field
        self.words = words

    @property
    def summary(self) -> str:
        """The requirement in words."""
        return self.text.format(field=self.field)

    @abstractmethod
    def wrong(self, registry: Registry, packet: Request) -> str:
        """Return the violation; an empty string if there is none or the facts are not known."""


def _devices(registry: Registry, kind: str) -> int | None:
    """Return the number of devices of a kind; None if it is not known, or there is no application."""
    counts = [app.devices for app in registry.applications.values() if app.kind == kind]
    return max((count for count in counts if count is not None), default=None) if None not in counts else None


class DeviceExists(Condition):
    """The device id is within the count of Initialize, or LINE_CREATE announced it."""

    name = "exists"
    text = "{field} is the id of an existing device"

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        number = words[self.words[0]]
        if self.words[1]:
            app = registry.applications.get(words[self.words[1]])
            count = None if app is None else app.devices
        else:
            count = _devices(registry, "line")
        return "" if count is None or number < count else f"{number} is not a device id, the server has {count} devices"


class NumberOfDevices(DeviceExists):
    """A number of devices does not exceed the count of Initialize."""

    text = "{field} does not exceed the number of devices"

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        number = words[self.words[0]]
        count = _devices(registry, "phone" if "Phone" in self.field else "line")
        return "" if count is None or number <= count else f"{number} is more than the {count} devices"


class AddressExists(Condition):
    """The address id is within the count in LINEDEVCAPS."""

    name = "exists"
    text = "{field} is the id of an existing address of the line"

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        line = registry.lines.get(words[self.words[1]])
        count = None if line is None or line.device is None else registry.facts.addresses.get(line.device)
        number = words[self.words[0]]
        return (
            "" if count is None or number < count else f"{number} is not an address id, the line has {count} addresses"
        )


class ProviderExists(Condition):
    """The provider id is in a list of providers."""

    name = "exists"
    text = "{field} is the id of an installed provider"

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        known, number = registry.facts.providers, words[self.words[0]]
        return "" if known is None or number in known else f"{number:#x} is not the id of an installed provider"


class ObjectExists(Condition):
    """The object with the given id and type exists."""

    name = "exists"
    text = "{field} is the id of an existing object of its type"

    def __init__(self, rule: str, field: str, word: int, type_word: int, new_word: int = 0) -> None:
        super().__init__(rule, field, word, type_word)
        #: Index of the DWORD that requests a new object, which has no id yet; 0 for none.
        self.new_word = new_word

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        number, type_ = words[self.words[0]], words[self.words[1]]
        if self.new_word and words[self.new_word] != 0xFFFFFFFF:
            return ""
        known = {
            TUISPIDLL_OBJECT.LINEID: registry.facts.line_ids,
            TUISPIDLL_OBJECT.PHONEID: registry.facts.phone_ids,
            TUISPIDLL_OBJECT.PROVIDERID: registry.facts.providers,
        }.get(type_)  # type: ignore[call-overload]
        return (
            "" if known is None or number in known else f"{number:#x} is not the id of a {TUISPIDLL_OBJECT(type_).name}"
        )


class HandleExists(ObjectExists):
    """The handle is open and of the given type (RSPSetEventFilterMasks)."""

    text = "{field} is an open handle of the type in dwObjType"

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        handle, type_ = words[self.words[0]], words[self.words[1]]
        known: Any = {
            OBJTYPE.HLINEAPP: registry.applications,
            OBJTYPE.HPHONEAPP: registry.applications,
            OBJTYPE.HLINE: registry.lines,
            OBJTYPE.HCALL: registry.calls,
            OBJTYPE.HPHONE: registry.phones,
        }.get(type_)  # type: ignore[call-overload]
        return "" if known is None or handle in known else f"{handle:#x} is not an open {OBJTYPE(type_).name}"


class VersionAgreed(Condition):
    """The version is the one negotiated for the device."""

    name = "acceptable"
    text = "{field} is the version negotiated for the device"

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        app = registry.applications.get(words[self.words[1]])
        found = None if app is None else app.versions.get(words[self.words[2]])
        number = words[self.words[0]]
        if found is None or not found.agreed or number == found.agreed:
            return ""
        return f"{number:#010x} is not {found.agreed:#010x}, the negotiated version"


class ExtensionAgreed(Condition):
    """The extension version is 0 or the one negotiated for the device."""

    name = "acceptable"
    text = "{field} is 0 or the extension version negotiated for the device"

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        app = registry.applications.get(words[self.words[1]])
        number = words[self.words[0]]
        if not number or app is None:
            return ""
        found = app.versions.get(words[self.words[2]])
        agreed = 0 if found is None else found.extension
        if number == agreed:
            return ""
        return (
            f"{number:#x} is not {agreed:#x}, the negotiated version" if agreed else f"{number:#x} was not negotiated"
        )


class SameLine(Condition):
    """Both calls are on the same line."""

    name = "same-line"
    text = "hCall and hConsultCall are on the same line"

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        first, second = (registry.calls.get(words[word]) for word in self.words)
        if first is None or second is None or first.line is None or second.line is None:
            return ""
        return "" if first.line is second.line else "is on a different line than hConsultCall"


class Administrator(Condition):
    """The client is an administrator of the server."""

    name = "administrator"
    text = "the caller is an administrator"

    def __init__(self, rule: str, field: str, word: int = 0, values: tuple[int, ...] = ()) -> None:
        super().__init__(rule, field, word)
        #: Values of the DWORD for which the right is required; empty for all.
        self.values = values

    @property
    def summary(self) -> str:
        if not self.values:
            return self.text
        return f"{self.text}, if {self.field} is {' or '.join(map(str, self.values))}"

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        if registry.facts.administrator is not False or (self.values and words[self.words[0]] not in self.values):
            return ""
        return "the client is not an administrator"


class Proxied(Condition):
    """A condition on the proxy handlers of a line; the DWORD is a line handle, or a device id after ``device``."""

    name = "proxy"

    def __init__(self, rule: str, field: str, word: int, type_: int, *, device: bool = False) -> None:
        super().__init__(rule, field, word)
        self.type = type_
        self.device = device

    def device_of(self, registry: Registry, words: tuple[int, ...]) -> int | None:
        number = words[self.words[0]]
        if self.device:
            return number
        line = registry.lines.get(number)
        return None if line is None else line.device


class ProxyRegistered(Proxied):
    """The line has a proxy handler."""

    text = "a proxy handler is registered for the line"

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        device = self.device_of(registry, words)
        there = None if device is None else registry.facts.serves_any(device, registry.now - registry.grace)
        return f"line device {device} has no proxy handler" if there is False else ""


class ProxyServes(Proxied):
    """A proxy handler of the line serves the request."""

    text = "a proxy handler of the line serves this request"

    def wrong(self, registry: Registry, packet: Request) -> str:
        words = packet.words
        device = self.device_of(registry, words)
        before = registry.now - registry.grace
        if device is None or registry.facts.serves_any(device, before) is False:
            return ""
        served = registry.facts.serves(device, self.type, before)
        return f"no proxy handler of line device {device} serves it" if served is False else ""


class CallAddressExists(Condition):
    """The address in the LINECALLPARAMS of Open exists, if a single address is requested."""

    name = "exists"
    text = "with SINGLEADDRESS, LINECALLPARAMS.dwAddressID is the id of an existing address"

    def wrong(self, registry: Registry, packet: Request) -> str:
        params = packet.call_params  # type: ignore[attr-defined]
        if params is None or not packet.words[self.words[0]] & LINEOPENOPTION.SINGLEADDRESS:
            return ""
        count, number = registry.facts.addresses.get(packet.words[self.words[1]]), params.address_id
        if count is None or number is None or number < count:
            return ""
        return f"dwAddressID {number} is not an address id, the line has {count} addresses"


def proxy_type(request: type[Request]) -> int:
    """Return the type of proxy request (2.2.3.1.48) for a request; 0 if it is not forwarded."""
    if request.device != "line":
        return 0
    return int(LINEPROXYREQUEST.__members__.get(request.__name__.upper(), 0))


def conditions_of(request: type[Request]) -> tuple[Condition, ...]:
    """Return the conditions in the declaration of a request."""
    layout = request.layout
    owners = {
        field.type: field.index for field in layout.fields if isinstance(field, Handle) and field.direction == "in"
    }
    app = owners.get(HandleType.HPHONEAPP if request.device == "phone" else HandleType.HLINEAPP, 0)
    device = next((field.index for field in layout.fields if getattr(field, "role", "") == "device"), 0)
    found: list[Condition] = []
    for field in layout.fields:
        rule = layout.rule(field.rules.get("exists", ""))
        if rule:
            found.append(_existing(rule, field, app, owners, layout))
        rule = layout.rule(field.rules.get("acceptable", ""))
        if rule:
            kind = ExtensionAgreed if "Ext" in field.spec else VersionAgreed
            found.append(kind(rule, field.spec, field.index, app, device))
    if layout.same_line_rule:
        found.append(SameLine(layout.same_line_rule, "hCall", *(owners_of(request))))
    if request.device == "line" and request.__name__ == "Open":
        found.append(
            CallAddressExists(
                layout.rule("09"), "pCallParams", layout.index("dwPrivileges"), layout.index("dwDeviceID")
            )
        )
    for rule, spec, values in layout.administrator_rules:
        found.append(Administrator(rule, spec, layout.index(spec) if spec else 0, values))
    if layout.proxy_rules:
        line = owners.get(HandleType.HLINE)
        word, spec = (device, "dwDeviceID") if line is None else (line, "hLine")
        type_ = proxy_type(request)
        found.append(ProxyRegistered(layout.proxy_rules[0], spec, word, type_, device=line is None))
        found.append(ProxyServes(layout.proxy_rules[1], spec, word, type_, device=line is None))
    return tuple(found)


def owners_of(request: type[Request]) -> tuple[int, ...]:
    """Return the indexes of the call handles of a request."""
    return tuple(
        field.index for field in request.layout.fields if isinstance(field, Handle) and field.type is HandleType.HCALL
    )


def _existing(rule: str, field: Any, app: int, owners: dict[HandleType, int], layout: Layout) -> Condition:
    """Return the condition that "must exist" means for a field."""
    spec, index = field.spec, field.index
    if field.role == "device":
        return DeviceExists(rule, spec, index, app)
    if field.role == "address":
        return AddressExists(rule, spec, index, owners[HandleType.HLINE])
    if spec == "lObjectID":
        return HandleExists(rule, spec, index, layout.index("dwObjType"))
    if spec == "dwProviderID":
        return ProviderExists(rule, spec, index)
    if spec == "dwObjectID":
        new = "dwProviderFilenameOffset"
        return ObjectExists(
            rule, spec, index, layout.index("dwObjectType"), layout.index(new) if new in layout.by_spec else 0
        )
    return NumberOfDevices(rule, spec, index)

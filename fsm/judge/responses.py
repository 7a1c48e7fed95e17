"""What successful answers bring: handles, versions, lists of calls, states. By request, as the routes name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fsm.state.instances import App, Dialog, Line, Phone
from fsm.tables import call as call_table
from fsm.tables import device
from fsm.tables.call_reports import CONSISTENT, FILTERED, SHOWN
from fsm.tables.call_states import BY_BIT
from protocol import generic, line, mmc, phone
from protocol.constants import LINEERR, PHONEERR, PHONEPRIVILEGE, TAPI_VERSION
from protocol.record import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.conversation import Conversation
    from fsm.state.instances import Exchange, Version
    from protocol.packet import Request
    from protocol.raw import Raw

__all__ = ["ANSWERS", "REFUSALS"]

#: Dialogs that are remembered: more than any client opens.
LIMIT: Final = 65_536


def _word(request: type[Request], spec: str) -> int:
    return request.layout.index(spec)


def _epoch(earlier: App | Line | Phone | None) -> int:
    return 1 if earlier is None else earlier.epoch + 1


def _initialize(kind: str, request: type[Request], handle: str) -> Callable[[Conversation, Exchange, Raw], None]:
    handle_word, context_word = _word(request, handle), _word(request, "InitContext")
    devices_word = _word(request, "dwNumDevs")

    def brings(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
        value = answer.words[handle_word]
        app = App(value, _epoch(conversation.ended_apps.get(value)), kind, exchange.words[context_word])
        app.devices = answer.words[devices_word]
        conversation.apps[value] = app
        conversation.step(app, device.INITIALIZED)

    return brings


def _reinitializes(kind: str, error: int) -> Callable[[Conversation, Exchange, Raw], None]:
    """Initialize may be refused because all applications have to shut down first (3.2 of the call model)."""

    def waits(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
        if answer.words[0] == error:
            for app in (App(0, 1, kind, None), *conversation.apps.values()):
                if app.kind == kind:
                    conversation.step(app, device.REINIT)

    return waits


def _shuts(word: int) -> Callable[[Conversation, Exchange, Raw], None]:
    def ends(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
        app = conversation.apps.get(exchange.words[word])
        if app is not None:
            conversation.step(app, device.SHUTS)
            conversation.settle(app)

    return ends


def _version(app: App | None, number: int) -> Version | None:
    return None if app is None else app.version(number)


def _negotiates(
    request: type[Request], app_spec: str, device_spec: str
) -> Callable[[Conversation, Exchange, Raw], None]:
    app_word, device_word = _word(request, app_spec), _word(request, device_spec)
    version_word = _word(request, "dwNegotiatedVersion")

    def brings(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
        version = _version(conversation.apps.get(exchange.words[app_word]), exchange.words[device_word])
        agreed = answer.words[version_word]
        conversation.agreed(agreed)
        if version is not None:
            conversation.step(version, device.NEGOTIATED)
            version.agreed = agreed

    return brings


def _negotiates_all(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    conversation.inspect_marker(exchange)
    app = conversation.apps.get(exchange.words[_word(generic.NegotiateAPIVersionForAllDevices, "hLineApp")])
    for number, agreed in enumerate(answer.packet().line_api_versions or ()):
        if agreed:
            conversation.agreed(agreed)
        version = _version(app, number)
        if version is not None and agreed:
            conversation.step(version, device.NEGOTIATED)
            version.agreed = agreed
    for other in list(conversation.apps.values()):
        if other.kind != "phone":
            continue
        for number, agreed in enumerate(answer.packet().phone_api_versions or ()):
            version = _version(other, number)
            if version is not None and agreed:
                conversation.step(version, device.NEGOTIATED)
                version.agreed = agreed


def _extends(request: type[Request], app_spec: str) -> Callable[[Conversation, Exchange, Raw], None]:
    app_word, device_word = _word(request, app_spec), _word(request, "dwDeviceID")
    extension_word = _word(request, "lpdwExtVersion")

    def brings(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
        version = _version(conversation.apps.get(exchange.words[app_word]), exchange.words[device_word])
        if version is not None:
            conversation.step(version, device.NEGOTIATED_EXT)
            version.extension = answer.words[extension_word]

    return brings


def _opens_line(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    asked = exchange.words
    index = _OPEN_LINE
    value = answer.words[index["hLine"]]
    app = conversation.apps.get(asked[index["hLineApp"]])
    opened = Line(value, _epoch(conversation.ended_lines.get(value)), app)
    opened.reported = asked[index["hRemoteLine"]] or value
    opened.device = asked[index["dwDeviceID"]]
    opened.version = asked[index["dwNegotiatedVersion"]]
    opened.open_context = asked[index["OpenContext"]]
    opened.privileges = asked[index["dwPrivileges"]]
    opened.flags = conversation.line_flags
    conversation.agreed(opened.version)
    if opened.version < TAPI_VERSION.V2_0:
        opened.flags |= call_table.OLD.bit
    if app is not None:
        app.members[value] = opened
    conversation.opening.pop(opened.reported, None)
    conversation.registered(exchange, accepted=True)
    adopted = conversation.reported.get(opened.reported)
    if adopted is not None and adopted.device is None:
        _takes_over(conversation, opened, adopted)
    conversation.lines[value] = conversation.reported[opened.reported] = opened
    conversation.step(opened, device.OPENED)


def _takes_over(conversation: Conversation, opened: Line, adopted: Line) -> None:
    """Events of a line were seen before the answer to its Open: what they brought belongs to the line."""
    conversation.lines.pop(adopted.handle, None)
    opened.announced, opened.waiting = adopted.announced, adopted.waiting
    opened.calls = adopted.calls
    for call in opened.calls.values():
        call.line = opened


_OPEN_LINE: Final = {
    spec: _word(line.Open, spec)
    for spec in ("hLine", "hLineApp", "hRemoteLine", "dwDeviceID", "dwNegotiatedVersion", "OpenContext", "dwPrivileges")
}
_OPEN_PHONE: Final = {
    spec: _word(phone.Open, spec)
    for spec in (
        "hPhone",
        "hPhoneApp",
        "hRemotePhone",
        "dwDeviceID",
        "dwNegotiatedVersion",
        "OpenContext",
        "dwPrivilege",
    )
}


def _opens_phone(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    asked = exchange.words
    index = _OPEN_PHONE
    value = answer.words[index["hPhone"]]
    app = conversation.apps.get(asked[index["hPhoneApp"]])
    opened = Phone(value, _epoch(conversation.ended_phones.get(value)), app)
    opened.reported = asked[index["hRemotePhone"]] or value
    opened.device = asked[index["dwDeviceID"]]
    opened.version = asked[index["dwNegotiatedVersion"]]
    opened.open_context = asked[index["OpenContext"]]
    if app is not None:
        app.members[value] = opened
    conversation.opening.pop(opened.reported, None)
    conversation.phones[value] = conversation.reported_phones[opened.reported] = opened
    owner = asked[index["dwPrivilege"]] & PHONEPRIVILEGE.OWNER
    conversation.step(opened, device.OPENED_OWNER if owner else device.OPENED_MONITOR)


def _closes_line(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    opened = conversation.lines.get(exchange.words[_word(line.Close, "hLine")])
    if opened is not None:
        conversation.step(opened, device.CLOSES)
        conversation.settle(opened)


def _closes_phone(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    opened = conversation.phones.get(exchange.words[_word(phone.Close, "hPhone")])
    if opened is not None:
        conversation.step(opened, device.CLOSES)
        conversation.settle(opened)


def _deallocates(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    call = conversation.calls.get(exchange.words[_RELEASED_CALL])
    if call is not None:
        if conversation.swaps:
            conversation.swap_over(call)
        conversation.step(call, _RELEASED, conversation.flags_of(call), frame=exchange.frame)
        conversation.settle(call)


_RELEASED: Final = call_table.RELEASED
_RELEASED_CALL: Final = _word(line.DeallocateCall, "hCall")


def _lists_calls(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    opened = conversation.lines.get(exchange.words[_word(line.GetNewCalls, "hLine")])
    found = answer.packet().call_list
    for handle in (found.calls or ()) if hasattr(found, "calls") else ():
        call = conversation.calls.get(handle) or conversation.new_call(handle, opened)
        conversation.step(call, call_table.LISTED, conversation.flags_of(call))


def _shows_state(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    call = conversation.calls.get(exchange.words[_word(line.GetCallStatus, "hCall")])
    status = answer.packet().call_status
    if call is None or not hasattr(status, "call_state"):
        return
    state = BY_BIT.get((status.call_state or 0) & 0x00FFFFFF)
    if state is None:
        return
    flags = conversation.flags_of(call) | (CONSISTENT.bit if call.mask >> state & 1 else 0)
    known = not call.mask & (call.mask - 1)
    conversation.step(call, SHOWN[state], flags)
    if not known and call.mask == 1 << state:
        call.path = conversation.paths.extend(call.path, state)
        call.inferred = False


def _filters(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    """From now on events may be missing by agreement (Q19)."""
    conversation.line_flags |= FILTERED.bit
    for opened in conversation.lines.values():
        opened.flags |= FILTERED.bit
    for call in conversation.calls.values():
        call.flags |= FILTERED.bit


def _frees_dialog(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    dialog = conversation.dialogs.pop(exchange.words[_FREED], None)
    if dialog is not None:
        conversation.step(dialog, device.DIALOG_FREED)


_FREED: Final = _word(mmc.FreeDialogInstance, "htDlgInst")


def _opens_dialog(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    # Providers may be installed or removed.
    conversation.facts.providers = None
    value = answer.words[_word(mmc.GetUIDllName, "htDlgInst")]
    if value and value != ABSENT and len(conversation.dialogs) < LIMIT:
        dialog = conversation.dialogs[value] = Dialog(value)
        conversation.step(dialog, device.DIALOG_OPENED)


def _counts_addresses(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    found = answer.packet().line_dev_caps
    if hasattr(found, "num_addresses"):
        conversation.facts.has_addresses(exchange.words[_CAPS_DEVICE], found.num_addresses or 0)


_CAPS_DEVICE: Final = _word(line.GetDevCaps, "dwDeviceID")


def _lists_providers(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    found = answer.packet().provider_list
    if hasattr(found, "provider_list"):
        conversation.facts.providers = frozenset(entry.permanent_provider_id for entry in found.provider_list or ())


def _lists_devices(name: str) -> Callable[[Conversation, Exchange, Raw], None]:
    def lists(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
        found = answer.packet().device_info_list
        if hasattr(found, "device_info"):
            setattr(conversation.facts, name, frozenset(entry.permanent_device_id for entry in found.device_info or ()))

    return lists


def _lists_proxies(conversation: Conversation, exchange: Exchange, answer: Raw) -> None:
    found = answer.packet().line_proxy_request_list
    if hasattr(found, "entries"):
        conversation.facts.proxy_list(exchange.words[_PROXY_DEVICE], found.entries or (), conversation.now)


_PROXY_DEVICE: Final = _word(line.GetProxyStatus, "dwDeviceID")

#: What to do with the successful answer to a request.
ANSWERS: Final[dict[str, Callable[[Conversation, Exchange, Raw], None]]] = {
    "line.Initialize": _initialize("line", line.Initialize, "hLineApp"),
    "phone.Initialize": _initialize("phone", phone.Initialize, "hPhoneApp"),
    "line.ShutDown": _shuts(_word(line.ShutDown, "hLineApp")),
    "phone.ShutDown": _shuts(_word(phone.ShutDown, "hPhoneApp")),
    "line.NegotiateAPIVersion": _negotiates(line.NegotiateAPIVersion, "hLineApp", "dwDeviceID"),
    "phone.NegotiateAPIVersion": _negotiates(phone.NegotiateAPIVersion, "hPhoneApp", "dwDeviceIDLocal"),
    "generic.NegotiateAPIVersionForAllDevices": _negotiates_all,
    "line.NegotiateExtVersion": _extends(line.NegotiateExtVersion, "hLineApp"),
    "phone.NegotiateExtVersion": _extends(phone.NegotiateExtVersion, "hPhoneApp"),
    "line.Open": _opens_line,
    "phone.Open": _opens_phone,
    "line.Close": _closes_line,
    "phone.Close": _closes_phone,
    "line.DeallocateCall": _deallocates,
    "line.GetNewCalls": _lists_calls,
    "line.GetCallStatus": _shows_state,
    "generic.RSPSetEventFilterMasks": _filters,
    "line.GetDevCaps": _counts_addresses,
    "line.GetProxyStatus": _lists_proxies,
    "mmc.GetProviderList": _lists_providers,
    "mmc.GetLineInfo": _lists_devices("line_ids"),
    "mmc.GetPhoneInfo": _lists_devices("phone_ids"),
    "mmc.GetUIDllName": _opens_dialog,
    "mmc.FreeDialogInstance": _frees_dialog,
}
#: What to do with the refusal of a request.
REFUSALS: Final[dict[str, Callable[[Conversation, Exchange, Raw], None]]] = {
    "line.Initialize": _reinitializes("line", LINEERR.REINIT),
    "phone.Initialize": _reinitializes("phone", PHONEERR.REINIT),
}

"""Successful responses: the handles, versions, lists and states that they return, a function for each request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fsm.judge.attaching import check_marker
from fsm.judge.proxies import accept_handler
from fsm.state.instances import Application, Dialog, Line, Phone
from fsm.tables import application
from fsm.tables import call as call_table
from fsm.tables import dialog as dialogs
from fsm.tables import handle as handles
from fsm.tables import line as line_table
from fsm.tables import phone as phone_table
from fsm.tables import version as version_table
from fsm.tables.bits import CONSISTENT, FILTERED, OLD
from fsm.tables.call_reports import SHOWN
from fsm.tables.call_states import BY_BIT, CallState
from protocol import generic, line, mmc, phone
from protocol.constants import PHONEPRIVILEGE, TAPI_VERSION
from protocol.record import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.conversation import Conversation
    from fsm.state.instances import Transaction, Version
    from protocol.packet import Request
    from protocol.raw import Raw

__all__ = [
    "close_line",
    "close_phone",
    "count_addresses",
    "deallocate",
    "filter_events",
    "free_dialog",
    "initialize",
    "list_calls",
    "list_handlers",
    "list_lines",
    "list_phones",
    "list_providers",
    "negotiate",
    "negotiate_all",
    "negotiate_extension",
    "open_dialog",
    "open_line",
    "open_phone",
    "refuse_initialize",
    "show_state",
    "shut_down",
    "word_of",
]

#: Dialogs that are remembered: more than any client opens.
LIMIT: Final = 65_536


def word_of(request: type[Request], spec: str) -> int:
    return request.layout.index(spec)


def _epoch(earlier: Application | Line | Phone | None) -> int:
    return 1 if earlier is None else earlier.epoch + 1


def initialize(kind: str, request: type[Request], handle: str) -> Callable[[Conversation, Transaction, Raw], None]:
    handle_word, context_word = word_of(request, handle), word_of(request, "InitContext")
    devices_word = word_of(request, "dwNumDevs")

    def brings(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
        registry = conversation.registry
        registry.initializing.pop(transaction, None)
        value = response.words[handle_word]
        app = Application(value, _epoch(registry.ended_applications.get(value)), kind, transaction.words[context_word])
        app.devices = response.words[devices_word]
        registry.applications[value] = app
        conversation.runner.step(app, application.INITIALIZED)

    return brings


def refuse_initialize(kind: str, error: int) -> Callable[[Conversation, Transaction, Raw], None]:
    """Initialize may be refused because all applications have to shut down first (3.2 of the call model)."""

    def waits(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
        registry = conversation.registry
        registry.initializing.pop(transaction, None)
        if response.words[0] == error:
            for app in (Application(0, 1, kind, None), *registry.applications.values()):
                if app.kind == kind:
                    conversation.runner.step(app, application.REINIT)

    return waits


def shut_down(word: int) -> Callable[[Conversation, Transaction, Raw], None]:
    def ends(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
        registry = conversation.registry
        app = registry.applications.get(transaction.words[word])
        if app is not None:
            registry.releasing = True
            conversation.runner.step(app, application.SHUTS)
            app.retire(registry)
            registry.releasing = False

    return ends


def _version(app: Application | None, number: int) -> Version | None:
    return None if app is None else app.version(number)


def negotiate(
    request: type[Request], app_spec: str, device_spec: str
) -> Callable[[Conversation, Transaction, Raw], None]:
    app_word, device_word = word_of(request, app_spec), word_of(request, device_spec)
    version_word = word_of(request, "dwNegotiatedVersion")

    def brings(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
        registry = conversation.registry
        version = _version(registry.applications.get(transaction.words[app_word]), transaction.words[device_word])
        agreed = response.words[version_word]
        conversation.links.agree(agreed)
        if version is not None:
            conversation.runner.step(version, version_table.NEGOTIATED)
            version.agreed = agreed

    return brings


def negotiate_all(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    check_marker(conversation, transaction)
    app = registry.applications.get(transaction.words[word_of(generic.NegotiateAPIVersionForAllDevices, "hLineApp")])
    for number, agreed in enumerate(response.packet().line_api_versions or ()):
        if agreed:
            conversation.links.agree(agreed)
        version = _version(app, number)
        if version is not None and agreed:
            conversation.runner.step(version, version_table.NEGOTIATED)
            version.agreed = agreed
    for other in list(registry.applications.values()):
        if other.kind != "phone":
            continue
        for number, agreed in enumerate(response.packet().phone_api_versions or ()):
            version = _version(other, number)
            if version is not None and agreed:
                conversation.runner.step(version, version_table.NEGOTIATED)
                version.agreed = agreed


def negotiate_extension(request: type[Request], app_spec: str) -> Callable[[Conversation, Transaction, Raw], None]:
    app_word, device_word = word_of(request, app_spec), word_of(request, "dwDeviceID")
    extension_word = word_of(request, "lpdwExtVersion")

    def brings(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
        registry = conversation.registry
        version = _version(registry.applications.get(transaction.words[app_word]), transaction.words[device_word])
        if version is not None:
            conversation.runner.step(version, version_table.NEGOTIATED_EXT)
            version.extension = response.words[extension_word]

    return brings


def open_line(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    asked = transaction.words
    index = _OPEN_LINE
    value = response.words[index["hLine"]]
    app = registry.applications.get(asked[index["hLineApp"]])
    version = asked[index["dwNegotiatedVersion"]]
    flags = registry.line_flags | (OLD.bit if version < TAPI_VERSION.V2_0 else 0)
    opened = Line(value, _epoch(registry.ended_lines.get(value)), app, flags)
    opened.reported = asked[index["hRemoteLine"]] or value
    opened.device = asked[index["dwDeviceID"]]
    opened.version = version
    opened.open_context = asked[index["OpenContext"]]
    opened.privileges = asked[index["dwPrivileges"]]
    conversation.links.agree(opened.version)
    if app is not None:
        app.members[value] = opened
    registry.opening.pop(opened.reported, None)
    accept_handler(conversation, transaction, accepted=True)
    adopted = registry.reported.get(opened.reported)
    if adopted is not None and adopted.device is None:
        _take_over(conversation, opened, adopted)
    registry.lines[value] = registry.reported[opened.reported] = opened
    conversation.runner.step(opened, line_table.OPENED)


def _take_over(conversation: Conversation, opened: Line, adopted: Line) -> None:
    """Events of a line were seen before the response to its Open: what they brought belongs to the line."""
    opened.announced, opened.waiting = adopted.announced, adopted.waiting
    opened.calls = adopted.calls
    for call in opened.calls.values():
        call.line = opened


_OPEN_LINE: Final = {
    spec: word_of(line.Open, spec)
    for spec in ("hLine", "hLineApp", "hRemoteLine", "dwDeviceID", "dwNegotiatedVersion", "OpenContext", "dwPrivileges")
}
_OPEN_PHONE: Final = {
    spec: word_of(phone.Open, spec)
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


def open_phone(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    asked = transaction.words
    index = _OPEN_PHONE
    value = response.words[index["hPhone"]]
    app = registry.applications.get(asked[index["hPhoneApp"]])
    opened = Phone(value, _epoch(registry.ended_phones.get(value)), app)
    opened.reported = asked[index["hRemotePhone"]] or value
    opened.device = asked[index["dwDeviceID"]]
    opened.version = asked[index["dwNegotiatedVersion"]]
    opened.open_context = asked[index["OpenContext"]]
    if app is not None:
        app.members[value] = opened
    registry.opening.pop(opened.reported, None)
    registry.phones[value] = registry.reported_phones[opened.reported] = opened
    owner = asked[index["dwPrivilege"]] & PHONEPRIVILEGE.OWNER
    conversation.runner.step(opened, phone_table.OPENED_OWNER if owner else phone_table.OPENED_MONITOR)


def close_line(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    opened = registry.lines.get(transaction.words[word_of(line.Close, "hLine")])
    if opened is not None:
        registry.releasing = True
        conversation.runner.step(opened, handles.CLOSES)
        opened.retire(registry)
        registry.releasing = False


def close_phone(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    opened = registry.phones.get(transaction.words[word_of(phone.Close, "hPhone")])
    if opened is not None:
        registry.releasing = True
        conversation.runner.step(opened, handles.CLOSES)
        opened.retire(registry)
        registry.releasing = False


def deallocate(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    call = registry.calls.get(transaction.words[_RELEASED_CALL])
    named = transaction.calls[0][0]
    if call is not None and (call is named or named.mask & _UNMET):
        if registry.swaps:
            registry.end_swap(call)
        conversation.runner.step(call, _RELEASED, call.context(registry), frame=transaction.frame)
        registry.releasing = True
        call.retire(registry)
        registry.releasing = False


#: States of a call that was not known when the request was sent.
_UNMET: Final = 1 << CallState.ABSENT
_RELEASED: Final = call_table.RELEASED
_RELEASED_CALL: Final = word_of(line.DeallocateCall, "hCall")


def list_calls(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    opened = registry.lines.get(transaction.words[word_of(line.GetNewCalls, "hLine")])
    found = response.packet().call_list
    for handle in (found.calls or ()) if hasattr(found, "calls") else ():
        call = registry.calls.get(handle)
        if call is None:
            call = registry.add_call(handle, opened)
            call.brought = transaction.route.key
        conversation.runner.step(call, call_table.LISTED, call.context(registry))


def show_state(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    call = registry.calls.get(transaction.words[word_of(line.GetCallStatus, "hCall")])
    status = response.packet().call_status
    if call is None or not hasattr(status, "call_state"):
        return
    state = BY_BIT.get((status.call_state or 0) & 0x00FFFFFF)
    if state is None:
        return
    flags = call.context(registry) | (CONSISTENT.bit if call.mask >> state & 1 else 0)
    known = not call.mask & (call.mask - 1)
    conversation.runner.step(call, SHOWN[state], flags)
    if not known and call.mask == 1 << state:
        call.path = registry.paths.extend(call.path, state)
        call.inferred = False


def filter_events(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    """Take an event filter: from now on events may be missing by agreement (Q19)."""
    registry = conversation.registry
    registry.line_flags |= FILTERED.bit
    for opened in registry.lines.values():
        conversation.runner.step(opened, line_table.FILTERS)
    for call in registry.calls.values():
        conversation.runner.step(call, call_table.FILTERS)


def free_dialog(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    dialog = registry.dialogs.pop(transaction.words[_FREED], None)
    if dialog is not None:
        conversation.runner.step(dialog, dialogs.DIALOG_FREED)


_FREED: Final = word_of(mmc.FreeDialogInstance, "htDlgInst")


def open_dialog(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    # Providers may be installed or removed.
    registry.facts.providers = None
    value = response.words[word_of(mmc.GetUIDllName, "htDlgInst")]
    if value and value != ABSENT and len(registry.dialogs) < LIMIT:
        dialog = registry.dialogs[value] = Dialog(value)
        conversation.runner.step(dialog, dialogs.DIALOG_OPENED)


def count_addresses(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    found = response.packet().line_dev_caps
    if hasattr(found, "num_addresses"):
        registry.facts.set_addresses(transaction.words[_CAPS_DEVICE], found.num_addresses or 0)


_CAPS_DEVICE: Final = word_of(line.GetDevCaps, "dwDeviceID")


def list_providers(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    found = response.packet().provider_list
    if hasattr(found, "provider_list"):
        registry.facts.providers = frozenset(entry.permanent_provider_id for entry in found.provider_list or ())


def list_lines(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    """Take the permanent ids of the line devices."""
    ids = _device_ids(response)
    if ids is not None:
        conversation.registry.facts.line_ids = ids


def list_phones(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    """Take the permanent ids of the phone devices."""
    ids = _device_ids(response)
    if ids is not None:
        conversation.registry.facts.phone_ids = ids


def _device_ids(response: Raw) -> frozenset[int] | None:
    found = response.packet().device_info_list
    if not hasattr(found, "device_info"):
        return None
    return frozenset(entry.permanent_device_id for entry in found.device_info or ())


def list_handlers(conversation: Conversation, transaction: Transaction, response: Raw) -> None:
    registry = conversation.registry
    found = response.packet().line_proxy_request_list
    if hasattr(found, "entries"):
        registry.facts.set_proxy_list(transaction.words[_PROXY_DEVICE], found.entries or (), registry.now)


_PROXY_DEVICE: Final = word_of(line.GetProxyStatus, "dwDeviceID")

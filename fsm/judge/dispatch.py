"""The dispatch table: for each packet and event, the functions of a conversation that take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from fsm.judge import agents, calls, conferences, devices, lines, proxies, replies, responses
from fsm.judge.routes import ROUTES
from protocol import events, generic, line, mmc, phone
from protocol.constants import LINEERR, PHONEERR
from protocol.event import EVENTS
from protocol.fields import HandleType

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["EVENT_HANDLERS", "HANDLERS", "Handlers"]

Function: TypeAlias = "Callable[..., None]"


class Handlers(NamedTuple):
    """The functions that take a packet.

    ``event(conversation, words)``; ``accepted`` and ``refused(conversation, transaction, response)`` for a successful
    or negative response; ``succeeded(conversation, transaction, words)`` for the success of the whole request, with
    the words of its completion, if any.
    """

    event: Function | None = None
    accepted: Function | None = None
    refused: Function | None = None
    succeeded: Function | None = None


def _by_handle(number: int, event: type[Event]) -> Handlers:
    """Return the handler of an event that is about the handle it carries."""
    if _CALL_WORD.get(number) == 3:
        return Handlers(calls.about_call)
    if number in _LINE_WORD:
        return Handlers(lines.about_named_line)
    if number in _PHONE_WORD:
        return Handlers(lines.about_named_phone)
    return Handlers(devices.about_device if "hDevice" in event.layout.by_spec else None)


_CALL_WORD: Final = lines.places(HandleType.HCALL)
_LINE_WORD: Final = lines.places(HandleType.HLINE)
_PHONE_WORD: Final = lines.places(HandleType.HPHONE)

#: What a conversation does with each packet; packets that are not listed only take the steps of their handles.
HANDLERS: Final[dict[type[Any], Handlers]] = {
    **{event: _by_handle(number, event) for number, event in EVENTS.items()},
    # Events
    events.LINE_CALLSTATE: Handlers(calls.call_state),
    events.LINE_APPNEWCALL: Handlers(calls.announce_call),
    events.LINE_CLOSE: Handlers(lines.close_line),
    events.PHONE_CLOSE: Handlers(lines.close_phone),
    events.LINE_REPLY: Handlers(replies.reply),
    events.PHONE_REPLY: Handlers(replies.reply),
    events.LINE_LINEDEVSTATE: Handlers(devices.line_state),
    events.PHONE_STATE: Handlers(devices.phone_state),
    events.LINE_CREATE: Handlers(devices.create_line),
    events.LINE_REMOVE: Handlers(devices.remove_line),
    events.PHONE_CREATE: Handlers(devices.create_phone),
    events.PHONE_REMOVE: Handlers(devices.remove_phone),
    events.LINE_PROXYREQUEST: Handlers(proxies.proxy_request),
    events.LINE_PROXYSTATUS: Handlers(proxies.proxy_status),
    events.LINE_AGENTSTATUSEX: Handlers(agents.agent_status),
    events.LINE_AGENTSESSIONSTATUS: Handlers(agents.session_status),
    events.LINE_CREATEDIALOGINSTANCE: Handlers(agents.request_dialog),
    # Applications and versions
    line.Initialize: Handlers(
        accepted=responses.initialize("line", line.Initialize, "hLineApp"),
        refused=responses.refuse_initialize("line", LINEERR.REINIT),
    ),
    phone.Initialize: Handlers(
        accepted=responses.initialize("phone", phone.Initialize, "hPhoneApp"),
        refused=responses.refuse_initialize("phone", PHONEERR.REINIT),
    ),
    line.ShutDown: Handlers(accepted=responses.shut_down(responses.word_of(line.ShutDown, "hLineApp"))),
    phone.ShutDown: Handlers(accepted=responses.shut_down(responses.word_of(phone.ShutDown, "hPhoneApp"))),
    line.NegotiateAPIVersion: Handlers(
        accepted=responses.negotiate(line.NegotiateAPIVersion, "hLineApp", "dwDeviceID")
    ),
    phone.NegotiateAPIVersion: Handlers(
        accepted=responses.negotiate(phone.NegotiateAPIVersion, "hPhoneApp", "dwDeviceIDLocal")
    ),
    generic.NegotiateAPIVersionForAllDevices: Handlers(accepted=responses.negotiate_all),
    line.NegotiateExtVersion: Handlers(accepted=responses.negotiate_extension(line.NegotiateExtVersion, "hLineApp")),
    phone.NegotiateExtVersion: Handlers(accepted=responses.negotiate_extension(phone.NegotiateExtVersion, "hPhoneApp")),
    # Lines, phones and calls
    line.Open: Handlers(accepted=responses.open_line),
    phone.Open: Handlers(accepted=responses.open_phone),
    line.Close: Handlers(accepted=responses.close_line),
    phone.Close: Handlers(accepted=responses.close_phone),
    line.DeallocateCall: Handlers(accepted=responses.deallocate),
    line.GetNewCalls: Handlers(accepted=responses.list_calls),
    line.GetCallStatus: Handlers(accepted=responses.show_state),
    line.AddToConference: Handlers(succeeded=conferences.add_member),
    line.PrepareAddToConference: Handlers(succeeded=conferences.prepare),
    line.SwapHold: Handlers(succeeded=conferences.swap),
    generic.RSPSetEventFilterMasks: Handlers(accepted=responses.filter_events),
    # Facts about devices, providers and call centres
    line.GetDevCaps: Handlers(accepted=responses.count_addresses),
    line.GetProxyStatus: Handlers(accepted=responses.list_handlers),
    line.CreateAgent: Handlers(succeeded=agents.create_agent),
    line.CreateAgentSession: Handlers(succeeded=agents.create_session),
    mmc.GetProviderList: Handlers(accepted=responses.list_providers),
    mmc.GetLineInfo: Handlers(accepted=responses.list_lines),
    mmc.GetPhoneInfo: Handlers(accepted=responses.list_phones),
    mmc.GetUIDllName: Handlers(accepted=responses.open_dialog),
    mmc.FreeDialogInstance: Handlers(accepted=responses.free_dialog),
}

#: The functions of events, by Msg.
EVENT_HANDLERS: Final[dict[int, Function]] = {
    number: function for number, event in EVENTS.items() if (function := HANDLERS[event].event) is not None
}


def _bind(packet: type[Request], handlers: Handlers) -> None:
    """Enter the functions of a request into its route."""
    route = ROUTES[packet.req_func]
    route.accepted, route.refused, route.succeeded = handlers.accepted, handlers.refused, handlers.succeeded


for _packet, _handlers in HANDLERS.items():
    if _handlers.event is None and hasattr(_packet, "req_func"):
        _bind(_packet, _handlers)

"""Events that the server sends (2.2.4.2.1): ``events.LINE_CALLSTATE``, ``events.LINE_REPLY``, ..."""

from __future__ import annotations

from protocol import declare as field
from protocol.constants import (
    LINEADDRESSSTATE,
    LINEAGENTSESSIONSTATE,
    LINEAGENTSESSIONSTATUS,
    LINEAGENTSTATE,
    LINEAGENTSTATEEX,
    LINEAGENTSTATUS,
    LINEAGENTSTATUSEX,
    LINECALLINFOSTATE,
    LINECALLPRIVILEGE,
    LINECALLSTATE,
    LINEDEVSTATE,
    LINEDIGITMODE,
    LINEGATHERTERM,
    LINEGENERATETERM,
    LINEMEDIAMODE,
    LINEPROXYSTATUS,
    LINEQUEUESTATUS,
    PHONEBUTTONMODE,
    PHONEBUTTONSTATE,
    PHONESTATE,
)
from protocol.constants import LINEPROXYREQUEST as PROXYREQUEST_TYPES
from protocol.event import Event, Reply
from protocol.fields import HandleType
from protocol.structures import LINEPROXYREQUEST
from protocol.structures.calls import CALL_STATE_MODES

__all__ = [
    "LINE_ADDRESSSTATE",
    "LINE_AGENTSESSIONSTATUS",
    "LINE_AGENTSPECIFIC",
    "LINE_AGENTSTATUS",
    "LINE_AGENTSTATUSEX",
    "LINE_APPNEWCALL",
    "LINE_CALLINFO",
    "LINE_CALLSTATE",
    "LINE_CLOSE",
    "LINE_CREATE",
    "LINE_CREATEDIALOGINSTANCE",
    "LINE_DEVSPECIFIC",
    "LINE_DEVSPECIFICFEATURE",
    "LINE_GATHERDIGITS",
    "LINE_GENERATE",
    "LINE_GROUPSTATUS",
    "LINE_LINEDEVSTATE",
    "LINE_MONITORDIGITS",
    "LINE_MONITORMEDIA",
    "LINE_MONITORTONE",
    "LINE_PROXYREQUEST",
    "LINE_PROXYSTATUS",
    "LINE_QUEUESTATUS",
    "LINE_REMOVE",
    "LINE_REPLY",
    "PHONE_BUTTON",
    "PHONE_CLOSE",
    "PHONE_CREATE",
    "PHONE_DEVSPECIFIC",
    "PHONE_REMOVE",
    "PHONE_REPLY",
    "PHONE_STATE",
]


class LINE_ADDRESSSTATE(Event, msg=0x0, section="2.2.4.2.1.1"):
    """The status of an address of an open line changed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)
    address_id: int = field.number("Param1", note="address id whose status changed")
    address_states: int = field.flags("Param2", LINEADDRESSSTATE, cardinality="one-or-more")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")


class LINE_AGENTSESSIONSTATUS(Event, msg=0x1B, section="2.2.4.2.1.2"):
    """An agent session changed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)
    agent_session: int = field.handle("Param1", HandleType.HAGENTSESSION)
    changes: int = field.flags("Param2", LINEAGENTSESSIONSTATUS, cardinality="one-or-more")
    agent_session_state: int = field.flags(
        "Param3", LINEAGENTSESSIONSTATE, cardinality="one-or-zero", note="new session state if Param2 has STATE, else 0"
    )
    param4: int = field.number("Param4")


class LINE_AGENTSPECIFIC(Event, msg=0x15, section="2.2.4.2.1.3"):
    """A handler-specific event of the agent handler."""

    post_process: int = field.number("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice", note="hCall if the event is about a call, else hRemoteLine")
    agent_extension_id_index: int = field.number("Param1", note="index into LINEAGENTCAPS extension id list")
    param2: int = field.number("Param2", note="handler specific; client reacts with AgentSpecific")
    param3: int = field.number("Param3", note="handler specific")
    remote_line: int = field.number("Param4", note="hRemoteLine when hDevice is a call, else 0")


class LINE_AGENTSTATUS(Event, msg=0x16, section="2.2.4.2.1.4"):
    """The agent status of an address changed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)
    address_id: int = field.number("Param1", note="address id")
    changes: int = field.flags("Param2", LINEAGENTSTATUS, cardinality="one-or-more")
    agent_state: int = field.flags(
        "Param3", LINEAGENTSTATE, note="new LINEAGENTSTATUS.dwState if Param2 has STATE, else 0"
    )
    param4: int = field.number("Param4")


class LINE_AGENTSTATUSEX(Event, msg=0x1D, section="2.2.4.2.1.5"):
    """An agent, identified by handle, changed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)
    agent: int = field.handle("Param1", HandleType.HAGENT)
    changes: int = field.flags("Param2", LINEAGENTSTATUSEX, cardinality="one-or-more")
    agent_state: int = field.flags(
        "Param3", LINEAGENTSTATEEX, cardinality="one-or-zero", note="new agent state if Param2 has STATE, else 0"
    )
    param4: int = field.number("Param4")


class LINE_APPNEWCALL(Event, msg=0x17, section="2.2.4.2.1.6"):
    """The server created a call handle for this client."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)
    address_id: int = field.number("Param1", note="address id of the call")
    call: int = field.handle("Param2", HandleType.HCALL)
    call_id: int = field.number("Param3", note="call id")
    related_call_id: int = field.number("Param4", note="related call id")


class LINE_CALLINFO(Event, msg=0x1, section="2.2.4.2.1.7"):
    """Information about a call changed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    call: int = field.handle("hCall", HandleType.HCALL)
    changes: int = field.flags("Param1", LINECALLINFOSTATE, cardinality="one-or-more")
    param2: int = field.number("Param2")
    param3: int = field.number("Param3")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)


class LINE_CALLSTATE(Event, msg=0x2, section="2.2.4.2.1.8"):
    """The state of a call changed; the mode of the state is in the third DWORD."""

    mode: int = field.mode("fnPostProcessProcHandle", "Param1", CALL_STATE_MODES)
    call: int = field.handle("hCall", HandleType.HCALL)
    call_state: int = field.flags("Param1", LINECALLSTATE, cardinality="one", note="new call state")
    privilege: int = field.flags(
        "Param2", LINECALLPRIVILEGE, cardinality="one", note="client privilege; documented as OWNER"
    )
    media_mode: int = field.flags("Param3", LINEMEDIAMODE, cardinality="one-or-more", note="media type")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)


class LINE_CLOSE(Event, msg=0x3, section="2.2.4.2.1.9"):
    """The server closed the line; its call handles are invalid."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)
    param1: int = field.number("Param1")
    param2: int = field.number("Param2")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")


class LINE_CREATE(Event, msg=0x13, section="2.2.4.2.1.10"):
    """A line device was added."""

    post_process: int = field.number("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice")
    device_id: int = field.number("Param1", note="device id of the new line")
    param2: int = field.number("Param2")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")


class LINE_CREATEDIALOGINSTANCE(Event, msg=0x1F7, section="2.2.4.2.1.11"):
    """A provider requests a dialog on the client."""

    post_process: int = field.number("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice", note="call or device handle the event belongs to")
    fixed_size: int = field.number("Param1", note="size of the ASYNCEVENTMSG fixed part (40)")
    size: int | None = field.size("Param2", note="size of VarData")
    offset: int = field.number("Param3", note="offset of VarData")
    param4: int = field.number("Param4")
    text: str | None = field.tail("VarData", text=True, size="Param2")


class LINE_DEVSPECIFIC(Event, msg=0x4, section="2.2.4.2.1.12"):
    """A device-specific event of a line, address or call."""

    post_process: int = field.number("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice", note="hCall if the event is about a call, else hRemoteLine")
    param1: int = field.number("Param1", note="device specific")
    param2: int = field.number("Param2", note="device specific")
    param3: int = field.number("Param3", note="device specific")
    remote_line: int = field.number("Param4", note="hRemoteLine when hDevice is a call, else 0")


class LINE_DEVSPECIFICFEATURE(Event, msg=0x5, section="2.2.4.2.1.13"):
    """A device-specific event of a switch feature."""

    post_process: int = field.number("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice", note="hCall if the event is about a call, else hRemoteLine")
    param1: int = field.number("Param1", note="device specific")
    param2: int = field.number("Param2", note="device specific")
    param3: int = field.number("Param3", note="device specific")
    remote_line: int = field.number("Param4", note="hRemoteLine when hDevice is a call, else 0")


class LINE_GATHERDIGITS(Event, msg=0x6, section="2.2.4.2.1.14"):
    """Gathering of digits ended."""

    context: int = field.context("lpContext")
    device_handle: int = field.number("hDevice", note="call or device handle the event belongs to")
    reason: int = field.flags("Param1", LINEGATHERTERM, cardinality="one", note="why gathering ended")
    digits_context: int = field.context("lpsDigitsContext")
    tick_count: int = field.number("Param3", note="tick count at completion; unused below 2.0")
    num_digits: int | None = field.size("dwNumDigits", note="count of UTF-16 digits in VarData")
    end_to_end_id: int = field.number("dwEndToEndID", note="id given in the request")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)
    digits: str | None = field.tail("VarData", text=True, count="dwNumDigits")


class LINE_GENERATE(Event, msg=0x7, section="2.2.4.2.1.15"):
    """Generation of digits or of a tone ended."""

    post_process: int = field.number("fnPostProcessProcHandle")
    call: int = field.handle("hCall", HandleType.HCALL)
    reason: int = field.flags("Param1", LINEGENERATETERM, cardinality="one", note="why generation ended")
    end_to_end_id: int = field.number("Param2", note="dwEndToEndID of the request")
    tick_count: int = field.number("Param3", note="tick count at completion; unused below 2.0")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)


class LINE_GROUPSTATUS(Event, msg=0x1E, section="2.2.4.2.1.16"):
    """The ACD groups changed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)
    param1: int = field.number("Param1")
    changes: int = field.number("Param2")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")


class LINE_LINEDEVSTATE(Event, msg=0x8, section="2.2.4.2.1.17"):
    """The status of a line device changed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)
    device_states: int = field.flags("Param1", LINEDEVSTATE, cardinality="one-or-more")
    param2: int = field.number(
        "Param2",
        note="RINGING: ring mode 1..dwNumRingModes; REINIT: LINE_CREATE, LINE_LINEDEVSTATE or 0 (then client must ShutDown)",
    )
    param3: int = field.number("Param3", note="RINGING: ring count from 0; REINIT: a LINEDEVSTATE value")
    param4: int = field.number("Param4")


class LINE_MONITORDIGITS(Event, msg=0x9, section="2.2.4.2.1.18"):
    """A digit was detected."""

    post_process: int = field.number("fnPostProcessProcHandle")
    call: int = field.handle("hCall", HandleType.HCALL)
    digit: int = field.number("Param1", note="low byte is the digit character")
    digit_mode: int = field.flags("Param2", LINEDIGITMODE, cardinality="one", note="digit mode seen")
    tick_count: int = field.number("Param3", note="tick count in ms; unused below 2.0")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)


class LINE_MONITORMEDIA(Event, msg=0xA, section="2.2.4.2.1.19"):
    """A media type was detected."""

    post_process: int = field.number("fnPostProcessProcHandle")
    call: int = field.handle("hCall", HandleType.HCALL)
    media_mode: int = field.flags("Param1", LINEMEDIAMODE, cardinality="one", note="new media type")
    param2: int = field.number("Param2")
    tick_count: int = field.number("Param3", note="tick count; unused below 2.0")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)


class LINE_MONITORTONE(Event, msg=0xB, section="2.2.4.2.1.20"):
    """A tone was detected."""

    post_process: int = field.number("fnPostProcessProcHandle")
    call: int = field.handle("hCall", HandleType.HCALL)
    app_specific: int = field.number("Param1", note="dwAppSpecific of the detected LINEMONITORTONE")
    param2: int = field.number("Param2")
    tick_count: int = field.number("Param3", note="tick count; unused below 2.0")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)


class LINE_PROXYREQUEST(Event, msg=0x18, section="2.2.4.2.1.21"):
    """A request for this client's proxy handler."""

    post_process: int = field.number("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice", note="call or device handle the event belongs to")
    param1: int = field.number("Param1")
    param2: int = field.number("Param2")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")
    request: LINEPROXYREQUEST | None = field.tail("Vardata", LINEPROXYREQUEST)


class LINE_PROXYSTATUS(Event, msg=0x1F, section="2.2.4.2.1.22"):
    """The available proxy handlers changed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)
    changes: int = field.flags("Param1", LINEPROXYSTATUS, cardinality="one-or-more")
    request_type: int = field.flags(
        "Param2", PROXYREQUEST_TYPES, cardinality="one-or-zero", note="OPEN/CLOSE: the proxy request type, else 0"
    )
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")


class LINE_QUEUESTATUS(Event, msg=0x1C, section="2.2.4.2.1.23"):
    """An ACD queue changed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_line: int = field.handle("hRemoteLine", HandleType.HLINE)
    queue_id: int = field.number("Param1", note="queue id")
    changes: int = field.flags("Param2", LINEQUEUESTATUS, cardinality="one-or-more")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")


class LINE_REMOVE(Event, msg=0x19, section="2.2.4.2.1.24"):
    """A line device was permanently removed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice")
    device_id: int = field.number("Param1", note="device id of the removed line")
    param2: int = field.number("Param2")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")


class LINE_REPLY(Reply, msg=0xC, section="2.2.4.2.1.25"):
    """The result of an asynchronous line request."""

    context: int = field.context("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice", note="call or device handle the event belongs to")
    request_id: int = field.number("dwRemoteRequestID", note="request id")
    result: int = field.number("dwParam2", note="0 success, negative LINEERR on failure")
    reserved1: int = field.number("Reserved1")
    reserved2: int = field.number("Reserved2")


class PHONE_BUTTON(Event, msg=0xE, section="2.2.4.2.1.26", device="phone"):
    """A button was pressed or released."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_phone: int = field.handle("hRemotePhone", HandleType.HPHONE)
    button_lamp_id: int = field.number("Param1", note="button/lamp id")
    button_mode: int = field.flags("Param2", PHONEBUTTONMODE, cardinality="one", note="button mode")
    button_state: int = field.flags("Param3", PHONEBUTTONSTATE, cardinality="one", note="down or up")
    param4: int = field.number("Param4")


class PHONE_CLOSE(Event, msg=0xF, section="2.2.4.2.1.27", device="phone"):
    """The server closed the phone."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_phone: int = field.handle("hRemotePhone", HandleType.HPHONE)
    param1: int = field.number("Param1")
    param2: int = field.number("Param2")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")


class PHONE_CREATE(Event, msg=0x14, section="2.2.4.2.1.28", device="phone"):
    """A phone was added."""

    post_process: int = field.number("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice")
    device_id: int = field.number("Param1", note="device id of the new phone")
    param2: int = field.number("Param2")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")


class PHONE_DEVSPECIFIC(Event, msg=0x10, section="2.2.4.2.1.29", device="phone"):
    """A device-specific event of a phone."""

    post_process: int = field.number("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice", note="hCall if the event is about a call, else hRemotePhone")
    param1: int = field.number("Param1", note="device specific")
    param2: int = field.number("Param2", note="device specific")
    param3: int = field.number("Param3", note="device specific")
    remote_phone: int = field.number("Param4", note="hRemotePhone when hDevice is a call, else 0")


class PHONE_REMOVE(Event, msg=0x1A, section="2.2.4.2.1.30", device="phone"):
    """A phone was permanently removed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice")
    device_id: int = field.number("Param1", note="device id of the removed phone")
    param2: int = field.number("Param2")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")


class PHONE_REPLY(Reply, msg=0x11, section="2.2.4.2.1.31", device="phone"):
    """The result of an asynchronous phone request."""

    context: int = field.context("fnPostProcessProcHandle")
    device_handle: int = field.number("hDevice", note="call or device handle the event belongs to")
    request_id: int = field.number("dwRemoteRequestID", note="request id")
    result: int = field.number("Param2", note="0 success, negative PHONEERR on failure")
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")


class PHONE_STATE(Event, msg=0x12, section="2.2.4.2.1.32", device="phone"):
    """The status of a phone changed."""

    post_process: int = field.number("fnPostProcessProcHandle")
    remote_phone: int = field.handle("hRemotePhone", HandleType.HPHONE)
    phone_states: int = field.flags("Param1", PHONESTATE, cardinality="one")
    param2: int = field.number(
        "Param2",
        note="depends on Param1: OWNER/MONITORS new count, LAMP lamp id, RINGMODE mode, *HOOKSWITCH PHONEHOOKSWITCHMODE; unused if several bits",
    )
    param3: int = field.number("Param3")
    param4: int = field.number("Param4")

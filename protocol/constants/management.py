"""Tables for server management and event filters, from packet and structure descriptions (2.2.4.1.8.3, 2.2.6)."""

from protocol.tables import Choice, Flags, value

__all__ = [
    "AVAILABLEPROVIDER_OPTIONS",
    "EM",
    "OBJTYPE",
    "TAPISERVERCONFIGFLAGS",
]


class EM(
    Flags,
    section="2.2.4.1.8.3",
    table="EM_EventMasks",
    remark=(
        "EM_ALL is the OR of all bits and EM_NUM_MASKS is a count (31), neither is a single event bit; "
        "0x00400000 and 0x00800000 are unassigned; no mask exists for LINE_REPLY, PHONE_REPLY, "
        "monitor/generate/gather events or LINE_CREATEDIALOGINSTANCE"
    ),
):
    """Events that a client can filter with RSPSetEventFilterMasks."""

    LINE_ADDRESSSTATE = 0x1
    LINE_LINEDEVSTATE = 0x2
    LINE_CALLINFO = 0x4
    LINE_CALLSTATE = 0x8
    LINE_APPNEWCALL = 0x00000010
    LINE_CREATE = 0x00000020
    LINE_REMOVE = 0x00000040
    LINE_CLOSE = 0x00000080
    LINE_PROXYREQUEST = 0x00000100
    LINE_DEVSPECIFIC = 0x00000200
    LINE_DEVSPECIFICFEATURE = 0x00000400
    LINE_AGENTSTATUS = 0x00000800
    LINE_AGENTSTATUSEX = 0x00001000
    LINE_AGENTSPECIFIC = 0x00002000
    LINE_AGENTSESSIONSTATUS = 0x00004000
    LINE_QUEUESTATUS = 0x00008000
    LINE_GROUPSTATUS = 0x00010000
    LINE_PROXYSTATUS = 0x00020000
    LINE_APPNEWCALLHUB = value(0x00040000, note="no such event packet in 2.2.4.2.1")
    LINE_CALLHUBCLOSE = value(0x00080000, note="no such event packet in 2.2.4.2.1")
    LINE_DEVSPECIFICEX = value(0x00100000, note="no such event packet in 2.2.4.2.1")
    LINE_QOSINFO = value(0x00200000, note="no such event packet in 2.2.4.2.1")
    PHONE_CREATE = 0x01000000
    PHONE_REMOVE = 0x02000000
    PHONE_CLOSE = 0x04000000
    PHONE_STATE = 0x08000000
    PHONE_DEVSPECIFIC = 0x10000000
    PHONE_BUTTONMODE = 0x20000000
    PHONE_BUTTONSTATE = 0x40000000
    ALL = value(0x7FFFFFFF, note="every bit")
    NUM_MASKS = value(0x0000001F, note="a count, not a mask")


class OBJTYPE(
    Choice,
    section="2.2.4.1.8.3",
    table="RSP_ObjectType",
    remark="the spec lists bare numbers; the symbolic names here are ours",
):
    """Types of objects that have an event filter."""

    NONE = 0
    HLINEAPP = 1
    HLINE = 2
    HCALL = 3
    HPHONEAPP = 4
    HPHONE = 5


class AVAILABLEPROVIDER_OPTIONS(
    Flags,
    section="2.2.6.1",
    table="AVAILABLEPROVIDER_Options",
    prefix="AVAILABLEPROVIDER_",
):
    """Operations available for a service provider."""

    INSTALLABLE = 0x1
    CONFIGURABLE = 0x2
    REMOVABLE = 0x4


class TAPISERVERCONFIGFLAGS(
    Flags,
    section="2.2.6.5",
    table="TAPISERVERCONFIGFLAGS",
    remark="bit 0x00000010 is not assigned",
):
    """Valid members of a TAPISERVERCONFIG."""

    ISSERVER = 0x1
    ENABLESERVER = 0x2
    SETACCOUNT = 0x4
    SETTAPIADMINISTRATORS = 0x8
    LOCKMMCWRITE = 0x00000020
    UNLOCKMMCWRITE = 0x00000040

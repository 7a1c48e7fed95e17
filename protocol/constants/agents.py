"""Tables of agents, queues and proxy handlers (2.2.3.1.7 to 2.2.3.1.13, 2.2.3.1.48 to 2.2.3.1.50)."""

from protocol.tables import Choice, Flags, value

__all__ = [
    "LINEAGENTFEATURE",
    "LINEAGENTSESSIONSTATE",
    "LINEAGENTSESSIONSTATUS",
    "LINEAGENTSTATE",
    "LINEAGENTSTATEEX",
    "LINEAGENTSTATUS",
    "LINEAGENTSTATUSEX",
    "LINEPROXYREQUEST",
    "LINEPROXYSTATUS",
    "LINEQUEUESTATUS",
]


class LINEAGENTFEATURE(Flags, section="2.2.3.1.7"):
    """Agent operations that can be invoked on an address."""

    SETAGENTGROUP = value(0x1, since="2.0")
    SETAGENTSTATE = value(0x2, since="2.0")
    SETAGENTACTIVITY = value(0x4, since="2.0")
    AGENTSPECIFIC = value(0x8, since="2.0")
    GETAGENTACTIVITYLIST = value(0x00000010, since="2.0")
    GETAGENTGROUP = value(0x00000020, since="2.0")


class LINEAGENTSESSIONSTATE(Flags, section="2.2.3.1.8"):
    """States of an agent session."""

    NOTREADY = value(0x1, since="2.2")
    READY = value(0x2, since="2.2")
    BUSYONCALL = value(0x4, since="2.2")
    BUSYWRAPUP = value(0x8, since="2.2")
    ENDED = value(0x00000010, since="2.2")
    RELEASED = value(0x00000020, since="2.2")


class LINEAGENTSESSIONSTATUS(Flags, section="2.2.3.1.9"):
    """Changed items of an agent session."""

    NEWSESSION = value(0x1, since="2.2")
    STATE = value(0x2, since="2.2")
    UPDATEINFO = value(0x4, since="2.2")


class LINEAGENTSTATE(Flags, section="2.2.3.1.10"):
    """States of an agent logged on at an address."""

    LOGGEDOFF = value(0x1, since="2.0")
    NOTREADY = value(0x2, since="2.0")
    READY = value(0x4, since="2.0")
    BUSYACD = value(0x8, since="2.0")
    BUSYINCOMING = value(0x00000010, since="2.0")
    BUSYOUTBOUND = value(0x00000020, since="2.0")
    BUSYOTHER = value(0x00000040, since="2.0")
    WORKINGAFTERCALL = value(0x00000080, since="2.0")
    UNKNOWN = value(0x00000100, since="2.0")
    UNAVAIL = value(0x00000200, since="2.0", note="permanently unknown; dwState 0 means the same")


class LINEAGENTSTATEEX(Flags, section="2.2.3.1.11"):
    """States of an agent identified by handle."""

    NOTREADY = value(0x1, since="2.2")
    READY = value(0x2, since="2.2")
    BUSYACD = value(0x4, since="2.2")
    BUSYINCOMING = value(0x8, since="2.2")
    BUSYOUTGOING = value(0x00000010, since="2.2")
    UNKNOWN = value(0x00000020, since="2.2")
    RELEASED = value(0x00000040, since="2.2")


class LINEAGENTSTATUS(Flags, section="2.2.3.1.12"):
    """Changed items of the agent status of an address."""

    GROUP = value(0x1, since="2.0")
    STATE = value(0x2, since="2.0")
    NEXTSTATE = value(0x4, since="2.0")
    ACTIVITY = value(0x8, since="2.0")
    ACTIVITYLIST = value(0x00000010, since="2.0")
    GROUPLIST = value(0x00000020, since="2.0")
    CAPSCHANGE = value(0x00000040, since="2.0")
    VALIDSTATES = value(0x00000080, since="2.0")
    VALIDNEXTSTATES = value(0x00000100, since="2.0")


class LINEAGENTSTATUSEX(Flags, section="2.2.3.1.13"):
    """Changed items of an agent identified by handle."""

    NEWAGENT = value(0x1, since="2.2")
    STATE = value(0x2, since="2.2")
    UPDATEINFO = value(0x4, since="2.2")


class LINEPROXYREQUEST(
    Choice,
    section="2.2.3.1.48",
    remark=(
        "used (a) as a DWORD array carried by LINECALLPARAMS on Open with PROXY (member not named; "
        "public SDK docs use DevSpecific), (b) as LINEPROXYREQUEST.dwRequestType"
    ),
):
    """Request types that a proxy handler can support."""

    SETAGENTGROUP = 1
    SETAGENTSTATE = 2
    SETAGENTACTIVITY = 3
    GETAGENTCAPS = 4
    GETAGENTSTATUS = 5
    AGENTSPECIFIC = 6
    GETAGENTACTIVITYLIST = 7
    GETAGENTGROUPLIST = 8
    CREATEAGENT = value(9, since="2.2")
    SETAGENTMEASUREMENTPERIOD = value(10, since="2.2")
    GETAGENTINFO = value(11, since="2.2")
    CREATEAGENTSESSION = value(12, since="2.2")
    GETAGENTSESSIONLIST = value(13, since="2.2")
    SETAGENTSESSIONSTATE = value(14, since="2.2")
    GETAGENTSESSIONINFO = value(15, since="2.2")
    GETQUEUELIST = value(16, since="2.2")
    SETQUEUEMEASUREMENTPERIOD = value(17, since="2.2")
    GETQUEUEINFO = value(18, since="2.2")
    GETGROUPLIST = value(19, since="2.2")
    SETAGENTSTATEEX = value(20, since="2.2")


class LINEPROXYSTATUS(Flags, section="2.2.3.1.49", remark="no version sentence"):
    """Changes of the available proxy handlers."""

    OPEN = 0x1
    CLOSE = 0x2
    ALLOPENFORACD = value(0x4, note="proxies now open for every request type ACD needs")


class LINEQUEUESTATUS(Flags, section="2.2.3.1.50"):
    """Changed items of an ACD queue."""

    UPDATEINFO = 0x1
    NEWQUEUE = 0x2
    QUEUEREMOVED = 0x4

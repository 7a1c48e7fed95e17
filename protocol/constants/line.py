"""Tables of lines, addresses and terminals (2.2.3.1)."""

from protocol.tables import Flags, value

__all__ = [
    "LINEADDRCAPFLAGS",
    "LINEADDRESSMODE",
    "LINEADDRESSSHARING",
    "LINEADDRESSSTATE",
    "LINEADDRESSTYPE",
    "LINEADDRFEATURE",
    "LINEANSWERMODE",
    "LINEBEARERMODE",
    "LINEDEVCAPFLAGS",
    "LINEDEVSTATE",
    "LINEDEVSTATUSFLAGS",
    "LINEDIGITMODE",
    "LINEFEATURE",
    "LINEMEDIACONTROL",
    "LINEMEDIAMODE",
    "LINEOPENOPTION",
    "LINEROAMMODE",
    "LINETERMDEV",
    "LINETERMMODE",
    "LINETERMSHARING",
    "LINETONEMODE",
]


class LINEADDRCAPFLAGS(Flags, section="2.2.3.1.1"):
    """Capabilities of an address (LINEADDRESSCAPS.dwAddrCapFlags)."""

    FWDNUMRINGS = 0x1
    PICKUPGROUPID = 0x2
    SECURE = 0x4
    BLOCKIDDEFAULT = 0x8
    BLOCKIDOVERRIDE = 0x00000010
    DIALED = 0x00000020
    ORIGOFFHOOK = 0x00000040
    DESTOFFHOOK = 0x00000080
    FWDCONSULT = 0x00000100
    SETUPCONFNULL = value(0x00000200, note="clear: SetUpConference needs an initial call; set: starts without one")
    AUTORECONNECT = value(0x00000400, note="set: dropping a consultation call reconnects the held call")
    COMPLETIONID = value(0x00000800, note="completion ids from CompleteCall are unique and usable")
    TRANSFERHELD = 0x00001000
    TRANSFERMAKE = 0x00002000
    CONFERENCEHELD = 0x00004000
    CONFERENCEMAKE = 0x00008000
    PARTIALDIAL = 0x00010000
    FWDSTATUSVALID = 0x00020000
    FWDINTEXTADDR = 0x00040000
    FWDBUSYNAADDR = 0x00080000
    ACCEPTTOALERT = value(0x00100000, note="offering call must be Accepted before it alerts")
    CONFDROP = value(0x00200000, note="set: dropping the conference parent also drops the members")
    PICKUPCALLWAIT = 0x00400000
    PREDICTIVEDIALER = value(0x00800000, since="2.0")
    QUEUE = value(0x01000000, since="2.0")
    ROUTEPOINT = value(0x02000000, since="2.0")
    HOLDMAKESNEW = value(0x04000000, since="2.0", note="holding a call creates a new one automatically")
    NOINTERNALCALLS = value(0x08000000, since="2.0")
    NOEXTERNALCALLS = value(0x10000000, since="2.0")
    SETCALLINGID = value(0x20000000, since="2.0")
    ACDGROUP = value(0x40000000, since="2.2")
    NOPSTNADDRESSTRANSLATION = value(0x80000000, since="3.0")


class LINEADDRESSMODE(Flags, section="2.2.3.1.2"):
    """Ways to specify an address."""

    ADDRESSID = value(0x1, note="address chosen by its index 0..dwNumAddresses-1")
    DIALABLEADDR = value(0x2, note="address chosen by phone number")


class LINEADDRESSSHARING(Flags, section="2.2.3.1.3"):
    """Kinds of sharing of an address between lines and stations."""

    PRIVATE = 0x1
    BRIDGEDEXCL = 0x2
    BRIDGEDNEW = 0x4
    BRIDGEDSHARED = 0x8
    MONITORED = 0x00000010


class LINEADDRESSSTATE(Flags, section="2.2.3.1.4"):
    """Changed items of an address status."""

    OTHER = 0x1
    DEVSPECIFIC = 0x2
    INUSEZERO = 0x4
    INUSEONE = 0x8
    INUSEMANY = 0x00000010
    NUMCALLS = 0x00000020
    FORWARD = 0x00000040
    TERMINALS = 0x00000080
    CAPSCHANGE = value(
        0x00000100,
        since="1.4",
        note="some LINEADDRESSCAPS members changed; re-read with GetAddressCaps",
    )


class LINEADDRESSTYPE(Flags, section="2.2.3.1.5", remark="usable only by sessions that negotiated 3.0 or 3.1"):
    """Types of addresses (phone number, SIP, name, ...)."""

    PHONENUMBER = 0x1
    SDP = 0x2
    EMAILNAME = 0x4
    DOMAINNAME = 0x8
    IPADDRESS = 0x00000010


class LINEADDRFEATURE(Flags, section="2.2.3.1.6"):
    """Operations currently available on an address."""

    FORWARD = 0x1
    MAKECALL = 0x2
    PICKUP = 0x4
    SETMEDIACONTROL = 0x8
    SETTERMINAL = 0x00000010
    SETUPCONF = 0x00000020
    UNCOMPLETECALL = 0x00000040
    UNPARK = 0x00000080
    PICKUPHELD = value(0x00000100, since="2.2")
    PICKUPGROUP = value(0x00000200, since="2.2")
    PICKUPDIRECT = value(0x00000400, since="2.2")
    PICKUPWAITING = value(0x00000800, since="2.2")
    FORWARDFWD = value(0x00001000, since="2.2")
    FORWARDDND = value(0x00002000, since="2.2")


class LINEANSWERMODE(Flags, section="2.2.3.1.14", remark="no extension bits"):
    """Effects of answering a call on the other active calls of the line."""

    NONE = 0x1
    DROP = 0x2
    HOLD = 0x4


class LINEBEARERMODE(
    Flags, section="2.2.3.1.15", remark="upper 16 bits device specific, lower 16 reserved", reserved=0xFFFF0000
):
    """Bearer modes: the requested quality of service of the network."""

    VOICE = 0x1
    SPEECH = 0x2
    MULTIUSE = 0x4
    DATA = 0x8
    ALTSPEECHDATA = 0x00000010
    NONCALLSIGNALING = 0x00000020
    PASSTHROUGH = value(0x00000040, since="1.4", note="direct access to the attached hardware")
    RESTRICTEDDATA = value(0x00000080, since="2.0")


class LINEDEVCAPFLAGS(Flags, section="2.2.3.1.32"):
    """Capabilities of a line device (LINEDEVCAPS.dwDevCapFlags)."""

    CROSSADDRCONF = 0x1
    HIGHLEVCOMP = 0x2
    LOWLEVCOMP = 0x4
    MEDIACONTROL = 0x8
    MULTIPLEADDR = 0x00000010
    CLOSEDROP = value(0x00000020, note="set: provider drops calls when the last opener closes the line")
    DIALBILLING = 0x00000040
    DIALQUIET = 0x00000080
    DIALDIALTONE = 0x00000100
    MSP = value(0x00000200, since="3.0", note="from the SDK headers, not in the table")
    CALLHUB = value(0x00000400, since="3.0")
    CALLHUBTRACKING = value(0x00000800, since="3.0")
    PRIVATEOBJECTS = value(0x00001000, since="3.0")
    LOCAL = value(0x00002000, since="3.0", note="device is not exposed through this protocol")


class LINEDEVSTATE(Flags, section="2.2.3.1.33"):
    """Changed items of a line device status."""

    OTHER = 0x1
    RINGING = 0x2
    CONNECTED = 0x4
    DISCONNECTED = 0x8
    MSGWAITON = 0x00000010
    MSGWAITOFF = 0x00000020
    INSERVICE = 0x00000040
    OUTOFSERVICE = 0x00000080
    MAINTENANCE = 0x00000100
    OPEN = 0x00000200
    CLOSE = 0x00000400
    NUMCALLS = 0x00000800
    NUMCOMPLETIONS = 0x00001000
    TERMINALS = 0x00002000
    ROAMMODE = 0x00004000
    BATTERY = 0x00008000
    SIGNAL = 0x00010000
    DEVSPECIFIC = 0x00020000
    REINIT = value(0x00040000, note="client should shut down and re-initialise")
    LOCK = 0x00080000
    CAPSCHANGE = value(0x00100000, since="1.4")
    CONFIGCHANGE = value(0x00200000, since="1.4")
    TRANSLATECHANGE = value(0x00400000, since="1.4", note="from the SDK headers, not in the table")
    COMPLCANCEL = value(0x00800000, since="1.4", note="Param2 carries the cancelled completion id")
    REMOVED = value(0x01000000, since="1.4", note="usually followed at once by LINE_CLOSE")


class LINEDEVSTATUSFLAGS(Flags, section="2.2.3.1.34"):
    """Status of a line device."""

    CONNECTED = 0x1
    MSGWAIT = 0x2
    INSERVICE = 0x4
    LOCKED = 0x8


class LINEDIGITMODE(Flags, section="2.2.3.1.36"):
    """Modes of digit signalling."""

    PULSE = 0x1
    DTMF = 0x2
    DTMFEND = 0x4


class LINEFEATURE(Flags, section="2.2.3.1.39"):
    """Operations currently available on a line."""

    DEVSPECIFIC = 0x1
    DEVSPECIFICFEAT = 0x2
    FORWARD = 0x4
    MAKECALL = 0x8
    SETMEDIACONTROL = 0x00000010
    SETTERMINAL = 0x00000020
    SETDEVSTATUS = value(0x00000040, since="2.0")
    FORWARDFWD = value(0x00000080, since="2.0")
    FORWARDDND = value(0x00000100, since="2.0")


class LINEMEDIACONTROL(Flags, section="2.2.3.1.43"):
    """Actions on a media stream when a condition is met."""

    NONE = 0x1
    START = 0x2
    RESET = 0x4
    PAUSE = 0x8
    RESUME = 0x00000010
    RATEUP = 0x00000020
    RATEDOWN = 0x00000040
    RATENORMAL = 0x00000080
    VOLUMEUP = 0x00000100
    VOLUMEDOWN = 0x00000200
    VOLUMENORMAL = 0x00000400


class LINEMEDIAMODE(Flags, section="2.2.3.1.44", remark="bit 0x00000001 is not assigned", reserved=0xFF000001):
    """Media types of calls."""

    UNKNOWN = value(0x2, note="may be combined with other bits to narrow the type")
    INTERACTIVEVOICE = 0x4
    AUTOMATEDVOICE = 0x8
    DATAMODEM = 0x00000010
    G3FAX = 0x00000020
    TDD = 0x00000040
    G4FAX = 0x00000080
    DIGITALDATA = 0x00000100
    TELETEX = 0x00000200
    VIDEOTEX = 0x00000400
    TELEX = 0x00000800
    MIXED = 0x00001000
    ADSI = 0x00002000
    VOICEVIEW = value(0x00004000, since="1.4")
    VIDEO = value(0x00008000, since="2.1")


class LINEOPENOPTION(
    Flags,
    section="2.2.3.1.46",
    remark="top bits of the Open dwPrivileges DWORD, ORed with LINECALLPRIVILEGE bits",
):
    """Options in the high bits of Open.dwPrivileges."""

    SINGLEADDRESS = value(0x80000000, note="new-call events only for LINECALLPARAMS.dwAddressID")
    PROXY = value(0x40000000, note="opener becomes a proxy function handler")


class LINEROAMMODE(Flags, section="2.2.3.1.52"):
    """Roaming status of a line."""

    UNKNOWN = 0x1
    UNAVAIL = 0x2
    HOME = 0x4
    ROAMA = 0x8
    ROAMB = 0x00000010


class LINETERMDEV(Flags, section="2.2.3.1.54"):
    """Kinds of terminal."""

    PHONE = 0x1
    HEADSET = 0x2
    SPEAKER = 0x4


class LINETERMMODE(Flags, section="2.2.3.1.55"):
    """Low-level events routed to a terminal."""

    BUTTONS = 0x1
    LAMPS = 0x2
    DISPLAY = 0x4
    RINGER = 0x8
    HOOKSWITCH = 0x00000010
    MEDIATOLINE = 0x00000020
    MEDIAFROMLINE = 0x00000040
    MEDIABIDIRECT = value(0x00000080, note="when both directions cannot be routed separately")


class LINETERMSHARING(Flags, section="2.2.3.1.56"):
    """Kinds of sharing of a terminal between lines."""

    PRIVATE = 0x1
    SHAREDEXCL = 0x2
    SHAREDCONF = 0x4


class LINETONEMODE(
    Flags, section="2.2.3.1.57", remark="upper 16 bits device specific, lower 16 reserved", reserved=0xFFFF0000
):
    """Tones that can be generated."""

    CUSTOM = 0x1
    RINGBACK = 0x2
    BUSY = 0x4
    BEEP = 0x8
    BILLING = 0x00000010

"""Tables of calls: states, modes, features, privileges (2.2.3.1)."""

from protocol.tables import Choice, Flags, value

__all__ = [
    "LINEBUSYMODE",
    "LINECALLCOMPLCOND",
    "LINECALLCOMPLMODE",
    "LINECALLFEATURE",
    "LINECALLFEATURE2",
    "LINECALLHUBTRACKING",
    "LINECALLINFOSTATE",
    "LINECALLORIGIN",
    "LINECALLPARAMFLAGS",
    "LINECALLPARTYID",
    "LINECALLPRIVILEGE",
    "LINECALLREASON",
    "LINECALLSELECT",
    "LINECALLSTATE",
    "LINECALLTREATMENT",
    "LINECONNECTEDMODE",
    "LINEDIALTONEMODE",
    "LINEDISCONNECTMODE",
    "LINEFORWARDMODE",
    "LINEGATHERTERM",
    "LINEGENERATETERM",
    "LINEOFFERINGMODE",
    "LINEPARKMODE",
    "LINEREMOVEFROMCONF",
    "LINESPECIALINFO",
    "LINETRANSFERMODE",
]


class LINEBUSYMODE(Flags, section="2.2.3.1.16"):
    """Kinds of busy signal; the mode of state BUSY."""

    STATION = 0x1
    TRUNK = 0x2
    UNKNOWN = 0x4
    UNAVAIL = 0x8


class LINECALLCOMPLCOND(Flags, section="2.2.3.1.17"):
    """Conditions under which a call can be completed later."""

    BUSY = 0x1
    NOANSWER = 0x2


class LINECALLCOMPLMODE(Flags, section="2.2.3.1.18"):
    """Ways to complete a call that cannot be completed normally."""

    CAMPON = 0x1
    CALLBACK = value(0x2, note="called station calls back when idle")
    INTRUDE = 0x4
    MESSAGE = value(0x8, note="leaves a predefined message chosen by dwMessageID")


class LINECALLFEATURE(Flags, section="2.2.3.1.19"):
    """Operations currently available on a call."""

    ACCEPT = 0x1
    ADDTOCONF = 0x2
    ANSWER = 0x4
    BLINDTRANSFER = 0x8
    COMPLETECALL = 0x00000010
    COMPLETETRANSF = 0x00000020
    DIAL = 0x00000040
    DROP = 0x00000080
    GATHERDIGITS = 0x00000100
    GENERATEDIGITS = 0x00000200
    GENERATETONE = 0x00000400
    HOLD = 0x00000800
    MONITORDIGITS = 0x00001000
    MONITORMEDIA = 0x00002000
    MONITORTONES = 0x00004000
    PARK = 0x00008000
    PREPAREADDCONF = 0x00010000
    REDIRECT = 0x00020000
    REMOVEFROMCONF = 0x00040000
    SECURECALL = 0x00080000
    SENDUSERUSER = 0x00100000
    SETCALLPARAMS = 0x00200000
    SETMEDIACONTROL = 0x00400000
    SETTERMINAL = 0x00800000
    SETUPCONF = 0x01000000
    SETUPTRANSFER = 0x02000000
    SWAPHOLD = 0x04000000
    UNHOLD = 0x08000000
    RELEASEUSERUSERINFO = value(0x10000000, since="1.4")
    SETTREATMENT = value(0x20000000, since="2.0")
    SETQOS = value(0x40000000, since="2.0")
    SETCALLDATA = value(0x80000000, since="2.0")


class LINECALLFEATURE2(Flags, section="2.2.3.1.20"):
    """Further operations currently available on a call (since 2.0)."""

    NOHOLDCONFERENCE = value(0x1, since="2.0")
    ONESTEPTRANSFER = value(0x2, since="2.0")
    COMPLCAMPON = value(0x4, since="2.0")
    COMPLCALLBACK = value(0x8, since="2.0")
    COMPLINTRUDE = value(0x00000010, since="2.0")
    COMPLMESSAGE = value(0x00000020, since="2.0")
    TRANSFERNORM = value(0x00000040, since="2.0")
    TRANSFERCONF = value(0x00000080, since="2.0")
    PARKDIRECT = value(0x00000100, since="2.0")
    PARKNONDIRECT = value(0x00000200, since="2.0")


class LINECALLHUBTRACKING(
    Flags,
    section="2.2.3.1.21",
    remark="value 0 (NONE) is a legal member although described as bit flags; no extension bits",
):
    """Extents of call hub tracking."""

    NONE = value(0x0, since="3.0", note="zero value")
    PROVIDERLEVEL = value(0x1, since="3.0")
    ALLCALLS = value(0x2, since="3.0")


class LINECALLINFOSTATE(Flags, section="2.2.3.1.22"):
    """Changed items of the call information."""

    OTHER = 0x1
    DEVSPECIFIC = 0x2
    BEARERMODE = 0x4
    RATE = 0x8
    MEDIAMODE = 0x00000010
    APPSPECIFIC = 0x00000020
    CALLID = 0x00000040
    RELATEDCALLID = 0x00000080
    ORIGIN = 0x00000100
    REASON = 0x00000200
    COMPLETIONID = 0x00000400
    NUMOWNERINCR = 0x00000800
    NUMOWNERDECR = 0x00001000
    NUMMONITORS = 0x00002000
    TRUNK = 0x00004000
    CALLERID = 0x00008000
    CALLEDID = 0x00010000
    CONNECTEDID = 0x00020000
    REDIRECTIONID = 0x00040000
    REDIRECTINGID = 0x00080000
    DISPLAY = 0x00100000
    USERUSERINFO = 0x00200000
    HIGHLEVELCOMP = 0x00400000
    LOWLEVELCOMP = 0x00800000
    CHARGINGINFO = 0x01000000
    TERMINAL = 0x02000000
    DIALPARAMS = 0x04000000
    MONITORMODES = 0x08000000
    TREATMENT = value(0x10000000, since="2.0")
    QOS = value(0x20000000, since="2.0")
    CALLDATA = value(0x40000000, since="2.0")


class LINECALLORIGIN(Flags, section="2.2.3.1.23"):
    """Origins of calls."""

    OUTBOUND = value(0x1, note="printed with 7 hex digits (0x0000001)")
    INTERNAL = 0x2
    EXTERNAL = 0x4
    UNKNOWN = 0x00000010
    UNAVAIL = 0x00000020
    CONFERENCE = 0x00000040
    INBOUND = value(0x00000080, since="1.4")


class LINECALLPARAMFLAGS(Flags, section="2.2.3.1.24"):
    """Options of a new call."""

    SECURE = 0x1
    IDLE = 0x2
    BLOCKID = 0x4
    ORIGOFFHOOK = 0x8
    DESTOFFHOOK = 0x00000010
    NOHOLDCONFERENCE = value(
        0x00000020,
        since="2.0",
        note="only with SetUpConference / PrepareAddToConference; needs TargetAddress",
    )
    PREDICTIVEDIAL = value(0x00000040, since="2.0", note="only on addresses with PREDICTIVEDIALER capability")
    ONESTEPTRANSFER = value(0x00000080, since="2.0", note="only with SetUpTransfer; needs TargetAddress")


class LINECALLPARTYID(Flags, section="2.2.3.1.25"):
    """Availability of information about a party of a call."""

    BLOCKED = 0x1
    OUTOFAREA = 0x2
    NAME = 0x4
    ADDRESS = 0x8
    PARTIAL = 0x00000010
    UNKNOWN = 0x00000020
    UNAVAIL = 0x00000040


class LINECALLPRIVILEGE(Flags, section="2.2.3.1.26"):
    """Privileges of a client for a call, or requested when a line is opened."""

    NONE = value(0x1, note="no rights; the call handle is void")
    MONITOR = value(0x2, note="status and events only")
    OWNER = value(0x4, note="may change the call state")


class LINECALLREASON(Flags, section="2.2.3.1.27"):
    """Reasons for a call."""

    DIRECT = 0x1
    FWDBUSY = 0x2
    FWDNOANSWER = 0x4
    FWDUNCOND = 0x8
    PICKUP = 0x00000010
    UNPARK = 0x00000020
    REDIRECT = 0x00000040
    CALLCOMPLETION = 0x00000080
    TRANSFER = 0x00000100
    REMINDER = 0x00000200
    UNKNOWN = 0x00000400
    UNAVAIL = 0x00000800
    INTRUDE = 0x00001000
    PARKED = value(0x00002000, since="1.4")
    CAMPEDON = value(0x00004000, since="2.0")
    ROUTEREQUEST = value(0x00008000, since="2.0", note="answer with Redirect or Drop")


class LINECALLSELECT(Flags, section="2.2.3.1.28"):
    """Selection of a call, an address, a line or a device."""

    LINE = 0x1
    ADDRESS = 0x2
    CALL = value(0x4, note="related calls, e.g. conference members")
    DEVICEID = value(0x8, since="2.1", note="prefer LINE")
    CALLID = value(0x00000010, since="3.0")


class LINECALLSTATE(
    Flags,
    section="2.2.3.1.29",
    remark="top 8 bits may carry a device-specific substate only together with a predefined bit",
    reserved=0xFF000000,
):
    """The sixteen states of a call; device-specific sub-states may be ORed into the high byte."""

    IDLE = 0x1
    OFFERING = 0x2
    ACCEPTED = 0x4
    DIALTONE = 0x8
    DIALING = 0x00000010
    RINGBACK = 0x00000020
    BUSY = 0x00000040
    SPECIALINFO = 0x00000080
    CONNECTED = 0x00000100
    PROCEEDING = 0x00000200
    ONHOLD = 0x00000400
    CONFERENCED = 0x00000800
    ONHOLDPENDCONF = value(0x00001000, note="prose name onHoldPendingConference")
    ONHOLDPENDTRANSFER = value(0x00002000, note="prose name onHoldPendingTransfer")
    DISCONNECTED = 0x00004000
    UNKNOWN = value(0x00008000, note="state not known; also used to introduce calls to monitors")


class LINECALLTREATMENT(
    Choice,
    section="2.2.3.1.30",
    remark="0 = treatments unsupported; 5..0xFF reserved; 0x100 and above provider defined",
    reserved=0xFFFFFF00,
):
    """Call treatments: what the caller hears while unanswered or held."""

    SILENCE = value(1, since="2.0")
    RINGBACK = value(2, since="2.0")
    BUSY = value(3, since="2.0")
    MUSIC = value(4, since="2.0")


class LINECONNECTEDMODE(Flags, section="2.2.3.1.31"):
    """Kinds of connection; the mode of state CONNECTED."""

    ACTIVE = value(0x1, since="1.4", note="assume this when the mode is 0")
    INACTIVE = value(0x2, since="1.4")
    ACTIVEHELD = value(0x4, since="2.0")
    INACTIVEHELD = value(0x8, since="2.0")
    CONFIRMED = value(0x00000010, since="2.0")


class LINEDIALTONEMODE(Flags, section="2.2.3.1.35"):
    """Kinds of dial tone; the mode of state DIALTONE."""

    NORMAL = 0x1
    SPECIAL = 0x2
    INTERNAL = 0x4
    EXTERNAL = 0x8
    UNKNOWN = 0x00000010
    UNAVAIL = 0x00000020


class LINEDISCONNECTMODE(Flags, section="2.2.3.1.37"):
    """Reasons for a disconnect; the mode of state DISCONNECTED."""

    NORMAL = 0x1
    UNKNOWN = 0x2
    REJECT = 0x4
    PICKUP = 0x8
    FORWARDED = 0x00000010
    BUSY = 0x00000020
    NOANSWER = value(0x00000040, note='documented as "must answer" (meant: did not answer)')
    BADADDRESS = 0x00000080
    UNREACHABLE = value(0x00000100, note='documented as "must be reached" (meant: could not be reached)')
    CONGESTION = 0x00000200
    INCOMPATIBLE = 0x00000400
    UNAVAIL = 0x00000800
    NODIALTONE = value(0x00001000, since="1.4")
    NUMBERCHANGED = value(0x00002000, since="2.0")
    OUTOFORDER = value(0x00004000, since="2.0")
    TEMPFAILURE = value(0x00008000, since="2.0")
    QOSUNAVAIL = value(0x00010000, since="2.0")
    BLOCKED = value(0x00020000, since="2.0")
    DONOTDISTURB = value(0x00040000, since="2.0")
    CANCELLED = value(0x00080000, since="2.0")


class LINEFORWARDMODE(
    Flags,
    section="2.2.3.1.40",
    remark="bits are not orthogonal; unconditional overrides busy / no-answer",
):
    """Types of forwarding, by the calls to which they apply."""

    UNCOND = 0x1
    UNCONDINTERNAL = 0x2
    UNCONDEXTERNAL = 0x4
    UNCONDSPECIFIC = 0x8
    BUSY = 0x00000010
    BUSYINTERNAL = 0x00000020
    BUSYEXTERNAL = 0x00000040
    BUSYSPECIFIC = 0x00000080
    NOANSW = 0x00000100
    NOANSWINTERNAL = 0x00000200
    NOANSWEXTERNAL = 0x00000400
    NOANSWSPECIFIC = 0x00000800
    BUSYNA = 0x00001000
    BUSYNAINTERNAL = 0x00002000
    BUSYNAEXTERNAL = 0x00004000
    BUSYNASPECIFIC = 0x00008000
    UNKNOWN = value(0x00010000, since="1.4")
    UNAVAIL = value(0x00020000, since="1.4")


class LINEGATHERTERM(Flags, section="2.2.3.1.41"):
    """Reasons for the end of digit gathering."""

    BUFFERFULL = 0x1
    TERMDIGIT = value(0x2, note="last gathered digit is the terminator")
    FIRSTTIMEOUT = value(0x4, note="no digits in the buffer")
    INTERTIMEOUT = value(0x8, note="at least one digit in the buffer")
    CANCEL = 0x00000010


class LINEGENERATETERM(Flags, section="2.2.3.1.42"):
    """Reasons for the end of digit or tone generation."""

    DONE = 0x1
    CANCEL = 0x2


class LINEOFFERINGMODE(Flags, section="2.2.3.1.45"):
    """Kinds of offering; the mode of state OFFERING."""

    ACTIVE = value(0x1, since="1.4")
    INACTIVE = value(0x2, since="1.4")


class LINEPARKMODE(Flags, section="2.2.3.1.47"):
    """Ways to park a call."""

    DIRECTED = 0x1
    NONDIRECTED = 0x2


class LINEREMOVEFROMCONF(Choice, section="2.2.3.1.51"):
    """Calls that can be removed from a conference."""

    NONE = 1
    LAST = 2
    ANY = 3


class LINESPECIALINFO(Flags, section="2.2.3.1.53", remark="upper 16 bits device specific, lower 16 reserved"):
    """Special information tones; the mode of state SPECIALINFO."""

    NOCIRCUIT = 0x1
    CUSTIRREG = 0x2
    REORDER = 0x4
    UNKNOWN = 0x8
    UNAVAIL = 0x00000010


class LINETRANSFERMODE(
    Flags,
    section="2.2.3.1.58",
    remark="text does not say bit flag; values are single bits and LINEADDRESSCAPS.dwTransferModes combines them",
):
    """Ways to complete a transfer."""

    TRANSFER = value(0x1, note="both calls end idle for the application")
    CONFERENCE = value(0x2, note="creates a three-way conference with a new call handle")

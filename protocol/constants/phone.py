"""Tables of phone devices (2.2.3.2)."""

from protocol.tables import Choice, Flags, value

__all__ = [
    "PHONEBUTTONFUNCTION",
    "PHONEBUTTONMODE",
    "PHONEBUTTONSTATE",
    "PHONEFEATURE",
    "PHONEHOOKSWITCHDEV",
    "PHONEHOOKSWITCHMODE",
    "PHONEINITIALIZEEXOPTION",
    "PHONELAMPMODE",
    "PHONEPRIVILEGE",
    "PHONESTATE",
    "PHONESTATUSFLAGS",
]


class PHONEBUTTONFUNCTION(
    Choice,
    section="2.2.3.2.1",
    remark="0x80000000-0xFFFFFFFF device specific; the rest reserved",
    reserved=0x80000000,
):
    """Common functions of phone buttons."""

    UNKNOWN = value(0, note="zero value")
    CONFERENCE = 1
    TRANSFER = 2
    DROP = 3
    HOLD = 4
    RECALL = 5
    DISCONNECT = 6
    CONNECT = 7
    MSGWAITON = 8
    MSGWAITOFF = 9
    SELECTRING = 10
    ABBREVDIAL = 11
    FORWARD = 12
    PICKUP = 13
    RINGAGAIN = 14
    PARK = 15
    REJECT = 16
    REDIRECT = 17
    MUTE = 18
    VOLUMEUP = 19
    VOLUMEDOWN = 20
    SPEAKERON = 21
    SPEAKEROFF = 22
    FLASH = 23
    DATAON = 24
    DATAOFF = 25
    DONOTDISTURB = 26
    INTERCOM = 27
    BRIDGEDAPP = 28
    BUSY = 29
    CALLAPP = 30
    DATETIME = 31
    DIRECTORY = 32
    COVER = 33
    CALLID = 34
    LASTNUM = 35
    NIGHTSRV = 36
    SENDCALLS = 37
    MSGINDICATOR = 38
    REPDIAL = 39
    SETREPDIAL = 40
    SYSTEMSPEED = 41
    STATIONSPEED = 42
    CAMPON = 43
    SAVEREPEAT = 44
    QUEUECALL = 45
    NONE = 46
    SEND = value(47, since="3.1")


class PHONEBUTTONMODE(Flags, section="2.2.3.2.2"):
    """Kinds of button."""

    DUMMY = value(0x1, note="lamp position without a button")
    CALL = 0x2
    FEATURE = 0x4
    KEYPAD = 0x8
    LOCAL = 0x00000010
    DISPLAY = 0x00000020


class PHONEBUTTONSTATE(Flags, section="2.2.3.2.3"):
    """Positions of a button."""

    UP = 0x1
    DOWN = 0x2
    UNKNOWN = value(0x4, since="1.4")
    UNAVAIL = value(0x8, since="1.4")


class PHONEFEATURE(Flags, section="2.2.3.2.5", remark="text does not say bit flag; values are single bits"):
    """Operations currently available on a phone."""

    GETBUTTONINFO = value(0x1, since="2.0")
    GETDATA = value(0x2, since="2.0")
    GETDISPLAY = value(0x4, since="2.0")
    GETGAINHANDSET = value(0x8, since="2.0")
    GETGAINSPEAKER = value(0x00000010, since="2.0")
    GETGAINHEADSET = value(0x00000020, since="2.0")
    GETHOOKSWITCHHANDSET = value(0x00000040, since="2.0")
    GETHOOKSWITCHSPEAKER = value(0x00000080, since="2.0")
    GETHOOKSWITCHHEADSET = value(0x00000100, since="2.0")
    GETLAMP = value(0x00000200, since="2.0")
    GETRING = value(0x00000400, since="2.0")
    GETVOLUMEHANDSET = value(0x00000800, since="2.0")
    GETVOLUMESPEAKER = value(0x00001000, since="2.0")
    GETVOLUMEHEADSET = value(0x00002000, since="2.0")
    SETBUTTONINFO = value(0x00004000, since="2.0")
    SETDATA = value(0x00008000, since="2.0")
    SETDISPLAY = value(0x00010000, since="2.0")
    SETGAINHANDSET = value(0x00020000, since="2.0")
    SETGAINSPEAKER = value(0x00040000, since="2.0")
    SETGAINHEADSET = value(0x00080000, since="2.0")
    SETHOOKSWITCHHANDSET = value(0x00100000, since="2.0")
    SETHOOKSWITCHSPEAKER = value(0x00200000, since="2.0")
    SETHOOKSWITCHHEADSET = value(0x00400000, since="2.0")
    SETLAMP = value(0x00800000, since="2.0")
    SETRING = value(0x01000000, since="2.0")
    SETVOLUMEHANDSET = value(0x02000000, since="2.0")
    SETVOLUMESPEAKER = value(0x04000000, since="2.0")
    SETVOLUMEHEADSET = value(0x08000000, since="2.0")
    GENERICPHONE = value(0x10000000, since="3.1", note="only for sessions at 3.1")


class PHONEHOOKSWITCHDEV(Flags, section="2.2.3.2.6"):
    """Hookswitch devices of a phone."""

    HANDSET = 0x1
    SPEAKER = 0x2
    HEADSET = 0x4


class PHONEHOOKSWITCHMODE(Flags, section="2.2.3.2.7"):
    """States of the microphone and speaker of a hookswitch device."""

    ONHOOK = 0x1
    MIC = 0x2
    SPEAKER = 0x4
    MICSPEAKER = 0x8
    UNKNOWN = 0x00000010


class PHONEINITIALIZEEXOPTION(Choice, section="2.2.3.2.8", remark="no packet field refers to this table"):
    """Notification mechanisms of a phone application; not used by any packet."""

    USEHIDDENWINDOW = value(1, since="2.0")
    USEEVENT = value(2, since="2.0")
    USECOMPLETIONPORT = value(3, since="2.0")


class PHONELAMPMODE(
    Flags, section="2.2.3.2.9", remark="upper 16 bits device specific, lower 16 reserved", reserved=0xFFFF0000
):
    """Modes of a lamp."""

    DUMMY = value(0x1, note="button position without a lamp")
    OFF = 0x2
    STEADY = 0x4
    WINK = 0x8
    FLASH = 0x00000010
    FLUTTER = 0x00000020
    BROKENFLUTTER = 0x00000040
    UNKNOWN = 0x00000080


class PHONEPRIVILEGE(Flags, section="2.2.3.2.10"):
    """Privileges of a client for a phone."""

    MONITOR = value(0x1, note="read-only, any number of openers")
    OWNER = value(0x2, note="exclusive; includes monitoring")


class PHONESTATE(Flags, section="2.2.3.2.11"):
    """Changed items of a phone status."""

    OTHER = 0x1
    CONNECTED = 0x2
    DISCONNECTED = 0x4
    OWNER = 0x8
    MONITORS = 0x00000010
    DISPLAY = 0x00000020
    LAMP = 0x00000040
    RINGMODE = 0x00000080
    RINGVOLUME = 0x00000100
    HANDSETHOOKSWITCH = 0x00000200
    HANDSETVOLUME = 0x00000400
    HANDSETGAIN = 0x00000800
    SPEAKERHOOKSWITCH = 0x00001000
    SPEAKERVOLUME = 0x00002000
    SPEAKERGAIN = 0x00004000
    HEADSETHOOKSWITCH = 0x00008000
    HEADSETVOLUME = 0x00010000
    HEADSETGAIN = 0x00020000
    SUSPEND = 0x00040000
    RESUME = 0x00080000
    DEVSPECIFIC = 0x00100000
    REINIT = 0x00200000
    CAPSCHANGE = value(0x00400000, since="1.4")
    REMOVED = value(0x00800000, since="1.4", note="usually followed by PHONE_CLOSE")


class PHONESTATUSFLAGS(Flags, section="2.2.3.2.12"):
    """Status of a phone device."""

    CONNECTED = 0x1
    SUSPENDED = 0x2

"""Tones and media control (2.2.6)."""

from __future__ import annotations

from protocol import declare_members as member
from protocol.constants import LINECALLSTATE, LINEDIGITMODE, LINEMEDIACONTROL, LINEMEDIAMODE
from protocol.structure import Structure

__all__ = [
    "LINEGENERATETONE",
    "LINEMEDIACONTROLCALLSTATE",
    "LINEMEDIACONTROLDIGIT",
    "LINEMEDIACONTROLMEDIA",
    "LINEMEDIACONTROLTONE",
    "LINEMONITORTONE",
]


class LINEGENERATETONE(Structure, section="2.2.6.27"):
    """One frequency of a custom tone."""

    frequency: int = member.number("dwFrequency")
    cadence_on: int = member.number("dwCadenceOn")
    cadence_off: int = member.number("dwCadenceOff")
    volume: int = member.number("dwVolume")


class LINEMONITORTONE(Structure, section="2.2.6.37"):
    """A tone to detect, with up to three frequencies."""

    app_specific: int = member.number("dwAppSpecific")
    duration: int = member.number("dwDuration")
    frequency1: int = member.number("dwFrequency1")
    frequency2: int = member.number("dwFrequency2")
    frequency3: int = member.number("dwFrequency3")


class LINEMEDIACONTROLDIGIT(Structure, section="2.2.6.38"):
    """Media control triggered by a digit."""

    digit: int = member.number("dwDigit", note="low byte is the digit")
    digit_modes: int = member.flags("dwDigitModes", LINEDIGITMODE, cardinality="one-or-more")
    media_control: int = member.flags("dwMediaControl", LINEMEDIACONTROL, cardinality="one")


class LINEMEDIACONTROLMEDIA(Structure, section="2.2.6.39"):
    """Media control triggered by a media type."""

    media_modes: int = member.flags("dwMediaModes", LINEMEDIAMODE, cardinality="one-or-more")
    duration: int = member.number("dwDuration")
    media_control: int = member.flags("dwMediaControl", LINEMEDIACONTROL, cardinality="one")


class LINEMEDIACONTROLTONE(Structure, section="2.2.6.40"):
    """Media control triggered by a tone."""

    app_specific: int = member.number("dwAppSpecific")
    duration: int = member.number("dwDuration")
    frequency1: int = member.number("dwFrequency1")
    frequency2: int = member.number("dwFrequency2")
    frequency3: int = member.number("dwFrequency3")
    media_control: int = member.flags("dwMediaControl", LINEMEDIACONTROL, cardinality="one")


class LINEMEDIACONTROLCALLSTATE(Structure, section="2.2.6.44"):
    """Media control triggered by a call state."""

    call_states: int = member.flags("dwCallStates", LINECALLSTATE, cardinality="one-or-more")
    media_control: int = member.flags("dwMediaControl", LINEMEDIACONTROL, cardinality="one")

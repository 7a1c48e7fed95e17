"""The versions that an application and a device negotiate."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref, when
from fsm.engine.table import Table
from fsm.tables.binding import REQUEST_RULE
from fsm.tables.bits import OLD

__all__ = ["CREATED", "NEGOTIATED", "NEGOTIATED_EXT", "REMOVED", "VERSION", "VERSION_USED", "VersionState"]

_MUST, _STATED, _TYPICAL, _ODD = Level.MUST, Level.STATED, Level.TYPICAL, Level.SUSPICIOUS


class VersionState(IntEnum):
    """Progress of the negotiation between an application and a device."""

    UNNEGOTIATED = 0
    AGREED = 1
    EXTENDED = 2
    REMOVED = 3


NEGOTIATED = Event("version negotiated", Kind.ANSWER, "NegotiateAPIVersion, or ...ForAllDevices, returned a version")
NEGOTIATED_EXT = Event("extension negotiated", Kind.ANSWER, "NegotiateExtVersion returned a version")
VERSION_USED = Event("version used", Kind.REQUEST, "Open contains a version of the device")
CREATED = Event("device created", Kind.REPORT, "LINE_CREATE or PHONE_CREATE: a new device has that number")
REMOVED = Event("device removed", Kind.REPORT, "LINE_REMOVE or PHONE_REMOVE: the device is permanently removed")

V = VersionState
_NEGOTIATE = ref("2.2.4.1.1.2", "NegotiateAPIVersion")
_CREATE = ref("2.2.4.2.1.10", "LINE_CREATE; PHONE_CREATE")
VERSION = Table(
    name="version",
    summary="The versions that an application and one device negotiated",
    states=VersionState,
    initial=V.UNNEGOTIATED,
    finals=frozenset(),
    events=(NEGOTIATED, NEGOTIATED_EXT, VERSION_USED, CREATED, REMOVED),
    rows=(
        Row(V.UNNEGOTIATED, NEGOTIATED, V.AGREED, _STATED, _NEGOTIATE),
        Row(V.AGREED, NEGOTIATED, V.AGREED, _TYPICAL, _NEGOTIATE, note="no document forbids to negotiate again"),
        Row(V.EXTENDED, NEGOTIATED, V.AGREED, _TYPICAL, _NEGOTIATE, note="no document forbids to negotiate again"),
        Row(V.AGREED, NEGOTIATED_EXT, V.EXTENDED, _STATED, ref("2.2.4.1.3.47", "NegotiateExtVersion")),
        Row(V.EXTENDED, NEGOTIATED_EXT, V.EXTENDED, _TYPICAL, ref("2.2.4.1.3.47", "NegotiateExtVersion")),
        Row(V.UNNEGOTIATED, NEGOTIATED_EXT, V.EXTENDED, _TYPICAL, ref("2.2.4.1.3.47"), note="the response proves it"),
        Row(V.AGREED, VERSION_USED, V.AGREED, _STATED, ref("2.2.4.1.1.5", "dwNegotiatedVersion")),
        Row(V.EXTENDED, VERSION_USED, V.EXTENDED, _STATED, ref("2.2.4.1.1.5", "dwNegotiatedVersion")),
        Row(
            V.UNNEGOTIATED, VERSION_USED, V.UNNEGOTIATED, _ODD, ref("2.2.4.1.1.5", "negotiate first"), rule=REQUEST_RULE
        ),
        Row(V.REMOVED, VERSION_USED, V.REMOVED, _ODD, ref("2.2.4.1.1.5", "NODEVICE"), rule=REQUEST_RULE),
        Row(
            V.REMOVED, NEGOTIATED, V.AGREED, _TYPICAL, _NEGOTIATE, note="the response proves that it is available again"
        ),
        Row(V.REMOVED, NEGOTIATED_EXT, V.EXTENDED, _TYPICAL, ref("2.2.4.1.3.47"), note="the response proves it"),
        Row(V.REMOVED, CREATED, V.UNNEGOTIATED, _STATED, _CREATE),
        *(Row(state, CREATED, state, _TYPICAL, _CREATE) for state in (V.UNNEGOTIATED, V.AGREED, V.EXTENDED)),
        *(
            Row(state, REMOVED, V.REMOVED, _MUST, ref("2.2.2", "clients below 2.0"), (when(OLD),), rule="CALL-V06")
            for state in (V.UNNEGOTIATED, V.AGREED, V.EXTENDED)
        ),
        *(
            Row(state, REMOVED, V.REMOVED, _STATED, ref("2.2.4.2.1.24", "LINE_REMOVE; 2.2.4.2.1.30"))
            for state in (V.UNNEGOTIATED, V.AGREED, V.EXTENDED)
        ),
        Row(V.REMOVED, REMOVED, V.REMOVED, _TYPICAL, ref("2.2.4.2.1.24"), note="one for each application (E18)"),
    ),
    unproven=frozenset({VERSION_USED}),
)

"""The MS-TRP wire format: packets, events, structures and constants as typed declarations, and the RPC layer.

``line.BlindTransfer(call=0x10005, dest_address="5551234", request_id=7).encode()`` returns the bytes of a request;
`decode_request`, `decode_response` and `decode_events` decode packets. The package keeps no protocol state.
"""

from protocol import constants, events, generic, line, mmc, phone, structures
from protocol.completions import __all__ as _completions
from protocol.event import COMPLETIONS, EVENTS, Event, Events, decode_events, encode_events
from protocol.ndr import METHODS
from protocol.packet import REQUESTS, Request, decode_request, decode_response, error_name
from protocol.problem import DecodeError, EncodeError, Problem
from protocol.structure import STRUCTURES, Structure
from protocol.tables import TABLES

__all__ = [
    "COMPLETIONS",
    "EVENTS",
    "METHODS",
    "REQUESTS",
    "STRUCTURES",
    "TABLES",
    "DecodeError",
    "EncodeError",
    "Event",
    "Events",
    "Problem",
    "Request",
    "Structure",
    "constants",
    "decode_events",
    "decode_request",
    "decode_response",
    "encode_events",
    "error_name",
    "events",
    "generic",
    "line",
    "mmc",
    "phone",
    "structures",
]

assert _completions

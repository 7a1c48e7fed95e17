"""Server faults: our own server with one mistake each, as somebody who writes bugs would make them."""

from server_faults.bounds import BOUNDS
from server_faults.events import EVENTS
from server_faults.fault import Fault, Kind, Parts, built
from server_faults.fields import FIELDS
from server_faults.handles import HANDLES
from server_faults.rows import ROWS
from server_faults.rules import RULES

__all__ = ["FAULTS", "Fault", "Kind", "Parts", "built"]

#: Every fault, by kind.
FAULTS: tuple[Fault, ...] = (*RULES, *ROWS, *HANDLES, *EVENTS, *FIELDS, *BOUNDS)

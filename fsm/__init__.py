"""The machines of MS-TRP: tables of rows, the engine that runs them, and the monitor that judges conversations.

    monitor = Monitor()
    client = monitor.conversation()
    exchange = client.sent(decode_request(data), frame=1, time=0.0)

Nothing here knows bytes or sockets; `protocol` makes the packets.
"""

from fsm.conversation import Conversation
from fsm.errors import LocalProtocolError, ProtocolError, RemoteProtocolError, TableError
from fsm.finding import Finding
from fsm.instances import Call, Exchange
from fsm.interop import to_transitions
from fsm.journal import open_journal
from fsm.levels import Fault, Level, Verdict
from fsm.machine import Machine, Move, Table
from fsm.machines import MACHINES
from fsm.monitor import Monitor
from fsm.row import Event, Guard, Ref, Row
from fsm.step import Step

__all__ = [
    "MACHINES",
    "Call",
    "Conversation",
    "Event",
    "Exchange",
    "Fault",
    "Finding",
    "Guard",
    "Level",
    "LocalProtocolError",
    "Machine",
    "Monitor",
    "Move",
    "ProtocolError",
    "Ref",
    "RemoteProtocolError",
    "Row",
    "Step",
    "Table",
    "TableError",
    "Verdict",
    "open_journal",
    "to_transitions",
]

"""The machines of MS-TRP: tables of rows, the engine that runs them, and the monitor that judges conversations.

    monitor = Monitor()
    client = monitor.conversation()
    exchange = client.sent(decode_request(data), frame=1, time=0.0)

Nothing here knows bytes or sockets; `protocol` makes the packets.
"""

from fsm.conversation import Conversation
from fsm.engine.errors import LocalProtocolError, ProtocolError, RemoteProtocolError, TableError
from fsm.engine.finding import Finding
from fsm.engine.interop import to_transitions
from fsm.engine.journal import open_journal
from fsm.engine.levels import Fault, Level, Verdict
from fsm.engine.machine import Machine, Move, Table
from fsm.engine.row import Event, Guard, Ref, Row
from fsm.engine.step import Step
from fsm.monitor import Monitor
from fsm.state.instances import Call, Exchange
from fsm.state.machines import MACHINES

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

"""The machines of MS-TRP: tables of rows, the engine that executes them, and the monitor that checks conversations.

    monitor = Monitor()
    client = monitor.conversation()
    exchange = client.sent(decode_request(data), frame=1, time=0.0)

This package has no access to bytes or sockets; `protocol` decodes the packets.
"""

from collections.abc import Sequence

from fsm.conversation import Conversation
from fsm.engine.display import DISPLAY
from fsm.engine.errors import LocalProtocolError, ProtocolError, RemoteProtocolError, TableError
from fsm.engine.finding import Finding
from fsm.engine.interop import to_transitions
from fsm.engine.journal import open_journal
from fsm.engine.levels import Fault, Level, Verdict
from fsm.engine.machine import Machine, Move, Table
from fsm.engine.row import Event, Guard, Ref, Row
from fsm.engine.step import Step
from fsm.monitor import Monitor
from fsm.state.instances import Call, Transaction
from fsm.state.machines import MACHINES

__all__ = [
    "MACHINES",
    "Call",
    "Conversation",
    "Event",
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
    "Transaction",
    "Verdict",
    "open_journal",
    "to_transitions",
]


def _table_svg(table: Table) -> str | None:
    from fsm.diagram.notebook import table_svg

    return table_svg(table)


def _states_svg(table: Table, title: str, states: Sequence[str]) -> str | None:
    from fsm.diagram.notebook import states_svg

    return states_svg(table, title, states)


def _finding_html(finding: Finding) -> str:
    from fsm.diagram.notebook import finding_html

    return finding_html(finding)


DISPLAY.table, DISPLAY.states, DISPLAY.finding = _table_svg, _states_svg, _finding_html

"""Generated conversations with additional calls, written to a capture and checked."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from frames import judge

from mstrp.generate import Wire
from mstrp.generate.captures import Performance
from mstrp.generate.stages import WireStage
from protocol.event import encode_events
from protocol.line import Initialize
from protocol.ndr import (
    METHODS,
    NULL_CONTEXT,
    ClientDetach,
    ClientDetachResult,
    ClientRequest,
    ClientRequestResult,
    RemoteSPEventProc,
    RemoteSPEventProcResult,
)

if TYPE_CHECKING:
    from mstrp.checking import CaptureResult
    from mstrp.generate.play import Role, Script
    from mstrp.generate.wire import Connection
    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["BAD_CONTEXT", "Staged", "verdicts"]

#: The status with which a runtime rejects a context handle: nca_s_fault_context_mismatch.
BAD_CONTEXT = 0x1C00001A
_METHODS = {method.name: method for method in METHODS.values()}


class Staged:
    """A capture under construction; ``offer`` is a harmless request that creates an object if accepted."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()
        self.wire = Wire(self.stream)
        self.stage = WireStage(self.wire)
        self.play = Performance(self.stage)

    def client(self, **options: Any) -> tuple[Role, Script]:
        """Add a client that is attached, with open devices."""
        role = self.play.client(**options)
        return role, self.play.script(role)

    def requests(self, role: Role) -> Connection:
        """Return the connection of a client's requests."""
        return self.stage._requests[role]

    def events(self, role: Role) -> Connection:
        """Return the connection of a client's events."""
        return self.stage._events[role]

    def call(self, connection: Connection, method: str, value: Any, result: Any, *, refused: bool = False) -> None:
        """A call with its response, or an RPC fault."""
        found = _METHODS[method]
        number = connection.request(found, value)
        if refused:
            connection.fault(BAD_CONTEXT, number)
        else:
            connection.response(found, result, number)

    def ask(
        self,
        connection: Connection,
        context: bytes,
        packet: Request | None = None,
        *,
        refused: bool = False,
        ack: int = 0,
        **answers: Any,
    ) -> None:
        """A request under a context handle."""
        if packet is None:
            packet = Initialize(init_context=0x77, friendly_name="A", module_name="A", api_version=0x00030001)
            answers = answers or {"line_app": 0x9999, "num_devs": 1}
        data = type(packet)(ack=ack, **answers).encode()
        result = ClientRequestResult(data, max(packet.capacity, len(data)))
        asked = ClientRequest(context, packet.encode(), packet.capacity)
        self.call(connection, "ClientRequest", asked, result, refused=refused)

    def detach(self, connection: Connection, context: bytes, *, refused: bool = False) -> None:
        """ClientDetach under a context handle."""
        self.call(connection, "ClientDetach", ClientDetach(context), ClientDetachResult(NULL_CONTEXT), refused=refused)

    def tell(self, connection: Connection, context: bytes, *events: Event, refused: bool = False) -> None:
        """RemoteSPEventProc under a context handle."""
        sent = RemoteSPEventProc(context, encode_events(events))
        self.call(connection, "RemoteSPEventProc", sent, RemoteSPEventProcResult(), refused=refused)

    def wait(self, seconds: float = 2.0) -> None:
        """Advance the time."""
        self.wire.now += seconds

    def judge(self, **options: Any) -> CaptureResult:
        """Return the report on the capture."""
        return judge(self.stream.getvalue(), **options)


def verdicts(result: CaptureResult) -> set[tuple[str, str, str]]:
    """Return rule, verdict and side of all findings except information."""
    return {
        (finding.rule, finding.verdict.value, str(finding.fault))
        for finding in result.findings
        if finding.verdict.value != "info"
    }

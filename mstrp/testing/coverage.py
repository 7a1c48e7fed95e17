"""Coverage of a play: the rows, requests and rules that its steps exercise, in `fsm.state.coverage.Coverage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.monitor import Monitor
from fsm.state.coverage import Coverage
from mstrp.capture.packets import CLIENT_TO_SERVER, SERVER_TO_CLIENT, Packet
from mstrp.generate.play import Kind
from mstrp.generate.stages import MonitorStage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mstrp.generate.play import Step

__all__ = ["coverage_of", "packets_of"]


def packets_of(step: Step) -> Iterator[Packet]:
    """Yield the packets of a step as the capture reader would."""
    match step.kind:
        case Kind.ATTACHED:
            yield Packet(0, 0.0, "", SERVER_TO_CLIENT, "ClientAttach", "response", None)
        case Kind.ASK:
            yield Packet(0, 0.0, "", CLIENT_TO_SERVER, "ClientRequest", "request", step.packet)
        case Kind.ANSWER:
            yield Packet(0, 0.0, "", SERVER_TO_CLIENT, "ClientRequest", "response", step.packet)
        case Kind.TELL:
            for event in step.events:
                yield Packet(0, 0.0, "", SERVER_TO_CLIENT, "RemoteSPEventProc", "event", event)


def coverage_of(steps: Iterable[Step], coverage: Coverage | None = None) -> Coverage:
    """Return the coverage of a conversation, added to the given coverage."""
    coverage = Coverage() if coverage is None else coverage
    monitor = Monitor()
    monitor.on_step(coverage.step)
    stage = MonitorStage(monitor)
    for step in steps:
        stage.take(step)
        for packet in packets_of(step):
            coverage.packet(packet)
    monitor.finish()
    return coverage

"""Numbers of a watch for Prometheus."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from mstrp.watch.state import Numbers, State

__all__ = ["serve_metrics"]

#: How often numbers are taken again if they changed meanwhile.
_ATTEMPTS = 5


@contextlib.contextmanager
def serve_metrics(host: str, port: int, state: State) -> Iterator[int]:
    """Serve the numbers over HTTP; yields the port. Raises `OSError` if the address cannot be used."""
    registry = CollectorRegistry()
    registry.register(_Numbers(state))
    server, thread = start_http_server(port, host or "127.0.0.1", registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Numbers(Collector):
    """Makes the metrics when they are requested, in the thread of the server."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        numbers = self._numbers()
        for name, number, help_text in (
            ("frames", numbers.frames, "Frames read."),
            ("packets", numbers.packets, "MS-TRP packets judged."),
            ("sessions", numbers.sessions, "Sessions seen."),
            ("ended_calls", numbers.ended_calls, "Calls that have ended."),
        ):
            counter = CounterMetricFamily(f"mstrp_{name}", help_text)
            counter.add_metric([], number)
            yield counter
        for name, value, help_text in (
            ("open_sessions", numbers.open_sessions, "Sessions that are open."),
            ("unwritten_findings", numbers.unwritten, "Findings that could not be written."),
            ("lag_seconds", numbers.lag, "Time from the capture of a packet until it was processed."),
        ):
            gauge = GaugeMetricFamily(f"mstrp_{name}", help_text)
            gauge.add_metric([], value)
            yield gauge
        calls = GaugeMetricFamily("mstrp_calls", "Open calls by state.", labels=["state"])
        for state, number in sorted(numbers.calls.items()):
            calls.add_metric([state], number)
        yield calls
        findings = CounterMetricFamily("mstrp_findings", "Findings by rule.", labels=["rule", "verdict"])
        for (rule, verdict), number in sorted(numbers.findings.items()):
            findings.add_metric([rule, verdict], number)
        yield findings

    def _numbers(self) -> Numbers:
        for _ in range(_ATTEMPTS):
            # The other thread may change what is counted.
            with contextlib.suppress(RuntimeError):
                return self._state.numbers()
        return self._state.numbers()

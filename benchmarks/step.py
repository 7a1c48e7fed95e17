"""Measure a step of a machine, compared with other implementations, and the memory of an open call.

    python benchmarks/step.py [--rounds 40]

All implementations perform the same step: look up (state, event), test a guard, append a record.
"""

from __future__ import annotations

import argparse
import timeit
import tracemalloc
from typing import TYPE_CHECKING, Any

from fsm.engine.interop import to_transitions, trigger_name
from fsm.monitor import Monitor
from fsm.state.instances import Call
from fsm.state.machines import MACHINES
from fsm.state.paths import Paths
from fsm.tables.call_requests import ASKS
from fsm.tables.call_states import CallState
from protocol import events, line

if TYPE_CHECKING:
    from collections.abc import Callable

_STEPS = 4_000
_EVENT = ASKS["BlindTransfer", "hCall"]


class _Plain:
    """The hand-written implementation: one state, flags, a log."""

    __slots__ = ("flags", "log", "state")

    def __init__(self) -> None:
        self.state = _STATE
        self.flags = 0
        self.log: list[Any] = []


#: The table of a hand-written program: plain integers and strings, prepared before the first step.
_TABLE = {(int(row.source), row.event.name): (int(row.target), row.guards) for row in MACHINES["call"].table.rows}
_STATE, _NAME = int(CallState.CONNECTED), _EVENT.name


def _looked_up() -> None:
    table, state, name = _TABLE, _STATE, _NAME
    for _ in range(_STEPS):
        table[state, name]


def _written() -> None:
    table = _TABLE
    call = _Plain()

    def step(call: _Plain, event: str, frame: int) -> None:
        key = call.state, event
        if key not in table:
            raise ValueError
        target, guards = table[key]
        if not guards or bool(call.flags & guards[0].bit) is guards[0].wanted:
            call.log.append((frame, call.state, event, target))
            call.state = target

    for frame in range(_STEPS):
        step(call, _NAME, frame)


def _ours() -> None:
    machine = MACHINES["call"]
    call = Call(0x10001, 1, None, Paths().root)
    call.mask = 1 << CallState.CONNECTED
    log: list[Any] = []
    step = machine.step
    for frame in range(_STEPS):
        before = call.mask
        move = step(call, _EVENT, call.flags)
        log.append((frame, before, _EVENT, move))


def _transitions() -> Callable[[], None]:
    """Return a registered model with its trigger; building the machine is not measured."""
    machine = to_transitions(MACHINES["call"].table)
    machine.add_model(model := _Model(), initial="CONNECTED")
    trigger = getattr(model, trigger_name(_EVENT))

    def steps() -> None:
        log: list[Any] = []
        for frame in range(_STEPS // 20):
            trigger()
            log.append((frame, model.state))  # type: ignore[attr-defined]

    return steps


class _Model:
    when_monitoring = False


def _best(functions: dict[str, tuple[Any, int]], rounds: int) -> dict[str, float]:
    """Return the nanoseconds of a step; the functions run alternately, so that noise affects all of them."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, (function, steps) in functions.items():
            time = timeit.timeit(function, number=1) / steps * 1e9
            best[name] = min(time, best.get(name, time))
    return best


def bytes_per_call(calls: int = 20_000) -> float:
    """Return the memory that an open call adds to a conversation: its instance, its path, its registry entries."""
    conversation = Monitor().conversation()
    conversation.attached(0xFFFFFFFF, "")
    exchange = conversation.sent(line.Open(negotiated_version=0x30001, remote_line=0x500))
    conversation.answered(exchange, line.Open(ack=0, line=0x200))
    found = [
        (
            events.LINE_APPNEWCALL(remote_line=0x500, call=handle),
            events.LINE_CALLSTATE(call=handle, call_state=2, mode=1, privilege=4, remote_line=0x500),
        )
        for handle in range(0x10000, 0x10000 + calls)
    ]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for announced, offered in found:
        conversation.event(announced)
        conversation.event(offered)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / calls


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    times = _best(
        {
            "dictionary look-up": (_looked_up, _STEPS),
            "hand-written step": (_written, _STEPS),
            "mstrp step with record": (_ours, _STEPS),
            "transitions step": (_transitions(), _STEPS // 20),
        },
        rounds,
    )
    for name, time in times.items():
        print(f"{name:24} {time:9.0f} ns {time / times['hand-written step']:8.2f} x hand-written")
    print(f"a live call              {bytes_per_call():9.0f} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

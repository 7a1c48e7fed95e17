"""What one step of a machine costs, beside peers, and what a live call weighs.

    python benchmarks/step.py [--rounds 7]

All of them make the same step: look up (state, event), test a guard, append a record.
"""

from __future__ import annotations

import argparse
import timeit
import tracemalloc
from typing import Any

from fsm.instances import Call, Paths
from fsm.interop import to_transitions, trigger_name
from fsm.machines import MACHINES
from fsm.monitor import Monitor
from fsm.tables.call_requests import ASKS
from fsm.tables.call_states import CallState
from protocol import events, line

_STEPS = 20_000
_EVENT = ASKS["BlindTransfer", "hCall"]


class _Plain:
    """The hand-written peer: one state, flags, a log."""

    __slots__ = ("flags", "log", "state")

    def __init__(self) -> None:
        self.state = CallState.CONNECTED
        self.flags = 0
        self.log: list[Any] = []


def _looked_up() -> None:
    table = {(row.source, row.event): row.target for row in MACHINES["call"].table.rows}
    state = CallState.CONNECTED
    for _ in range(_STEPS):
        table[state, _EVENT]


def _written() -> None:
    table = {(row.source, row.event): (row.target, row.guards) for row in MACHINES["call"].table.rows}
    call = _Plain()

    def step(call: _Plain, event: Any, frame: int) -> None:
        found = table.get((call.state, event))
        if found is None:
            raise ValueError
        target, guards = found
        if not guards or bool(call.flags & guards[0].bit) is guards[0].wanted:
            call.log.append((frame, call.state, event, target))
            call.state = target

    for frame in range(_STEPS):
        step(call, _EVENT, frame)


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


def _transitions() -> None:
    machine = to_transitions(MACHINES["call"].table)
    log: list[Any] = []
    machine.add_model(model := _Model(), initial="CONNECTED")
    trigger = getattr(model, trigger_name(_EVENT))
    for frame in range(_STEPS // 20):
        trigger()
        log.append((frame, model.state))  # type: ignore[attr-defined]


class _Model:
    when_monitoring = False


def _best(function: Any, rounds: int, steps: int) -> float:
    function()
    return min(timeit.repeat(function, number=1, repeat=rounds)) / steps * 1e9


def bytes_per_call(calls: int = 20_000) -> float:
    """What a live call adds to the memory of a conversation: its record, its news, its places in the registers."""
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
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    times = {
        "dictionary look-up": _best(_looked_up, rounds, _STEPS),
        "hand-written step": _best(_written, rounds, _STEPS),
        "mstrp step with record": _best(_ours, rounds, _STEPS),
        "transitions step": _best(_transitions, rounds, _STEPS // 20),
    }
    for name, time in times.items():
        print(f"{name:24} {time:9.0f} ns {time / times['hand-written step']:8.2f} x hand-written")
    print(f"a live call              {bytes_per_call():9.0f} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

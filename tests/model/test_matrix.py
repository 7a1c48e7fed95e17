"""The complete matrix of every machine as text, whose changes are visible in a diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grid import Thing, each_machine, guard_bits, states_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import IntEnum

    from fsm import Event, Machine, Move


def said(machine: Machine, state: IntEnum, move: Move) -> str:
    """Return a move as text: target, and level or rule; ``<S>`` is the state."""
    rule = move.rule.replace(f"-{state.name}-", "-<S>-")
    if move.refused:
        return f"refused {move.level.name} !{rule}" if rule else "-"
    targets = states_of(machine, move.target)
    names = ["<S>" if target == state else target.name for target in targets]
    where = "stays" if names == ["<S>"] else "-> " + "|".join(sorted(names))
    changed = [
        sign + machine.guards[bit].name
        for sign, mask in (("+", move.sets), ("-", move.clears))
        for bit in machine.guards
        if mask & bit
    ]
    bits = f" {{{', '.join(changed)}}}" if changed else ""
    return f"{where} {move.level.name}" + (f" !{rule}" if rule else "") + bits


def decided(machine: Machine, state: IntEnum, event: Event, bits: list[int], flags: int = 0) -> list[tuple[str, str]]:
    """Return the outcomes of a state and event as few (conditions, outcome) pairs as required; the first match counts."""
    if not bits:
        return [("", said(machine, state, machine.may(Thing(1 << state), event, flags)))]
    bit, *rest = bits
    there = decided(machine, state, event, rest, flags | bit)
    missing = decided(machine, state, event, rest, flags)
    if there == missing:
        return there
    name = machine.guards[bit].name
    return [(f"{name} & {more}" if more else name, text) for more, text in there] + missing


def spans(states: list[IntEnum]) -> str:
    """Return state names, with ranges of neighbors: ``IDLE..ACCEPTED VOID``."""
    runs: list[list[IntEnum]] = []
    for state in states:
        if runs and state == runs[-1][-1] + 1:
            runs[-1].append(state)
        else:
            runs.append([state])
    return " ".join(
        f"{run[0].name}..{run[-1].name}" if len(run) > 2 else " ".join(state.name for state in run) for run in runs
    )


def block(machine: Machine, event: Event) -> str:
    """Return the effects of an event, and the states with each effect."""
    groups: dict[str, list[IntEnum]] = {}
    for state in machine.table.states:
        cell = decided(machine, state, event, guard_bits(machine.cell(state, event)))
        *first, (_, last) = cell
        text = "; ".join(f"[{condition}] {what}" for condition, what in first)
        groups.setdefault(f"{text}; else {last}" if first else last, []).append(state)
    return "\n".join(f"  {spans(states)}: {text}" for text, states in groups.items())


def matrix(machine: Machine) -> str:
    """Return the matrix by event; events with the same effects in all states are combined."""
    table = machine.table
    lines = [
        f"{table.name}: {len(table.states)} states, {len(table.events)} events, {len(table.rows)} rows",
        *(f"  {state.value:2} {state.name}" for state in table.states),
        f"initial: {table.initial.name}; final: " + (" ".join(s.name for s in sorted(table.finals)) or "none"),
        "",
        "Events, then what they do in which states. A..B: all states from A to B. [guard]: when it holds, first come",
        "first served. '-': no row. '!': reported under that rule. <S>: the state itself.",
    ]
    blocks: dict[str, list[str]] = {}
    for event in table.events:
        unproven = ", proves nothing" if event in table.unproven else ""
        blocks.setdefault(block(machine, event), []).append(f"{event.name} ({event.kind}{unproven})")
    for text, events in blocks.items():
        lines += ["", *events, text]
    return "\n".join(lines) + "\n"


@each_machine
def test_matrix(machine: Machine, golden: Callable[[str, str], None]) -> None:
    """Every state and event, with every significant guard, matches the golden file."""
    golden(f"matrix/{machine.name}.txt", matrix(machine))

"""The whole matrix of every machine as a text that is read in the diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grid import Thing, each_machine, guard_bits, states_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import IntEnum

    from fsm import Event, Machine, Move


def said(machine: Machine, state: IntEnum, move: Move) -> str:
    """A move in a few words: where to, and how hard, or under which rule it is reported; ``<S>`` is the state."""
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
    """What a cell does, as few (conditions, outcome) as the guards need; the first that holds counts."""
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
    """States by name, neighbours as a span: ``IDLE..ACCEPTED VOID``."""
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
    """What an event does, and in which states it does that."""
    groups: dict[str, list[IntEnum]] = {}
    for state in machine.table.states:
        cell = decided(machine, state, event, guard_bits(machine.cell(state, event)))
        *first, (_, last) = cell
        text = "; ".join(f"[{condition}] {what}" for condition, what in first)
        groups.setdefault(f"{text}; else {last}" if first else last, []).append(state)
    return "\n".join(f"  {spans(states)}: {text}" for text, states in groups.items())


def matrix(machine: Machine) -> str:
    """By event, those that do the same in all states together."""
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
    """Every state and event, with every relevant guard, does what the golden file says."""
    golden(f"matrix/{machine.name}.txt", matrix(machine))

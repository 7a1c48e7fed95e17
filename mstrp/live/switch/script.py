"""Scripts of events for the simulated switch, in TOML.

seed = 7

[switch]                   # lines, phones, addresses, first, pace, step, ring, timeout, active
lines = 4
pace = 0.5

[[numbers]]                # external parties: the first pattern that matches
pattern = "5559*"
does = "busy"              # answer, busy, no-answer, reject, bad-number, congestion, announcement
after = 1.0

[[steps]]                  # events; "at" is in seconds after the start
at = 2.0
do = "call"                # call, hang-up, close-line, remove-line, add-line, digits, button, lift, close-phone
line = 0
from = "5551000"
name = "Ms Example"
give-up = 10.0

[random]                   # incoming calls at random times
rate = 0.5                 # per second, over all lines
for = 60.0                 # seconds
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mstrp.live.switch.phones import lift, push_button
from mstrp.live.switch.plan import Behaviour, Plan

if TYPE_CHECKING:
    from mstrp.live.switch.switch import Switch

__all__ = ["Script", "ScriptError", "load_script"]

_DOES = {"answer", "busy", "no-answer", "reject", "bad-number", "congestion", "announcement"}
_STEPS = {
    "call": {"line", "address", "from", "name", "give-up"},
    "hang-up": {"line", "address"},
    "digits": {"line", "address", "digits"},
    "close-line": {"line"},
    "remove-line": {"line"},
    "add-line": set(),
    "button": {"phone", "button"},
    "lift": {"phone"},
    "close-phone": {"phone"},
}


class ScriptError(ValueError):
    """A script that is not valid."""


@dataclass
class Script:
    """A plan, events in ``steps``, and random incoming calls."""

    plan: Plan = field(default_factory=Plan)
    seed: int = 0
    steps: list[dict[str, Any]] = field(default_factory=list)
    #: Random incoming calls: per second, and for how many seconds (0: no limit).
    rate: float = 0.0
    duration: float = 0.0

    def start(self, switch: Switch) -> None:
        """Schedule the events."""
        for step in self.steps:
            switch.clock.after(step["at"], lambda step=step: perform(switch, step))  # type: ignore[misc]
        if self.rate:
            self._next(switch, 0.0)

    def _next(self, switch: Switch, passed: float) -> None:
        wait = switch.random.expovariate(self.rate)
        if self.duration and passed + wait > self.duration:
            return

        def call() -> None:
            line = switch.random.randrange(switch.plan.lines)
            caller = f"55{switch.random.randrange(10_000, 99_999)}"
            switch.incoming(line, caller, give_up=switch.random.uniform(2.0, 20.0))
            self._next(switch, passed + wait)

        switch.clock.after(wait, call)


def perform(switch: Switch, step: dict[str, Any]) -> None:
    """Perform a step of a script."""
    line, phone = step.get("line", 0), step.get("phone", 0)
    address = step.get("address", 0)
    match step["do"]:
        case "call":
            caller, name = step.get("from", "5551000"), step.get("name", "")
            switch.incoming(line, caller, name, address=address, give_up=step.get("give-up"))
        case "hang-up":
            for party in map(switch.connections.party, switch.connections.calls_at(line, address)):
                if party.remote is not None and party.remote.call is None:
                    switch.routing.hang_up(party.remote)
        case "digits":
            for party in map(switch.connections.party, switch.connections.calls_at(line, address)):
                switch.tones.receive(party, step.get("digits", ""))
        case "close-line":
            switch.sink.line_close(line)
        case "remove-line":
            switch.sink.line_remove(line)
        case "add-line":
            switch.sink.line_create()
        case "button":
            push_button(switch, phone, step.get("button", 0))
        case "lift":
            lift(switch, phone)
        case _:
            switch.sink.phone_close(phone)


def load_script(path: str | Path) -> Script:
    """Read a script. Raises `ScriptError` or `OSError`."""
    with Path(path).open("rb") as stream:
        try:
            found = tomllib.load(stream)
        except tomllib.TOMLDecodeError as error:
            raise ScriptError(f"{path}: {error}") from error
    try:
        return _script(found)
    except (TypeError, KeyError, AttributeError) as error:
        raise ScriptError(f"{path}: {error}") from error


def _script(found: dict[str, Any]) -> Script:
    unknown = found.keys() - {"seed", "switch", "numbers", "steps", "random"}
    if unknown:
        raise ScriptError(f"unknown tables or keys: {', '.join(sorted(unknown))}")
    plan = _plan(found.get("switch", {}))
    own = []
    for entry in found.get("numbers", ()):
        pattern = entry["pattern"]
        behaviour = Behaviour(**{name: value for name, value in entry.items() if name != "pattern"})
        if behaviour.does not in _DOES:
            raise ScriptError(f"does = {behaviour.does!r}: must be one of {', '.join(sorted(_DOES))}")
        own.append((pattern, behaviour))
    plan.numbers[:0] = own
    chance = found.get("random", {})
    steps = [_step(entry) for entry in found.get("steps", ())]
    return Script(plan, found.get("seed", 0), steps, chance.get("rate", 0.0), chance.get("for", 0.0))


def _plan(entries: dict[str, Any]) -> Plan:
    known = {one.name for one in fields(Plan)} - {"numbers"}
    unknown = entries.keys() - known
    if unknown:
        raise ScriptError(
            f"[switch]: unknown keys {', '.join(sorted(unknown))}; known keys: {', '.join(sorted(known))}"
        )
    return Plan(**entries)


def _step(entry: dict[str, Any]) -> dict[str, Any]:
    what = entry.get("do")
    if what not in _STEPS:
        raise ScriptError(f"do = {what!r}: must be one of {', '.join(sorted(_STEPS))}")
    if not isinstance(entry.get("at"), (int, float)):
        raise ScriptError(f"a step needs at = SECONDS: {entry}")
    unknown = entry.keys() - _STEPS[what] - {"at", "do"}
    if unknown:
        raise ScriptError(f"do = {what!r} has no parameter {', '.join(sorted(unknown))}")
    return entry

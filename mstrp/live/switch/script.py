"""What happens at a simulated switch, as a small file (TOML).

seed = 7

[switch]                   # lines, phones, addresses, first, pace, step, ring, patience, active
lines = 4
pace = 0.5

[[numbers]]                # who is outside: the first pattern that fits
pattern = "5559*"
does = "busy"              # answer, busy, no-answer, reject, bad-number, congestion, announcement
after = 1.0

[[steps]]                  # what happens when, in seconds after the start
at = 2.0
do = "call"                # call, hang-up, close-line, remove-line, add-line, digits, button, lift, close-phone
line = 0
from = "5551000"
name = "Ms Example"
give-up = 10.0

[random]                   # calls that come by chance
rate = 0.5                 # per second, over all lines
for = 60.0                 # seconds
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    """A script that says something that cannot be meant."""


@dataclass
class Script:
    """What happens."""

    plan: Plan = field(default_factory=Plan)
    seed: int = 0
    steps: list[dict[str, Any]] = field(default_factory=list)
    #: Calls per second that come by chance, and for how long.
    rate: float = 0.0
    duration: float = 0.0

    def start(self, switch: Switch) -> None:
        """Set everything off."""
        for step in self.steps:
            switch.after(step["at"], lambda step=step: perform(switch, step))  # type: ignore[misc]
        if self.rate:
            self._next(switch, 0.0)

    def _next(self, switch: Switch, passed: float) -> None:
        wait = switch.chance.expovariate(self.rate)
        if self.duration and passed + wait > self.duration:
            return

        def come() -> None:
            line = switch.chance.randrange(switch.plan.lines)
            caller = f"55{switch.chance.randrange(10_000, 99_999)}"
            switch.incoming(line, caller, give_up=switch.chance.uniform(2.0, 20.0))
            self._next(switch, passed + wait)

        switch.after(wait, come)


def perform(switch: Switch, step: dict[str, Any]) -> None:
    """Let a step of a script happen."""
    line, phone = step.get("line", 0), step.get("phone", 0)
    match step["do"]:
        case "call":
            switch.incoming(
                line,
                step.get("from", "5551000"),
                step.get("name", ""),
                address=step.get("address", 0),
                give_up=step.get("give-up"),
            )
        case "hang-up":
            for call in switch.calls_at(line, step.get("address", 0)):
                leg = switch.leg(call)
                if leg.peer is not None and leg.peer.call is None:
                    switch.hang_up(leg.peer)
        case "digits":
            for call in switch.calls_at(line, step.get("address", 0)):
                switch.hear(switch.leg(call), step.get("digits", ""))
        case "close-line":
            switch.sink.line_close(line)
        case "remove-line":
            switch.sink.line_remove(line)
        case "add-line":
            switch.sink.line_create()
        case "button":
            switch.push_button(phone, step.get("button", 0))
        case "lift":
            switch.lift(phone)
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
        raise ScriptError(f"unknown: {', '.join(sorted(unknown))}")
    plan = _plan(found.get("switch", {}))
    own = []
    for entry in found.get("numbers", ()):
        pattern = entry["pattern"]
        behaviour = Behaviour(**{name: value for name, value in entry.items() if name != "pattern"})
        if behaviour.does not in _DOES:
            raise ScriptError(f"a number does one of {', '.join(sorted(_DOES))}, not {behaviour.does!r}")
        own.append((pattern, behaviour))
    plan.numbers[:0] = own
    chance = found.get("random", {})
    steps = [_step(entry) for entry in found.get("steps", ())]
    return Script(plan, found.get("seed", 0), steps, chance.get("rate", 0.0), chance.get("for", 0.0))


def _plan(entries: dict[str, Any]) -> Plan:
    known = {one.name for one in fields(Plan)} - {"numbers"}
    unknown = entries.keys() - known
    if unknown:
        raise ScriptError(f"[switch] has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}")
    return Plan(**entries)


def _step(entry: dict[str, Any]) -> dict[str, Any]:
    what = entry.get("do")
    if what not in _STEPS:
        raise ScriptError(f"a step does one of {', '.join(sorted(_STEPS))}, not {what!r}")
    if not isinstance(entry.get("at"), (int, float)):
        raise ScriptError(f"a step says when it happens: at = SECONDS ({entry})")
    unknown = entry.keys() - _STEPS[what] - {"at", "do"}
    if unknown:
        raise ScriptError(f"{what} takes no {', '.join(sorted(unknown))}")
    return entry

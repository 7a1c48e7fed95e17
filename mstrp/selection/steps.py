"""Choice of the steps that `draw --capture` counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsm.engine.levels import verdict_of
from mstrp.selection.packets import PacketFacts

if TYPE_CHECKING:
    from fsm.engine.step import Step
    from mstrp.capture.packets import Packet
    from mstrp.selection.conditions import Selection

__all__ = ["StepChooser"]


class StepChooser:
    """Chooses steps; it needs all packets too, because a step has no addresses."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._facts = PacketFacts()
        self._hosts: dict[str, tuple[str, str]] = {}
        self._last = ("", 0, "")

    def packet(self, packet: Packet) -> None:
        """Take a packet."""
        self._facts.of(packet)
        if packet.client:
            self._hosts[packet.session] = packet.client, packet.server
        self._last = packet.session, packet.frame, packet.name

    def chooses(self, step: Step) -> bool:
        """Whether a step is selected."""
        machine, instance = step.machine.name, step.instance
        client, server = self._hosts.get(step.session, ("", ""))
        line = instance if machine == "line" else ""
        if machine == "call":
            handle = self._facts.line_of(step.session, int(instance.partition("#")[0], 16))
            line = "" if handle is None else f"{handle:#x}"
        packets = {step.event.name, *step.event.name.split()}
        if self._last[:2] == (step.session, step.frame):
            packets.add(self._last[2])
        rule = step.move.rule
        return self._selection.matches(
            {
                "session": (step.session,),
                "client": (client,),
                "server": (server,),
                "call": (instance,) if machine == "call" else (),
                "line": (line,) if line else (),
                "packet": packets,
                "rule": (rule,) if rule else (),
                "verdict": (verdict_of(step.move.level).value,) if rule else (),
                "frames": ((step.frame, step.frame),),
                "time": ((step.time, step.time),),
            }
        )

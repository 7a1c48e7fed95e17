"""Joint rows: entering a state of one machine is an event for the instances that depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import IntEnum

    from fsm.engine.row import Event, Ref
    from fsm.engine.table import Table

__all__ = ["Joint", "JointIndex", "index_joints"]


class Joint(NamedTuple):
    """When an instance of ``trigger`` enters ``state``, each of its dependents of the other machine receives ``event``."""

    trigger: Table
    state: IntEnum
    dependent: Table
    event: Event
    ref: Ref


#: The dependents and their events, by the machine and state that trigger them.
JointIndex = dict[tuple[str, int], list[tuple[str, "Event"]]]


def index_joints(joints: Iterable[Joint]) -> JointIndex:
    """Index joint rows for a `Runner`."""
    found: JointIndex = {}
    for joint in joints:
        found.setdefault((joint.trigger.name, int(joint.state)), []).append((joint.dependent.name, joint.event))
    return found

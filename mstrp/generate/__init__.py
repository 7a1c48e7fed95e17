"""Captures made to order: legal conversations of any length, on the wire as recorded stacks put them there."""

from mstrp.generate.scenarios import SCENARIOS, Cast, play
from mstrp.generate.wire import Wire

__all__ = ["SCENARIOS", "Cast", "Wire", "play"]

"""Captures made to order: legal conversations of any length, on the wire as recorded stacks put them there."""

from mstrp.generate.captures import play
from mstrp.generate.flows import FLOWS
from mstrp.generate.wire import Wire

__all__ = ["FLOWS", "Wire", "play"]

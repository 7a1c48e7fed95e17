"""Generate captures of legal conversations of any length, with frames as a real stack sends them."""

from mstrp.generate.captures import play
from mstrp.generate.flows import FLOWS
from mstrp.generate.wire import Wire

__all__ = ["FLOWS", "Wire", "play"]

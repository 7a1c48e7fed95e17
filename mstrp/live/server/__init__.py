"""A telephony server: every request answered as the specification says, with a provider behind it."""

from mstrp.live.server.options import Limits, Options
from mstrp.live.server.server import Server

__all__ = ["Limits", "Options", "Server"]

"""A telephony server: it handles every request as specified, with a service provider."""

from mstrp.live.server.options import Limits, Options
from mstrp.live.server.server import Server

__all__ = ["Limits", "Options", "Server"]

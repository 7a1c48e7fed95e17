"""The answers to all requests, one function each."""

from mstrp.live.server.handlers import agents, calls, generic, lines, management, media, phones, session

__all__ = ["agents", "calls", "generic", "lines", "management", "media", "phones", "session"]

"""A telephony client: applications, lines, calls and phones are objects, requests coroutines, events iterators."""

from mstrp.live.client.call import Call, CallEnded
from mstrp.live.client.client import TapiClient
from mstrp.live.client.line import Line, LineApp
from mstrp.live.client.options import ClientOptions
from mstrp.live.client.phone import Phone, PhoneApp

__all__ = ["Call", "CallEnded", "ClientOptions", "Line", "LineApp", "Phone", "PhoneApp", "TapiClient"]

"""A telephony client: applications, lines, calls and phones as objects, requests as coroutines, events as iterators."""

from mstrp.live.client.call import Call, CallEnded
from mstrp.live.client.client import ClientOptions, TapiClient
from mstrp.live.client.line import Line, LineApp
from mstrp.live.client.phone import Phone, PhoneApp

__all__ = ["Call", "CallEnded", "ClientOptions", "Line", "LineApp", "Phone", "PhoneApp", "TapiClient"]

"""A simulated telephone exchange: a provider with lines, calls, agents and phones that behave like the real thing."""

from mstrp.live.exchange.exchange import Exchange
from mstrp.live.exchange.plan import Behaviour, Plan
from mstrp.live.exchange.script import Script, ScriptError, load_script

__all__ = ["Behaviour", "Exchange", "Plan", "Script", "ScriptError", "load_script"]

"""A simulated telephone switch: a provider with lines, calls, agents and phones."""

from mstrp.live.switch.plan import Behaviour, Plan
from mstrp.live.switch.script import Script, ScriptError, load_script
from mstrp.live.switch.switch import Switch

__all__ = ["Behaviour", "Plan", "Script", "ScriptError", "Switch", "load_script"]

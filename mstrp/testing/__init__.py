"""Conversations that keep and break the rules of MS-TRP, for tests of other programs and of the monitor itself.

`trials` gives, for every rule that is checked, conversations that just break it and conversations that just keep it;
`Situation` is a session in which any request can be made, with packets in which everything is right; `legal_walk` makes
random legal conversations. `Director` knows what may legally happen next in a conversation, `LeastCovered` decides what to do next so that the rows taken least come first; `tour` walks
over all rows of a table. With Hypothesis, the extra ``mstrp[testing]``: strategies for `requests`, `responses`,
`events`, `completions` and `structures`, all of them legal, and `wild` for packets that have only the declared shape;
`conversations` that are legal, `broken` ones with exactly one broken rule, and the legal `orders` of a conversation.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mstrp.testing.director import Director, covering_walk
from mstrp.testing.least import LeastCovered, Option, Place, RowKey
from mstrp.testing.legal import Names, legal_request
from mstrp.testing.situation import Situation
from mstrp.testing.tour import tour
from mstrp.testing.tours import tours
from mstrp.testing.trial import Trial
from mstrp.testing.trials import trials
from mstrp.testing.walk import legal_walk

if TYPE_CHECKING:
    from mstrp.testing import wild
    from mstrp.testing.conversing import Broken, breakable, broken, conversations, orders
    from mstrp.testing.stateful import machine
    from mstrp.testing.strategies import completions, events, requests, responses, structures

__all__ = [
    "Broken",
    "Director",
    "LeastCovered",
    "Names",
    "Option",
    "Place",
    "RowKey",
    "Situation",
    "Trial",
    "breakable",
    "broken",
    "completions",
    "conversations",
    "covering_walk",
    "events",
    "legal_request",
    "legal_walk",
    "machine",
    "orders",
    "requests",
    "responses",
    "structures",
    "tour",
    "tours",
    "trials",
    "wild",
]

#: What needs Hypothesis, by the module that has it.
_LATE = {
    **dict.fromkeys(("completions", "events", "requests", "responses", "structures"), "mstrp.testing.strategies"),
    "machine": "mstrp.testing.stateful",
    **dict.fromkeys(("Broken", "breakable", "broken", "conversations", "orders"), "mstrp.testing.conversing"),
}


def __getattr__(name: str) -> Any:
    """What needs Hypothesis is loaded when it is wanted. Raises `ImportError` that names the extra where that is missing."""
    if name == "wild":
        return import_module("mstrp.testing.wild")
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)

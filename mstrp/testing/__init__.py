"""Generate legal and illegal MS-TRP packets and conversations, to test other programs and the monitor itself.

`rule_cases` returns conversations for every checked rule: some just violate it, some just satisfy it. `PreparedSession`
is a session in which any request can be sent, and generates legal packets for it. `legal_walk` generates random legal
conversations. `Director` lists the legal next steps of a conversation; `LeastCovered` selects the step with the least
covered rows; `tour` takes all rows of a table. With Hypothesis (extra ``mstrp[testing]``): the strategies `requests`,
`responses`, `events`, `completions` and `structures` generate legal packets, and `arbitrary` generates the declared
layouts with any values; `conversations` are legal, `broken` ones contain exactly one violation, and `orders` are the
legal orders of a conversation.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mstrp.testing.case import RuleCase
from mstrp.testing.director import Director, covering_walk
from mstrp.testing.legal import Names, legal_request
from mstrp.testing.prepared_session import PreparedSession
from mstrp.testing.rule_cases import rule_cases
from mstrp.testing.selection import LeastCovered, Option, Place, RowKey
from mstrp.testing.tour import tour
from mstrp.testing.tours import tours
from mstrp.testing.walk import legal_walk

if TYPE_CHECKING:
    from mstrp.testing import arbitrary
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
    "PreparedSession",
    "RowKey",
    "RuleCase",
    "arbitrary",
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
    "rule_cases",
    "structures",
    "tour",
    "tours",
]

#: Names that need Hypothesis, each with its module.
_LATE = {
    **dict.fromkeys(("completions", "events", "requests", "responses", "structures"), "mstrp.testing.strategies"),
    "machine": "mstrp.testing.stateful",
    **dict.fromkeys(("Broken", "breakable", "broken", "conversations", "orders"), "mstrp.testing.conversing"),
}


def __getattr__(name: str) -> Any:
    """Import a name that needs Hypothesis at first use.

    Raises `ImportError` with the missing extra if Hypothesis is not installed.
    """
    if name == "arbitrary":
        return import_module("mstrp.testing.arbitrary")
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)

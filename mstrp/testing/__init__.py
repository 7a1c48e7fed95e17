"""Conversations that keep and break the rules of MS-TRP, for tests of other programs and of the monitor itself.

`trials` gives, for every rule that is checked, conversations that just break it and conversations that just keep it;
`Situation` is a session in which any request can be made, with packets in which everything is right; `legal_walk` makes
random legal conversations.
"""

from mstrp.testing.situation import Situation
from mstrp.testing.trial import Trial
from mstrp.testing.trials import trials
from mstrp.testing.walk import legal_walk

__all__ = ["Situation", "Trial", "legal_walk", "trials"]

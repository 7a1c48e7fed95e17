"""Legal traffic causes no finding."""

from __future__ import annotations

import os
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fsm import Monitor
from fsm.engine.levels import Verdict
from mstrp.generate.stages import MonitorStage, perform
from mstrp.testing import legal_walk

MANY = 100_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 2_000


@settings(max_examples=MANY)
@given(seed=st.integers(0, 2**64 - 1), length=st.integers(0, 60))
def test_random_legal_conversations(seed: int, length: int) -> None:
    """A random legal conversation in a random legal order causes no finding."""
    choose = random.Random(seed).randrange
    monitor = Monitor()
    perform(legal_walk(choose, length).order(choose), MonitorStage(monitor))
    monitor.finish()
    assert [str(finding) for finding in monitor.findings if finding.verdict is not Verdict.INFO] == []

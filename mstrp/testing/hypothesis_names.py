"""Import Hypothesis, or raise an error that explains how to install it."""

from __future__ import annotations

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import (
        Bundle,
        RuleBasedStateMachine,
        consumes,
        invariant,
        multiple,
        precondition,
        rule,
    )
except ImportError as _missing:
    raise ImportError("this part of mstrp.testing needs Hypothesis: pip install 'mstrp[testing]'") from _missing

__all__ = ["Bundle", "RuleBasedStateMachine", "consumes", "invariant", "multiple", "precondition", "rule", "st"]

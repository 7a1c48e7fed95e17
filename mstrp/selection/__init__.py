"""Selection of sessions, calls, packets and findings by ``KEY=PATTERN``."""

from mstrp.selection.conditions import KEYS, Facts, Selection

__all__ = ["KEYS", "Facts", "Selection"]

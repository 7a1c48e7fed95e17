"""The documentation page on captures is correct."""

from __future__ import annotations

import re
from pathlib import Path

from mstrp.capture.limits import Limits

PAGE = (Path(__file__).parent.parent.parent / "docs" / "captures.md").read_text(encoding="utf-8")


def test_the_table_of_limits_is_right() -> None:
    """All limits are in the page, with their defaults."""
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| ([\d,]+) \|", PAGE, re.MULTILINE))
    defaults = {name.replace("_", "-"): f"{int(value):,}" for name, value in Limits()._asdict().items()}
    assert rows == defaults


def test_the_example_runs() -> None:
    """The example of a program's own transport runs unchanged."""
    for code in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(code, "captures.md", "exec"), {})

"""Exit statuses, and which of several is the status of a run."""

from __future__ import annotations

import sys
import traceback
from typing import Final

from mstrp.commands.output import complain

__all__ = ["BROKEN", "INCONCLUSIVE", "INTERNAL", "INTERRUPTED", "OK", "UNREADABLE", "gravest", "internal_error"]

OK: Final = 0
#: A mandatory rule is violated (with ``--strict``: or there is a warning).
BROKEN: Final = 1
#: Usage error, or input or output that cannot be read or written.
UNREADABLE: Final = 2
#: Nothing failed, and nothing was judged (with ``--strict``: or not all MS-TRP traffic was).
INCONCLUSIVE: Final = 3
#: A fault of this program.
INTERNAL: Final = 4
#: Ctrl-C, as in shells.
INTERRUPTED: Final = 130

_ORDER: Final = (INTERRUPTED, BROKEN, INTERNAL, UNREADABLE, INCONCLUSIVE, OK)


def gravest(*statuses: int) -> int:
    """Return the status of a run of several parts: the first in order of precedence."""
    return min(statuses, key=_ORDER.index, default=OK)


def internal_error(error: BaseException, *, verbose: int = 0, about: str = "") -> str:
    """Report an unexpected exception, with its traceback if ``verbose`` > 1; return the message."""
    if verbose > 1:
        traceback.print_exception(error, file=sys.stderr)
    text = f"{about}{': ' if about else ''}internal error: {type(error).__name__}: {error}"
    complain(text if verbose > 1 else f"{text} (-vv prints the traceback)")
    return text

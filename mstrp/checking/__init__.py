"""Checking captures: one file, or several in parallel processes."""

from mstrp.checking.check import Watcher, check_capture
from mstrp.checking.results import CallResult, CaptureResult, Expected, Judged, Part, SessionResult, Unjudged

__all__ = [
    "CallResult",
    "CaptureResult",
    "Expected",
    "Judged",
    "Part",
    "SessionResult",
    "Unjudged",
    "Watcher",
    "check_capture",
]

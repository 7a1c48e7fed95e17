"""Checking captures: one file, or several in parallel processes."""

from mstrp.checking.check import CallResult, CaptureResult, Expected, Part, SessionResult, Watcher, check_capture

__all__ = ["CallResult", "CaptureResult", "Expected", "Part", "SessionResult", "Watcher", "check_capture"]

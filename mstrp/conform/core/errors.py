"""Why a test case cannot continue."""

from __future__ import annotations

__all__ = ["Missing", "NotOffered", "Unreachable"]


class Missing(Exception):  # noqa: N818 - what was waited for did not come
    """Something did not happen in time, or the server ended what was under way."""


class NotOffered(Missing):
    """The server, or what is behind it, does not have what a test needs."""


class Unreachable(Exception):  # noqa: N818 - as above
    """The server cannot be reached, or lets nobody attach."""

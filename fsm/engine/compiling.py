"""Declarations for the optional compiler (mypyc) in addition to types; without effect in plain Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["mypyc_attr"]

try:
    from mypy_extensions import mypyc_attr
except ImportError:

    def mypyc_attr(*given: Any, **named: Any) -> Callable[[type], type]:  # type: ignore[misc]
        return lambda kind: kind

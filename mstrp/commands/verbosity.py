"""The options ``-v`` and ``-q``, which every command and subcommand takes, before and after its name."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["Verbosity"]


class Verbosity:
    """The occurrences of ``-v`` and ``-q`` on a command line, counted over all parsers that take them."""

    def __init__(self) -> None:
        self.verbose = 0
        self.quiet = False

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add both options to a parser."""
        more: dict[str, Any] = {"nargs": 0, "dest": argparse.SUPPRESS, "default": argparse.SUPPRESS}
        parser.add_argument(
            "-v", "--verbose", action=_Count, const=self, help="print progress (-vv: every step, tracebacks)", **more
        )
        parser.add_argument("-q", "--quiet", action=_Count, const=self, help="print only the result", **more)


class _Count(argparse.Action):
    """Count an option in the `Verbosity` shared by all parsers, because a subparser has a separate namespace."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        found: Verbosity = self.const
        if "--quiet" in self.option_strings:
            found.quiet = True
        else:
            found.verbose += 1

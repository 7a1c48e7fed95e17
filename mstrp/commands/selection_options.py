"""The option ``--show`` of `check`, `decode` and `draw`."""

from __future__ import annotations

import argparse

from mstrp.selection import KEYS, Selection

__all__ = ["add_show_option", "selection_of"]


def add_show_option(parser: argparse.ArgumentParser) -> None:
    """Declare ``--show``."""
    keys = "; ".join(f"{key} ({summary})" for key, summary in KEYS.items())
    parser.add_argument(
        "--show",
        metavar="KEY=PATTERN[,…]",
        action="append",
        default=[],
        type=_checked,
        help="show only what matches; several options must all match, one of several patterns is enough, * ? [] match "
        f"as in file names; verdict and status do not change. The keys: {keys}",
    )


def _checked(text: str) -> str:
    """Check one option."""
    try:
        Selection([text])
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def selection_of(options: argparse.Namespace) -> Selection:
    """Return the selection of the options; it is false if there is none."""
    return Selection(options.show)

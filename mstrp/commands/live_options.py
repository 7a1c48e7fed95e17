"""Options shared by the live commands: credentials, event delivery, transfer syntax."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from mstrp.capture.packets import CLIENT_TO_SERVER, Packet
from mstrp.report.describe import describe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Coroutine, Iterator

    from mstrp.live.client import TapiClient

__all__ = ["add_client_options", "client_options", "credentials", "run_until_interrupted", "shown"]


def add_client_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options for the connection of a client."""
    parser.add_argument("--events", choices=("push", "pull"), default="push", help="event delivery (default: push)")
    syntax = parser.add_mutually_exclusive_group()
    syntax.add_argument("--ndr20", action="store_const", const="20", dest="ndr", help="offer only NDR20")
    syntax.add_argument("--ndr64", action="store_const", const="64", dest="ndr", help="offer only NDR64")
    parser.set_defaults(ndr="auto")


def credentials(text: str) -> tuple[str, str]:
    """Split NAME:PASSWORD; raises `ValueError`."""
    import argparse

    name, colon, password = text.partition(":")
    if not colon or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME:PASSWORD")
    return name, password


def client_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments for `TapiClient.connect`."""
    return {"events": options.events, "ndr": options.ndr}


@contextlib.contextmanager
def shown(client: TapiClient, write: Callable[[str], Any]) -> Iterator[None]:
    """Print each packet of a client when it is sent or received."""

    def show(direction: str, method: str, phase: str, content: Any) -> None:
        packet = Packet(0, client.now(), "", direction, method, phase, content)
        arrow = "->" if direction == CLIENT_TO_SERVER else "<-"
        write(f"{packet.time:9.4f} {arrow} {describe(packet)}\n")

    client.on_packet = show
    try:
        yield
    finally:
        client.on_packet = None


def run_until_interrupted(work: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine; Ctrl-C cancels it, so that it can clean up."""
    with asyncio.Runner() as runner:
        return runner.run(work)

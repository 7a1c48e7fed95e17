"""The client under test: a command that is started for each test, or whoever connects."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from typing import Protocol

__all__ = ["Command", "Iut", "Waiting"]

#: Bytes of what a command writes that are kept.
_KEPT = 4000


class Iut(Protocol):
    """A client that can be made to connect."""

    #: Whether it can be started anew, so that one run can be compared with another.
    repeatable: bool

    async def play(self, binding: str) -> int | None:
        """Let the client connect and do what it does; its exit status, None where there is none."""

    @property
    def said(self) -> str:
        """What it wrote to its standard error last."""


class Command:
    """A command without a shell; ``{binding}``, ``{host}`` and ``{port}`` in it are filled in."""

    repeatable = True

    def __init__(self, text: str) -> None:
        self.words = shlex.split(text)
        if not self.words:
            raise ValueError("--run needs a command")
        self.said = ""

    async def play(self, binding: str) -> int | None:
        """Run the command to its end; it is killed when the task is cancelled."""
        sequence, _, rest = binding.partition(":")
        host, _, port = rest.rstrip("]").partition("[")
        names = {"{binding}": binding, "{host}": host, "{port}": port, "{sequence}": sequence}
        words = []
        for given in self.words:
            word = given
            for name, value in names.items():
                word = word.replace(name, value)
            words.append(word)
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # A group of its own, so that what it starts can be ended with it.
            process_group=0 if os.name == "posix" else None,
        )
        kept = bytearray()
        try:
            assert process.stderr is not None
            while data := await process.stderr.read(4096):
                kept += data
                del kept[:-_KEPT]
            return await process.wait()
        finally:
            self.said = kept.decode(errors="replace")
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    _kill(process)
                await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


class Waiting:
    """Nobody is started: clients connect when their users let them."""

    repeatable = False
    said = ""

    async def play(self, binding: str) -> int | None:
        """Wait for ever."""
        await asyncio.get_running_loop().create_future()
        return None

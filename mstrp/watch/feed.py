"""Packets of an interface, from dumpcap or tcpdump as a child process."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Child", "FeedError", "capture_command"]

#: Capture programs, and their arguments for an interface and for a filter.
_PROGRAMS = {"dumpcap": ("-q", "-w", "-", "-i"), "tcpdump": ("-U", "-s", "0", "-w", "-", "-i")}
#: Lines of the child's messages that are kept.
_LINES = 20
#: Seconds for the child to end after it was told to.
_PATIENCE = 5.0


class FeedError(Exception):
    """No packets can be captured; the message states why."""


def capture_command(interface: str, capture_filter: str = "", program: str = "") -> list[str]:
    """Return the command that writes the packets of an interface to its standard output."""
    found = shutil.which(program) if program else next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if found is None:
        what = f"{program} was not found" if program else "neither dumpcap (Wireshark) nor tcpdump was found"
        raise FeedError(f"{what}; install one of them, or pipe packets: `… | mstrp watch -`")
    kind = "dumpcap" if Path(found).name.startswith("dumpcap") else "tcpdump"
    command = [found, *_PROGRAMS[kind], interface]
    if not capture_filter:
        return command
    return [*command, "-f", capture_filter] if kind == "dumpcap" else [*command, "--", capture_filter]


class Child:
    """A capture program; it ends with the context."""

    def __init__(self, command: Sequence[str]) -> None:
        self.name = Path(command[0]).name
        try:
            # In a session of its own: Ctrl-C is for this program, which then ends the child.
            self._process = subprocess.Popen(  # noqa: S603 - the program that the user named, without a shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise FeedError(f"{self.name} cannot be started: {error.strerror}") from None
        self._said: deque[str] = deque(maxlen=_LINES)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def stream(self) -> BinaryIO:
        """The packets."""
        assert self._process.stdout is not None
        return self._process.stdout  # type: ignore[return-value]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the child, if it has not ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self.stream.close()
        self._listener.join(1)

    def complaint(self) -> str:
        """Wait for the end of the child, whose output is over; return why it ended, or "" if it was successful."""
        try:
            status = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return f"{self.name} closed its output"
        self._listener.join(1)
        if status == 0:
            return ""
        how = f"signal {_signal(-status)}" if status < 0 else f"status {status}"
        said = _reason(self._said).removeprefix(f"{self.name}: ")
        return f"{self.name} ended with {how}" + (f": {printable(said)}" if said else "")

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            text = line[:1000].decode("utf-8", "replace").strip()
            if text:
                self._said.append(text)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _reason(lines: Sequence[str]) -> str:
    """Return the line that states the error: one that names permission or the device, else the last one."""
    telling = ("permission", "not permitted", "no such device", "doesn't exist", "there is no", "no interface")
    for line in lines:
        if any(text in line.casefold() for text in telling):
            return line
    return lines[-1] if lines else ""

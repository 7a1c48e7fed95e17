"""Run the program in a terminal, and observe processes from outside."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "mstrp"]


def environment(**more: str) -> dict[str, str]:
    """Return a minimal environment with the project on the path, independent of that of the tests."""
    plain = {"PYTHONPATH": str(ROOT), "PATH": os.environ.get("PATH", ""), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    return {**plain, **more}


def in_terminal(*arguments: object, columns: int = 120, **more: str) -> tuple[int, str]:
    """Run the program in a terminal of a given width; return exit status and screen content."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=environment(**more),
    ) as process:
        os.close(theirs)
        seen = bytearray()
        while True:
            try:
                data = os.read(ours, 65_536)
            except OSError:  # Linux reports this when the other end is closed
                break
            if not data:
                break
            seen += data
        os.close(ours)
    return process.returncode, seen.decode().replace("\r\n", "\n")

"""Exit statuses: 1 only for a violated MUST, and one status for several captures."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from running import run
from test_streams import FAULTY, PROGRAM, ROOT, _interruptible, environment, terminals  # noqa: F401 - a fixture

from mstrp.commands import check
from mstrp.commands.status import gravest

GOOD = ROOT / "samples" / "blind-transfer.pcapng"
#: Bytes of file names that control a terminal, break a format, or are invalid text.
NAMES = {
    "not UTF-8": b"a\xff",
    "escape": b"a\x1b[31m",
    "new line": b"a\nmstrp: PASS",
    "bidi": "a\u202eb".encode(),
    "markup": b"a<script>&\"'",
    "forbidden in XML": "a\ufffe\x01".encode(),
}
RAW = ("\x1b", "\u202e", "\ufffe", "\x01", "<script>")


@pytest.mark.parametrize("statuses", list(itertools.permutations((130, 1, 4, 2, 3, 0), 2)))
def test_the_gravest_status(statuses: tuple[int, int]) -> None:
    """Of two statuses, the first in the order of precedence is returned."""
    order = (130, 1, 4, 2, 3, 0)
    assert gravest(*statuses) == min(statuses, key=order.index)


@pytest.mark.parametrize(
    ("captures", "status"),
    [
        ((FAULTY, "missing.pcap"), 1),
        (("missing.pcap", FAULTY), 1),
        (("missing.pcap", GOOD), 2),
        (("missing.pcap", "bad", FAULTY), 1),
        (("bad", "missing.pcap"), 4),
        ((GOOD, "bad", GOOD), 4),
    ],
)
def test_several_captures(monkeypatch: pytest.MonkeyPatch, captures: tuple[Any, ...], status: int) -> None:
    """All captures are processed, and the first of 1, 4, 2, 0 that occurred is the status."""
    real = check.check_capture

    def stumble(path: str, **options: Any) -> Any:
        if path == "bad":
            raise ZeroDivisionError("by zero")
        return real(path, **options)

    monkeypatch.setattr(check, "check_capture", stumble)
    monkeypatch.chdir(ROOT)
    outcome = run("check", "--format", "json", *captures)
    assert outcome.status == status
    assert len(outcome.json["captures"]) == len(captures)
    if "bad" in captures:
        assert "mstrp: bad: internal error: ZeroDivisionError: by zero (-vv prints the traceback)\n" in outcome.err


@pytest.mark.parametrize("command", ["check", "decode", "explain", "draw"])
@pytest.mark.parametrize("verbose", [False, True])
def test_an_internal_error(monkeypatch: pytest.MonkeyPatch, command: str, verbose: bool) -> None:
    """An unexpected exception gives status 4 and one line; `-vv` adds the traceback."""
    from importlib import import_module

    def stumble(options: Any) -> int:
        raise KeyError("x")

    monkeypatch.setattr(import_module(f"mstrp.commands.{command}"), "run", stumble)
    outcome = run(command, *(["-vv"] if verbose else []), *(["x"] if command != "draw" else []))
    assert outcome.status == 4
    assert ("Traceback" in outcome.err) is verbose
    assert verbose or outcome.err == "mstrp: internal error: KeyError: 'x' (-vv prints the traceback)\n"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("form", ["text", "json", "jsonl", "junit", "sarif", "html"])
def test_names_are_escaped_in_every_format(tmp_path: Path, form: str, name: bytes) -> None:
    """A file with any name is checked, and its name is escaped for terminals and readers."""
    place = os.fsdecode(os.fsencode(tmp_path) + b"/" + name + b".pcap")
    Path(place).write_bytes((ROOT / FAULTY).read_bytes())
    outcome = run("check", "--format", form, "--diagrams", tmp_path / "out", place, place + "-missing")
    assert outcome.status == 1
    for text in (outcome.out, outcome.err):
        shown = text if form != "html" else text.split("</style>")[-1].split("<script>")[0]
        raws = RAW if form in {"html", "junit"} and text is outcome.out else RAW[:4]
        assert not [raw for raw in raws if raw in shown]
        text.encode()
    assert "\nmstrp: PASS" not in outcome.out
    assert outcome.err.count("\n") == 1
    if form == "junit":
        ET.fromstring(outcome.out)
    if form == "json":
        assert outcome.json["captures"][0]["path"] == place
    for made in (tmp_path / "out").iterdir():
        assert made.name.isprintable()
        assert not [raw for raw in RAW[:4] if raw in made.read_text("utf-8")]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("kind", ["sqlite", "jsonl"])
def test_names_in_journals(tmp_path: Path, kind: str, name: bytes) -> None:
    """Journals accept captures with any name, and contain it."""
    place = os.fsdecode(os.fsencode(tmp_path) + b"/" + name + b".pcap")
    journal = os.fsdecode(os.fsencode(tmp_path) + b"/" + name + b"." + kind.encode())
    Path(place).write_bytes(GOOD.read_bytes())
    assert run("check", "--journal", journal, place).status == 0
    content = Path(journal).read_text("utf-8") if kind == "jsonl" else ""
    if kind == "sqlite":
        with contextlib.closing(sqlite3.connect(journal)) as database:
            ((content,),) = database.execute("SELECT DISTINCT capture FROM transitions")
    assert ".pcap" in content
    assert not [raw for raw in RAW[:4] if raw in content]


@pytest.mark.parametrize(
    ("redirected", "status"),
    [(">&-", 2), (">&- 2>&-", 2), (">/dev/full", 2), (">/dev/full 2>/dev/full", 2), ("2>&-", 1), ("2>/dev/full", 1)],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_streams_that_take_nothing(redirected: str, status: int) -> None:
    """A closed or full standard output gives status 2, never 1; standard error has no effect."""
    command = f'exec "$@" {redirected}'
    done = subprocess.run(
        ["sh", "-c", command, "sh", *PROGRAM, "check", FAULTY],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == status
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_closed_output_is_not_needed(tmp_path: Path) -> None:
    """With --output, standard output is not used."""
    place = tmp_path / "report.txt"
    command = ["sh", "-c", 'exec "$@" >&- 2>&- <&-', "sh", *PROGRAM, "check", "--output", str(place), str(GOOD)]
    assert subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode == 0
    assert "PASS" in place.read_text("utf-8")


@terminals
@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("command", ["check", "decode"])
def test_ctrl_c_at_a_fifo_without_a_writer(tmp_path: Path, command: str) -> None:
    """Opening a FIFO waits for its writer, and one Ctrl-C ends the wait."""
    place = tmp_path / "fifo.pcap"
    os.mkfifo(place)
    caller = threading.get_ident()

    def press() -> None:
        while sys._current_frames()[caller].f_code.co_name not in {"open_capture", "open"}:
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(2)
        with contextlib.suppress(OSError):
            os.close(os.open(place, os.O_WRONLY | os.O_NONBLOCK))
            ended.append("by a writer")

    ended: list[str] = []
    thread = threading.Thread(target=press)
    thread.start()
    outcome = run(command, place)
    thread.join()
    assert (outcome.status, ended) == (130, [])
    assert "interrupted" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("-v", "check"), (1, False)),
        (("check", "-v"), (1, False)),
        (("-v", "check", "-v", "-q"), (2, True)),
        (("-q", "conform", "-v", "server", "-v"), (2, True)),
        (("conform", "client", "-q"), (0, True)),
        (("conform", "learn", "-vv"), (2, False)),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_verbosity_before_and_after_every_command(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], found: tuple[int, bool]
) -> None:
    """`-v` and `-q` mean the same wherever they are."""
    from mstrp.commands import conform

    seen = []

    def look(options: Any) -> int:
        seen.append((options.verbose, options.quiet))
        return 0

    monkeypatch.setattr(check, "run", look)
    monkeypatch.setattr(conform, "run", look)
    positional = ("x",) if arguments[-2:] != ("client", "-q") else ("--list",)
    assert run(*arguments, *positional).status == 0
    assert seen == [found]

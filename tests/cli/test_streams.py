"""Standard output and standard error in different environments: terminals, pipes, old encodings, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import run
from terminal import PROGRAM, ROOT, environment, in_terminal

from mstrp.commands import progress
from mstrp.commands.interrupt import Interrupts
from mstrp.commands.progress import Bar
from mstrp.generate import Wire, play

FAULTY = "samples/connected-after-idle.pcap"
CONFERENCE = "tests/captures/impacket-scapy_conference.pcap"
terminals = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a capture of several blocks, with conversations from the first to the last."""
    place = tmp_path_factory.mktemp("large") / "large.pcap"
    with place.open("wb") as stream:
        play(Wire(stream), packets=30_000, clients=4)
    assert place.stat().st_size > 3 << 20
    return place


# -- terminals ----------------------------------------------------------------------------------------------------


@terminals
def test_a_terminal_sees_colours() -> None:
    """The verdict and the finding are red; requests, responses and events have different colors; states are bold."""
    status, seen = in_terminal("check", FAULTY)
    assert status == 1
    assert "\x1b[1;31mFAIL\x1b[0m" in seen
    assert re.search(r"\x1b\[1;31m *╰── FAIL CALL-V01", seen)
    for code in (34, 35, 36):
        assert f"\x1b[{code}m" in seen
    assert "\x1b[1mdeallocated\x1b[0m" in seen


@terminals
@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_switched_off(more: dict[str, str]) -> None:
    """NO_COLOR and a dumb terminal see the same text without an escape."""
    _, plain = in_terminal("check", FAULTY, **more)
    _, coloured = in_terminal("check", FAULTY)
    assert "\x1b" not in plain
    assert plain == re.sub(r"\x1b\[[\d;]*m", "", coloured)


def test_a_pipe_sees_no_colours() -> None:
    """Output that is not a terminal is plain text."""
    done = subprocess.run([*PROGRAM, "check", FAULTY], cwd=ROOT, env=environment(), capture_output=True, check=False)
    assert b"\x1b" not in done.stdout
    assert done.stderr == b""


@terminals
@pytest.mark.parametrize("columns", [72, 80, 100, 160])
def test_lines_fit_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider than the terminal, and no content is missing."""
    _, seen = in_terminal("check", FAULTY, CONFERENCE, columns=columns, NO_COLOR="1")
    assert [line for line in seen.splitlines() if len(line) > columns] == []
    monkeypatch.chdir(ROOT)
    wide = run("check", FAULTY, CONFERENCE).out
    words = sorted(word for word in seen.split() if word != "→")
    assert words == sorted(word for word in wide.split() if word != "→")


# -- other encodings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437"])
def test_an_old_encoding_gets_the_signs_that_it_has(encoding: str) -> None:
    """Arrows become ASCII where necessary; the text is otherwise the same, and no error occurs."""
    done = subprocess.run(
        [*PROGRAM, "check", FAULTY],
        cwd=ROOT,
        env=environment(PYTHONIOENCODING=encoding, PYTHONUTF8="0"),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")
    text = done.stdout.decode(encoding)
    assert "?" not in text
    assert "offering -> connected -> idle -> connected; deallocated" in text
    assert re.search(r"^ *18  0\.227767 <[-─]{2} ClientAttach = 0 +binding: push$", text, re.MULTILINE)


def test_a_name_that_is_no_text_can_be_printed(tmp_path: Path) -> None:
    """A file with a name that is not UTF-8 is checked like others."""
    place = os.fsencode(tmp_path) + b"/trace-\xff.pcap"
    Path(os.fsdecode(place)).write_bytes((ROOT / FAULTY).read_bytes())
    for form in ("text", "json", "jsonl", "junit"):
        command = [*map(os.fsencode, PROGRAM), b"check", b"--format", form.encode(), place]
        done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (1, b"")
        assert b"trace-" in done.stdout


# -- pipes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("check", FAULTY), 1),
        (("check", "--format", "json", CONFERENCE), 0),
        (("decode", CONFERENCE), 0),
        (("explain", "--list", "packets"), 0),
    ],
)
def test_a_reader_that_goes_away_is_no_failure(arguments: tuple[str, ...], status: int) -> None:
    """If the reader closes the pipe, the exit status is unchanged, without an error message."""
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [*PROGRAM, *arguments], cwd=ROOT, env=environment(), stdout=writing, stderr=subprocess.PIPE
    ) as process:
        os.close(writing)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (status, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said_in_one_line() -> None:
    """A full disk gives status 2 and one line."""
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        done = subprocess.run(
            [*PROGRAM, "check", CONFERENCE],
            cwd=ROOT,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "mstrp: No space left on device\n"


def test_standard_input_is_read() -> None:
    """`-` is standard input."""
    with (ROOT / FAULTY).open("rb") as capture:
        done = subprocess.run(
            [*PROGRAM, "check", "-"], cwd=ROOT, env=environment(), stdin=capture, capture_output=True, check=False
        )
    assert done.returncode == 1
    assert done.stdout.startswith(b"-: FAIL: 38 packets in 1 session judged\n")


# -- progress -------------------------------------------------------------------------------------------------------


class Screen(io.StringIO):
    """Standard error that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run shows the file and the progress, and clears it at the end."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    with Bar(str(large)) as bar:
        bar(1 << 20)
        bar(2 << 20)
    assert "large.pcap" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K")


@pytest.mark.parametrize("quiet", [True, False])
def test_progress_is_shown_nowhere_else(large: Path, monkeypatch: pytest.MonkeyPatch, quiet: bool) -> None:
    """With -q, and if standard error is not a terminal, no progress is shown."""
    screen = Screen() if quiet else io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    with Bar(str(large), quiet=quiet) as bar:
        bar(1 << 20)
    assert screen.getvalue() == ""


def test_a_quick_run_shows_no_progress(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run shorter than half a second shows no progress."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with Bar(str(large)) as bar:
        bar(1 << 20)
    assert screen.getvalue() == ""


# -- Ctrl-C ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Restore the default meaning of SIGINT, which shells ignore in background jobs."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pressed_after(blocks: int) -> Callable[[Bar, int], None]:
    """A bar that presses Ctrl-C once, after some blocks of the capture."""
    left = blocks

    def bar(self: Bar, position: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGINT)

    return bar


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("blocks", [1, 2])
def test_ctrl_c_ends_with_what_was_found_so_far(large: Path, monkeypatch: pytest.MonkeyPatch, blocks: int) -> None:
    """The report covers the packets read so far and states that it is incomplete; the exit status is 130."""
    monkeypatch.setattr(Bar, "__call__", pressed_after(blocks))
    outcome = run("check", "--format", "json", large, large)
    assert outcome.status == 130
    assert outcome.err == "mstrp: interrupted: partial result\n"
    (capture,) = outcome.json["captures"]
    assert capture["interrupted"] is True
    assert 100 < capture["frames"] < 29_000
    assert capture["verdict"] == "pass"
    assert [note["text"] for note in capture["notes"]] == ["interrupted: partial result"]


@pytest.mark.usefixtures("_interruptible")
def test_ctrl_c_works_as_before_afterwards(large: Path) -> None:
    """The program restores the handler."""
    before = signal.getsignal(signal.SIGINT)
    run("check", "--format", "json", ROOT / FAULTY)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("_interruptible")
def test_the_second_ctrl_c_waits_for_nothing() -> None:
    """A second Ctrl-C ends the program immediately."""
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.pending
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


@terminals
@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("arguments", [("check", "--format", "json"), ("decode",)], ids=["check", "decode"])
def test_ctrl_c_while_nothing_comes(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A program waiting for the rest of a capture ends immediately, without a traceback."""
    place = tmp_path / "fifo.pcap"
    os.mkfifo(place)
    with (
        subprocess.Popen(
            [*PROGRAM, *arguments, str(place)],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        place.open("wb", buffering=0) as fifo,
    ):
        fifo.write((ROOT / FAULTY).read_bytes())
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    if arguments[0] == "check":
        assert json.loads(out)["captures"][0]["interrupted"] is True

"""`mstrp watch` and `check - --format jsonl`: findings of live traffic, as soon as they are certain."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running import run

ROOT = Path(__file__).parents[2]
FAULTY = ROOT / "samples" / "connected-after-idle.pcap"
LEGAL = ROOT / "samples" / "blind-transfer.pcapng"
#: Seconds within which a child has to react; a bound, no measurement.
BOUND = 60

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")


def program(folder: Path, script: str, name: str = "dumpcap") -> dict[str, str]:
    """An environment whose capture program is a script."""
    place = folder / name
    place.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    place.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


@contextmanager
def started(*arguments: object, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A command with pipes; killed at the end if it runs."""
    command = [sys.executable, "-m", "mstrp", *map(str, arguments)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env or dict(os.environ),
        cwd=ROOT,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_findings_of_a_child_come_before_its_end(tmp_path: Path) -> None:
    """A finding is written while the child runs; SIGUSR1 prints a status line; SIGTERM ends with the report."""
    env = program(tmp_path, f"cat {FAULTY}; exec sleep {BOUND}")
    with started("watch", "eth9", "--format", "jsonl", env=env) as process:
        assert process.stdout
        assert process.stderr
        finding = json.loads(process.stdout.readline())
        assert (finding["rule"], finding["frame"], finding["capture"]) == ("CALL-V01", 58, "eth9")
        assert finding["timestamp"].endswith("+00:00")
        process.send_signal(signal.SIGUSR1)
        assert "watching eth9" in process.stderr.readline()
        assert "1 fail, 0 warn, 0 info, lag " in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=BOUND)
        assert process.returncode == 1
        assert json.loads(out.splitlines()[-1])["verdict"] == "fail"
        assert "eth9: FAIL: 38 packets in 1 session judged" in err


def test_check_of_standard_input_streams_json_lines() -> None:
    """`check -` writes a finding before its input ends, once, and the verdict after it."""
    with started("check", "--format", "jsonl", "-") as process:
        assert process.stdout
        assert process.stdin
        process.stdin.buffer.write(FAULTY.read_bytes())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["type"] == "finding"
        out, _ = process.communicate(timeout=BOUND)
        assert [json.loads(line)["type"] for line in out.splitlines()] == ["capture", "session", "verdict"]
        assert process.returncode == 1


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("echo 'eth9: You do not have permission to capture' >&2; echo more >&2; exit 2", "permission to capture"),
        ("echo 'dumpcap: There is no device named \"eth9\".' >&2; exit 1", "status 1: There is no device"),
        ("kill -KILL $$", "dumpcap ended with signal SIGKILL"),
    ],
)
def test_a_child_without_packets_is_one_clear_line(tmp_path: Path, script: str, error: str) -> None:
    """Status 2, and the reason of the capture program."""
    with started("watch", "-q", "eth9", env=program(tmp_path, script)) as process:
        out, err = process.communicate(timeout=BOUND)
    lines = [line for line in err.splitlines() if "watching" not in line]
    assert (process.returncode, out, len(lines)) == (2, "", 1)
    assert lines[0].startswith("mstrp: eth9: dumpcap ended with ") or error in lines[0]
    assert error in lines[0]


def test_a_child_that_dies_loses_nothing(tmp_path: Path) -> None:
    """What was judged before the end of the child is in the report, with the reason of the end."""
    env = program(tmp_path, f"cat {LEGAL}; echo 'the interface went down' >&2; exit 1")
    with started("watch", "eth9", env=env) as process:
        out, err = process.communicate(timeout=BOUND)
    assert process.returncode == 2
    assert out == "eth9: PASS: 37 packets in 1 session judged\n"
    assert "mstrp: eth9: dumpcap ended with status 1: the interface went down\n" in err


def test_no_capture_program_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message names the programs and the other way."""
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = run("watch", "eth9")
    assert outcome.status == 2
    assert outcome.err == (
        "mstrp: eth9: neither dumpcap (Wireshark) nor tcpdump was found; install one of them, "
        "or pipe packets: `… | mstrp watch -`\n"
    )


def test_eve_has_what_a_siem_needs() -> None:
    """An alert with time, addresses, signature and severity, and the finding; the end of the pipe ends the watch."""
    with started("watch", "-", "--format", "eve") as process:
        assert process.stdin
        process.stdin.buffer.write(FAULTY.read_bytes())
        out, _ = process.communicate(timeout=BOUND)
    (alert,) = map(json.loads, out.splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000", alert["timestamp"])
    assert (alert["event_type"], alert["src_ip"], alert["proto"]) == ("alert", "127.0.0.1", "TCP")
    assert alert["alert"]["severity"] == 1
    assert isinstance(alert["alert"]["signature_id"], int)
    assert alert["mstrp"]["rule"] == "CALL-V01"


def test_ignored_findings_are_not_written() -> None:
    """`--ignore` removes the finding and changes the verdict."""
    with started("watch", "-", "--ignore", "CALL-*") as process:
        assert process.stdin
        process.stdin.buffer.write(FAULTY.read_bytes())
        out, _ = process.communicate(timeout=BOUND)
    assert out == "<stdin>: PASS: 38 packets in 1 session judged (1 finding ignored)\n"
    assert process.returncode == 0


def test_a_full_disk_is_one_line_and_the_watch_continues() -> None:
    """Findings that cannot be written are counted, and the report states verdict and number."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with started("watch", "-", "--output", "/dev/full") as process:
        assert process.stdin
        process.stdin.buffer.write(FAULTY.read_bytes())
        _, err = process.communicate(timeout=BOUND)
    assert err.count("No space left on device") == 1
    assert "/dev/full: 1 findings could not be written" in err
    assert "FAIL: 38 packets" in err
    assert process.returncode == 1


def test_metrics_are_served(tmp_path: Path) -> None:
    """Prometheus reads packets, sessions, calls and findings by rule while the watch runs."""
    pytest.importorskip("prometheus_client")
    env = program(tmp_path, f"cat {FAULTY}; exec sleep {BOUND}")
    with started("watch", "eth9", "--metrics", "127.0.0.1:0", env=env) as process:
        assert process.stdout
        assert process.stderr
        address = process.stderr.readline().split()[-1]
        process.stdout.readline()
        with urllib.request.urlopen(address, timeout=BOUND) as response:
            text = response.read().decode()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=BOUND)
    assert 'mstrp_findings_total{rule="CALL-V01",verdict="fail"} 1.0' in text
    assert re.search(r"^mstrp_packets_total (3[0-9])\.0$", text, re.MULTILINE)
    assert "mstrp_sessions_total 1.0" in text
    assert "mstrp_lag_seconds" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("-", "--filter", "tcp"),
        ("-", "--metrics", "nowhere"),
        ("-", "--interval", "-1"),
        ("-", "--baseline", "absent.toml"),
        ("eth9", "--program", "/no/such/program"),
    ],
)
def test_wrong_options_are_one_clear_line(arguments: tuple[str, ...]) -> None:
    """Status 2, before any packet is read."""
    outcome = run("watch", *arguments)
    assert (outcome.status, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)

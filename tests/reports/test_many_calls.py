"""A capture with 10,000 calls, of which call 9,500 has a warning: no report omits that warning."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from fsm.engine.levels import Verdict
from mstrp.capture.files import Source
from mstrp.capture.hints import Setup
from mstrp.capture.limits import Limits
from mstrp.checking import CaptureResult, check_capture
from mstrp.generate import Wire, play
from mstrp.report import pictures
from mstrp.report.formats import CheckReport, check_report
from mstrp.report.html_record import Recorder
from mstrp.report.ladder import Ladder
from mstrp.report.lines import plain
from mstrp.report.text import result_lines

if TYPE_CHECKING:
    from pathlib import Path

    from mstrp.report.lines import Line

CALLS, ODD = 10_000, 9_500
LISTED = Limits().listed_calls
RULE = "CALL-STATE-DISCONNECTED-CONNECTED"
_IDLE, _DISCONNECTED, _CONNECTED = 0x1, 0x4000, 0x100


def _decoded(capture: bytes, tmp_path: Path) -> list[dict[str, Any]]:
    from mstrp.cli import main

    (tmp_path / "one.pcap").write_bytes(capture)
    assert main(["decode", "--format", "jsonl", "--output", str(tmp_path / "one"), str(tmp_path / "one.pcap")]) == 0
    return [json.loads(line) for line in (tmp_path / "one").read_text("utf-8").splitlines()]


def _capture(tmp_path: Path, odd: tuple[int, ...], calls: int = CALLS) -> bytes:
    """Return packets as JSON lines: each call has an announcement, states and an end; some become connected again."""
    stream = io.BytesIO()
    play(Wire(stream), scenario="caller-gives-up", calls=1)
    lines = _decoded(stream.getvalue(), tmp_path)
    first = next(place for place, line in enumerate(lines) if line["packet"] == "LINE_APPNEWCALL")
    handle = lines[first + 1]["fields"]["hCall"]
    last = max(place for place, line in enumerate(lines) if line["packet"] == "DeallocateCall")
    wanted = ("LINE_APPNEWCALL", "LINE_CALLSTATE", "DeallocateCall")
    of_call = [line for line in lines[first : last + 1] if line["packet"] in wanted]
    state = next(line for line in of_call if line["packet"] == "LINE_CALLSTATE")

    def reported(value: int) -> dict[str, Any]:
        data = bytearray.fromhex(state["bytes"])
        data[24:28] = value.to_bytes(4, "little")
        return {**state, "bytes": data.hex()}

    strange = [of_call[0], of_call[1], *map(reported, (_CONNECTED, _DISCONNECTED, _CONNECTED)), *of_call[2:]]
    old = handle.to_bytes(4, "little").hex()
    found = [json.dumps(line) for line in lines[:first]]
    texts = {False: [json.dumps(line) for line in of_call], True: [json.dumps(line) for line in strange]}
    frame = lines[first]["frame"]
    for number in range(1, calls + 1):
        new = (handle + number).to_bytes(4, "little").hex()
        for text in texts[number in odd]:
            frame += 1
            found.append(re.sub(r'"frame": \d+', f'"frame": {frame}', text.replace(old, new), count=1))
    found += [json.dumps({**line, "frame": frame + 1}) for line in lines[last + 1 :]]
    return "\n".join(found).encode()


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> CaptureResult:
    """The capture, checked once."""
    source = Source(io.BytesIO(_capture(tmp_path_factory.mktemp("many"), (ODD,))), "many.jsonl", lambda *note: None)
    return check_capture(source)


def _odd(result: CaptureResult) -> tuple[str, str]:
    (finding,) = [finding for finding in result.findings if finding.rule == RULE]
    assert finding.verdict is Verdict.WARN
    return finding.session, finding.instance


def test_the_call_is_listed_and_all_are_counted(result: CaptureResult) -> None:
    """Calls up to the limit and the one with the warning are listed; the totals count all 10,000."""
    (session,) = result.sessions
    assert result.verdict is Verdict.WARN
    assert result.judged.calls == session.judged.calls == CALLS
    assert len(session.calls) == LISTED + 1
    _, instance = _odd(result)
    (call,) = [call for call in session.calls if call.name == instance]
    assert "disconnected" in call.states
    assert any(text == f"{LISTED + 1:,} of {CALLS:,} calls are listed (limit listed-calls)" for _, text in result.notes)


def test_the_text_has_the_call(result: CaptureResult) -> None:
    """The text report names the total, and the call with the warning among the few that it shows."""
    lines = [plain(line) for line in result_lines(result, None, width=120)]
    assert any("2,001 of 10,000 calls listed, 1 finding" in line for line in lines)
    assert any(line.startswith(f"  call {_odd(result)[1]}: ") for line in lines)
    assert len(lines) < 100


def test_the_frame_button_opens_the_call(tmp_path: Path) -> None:
    """The HTML page has the call of the finding, with its packets, under the number that the button has."""
    recorder = Recorder()
    source = Source(io.BytesIO(_capture(tmp_path, (190,), 200)), "many.jsonl", lambda *note: None)
    setup = Setup(limits=Limits(listed_calls=5))
    result = check_capture(source, on_packet=recorder.watch, on_step=recorder.step, setup=setup)
    page = check_report("html", CheckReport([result], [recorder]))
    assert isinstance(page, str)
    packed = re.search(r'id="data"[^>]*>([^<]+)<', page)
    assert packed is not None
    data = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    (number,) = [number for number, finding in enumerate(data["findings"]) if finding[6] == RULE]
    assert f'data-finding="{number}"' in page
    session, instance = data["findings"][number][3], data["findings"][number][5]
    (call,) = [call for call in data["captures"][0]["calls"] if call[:2] == [session, instance]]
    assert len(call[4]) == 9


def test_the_call_is_drawn(result: CaptureResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of 100 diagrams leaves out calls without findings, and says how many there are."""
    monkeypatch.setattr(pictures, "render", lambda *what, **how: b"<svg/>")
    problems = pictures.draw_result(result, Ladder(0), tmp_path)
    session, instance = _odd(result)
    handle, _, epoch = instance.partition("#")
    assert (tmp_path / f"many-{session}-call-{handle}-{epoch}.svg").is_file()
    assert len(list(tmp_path.glob("*-call-*.svg"))) == 100
    assert problems == ["many.jsonl: 100 of 10,000 calls are drawn"]


def test_many_findings_of_a_rule_are_grouped(result: CaptureResult) -> None:
    """Of 1,000 findings of a rule the text has the first in full, the number of the others and how to see them."""
    finding = next(finding for finding in result.findings if finding.rule == RULE)
    many = [finding._replace(frame=finding.frame + number) for number in range(1000)]
    shown = [plain(line) for line in result_lines(result._replace(findings=many, found=None), None, width=120)]
    assert sum(RULE in line for line in shown) == 2
    assert any(
        line.strip() == f"and 999 more of {RULE}, to frame {finding.frame + 999} (--format json lists them)"
        for line in shown
    )
    assert "  0 fail, 1,000 warn, 0 info" in shown


def test_findings_beyond_the_limit_are_counted(tmp_path: Path) -> None:
    """With --limit findings, the counts and the statistics are totals, and the calls of listed findings are listed."""
    source = Source(io.BytesIO(_capture(tmp_path, tuple(range(1, 400, 2)), 500)), "many.jsonl", lambda *note: None)
    result = check_capture(source, setup=Setup(limits=Limits(findings=10, listed_calls=5)))
    assert len(result.findings) == 10
    assert result.totals == {(RULE, Verdict.WARN): 200}
    report = json.loads(str(check_report("json", CheckReport([result], statistics=True))))
    assert report["counts"] == {"fail": 0, "warn": 200, "info": 0}
    assert [(each["rule"], each["findings"]) for each in report["statistics"]] == [(RULE, 200)]
    lines = check_report("text", CheckReport([result], statistics=True))
    assert any(plain(line).startswith(f"200  warn  {RULE}") for line in _lines(lines))
    listed = {call.name for session in result.sessions for call in session.calls}
    assert {finding.instance for finding in result.findings} <= listed


def _lines(report: str | list[Line]) -> list[Line]:
    assert isinstance(report, list)
    return report

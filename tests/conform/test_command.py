"""``mstrp conform server`` as its user sees it: exit status, reports, stored failures, baselines."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from test_server import serve_apart

from mstrp.checking.baseline import read_baseline
from mstrp.cli import main
from mstrp.conform.core.campaign import Campaign
from mstrp.conform.core.outcome import Outcome, Verdict
from mstrp.conform.core.requirements import requirement_of
from mstrp.conform.server.cases.handles import HANDLE_CASES
from mstrp.conform.server.suite import plan, select
from mstrp.report.conformance import verdict
from mstrp.report.schema import schema

_FEW = ("--only", "Hold in CONNECTED", "--only", "rules of line.Hold", "--seed", "7")
_QUICK = ("--settle", "0.02", "--patience", "1", "--depth", "quick")


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    """A server without faults, in a thread of its own."""
    with serve_apart() as binding:
        yield binding


@pytest.fixture(scope="module")
def bad() -> Iterator[str]:
    """A server that completes Hold twice."""
    with serve_apart(repeated="Hold") as binding:
        yield binding


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["conform", "server", *arguments])
    return status, out.getvalue(), err.getvalue()


def test_only_takes_every_name_of_the_list() -> None:
    """Each id that --list prints selects a test; one that no test is written for selects all."""
    names = [row.split()[0] for row in run("--list")[1].splitlines()]
    tests = list(plan())
    assert len(names) > 1000
    assert [name for name in names if not any(map(select([name]), tests))] == []
    assert all(map(select(["ALIVE", "CALL-V10"]), tests))
    assert not any(map(select(["no such name"]), tests))


@pytest.mark.parametrize("name", [name for name, _, tries in HANDLE_CASES if tries])
def test_handle_tests_decide_what_they_name(good: str, name: str) -> None:
    """Every requirement that a test of handles names has an outcome afterwards."""
    tries = {test.name: test.tries for test in plan()}[name]
    _, out, _ = run(good, *_QUICK, "--only", name, "--format", "json")
    touched = {one["requirement"] for one in json.loads(out)["outcomes"]}
    assert set(tries) <= touched


def test_a_good_server_passes(good: str) -> None:
    """Status 0, a verdict in the last line, and nothing about requirements that nobody asked for."""
    status, out, _ = run(good, *_QUICK, *_FEW)
    assert status == 0
    assert out.rstrip().splitlines()[-1].startswith(f"{good}: PASS")
    assert "SCENARIO" not in out


def test_a_failure_is_shown_with_its_conversation(bad: str) -> None:
    """Status 1, the section, the packets and the program of the shortest conversation."""
    status, out, _ = run(bad, *_QUICK, *_FEW)
    assert status == 1
    assert "FAIL CALL-V08, MS-TRP 2.2.4.2.1.25" in out
    assert "a ──▶ Hold" in out
    assert "await tester.ask('a', line.Hold(" in out


def test_the_printed_program_shows_the_failure(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed can be pasted and run, and complains about the same."""
    _, out, _ = run(bad, *_QUICK, *_FEW)
    rows = out.splitlines()
    begin = next(place for place, row in enumerate(rows) if row.startswith('    """'))
    end = next(place for place, row in enumerate(rows) if row.startswith("    asyncio.run("))
    program = "\n".join(row[4:] for row in rows[begin : end + 1])
    failed: list[BaseException] = []

    def perform() -> None:
        try:
            exec(compile(program, "pasted", "exec"), {"__name__": "pasted"})
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    thread = threading.Thread(target=perform)
    thread.start()
    thread.join(60)
    assert not failed
    assert "CALL-V08" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["json", "junit", "sarif", "html"])
def test_every_form_tells_the_failure(form: str, bad: str, tmp_path: Path) -> None:
    """The same verdict for programs, forges and browsers."""
    place = tmp_path / "report"
    status, _, _ = run(bad, *_QUICK, *_FEW, "--format", form, "--output", str(place))
    text = place.read_text("utf-8")
    assert status == 1
    if form == "json":
        found = json.loads(text)
        jsonschema.validate(found, schema("conform"))
        assert found["verdict"] == "fail"
        assert [each["requirement"] for each in found["outcomes"] if each["result"] == "fail"] == ["CALL-V08"]
    elif form == "junit":
        failures = [case for case in ET.fromstring(text).iter("testcase") if case.find("failure") is not None]
        assert [case.get("name") for case in failures] == ["CALL-V08"]
    elif form == "sarif":
        assert [each["ruleId"] for each in json.loads(text)["runs"][0]["results"]] == ["CALL-V08"]
    else:
        assert 'id="CALL-V08" data-result="fail"' in text
        assert "line.Hold(" in text


def test_a_stored_failure_is_replayed(bad: str, good: str, tmp_path: Path) -> None:
    """It shows again with the faulty server, and not with the good one; no address is in the file."""
    run(bad, *_QUICK, *_FEW, "--save", str(tmp_path))
    (file,) = tmp_path.glob("*.json")
    assert bad not in file.read_text("utf-8")
    status, out, _ = run(bad, *_QUICK, "--replay", str(file))
    assert (status, "CALL-V08 still fails" in out) == (1, True)
    status, out, _ = run(good, *_QUICK, "--replay", str(file))
    assert (status, "no longer occurs" in out) == (0, True)


def test_a_baseline_makes_failures_expected(bad: str, good: str, tmp_path: Path) -> None:
    """Known failures do not count, and those that pass by now are named."""
    place = str(tmp_path / "known.toml")
    assert run(bad, *_QUICK, *_FEW, "--write-baseline", place)[0] == 1
    assert list(read_baseline(place)) == ["CALL-V08"]
    status, out, _ = run(bad, *_QUICK, *_FEW, "--baseline", place)
    assert (status, "expected by the baseline: 1 of 1" in out) == (0, True)
    status, out, _ = run(good, *_QUICK, *_FEW, "--baseline", place)
    assert (status, "inconclusive in this run: CALL-V08" in out) == (0, True)
    status, out, _ = run(good, *_QUICK, "--only", "push", "--baseline", place)
    assert (status, "no longer failing: CALL-V08" in out) == (0, True)


def test_fail_fast_counts_only_unexpected_failures(bad: str, tmp_path: Path) -> None:
    """A run continues after a failure that the baseline expects, and ends at one that it does not."""
    place = tmp_path / "known.toml"
    place.write_text('[expected]\n"CALL-V08" = "known"\n', "utf-8")

    def touched(*arguments: str) -> set[str]:
        _, out, _ = run(bad, *_QUICK, *_FEW, "-x", "--format", "json", *arguments)
        return {one["requirement"] for one in json.loads(out)["outcomes"] if one["tried"]}

    assert "ROW-call-CONNECTED-Hold" not in touched()
    assert "ROW-call-CONNECTED-Hold" in touched("--baseline", str(place))


def test_a_skipped_requirement_is_not_reported(bad: str) -> None:
    """Test cases for other requirements report no failure of a skipped one."""
    status, out, _ = run(bad, *_QUICK, "--only", "Hold in CONNECTED", "--skip", "CALL-V0*", "--format", "json")
    reported = {one["requirement"] for one in json.loads(out)["outcomes"]}
    assert status == 0
    assert "ROW-call-CONNECTED-Hold" in reported
    assert "CALL-V08" not in reported


def test_a_baseline_keeps_what_was_not_tried(good: str, tmp_path: Path) -> None:
    """Written anew, it forgets what passes, and nothing else."""
    place = tmp_path / "known.toml"
    place.write_text('[expected]\n"CALL-V08" = "known"\n"TRP-3.1.4.2-008-01" = "as well"\n', "utf-8")
    assert run(good, *_QUICK, "--only", "push", "--baseline", str(place), "--write-baseline", str(place))[0] == 0
    assert read_baseline(str(place)) == {"TRP-3.1.4.2-008-01": "as well"}


def test_a_test_that_fails_itself_is_no_pass(good: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 2: nothing is said about the server."""
    from mstrp.conform.server import suite
    from mstrp.conform.server.tester import Tester

    async def broken(campaign: Campaign) -> None:
        async with Tester.of(campaign) as tester:
            await tester.attach("a")
        raise ValueError("by mistake")

    monkeypatch.setattr(suite, "plan", lambda depth: iter([suite.Case("broken", broken)]))
    status, out, _ = run(good, *_QUICK)
    assert (status, ": ERROR" in out, "by mistake" in out) == (4, True, True)


@pytest.mark.parametrize(
    ("content", "violation"),
    [("[expected\n", "known.toml: "), ('expected = "x"\n', "a table [expected]"), ("[expected]\nA = 1\n", "lines")],
)
def test_a_bad_baseline_is_one_clear_error(content: str, violation: str, good: str, tmp_path: Path) -> None:
    """Status 2 and the place."""
    place = tmp_path / "known.toml"
    place.write_text(content, "utf-8")
    status, _, err = run(good, "--baseline", str(place))
    assert (status, violation in err) == (2, True)


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "mstrp-program/1", "program": [{"verb": "jump"}]}'])
def test_a_bad_program_is_one_clear_error(content: str, good: str, tmp_path: Path) -> None:
    """Status 2, and the file is named."""
    place = tmp_path / "program.json"
    place.write_text(content, "utf-8")
    status, _, err = run(good, "--replay", str(place))
    assert (status, "program.json: " in err) == (2, True)


def test_nobody_there_is_a_usage_error() -> None:
    """Status 2 and one line."""
    status, out, err = run("127.0.0.1:1", *_QUICK)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1


def test_the_requirements_are_listed() -> None:
    """Every requirement with its section, without a server."""
    status, out, _ = run("--list")
    assert status == 0
    assert len(out.splitlines()) > 1000
    assert "TRP-3.1.4.2-008-01" in out


def test_the_budget_is_for_everything(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making failures shorter and showing them costs packets, too."""
    from mstrp.conform.core.target import Budget

    sent = []
    spend = Budget.spend

    def counted(self: Budget, packets: int = 1) -> None:
        spend(self, packets)
        sent.append(packets)

    monkeypatch.setattr(Budget, "spend", counted)
    status, out, _ = run(bad, *_QUICK, *_FEW, "--max-packets", "40")
    assert (status, "FAIL CALL-V08" in out) == (1, True)
    assert sum(sent) <= 40


def test_an_end_by_hand_sends_nothing_more(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C there is a report of what was found, and no packet."""
    from mstrp.commands import conform_server
    from mstrp.conform.server import suite

    perform = suite.run

    async def interrupted(*arguments: object, **options: object) -> None:
        await perform(*arguments, **options)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(suite, "run", interrupted)
    monkeypatch.setattr(conform_server, "conversations", lambda *arguments: pytest.fail("it went on"))
    status, out, _ = run(bad, *_QUICK, *_FEW)
    assert (status, "FAIL CALL-V08" in out) == (130, True)


def test_a_run_that_was_cut_is_inconclusive(good: str) -> None:
    """A run that ends at --max-packets without a failure is no pass: status 3, and every format states the reason."""
    status, out, _ = run(good, *_QUICK, "--max-packets", "30", "--seed", "7", "--format", "json")
    found = json.loads(out)
    assert (status, found["verdict"], found["cut"]) == (3, "inconclusive", "30 packets are sent")
    jsonschema.validate(found, schema("conform"))
    status, out, _ = run(good, *_QUICK, "--max-packets", "30", "--seed", "7")
    assert (status, "INCONCLUSIVE: 30 packets are sent" in out) == (3, True)


def test_a_run_that_decides_nothing_is_inconclusive() -> None:
    """A selection of which nothing was decided is no pass."""
    requirement = requirement_of("FLOW-hold")
    for result, expected in (("INCONCLUSIVE", "inconclusive"), ("NOT_APPLICABLE", "inconclusive"), ("PASS", "pass")):
        outcome = Outcome(requirement)
        outcome.record(Verdict[result], "a cause")
        assert verdict([outcome]) == expected


def test_the_plan_begins_with_what_is_worth_most() -> None:
    """Scenarios come before requests, requests before rows, rows before walks: a run that is cut has tried the former."""
    kinds = [_kind(case.name, case.tries) for case in plan()]
    assert kinds == sorted(kinds)
    assert set(kinds) == {0, 1, 2, 3}


def _kind(name: str, tries: tuple[str, ...]) -> int:
    if any(each.startswith("SCENARIO-") for each in tries):
        return 0
    return 1 if name.startswith("rules of ") else 3 if name.startswith("walk ") else 2

"""Each "how to add" of CONTRIBUTING.md, performed in a copy of the project: nightly, because it runs many tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".tox", ".*_cache", ".hypothesis", "__pycache__", "node_modules", "_build")

pytestmark = pytest.mark.skipif(os.environ.get("HYPOTHESIS_PROFILE") != "nightly", reason="takes some minutes")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project."""
    place = tmp_path / "mstrp"
    shutil.copytree(ROOT, place, ignore=LEFT_OUT)
    return place


def run(copy: Path, *command: str, status: int = 0) -> str:
    """Run a command of Python in the copy; return its output."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "MSTRP_COMPILE": "0", "HYPOTHESIS_PROFILE": "default"}
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def pass_tests(copy: Path, *arguments: str) -> None:
    """Run tests in the copy."""
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)


def replace(copy: Path, place: str, old: str, new: str) -> None:
    """Edit a file at the first occurrence of a text."""
    path = copy / place
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{place} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


REQUEST = '''class LabelCall(
    Request,
    number=200,
    section="2.2.4.1.3.99",
    completion="async",
    privilege="owner",
    returns="LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL",
):
    """Attach a label to a call."""

    request_id: int = field.request_id()
    call: int = field.handle("hCall", HandleType.HCALL, live="01")
    label: str | None = field.text("lpszLabel", aligned="02", inside="03")


'''
FACTS = {
    "number": 200,
    "section": "2.2.4.1.3.99",
    "device": "line",
    "printed": 60,
    "mode": "async",
    "privilege": "owner",
    "returns": "LINEERR_INVALCALLHANDLE LINEERR_OPERATIONUNAVAIL",
    "no_data": [],
    "fields": [
        ["dwRequestID", 8, "in", "request id"],
        ["hCall", 12, "in", "HCALL"],
        ["lpszLabel", 16, "in", "wstring"],
    ],
}


def test_add_a_packet(copy: Path) -> None:
    """A made-up request with three rules: declared, transcribed, drawn; only the number of packets tells it from ours."""
    replace(copy, "protocol/line/calls.py", "class DeallocateCall(", f"{REQUEST}class DeallocateCall(")
    replace(copy, "protocol/line/calls.py", '    "MakeCall",', '    "LabelCall",\n    "MakeCall",')
    replace(copy, "protocol/line/__init__.py", "    MakeCall,", "    LabelCall,\n    MakeCall,")
    replace(copy, "protocol/line/__init__.py", '    "MakeCall",', '    "LabelCall",\n    "MakeCall",')
    facts, rules = copy / "tests/protocol/facts.json", copy / "tests/rules/rules.json"
    found = json.loads(facts.read_text(encoding="utf-8"))
    found["requests"]["line.LabelCall"] = FACTS
    facts.write_text(json.dumps(found), encoding="utf-8")
    known = json.loads(rules.read_text(encoding="utf-8"))
    known |= {f"TRP-3.1.4.2-200-{bullet}": ["fail-if", "server"] for bullet in ("01", "02", "03")}
    rules.write_text(json.dumps(known), encoding="utf-8")
    run(copy, "-m", "mstrp", "draw", "--all", "diagrams")
    pass_tests(copy, "--write-golden", "tests/model/test_matrix.py")
    assert "TRP-3.1.4.2-200-02" in run(copy, "-m", "mstrp", "explain", "TRP-3.1.4.2-200-02")
    pass_tests(
        copy,
        "tests/test_layers.py",
        "tests/model/test_matrix.py",
        "tests/model/test_tables.py",
        "tests/protocol/test_facts.py",
        "--deselect=tests/protocol/test_facts.py::test_everything_is_declared_once",
        "tests/protocol/test_roundtrip.py",
        "tests/rules/test_book.py",
        "tests/cli/test_texts.py::test_the_pictures_are_current",
    )


def test_add_a_row_with_a_rule(copy: Path) -> None:
    """A row without a record of its rule does not compile; with the record `explain` prints it."""
    row = (
        'rows.append(Row(S.IDLE, RELEASED, S.DEALLOCATED, _STATED, ref("2.2.4.1.3.6"), (when(TOLD),), rule="CALL-X99"))'
    )
    replace(copy, "fsm/tables/call.py", "    twice = ref(", f"    {row}\n    twice = ref(")
    assert (
        "rule CALL-X99 has no record"
        in subprocess.run(
            [sys.executable, "-c", "import fsm"], cwd=copy, capture_output=True, text=True, check=False
        ).stderr
    )
    record = 'Rule("CALL-X99", "A made-up requirement.", "2.2.4.1.3.6"),'
    replace(copy, "fsm/rules/call_rules.py", "        Rule(\n", f"        {record}\n        Rule(\n")
    assert "A made-up requirement." in run(copy, "-m", "mstrp", "explain", "CALL-X99")


FORMAT = '''"""A made-up report format."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mstrp.report.formats import CheckReport


def check(report: CheckReport) -> str:
    """Return the verdicts, one a line."""
    return "".join(f"{result.verdict}\\n" for result in report.results)
'''


def test_add_a_report_format(copy: Path) -> None:
    """A module and an entry are a format; a test reports that the documentation does not name it yet."""
    (copy / "mstrp/report/verdicts.py").write_text(FORMAT, encoding="utf-8")
    entry = 'Format("verdicts", "mstrp.report.verdicts", "the verdicts alone", ("check",)),'
    replace(copy, "mstrp/report/formats.py", '        Format("json",', f'        {entry}\n        Format("json",')
    assert run(copy, "-m", "mstrp", "check", "--format", "verdicts", "samples/blind-transfer.pcapng") == "pass\n"
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/reports/test_registry.py", status=1)

"""``mstrp explain`` for every declaration, compared with the facts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import FACTS

from mstrp.cli import main
from mstrp.reference.lookup import lookup

if TYPE_CHECKING:
    from collections.abc import Callable

_VALUES = {name: value for table in FACTS["constants"].values() for name, value in table["members"].items()}
#: The table and the packets spell this name differently.
_VALUES["PHONEERR_NOTOWNER"] = _VALUES["PHONEERR_notOWNER"]


def _explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["explain", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["Park", "LINE_CALLSTATE", "LINEFORWARDLIST", "LINEFORWARDMODE", "8", "0x8000001C"])
def test_an_explanation_reads_as_reviewed(
    name: str, golden: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A packet, an event, a structure, a table, a small number and a return code match the golden files."""
    golden(f"explain/{name}.txt", _explained([name], capsys))


def _rows(lines: tuple[str, ...]) -> list[list[Any]]:
    """Return offsets and names of a layout in the output."""
    words = [line.split() for line in lines]
    return [[int(row[0]), row[1]] for row in words if len(row) > 2 and row[0].isdecimal()]


def _one(name: str, kind: str) -> Any:
    found = [entry for entry in lookup(name) if entry.kind == kind]
    assert len(found) == 1, (name, kind)
    return found[0]


@pytest.mark.parametrize("name", FACTS["requests"])
def test_a_request_is_explained_as_the_facts_say(name: str) -> None:
    """Number, section, whether it is asynchronous, each field with its offset, each return code with its value."""
    fact = FACTS["requests"][name]
    entry = _one(name, "request")
    assert (entry.section, entry.data["req_func"], entry.data["completion"]) == (
        fact["section"],
        fact["number"],
        fact["mode"],
    )
    assert _rows(entry.lines) == [[0, "Req_Func"], *([offset, field] for field, offset, *_ in fact["fields"])]
    text = "\n".join(entry.lines)
    for code in fact["returns"].split():
        assert f"{_VALUES[code]:#010x}  {code}" in text
    assert entry in lookup(fact["section"])
    assert entry in lookup(str(fact["number"]))


@pytest.mark.parametrize("family", ["events", "completions"])
def test_an_event_is_explained_as_the_facts_say(family: str) -> None:
    """Number, section, each DWORD with its offset, and the variable part."""
    for name, fact in FACTS[family].items():
        found = [entry for entry in lookup(fact["section"]) if entry.kind == family[:-1]]
        assert len(found) == 1, name
        rows = [[offset, field] for field, offset, *_ in fact["fields"]]
        rows += [[fact["size"], fact["variable"].split()[0]]] if fact["variable"] else []
        assert _rows(found[0].lines) == rows, name
        assert found[0] in lookup(name.split(".")[-1])
        assert family == "completions" or found[0] in lookup(f"{fact['number']:#x}")


def test_a_structure_is_explained_as_the_facts_say() -> None:
    """Sizes, and each member with its offset, including the members of union bodies."""
    for name, fact in FACTS["structures"].items():
        entry = _one(name, "structure")
        assert (entry.section, entry.data["sizes"]) == (fact["section"], fact["sizes"])
        rows = [[offset, member] for member, offset, *_ in fact["members"]]
        for arm in fact.get("arms", {}).values():
            rows += [[28, "body"]] if [28, "body"] not in rows else []
            rows += [[offset, member] for member, offset, *_ in arm]
        assert _rows(entry.lines) == rows, name


def test_a_table_is_explained_as_the_facts_say() -> None:
    """Each member of each table with its value."""
    for name, fact in FACTS["constants"].items():
        entry = _one(name, "constants")
        assert (entry.section, entry.data["members"]) == (fact["section"], fact["members"])
        text = "\n".join(entry.lines)
        assert all(f"{value:#010x}  {member}" in text for member, value in fact["members"].items())


@given(name=st.sampled_from([(table, name) for table, fact in FACTS["constants"].items() for name in fact["members"]]))
def test_a_constant_is_found_by_name_and_by_value(name: tuple[str, str]) -> None:
    """In any case; in decimal, hexadecimal, and as the negative number of a return code."""
    table, member = name
    value = FACTS["constants"][table]["members"][member]
    assert any(entry.data.get("value") == value for entry in lookup(member.lower()))
    for spelled in (str(value), f"{value:#X}", str(value - (1 << 32)) if value >> 31 else f"{value:#o}"):
        assert any(table in line and member in line for entry in lookup(spelled) for line in entry.lines), spelled


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("packets", {"request": 132, "event": 32, "completion": 26, "structure": 50}),
        ("constants", {"constants": 80}),
    ],
)
def test_a_list_has_everything(kind: str, counts: dict[str, int], capsys: pytest.CaptureFixture[str]) -> None:
    """One line per item in the text output, one object in JSON, with name, section and summary."""
    found = json.loads(_explained(["--list", kind, "--format", "json"], capsys))
    for each, count in counts.items():
        assert sum(entry["kind"] == each for entry in found) == count
    assert len(found) == sum(counts.values())
    assert all(entry["name"] and entry["section"] and entry["summary"] for entry in found)
    lines = _explained(["--list", kind], capsys).splitlines()
    assert len(lines) == len(found)
    assert all(entry["section"] in line for entry, line in zip(found, lines, strict=True))


def test_several_ids_can_be_explained_at_once_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The fields of a packet are objects with offset, size and meaning."""
    found = json.loads(_explained(["line.BlindTransfer", "LINEDIALPARAMS", "--format", "json"], capsys))
    assert [(entry["kind"], entry["name"]) for entry in found] == [
        ("request", "BlindTransfer"),
        ("structure", "LINEDIALPARAMS"),
    ]
    assert [(field["offset"], field["size"], field["name"]) for field in found[1]["fields"]] == [
        (0, 4, "dwDialPause"),
        (4, 4, "dwDialSpeed"),
        (8, 4, "dwDigitDuration"),
        (12, 4, "dwWaitForDialtone"),
    ]


def test_unknown_id_suggests_similar_ids(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown id causes status 2 and suggests similar ids; the other ids are still explained."""
    assert main(["explain", "BlindTranfer", "LINEDIALPARAMS"]) == 2
    shown = capsys.readouterr()
    assert "LINEDIALPARAMS" in shown.out
    assert "nothing is known as BlindTranfer; did you mean BlindTransfer?" in shown.err

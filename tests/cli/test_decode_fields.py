"""`decode -V` prints every field; `decode -e` prints columns, by the names of the specification."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import run

from mstrp.report.fields import check_field

ROOT = Path(__file__).parents[2]
LEGAL = ROOT / "samples" / "blind-transfer.pcapng"
CAPTURES = sorted((ROOT / "tests" / "captures").glob("*.pcap*"))


def paths(value: Any, before: str = "") -> Iterator[str]:
    """The paths of all members of a value."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield f"{before}{name}"
            yield from paths(below, f"{before}{name}.")
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from paths(below, f"{before}{place}.")


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_the_tree_has_every_field_and_every_field_is_a_column(capture: Path) -> None:
    """Each name of the JSON lines is in the tree of its packet, and is accepted by -e."""
    packets = run("decode", "--format", "jsonl", capture).objects
    trees = run("decode", "-V", capture).out.split("\n\n")
    shown = [each for each in packets if each["packet"] is not None]
    assert len(trees) - 1 == len(shown)
    for packet, tree in zip(shown, trees, strict=False):
        assert tree.startswith(f"Frame {packet['frame']}: ")
        found = {line.strip().partition(":")[0] for line in tree.splitlines()}
        for path in {*packet["fields"], *paths(packet["values"])} if "fields" in packet else ():
            assert path.rpartition(".")[2] in found
            check_field(path)


def test_columns_are_values_or_numbers() -> None:
    """Meanings go before numbers; a prefix chooses one of them; what a packet lacks is empty."""
    outcome = run(
        *("decode", "--header", "--separator", ";", "--show", "frames=49-52", "-e", "frame", "-e", "packet"),
        *("-e", "hCall", "-e", "lpszDestAddress", "-e", "fields.lpszDestAddress", "-e", "time", LEGAL),
    )
    assert outcome.out.splitlines() == [
        "frame;packet;hCall;lpszDestAddress;fields.lpszDestAddress;time",
        "49;BlindTransfer;0x30011;5551002;0;1.010512",
        "50;BlindTransfer;0x30011;0;0;1.017565",
        "52;LINE_REPLY;;;;1.059280",
    ]


def test_members_of_structures_are_columns() -> None:
    """A path leads into a structure."""
    outcome = run("decode", "--show", "frames=36", "-e", "lpCallInfo.dwCallID", "-e", "lpCallInfo.dwCallerID", LEGAL)
    assert outcome.out == "77\t5550100\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["-e", "hcall"], "no packet has a field 'hcall'; did you mean hCall?"),
        (["-e", "lpCallInfo.dwCalId"], "did you mean dwCallID?"),
        (["-V", "-e", "hCall"], "exclude each other"),
        (["-V", "--format", "jsonl"], "exclude each other"),
    ],
)
def test_a_wrong_field_is_one_clear_error(arguments: list[str], error: str) -> None:
    """A usage error that names the field, before anything is read."""
    outcome = run("decode", *arguments, "absent.pcap")
    assert (outcome.status, outcome.out) == (2, "")
    assert error in outcome.err.splitlines()[-1]

"""Output files: no command overwrites its input, and a file is complete or unchanged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from running import run

from mstrp.report.files import OutputError, check_outputs, replaced, write_file

SAMPLE = Path(__file__).parents[2] / "samples" / "blind-transfer.pcapng"


def _link(place: Path, other: Path, how: str) -> Path:
    if how == "hard":
        other.hardlink_to(place)
    elif how == "symbolic":
        other.symlink_to(place)
    return other if how != "same" else place


@pytest.mark.parametrize("how", ["same", "hard", "symbolic"])
@pytest.mark.parametrize(
    "command",
    [
        ("check", "--output"),
        ("check", "--format", "html", "--output"),
        ("check", "--journal"),
        ("decode", "--output"),
        ("decode", "--format", "jsonl", "--output"),
    ],
    ids=" ".join,
)
def test_no_capture_is_overwritten(tmp_path: Path, command: tuple[str, ...], how: str) -> None:
    """An output that is an input, through links too, is refused with status 2, and the capture is as before."""
    place = tmp_path / "capture.jsonl"
    content = SAMPLE.read_bytes()
    place.write_bytes(content)
    output = _link(place, tmp_path / "other.jsonl", how)
    outcome = run(*command, output, SAMPLE, place)
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err == f"mstrp: {output}: the output is also an input, and would be overwritten\n"
    assert place.read_bytes() == content


def test_draw_does_not_overwrite_its_capture(tmp_path: Path) -> None:
    """A capture with the name of a diagram is not overwritten."""
    place = tmp_path / "call.mmd"
    place.write_bytes(SAMPLE.read_bytes())
    outcome = run("draw", "call", "--capture", place, "--format", "mermaid", "--output", tmp_path)
    assert outcome.status == 2
    assert place.read_bytes() == SAMPLE.read_bytes()


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    """Report and journal of the same name are refused."""
    place = tmp_path / "out.jsonl"
    assert run("check", "--output", place, "--journal", place, SAMPLE).status == 2
    assert not place.exists()


def test_a_failure_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Output appears at the end; after an exception the file is unchanged."""
    place = tmp_path / "report.txt"
    place.write_text("before", "utf-8")

    def fail() -> None:
        with replaced(place) as temporary:
            temporary.write_text("half", "utf-8")
            assert place.read_text("utf-8") == "before"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [(each.name, each.read_text("utf-8")) for each in tmp_path.iterdir()] == [("report.txt", "before")]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Writing through a symbolic link replaces the file that it names, with the permissions that this had."""
    place, link = tmp_path / "file", tmp_path / "link"
    place.touch(mode=0o640)
    link.symlink_to(place)
    write_file(link, "new")
    assert link.is_symlink()
    assert place.read_text("utf-8") == "new"
    assert place.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no devices")
def test_a_device_is_written_directly() -> None:
    """A device is not renamed, and may be used for several outputs."""
    check_outputs(["/dev/null", "/dev/null"], ["/dev/null"])
    assert run("check", "--output", "/dev/null", SAMPLE).status == 0
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("option", ["--output", "--journal"])
def test_where_no_file_can_be_made(tmp_path: Path, option: str) -> None:
    """A missing folder and a folder instead of a file give status 2 with the given name."""
    for place in (tmp_path / "missing" / "x.jsonl", tmp_path):
        if place == tmp_path:
            place = tmp_path / "folder.jsonl"  # noqa: PLW2901 - a name of the right kind
            place.mkdir()
        outcome = run("check", option, place, SAMPLE)
        assert outcome.status == 2
        assert outcome.err.startswith(f"mstrp: {place}: ")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("generate", "{}"), "x.pcap"),
        (("export", "wireshark", "--output", "{}"), "x.lua"),
        (("check", "--output", "{}", str(SAMPLE)), "x.txt"),
        (("check", "--journal", "{}", str(SAMPLE)), "x.sqlite"),
        (("decode", "--output", "{}", str(SAMPLE)), "x.txt"),
    ],
)
def test_every_command_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], name: str
) -> None:
    """An existing file is unchanged until the new one is complete."""
    place = tmp_path / name
    place.write_text("before", "utf-8")
    before = place.stat().st_ino
    with place.open("rb") as stream:
        assert run(*(each.format(place) for each in arguments)).status == 0
        assert stream.read() == b"before"
    assert place.stat().st_ino != before
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_standard_output_is_no_file() -> None:
    """`-` is neither input nor output in this sense."""
    check_outputs(["-", "-", None], ["-"])
    with pytest.raises(OutputError):
        check_outputs([SAMPLE], [os.path.relpath(SAMPLE)])

"""Every code block of the tutorial, the how-to pages and the explanation runs, in order, and prints the shown output.

``sh`` blocks are commands that must succeed. ``console`` blocks are commands with their output; a line with an ellipsis
represents any lines. ``python`` blocks are programs. ``toml`` blocks that start with ``# file:`` are files. ``text``
and ``yaml`` blocks are not executed. Each page has a separate folder with the samples.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from mstrp.cli import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
#: Pages whose blocks are run by another test, or not executed.
PAGES = [
    DOCS / "tutorial.md",
    *sorted((DOCS / "howto").glob("*.md")),
    *(DOCS / f"{name}.md" for name in ("theory", "rules", "ordering", "testing")),
]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Done(NamedTuple):
    status: int
    output: str


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the samples, and `mstrp` and `python` as commands."""
    for name in ("blind-transfer.pcapng", "connected-after-idle.pcap"):
        shutil.copy(ROOT / "samples" / name, tmp_path)
    recordings = ROOT / "tests" / "captures"
    shutil.copy(recordings / "scapy-scapy_s45_transfer_typical_ntlm_privacy.pcap", tmp_path / "sealed.pcap")
    commands = tmp_path / ".bin"
    commands.mkdir()
    program = commands / "mstrp"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mstrp "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return tmp_path


def run(command: str, folder: Path) -> Done:
    """Run a command line; a plain `mstrp` command runs in this process, where the renderer is already loaded."""
    words = shlex.split(command.removesuffix(" || true"))
    if words[0] != "mstrp" or set(words) & {"|", "&&", ";", ">"}:
        return shell(command, folder)
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")
    with chdir(folder), redirect_stdout(stream), redirect_stderr(io.StringIO()) as errors:
        try:
            status = main(words[1:])
        except SystemExit as done:
            status = int(done.code or 0)
    stream.flush()
    output = stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
    if command.endswith(" || true"):
        status = 0
    return Done(status, output + (errors.getvalue() if status else ""))


def shell(command: str, folder: Path) -> Done:
    """Run a command line in a shell."""
    environment = {
        "PATH": f"{folder / '.bin'}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        "HOME": os.environ.get("HOME", "/"),
        # Hypothesis then has no deadlines.
        "CI": "1",
    }
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", command],
        cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    return Done(done.returncode, done.stdout + (done.stderr if done.returncode else ""))


def compared(shown: list[str], printed: str) -> None:
    """Check that the shown lines are printed in that order; only an ellipsis omits lines."""
    real = iter(printed.splitlines())
    skipping = False
    for line in shown:
        if line.strip() == "…":
            skipping = True
            continue
        found = next((each for each in real if each == line), None) if skipping else next(real, None)
        assert found == line, printed
        skipping = False
    assert skipping or not list(real)


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_blocks_of_a_page_run(page: Path, folder: Path) -> None:
    """The commands of a page, run from top to bottom, have the shown results."""
    for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "sh":
            for line in text.splitlines():
                done = run(line, folder)
                assert done.status == 0, f"{line}\n{done.output}"
        elif language == "console":
            for part in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
                if part:
                    first, *shown = part.splitlines()
                    compared(shown, run(first.removeprefix("$ "), folder).output)
        elif language == "python":
            program = folder / "program.py"
            program.write_text(text, encoding="utf-8")
            done = shell(f"{sys.executable} -W error program.py", folder)
            assert done.status == 0, f"{text}\n{done.output}"
        elif language == "toml":
            name = re.match(r"# file: (\S+)", text)
            assert name, "a TOML block begins with the name of its file"
            (folder / name[1]).write_text(text, encoding="utf-8")
        else:
            assert language in ("text", "yaml"), f"a block of {language or 'no language'} that nothing runs"


def test_every_page_is_reached() -> None:
    """Each hand-written page is in the table of contents, exactly once."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in PAGES:
        name = page.relative_to(DOCS).with_suffix("").as_posix()
        assert len(re.findall(rf"^{name}$", index, re.MULTILINE)) == 1


def test_the_dissector_shows_what_the_page_names() -> None:
    """The dissector registers every field used in the filters of the page about Wireshark."""
    from mstrp.export.wireshark import lua_dissector

    script = lua_dissector()
    text = (DOCS / "howto" / "wireshark.md").read_text(encoding="utf-8")
    for name in re.findall(r"`mstrp\.([\w.]+)", text):
        if name != "lua":
            assert f'"{name}"' in script or f'["{name}"]' in script or f"{name} =" in script, name

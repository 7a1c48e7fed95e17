"""One registry of report formats: commands, help, README and how-to list what it has."""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from pathlib import Path

import pytest

from mstrp.commands import check, conform_client, conform_server
from mstrp.report.formats import FORMATS

ROOT = Path(__file__).parents[2]
#: The options of each command with reports, and its how-to page.
COMMANDS = {
    "check": ((check,), ("README.md", "docs/howto/check.md")),
    "conform": ((conform_server, conform_client), ("docs/howto/conform.md",)),
}
CASES = [(command, name) for command in COMMANDS for name, each in FORMATS.items() if command in each.commands]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_offer_the_registered_formats(command: str) -> None:
    """``--format`` has exactly the formats that are registered for the command."""
    for module in COMMANDS[command][0]:
        parser = argparse.ArgumentParser()
        module.arguments(parser)
        (action,) = [action for action in parser._actions if action.dest == "format"]
        assert list(action.choices or ()) == [name for each, name in CASES if each == command]


@pytest.mark.parametrize(("command", "name"), CASES)
def test_a_format_is_documented(command: str, name: str) -> None:
    """The help of the command, and README or how-to page, list every registered format."""
    modules, pages = COMMANDS[command]
    for module in modules:
        parser = argparse.ArgumentParser()
        module.arguments(parser)
        assert f"{name} ({FORMATS[name].summary})" in " ".join(parser.format_help().split())
    for page in pages:
        assert re.search(rf"\b{name}\b", (ROOT / page).read_text("utf-8")), page


@pytest.mark.parametrize(("command", "name"), CASES)
def test_a_format_has_its_function(command: str, name: str) -> None:
    """The module of a format has the function of each command that it is registered for."""
    assert callable(getattr(import_module(FORMATS[name].module), command))

"""Report formats of `check` and `conform`: each format is one module and one entry here.

The module has a function ``check`` with a `CheckReport`, and a function ``conform`` with a `ConformReport`, for the
commands in its entry. Both return text or styled lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mstrp.checking import CaptureResult
    from mstrp.conform.core.outcome import Outcome
    from mstrp.report.html_record import Recorder
    from mstrp.report.lines import Line

__all__ = [
    "FORMATS",
    "CheckReport",
    "ConformReport",
    "Format",
    "Report",
    "add_format_option",
    "check_report",
    "conform_report",
]

#: A report: text, or styled lines for a terminal.
Report: TypeAlias = "str | list[Line]"


class Format(NamedTuple):
    """A report format."""

    name: str
    module: str
    summary: str
    #: The commands that support it.
    commands: tuple[str, ...] = ("check", "conform")


#: All formats by name.
FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("text", "mstrp.report.text", "for a terminal"),
        Format("json", "mstrp.report.json_report", "one object, with a schema"),
        Format("jsonl", "mstrp.report.jsonl_report", "one object per line", ("check",)),
        Format("junit", "mstrp.report.junit", "JUnit XML for CI"),
        Format("sarif", "mstrp.report.sarif", "SARIF for code scanning"),
        Format("html", "mstrp.report.html", "one self-contained page"),
    )
}


@dataclass
class CheckReport:
    """The content of a report of `check`."""

    results: list[CaptureResult]
    #: For ``html``: the packets and steps of each capture.
    recorders: Sequence[Recorder] = ()
    coverage: dict[str, Any] | None = None
    #: Whether findings are counted by rule.
    statistics: bool = False
    baseline: Mapping[str, str] = field(default_factory=dict)
    width: int = 120
    #: With ``jsonl``: captures whose findings are written already.
    streamed: Collection[str] = ()


@dataclass
class ConformReport:
    """The content of a report of `conform`."""

    outcomes: list[Outcome]
    #: The conversations of failures, one line per packet, by requirement.
    conversations: dict[str, list[str]]
    binding: str
    sent: int = 0
    seed: int = 0
    seconds: float = 0.0
    #: Why the run ended early; empty if it did not.
    cut: str = ""
    width: int = 120


def add_format_option(parser: argparse.ArgumentParser, command: str) -> None:
    """Add ``--format`` with the formats of a command."""
    found = [each for each in FORMATS.values() if command in each.commands]
    described = ", ".join(f"{each.name} ({each.summary})" for each in found)
    parser.add_argument(
        "--format", choices=[each.name for each in found], default="text", help=f"{described}; default: text"
    )


def check_report(name: str, report: CheckReport) -> Report:
    """Return the report of `check` in a format."""
    return _writer(name, "check")(report)


def conform_report(name: str, report: ConformReport) -> Report:
    """Return the report of `conform` in a format."""
    return _writer(name, "conform")(report)


def _writer(name: str, command: str) -> Callable[[Any], Report]:
    # Imported here because a format may need many modules that other formats do not.
    found: Callable[[Any], Report] = getattr(import_module(FORMATS[name].module), command)
    return found

"""Statistics as tables, for a terminal, JSON and CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mstrp.stats.collector import Collector
    from mstrp.stats.durations import Durations

__all__ = ["TABLES", "Table", "table_lines", "tables_of"]

#: A cell; seconds are floats, and None is not known.
Cell: TypeAlias = "str | int | float | None"
_Key = TypeVar("_Key")
_QUANTILES = {"median": 0.5, "p95": 0.95, "p99": 0.99}


class Table(NamedTuple):
    """A table: its columns, and its rows, the most frequent first."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]

    def objects(self) -> list[dict[str, Cell]]:
        """Return the rows as objects."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def tables_of(found: Collector) -> list[Table]:
    """Return all tables."""
    return [make(found) for make in TABLES.values()]


def _requests(found: Collector) -> Table:
    columns = ("request", "requests", "failed", *_named("response"), *_named("reply"))
    rows: list[tuple[Cell, ...]] = [
        (name, counts.requests, counts.failed, *_times(counts.responses), *_times(counts.replies))
        for name, counts in sorted(found.requests.items(), key=lambda item: (-item[1].requests, item[0]))
    ]
    return Table("requests", "requests, with seconds to the response and to the reply", columns, rows)


def _named(what: str) -> Iterator[str]:
    return (f"{what}_{quantile}" for quantile in _QUANTILES)


def _times(durations: Durations) -> Iterator[float | None]:
    for share in _QUANTILES.values():
        seconds = durations.quantile(share)
        yield None if seconds is None else round(seconds, 6)


def _events(found: Collector) -> Table:
    return Table("events", "events", ("event", "events"), [(name, number) for name, number in _most(found.events)])


def _codes(found: Collector) -> Table:
    rows: list[tuple[Cell, ...]] = [(request, code, number) for (request, code), number in _most(found.codes)]
    return Table("codes", "return codes", ("request", "code", "responses"), rows)


def _calls(found: Collector) -> Table:
    rows: list[tuple[Cell, ...]] = [(number, final, path) for (final, path), number in _most(found.calls)]
    return Table("calls", "calls by final state and path", ("calls", "final", "path"), rows)


def _clients(found: Collector) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (name, each.sessions, each.packets, each.requests, each.calls, each.findings)
        for name, each in sorted(found.clients.items(), key=lambda item: (-item[1].packets, item[0]))
        if name
    ]
    return Table("clients", "busiest clients", ("client", "sessions", "packets", "requests", "calls", "findings"), rows)


def _findings(found: Collector) -> Table:
    rows: list[tuple[Cell, ...]] = [(rule, verdict, number) for (rule, verdict), number in _most(found.findings)]
    return Table("findings", "findings by rule", ("rule", "verdict", "findings"), rows)


def _most(counter: dict[_Key, int]) -> list[tuple[_Key, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], str(item[0])))


#: Tables by name, in the order of the report.
TABLES: dict[str, Callable[[Collector], Table]] = {
    "requests": _requests,
    "events": _events,
    "codes": _codes,
    "calls": _calls,
    "clients": _clients,
    "findings": _findings,
}


def table_lines(table: Table, most: int) -> Iterator[str]:
    """Yield the lines of a table with at most so many rows; 0 means all."""
    yield table.title
    shown = table.rows[: most or None]
    columns = [name for place, name in enumerate(table.columns) if _filled(table, place)]
    places = [table.columns.index(name) for name in columns]
    cells = [columns, *([_text(row[place]) for place in places] for row in shown)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    right = [any(isinstance(row[place], (int, float)) for row in shown) for place in places]
    for row in cells:
        pieces = (
            cell.rjust(width) if aligned else cell.ljust(width)
            for cell, width, aligned in zip(row, widths, right, strict=True)
        )
        yield f"  {'  '.join(pieces)}".rstrip()
    if len(table.rows) > len(shown):
        yield f"  and {len(table.rows) - len(shown):,} more (--top 0 shows all)"


def _filled(table: Table, place: int) -> bool:
    """Whether a column has any value."""
    return not table.rows or any(row[place] is not None for row in table.rows)


def _text(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.6f}"
    return f"{cell:,}" if isinstance(cell, int) else printable(cell)

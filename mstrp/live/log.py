"""The log of a live server: one line for each event, escaped, limited in number, as text or JSON.

Text from a peer is never logged unchanged: control characters, line ends, bidirectional marks and other unprintable
characters are escaped. A limited number of lines per type of event is written in each interval; further ones are
counted, and the count is logged at the end of the interval.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["JsonFormatter", "Log", "TextFormatter", "Writer", "escaped"]

#: Maximum length of a value, and number of lines queued while the output is blocked.
_LONGEST, _WAITING = 500, 1000


def escaped(text: str) -> str:
    """Escape unprintable characters, and truncate long text."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(_escape(char) for char in text)


def _escape(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _value(value: Any) -> str:
    text = escaped(str(value))
    if text and not any(char in text for char in ' "='):
        return text
    return '"' + text.replace('"', '\\"') + '"'


class Log:
    """Writes events to a logger: at most ``lines`` of a type in ``interval`` seconds."""

    def __init__(
        self,
        logger: logging.Logger | None = None,
        *,
        lines: int = 10,
        interval: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.logger = logger or logging.getLogger("mstrp.live")
        self.lines = lines
        self.interval = interval
        self._clock = clock
        #: Events by type, for the summary.
        self.counts: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self._ends = 0.0

    def write(self, level: int, event: str, *, error: BaseException | None = None, **fields: Any) -> None:
        """Log one event with its fields."""
        self.counts[event] += 1
        if not self.logger.isEnabledFor(level):
            return
        now = self._clock()
        if now >= self._ends:
            self.flush()
            self._ends = now + self.interval
        self._written[event] += 1
        if self._written[event] <= self.lines:
            self._emit(level, event, fields, error)

    def always(self, event: str, **fields: Any) -> None:
        """Log an event regardless of the level of the logger."""
        text = _line(event, fields)
        record = self.logger.makeRecord(
            self.logger.name, logging.INFO, "", 0, "%s", (text,), None, extra={"event": event, "fields": fields}
        )
        self.logger.handle(record)

    def flush(self) -> None:
        """Log the number of events that were omitted since the last time."""
        written, self._written = self._written, Counter()
        for event, count in written.items():
            if count > self.lines:
                self._emit(logging.WARNING, "suppressed", {"of": event, "lines": count - self.lines}, None)

    def _emit(self, level: int, event: str, fields: dict[str, Any], error: BaseException | None) -> None:
        given = {name: value for name, value in fields.items() if value is not None and value != ""}
        self.logger.log(level, "%s", _line(event, given), exc_info=error, extra={"event": event, "fields": given})


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return "".join(traceback.format_exception(record.exc_info[1]))


def _line(event: str, fields: dict[str, Any]) -> str:
    return " ".join([event, *(f"{name}={_value(value)}" for name, value in fields.items())])


class TextFormatter(logging.Formatter):
    """Time, level, event and ``name=value`` for each field, in one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        text = record.getMessage() if hasattr(record, "event") else escaped(record.getMessage())
        trace = _trace(record)
        more = " traceback=" + json.dumps(trace) if trace else ""
        return f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')} {record.levelname} {text}{more}"


class JsonFormatter(logging.Formatter):
    """One JSON object for each record: time, level, event and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        found: dict[str, Any] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", "message"),
        }
        if not hasattr(record, "event"):
            found["message"] = record.getMessage()
        fields: dict[str, Any] = getattr(record, "fields", {})
        for name, value in fields.items():
            found[name] = value if isinstance(value, (int, float)) else str(value)[:_LONGEST]
        trace = _trace(record)
        if trace:
            found["traceback"] = trace
        return json.dumps(found)


class Writer(logging.Handler):
    """Writes lines to a file descriptor from a thread, so that blocked output does not block the server."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line; it is dropped if too many are queued."""
        self.put(self.format(record))

    def put(self, line: str) -> None:
        """Queue a line of text."""
        try:
            self._lines.put_nowait(line.encode("utf-8", "backslashreplace") + b"\n")
        except queue.Full:
            return

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                return

    def close(self) -> None:
        """Write queued lines, but do not wait long for a blocked output."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            pass
        else:
            self._thread.join(1.0)
        super().close()

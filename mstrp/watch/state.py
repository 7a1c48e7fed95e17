"""The state of a watch: numbers of packets, sessions, calls and findings."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.conversation import Conversation
    from fsm.engine.finding import Finding
    from fsm.monitor import Monitor
    from mstrp.capture.files import Source
    from mstrp.capture.reader import Reader
    from mstrp.checking import CallResult, SessionResult

__all__ = ["Numbers", "State", "TimedStream"]


class Numbers(NamedTuple):
    """Numbers of a watch at one moment."""

    frames: int
    packets: int
    sessions: int
    open_sessions: int
    ended_calls: int
    #: Open calls by state; a call whose state is not certain counts as "uncertain".
    calls: dict[str, int]
    findings: dict[tuple[str, str], int]
    unwritten: int
    #: Seconds from the capture of a packet until it was processed.
    lag: float

    def __str__(self) -> str:
        verdicts: Counter[str] = Counter()
        for (_, verdict), number in self.findings.items():
            verdicts[verdict] += number
        text = (
            f"{self.frames:,} frames, {self.packets:,} packets judged, {self.sessions:,} sessions "
            f"({self.open_sessions:,} open), {sum(self.calls.values()):,} open and {self.ended_calls:,} ended calls, "
            f"{verdicts['fail']:,} fail, {verdicts['warn']:,} warn, {verdicts['info']:,} info, lag {self.lag:.1f} s"
        )
        return text + (f", {self.unwritten:,} findings not written" if self.unwritten else "")


class State:
    """Counts what the callbacks of `check_capture` report."""

    def __init__(self) -> None:
        self.source: Source | None = None
        self.monitor: Monitor | None = None
        self.reader: Reader | None = None
        self.findings: Counter[tuple[str, str]] = Counter()
        self.unwritten = 0
        self.lag = 0.0
        self._ended_sessions = 0
        self._ended_calls = 0
        self._packets = 0

    def start(self, monitor: Monitor, reader: Reader) -> None:
        """Take the parts that hold the open sessions."""
        self.monitor, self.reader = monitor, reader

    def call(self, conversation: Conversation, call: CallResult) -> None:
        """Count an ended call."""
        self._ended_calls += 1

    def session(self, session: SessionResult) -> None:
        """Count an ended session."""
        self._ended_sessions += 1
        self._packets += session.judged.packets

    def finding(self, finding: Finding) -> None:
        """Count a finding."""
        self.findings[finding.rule, finding.verdict.value] += 1

    @property
    def begin(self) -> float:
        """The time of the first frame, in seconds since 1970."""
        return 0.0 if self.reader is None else self.reader.begin

    def hosts(self, session: str) -> tuple[str, str]:
        """Return client and server of an open session."""
        for conversation in reversed(self._open()):
            if conversation.session == session:
                return conversation.client, conversation.server
        return "", ""

    def numbers(self) -> Numbers:
        """Return the numbers now."""
        conversations = self._open()
        calls: Counter[str] = Counter()
        for conversation in conversations:
            for call in list(conversation.calls.values()):
                states = call.states
                calls[states[0] if len(states) == 1 else "uncertain"] += 1
        return Numbers(
            0 if self.source is None else self.source.frames,
            self._packets + sum(conversation.judged for conversation in conversations),
            self._ended_sessions + len(conversations),
            len(conversations),
            self._ended_calls,
            dict(calls),
            dict(self.findings),
            self.unwritten,
            self.lag,
        )

    def _open(self) -> list[Conversation]:
        return [] if self.monitor is None else list(self.monitor.conversations)


class TimedStream:
    """A stream of packets; measures the lag whenever all packets at hand have been processed."""

    def __init__(self, stream: BinaryIO, state: State, check: Callable[[], None]) -> None:
        self._check = check
        self._stream = stream
        self._state = state
        self._take: Any = getattr(stream, "read1", stream.read)

    def read1(self, size: int) -> bytes:
        """Return the next bytes, as soon as there are some."""
        self._check()
        source = self._state.source
        if source is not None and source.time:
            self._state.lag = max(0.0, time.time() - source.time)
        found: bytes = self._take(size)
        return found

    read = read1

    def seekable(self) -> bool:
        """Whether the stream can be read twice: no, even if it is a file."""
        return False

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

"""One capture checked: what was in it, what is wrong with it, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from fsm.engine.levels import Verdict, worst
from fsm.monitor import Monitor
from fsm.tables.channel import ChannelState
from mstrp.capture.files import CaptureError, Source, open_capture
from mstrp.capture.hints import Setup
from mstrp.capture.methods import Methods
from mstrp.capture.reader import Reader
from mstrp.capture.replay import Replay
from mstrp.capture.sessions import Sessions
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fsm.conversation import Conversation
    from fsm.engine.finding import Finding
    from fsm.engine.step import Step
    from fsm.rules.profiles import Profile
    from fsm.state.instances import Call
    from mstrp.capture.packets import Packet
    from mstrp.capture.partition import Partition
    from mstrp.capture.sealed import Sealed

_CHANNEL_OPEN = 1 << ChannelState.OPEN
#: What is said of calls that a report does not list.
MORE_CALLS = "ended calls are not listed (limit listed-calls)"

__all__ = ["MORE_CALLS", "CallResult", "CaptureResult", "Expected", "Part", "SessionResult", "Watcher", "check_capture"]


class Watcher(Protocol):
    """Somebody who looks at the beginning of a capture."""

    def packet(self, packet: Packet) -> bool:
        """A packet was decoded, its steps follow. False: this one and all that follow are not wanted."""

    def step(self, step: Step) -> None:
        """A step happened because of the last packet."""


class CallResult(NamedTuple):
    """A call handle: the states it was known to be in, and how it ended."""

    handle: int
    epoch: int
    states: tuple[str, ...]
    final: str

    def _repr_svg_(self) -> str | None:
        """Notebooks show the states as a picture."""
        from mstrp.report.notebook import call_svg

        return call_svg(self)

    def as_dict(self) -> dict[str, Any]:
        """The call as the report spells it."""
        return {
            "handle": f"0x{self.handle:08x}",
            "epoch": self.epoch,
            "states": list(self.states),
            "final": self.final,
        }


class SessionResult(NamedTuple):
    """A session: who, how, and what was said."""

    id: str
    client: str
    server: str
    model: str | None
    version: int
    requests: dict[str, int]
    events: dict[str, int]
    calls: list[CallResult]

    def as_dict(self) -> dict[str, Any]:
        """The session as the report spells it."""
        return {
            "id": self.id,
            "client": self.client,
            "server": self.server,
            "model": self.model,
            "version": f"0x{self.version:08x}" if self.version else None,
            "requests": self.requests,
            "events": self.events,
            "calls": [call.as_dict() for call in self.calls],
        }


class Expected(NamedTuple):
    """A finding that a baseline expects, and why."""

    finding: Finding
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """The finding as the report spells it, with the reason."""
        return {**self.finding.as_dict(), "reason": self.reason}


class Part(NamedTuple):
    """What the result of a part of a capture has beside what the report shows."""

    #: Sessions in the order in which they began, with the frame of that.
    begun: list[tuple[int, str]]
    #: Endpoints that clients have named, and those of event channels that none has named here.
    announced: set[str]
    unannounced: set[str]
    #: How many ended calls are not listed.
    more_calls: int
    #: Whether the result depends on the rest of the capture: a limit was hit, say.
    dependent: bool


class CaptureResult(NamedTuple):
    """Everything about one capture."""

    path: str
    frames: int
    sessions: list[SessionResult]
    findings: list[Finding]
    #: Damage: (frame, text).
    notes: list[tuple[int, str]]
    #: Why the file could not be read, or None.
    error: str | None
    #: Whether Ctrl-C ended the reading.
    interrupted: bool = False
    #: Calls that nobody could look into.
    sealed: tuple[Sealed, ...] = ()
    #: What is needed to put the results of several parts together.
    part: Part | None = None
    #: Findings that the baseline expects: they do not count.
    expected: tuple[Expected, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The gravest of the findings."""
        return worst(*(finding.verdict for finding in self.findings))

    def _repr_html_(self) -> str:
        """Notebooks show verdict, calls and findings."""
        from mstrp.report.notebook import result_html

        return result_html(self)

    def as_dict(self) -> dict[str, Any]:
        """The capture as the report spells it."""
        found: dict[str, Any] = {
            "path": self.path,
            "verdict": self.verdict.value,
            "frames": self.frames,
            "error": self.error,
            "sessions": [session.as_dict() for session in self.sessions],
            "findings": [finding.as_dict() for finding in self.findings],
        }
        if self.expected:
            found["expected"] = [each.as_dict() for each in self.expected]
        if self.interrupted:
            found["interrupted"] = True
        if self.sealed:
            found["sealed"] = [sealed._asdict() for sealed in self.sealed]
        if self.notes:
            found["notes"] = [{"frame": frame, "text": text} for frame, text in self.notes]
        return found


def check_capture(
    path: str | Source,
    *,
    on_step: Callable[[Step], None] | None = None,
    on_packet: Callable[[Packet], None] | None = None,
    on_finding: Callable[[Finding], None] | None = None,
    watcher: Watcher | None = None,
    progress: Callable[[int], None] | None = None,
    on_loss: Callable[[Conversation, str, int, float, int], None] | None = None,
    profiles: Iterable[Profile] = (),
    setup: Setup | None = None,
    partition: Partition | None = None,
    baseline: Mapping[str, str] | None = None,
) -> CaptureResult:
    """Read a capture and judge every session in it; what cannot be read is in ``error`` and ``notes``.

    ``path`` is a file name, ``-`` for standard input, or a `Source` over an open stream: pcap, pcapng, or packets as
    JSON lines. ``on_loss`` is called when packets are missing from a conversation ("gap"), and when its connection is
    gone ("lost"), with frame, time, and the frame from which on packets may be missing. ``watcher`` sees packets and
    steps until it has enough; from then on the reading is as quick as without. ``progress`` is called now and then
    with how many bytes have been read. ``setup`` has limits, hints and passwords; ``partition`` reads only a part of the capture. ``baseline`` has rules whose findings are expected, with reasons. Ctrl-C ends the reading: what was found so far is returned.
    """
    setup = setup or Setup()
    judging = _Judging(setup, profiles, baseline or {}, parted=partition is not None)
    monitor, methods = judging.monitor, judging.methods
    if on_step is not None:
        monitor.on_step(on_step)
    if on_finding is not None:
        monitor.on_finding(on_finding)
    methods.on_packet = on_packet
    methods.sessions.on_loss = on_loss
    if watcher is not None:
        _watch(watcher, monitor, methods)
    reader = Reader(methods, setup)
    replay: Replay | None = None
    error = None
    interrupted = False
    name = path.name if isinstance(path, Source) else path
    try:
        # Damage of the file is told by one part only.
        warn = judging.warn if partition is None or partition.place == 0 else _silent
        with open_capture(path, warn) if isinstance(path, str) else path as source:
            source.progress = progress
            if source.head().startswith(b"{"):
                replay = Replay(methods, source.name)
                replay.read(source.lines() if partition is None or partition.place == 0 else ())
            elif partition is not None:
                try:
                    reader.read(partition.frames(source))
                finally:
                    reader.last = source.frames, reader.last[1]
            else:
                reader.read(source)
    except CaptureError as failure:
        error = str(failure)
    except KeyboardInterrupt:
        interrupted = True
        judging.warn(reader.last[0], "interrupted: partial result")
    reader.finish()
    frames = reader.last[0] if replay is None else replay.last[0]
    result = judging.result(name, frames, error, interrupted)
    return result if partition is None else result._replace(part=judging.part(reader))


def _silent(frame: int, text: str) -> None:
    """Somebody else tells."""


class _Judging:
    """One capture being judged: what is kept for the report, within the limits."""

    def __init__(
        self, setup: Setup, profiles: Iterable[Profile], baseline: Mapping[str, str], *, parted: bool = False
    ) -> None:
        self.limits = limits = setup.limits
        self.notes: list[tuple[int, str]] = []
        self.more_notes = 0
        self.monitor = Monitor(profiles=profiles)
        self.baseline = baseline
        self.findings = self.monitor.findings = _Findings(limits.findings, baseline)
        self.sessions = Sessions(self.monitor, self.warn, limit=limits.sessions)
        self.sessions.on_session = self._begun
        self.sessions.on_over = self._over
        self.methods = Methods(self.sessions)
        #: Ended calls by session, as far as they are listed, and the sessions that are over.
        self.calls: dict[str, list[Call]] = {}
        self.more_calls = 0
        self.over: list[tuple[int, SessionResult]] = []
        self.more_sessions = 0
        self.order: dict[str, int] = {}
        self.met = 0
        self.parted = parted
        self.begun: list[tuple[int, str]] = []

    def warn(self, frame: int, text: str) -> None:
        """Keep a note about damage."""
        if len(self.notes) < self.limits.notes:
            # Names out of packets may hold anything, also what terminals obey.
            self.notes.append((frame, printable(text)))
        else:
            self.more_notes += 1

    def _begun(self, conversation: Conversation) -> None:
        self.met += 1
        self.order[conversation.session] = self.met
        if self.parted:
            self.begun.append((conversation.runner.frame, conversation.session))
        ended = self.calls[conversation.session] = []

        def call_ended(call: Call) -> None:
            if len(ended) < self.limits.listed_calls:
                ended.append(call)
            else:
                self.more_calls += 1

        conversation.registry.on_call_end = call_ended

    def _over(self, conversation: Conversation, time: float) -> None:
        """Nothing more is expected of a conversation: keep what the report says of it."""
        conversation.finish(time)
        self.monitor.discard(conversation)
        result = self._result(conversation)
        if len(self.over) < self.limits.listed_sessions:
            self.over.append(result)
        else:
            self.more_sessions += 1

    def _result(self, conversation: Conversation) -> tuple[int, SessionResult]:
        calls = [*self.calls.pop(conversation.session, ()), *conversation.calls.values()]
        return self.order.pop(conversation.session, 0), _session(conversation, calls)

    def part(self, reader: Reader) -> Part:
        """What is needed to put this together with other parts."""
        sessions = self.sessions
        left_out = self.more_sessions or self.findings.left_out or self.more_notes
        odd = reader.cut_off or reader.segments.crowded or reader.datagrams.told or sessions.crowded
        # Whether a channel that is still open should be closed by now is a matter of the whole capture's time.
        waits = any(
            each.registry.channel.mask == _CHANNEL_OPEN and each.registry.binding.ended
            for each in self.monitor.conversations
        )
        dependent = bool(left_out or odd or waits)
        return Part(self.begun, sessions.announced, sessions.unannounced, self.more_calls, dependent)

    def result(self, name: str, frames: int, error: str | None, interrupted: bool) -> CaptureResult:
        """The report, when everything has been read."""
        self.monitor.finish()
        sealed = self.methods.sealed_calls.all()
        for each in sealed:
            what = f"{each.requests} requests and {each.answers} answers of {each.interface} from {each.client} to"
            how = f"{each.mechanism}, level {each.level}" + (f", {each.account}" if each.account else "")
            self.warn(each.frame, f"sealed: {what} {each.server} ({how}); needed: {each.needed}")
        for left_out, what in (
            (0 if self.parted else self.more_calls, MORE_CALLS),
            (self.more_sessions, "ended sessions are not listed (limit listed-sessions)"),
            (self.findings.left_out, "findings are not listed (limit findings)"),
            (self.more_notes, "notes are not listed (limit notes)"),
        ):
            if left_out:
                self.notes.append((frames, f"{left_out} more {what}"))
        found = sorted([*self.over, *map(self._result, self.monitor.conversations)], key=lambda each: each[0])
        findings = [finding._replace(capture=name) for finding in sorted(self.findings, key=lambda each: each.frame)]
        expected = tuple(
            Expected(finding._replace(capture=name), self.baseline[finding.rule])
            for finding in sorted(self.findings.expected, key=lambda each: each.frame)
        )
        notes = sorted(self.notes, key=lambda note: note[0])
        return CaptureResult(
            name,
            frames,
            [session for _, session in found],
            findings,
            notes,
            error,
            interrupted,
            sealed,
            expected=expected,
        )


class _Findings(list["Finding"]):
    """Findings up to a limit; the first of a graver kind and of each rule that fails is always among them.

    Those that a baseline expects are kept apart, up to the same limit.
    """

    def __init__(self, limit: int, baseline: Mapping[str, str]) -> None:
        super().__init__()
        self.limit = limit
        self.baseline = baseline
        self.expected: list[Finding] = []
        self.failed: set[str] = set()
        self.left_out = 0
        self.verdict = Verdict.PASS

    def append(self, finding: Finding, /) -> None:
        """Keep or count a finding."""
        if finding.rule in self.baseline:
            if len(self.expected) < self.limit:
                self.expected.append(finding)
            else:
                self.left_out += 1
            return
        graver = worst(self.verdict, finding.verdict)
        new = finding.verdict is Verdict.FAIL and finding.rule not in self.failed
        if new:
            self.failed.add(finding.rule)
        if new or len(self) < self.limit or graver is not self.verdict:
            super().append(finding)
        else:
            self.left_out += 1
        self.verdict = graver


def _watch(watcher: Watcher, monitor: Monitor, methods: Methods) -> None:
    """Attach a watcher, and detach it when it has enough: whatever watches costs time with every packet."""
    others = methods.on_packet

    def packet(packet: Packet) -> None:
        if others is not None:
            others(packet)
        if not watcher.packet(packet):
            methods.on_packet = others
            monitor.off_step(watcher.step)

    methods.on_packet = packet
    monitor.on_step(watcher.step)


def _session(conversation: Conversation, calls: list[Call]) -> SessionResult:
    calls.sort(key=lambda call: call.number)
    return SessionResult(
        conversation.session,
        conversation.client,
        conversation.server,
        conversation.model,
        conversation.version,
        conversation.requests,
        conversation.events,
        [CallResult(call.handle, call.epoch, call.path.names(), call.final) for call in calls],
    )

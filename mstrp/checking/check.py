"""Check one capture: read it, check every session in it, and collect the result within the limits."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from fsm.monitor import Monitor
from fsm.tables.channel import ChannelState
from mstrp.capture.files import CaptureError, Source, open_capture, skews_of
from mstrp.capture.hints import Setup
from mstrp.capture.methods import Methods
from mstrp.capture.reader import Reader
from mstrp.capture.replay import Replay
from mstrp.capture.sessions import Sessions
from mstrp.capture.skew import aligned
from mstrp.checking.accounting import Silent, listing_note, unjudged_of
from mstrp.checking.baseline import is_ignored
from mstrp.checking.results import CallResult, CaptureResult, Expected, Judged, Part, SessionResult, judged_of
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fsm.conversation import Conversation
    from fsm.engine.finding import Finding
    from fsm.engine.levels import Verdict
    from fsm.engine.step import Step
    from fsm.rules.profiles import Profile
    from fsm.state.instances import Call
    from mstrp.capture.packets import Packet
    from mstrp.capture.partition import Partition

_CHANNEL_OPEN = 1 << ChannelState.OPEN
#: Number of unlisted calls kept, because a finding about one of them may follow.
_RECENT = 1000

__all__ = ["Watcher", "check_capture"]


class Watcher(Protocol):
    """An observer of the first packets of a capture."""

    def packet(self, packet: Packet) -> bool:
        """Take a decoded packet; its steps follow. Return False if no more packets are required."""

    def step(self, step: Step) -> None:
        """Take a step caused by the last packet."""


def check_capture(
    path: str | Source,
    *,
    on_step: Callable[[Step], None] | None = None,
    on_packet: Callable[[Packet], None] | None = None,
    on_finding: Callable[[Finding], None] | None = None,
    on_call: Callable[[Conversation, CallResult], None] | None = None,
    on_session: Callable[[SessionResult], None] | None = None,
    on_start: Callable[[Monitor, Reader], None] | None = None,
    watcher: Watcher | None = None,
    progress: Callable[[int], None] | None = None,
    on_loss: Callable[[Conversation, str, int, float, int], None] | None = None,
    profiles: Iterable[Profile] = (),
    setup: Setup | None = None,
    partition: Partition | None = None,
    baseline: Mapping[str, str] | None = None,
    ignore: Iterable[str] = (),
) -> CaptureResult:
    """Read a capture and check every session in it; read errors are in ``error`` and ``notes``.

    ``on_call`` and ``on_session`` are called for every ended call and session, whether listed or not, at its end or at
    the end of the capture. ``on_start`` is called once with the monitor and the reader.

    ``path`` is a file name, ``-`` for standard input, or a `Source` over an open stream: pcap, pcapng, or packets as
    JSON lines. ``on_loss`` is called for missing packets of a conversation ("gap") and for a lost connection ("lost"),
    with frame, time, and the first frame of the period with possibly missing packets. ``watcher`` receives packets and
    steps until it returns False; after that, reading is as fast as without it. ``progress`` is called periodically with
    the number of bytes read. ``setup`` contains limits, hints and passwords; ``partition`` reads only a part of the
    capture. ``baseline`` contains rules whose findings are expected, with reasons; findings of rules in ``ignore``, ids
    or patterns of ids, are only counted. Ctrl-C ends the reading, and the result so far is returned.
    """
    setup = setup or Setup()
    judging = _Judging(setup, profiles, baseline or {}, ignore, parted=partition is not None)
    monitor, methods = judging.monitor, judging.methods
    if on_step is not None:
        monitor.on_step(on_step)
    if on_finding is not None:
        monitor.on_finding(on_finding)
    judging.on_call, judging.on_session = on_call, on_session
    methods.on_packet = on_packet
    methods.sessions.on_loss = on_loss
    if watcher is not None:
        _watch(watcher, monitor, methods)
    reader = Reader(methods, setup)
    if on_start is not None:
        on_start(monitor, reader)
    replay: Replay | None = None
    error = None
    interrupted = False
    name = path.name if isinstance(path, Source) else path
    try:
        # Only one part reports damage of the file.
        warn = judging.damage if partition is None or partition.place == 0 else _silent
        with open_capture(path, warn) if isinstance(path, str) else path as source:
            source.progress = progress
            if on_finding is not None:
                source.before = methods.sessions.advance
            if source.head().startswith(b"{"):
                replay = Replay(methods, source.name)
                replay.read(source.lines() if partition is None or partition.place == 0 else ())
            else:
                skewed = skews_of(source)
                for skew in skewed:
                    (judging.warn if warn is not _silent else _silent)(1, str(skew))
                frames_in_order = aligned(source, skewed) if skewed else source
                if partition is None and not skewed:
                    reader.read(source)
                else:
                    try:
                        reader.read(frames_in_order if partition is None else partition.frames(frames_in_order))
                    finally:
                        reader.last = source.frames, reader.last[1]
    except CaptureError as failure:
        error = str(failure)
    except KeyboardInterrupt:
        interrupted = True
        judging.warn(reader.last[0], "interrupted: partial result")
    reader.finish()
    frames = reader.last[0] if replay is None else replay.last[0]
    result = judging.result(name, frames, error, interrupted, reader)
    return result if partition is None else result._replace(part=judging.part(reader))


def _silent(frame: int, text: str) -> None:
    """Discard a report of damage, because another part reports it."""


class _Judging:
    """The check of one capture: data for the report, within the limits."""

    def __init__(
        self,
        setup: Setup,
        profiles: Iterable[Profile],
        baseline: Mapping[str, str],
        ignore: Iterable[str] = (),
        *,
        parted: bool = False,
    ) -> None:
        self.limits = limits = setup.limits
        self.notes: list[tuple[int, str]] = []
        self.more_notes = 0
        self.monitor = Monitor(profiles=profiles)
        self.baseline = baseline
        self.findings = self.monitor.findings = _Findings(limits.findings, baseline, ignore)
        self.sessions = Sessions(self.monitor, self.warn, limit=limits.sessions)
        self.sessions.on_session = self._begun
        self.sessions.on_over = self._over
        self.methods = Methods(self.sessions)
        #: Listed ended calls by session, and their total number.
        self.calls: dict[str, list[Call]] = {}
        self.ended: dict[str, int] = {}
        #: The most recent unlisted calls, by session and instance: a finding about one of them adds it to the list.
        self.recent: OrderedDict[tuple[str, str], Call] = OrderedDict()
        self.findings.on_listed = self._found
        #: Finished sessions: the listed ones, and the totals of all.
        self.over: list[tuple[int, SessionResult]] = []
        self.more_sessions = 0
        self.judged = Judged()
        self.silent = Silent()
        #: The first damage of the file, or "".
        self.damaged = ""
        self.order: dict[str, int] = {}
        #: First frame and time of each session.
        self.since: dict[str, tuple[int, float]] = {}
        self.met = 0
        self.parted = parted
        self.begun: list[tuple[int, str]] = []
        self.on_call: Callable[[Conversation, CallResult], None] | None = None
        self.on_session: Callable[[SessionResult], None] | None = None

    def warn(self, frame: int, text: str) -> None:
        """Record a note about damage."""
        if len(self.notes) < self.limits.notes:
            # Names in packets may contain any characters, including terminal control sequences.
            self.notes.append((frame, printable(text)))
        else:
            self.more_notes += 1

    def damage(self, frame: int, text: str) -> None:
        """Record a note about damage of the file itself."""
        self.damaged = self.damaged or printable(text)
        self.warn(frame, text)

    def _begun(self, conversation: Conversation) -> None:
        self.met += 1
        self.order[conversation.session] = self.met
        self.since[conversation.session] = conversation.runner.frame, conversation.now
        if self.parted:
            self.begun.append((conversation.runner.frame, conversation.session))
        ended = self.calls[conversation.session] = []

        session = conversation.session
        self.ended[session] = 0

        def call_ended(call: Call) -> None:
            self.ended[session] += 1
            if self.on_call is not None:
                self.on_call(conversation, _call(call))
            about = session, f"{call.handle:#x}#{call.epoch}"
            if len(ended) < self.limits.listed_calls or about in self.findings.about:
                ended.append(call)
                return
            self.recent[about] = call
            if len(self.recent) > _RECENT:
                self.recent.popitem(last=False)

        conversation.registry.on_call_end = call_ended

    def _found(self, finding: Finding) -> None:
        """List the call of a finding, even if the limit omitted it."""
        call = self.recent.pop((finding.session, finding.instance), None) if finding.machine == "call" else None
        if call is not None and finding.session in self.calls:
            self.calls[finding.session].append(call)

    def _over(self, conversation: Conversation, time: float) -> None:
        """Record the report data of a finished conversation."""
        conversation.finish(time)
        self.monitor.discard(conversation)
        result = self._result(conversation)
        if len(self.over) < self.limits.listed_sessions or conversation.session in self.findings.sessions:
            self.over.append(result)
        else:
            self.more_sessions += 1

    def _result(self, conversation: Conversation) -> tuple[int, SessionResult]:
        name = conversation.session
        calls = [*self.calls.pop(name, ()), *conversation.calls.values()]
        if self.on_call is not None:
            for call in conversation.calls.values():
                self.on_call(conversation, _call(call))
        since = self.since.pop(name, (0, 0.0))
        result = _session(conversation, calls, self.ended.pop(name, 0) + len(conversation.calls), since)
        if self.on_session is not None:
            self.on_session(result)
        if result.judged.packets:
            self.judged = judged_of((self.judged, result.judged))
        else:
            self.silent = self.silent.plus(sum(result.requests.values()))
        return self.order.pop(name, 0), result

    def part(self, reader: Reader) -> Part:
        """Return the data required to merge this result with other parts."""
        sessions = self.sessions
        left_out = self.more_sessions or self.findings.left_out or self.more_notes
        odd = (
            reader.cut_off
            or reader.segments.crowded
            or reader.datagrams.told
            or reader.datagrams.tunnels
            or sessions.crowded
        )
        # Whether an open channel should have been closed depends on the time of the whole capture.
        waits = any(
            each.registry.channel.mask == _CHANNEL_OPEN and each.registry.binding.ended
            for each in self.monitor.conversations
        )
        dependent = bool(left_out or odd or waits or self.damaged)
        skipped = tuple(sessions.skipped)
        return Part(self.begun, sessions.announced, sessions.unannounced, dependent, skipped, self.silent)

    def result(self, name: str, frames: int, error: str | None, interrupted: bool, reader: Reader) -> CaptureResult:
        """Return the result after the last frame."""
        self.monitor.finish()
        found = sorted([*self.over, *map(self._result, self.monitor.conversations)], key=lambda each: each[0])
        sealed = self.methods.sealed_calls.all()
        for each in sealed:
            what = f"{each.requests} requests and {each.answers} responses of {each.interface} from {each.client} to"
            how = f"{each.mechanism}, level {each.level}" + (f", {each.account}" if each.account else "")
            self.warn(each.frame, f"sealed: {what} {each.server} ({how}); needed: {each.needed}")
        for left_out, what in (
            (self.more_sessions, "ended sessions are not listed (limit listed-sessions)"),
            (self.findings.left_out, "findings are not listed (limit findings)"),
            (self.more_notes, "notes are not listed (limit notes)"),
        ):
            if left_out:
                self.notes.append((frames, f"{left_out} more {what}"))
        listing = listing_note((session for _, session in found), self.judged)
        if listing and not self.parted:
            self.notes.append((frames, listing))
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
            judged=self.judged,
            unjudged=()
            if error is not None and not self.judged.packets
            else unjudged_of(
                self.judged, frames, sealed, self.sessions.skipped, reader.unread.kinds(), self.silent, self.damaged
            ),
            unread=reader.unread.kinds(),
            found=self.findings.totals,
            ignored=self.findings.ignored,
        )


class _Findings(list["Finding"]):
    """Findings up to a limit, always including the first of each rule and verdict.

    Findings expected by a baseline are stored separately, up to the same limit; findings of ignored rules are only
    counted.
    """

    def __init__(self, limit: int, baseline: Mapping[str, str], ignore: Iterable[str] = ()) -> None:
        super().__init__()
        self.limit = limit
        self.baseline = baseline
        self.expected: list[Finding] = []
        self.ignore = tuple(ignore)
        #: Number of findings of ignored rules, by rule.
        self.ignored: dict[str, int] = {}
        self.left_out = 0
        #: Number of all findings by rule and verdict.
        self.totals: dict[tuple[str, Verdict], int] = {}
        #: The sessions of listed findings, and their instances with the session.
        self.sessions: set[str] = set()
        self.about: set[tuple[str, str]] = set()
        #: Called with every finding that is listed.
        self.on_listed: Callable[[Finding], None] | None = None

    def append(self, finding: Finding, /) -> None:
        """Keep or count a finding."""
        if self.ignore and is_ignored(finding.rule, self.ignore):
            self.ignored[finding.rule] = self.ignored.get(finding.rule, 0) + 1
            return
        if finding.rule in self.baseline:
            if len(self.expected) < self.limit:
                self.expected.append(finding)
                self._list(finding)
            else:
                self.left_out += 1
            return
        key = finding.rule, finding.verdict
        known = self.totals.get(key, 0)
        self.totals[key] = known + 1
        if not known or len(self) < self.limit:
            super().append(finding)
            self._list(finding)
        else:
            self.left_out += 1

    def _list(self, finding: Finding) -> None:
        self.sessions.add(finding.session)
        self.about.add((finding.session, finding.instance))
        if self.on_listed is not None:
            self.on_listed(finding)


def _watch(watcher: Watcher, monitor: Monitor, methods: Methods) -> None:
    """Attach a watcher until it returns False, because every watched packet takes additional time."""
    others = methods.on_packet

    def packet(packet: Packet) -> None:
        if others is not None:
            others(packet)
        if not watcher.packet(packet):
            methods.on_packet = others
            monitor.off_step(watcher.step)

    methods.on_packet = packet
    monitor.on_step(watcher.step)


def _call(call: Call) -> CallResult:
    return CallResult(
        call.handle, call.epoch, call.path.names(), call.final, "" if call.line is None else call.line.name
    )


def _session(conversation: Conversation, calls: list[Call], total: int, since: tuple[int, float]) -> SessionResult:
    calls.sort(key=lambda call: call.number)
    packets = conversation.judged
    return SessionResult(
        conversation.session,
        conversation.client,
        conversation.server,
        conversation.model,
        conversation.version,
        conversation.requests,
        conversation.events,
        [_call(call) for call in calls],
        Judged(packets, int(bool(packets)), total),
        since,
        (conversation.runner.frame, conversation.now),
    )

"""One capture checked: what was in it, what is wrong with it, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from fsm.instances import final
from fsm.levels import Verdict, worst
from fsm.monitor import Monitor
from mstrp.capture.files import CaptureError, Source, open_capture
from mstrp.capture.reader import Reader
from mstrp.capture.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsm.conversation import Conversation
    from fsm.finding import Finding
    from fsm.instances import Call
    from fsm.profiles import Profile
    from fsm.step import Step
    from mstrp.capture.packets import Packet

__all__ = ["CallResult", "CaptureResult", "SessionResult", "Watcher", "check_capture"]


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

    @property
    def verdict(self) -> Verdict:
        """The gravest of the findings."""
        return worst(*(finding.verdict for finding in self.findings))

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
        if self.interrupted:
            found["interrupted"] = True
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
    profiles: Iterable[Profile] = (),
) -> CaptureResult:
    """Read a capture and judge every session in it; what cannot be read is in ``error`` and ``notes``.

    ``path`` is a file name, ``-`` for standard input, or a `Source` over an open stream. ``watcher`` sees packets and
    steps until it has enough; from then on the reading is as quick as without. ``progress`` is called now and then
    with how many bytes have been read. Ctrl-C ends the reading: what was found so far is returned.
    """
    notes: list[tuple[int, str]] = []

    def warn(frame: int, text: str) -> None:
        if len(notes) < 1000:
            notes.append((frame, text))

    monitor = Monitor(profiles=profiles)
    if on_step is not None:
        monitor.on_step(on_step)
    if on_finding is not None:
        monitor.on_finding(on_finding)
    sessions = Sessions(monitor, warn)
    sessions.on_packet = on_packet
    if watcher is not None:
        _watch(watcher, monitor, sessions)
    calls: dict[str, list[Call]] = {}
    sessions.on_session = lambda conversation: _collect(conversation, calls)
    reader = Reader(sessions)
    error = None
    interrupted = False
    name = path.name if isinstance(path, Source) else path
    try:
        with open_capture(path, warn) if isinstance(path, str) else path as source:
            source.progress = progress
            reader.read(source)
    except CaptureError as failure:
        error = str(failure)
    except KeyboardInterrupt:
        interrupted = True
        warn(reader.last[0], "interrupted: this is what was found so far")
    reader.finish()
    monitor.finish()
    found = [
        _session(conversation, [*calls.get(conversation.session, ()), *conversation.calls.values()])
        for conversation in monitor.conversations
    ]
    findings = [finding._replace(capture=name) for finding in sorted(monitor.findings, key=lambda each: each.frame)]
    return CaptureResult(name, reader.last[0], found, findings, notes, error, interrupted)


def _watch(watcher: Watcher, monitor: Monitor, sessions: Sessions) -> None:
    """Attach a watcher, and detach it when it has enough: whatever watches costs time with every packet."""
    others = sessions.on_packet

    def packet(packet: Packet) -> None:
        if others is not None:
            others(packet)
        if not watcher.packet(packet):
            sessions.on_packet = others
            monitor.off_step(watcher.step)

    sessions.on_packet = packet
    monitor.on_step(watcher.step)


def _collect(conversation: Conversation, calls: dict[str, list[Call]]) -> None:
    ended = calls.setdefault(conversation.session, [])
    conversation.on_call_end = ended.append


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
        [CallResult(call.handle, call.epoch, call.path.names(), final(call)) for call in calls],
    )

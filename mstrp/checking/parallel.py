"""Check captures in several processes: one capture each, or parts of a large one, with the same report as one process."""

from __future__ import annotations

import re
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from mstrp.capture.hints import Setup
from mstrp.capture.partition import Partition
from mstrp.capture.unread import UnreadKind
from mstrp.checking.accounting import Silent, listing_note, unjudged_of
from mstrp.checking.check import check_capture
from mstrp.checking.results import CaptureResult, judged_of
from mstrp.report.ladder import Ladder
from mstrp.selection.results import selecting

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from fsm.engine.finding import Finding
    from fsm.engine.levels import Verdict
    from fsm.rules.profiles import Profile
    from mstrp.capture.limits import Limits
    from mstrp.capture.packets import Packet
    from mstrp.checking.results import Part
    from mstrp.selection import Selection

__all__ = ["Jobs", "merged"]

#: Minimum size of captures for which a second process saves time.
_WORTH = 16 * 1024 * 1024


class _Task(NamedTuple):
    path: str
    setup: Setup
    profiles: tuple[Profile, ...]
    #: Number of packets in the ladder; with ``only_ladder``, no other result is required.
    ladder: int
    partition: Partition | None = None
    only_ladder: bool = False
    baseline: dict[str, str] | None = None
    ignore: tuple[str, ...] = ()
    selection: Selection | None = None


class _EnoughError(Exception):
    """The ladder is complete."""


class _Beginning(Ladder):
    """A ladder that ends the reading when it is complete."""

    def packet(self, packet: Packet) -> bool:
        if not super().packet(packet):
            raise _EnoughError
        return True


def _work(task: _Task) -> tuple[CaptureResult | None, Ladder]:
    """Run one task in a worker process. Ctrl-C ends its reading, and it returns the result so far."""
    # Imported here because commands use this module, not vice versa.
    from mstrp.commands.interrupt import Interrupts

    kind = _Beginning if task.only_ladder else Ladder
    ladder = kind(task.ladder)
    with Interrupts() as interrupts:
        try:
            result = check_capture(
                task.path,
                watcher=selecting(ladder, task.selection) if task.ladder else None,
                progress=lambda position: interrupts.check(),
                profiles=task.profiles,
                setup=task.setup,
                partition=task.partition,
                baseline=task.baseline,
                ignore=task.ignore,
            )
        except _EnoughError:
            result = None
    shown = Ladder(task.ladder)
    # A rung contains the text of its packet, so the packet itself is not transferred.
    shown.rungs = [rung._replace(packet=rung.packet._replace(content=None)) for rung in ladder.rungs]
    shown.full = ladder.full
    return result, shown


class Jobs:
    """A pool of worker processes for all captures of a run; `result` waits for one of them."""

    def __init__(
        self,
        captures: Iterable[str],
        jobs: int,
        *,
        setup: Setup | None = None,
        profiles: Iterable[Profile] = (),
        ladder: int = 0,
        baseline: dict[str, str] | None = None,
        ignore: Iterable[str] = (),
        selection: Selection | None = None,
    ) -> None:
        self.captures = list(captures)
        self.jobs = jobs
        #: A capture with fewer bytes is given to one process: the others have enough work meanwhile.
        self.fair = 1.25 * sum(map(_size, self.captures)) / jobs
        self.task = _Task(
            "", setup or Setup(), tuple(profiles), ladder, baseline=baseline, ignore=tuple(ignore), selection=selection
        )
        # Fork is the fastest method, and safe with a single thread.
        method = "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"
        self._pool = ProcessPoolExecutor(jobs, mp_context=get_context(method))
        self._futures: dict[int, list[Future[tuple[CaptureResult | None, Ladder]]]] = {}

    def __enter__(self) -> Self:
        for number, path in enumerate(self.captures):
            self._futures[number] = [self._pool.submit(_work, task) for task in self._tasks(path)]
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _tasks(self, path: str) -> list[_Task]:
        whole = self.task._replace(path=path)
        size = _size(path)
        if size < _WORTH or size <= self.fair:
            return [whole]
        parts = [whole._replace(ladder=0, partition=Partition(index, self.jobs)) for index in range(self.jobs)]
        if whole.ladder:
            parts.append(whole._replace(only_ladder=True))
        return parts

    def result(self, number: int) -> tuple[CaptureResult, Ladder]:
        """Return the result of a capture, by its index."""
        found = [future.result() for future in self._futures.pop(number)]
        results = [result for result, _ in found if result is not None and result.part is not None]
        if not results:
            result, ladder = found[0]
            assert result is not None
            return result, ladder
        together = merged(results, self.task.setup.limits)
        if together is None:
            # The parts depend on each other, so the capture is checked again as a whole.
            result, ladder = self._pool.submit(_work, self.task._replace(path=self.captures[number])).result()
            assert result is not None
            return result, ladder
        return together, found[-1][1]


def _size(path: str) -> int:
    """Return the size of a capture that can be read repeatedly; 0 for others."""
    try:
        place = Path(path)
        return place.stat().st_size if path != "-" and place.is_file() else 0
    except OSError:
        return 0


def merged(parts: list[CaptureResult], limits: Limits) -> CaptureResult | None:
    """Merge the results of the parts of a capture; None if only the whole capture can be checked."""
    about = [result.part for result in parts if result.part is not None]
    if any(part.dependent for part in about) or _entangled(about) or _too_much(parts, limits):
        return None
    begun = sorted((frame, place, name) for place, part in enumerate(about) for frame, name in part.begun)
    names = {(place, name): f"s{number}" for number, (_, place, name) in enumerate(begun, 1)}
    results = [
        _renamed(result, {old: new for (part, old), new in names.items() if part == place})
        for place, result in enumerate(parts)
    ]
    frames = max(result.frames for result in results)
    sessions = sorted((session for result in results for session in result.sessions), key=lambda each: int(each.id[1:]))
    judged = judged_of(result.judged for result in results)
    listing = listing_note(sessions, judged)
    notes = [note for result in results for note in result.notes] + ([(frames, listing)] if listing else [])
    sealed = tuple(sorted((each for result in results for each in result.sealed), key=lambda each: each.frame))
    skipped = [each for part in about for each in part.skipped]
    silent = Silent(*(sum(part.silent[place] for part in about) for place in range(2)))
    unread = _unread(results)
    return CaptureResult(
        results[0].path,
        frames,
        sessions,
        sorted((finding for result in results for finding in result.findings), key=lambda each: each.frame),
        sorted(notes, key=lambda note: note[0]),
        next((result.error for result in results if result.error is not None), None),
        any(result.interrupted for result in results),
        sealed,
        expected=tuple(
            sorted((each for result in results for each in result.expected), key=lambda each: each.finding.frame)
        ),
        judged=judged,
        unjudged=()
        if results[0].error is not None and not judged.packets
        else unjudged_of(judged, frames, sealed, skipped, unread, silent),
        unread=unread,
        found=_totals(results),
        ignored=_ignored(results),
    )


def _unread(results: list[CaptureResult]) -> tuple[UnreadKind, ...]:
    """Return the unread frames of all parts by cause, the largest number first."""
    sums: dict[tuple[str, str], int] = {}
    for result in results:
        for kind in result.unread:
            sums[kind.cause, kind.detail] = sums.get((kind.cause, kind.detail), 0) + kind.frames
    found = (UnreadKind(cause, detail, frames) for (cause, detail), frames in sums.items())
    return tuple(sorted(found, key=lambda each: (-each.frames, each.cause, each.detail)))


def _totals(results: list[CaptureResult]) -> dict[tuple[str, Verdict], int]:
    """Return the number of findings of all parts by rule and verdict."""
    sums: dict[tuple[str, Verdict], int] = {}
    for result in results:
        for key, count in result.totals.items():
            sums[key] = sums.get(key, 0) + count
    return sums


def _ignored(results: list[CaptureResult]) -> dict[str, int]:
    """Return the number of findings of ignored rules of all parts."""
    sums: dict[str, int] = {}
    for result in results:
        for rule, count in result.ignored.items():
            sums[rule] = sums.get(rule, 0) + count
    return sums


def _too_much(parts: list[CaptureResult], limits: Limits) -> bool:
    """Return whether the parts together exceed the limits of one report."""
    return (
        sum(len(part.notes) for part in parts) > limits.notes
        or sum(len(part.expected) for part in parts) > limits.findings
        or sum(len(part.findings) for part in parts) > limits.findings
        or sum(len(part.sessions) for part in parts) > limits.listed_sessions
    )


def _entangled(parts: list[Part]) -> bool:
    """Return whether an event channel of one part may belong to a client of another."""
    return any(part.unannounced & other.announced for part in parts for other in parts if other is not part)


def _renamed(result: CaptureResult, names: dict[str, str]) -> CaptureResult:
    """Return a result with the session ids of the whole capture."""
    if all(old == new for old, new in names.items()):
        return result
    pattern = re.compile(r"\bs\d+\b")

    def text(old: str) -> str:
        return pattern.sub(lambda match: names.get(match[0], match[0]), old)

    def of_whole(finding: Finding) -> Finding:
        return finding._replace(
            session=names.get(finding.session, finding.session),
            instance=names.get(finding.instance, finding.instance),
            summary=text(finding.summary),
        )

    return result._replace(
        sessions=[session._replace(id=names[session.id]) for session in result.sessions],
        findings=list(map(of_whole, result.findings)),
        expected=tuple(each._replace(finding=of_whole(each.finding)) for each in result.expected),
        notes=[(frame, text(note)) for frame, note in result.notes],
    )

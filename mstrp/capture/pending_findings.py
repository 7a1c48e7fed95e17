"""Findings that wait until it is sure that nothing was missed which explains them.

A session has several connections, and a hole in one of them shows only when something behind it is captured. Until
then packets of the others look as if they came out of nothing. So a finding is held until every direction of the
session's connections has gone on without a hole, and a gap takes back those that came up since its beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fsm.engine.levels import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsm.conversation import Conversation
    from fsm.engine.finding import Finding
    from mstrp.capture.reassembly import Half

__all__ = ["PendingFindings"]

_MODULUS = 1 << 32
_HALF = 1 << 31
#: How many findings of a session are held; the oldest are told then.
_MOST = 64


class _Finding(NamedTuple):
    finding: Finding
    #: The frame at which it came up.
    frame: int
    #: How far each direction had been seen.
    marks: tuple[tuple[Half, int], ...]


class PendingFindings:
    """The findings of a conversation that are not told yet.

    ``halves`` gives the directions that it depends on; without it all is held until gaps have been told with their
    frames.
    """

    def __init__(self, conversation: Conversation, halves: Callable[[], Iterable[Half]] | None) -> None:
        self.conversation = conversation
        self.halves = halves
        self.tell = conversation.runner.tell
        self.waiting: list[_Finding] = []
        conversation.runner.tell = self.take

    def take(self, finding: Finding) -> None:
        """A finding came up."""
        if finding.verdict is Verdict.INFO:
            self.tell(finding)
            return
        waiting = self.waiting
        marks = () if self.halves is None else tuple((half, half.next) for half in self.halves())
        waiting.append(_Finding(finding, self.conversation.runner.frame, marks))
        while waiting and (
            len(waiting) > _MOST
            or (self.halves is not None and all(_passed(half, mark) for half, mark in waiting[0].marks))
        ):
            self.tell(waiting.pop(0).finding)

    def gap(self, halves: Iterable[Half], frame: int) -> int:
        """Packets of some directions are missing: take back what came up since; the frame from which on that was."""
        concerned = set(halves)
        since = frame
        kept = []
        for held in self.waiting:
            if all(_passed(half, mark) for half, mark in held.marks if half in concerned):
                kept.append(held)
            else:
                since = min(since, held.frame)
        self.waiting = kept
        return since

    def since(self, frame: int) -> None:
        """Packets are missing from a frame on: take back what came up since."""
        self.waiting = [held for held in self.waiting if held.frame < frame]

    def release(self) -> None:
        """Nothing more will come: tell what is left."""
        waiting, self.waiting = self.waiting, []
        for held in waiting:
            self.tell(held.finding)

    def over(self) -> None:
        """Tell what is left, and hold nothing any more."""
        self.release()
        self.conversation.runner.tell = self.tell


def _passed(half: Half, mark: int) -> bool:
    """Whether a direction has gone on from where it was without a hole."""
    place = half.next if half.hole is None else half.hole
    return mark >= 0 and place >= 0 and 0 < (place - mark) % _MODULUS < _HALF

"""Findings that are postponed until a gap in another connection can be excluded as their explanation.

A session has several connections, and a gap in one of them is detected only when later data is captured. Until then,
packets of the others may appear unexplained. So a finding is postponed until every direction of the session's
connections has continued without a gap, and a gap discards the findings made since its start.
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
#: Maximum number of postponed findings of a session; the oldest are then reported.
_MOST = 64


class _Finding(NamedTuple):
    finding: Finding
    #: The frame of the finding.
    frame: int
    #: The position of each direction at that time.
    marks: tuple[tuple[Half, int], ...]


class PendingFindings:
    """The postponed findings of a conversation.

    ``halves`` returns the directions to wait for; without it, findings wait until gaps have been reported with their
    frames.
    """

    def __init__(self, conversation: Conversation, halves: Callable[[], Iterable[Half]] | None) -> None:
        self.conversation = conversation
        self.halves = halves
        self.tell = conversation.runner.tell
        self.waiting: list[_Finding] = []
        conversation.runner.tell = self.take
        #: Those of all conversations that hold findings; `advance` can be called for them at any time.
        self.held: set[PendingFindings] | None = None

    def take(self, finding: Finding) -> None:
        """Postpone a finding."""
        if finding.verdict is Verdict.INFO:
            self.tell(finding)
            return
        waiting = self.waiting
        marks = () if self.halves is None else tuple((half, half.next) for half in self.halves())
        waiting.append(_Finding(finding, self.conversation.runner.frame, marks))
        if self.held is not None:
            self.held.add(self)
        self.advance()

    def advance(self) -> None:
        """Tell the findings that have become certain."""
        waiting = self.waiting
        while waiting and (
            len(waiting) > _MOST
            or (self.halves is not None and all(_passed(half, mark) for half, mark in waiting[0].marks))
        ):
            self.tell(waiting.pop(0).finding)

    def gap(self, halves: Iterable[Half], frame: int) -> int:
        """Discard the findings made since packets of some directions are missing; return the first frame."""
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
        """Discard the findings made since a frame, because packets are missing."""
        self.waiting = [held for held in self.waiting if held.frame < frame]

    def release(self) -> None:
        """Report the remaining findings at the end."""
        waiting, self.waiting = self.waiting, []
        for held in waiting:
            self.tell(held.finding)

    def over(self) -> None:
        """Report the remaining findings, and postpone no others."""
        self.release()
        self.conversation.runner.tell = self.tell


def _passed(half: Half, mark: int) -> bool:
    """Return whether a direction has continued without a gap."""
    place = half.next if half.hole is None else half.hole
    return mark >= 0 and place >= 0 and 0 < (place - mark) % _MODULUS < _HALF

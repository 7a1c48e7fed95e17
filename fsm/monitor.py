"""The monitor: conversations go in, steps and findings come out, a verdict at the end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fsm.conversation import Conversation
from fsm.engine.levels import Verdict, worst
from fsm.state.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fsm.engine.finding import Finding
    from fsm.engine.levels import Fault
    from fsm.engine.step import Step
    from fsm.rules.profiles import Profile

__all__ = ["Monitor"]

_logger = logging.getLogger("mstrp")


class Monitor:
    """Watches any number of conversations.

    ``grace`` is how many seconds after an end events may still arrive that were under way; ``profiles`` soften what a
    kind of server is known for. Findings are kept in
    `findings` and given to every `on_finding` callback; steps go to the `on_step` callbacks only, and to the
    ``mstrp`` logger at level DEBUG when it is enabled for that when the monitor is made. Findings are logged at INFO.
    """

    def __init__(self, *, grace: float = 1.0, profiles: Iterable[Profile] = ()) -> None:
        self.grace = grace
        self.profiles = tuple(profiles)
        self.findings: list[Finding] = []
        self.conversations: list[Conversation] = []
        self._paths = Paths()
        self._numbered = 0
        self._observers: list[Callable[[Step], None]] = []
        self._listeners: list[Callable[[Finding], None]] = []
        if _logger.isEnabledFor(logging.DEBUG):
            self.on_step(_log)

    def on_step(self, callback: Callable[[Step], None]) -> None:
        """Call back for every step of every machine."""
        self._observers.append(callback)

    def off_step(self, callback: Callable[[Step], None]) -> None:
        """Call back no more; without callbacks steps cost nothing."""
        self._observers.remove(callback)

    def on_finding(self, callback: Callable[[Finding], None]) -> None:
        """Call back for every finding."""
        self._listeners.append(callback)

    def conversation(
        self,
        session: str = "",
        *,
        client: str = "",
        server: str = "",
        partial: bool = False,
        role: Fault | None = None,
    ) -> Conversation:
        """Begin to watch a binding.

        ``partial``: it began before the first packet that will be seen. ``role``: strict use, for a program that is
        itself the client or the server; what it may not do, and what the peer may not do, raises.
        """
        self._numbered += 1
        session = session or f"s{self._numbered}"
        found = Conversation(
            session,
            self._paths,
            self._tell,
            self._observers,
            client=client,
            server=server,
            partial=partial,
            grace=self.grace,
            role=role,
        )
        self.conversations.append(found)
        return found

    def discard(self, conversation: Conversation) -> None:
        """Forget a conversation that came to nothing: its ClientAttach was refused."""
        self.conversations.remove(conversation)

    def _tell(self, finding: Finding) -> None:
        for profile in self.profiles:
            softened = profile.soften(finding)
            if softened is None:
                return
            finding = softened
        self.findings.append(finding)
        _logger.info("%s", finding)
        for listener in self._listeners:
            listener(finding)

    def finish(self) -> None:
        """Nothing more will come: judge what is still open."""
        until = max((conversation.now for conversation in self.conversations), default=0.0)
        for conversation in self.conversations:
            conversation.finish(until)

    @property
    def verdict(self) -> Verdict:
        """The verdict on everything seen so far."""
        return worst(*(finding.verdict for finding in self.findings))


def _log(step: Step) -> None:
    _logger.debug("%s", step)

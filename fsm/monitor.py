"""The monitor: it takes conversations, reports steps and findings, and returns a verdict."""

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
    """Monitors any number of conversations.

    ``grace`` is the time in seconds after an end during which events in transit may still arrive; ``profiles`` reduce
    the levels of rules for a type of server. Findings are stored in `findings` and passed to every `on_finding`
    callback; steps are passed to the `on_step` callbacks only, and to the ``mstrp`` logger at level DEBUG if that level
    is enabled when the monitor is created. Findings are logged at INFO.
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
        """Register a callback for every step of every machine."""
        self._observers.append(callback)

    def off_step(self, callback: Callable[[Step], None]) -> None:
        """Remove a callback; without callbacks, steps have no cost."""
        self._observers.remove(callback)

    def on_finding(self, callback: Callable[[Finding], None]) -> None:
        """Register a callback for every finding."""
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
        """Start to monitor a binding.

        ``partial``: it was established before the first packet. ``role``: strict use, for a program that is itself the
        client or the server; its own and the peer's illegal steps raise errors.
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
        """Discard a conversation whose ClientAttach was refused."""
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
        """End the traffic: check everything that is still pending."""
        until = max((conversation.now for conversation in self.conversations), default=0.0)
        for conversation in self.conversations:
            conversation.finish(until)

    @property
    def verdict(self) -> Verdict:
        """The verdict on all traffic so far."""
        return worst(*(finding.verdict for finding in self.findings))


def _log(step: Step) -> None:
    _logger.debug("%s", step)

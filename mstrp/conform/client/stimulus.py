"""A stimulus: something that a client has to ignore, to refuse, or to cope with, and the injection in which it is done."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from mstrp.conform.client.delivery import TesterPush
from mstrp.conform.core.program import Verb
from protocol.event import encode_events

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mstrp.conform.client.delivery import TesterPull
    from mstrp.conform.client.session import Session
    from mstrp.conform.client.tester_server import ObservedClient, TesterServer
    from mstrp.live.server.calls import Handle
    from mstrp.live.server.devices import LineOpen, PhoneOpen
    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["Expectation", "Injection", "NotPossible", "Stimulus"]


class Expectation(StrEnum):
    """What a client has to do with a stimulus."""

    #: Go on as if nothing had come.
    IGNORE = "ignore"
    #: Answer the call of the RPC layer with a fault, and go on.
    REFUSE = "refuse"
    #: Take it, for it is legal, and go on.
    TAKE = "take"
    #: Stay legal: what was going on is at its end.
    END = "end"


class NotPossible(Exception):  # noqa: N818 - the situation is not the one that was hoped for
    """A stimulus cannot be done with this client."""


class Stimulus(NamedTuple):
    """Something that the tester does to a client, once in a conversation."""

    name: str
    #: What the client breaks that falls for it, the first one by default.
    rules: tuple[str, ...]
    summary: str
    #: The situation in which it is done.
    when: str
    act: Callable[[Injection], Awaitable[None]]
    expect: Expectation = Expectation.IGNORE
    #: The same made legal: what a client does then shows that ignoring can be seen.
    control: Callable[[Injection], Awaitable[None]] | None = None
    #: What makes ignoring visible without a control: "calls" (the client takes calls), "requests" or "answer".
    shown: str = ""
    models: tuple[str, ...] = ("push", "pull")
    #: Whether it is done each time, and not once.
    always: bool = False
    #: Whether nothing is completed before the client had time to act on it.
    first: bool = False

    @property
    def rule(self) -> str:
        """The requirement that a failure is told under."""
        return self.rules[0]


class Injection:
    """A client in a situation; what a stimulus works with."""

    def __init__(
        self,
        client: ObservedClient,
        stimulus: Stimulus,
        *,
        opened: LineOpen | PhoneOpen | None = None,
        handle: Handle | None = None,
        packet: Request | None = None,
        number: int = 0,
    ) -> None:
        self.client = client
        self.server: TesterServer = client.server
        self.session: Session = client.session
        self.stimulus = stimulus
        self._opened = opened
        self._handle = handle
        self.packet: Any = packet
        self.number = number

    @property
    def opened(self) -> Any:
        """The line or phone that it is about."""
        if self._opened is None:
            raise NotPossible("no line is open")
        return self._opened

    @property
    def handle(self) -> Handle:
        """The call that it is about."""
        if self._handle is None:
            raise NotPossible("there is no call")
        return self._handle

    @property
    def init(self) -> int:
        """InitContext of the application that it is about."""
        return int(self.opened.app.context)

    @property
    def delivery(self) -> TesterPush | TesterPull:
        """How events get to the client."""
        return self.client.delivery  # type: ignore[return-value]

    @property
    def push(self) -> TesterPush:
        """The event channel; raises `NotPossible` where there is none."""
        if not isinstance(self.client.delivery, TesterPush):
            raise NotPossible("the client fetches its events")
        return self.client.delivery

    def mark(self, rule: str = "", source: str = "") -> int:
        """A handle that exists nowhere, which the client must not use."""
        value = self.server.unknown_handle()
        self.session.mark(value, rule or self.stimulus.rule, source or self.stimulus.summary)
        return value

    def unknown_handle(self) -> int:
        """A number that means nothing to the client."""
        return self.server.unknown_handle()

    async def sneak(self, *events: Event | bytes) -> bool | None:
        """Send events that have to be ignored, in a buffer of their own."""
        data = b"".join(event if isinstance(event, bytes) else event.encode() for event in events)
        names = " + ".join("bytes" if isinstance(event, bytes) else event.layout.name for event in events)
        self.session.record_stimulus(names, data, self.stimulus.summary)
        return await self._sent(data)

    async def _sent(self, data: bytes) -> bool | None:
        gone = self.client.gone
        taken = await self.delivery.alone(data)
        if gone or (taken is None and self.session.detached):
            raise NotPossible("the client was gone before it had this")
        return taken

    async def tell(self, *events: Event) -> bool | None:
        """Send legal events, in a buffer of their own."""
        for event in events:
            self.session.told(event)
        return await self._sent(encode_events(events))

    async def outside(self, context: bytes | None, data: bytes, damage: Any = None) -> None:
        """Call RemoteSPEventProc in a way that has to be refused; says whether it was."""
        self.session.record_stimulus("RemoteSPEventProc", data, self.stimulus.summary)
        self.judged(await self.push.outside(context, data, damage))

    def judged(self, outcome: Any) -> None:
        """Whether a call that has to be refused was."""
        if outcome is None:
            self.server.verdicts[self.stimulus.name] = None
        elif outcome is False:
            self.server.verdicts[self.stimulus.name] = True
        else:
            self.server.verdicts[self.stimulus.name] = False
            self.session.complain(
                self.stimulus.rule, f"client did not refuse it: {self.stimulus.summary}", section="3.3.4"
            )

    def remark(self, text: str) -> None:
        """Something for the conversation that no packet shows."""
        self.session.note(Verb.TELLS, text, how=self.stimulus.summary)

    async def until(self, true: Callable[[], Any], seconds: float = 1.0) -> bool:
        """Wait until something is so, but not for long."""
        for _ in range(max(int(seconds / 0.005), 1)):
            if true():
                return True
            await asyncio.sleep(0.005)
        return bool(true())

    async def drained(self) -> None:
        """Wait until the client has everything that waits for it."""
        await self.until(lambda: self.delivery.idle)

"""Links: the context handle of the client, the event channel back to it, and how its events are delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fsm.state.instances import Binding, Channel
from fsm.tables import binding, channel
from fsm.tables.bits import IN_FLIGHT
from protocol.ndr import MANAGEMENT

if TYPE_CHECKING:
    from fsm.engine.row import Event
    from fsm.engine.runner import Runner
    from fsm.state.registry import Registry

__all__ = ["ANY_BINDING", "Links"]

_BINDING: Final = Binding.machine.cells
_CHANNEL: Final = Channel.machine.cells
_MODELS: Final = {
    binding.BindingState.PULL: "pull",
    binding.BindingState.PUSH: "push",
    binding.BindingState.MANAGEMENT: "management",
}
#: A binding of which nothing is known but that it is attached.
ANY_BINDING: Final = sum(1 << state for state in _MODELS)
_KINDS: Final = (binding.MANAGES, binding.CONTROLS, binding.FETCHES)


class Links:
    """The binding and the event channel of a conversation, and what follows from their states.

    ``model`` is "push", "pull" or "management", None if it is not known; ``version`` the highest TAPI version
    negotiated, 0 if there is none; ``fitting`` the kinds of request that the binding allows now; ``flowing`` whether
    the binding takes events over its channel, so that one more proves nothing new.
    """

    def __init__(self, runner: Runner, registry: Registry) -> None:
        self.runner = runner
        self.registry = registry
        self.model: str | None = None
        self.version = 0
        self.fitting: frozenset[Event] = frozenset()
        self.flowing = False
        self.update()

    def update(self) -> None:
        """Derive the model, the fitting requests and the flow of events from the states of the links."""
        mask = self.registry.binding.mask
        self.fitting = frozenset(kind for kind in _KINDS if _BINDING[kind][mask].legal)
        taken = _BINDING[binding.DELIVERED][mask]
        open_now = _CHANNEL[channel.DELIVERS][self.registry.channel.mask]
        self.flowing = taken.legal and taken.target == mask and open_now.legal
        if not self.registry.partial or not mask & (mask - 1):
            for state, name in _MODELS.items():
                if mask >> state & 1:
                    self.model = name
                    return

    def attach(self, process_id: int, domain_user: str) -> None:
        """Take a ClientAttach that returned 0 (3.1.4.1)."""
        if process_id == MANAGEMENT:
            event = binding.ATTACHED_MANAGEMENT
            if self.registry.facts.administrator is None:
                self.registry.facts.administrator = True
        else:
            event = binding.ATTACHED_MAILSLOT if domain_user else binding.ATTACHED_PUSH
        self._step_binding(event)

    def detach(self) -> None:
        """Take the end of a ClientDetach: everything under the binding ends (3.1.4.3)."""
        found = self.registry.binding
        found.ended = self.runner.now
        found.detached = self.runner.step(found, binding.DETACHED).legal
        self.update()

    def lose(self) -> None:
        """Take the end of the client's connection without ClientDetach (Q20)."""
        self.registry.binding.ended = self.runner.now
        self._step_binding(binding.LOST)

    def fetch(self) -> None:
        """Take events that GetAsyncEvents returned (2.2.4.1.8.1)."""
        self._step_binding(binding.FETCHED)

    def open_channel(self) -> None:
        """Take a RemoteSPAttach that returned 0 (3.3.4.1)."""
        self._step_channel(channel.CHANNEL_OPENED)

    def close_channel(self) -> None:
        """Take the end of a RemoteSPDetach (3.3.4.3)."""
        self._step_channel(channel.CHANNEL_CLOSED)

    def lose_channel(self) -> None:
        """Take the end of the channel's connection without RemoteSPDetach (3.3.6)."""
        self._step_channel(channel.CHANNEL_LOST)

    def deliver(self) -> None:
        """Take a use of the event channel."""
        self.runner.step(self.registry.channel, channel.DELIVERS)
        found = self.registry.binding
        self.runner.step(found, binding.DELIVERED, IN_FLIGHT.bit if self.registry.in_flight(found.ended) else 0)
        self.update()

    def stray(self, what: str, *, accepted: bool) -> None:
        """Take a call of the event channel under an invalid context handle."""
        self.runner.step(self.registry.channel, channel.STRAYS if accepted else channel.STRAYS_REFUSED, what=what)

    def agree(self, version: int) -> None:
        """Take a TAPI version that was negotiated for a device."""
        if 0x00010000 <= version <= 0x0003FFFF:
            self.version = max(self.version, version)

    def _step_binding(self, event: Event) -> None:
        self.runner.step(self.registry.binding, event)
        self.update()

    def _step_channel(self, event: Event) -> None:
        self.runner.step(self.registry.channel, event)
        self.update()

"""The situations of `mstrp.testing` in a live session: their packets name its handles and numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from mstrp.testing.legal import Names
from mstrp.testing.situation import Situation
from protocol import generic

if TYPE_CHECKING:
    from mstrp.conform.world import World
    from protocol.packet import Request

__all__ = ["LiveSituation"]


class LiveSituation(Situation):
    """The same for the packets of `mstrp.testing`: their handles and numbers are those of a live session."""

    def __init__(self, world: World, calls: dict[str, int], *, phone_handle: int = 0) -> None:
        self.world = world
        self.calls = dict(calls)
        self.dialog = world.dialog
        self.phone = phone_handle or world.phone
        self.brought = []
        self.line_count, self.phone_count, self.address_count = world.line_count, world.phone_count, 1
        self.provider = world.provider
        self.role = SimpleNamespace(  # type: ignore[assignment]
            app=world.app,
            phone_app=world.phone_app,
            version=world.version,
            init_context=world.init_context,
            identifier=lambda: 0,
        )
        self.script = SimpleNamespace(offer=lambda **given: next(iter(self.calls.values()), 0))  # type: ignore[assignment]

    @property
    def line(self) -> int:
        return self.world.subject

    @property
    def names(self) -> Names:
        """The handles and numbers of the session."""
        world = self.world
        return Names(
            app=world.app,
            line=world.subject,
            call=next(iter(self.calls.values()), 0),
            phone_app=world.phone_app,
            phone=self.phone,
            agent=world.agent,
            agent_session=world.agent_session,
            dialog=self.dialog,
            calls=self.calls,
            version=world.version,
            provider=world.provider,
            device=world.device,
            lines=world.line_count,
            phones=world.phone_count,
        )

    def packet(self, request: type[Request], enabling: Any = None, **given: Any) -> Any:
        """A request in which everything is right for this server."""
        if request is generic.NegotiateAPIVersionForAllDevices:
            sizes = {
                "line_api_versions_size": 4 * self.line_count,
                "line_extension_ids_size": 16 * self.line_count,
                "phone_api_versions_size": 4 * self.phone_count,
                "phone_extension_ids_size": 16 * self.phone_count,
            }
            given = {**sizes, **given}
        return super().packet(request, enabling, **given)

"""The situations of `mstrp.testing` in a live session: their packets name its handles and numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from mstrp.testing.legal import Names
from mstrp.testing.prepared_session import PreparedSession
from protocol import generic
from protocol.line import GetID

if TYPE_CHECKING:
    from mstrp.conform.server.test_bed import TestBed
    from protocol.packet import Request

__all__ = ["LiveSituation"]


class LiveSituation(PreparedSession):
    """The same for the packets of `mstrp.testing`: their handles and numbers are those of a live session."""

    def __init__(self, bed: TestBed, calls: dict[str, int], *, phone_handle: int = 0) -> None:
        self.bed = bed
        self.calls = dict(calls)
        self.dialog = bed.dialog
        self.phone = phone_handle or bed.phone
        self.created = []
        self.line_count, self.phone_count, self.address_count = bed.line_count, bed.phone_count, 1
        self.provider = bed.provider
        self.role = SimpleNamespace(  # type: ignore[assignment]
            app=bed.app,
            phone_app=bed.phone_app,
            version=bed.version,
            init_context=bed.init_context,
            identifier=lambda: 0,
        )
        self.script = SimpleNamespace(offer=lambda **given: next(iter(self.calls.values()), 0))  # type: ignore[assignment]

    @property
    def line(self) -> int:
        return self.bed.subject

    @property
    def names(self) -> Names:
        """The handles and numbers of the session."""
        bed = self.bed
        return Names(
            app=bed.app,
            line=bed.subject,
            call=next(iter(self.calls.values()), 0),
            phone_app=bed.phone_app,
            phone=self.phone,
            agent=bed.agent,
            agent_session=bed.agent_session,
            dialog=self.dialog,
            calls=self.calls,
            version=bed.version,
            provider=bed.provider,
            device=bed.device,
            lines=bed.line_count,
            phones=bed.phone_count,
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
        if request is GetID and self.bed.device_class:
            given = {"device_class": self.bed.device_class, **given}
        return super().packet(request, enabling, **given)

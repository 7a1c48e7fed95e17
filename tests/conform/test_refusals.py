"""Refusals that the documents allow are no failures; those that contradict the server itself are."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from server_faults import Parts
from test_interactions import conform, failed

from mstrp.conform.core.outcome import Verdict
from mstrp.live.provider import TapiError
from mstrp.live.server.delivery import Push
from mstrp.live.server.handlers import calls
from protocol import line
from protocol.constants import LINECALLFEATURE, LINECALLSTATE, LINEERR
from protocol.structures import LINECALLSTATUS


def _refuse(request: type[Any], *, but_idle: bool = False) -> Any:
    """Refuse a request with INVALCALLSTATE, in every state or in all but IDLE."""

    def check(right: Any, client: Any, packet: Any) -> None:
        right(client, packet)
        if type(packet) is request and not (but_idle and client.handles[packet.call].call.state == LINECALLSTATE.IDLE):
            raise TapiError(LINEERR.INVALCALLSTATE)

    return check


def test_a_sole_owner_may_be_kept_from_deallocating() -> None:
    """A server may refuse DeallocateCall on a call that is not idle."""
    campaign = conform(Parts(check=_refuse(line.DeallocateCall, but_idle=True)), "DeallocateCall in OFFERING")
    assert not failed(campaign)
    assert campaign.outcomes["ROW-call-OFFERING-DeallocateCall"].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("features", "state", "fails"),
    [
        (0, "OFFERING", False),
        (0, "DIALTONE", True),
        (LINECALLFEATURE.DIAL, "OFFERING", True),
        (LINECALLFEATURE.DROP, "DIALTONE", False),
    ],
)
def test_dial_is_refused_where_it_is_not_offered(features: int, state: str, fails: bool) -> None:
    """INVALCALLSTATE is untrue where dwCallFeatures offers Dial, or without it in the states of a call being dialled."""
    status = functools.partial(LINECALLSTATUS, call_features=int(features))
    parts = Parts(check=_refuse(line.Dial), values=((calls, "LINECALLSTATUS", status),))
    assert failed(conform(parts, f"Dial in {state}")) == ({"LEGAL-line.Dial"} if fails else set())


def test_getid_names_a_class_that_the_server_has() -> None:
    """The class is one of LINEDEVCAPS.dwDeviceClasses, in each state and without faults."""
    campaign = conform(Parts(), "GetID in CONNECTED", "GetID in OFFERING", "rules of line.GetID")
    assert not failed(campaign)
    for name in ("ROW-call-OFFERING-GetID", "ROW-call-CONNECTED-GetID", "LEGAL-line.GetID"):
        assert campaign.outcomes[name].verdict is Verdict.PASS, campaign.outcomes[name].cause


class _Unopened(Push):
    """The event channel is still being opened when the client detaches."""

    async def open(self) -> None:
        return


def test_no_remotespdetach_for_a_channel_that_is_not_open() -> None:
    """Without RemoteSPAttach, ClientDetach is followed by nothing."""
    campaign = conform(Parts(push=_Unopened), "attach")
    assert not failed(campaign)
    assert campaign.outcomes["TRP-3.1.4.3-02"].verdict is Verdict.INCONCLUSIVE

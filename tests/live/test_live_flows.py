"""Every flow of the model, performed by the real client and the real server, checked by the monitor."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from puppet import Puppet, perform
from world import judge, run, serving

from mstrp.generate.flows import FLOWS
from mstrp.live.auth import Users, initiator
from protocol.rpc.pdu import NDR20, NDR64

_NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


@pytest.mark.parametrize("events", ["push", "pull"])
@pytest.mark.parametrize("name", FLOWS)
def test_flow(name: str, events: str, recording: Path) -> None:
    """A flow is performed by client and server, and its recording has no finding; nightly in both transfer syntaxes."""
    flow = FLOWS[name]

    async def live(ndr: str) -> None:
        puppet = Puppet()
        async with serving(recording, puppet, transfers=(NDR64, NDR20)) as world:
            strict = not flow.warns and not flow.closes
            await perform(world.server, puppet, flow.play(), events=events, ndr=ndr, strict=strict)

    one = "64" if (len(name) + (events == "push")) % 2 else "20"
    for ndr in ("20", "64") if _NIGHTLY else (one,):
        run(live(ndr))
        judge(recording, flow.warns | _REFUSED.get(name, frozenset()))


@pytest.mark.parametrize("name", FLOWS)
def test_sealed_flow(name: str, recording: Path) -> None:
    """The same with encryption in both directions; the monitor reads it with the passwords."""
    flow = FLOWS[name]
    kind = "negotiate" if len(name) % 2 else "ntlm"

    async def live() -> None:
        puppet = Puppet()
        secret = {
            "security": _USERS.acceptor(),
            "required_level": 6,
            "administrators": frozenset({"alice"}),
            "event_security": initiator(kind, "exchange", "service"),
        }
        async with serving(recording, puppet, **secret) as world:
            await perform(
                world.server,
                puppet,
                flow.play(),
                strict=not flow.warns and not flow.closes,
                security=initiator(kind, "alice", "secret"),
                event_security=_SERVICE.acceptor(),
                event_level=6,
            )

    run(live())
    judge(recording, flow.warns | _REFUSED.get(name, frozenset()), passwords=("secret", "service"))


_USERS, _SERVICE = Users({"alice": "secret"}), Users({"exchange": "service"})
#: Requests on closed objects: the client cannot know yet, so the refusal is a warning about it.
_REFUSED = {
    "forced-close": frozenset({"TRP-3.1.4.2-009-01"}),
    "phone-lost": frozenset({"TRP-3.1.4.2-091-01"}),
}


@pytest.mark.parametrize("seed", range(6))
def test_orders(seed: int, recording: Path) -> None:
    """Legal orders of a play are legal live."""
    chance = random.Random(seed)
    names = [name for name, flow in FLOWS.items() if not flow.closes and not flow.ends and not flow.warns]

    async def live(name: str) -> None:
        puppet = Puppet()
        async with serving(recording, puppet) as world:
            await perform(world.server, puppet, FLOWS[name].play(), chance.randrange)

    for name in chance.sample(names, 6):
        run(live(name))
        judge(recording)

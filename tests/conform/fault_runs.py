"""Runs of the conformance kit against faulty servers, and the table of what it found."""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
from typing import TYPE_CHECKING, NamedTuple

from server_faults import FAULTS, Fault, Kind, Parts, built

from mstrp.conform.core.campaign import Campaign
from mstrp.conform.core.target import Budget, Target
from mstrp.conform.server.requirements import SERVER
from mstrp.conform.server.suite import Case, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mstrp.live.server import Server

__all__ = ["PACKETS", "Found", "examine", "examine_all", "healthy", "markdown", "totals"]

#: What a run may send: a whole quick run against the correct server needs less.
PACKETS = 16_000
#: A run that hangs is no find.
_SECONDS = 600.0


class Found(NamedTuple):
    """What a run said about one faulty server."""

    name: str
    kind: str
    wrong: str
    shortest: int
    #: The requirement under which it was told; empty when it was missed.
    id: str
    #: Packets that were sent until then, and those of the shortest conversation that was found.
    packets: int
    length: int
    #: What else failed, for those who look after a miss.
    others: tuple[str, ...]
    cause: str

    @property
    def longer(self) -> int:
        """How much longer the conversation is than the shortest one that can show the fault."""
        return self.length - self.shortest


def _anything(test: Case) -> bool:
    return True


async def _run(
    server: Server, ids: frozenset[str], depth: int, seed: int, wanted: Callable[[Case], bool] = _anything
) -> Campaign:
    async with server:
        target = Target.of(server.address, settle=0.02, patience=1.0)
        campaign = Campaign.of(
            target,
            SERVER.values(),
            depth=depth,
            strict=True,
            seed=seed,
            budget=Budget(packets=PACKETS, seconds=_SECONDS),
        )
        await run(
            campaign,
            wanted=wanted,
            until=lambda campaign: any(outcome.requirement.id in ids for outcome in campaign.failures),
        )
    return campaign


def examine(name: str, depth: int = 0, seed: int = 0, wanted: Callable[[Case], bool] = _anything) -> Found:
    """Let the kit look for one fault, by name."""
    fault = next(fault for fault in FAULTS if fault.name == name)
    with fault.server() as server:
        campaign = asyncio.run(_run(server, frozenset(fault.ids), depth, seed, wanted))
    told = [outcome for outcome in campaign.failures if outcome.requirement.id in fault.ids]
    others = tuple(outcome.requirement.id for outcome in campaign.failures if outcome not in told)
    first = min(told, key=lambda outcome: outcome.packets, default=None)
    return Found(
        fault.name,
        fault.kind.value,
        fault.wrong,
        fault.shortest,
        first.requirement.id if first is not None else "",
        min((outcome.found_after for outcome in told), default=campaign.budget.sent),
        first.packets if first is not None else 0,
        others,
        first.cause if first is not None else "",
    )


def healthy(depth: int = 0) -> Campaign:
    """The server without any fault, in the same way."""
    with built(Parts()) as server:
        return asyncio.run(_run(server, frozenset(), depth, 0))


def examine_all(faults: Iterable[Fault], jobs: int = 1, depth: int = 0) -> Iterator[Found]:
    """Every fault in turn, in so many processes."""
    names = [fault.name for fault in faults]
    if jobs == 1:
        yield from (examine(name, depth) for name in names)
        return
    # Not concurrent.futures: there, workers that end after so many tasks can leave the others waiting for ever.
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=8) as pool:
        yield from pool.imap(functools.partial(examine, depth=depth), names)


def totals(found: list[Found]) -> Iterator[tuple[str, int, int, int, int]]:
    """Of each kind, and of all: how many there are, were found, need at most three packets more; most packets."""
    kinds = [kind.value for kind in Kind if any(one.kind == kind for one in found)]
    for kind in (*kinds, "all"):
        some = [one for one in found if kind in {one.kind, "all"}]
        told = [one for one in some if one.id]
        yield (
            kind,
            len(some),
            len(told),
            sum(one.longer <= 3 for one in told),
            max((one.packets for one in told), default=0),
        )


def markdown(found: list[Found]) -> str:
    """The tables as a page."""
    lines = ["| kind | faults | found | at most 3 packets longer | most packets |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {kind} | {number} | {told} ({told / number:.0%}) | {near} | {most:,} |"
        for kind, number, told, near, most in totals(found)
    ]
    lines += ["", "| fault | found under | packets | shortest found | possible |", "| --- | --- | --- | --- | --- |"]
    for kind in Kind:
        for one in (one for one in found if one.kind == kind):
            where = f"`{one.id}`" if one.id else "**missed**"
            length = str(one.length) if one.id else ""
            lines.append(f"| {one.wrong} | {where} | {one.packets:,} | {length} | {one.shortest} |")
    return "\n".join(lines) + "\n"

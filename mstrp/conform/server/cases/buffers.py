"""Test cases with sizes: output buffers of every size, short requests, many handles, and lower versions."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mstrp.conform.core.errors import Missing
from mstrp.conform.server.cases.request_rules import RequestSession
from mstrp.conform.server.cases.session import in_session
from mstrp.conform.server.test_bed import TestBed
from mstrp.conform.server.tester import Tester
from protocol import line
from protocol.fields import Buffer
from protocol.packet import REQUESTS, decode_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from mstrp.conform.core.campaign import Campaign
    from protocol.packet import Request

__all__ = ["SIZE_CASES"]

#: Room for any structure, and more than any structure needs.
_AMPLE, _HUGE = 8192, 262_144
_VERSIONS = (0x00010003, 0x00010004, 0x00020000, 0x00020001, 0x00020002, 0x00030000)
_HANDLES = 24


def _structures() -> Iterator[tuple[type[Request], Any]]:
    """The requests that return a structure, with its field."""
    for request in REQUESTS.values():
        for field in request.layout.fields:
            if isinstance(field, Buffer) and field.direction == "inout" and getattr(field.type, "sized", False):
                yield request, field


async def _try_sizes(campaign: Campaign, request: type[Request], field: Any) -> None:
    """One request with buffers around the fixed part of the structure, and around what it needs."""
    session = RequestSession(campaign, request, None, {})
    fixed = 4 * max(field.type.lengths)
    try:
        situation = await session.set_up()
        found = await session.try_(situation.packet(request, **{field.name: _AMPLE}), legal=True)
        needed = getattr(getattr(found.answer, field.name, None), "needed_size", None) or fixed
        if found.ok:
            for size in sorted({fixed, fixed + 1, needed - 2, needed - 1, needed, needed + 1, needed + 64, _HUGE}):
                if size >= fixed:
                    situation = await session.set_up()
                    await session.try_(situation.packet(request, **{field.name: size}), legal=True)
            for size in (0, 4, 12, fixed // 8 * 4):
                situation = await session.set_up()
                await session.try_(situation.packet(request, **{field.name: size}))
            await session.try_((await session.set_up()).packet(request, **{field.name: _AMPLE}), legal=True)
            campaign.record_pass("TRUE-sizes")
    except Missing as error:
        campaign.record_missing(error, "TRUE-sizes")
    await session.tear_down()


async def _short(tester: Tester, bed: TestBed) -> None:
    """Requests that end before their fields do get a response, and the next request is served."""
    good = line.GetLineDevStatus(line=bed.subject, line_dev_status=1024)
    data = good.encode()
    for length in (0, 1, 3, 4, 7, 8, 12, 16, 24, 40, 56, 59):
        for capacity in (60, 2048):
            await tester.ask("a", decode_request(data[:length], capacity))
        await tester.ask("a", good, legal=True)
    for capacity in (0, 1, 4, 59):
        await tester.ask("a", decode_request(data, capacity))
        await tester.ask("a", good, legal=True)


async def _many(tester: Tester, bed: TestBed) -> None:
    """Many open lines and calls at a time: each has a handle of its own, and all of them are counted."""
    opened = []
    for _ in range(_HANDLES):
        asked = await tester.ask("a", bed.opening_packet(0))
        if not asked.ok:
            break
        opened.append(int(asked.line))
    await tester.ask("a", line.GetLineDevStatus(line=bed.subject, line_dev_status=1024), legal=True)
    for handle in opened[::2]:
        await tester.ask("a", line.Close(line=handle), legal=True)
    await tester.ask("a", line.GetLineDevStatus(line=bed.subject, line_dev_status=1024), legal=True)
    for handle in opened[1::2]:
        await tester.ask("a", line.GetLineDevStatus(line=handle, line_dev_status=1024), legal=True)
        await tester.ask("a", line.Close(line=handle), legal=True)


async def _again(tester: Tester, bed: TestBed) -> None:
    """One line is opened and closed, and one call made and released, many times."""
    for _ in range(_HANDLES):
        handle = await bed.open(0)
        call = await bed.make(handle, None)
        await bed.release(call)
        await bed.ask(line.Close(line=handle))


async def _version(tester: Tester, bed: TestBed, version: int) -> None:
    """A client with a lower version gets structures of that version, and the same calls."""
    call = await bed.connected()
    for packet in (
        line.GetCallInfo(call=call, call_info=2048),
        line.GetCallStatus(call=call, call_status=512),
        line.GetLineDevStatus(line=bed.subject, line_dev_status=1024),
        line.GetAddressStatus(line=bed.subject, address_status=1024),
        line.GetDevCaps(line_app=bed.app, tspi_version=bed.version, line_dev_caps=2048),
        line.GetAddressCaps(line_app=bed.app, tspi_version=bed.version, address_caps=2048),
    ):
        await tester.ask("a", packet, legal=True)
    await tester.check("a", call)


async def _negotiated(tester: Tester, bed: TestBed) -> None:
    """Every range of versions is answered with one of its own, or refused."""
    ranges = [(low, high) for low in _VERSIONS for high in (*_VERSIONS, 0x00030001) if low <= high]
    for low, high in (*ranges, (0x00030001, 0x00030001), (0x00010003, 0x7FFF0000)):
        packet = line.NegotiateAPIVersion(line_app=bed.app, device_id=0, version=low, version_current=high, size=16)
        await tester.ask("a", packet)
    for low, high in ((0x00030001, 0x00010003), (0x00090000, 0x000A0000), (0x00010000, 0x00010002)):
        packet = line.NegotiateAPIVersion(line_app=bed.app, device_id=0, version=low, version_current=high, size=16)
        await tester.ask("a", packet)


async def _try_version(campaign: Campaign, version: int) -> None:
    async with Tester.of(campaign) as tester:
        try:
            bed = TestBed(tester)
            await bed.begin(version=version)
            await _version(tester, bed, version)
        except Missing as error:
            campaign.record_missing(error, "TRUE-version")
    campaign.collect(tester)


def _case(act: Callable[[Tester, TestBed], Awaitable[None]], *names: str) -> Callable[[Campaign], Awaitable[None]]:
    async def case(campaign: Campaign) -> None:
        await in_session(campaign, act, *names)

    return case


#: Cases by name, with the requirements that they try.
SIZE_CASES: tuple[tuple[str, Callable[[Campaign], Awaitable[None]], tuple[str, ...]], ...] = (
    ("short requests", _case(_short, "ALIVE"), ("ALIVE",)),
    ("many handles", _case(_many, "TRUE-opens"), ("TRUE-opens",)),
    ("handles again and again", _case(_again, "TRUE-opens"), ("TRUE-opens",)),
    ("ranges of versions", _case(_negotiated, "TRUE-version"), ("TRUE-version",)),
    *(
        (f"version {version:#010x}", functools.partial(_try_version, version=version), ("TRUE-version",))
        for version in _VERSIONS
    ),
    *(
        (
            f"sizes of {request.device}.{request.__name__}",
            functools.partial(_try_sizes, request=request, field=field),
            ("TRUE-sizes",),
        )
        for request, field in _structures()
    ),
)

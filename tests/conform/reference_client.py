"""A client that does much: takes, holds, transfers and drops calls, looks after a phone, and asks about what it is told.

It is the client of the tests, in the same process or as a program: ``python reference.py BINDING [push|pull]``.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

from mstrp.live.client import CallEnded, TapiClient
from mstrp.live.provider import TapiError
from protocol import events as e
from protocol import line, phone
from protocol.constants import LINECALLSTATE as S

#: Events that are looked into, with the word that names the line or phone.
OF_LINES = (
    e.LINE_ADDRESSSTATE,
    e.LINE_LINEDEVSTATE,
    e.LINE_AGENTSTATUS,
    e.LINE_AGENTSESSIONSTATUS,
    e.LINE_QUEUESTATUS,
    e.LINE_AGENTSTATUSEX,
    e.LINE_GROUPSTATUS,
    e.LINE_PROXYSTATUS,
)
OF_CALLS = (e.LINE_CALLINFO, e.LINE_GENERATE, e.LINE_MONITORDIGITS, e.LINE_MONITORMEDIA, e.LINE_MONITORTONE)
OF_EITHER = (e.LINE_DEVSPECIFIC, e.LINE_DEVSPECIFICFEATURE, e.LINE_AGENTSPECIFIC)
OF_PHONES = (e.PHONE_BUTTON, e.PHONE_STATE, e.PHONE_DEVSPECIFIC)


class Reference:
    """The script, in pieces that a faulty client can do otherwise."""

    def __init__(self, client: TapiClient) -> None:
        self.client = client
        self.app: Any = None
        self.line: Any = None
        self.phone_app: Any = None
        self.phone: Any = None
        self.gone: set[int] = set()

    # -- looking into what is told --------------------------------------------------------------------------------

    async def look(self) -> None:
        """Ask about everything that is told about lines, calls and phones that one has."""
        async for event in self.client.events():
            with contextlib.suppress(TapiError, OSError):
                await self.looked(event)

    def has_line(self, remote: int) -> bool:
        return remote in self.client.handles.lines

    def has_phone(self, remote: int) -> bool:
        return remote in self.client.handles.phones

    def has_context(self, event: Any) -> bool:
        return event.words[1] in self.client.handles.contexts

    def has_device(self, event: Any) -> bool:
        return event.words[6] < self.app.count

    async def looked(self, event: Any) -> None:
        """Look into one event."""
        words = event.words
        client = self.client
        if not self.has_context(event):
            return
        if isinstance(event, OF_LINES) and self.has_line(words[3]):
            await self.about_line(client.handles.lines.get(words[3], self.line))
        elif isinstance(event, OF_CALLS) and self.has_line(words[9]):
            await self.about_call(words[3])
        elif isinstance(event, OF_EITHER):
            if words[9] and self.has_line(words[9]):
                await self.about_call(words[3])
            elif not words[9] and self.has_line(words[3]):
                await self.about_line(client.handles.lines.get(words[3], self.line))
        elif isinstance(event, OF_PHONES) and self.has_phone(words[3]):
            await self.phone.ask(phone.GetStatus, phone_status=1024)
        elif isinstance(event, (e.LINE_REMOVE, e.PHONE_REMOVE)) and self.has_device(event):
            await self.app.dev_caps(words[6])

    async def about_line(self, opened: Any) -> None:
        if opened is not None and opened.handle and not opened.closed:
            await opened.ask(line.GetLineDevStatus, line_dev_status=1024)

    async def about_call(self, handle: int) -> None:
        call = self.client.handles.calls.get(handle)
        if call is not None and call.valid and handle not in self.gone:
            await call.status()

    # -- the script -----------------------------------------------------------------------------------------------

    async def play(self) -> None:
        """Everything, to its end; what is taken away is not missed."""
        looking = asyncio.create_task(self.look())
        try:
            await self.begin()
            with contextlib.suppress(CallEnded, TapiError):
                await self.use_phone()
            for part in (self.take, self.make):
                with contextlib.suppress(CallEnded):
                    if not self.line.closed:
                        await part()
            await self.end()
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking

    async def begin(self) -> None:
        self.app = await self.client.initialize("reference")
        await self.app.negotiate(0)
        await self.app.dev_caps(0)
        self.line = await self.app.open(0)
        self.phone_app = await self.client.initialize_phones("reference")

    async def use_phone(self) -> None:
        self.phone = await self.phone_app.open(0)
        await self.phone.ring(1)
        await self.phone.ring(0)
        if not self.phone.closed:
            await self.phone.close()

    async def next_call(self) -> Any:
        while True:
            call = await self.line.next_call(timeout=2.0)
            if call.handle not in self.gone:
                return call

    async def take(self) -> None:
        """Take a call."""
        call = await self.next_call()
        await self.taken(call)
        await self.release(call)

    async def taken(self, call: Any) -> None:
        """What is done with a call that comes."""
        with contextlib.suppress(CallEnded):
            await self.accept(call)
            await self.answer(call)
            if await call.wait(S.CONNECTED, S.DISCONNECTED) == S.CONNECTED:
                await call.info()
                await self.hold(call)

    async def accept(self, call: Any) -> None:
        await self.tried(call.accept, call)

    async def answer(self, call: Any) -> None:
        await self.tried(call.answer, call)

    async def hold(self, call: Any) -> None:
        await self.tried(call.hold, call)
        await call.wait(S.ONHOLD, S.DISCONNECTED)
        if call.state == S.ONHOLD:
            await self.tried(call.unhold, call)
            await call.wait(S.CONNECTED, S.DISCONNECTED)

    async def tried(self, act: Any, call: Any) -> None:
        """Do something while the call lives; the other side may end it meanwhile."""
        if call.valid and call.state not in {S.IDLE, S.DISCONNECTED}:
            try:
                await act()
            except TapiError:
                await asyncio.sleep(0.02)
                if call.state not in {S.IDLE, S.DISCONNECTED} and call.valid:
                    raise

    async def release(self, call: Any) -> None:
        """Drop a call and give up its handle."""
        if call.valid and call.state != S.IDLE:
            with contextlib.suppress(TapiError):
                await call.drop()
            with contextlib.suppress(CallEnded):
                await call.wait(S.IDLE)
        if call.valid:
            await self.forget(call)

    async def forget(self, call: Any) -> None:
        self.gone.add(call.handle)
        await call.deallocate()

    async def make(self) -> None:
        """Make a call and transfer it to somebody else."""
        call = await self.line.make_call("5551234")
        consult = None
        with contextlib.suppress(CallEnded):
            if await call.wait(S.CONNECTED, S.DISCONNECTED) == S.CONNECTED:
                consult = await self.transfer(call)
        for one in (consult, call):
            if one is not None:
                await self.release(one)

    async def transfer(self, call: Any) -> Any:
        consult = await call.set_up_transfer()
        await consult.wait(S.DIALTONE)
        await consult.dial("5554321")
        await consult.wait(S.CONNECTED)
        await call.complete_transfer(consult)
        await call.wait(S.IDLE)
        return consult

    async def end(self) -> None:
        if not self.line.closed:
            await self.line.close()
        await self.phone_app.shut_down()
        await self.app.shut_down()


class InProcess:
    """The client as `mstrp.conform.client.iut.Iut`, without a process of its own."""

    repeatable = True

    def __init__(self, events: str = "push", *, client: Any = TapiClient, script: Any = Reference) -> None:
        self.events = events
        self.client = client
        self.script = script
        self.said = ""

    async def play(self, binding: str) -> int:
        """Let it run; what it raises is its exit status."""
        try:
            await play(binding, self.events, client=self.client, script=self.script)
        except Exception as error:  # noqa: BLE001 - whatever it dies of
            self.said = repr(error)
            return 1
        return 0


async def play(binding: str, events: str = "push", *, client: Any = TapiClient, script: Any = Reference) -> None:
    """Connect and do everything. A connection that breaks is the end of it."""
    options = {"events": events, "poll": 0.01, "strict": False, "completion_timeout": 2.0}
    with contextlib.suppress(ConnectionError):
        async with client.connect(binding, **options) as found:
            await script(found).play()


if __name__ == "__main__":
    asyncio.run(play(*sys.argv[1:]))

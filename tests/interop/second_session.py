"""Clients of the second subject: their handles, their events, the way of a request."""

from __future__ import annotations

import asyncio
import itertools
import struct
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import second_calls
import second_lines
import second_phone
from second_exchange import IDLE, OWNER, App, Exchange, Holder, Opened
from second_rpc import Caller, DropError, FaultError
from second_shapes import (
    NUMBERS,
    VERSIONS,
    Message,
    RequestError,
)
from second_switches import active, on

if TYPE_CHECKING:
    from second_server import Server

APP, LINE, CALL, DEVICE, UNAVAILABLE, PARAM = 0x80000014, 0x8000002B, 0x80000018, 0x80000002, 0x80000049, 0x80000032
SIZE = 0x8000004D
Item = tuple[Opened, bytes, int, bool]


class Client:
    """A context handle of tapsrv with everything the client has."""

    def __init__(self, server: Server, group: int, pull: bool) -> None:
        self.server, self.group, self.pull = server, group, pull
        self.exchange: Exchange = server.exchange
        self.key = uuid.uuid4().bytes
        self.apps: dict[int, App] = {}
        self.phone_apps: dict[int, App] = {}
        self.lines: dict[int, Opened] = {}
        self.phones: dict[int, Opened] = {}
        self.calls: dict[int, Holder] = {}
        self.dead: set[int] = set()
        self.dead_lines: dict[int, Opened] = {}
        self.queue: list[Item] = []
        self.wake = asyncio.Event()
        self.caller: Caller | None = None
        self.pusher: asyncio.Task[None] | None = None
        self.function, self.gone = "", False
        self.ids = itertools.count(0x40000001)
        self.posted = self.asked = 0

    # events

    def post(self, opened: Opened, record: bytes, handle: int = 0, reply: bool = False) -> None:
        """Queue an event."""
        self.posted += 1
        if on("every-seventh-event-lost") and self.posted % 7 == 0:
            return
        self.queue.append((opened, record, handle, reply))
        self.wake.set()

    async def push(self) -> None:
        """Deliver queued events by RemoteSPEventProc."""
        assert self.caller is not None
        try:
            while not self.gone:
                await self.wake.wait()
                self.wake.clear()
                batch, self.queue = self.queue, []
                if on("events-reversed"):
                    batch.reverse()
                if batch:
                    await self.caller.events(b"".join(record for _, record, _, _ in batch))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, DropError):
            self.queue = []

    def purge(self, keep: Callable[[Item], bool]) -> None:
        """Forget queued events."""
        self.queue = [item for item in self.queue if keep(item)]

    # handles

    def app(self, handle: int) -> App:
        """A live HLINEAPP."""
        if handle in self.apps:
            return self.apps[handle]
        if on("app-handle-unchecked"):
            return App(self, 0, "")
        raise RequestError(APP)

    def line(self, handle: int) -> Opened:
        """A live HLINE."""
        if handle in self.lines:
            return self.lines[handle]
        if on("closed-line-accepted") and handle in self.dead_lines:
            return self.dead_lines[handle]
        if on("other-clients-line-accepted"):
            for client in self.server.clients:
                if handle in client.lines:
                    return client.lines[handle]
        raise RequestError(0x2B if on("error-positive") else LINE)

    def call(self, handle: int, bad: int = CALL) -> Holder:
        """A live HCALL."""
        if handle in self.calls:
            return self.calls[handle]
        if on("released-call-accepted") and handle in self.dead and self.calls:
            return next(iter(self.calls.values()))
        if on("unknown-call-accepted") and self.calls:
            return next(iter(self.calls.values()))
        if on("other-clients-call-accepted"):
            for client in self.server.clients:
                if handle in client.calls:
                    return client.calls[handle]
        raise RequestError(bad & 0xFFFF if on("error-positive") else bad)

    def device(self, number: int) -> int:
        """An existing line device."""
        if number >= len(NUMBERS):
            if on("device-unchecked"):
                return 0
            raise RequestError(DEVICE)
        return number

    def version(self, number: int, error: int = 0x8000000C) -> int:
        """A version of the list."""
        if number not in VERSIONS and not on("version-unchecked"):
            raise RequestError(error)
        return number if number in VERSIONS else VERSIONS[-1]

    # requests

    def request(self, data: bytes, room: int) -> bytes:
        """Answer a ClientRequest."""
        self.asked += 1
        if room < 60 or len(data) < 60:
            if on("short-request-drops-connection"):
                raise DropError
            if on("short-request-accepted"):
                return struct.pack("<I", 0) + data[4:]
            whole = struct.pack("<I", SIZE) + data[4:].ljust(56, b"\0")
            return whole[: min(room, 60)]
        m = Message(data, room)
        func = m.get(0)
        if on("stops-after-60-requests") and self.asked > 60:
            raise TimeoutError
        if active().startswith("hang-on-") and active() == f"hang-on-{func}":
            raise TimeoutError
        if active().startswith("drop-connection-on-") and active() == f"drop-connection-on-{func}":
            raise DropError
        if active().startswith("rpc-fault-on-") and active() == f"rpc-fault-on-{func}":
            raise FaultError(0x6F7)
        try:
            return self.answer(m, func)
        except RequestError as why:
            code = why.code
            return m.done(0 if on("failures-return-zero") else 0x80001234 if on("error-undocumented") else code)

    def answer(self, m: Message, func: int) -> bytes:
        """Perform a request; the response."""
        if func in second_calls.REQUESTS:
            return self.asynchronous(m, *second_calls.REQUESTS[func])
        if func in second_phone.ASYNCHRONOUS:
            return second_phone.asynchronous(self, m, func)
        if func in second_phone.SYNCHRONOUS:
            self.function = "phone"
            second_phone.SYNCHRONOUS[func](self, m)
            return m.done(0)
        handler = second_lines.SYNCHRONOUS.get(func)
        if handler is None:
            if on("unknown-request-drops-connection") and func > 165:
                raise DropError
            if on("unknown-request-accepted") and func > 165:
                return m.done(0)
            raise RequestError(UNAVAILABLE)
        self.function = handler.__name__
        handler(self, m)
        return m.done(1 if on("deallocate-returns-id") and func == 12 else 0)

    def request_id(self, m: Message, error: int = PARAM) -> int:
        """The request id: the client's, or an unused positive one for 0."""
        given = m.get(8)
        if given > 0x7FFFFFFF:
            raise RequestError(error)
        if not given:
            given = next(self.ids)
            if on("request-id-negative"):
                given |= 0x80000000
        elif on("request-id-replaced"):
            given = next(self.ids)
        return given

    def asynchronous(self, m: Message, name: str, plan: Callable[[Client, Message], second_calls.Plan]) -> bytes:
        """Check, answer with the request id, then act; the reply follows by event."""
        self.function = name
        number = self.request_id(m)
        try:
            opened, context, act = plan(self, m)
        except RequestError as why:
            if on("reply-after-failure") and self.lines:
                one = next(iter(self.lines.values()))
                one.tell(12, 0, 0, number, why.code, 0, 0, reply=True)
            raise

        def reply(*extra: int) -> None:
            shown = number + 1 if on("reply-wrong-id") else number
            result = 1 if on("reply-positive-result") and name == "hold" else 0
            third = 0 if on("reply-context-lost") else context
            if on("reply-missing") and name in ("hold", "unhold", "drop"):
                return
            if on("reply-fails-but-acts") and name == "hold":
                result = 0x80000048
            for _ in range(2 if on("reply-twice") else 1):
                opened.tell(12, 0, third, shown, result, *(extra or (0, 0)), reply=True)

        act(reply)
        return m.done(0 if on("async-returns-zero") and name == "hold" else number)

    # the end of things

    def close_line(self, opened: Opened) -> None:
        """Release a line with its call handles; calls without another owner are dropped."""
        line = self.exchange.lines[opened.device]
        self.purge(lambda item: item[0] is not opened)
        line.opened.remove(opened)
        self.lines.pop(opened.handle, None)
        self.dead_lines[opened.handle] = opened
        for h in list(opened.holders):
            call = h.call
            if on("close-leaves-calls"):
                continue
            if on("close-drops-shared-calls") and call.state != IDLE:
                h.release()
                second_calls.hang_up(self, call)
                continue
            h.release()
            if h.privilege == OWNER and not call.count(OWNER) and call.state != IDLE:
                if not on("close-leaves-far-end"):
                    second_calls.hang_up(self, call)
            elif call.holders:
                call.changed(0x1000 if h.privilege == OWNER else 0x2000)
        if on("close-kills-other-openers"):
            for other in line.opened:
                for h in list(other.holders):
                    h.release()
        line.devstate(0x400, 0, 0)
        if on("event-after-close"):
            opened.tell(8, opened.remote, 0, 0x400, 0, 0, 0)

    def shut(self, app: App) -> None:
        """Release an application with its lines."""
        for opened in [one for one in self.lines.values() if one.app is app]:
            if not on("shutdown-leaves-lines"):
                self.close_line(opened)
        self.apps.pop(app.handle, None)

    def end(self) -> None:
        """Release everything (ClientDetach or the loss of the connection)."""
        if not on("detach-leaves-everything"):
            for app in list(self.apps.values()):
                self.shut(app)
            for opened in list(self.lines.values()):
                self.close_line(opened)
        for phone in list(self.phones.values()):
            second_phone.close_phone(self, phone)
        self.queue = []

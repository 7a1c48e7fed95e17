"""Requests about sessions, lines and information about calls (2.2.4.1.1 - 2.2.4.1.3) of the second subject."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

import second_calls
from second_exchange import CONNECTED, IDLE, MONITOR, OWNER, App, Holder, Opened
from second_shapes import (
    ABSENT,
    NUMBERS,
    VERSIONS,
    Message,
    RequestError,
    Shape,
    address_caps,
    by_version,
    line_caps,
    system_time,
    varstring,
    wide,
)
from second_switches import on

if TYPE_CHECKING:
    from second_session import Client

PARAM, DEVICE, UNAVAILABLE, SIZE = 0x80000032, 0x80000002, 0x80000049, 0x8000004D


def initialize(c: Client, m: Message) -> None:
    """Initialize."""
    name = m.text(20, 0x80000015)
    m.text(28, 0x80000015)
    app = App(c, m.get(16), name)
    c.apps[app.handle] = app
    m.put(8, app.handle)
    m.put(24, 3 if on("one-device-too-many") else 1 if on("one-device-too-few") else len(NUMBERS))


def pick(low: int, high: int, error: int = 0x8000000C) -> int:
    """The highest known version of a range."""
    if low > high and not on("versions-inverted-accepted"):
        raise RequestError(error)
    known = [one for one in VERSIONS if low <= one <= high]
    if on("negotiates-above-range"):
        return VERSIONS[-1]
    if not known:
        if on("versions-unknown-accepted") or on("versions-inverted-accepted"):
            return high
        raise RequestError(error)
    return known[-1]


def negotiate(c: Client, m: Message) -> None:
    """NegotiateAPIVersion."""
    c.app(m.get(8))
    c.device(m.get(12))
    if m.room < 16 and not on("room-unchecked"):
        raise RequestError(SIZE)
    m.put(24, pick(m.get(16), m.get(20)))
    m.put(28, 0)
    m.put(32, 16)
    m.out = bytes(16)


def negotiate_all(c: Client, m: Message) -> None:
    """NegotiateAPIVersionForAllDevices."""
    c.app(m.get(8))
    lines, phones, high = m.get(12), m.get(16), m.get(20)
    sizes = [m.get(at) for at in (28, 36, 44, 52)]
    c.version(high)
    if lines > len(NUMBERS) or phones > 1:
        raise RequestError(DEVICE)
    if sizes != [4 * lines, 16 * lines, 4 * phones, 16 * phones] and not on("list-sizes-unchecked"):
        raise RequestError(PARAM)
    if sum(sizes) > m.room:
        raise RequestError(SIZE)
    best = max((one for one in VERSIONS if one <= high), default=0)
    if on("list-above-high-version"):
        best = VERSIONS[-1]
    at, out = 0, b""
    for field, part in (
        (24, struct.pack("<I", best) * lines),
        (32, bytes(16) * lines),
        (40, struct.pack("<I", best) * phones),
        (48, bytes(16) * phones),
    ):
        m.put(field, at)
        out, at = out + part, at + len(part)
    m.out = out


def no_extension(number: int, error: int) -> None:
    """Fail on an extension version: there is none."""
    if number and not on("extversion-unchecked"):
        raise RequestError(error)


def get_dev_caps(c: Client, m: Message) -> None:
    """GetDevCaps."""
    c.app(m.get(8))
    device, version = c.device(m.get(12)), c.version(m.get(16))
    no_extension(m.get(20), 0x8000000D)
    m.fill(24, line_caps(device, version))


def get_address_caps(c: Client, m: Message) -> None:
    """GetAddressCaps."""
    c.app(m.get(8))
    device, version = c.device(m.get(12)), c.version(m.get(20))
    if m.get(16):
        raise RequestError(0x80000011)
    no_extension(m.get(24), 0x8000000D)
    m.fill(28, address_caps(device, version))


def open_line(c: Client, m: Message) -> None:
    """Open."""
    app, device, version = c.app(m.get(8)), c.device(m.get(12)), c.version(m.get(20))
    no_extension(m.get(24), 0x8000000D)
    privileges, media = m.get(32), m.get(36)
    bits, options = privileges & 7, privileges & 0xC0000000
    if privileges & ~0xC0000007 and not on("open-undefined-bits"):
        raise RequestError(0x8000001A)
    if not bits and not on("open-without-privilege"):
        raise RequestError(0x8000001A)
    if bits & 1 and bits != 1 and not on("open-none-with-owner"):
        raise RequestError(0x8000001A)
    if options:
        raw = m.params(40, version, needed=True)
        if options & 0x80000000 and struct.unpack_from("<II", raw, 24) != (1, 0):
            raise RequestError(0x80000012)
        if options & 0x40000000:
            raise RequestError(UNAVAILABLE)
    if bits & OWNER and (not media or media & ~0xE) and not on("open-media-unchecked"):
        raise RequestError(0x8000002F)
    line = c.exchange.lines[device]
    opened = Opened(app, device, m.get(28), m.get(52), version)
    opened.privileges, opened.media = bits, media
    line.opened.append(opened)
    c.lines[opened.handle] = opened
    m.put(16, opened.handle)
    m.put(48, ABSENT)
    line.devstate(0x200, 0, 0, but=opened)
    if bits & OWNER:
        c.server.opened(line)


def close(c: Client, m: Message) -> None:
    """Close."""
    opened = c.line(m.get(8))
    if opened.handle in c.lines:
        c.close_line(opened)


def shut_down(c: Client, m: Message) -> None:
    """ShutDown."""
    app = c.app(m.get(8))
    c.shut(app)
    if on("app-handle-kept"):
        c.apps[app.handle] = app


def deallocate(c: Client, m: Message) -> None:
    """DeallocateCall: a sole owner only when the call is idle."""
    h = c.call(m.get(8))
    call = h.call
    if h.privilege == OWNER and call.count(OWNER) == 1 and call.state != IDLE:
        raise RequestError(0x8000001C)
    if on("deallocate-keeps-handle"):
        return
    c.purge(lambda item: item[2] != h.handle or item[3])
    h.release()
    if on("deallocate-drops-call"):
        second_calls.hang_up(c, call)
    if on("event-after-deallocate"):
        h.opened.tell(2, h.handle, 0, call.state, OWNER, 4, h.opened.remote)
    if call.state != IDLE:
        call.changed(0x1000 if h.privilege == OWNER else 0x2000)


def get_call_info(c: Client, m: Message) -> None:
    """GetCallInfo."""
    h = c.call(m.get(8))
    call, version = h.call, h.opened.version
    info = Shape("LINECALLINFO", by_version(version, 296, (0x20000, 324), (0x30000, 344)))
    number = call.id + 9 if on("callinfo-call-id") else call.id
    info.put(at12=0x1111 if on("callinfo-line-handle") else h.opened.handle)
    info.put(at16=1 - h.opened.device if on("callinfo-device") else h.opened.device, at24=1)
    info.put(at32=0x10 if on("callinfo-media") else call.media, at36=call.app_specific, at40=number)
    info.put(at44=call.related, at52=0x7F7F, at80=call.origin)
    info.put(at84=0x8000000 if on("callinfo-reason") else call.reason)
    info.put(at92=0 if on("callinfo-no-owner") else call.count(OWNER), at96=call.count(MONITOR))
    if on("callinfo-monitors"):
        info.put(at96=0)
    info.raw(64, struct.pack("<IIII", 2000, 100, 100, 1000))
    caller, called = call.caller, call.called
    if on("callinfo-parties-swapped"):
        caller, called = called, caller
    for at, text in ((108, caller), (128, called), (148, "")):
        info.put(**{f"at{at}": 8 if text and not on("callinfo-party-flags") else 0x40})
        info.tail(at + 4, wide(text) if text else b"")
    info.put(at168=0x40, at188=0x40)
    info.tail(208, wide(h.opened.app.name))
    info.put(**{f"at{at}": 1 for at in (324, 328, 332, 336, 340)})
    m.fill(12, info)


def get_call_status(c: Client, m: Message) -> None:
    """GetCallStatus."""
    h = c.call(m.get(8))
    call = h.call
    shape = Shape("LINECALLSTATUS", by_version(h.opened.version, 36, (0x20000, 56)))
    state = call.before if on("callstatus-stale") and call.before else call.state
    mode = call.mode
    if state == 0x800:
        mode = next((o.handle for o in call.parent.holders if o.opened is h.opened), 0) if call.parent else 0
    shape.put(at12=state, at16=0 if on("callstatus-mode") else mode)
    shape.put(at20=OWNER if on("callstatus-privilege") else h.privilege)
    shape.put(at24=second_calls.features(h))
    shape.put(at36=0x40 if state == CONNECTED and h.privilege == OWNER else 0).raw(40, system_time())
    m.fill(12, shape)


def get_call_ids(c: Client, m: Message) -> None:
    """GetCallIDs."""
    h = c.call(m.get(8))
    m.put(12, 5 if on("callids-address") else 0)
    m.put(16, h.call.id + 3 if on("callids-call-id") else h.call.id)
    m.put(20, h.call.related)


def get_new_calls(c: Client, m: Message) -> None:
    """GetNewCalls: calls of the line that this open line does not hold."""
    opened = c.line(m.get(8))
    select, room = m.get(16), m.get(20)
    if select not in (1, 2) and not on("newcalls-select-unchecked"):
        raise RequestError(0x8000001B)
    if select == 2 and m.get(12):
        raise RequestError(0x80000011)
    if room < 24 or room > m.room:
        raise RequestError(SIZE)
    line = c.exchange.lines[opened.device]
    found = [call for call in line.live() if all(h.opened is not opened for h in call.holders)]
    if opened.privileges == 1 or on("newcalls-empty"):
        found = []
    needed = 24 + 4 * len(found)
    taken = found[: (room - 24) // 4]
    privilege = OWNER if opened.privileges & OWNER or on("newcalls-owner-for-monitor") else MONITOR
    listed = []
    for call in taken:
        h = Holder(opened, call, privilege)
        listed.append(h.handle)
        call.changed(0x800 if privilege == OWNER else 0x2000, but=h)
    if on("newcalls-repeats"):
        listed += [h.handle for h in opened.holders if h.handle not in listed][: (room - 24) // 4 - len(listed)]
        needed = max(needed, 24 + 4 * len(listed))
    count = len(listed) + (1 if on("newcalls-count") else 0)
    size = 4 * len(listed)
    m.out = struct.pack("<6I", room, needed, 24 + size, count, size, 24 if size else 0)
    m.out += b"".join(struct.pack("<I", handle) for handle in listed)
    m.put(20, 0)


def get_address_status(c: Client, m: Message) -> None:
    """GetAddressStatus."""
    opened = c.line(m.get(8))
    if m.get(12):
        raise RequestError(0x80000011)
    calls = c.exchange.lines[opened.device].live()
    held = sum(call.state == 0x400 for call in calls)
    pending = sum(call.state in (0x1000, 0x2000) for call in calls)
    shape = Shape("LINEADDRESSSTATUS", 64).put(at12=int(bool(calls)))
    total = 0 if on("addressstatus-counts") else len(calls) - held - pending
    m.fill(16, shape.put(at16=total, at20=held, at24=pending, at28=2))


def get_line_status(c: Client, m: Message) -> None:
    """GetLineDevStatus."""
    opened = c.line(m.get(8))
    line = c.exchange.lines[opened.device]
    calls = line.live()
    held = sum(call.state == 0x400 for call in calls)
    pending = sum(call.state in (0x1000, 0x2000) for call in calls)
    opens = len(line.opened) + (1 if on("linestatus-opens") else 0)
    media = 0
    for one in line.opened:
        media |= one.media if one.privileges & OWNER else 0
    shape = Shape("LINEDEVSTATUS", by_version(opened.version, 76, (0x20000, 88)))
    shape.put(at12=opens, at16=media, at20=9 if on("linestatus-calls") else len(calls) - held - pending)
    shape.put(at24=held, at28=pending, at32=8, at44=0xFFFF, at48=0xFFFF, at52=2, at56=5, at76=0xE)
    m.fill(12, shape)


def get_id(c: Client, m: Message) -> None:
    """GetID: class tapi/line."""
    select = m.get(20)
    if select in (1, 2):
        device = c.line(m.get(8)).device
    elif select == 4:
        device = c.call(m.get(16)).opened.device
    else:
        raise RequestError(0x8000001B)
    if m.text(28, 0x80000023).lower() != "tapi/line":
        raise RequestError(0x80000023)
    m.fill(24, varstring(struct.pack("<I", 1 - device if on("getid-other-device") else device)))


def get_num_address_ids(c: Client, m: Message) -> None:
    """GetNumAddressIDs."""
    c.line(m.get(8))
    m.put(12, 2 if on("two-address-ids") else 1)


def get_address_id(c: Client, m: Message) -> None:
    """GetAddressID."""
    opened = c.line(m.get(8))
    if m.get(16) != 2:
        raise RequestError(0x80000012)
    raw = m.block(20, 24, 0x80000010, optional=False)
    if raw.decode("utf-16-le", "replace").rstrip("\0") != NUMBERS[opened.device]:
        raise RequestError(0x80000010)
    m.put(12, 1 if on("addressid-wrong") else 0)


def set_status_messages(c: Client, m: Message) -> None:
    """SetStatusMessages."""
    opened = c.line(m.get(8))
    if m.get(12) & ~0x1BFFFFF and not on("status-bits-unchecked"):
        raise RequestError(0x8000002C)
    if m.get(16) & ~0x1FF and not on("status-bits-unchecked"):
        raise RequestError(0x80000013)
    if not on("status-messages-ignored"):
        opened.line_mask, opened.address_mask = m.get(12), m.get(16)


def set_app_specific(c: Client, m: Message) -> None:
    """SetAppSpecific: owner."""
    h = c.call(m.get(8))
    if h.privilege != OWNER and not on("monitor-may-set"):
        raise RequestError(0x80000046)
    if not on("appspecific-lost"):
        h.call.app_specific = m.get(12)
    if not on("appspecific-no-event"):
        h.call.changed(0x20)


def get_async_events(c: Client, m: Message) -> None:
    """GetAsyncEvents: whole records, the rest stays."""
    room = m.get(8)
    if room > m.room:
        raise RequestError(SIZE)
    needed, out = sum(len(item[1]) for item in c.queue) if c.pull else 0, b""
    while c.pull and c.queue and len(out) + len(c.queue[0][1]) <= room:
        out += c.queue.pop(0)[1]
    if on("pull-needed-zero"):
        needed = 0
    m.put(12, needed)
    m.put(16, len(out) + (4 if on("pull-used-high") else 0))
    m.out = out


SYNCHRONOUS: dict[int, Callable[[Client, Message], None]] = {
    0: get_async_events,
    9: close,
    12: deallocate,
    21: get_address_caps,
    22: get_address_id,
    23: get_address_status,
    30: get_call_info,
    31: get_call_status,
    34: get_dev_caps,
    37: get_id,
    38: get_line_status,
    39: get_new_calls,
    40: get_num_address_ids,
    47: initialize,
    52: negotiate,
    54: open_line,
    70: set_app_specific,
    82: set_status_messages,
    86: shut_down,
    130: negotiate_all,
    141: get_call_ids,
}

"""The phone of the second subject (2.2.4.1.4 - 2.2.4.1.6)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from second_exchange import App, Opened
from second_shapes import VERSIONS, Message, RequestError, Shape, by_version, varstring, wide
from second_switches import on

if TYPE_CHECKING:
    from second_session import Client

APP, PHONE, DEVICE, SIZE, PARAM = 0x90000007, 0x90000013, 0x90000002, 0x90000021, 0x90000012
SWITCH, MODE, NOTOWNER, NOVERSION = 0x9000000F, 0x90000010, 0x9000001B, 0x90000003
DEVICES = (1, 2, 4)


class Phone:
    """What the phone device remembers."""

    def __init__(self) -> None:
        self.hook = {1: 1, 2: 1, 4: 1}
        self.volume = {1: 0x8000, 2: 0x8000, 4: 0x8000}
        self.gain = {1: 0x8000, 2: 0x8000, 4: 0x8000}
        self.lamps = [2, 2]
        self.ring = (0, 0x4000)
        self.display = " " * 40
        self.opened: list[Opened] = []

    def changed(self, bit: int, second: int, but: Opened | None = None) -> None:
        """Send PHONE_STATE to those who asked for it."""
        for one in self.opened:
            if one is but or not (one.line_mask & bit or on("phone-state-unmasked")):
                continue
            one.tell(18, one.remote, 0, bit, 0 if on("phone-state-value") else second, 0, 0)

    def owners(self) -> int:
        """Number of owners."""
        return sum(one.privileges == 2 for one in self.opened)


def phone(c: Client, m: Message, offset: int, owner: bool = False) -> Opened:
    """A live HPHONE, of an owner if asked."""
    found = c.phones.get(m.get(offset))
    if found is None:
        raise RequestError(0x8000002B if on("phone-line-errors") else PHONE)
    if owner and found.privileges != 2 and not on("phone-monitor-may-set"):
        raise RequestError(NOTOWNER)
    return found


def one_device(m: Message, offset: int) -> int:
    """Exactly one hook switch device."""
    if m.get(offset) not in DEVICES:
        if on("phone-device-unchecked"):
            return 1
        raise RequestError(SWITCH)
    return m.get(offset)


def initialize(c: Client, m: Message) -> None:
    """Initialize."""
    name = m.text(20, 0x90000008)
    m.text(28, 0x90000008)
    app = App(c, m.get(16), name)
    c.phone_apps[app.handle] = app
    m.put(8, app.handle)
    m.put(24, 2 if on("phone-one-too-many") else 1)


def app_of(c: Client, m: Message) -> App:
    """A live HPHONEAPP."""
    found = c.phone_apps.get(m.get(8))
    if found is None:
        raise RequestError(APP)
    return found


def negotiate(c: Client, m: Message) -> None:
    """NegotiateAPIVersion."""
    app_of(c, m)
    if m.get(12):
        raise RequestError(DEVICE)
    if m.room < 16:
        raise RequestError(SIZE)
    low, high = m.get(16), m.get(20)
    known = [one for one in VERSIONS if low <= one <= high]
    if low > high or not known:
        raise RequestError(NOVERSION)
    m.put(24, known[-1])
    m.put(28, 0)
    m.put(32, 16)
    m.out = bytes(16)


def caps(c: Client, m: Message) -> None:
    """GetDevCaps."""
    app_of(c, m)
    if m.get(12):
        raise RequestError(DEVICE)
    version = m.get(16)
    if version not in VERSIONS:
        raise RequestError(NOVERSION)
    if m.get(20):
        raise RequestError(0x90000004)
    shape = Shape("PHONECAPS", by_version(version, 144, (0x20000, 180), (0x20002, 196)))
    shape.put(at28=0x700, at40=3, at44=0x3FFF8, at48=7, at52=15, at56=15, at60=15, at64=7, at68=7)
    shape.put(**{f"at{at}": 15 for at in (156, 160, 164, 168, 172, 176)})
    shape.put(at72=1, at76=40, at80=3, at84=5 if on("phone-caps-lamps") else 2)
    shape.put(at152=0xFFF3FFC).raw(180, b"second-phone-id-")
    shape.tail(12, wide("Second subject")).tail(20, wide("One phone")).tail(32, wide("Phone 1"))
    shape.tail(88, struct.pack("<II", 4, 4)).tail(96, struct.pack("<II", 4, 2)).tail(104, struct.pack("<II", 22, 22))
    m.fill(24, shape.tail(144, wide("tapi/phone") + b"\0\0"), SIZE)


def open_phone(c: Client, m: Message) -> None:
    """Open: one owner, many monitors."""
    app = app_of(c, m)
    if m.get(12):
        raise RequestError(DEVICE)
    if m.get(20) not in VERSIONS:
        raise RequestError(NOVERSION)
    if m.get(24):
        raise RequestError(0x90000004)
    privilege = m.get(32)
    if privilege not in (1, 2) and not on("phone-privilege-unchecked"):
        raise RequestError(0x90000016)
    device = c.server.phone
    if privilege == 2 and device.owners() and not on("phone-two-owners"):
        raise RequestError(0x90000006)
    opened = Opened(app, 0, m.get(28), m.get(36), m.get(20))
    opened.privileges = privilege
    device.opened.append(opened)
    c.phones[opened.handle] = opened
    m.put(16, opened.handle)
    count(c, privilege, opened)


def count(c: Client, privilege: int, but: Opened) -> None:
    """Report the new number of owners or monitors."""
    device = c.server.phone
    if privilege == 2:
        device.changed(0x8, device.owners(), but)
    else:
        device.changed(0x10, len(device.opened) - device.owners(), but)


def close_phone(c: Client, opened: Opened) -> None:
    """Release a phone."""
    c.purge(lambda item: item[0] is not opened)
    c.server.phone.opened.remove(opened)
    c.phones.pop(opened.handle)
    count(c, opened.privileges, opened)


def close(c: Client, m: Message) -> None:
    """Close."""
    opened = phone(c, m, 8)
    if not on("phone-close-ignored"):
        close_phone(c, opened)


def shut_down(c: Client, m: Message) -> None:
    """ShutDown."""
    app = app_of(c, m)
    for opened in [one for one in c.phones.values() if one.app is app]:
        close_phone(c, opened)
    del c.phone_apps[app.handle]


def status(c: Client, m: Message) -> None:
    """GetStatus."""
    opened, device = phone(c, m, 8), c.server.phone
    shape = Shape("PHONESTATUS", by_version(opened.version, 100, (0x20000, 104)))
    owners = 0 if on("phone-status-owners") else device.owners()
    shape.put(at12=1, at16=owners, at20=len(device.opened) - device.owners(), at24=device.ring[0], at28=device.ring[1])
    for at, one in ((32, 1), (44, 2), (56, 4)):
        hook = 8 if on("phone-status-hook") else device.hook[one]
        shape.put(**{f"at{at}": hook, f"at{at + 4}": device.volume[one], f"at{at + 8}": device.gain[one]})
    shape.tail(76, struct.pack("<II", *device.lamps)).put(at100=0xFFF3FFC)
    m.fill(12, shape, SIZE)


def get_hook(c: Client, m: Message) -> None:
    """GetHookSwitch: the devices that are off hook."""
    phone(c, m, 8)
    off = sum(one for one, mode in c.server.phone.hook.items() if mode != 1)
    m.put(12, 7 - off if on("phone-hook-inverted") else off)


def get_volume(c: Client, m: Message) -> None:
    """GetVolume."""
    phone(c, m, 8)
    m.put(16, c.server.phone.volume[one_device(m, 12)])


def get_gain(c: Client, m: Message) -> None:
    """GetGain."""
    phone(c, m, 8)
    m.put(16, c.server.phone.gain[one_device(m, 12)])


def get_ring(c: Client, m: Message) -> None:
    """GetRing."""
    phone(c, m, 8)
    m.put(12, c.server.phone.ring[0])
    m.put(16, 0x12345 if on("phone-ring-volume") else c.server.phone.ring[1])


def lamp(m: Message, offset: int) -> int:
    """An existing lamp."""
    if m.get(offset) > 1:
        raise RequestError(0x90000009)
    return m.get(offset)


def get_lamp(c: Client, m: Message) -> None:
    """GetLamp."""
    phone(c, m, 8)
    m.put(16, c.server.phone.lamps[lamp(m, 12)])


def get_display(c: Client, m: Message) -> None:
    """GetDisplay."""
    phone(c, m, 8)
    m.fill(12, varstring(c.server.phone.display.encode("utf-16-le"), 3), SIZE)


def get_id(c: Client, m: Message) -> None:
    """GetID."""
    phone(c, m, 8)
    if m.text(16, 0x9000000D).lower() != "tapi/phone":
        raise RequestError(0x9000000D)
    m.fill(12, varstring(struct.pack("<I", 0)), SIZE)


def set_status_messages(c: Client, m: Message) -> None:
    """SetStatusMessages."""
    opened = phone(c, m, 8)
    states, modes, buttons = m.get(12), m.get(16), m.get(20)
    if states & ~0xFFFFFF:
        raise RequestError(0x90000014)
    if modes & ~0x3F:
        raise RequestError(0x9000000A)
    if modes and (buttons & ~0xF or not buttons):
        raise RequestError(0x9000000B)
    opened.line_mask, opened.button_masks = states, (modes, buttons)


Act = Callable[[], None]


def set_hook(c: Client, m: Message) -> Act:
    """SetHookSwitch."""
    devices, mode = m.get(16), m.get(20)
    if not devices or devices & ~7:
        raise RequestError(SWITCH)
    if mode not in (1, 2, 4, 8) and not on("phone-hook-mode-unchecked"):
        raise RequestError(MODE)

    def act() -> None:
        for one, bit in ((1, 0x200), (2, 0x1000), (4, 0x8000)):
            if devices & one and not on("phone-hook-not-set"):
                c.server.phone.hook[one] = mode
                c.server.phone.changed(bit, mode)

    return act


def set_level(name: str, bits: tuple[int, int, int]) -> Callable[[Client, Message], Act]:
    """SetVolume, SetGain."""

    def plan(c: Client, m: Message) -> Act:
        device, level = one_device(m, 16), min(m.get(20), 0xFFFF)

        def act() -> None:
            if not on(f"phone-{name}-not-set"):
                getattr(c.server.phone, name)[device] = level
            c.server.phone.changed(bits[DEVICES.index(device)], 0)

        return act

    return plan


def set_ring(c: Client, m: Message) -> Act:
    """SetRing."""
    mode, volume = m.get(16), min(m.get(20), 0xFFFF)
    if mode > 3:
        raise RequestError(0x90000017)

    def act() -> None:
        c.server.phone.ring = (mode, volume)
        c.server.phone.changed(0x80, mode)

    return act


def set_lamp(c: Client, m: Message) -> Act:
    """SetLamp."""
    number, mode = lamp(m, 16), m.get(20)
    if mode not in (2, 4, 16):
        raise RequestError(0x90000011)

    def act() -> None:
        c.server.phone.lamps[number] = mode
        c.server.phone.changed(0x40, number)

    return act


def set_display(c: Client, m: Message) -> Act:
    """SetDisplay."""
    text = m.block(24, 28, 0x90000015, optional=False).decode("utf-16-le", "replace")
    column = m.get(20)
    if m.get(16) or column >= 40:
        raise RequestError(PARAM)

    def act() -> None:
        old = c.server.phone.display
        c.server.phone.display = (old[:column] + text + old[column + len(text) :])[:40]
        c.server.phone.changed(0x20, 0)

    return act


def asynchronous(c: Client, m: Message, func: int) -> bytes:
    """Check, answer with the request id, act, send PHONE_REPLY."""
    number = c.request_id(m, PARAM)
    opened = phone(c, m, 12, owner=True)
    act = ASYNCHRONOUS[func](c, m)
    act()
    if not on("phone-reply-missing"):
        opened.tell(12 if on("phone-reply-as-line-reply") else 17, 0, 0, number, 0, 0, 0, reply=True)
    return m.done(number)


ASYNCHRONOUS: dict[int, Callable[[Client, Message], Act]] = {
    112: set_display,
    113: set_level("gain", (0x800, 0x4000, 0x20000)),
    114: set_hook,
    115: set_lamp,
    116: set_ring,
    118: set_level("volume", (0x400, 0x2000, 0x10000)),
}
NOT_OFFERED = (92, 93, 94, 109, 110, 111, 129)


def unavailable(c: Client, m: Message) -> None:
    """A request that the phone does not offer."""
    raise RequestError(0x9000001D)


SYNCHRONOUS: dict[int, Callable[[Client, Message], None]] = {
    91: close,
    95: caps,
    96: get_display,
    97: get_gain,
    98: get_hook,
    99: get_id,
    101: get_lamp,
    102: get_ring,
    103: status,
    105: get_volume,
    106: initialize,
    107: open_phone,
    108: negotiate,
    117: set_status_messages,
    119: shut_down,
    **dict.fromkeys(NOT_OFFERED, unavailable),
}

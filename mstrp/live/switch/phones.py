"""Simulated phones: ring, display, lamps, buttons, hookswitches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.live.provider import TapiError
from protocol.constants import (
    PHONEBUTTONFUNCTION,
    PHONEBUTTONMODE,
    PHONEBUTTONSTATE,
    PHONEERR,
    PHONEHOOKSWITCHDEV,
    PHONEHOOKSWITCHMODE,
    PHONELAMPMODE,
    PHONESTATE,
    PHONESTATUSFLAGS,
    STRINGFORMAT,
)
from protocol.events import PHONE_BUTTON, PHONE_STATE
from protocol.structures import PHONEBUTTONINFO, PHONECAPS, PHONESTATUS, VARSTRING

if TYPE_CHECKING:
    from mstrp.live.switch.switch import Switch

__all__ = ["Telephone"]

_ROWS, _COLUMNS, _BUTTONS, _RINGS, _DATA = 2, 24, 16, 4, 1
_DEVICES = ("handset", "speaker", "headset")
_ALL = int(PHONEHOOKSWITCHDEV.HANDSET | PHONEHOOKSWITCHDEV.SPEAKER | PHONEHOOKSWITCHDEV.HEADSET)
_ON_HOOK = int(PHONEHOOKSWITCHMODE.ONHOOK)
_MODES = int(
    PHONEHOOKSWITCHMODE.ONHOOK | PHONEHOOKSWITCHMODE.MIC | PHONEHOOKSWITCHMODE.SPEAKER | PHONEHOOKSWITCHMODE.MICSPEAKER
)
_NO_FUNCTION = PHONEBUTTONINFO(
    button_mode=int(PHONEBUTTONMODE.DUMMY), button_function=int(PHONEBUTTONFUNCTION.NONE), button_text=None
)
#: PHONESTATE bits by value and hookswitch device.
_CHANGES = {
    "hook_switch": {
        1: PHONESTATE.HANDSETHOOKSWITCH,
        2: PHONESTATE.SPEAKERHOOKSWITCH,
        4: PHONESTATE.HEADSETHOOKSWITCH,
    },
    "volume": {1: PHONESTATE.HANDSETVOLUME, 2: PHONESTATE.SPEAKERVOLUME, 4: PHONESTATE.HEADSETVOLUME},
    "gain": {1: PHONESTATE.HANDSETGAIN, 2: PHONESTATE.SPEAKERGAIN, 4: PHONESTATE.HEADSETGAIN},
}


class Telephone:
    """The values of a phone, initially on hook and silent."""

    def __init__(self) -> None:
        self.values: dict[str, dict[int, int]] = {
            "hook_switch": dict.fromkeys((1, 2, 4), _ON_HOOK),
            "volume": dict.fromkeys((1, 2, 4), 0x8000),
            "gain": dict.fromkeys((1, 2, 4), 0x8000),
        }
        self.lamps = [int(PHONELAMPMODE.OFF)] * _BUTTONS
        self.ring = (0, 0x8000)
        self.display = [" " * _COLUMNS] * _ROWS
        self.data = [b""] * _DATA
        self.buttons: dict[int, PHONEBUTTONINFO] = {}


def push_button(switch: Switch, device: int, button: int, *, mode: int = int(PHONEBUTTONMODE.KEYPAD)) -> None:
    """Press and release a button."""
    for state in (PHONEBUTTONSTATE.DOWN, PHONEBUTTONSTATE.UP):
        switch.sink.phone_event(device, PHONE_BUTTON, button_lamp_id=button, button_mode=mode, button_state=int(state))


def lift(switch: Switch, device: int, *, which: int = 1, mode: int = int(PHONEHOOKSWITCHMODE.MICSPEAKER)) -> None:
    """Lift a handset, or put it down (mode ONHOOK)."""
    switch.telephones[device].values["hook_switch"][which] = mode
    _report(switch, device, int(_CHANGES["hook_switch"][which]), mode)


def _report(switch: Switch, device: int, change: int, value: int = 0) -> None:
    switch.sink.phone_event(device, PHONE_STATE, phone_states=change, param2=value)


def get_dev_caps(switch: Switch, device: int, version: int) -> PHONECAPS:
    """The capabilities of a phone."""
    fields: dict[str, Any] = {
        "provider_info": "simulated switch",
        "phone_info": "simulated phone",
        "permanent_phone_id": device,
        "phone_name": f"Phone {device}",
        "string_format": int(STRINGFORMAT.UNICODE),
        "phone_states": 0x1FFFFF,
        "hook_switch_devs": _ALL,
        "handset_hook_switch_modes": _MODES,
        "speaker_hook_switch_modes": _MODES,
        "headset_hook_switch_modes": _MODES,
        "volume_flags": _ALL,
        "gain_flags": _ALL,
        "display_num_rows": _ROWS,
        "display_num_columns": _COLUMNS,
        "num_ring_modes": _RINGS,
        "num_set_data": _DATA,
        "num_get_data": _DATA,
    }
    return PHONECAPS(**fields, tapi_version=version)


def get_status(switch: Switch, device: int) -> PHONESTATUS:
    """The status of a phone."""
    found = switch.telephones[device]
    fields: dict[str, Any] = {
        "status_flags": int(PHONESTATUSFLAGS.CONNECTED),
        "ring_mode": found.ring[0],
        "ring_volume": found.ring[1],
        "display": VARSTRING(string="".join(found.display).rstrip(), string_format=int(STRINGFORMAT.UNICODE)),
    }
    for number, name in zip((1, 2, 4), _DEVICES, strict=True):
        fields[f"{name}_hook_switch_mode"] = found.values["hook_switch"][number]
        fields[f"{name}_volume"] = found.values["volume"][number]
        fields[f"{name}_gain"] = found.values["gain"][number]
    return PHONESTATUS(**fields)


def get_id(switch: Switch, device: int, device_class: str) -> bytes:
    """The device id; the only device class is tapi/phone."""
    if device_class.casefold() != "tapi/phone":
        raise TapiError(PHONEERR.INVALDEVICECLASS)
    return device.to_bytes(4, "little")


def get_value(switch: Switch, device: int, what: str, which: int) -> Any:
    """The value of a phone element."""
    found = switch.telephones[device]
    match what:
        case "ring":
            return found.ring
        case "display":
            return "".join(found.display).rstrip()
        case "lamp":
            return found.lamps[_button(which)]
        case "button":
            return found.buttons.get(_button(which), _NO_FUNCTION)
        case "data":
            return found.data[_data(which)]
    return found.values[what][which]


def _button(number: int) -> int:
    if number >= _BUTTONS:
        raise TapiError(PHONEERR.INVALBUTTONLAMPID)
    return number


def _data(number: int) -> int:
    if number >= _DATA:
        raise TapiError(PHONEERR.INVALDATAID)
    return number


def set_value(switch: Switch, device: int, what: str, which: int, value: Any) -> None:
    """Set the value of a phone element and report it."""
    found = switch.telephones[device]
    match what:
        case "ring":
            if value[0] > _RINGS:
                raise TapiError(PHONEERR.INVALRINGMODE)
            found.ring = value
            _report(switch, device, int(PHONESTATE.RINGMODE), value[0])
        case "display":
            column, text = value
            if which >= _ROWS or column >= _COLUMNS:
                raise TapiError(PHONEERR.INVALPARAM)
            row = found.display[which]
            found.display[which] = (row[:column] + text + row[column + len(text) :])[:_COLUMNS]
            _report(switch, device, int(PHONESTATE.DISPLAY))
        case "lamp":
            found.lamps[_button(which)] = value
            _report(switch, device, int(PHONESTATE.LAMP), which)
        case "data":
            found.data[_data(which)] = value
        case _:
            for number in (1, 2, 4):
                if which & number:
                    found.values[what][number] = value
                    _report(switch, device, int(_CHANGES[what][number]), value)


def set_button_info(switch: Switch, device: int, button: int, info: PHONEBUTTONINFO | None) -> None:
    """Set function and text of a button."""
    if info is None:
        raise TapiError(PHONEERR.INVALPARAM)
    switch.telephones[device].buttons[_button(button)] = PHONEBUTTONINFO(
        button_mode=info.button_mode, button_function=info.button_function, button_text=info.button_text or None
    )

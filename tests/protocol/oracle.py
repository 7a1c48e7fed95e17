"""An independent decoder: computes the output of ``decode --format jsonl`` from ``facts.json``.

It trusts its input and shares no code with the product. Bytes go in, ``fields`` and ``values`` come out.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["FACTS", "Told", "event", "request", "structure"]

FACTS: dict[str, Any] = json.loads(Path(__file__).with_name("facts.json").read_text(encoding="utf-8"))
# As in decisions E10, A8, P4 and F17, which deviate from the specification.
FACTS["events"]["LINE_AGENTSESSIONSTATUS"]["fields"][8][2] = "LINEAGENTSESSIONSTATE_Constants one-or-zero"
FACTS["completions"]["line.GetQueueInfo"]["fields"].pop()
FACTS["structures"]["FLOWSPEC"]["members"].append(["ProviderData", 32, 0, "", "bytes"])
FACTS["constants"]["LINEDEVSTATE_Constants"]["members"]["LINEDEVSTATE_TRANSLATECHANGE"] = 0x00400000
FACTS["constants"]["LINEDEVCAPFLAGS_Constants"]["members"]["LINEDEVCAPFLAGS_MSP"] = 0x00000200
_ABSENT = 0xFFFFFFFF
_HEADER = 60
_ERRORS = {
    number: name
    for table in ("TAPI_ReturnValues", "PHONEERR_Constants", "LINEERR_Constants")
    for name, number in FACTS["constants"].get(table, {"members": {}})["members"].items()
}


class Told(NamedTuple):
    """The expected ``fields`` and ``values`` of a packet."""

    fields: dict[str, int]
    values: dict[str, Any]


def _word(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "little")


# -- constants --------------------------------------------------------------------------------------------------------


def _meant(what: str, number: int) -> Any:
    """Return the names of a number in tables given as ``A_Constants/B_Constants cardinality``."""
    names: list[str] = []
    rest = number
    tables = [FACTS["constants"][name] for name in what.split(" ", maxsplit=1)[0].split("/")]
    for table in tables:
        if table["kind"] != "flags":
            assert len(tables) == 1
            return next((name for name, value in table["members"].items() if value == number), None)
        for name, value in table["members"].items():
            if value.bit_count() == 1 and number & value:
                names.append(name)
                rest &= ~value
            elif value == number == 0:
                names.append(name)
    return [*names, f"0x{rest:08X}"] if rest else names


def _moded(what: str, number: int, selector: int) -> Any:
    """Return the name of a mode whose table depends on another field, given as ``by Param1: 0x1=A_Constants ...``."""
    tables = {int(key, 16): table for key, _, table in (each.partition("=") for each in what.split(": ")[1].split())}
    table = tables.get(selector & 0xFFFFFF)
    return None if table is None or not number else _meant(table, number)


# -- structures -------------------------------------------------------------------------------------------------------


def _text(data: bytes) -> str:
    characters = data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")
    return characters.partition("\0")[0]


def structure(name: str, data: bytes, *, origin: int = 0, start: int = 0, size: int = 0, version: int = -1) -> Any:
    """Decode a structure at ``start`` with a fixed part of ``size`` bytes; offsets are relative to ``origin``."""
    fact = FACTS["structures"][name]
    size = size or fact["sizes"][version]
    found = _members(fact["members"], data, origin, start, size)
    if "arms" in fact:
        # Offsets are relative to the first member; it ends where the variable data of the request begins.
        first = start + fact["sizes"][-1]
        end = min(value for name, value in found.items() if name.endswith("Offset"))
        arm = [[name, place - first, *more] for name, place, *more in fact["arms"][found["dwRequestType"]]]
        found["body"] = _members(arm, data[:end], first, first, len(data))
    return found


def _members(members: list[Any], data: bytes, origin: int, start: int, size: int) -> dict[str, Any]:
    raw = {name: _word(data, start + offset) for name, offset, width, _, _ in members if width == 4}
    found: dict[str, Any] = {}
    for name, offset, width, _, what in members:
        if offset + width > size:
            continue
        place = start + offset
        kind = what.split(" ")[0]
        if name.endswith("Offset") and f"{name[:-6]}Size" in raw:
            found[name] = raw[name]
            length = raw[f"{name[:-6]}Size"]
            if length:
                found[name[:-6]] = _data(what, data, origin, origin + raw[name], length, raw)
        elif what == "GUID":
            found[name] = str(uuid.UUID(bytes_le=data[place : place + 16]))
        elif what == "SYSTEMTIME":
            year, month, _, day, hour, minute, second, part = (
                int.from_bytes(data[i : i + 2], "little") for i in range(place, place + 16, 2)
            )
            found[name] = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{part:03}Z"
        elif kind in FACTS["structures"]:
            found[name] = structure(kind, data, origin=place, start=place)
        elif kind.endswith("[]"):
            entry = kind[:-2]
            step = FACTS["structures"][entry]["sizes"][-1]
            places = range(place, place + raw[what.split(" ")[-1]] * step, step)
            found[name] = [structure(entry, data, origin=origin, start=each) for each in places]
        elif kind == "bytes":
            length = raw[what.split(" ")[-1]] if " of " in what else len(data) - place
            if length:
                found[name] = data[place : place + length].hex()
        elif what.startswith("by "):
            number = _moded(what, raw[name], raw[what.split(" ")[1].rstrip(":")])
            found[name] = raw[name] if number is None else number
        elif kind in FACTS["constants"]:
            meant = _meant(what, raw[name])
            found[name] = raw[name] if meant is None else meant
        else:
            found[name] = raw[name]
    return found


def _data(what: str, data: bytes, origin: int, start: int, length: int, raw: dict[str, int]) -> Any:
    """Decode the data that a size and an offset refer to."""
    kind, *more = what.split(" ")
    part = data[start : start + length]
    if kind == "text":
        form = raw[more[0]] if more else 3
        return _text(part) if form == 3 else part.split(b"\0")[0].decode("latin-1") if form == 1 else part.hex()
    if kind == "ascii":
        return part.split(b"\0")[0].decode("latin-1")
    if kind == "bytes":
        return part.hex()
    if kind == "texts":
        return part.decode("utf-16-le").rstrip("\0").split("\0")
    if kind == "rows":
        step = raw[more[-1]]
        return [_text(part[i : i + step]) for i in range(0, length, step)]
    if kind == "structure":
        return structure(more[0], part)
    if more[0] == "DWORD":
        numbers = [_word(part, i) for i in range(0, length, 4)]
        table = more[-1] if more[-1].endswith("_Constants") else ""
        return [_meant(table, number) for number in numbers] if table else numbers
    step = FACTS["structures"][more[0]]["sizes"][-1]
    return [structure(more[0], data, origin=origin, start=place) for place in range(start, start + length, step)]


# -- packets ----------------------------------------------------------------------------------------------------------


def request(name: str, data: bytes, *, back: bool = False) -> Told:
    """Decode a request by device and name, or with ``back`` its response."""
    fact = FACTS["requests"][name]
    code = _word(data, 0)
    fields = {"Ack_ReturnValue" if back else "Req_Func": code}
    values: dict[str, Any] = {}
    if back and code in _ERRORS:
        values["Ack_ReturnValue"] = _ERRORS[code]
    fields |= {field: _word(data, offset) for field, offset, _, _ in fact["fields"]}
    for field, _, direction, what in fact["fields"]:
        meant = _parameter(
            what, fields, fields[field], data, there=direction in (("out", "inout") if back else ("in",))
        )
        if meant is not None:
            values[field] = meant
    return Told(fields, values)


def _parameter(what: str, fields: dict[str, int], number: int, data: bytes, *, there: bool) -> Any:
    kind, *more = what.split(" ")
    if kind.partition("/")[0] in FACTS["constants"]:
        return _meant(what, number)
    if not there or number == _ABSENT or kind == "limit":
        return None
    start = _HEADER + number
    if kind == "buffer":
        return structure(more[0], data[start:])
    size = fields[more[1]] if more[:1] == ["of"] else len(data) - start
    if not size:
        return None
    part = data[start : start + size]
    if kind == "wstring":
        return _text(data[start:])
    if kind == "bytes":
        return part.hex()
    if kind == "GUID":
        return str(uuid.UUID(bytes_le=part))
    if kind == "DWORD[]":
        return [_word(part, i) for i in range(0, size, 4)]
    if kind.endswith("[]"):
        step = FACTS["structures"][kind[:-2]]["sizes"][-1]
        return [structure(kind[:-2], part[i : i + step]) for i in range(0, size, step)]
    return structure(kind, part) if kind in FACTS["structures"] else None


def event(family: str, name: str, data: bytes) -> Told:
    """Decode an event, or a completion by device and request."""
    fact = FACTS[family][name]
    fields = {field: _word(data, offset) for field, offset, *_ in fact["fields"]}
    values: dict[str, Any] = {}
    for field, offset, what in fact["fields"]:
        number = fields.get(field, 0)
        if offset >= fact["size"]:
            continue
        if what.startswith("by "):
            meant = _moded(what, number, fields[what.split(" ")[1].rstrip(":")])
        else:
            meant = _meant(what, number) if what.split(" ")[0] in FACTS["constants"] else None
        if meant is not None:
            values[field] = meant
    if fact["variable"]:
        field, kind, *of = fact["variable"].split(" ")
        end = fact["size"] + fields[of[1]] if of else len(data)
        part = data[fact["size"] : end]
        values[field] = _text(part) if kind == "text" else part.hex() if kind == "bytes" else structure(kind, part)
    return Told(fields, values)

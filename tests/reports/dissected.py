"""Convert the output of tshark with the exported dissector to the format of `mstrp decode --format jsonl`."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["TSHARK", "dissect"]

TSHARK = shutil.which("tshark")

#: Keys of a packet that are not fields.
_HEAD = {"method", "phase", "packet", "section", "completes"}
_LISTS = {"flag", "item", "texts", "entry"}
_SINGLE = {"text", "data", "guid", "time", "constant", "structure"}


def dissect(capture: Path, script: Path, *options: str) -> list[dict[str, Any]]:
    """Return every MS-TRP packet of a capture as tshark shows it with the script."""
    assert TSHARK is not None
    command = [TSHARK, "-X", f"lua_script:{script}", "-r", str(capture), "-T", "pdml", "-Y", "mstrp", *options]
    run = subprocess.run(command, check=True, capture_output=True)
    assert b"Lua Error" not in run.stdout, run.stdout[run.stdout.find(b"Lua Error") :][:300]
    return list(_packets(run.stdout))


def _packets(pdml: bytes) -> Iterator[dict[str, Any]]:
    for frame in ET.fromstring(pdml):
        number = next(int(f.get("show", "")) for f in frame.iter("field") if f.get("name") == "frame.number")
        for proto in frame.findall("proto"):
            if proto.get("name") == "mstrp":
                yield {"frame": number, **_packet(proto)}


def _packet(proto: ET.Element) -> dict[str, Any]:
    fields, values = _members(proto)
    found: dict[str, Any] = {name: values.pop(name) for name in _HEAD if name in values}
    found["problems"] = values.pop("problem", [])
    found["notes"] = values.pop("note", [])
    found["rules"] = sorted(field.get("show", "") for field in proto.iter("field") if field.get("name") == "mstrp.rule")
    return {**found, "fields": fields, "values": values}


def _members(parent: ET.Element) -> tuple[dict[str, int], dict[str, Any]]:
    """Return the fields of a node, with their content."""
    fields: dict[str, int] = {}
    values: dict[str, Any] = {}
    for field in parent.findall("field"):
        path = field.get("name", "").removeprefix("mstrp.")
        name = path.split(".")[-1]
        show = field.get("show", "")
        if not field.get("name", "").startswith("mstrp."):
            values.update(_unnamed(field))
        elif name in ("problem", "note"):
            values.setdefault(name, []).append(show)
        elif name == "at":
            values[path.split(".")[-2]] = _value(field)
        elif name in _HEAD or name in ("pszDomainUser", "pszMachine"):
            values[name] = show
        elif name in ("pphContext", "phContext", "raw"):
            values[name] = show.replace(":", "")
        elif name == "constant":
            values["constant"] = show
        else:
            fields[name] = int(show, 0)
            found = _value(field)
            if found is not None:
                values[name.removesuffix("Offset") if _pair(parent, path) else name] = found
    return fields, values


def _pair(parent: ET.Element, path: str) -> bool:
    """Return whether an offset belongs to a pair of size and offset of a structure, which has their common name."""
    stem = path.removesuffix("Offset")
    names = [field.get("name") for field in parent.findall("field")]
    return path != stem and "." in path and f"mstrp.{stem}Size" in names


def _unnamed(field: ET.Element) -> dict[str, Any]:
    """Return whether a node is a GUID or a time, which has the name of its member and no number."""
    return {
        inner.get("name", "").split(".")[-2]: inner.get("show", "")
        for inner in field.findall("field")
        if inner.get("name", "").endswith((".guid", ".time"))
    }


def _value(field: ET.Element) -> Any:
    """Return the content of a field: a text, bytes, names, structures; None if it is only a number."""
    lists: list[Any] = []
    single: Any = None
    for inner in field.findall("field"):
        name = inner.get("name", "").split(".")[-1]
        show = inner.get("show", "")
        if name == "entry":
            lists.append(_structure(inner))
        elif name == "structure":
            single = _structure(inner)
        elif name == "item":
            names = _value(inner)
            lists.append(int(show, 0) if names is None else names)
        elif name in _LISTS:
            lists.append(show)
        elif name in _SINGLE:
            single = show.replace(":", "") if name == "data" else show
    return lists or single


def _structure(node: ET.Element) -> dict[str, Any]:
    fields, values = _members(node)
    return {**fields, **values}

"""Findings as lines: text, JSON, and the EVE JSON of Suricata."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fsm.engine.levels import Fault, Verdict
from protocol.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.engine.finding import Finding

__all__ = ["FORMATS", "eve_line", "json_line", "text_line"]

_SEVERITY = {Verdict.FAIL: 1, Verdict.WARN: 2, Verdict.INFO: 3}
#: Signature ids of rules: within a range that no public rule set uses.
_FIRST_ID, _IDS = 1_900_000_000, 90_000_000


def _moment(finding: Finding, begin: float) -> datetime:
    try:
        return datetime.fromtimestamp(begin + finding.time, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def text_line(finding: Finding, begin: float, hosts: tuple[str, str]) -> str:
    """Return a finding as one line for people."""
    when = _moment(finding, begin).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fault = f", {finding.fault.value}'s fault" if finding.fault else ""
    where = f"{hosts[0]} → {hosts[1]}, session {finding.session}, frame {finding.frame}"
    return printable(f"{when} {finding.verdict.value.upper()} {finding.rule}: {finding.summary}{fault} ({where})")


def json_line(finding: Finding, begin: float, hosts: tuple[str, str]) -> str:
    """Return a finding as `check --format jsonl` writes it, with its time and the hosts."""
    when = _moment(finding, begin).isoformat(timespec="microseconds")
    about = {"type": "finding", "timestamp": when, "client": hosts[0], "server": hosts[1]}
    return json.dumps({**about, **finding.as_dict()})


def eve_line(finding: Finding, begin: float, hosts: tuple[str, str]) -> str:
    """Return a finding as an alert of EVE JSON; the source is the side at fault."""
    client, server = hosts
    source, target = (server, client) if finding.fault is Fault.SERVER else (client, server)
    found: dict[str, Any] = {
        # Suricata writes the offset without a colon.
        "timestamp": _moment(finding, begin).strftime("%Y-%m-%dT%H:%M:%S.%f%z"),
        "event_type": "alert",
        "src_ip": source,
        "dest_ip": target,
        "proto": "TCP",
        "app_proto": "mstrp",
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": _FIRST_ID + zlib.crc32(finding.rule.encode()) % _IDS,
            "rev": 1,
            "signature": f"MS-TRP {finding.rule}: {finding.summary}",
            "category": f"MS-TRP {finding.section}" if finding.section else "MS-TRP",
            "severity": _SEVERITY.get(finding.verdict, 3),
        },
        "mstrp": finding.as_dict(),
    }
    return json.dumps(found)


#: Formats by name.
FORMATS: dict[str, Callable[[Finding, float, tuple[str, str]], str]] = {
    "text": text_line,
    "jsonl": json_line,
    "eve": eve_line,
}

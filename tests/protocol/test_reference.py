"""The reference pages of the docs, compared with the facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from oracle import FACTS

_DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, list[list[str]]]]:
    """Return the content of each target: its text and the cells of its tables."""
    folder = tmp_path_factory.mktemp("generated")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(_DOCS))
        from reference import write_reference

        write_reference(folder)
    found = {}
    for page in folder.glob("*.md"):
        for part in page.read_text(encoding="utf-8").split("\n(")[1:]:
            target, _, text = part.partition(")=\n")
            rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
            found[target] = (text, [[cell.strip() for cell in row] for row in rows])
    return found


def _layout(rows: list[list[str]]) -> list[list[Any]]:
    return [[int(row[0]), row[1]] for row in rows if row[0].isdecimal()]


def _has(part: tuple[str, list[list[str]]], section: str) -> bool:
    return f"(MS-TRP {section})" in part[0]


def test_the_pages_list_every_packet(parts: dict[str, Any]) -> None:
    """Requests, events and completions with number, section, and each field at its offset."""
    for name, fact in FACTS["requests"].items():
        part = parts[f"request-{name.lower()}"]
        assert _has(part, fact["section"])
        assert f"Req_Func {fact['number']}, {fact['mode']}hronous" in part[0]
        assert _layout(part[1]) == [[0, "Req_Func"], *([offset, field] for field, offset, *_ in fact["fields"])]
        assert all(code in part[0] for code in fact["returns"].split())
    for family in ("events", "completions"):
        for name, fact in FACTS[family].items():
            part = parts[f"{family[:-1]}-{name.lower()}"]
            assert _has(part, fact["section"])
            rows = [[offset, field] for field, offset, *_ in fact["fields"]]
            rows += [[fact["size"], fact["variable"].split()[0]]] if fact["variable"] else []
            assert _layout(part[1]) == rows


def test_the_pages_list_every_structure_and_table(parts: dict[str, Any]) -> None:
    """Structures with sizes and members, including union bodies; tables with each name and value."""
    for name, fact in FACTS["structures"].items():
        part = parts[f"structure-{name.lower()}"]
        assert _has(part, fact["section"])
        assert f"Fixed part {', '.join(map(str, fact['sizes']))} bytes" in part[0]
        rows = [[offset, member] for member, offset, *_ in fact["members"]]
        bodies = [[offset, member] for arm in fact.get("arms", {}).values() for member, offset, *_ in arm]
        assert _layout(part[1]) == [*rows, *([[28, "body"]] if bodies else []), *bodies]
    for name, fact in FACTS["constants"].items():
        part = parts[f"table-{name.lower()}"]
        assert _has(part, fact["section"])
        values = {row[1]: int(row[0], 16) for row in part[1] if row[0].startswith("0x")}
        assert values == fact["members"]


def test_the_pages_have_nothing_else(parts: dict[str, Any]) -> None:
    """Each declaration appears once, and nothing else does."""
    assert len(parts) == 132 + 32 + 26 + 50 + 80


def test_links_lead_somewhere(parts: dict[str, Any]) -> None:
    """Every link between the pages has a target."""
    for text, _ in parts.values():
        assert {link.partition(")")[0] for link in text.split("](#")[1:]} <= parts.keys()

"""The declarations compared with the facts of the specification in ``facts.json``, an independent transcription."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import declared
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.event import COMPLETIONS, EVENTS
from protocol.fields import HandleType
from protocol.packet import REQUESTS
from protocol.structure import STRUCTURES
from protocol.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

FACTS: dict[str, Any] = json.loads(Path(__file__).with_name("facts.json").read_text(encoding="utf-8"))
FAMILIES = tuple(FACTS)
DECISIONS = Path(__file__).parents[2] / "docs" / "decisions.md"
_ABSENT = object()
_few = settings(max_examples=max(12, settings().max_examples // 3))

#: Deviations of declarations from the specification: the declared value and the id of the decision.
DECIDED = {
    ("requests", "line.GatherDigits", "printed"): (60, 64, "A1"),
    ("requests", "phone.GetStatus", "printed"): (60, 64, "A1"),
    ("requests", "generic.RSPSetEventFilterMasks", "printed"): (60, 56, "A1"),
    ("events", "LINE_AGENTSESSIONSTATUS", "fields", 8, 2): (
        "LINEAGENTSESSIONSTATE_Constants one-or-zero",
        "LINEAGENTSESSIONSTATUS_Constants one-or-zero",
        "E10",
    ),
    ("completions", "line.GetQueueInfo", "fields", 10): (None, ["VarData", 40, "LINEQUEUEINFO"], "A8"),
    **{
        ("constants", f"{table}_Constants", part, f"{table}_{name}"): (found, None, "F17")
        for table, name, *facts in (
            ("LINEDEVSTATE", "TRANSLATECHANGE", 0x00400000, "1.4"),
            ("LINEDEVCAPFLAGS", "MSP", 0x00000200, "3.0"),
        )
        for part, found in zip(("members", "since"), facts, strict=True)
    },
    ("structures", "FLOWSPEC", "members", 8): (["ProviderData", 32, 0, "", "bytes"], None, "P4"),
}


def differences(said: Any, fact: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """Return the differences between two trees, with both values."""
    if isinstance(said, dict) and isinstance(fact, dict):
        for key in (*said, *(key for key in fact if key not in said)):
            yield from differences(said.get(key, _ABSENT), fact.get(key, _ABSENT), (*path, key))
    elif isinstance(said, (list, tuple)) and isinstance(fact, (list, tuple)):
        for place in range(max(len(said), len(fact))):
            here, there = (tree[place] if place < len(tree) else _ABSENT for tree in (said, fact))
            yield from differences(here, there, (*path, place))
    elif said != fact or type(said) is not type(fact):
        yield path, None if said is _ABSENT else said, None if fact is _ABSENT else fact


def _family(family: str) -> Any:
    return getattr(declared, family)()


def _undecided(family: str, said: Any, fact: Any) -> list[Any]:
    """Return the differences that no decision explains, and the decisions that explain no difference."""
    found = {path: (here, there) for path, here, there in differences(said, fact, (family,))}
    decided = {path: (here, there) for path, (here, there, _) in DECIDED.items() if path[0] == family}
    return [
        item for item in (*found.items(), *decided.items()) if item not in found.items() or item not in decided.items()
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_declarations_say_what_the_facts_say(family: str) -> None:
    """Numbers, names, sections, fields, offsets, sizes, kinds and values agree, except for documented decisions."""
    assert _undecided(family, _family(family), FACTS[family]) == []


@pytest.mark.parametrize(("path", "decision"), [(path, entry[2]) for path, entry in DECIDED.items()])
def test_a_departure_is_a_written_decision(path: tuple[Any, ...], decision: str) -> None:
    """Every deviation of a declaration from the specification is mentioned in its decision."""
    lines = [line for line in DECISIONS.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {decision} |")]
    assert len(lines) == 1
    assert path[1].split(".")[-1] in lines[0]


def test_everything_is_declared_once() -> None:
    """The numbers of packets, structures, tables and values are those of the specification plus two values (F17)."""
    assert Counter(kind.device for kind in REQUESTS.values()) == {"line": 89, "phone": 28, "mmc": 12, "generic": 3}
    assert Counter(kind.device for kind in EVENTS.values()) == {"line": 25, "phone": 7}
    assert Counter(kind.device for kind in COMPLETIONS.values()) == {"line": 25, "phone": 1}
    assert len(STRUCTURES) == 50
    inside = [table for table in TABLES.values() if not table.section.startswith(("2.2.3.", "2.2.1."))]
    assert (len(TABLES) - len(inside), len(inside)) == (72, 8)
    assert sum(len(table.__members__) for table in TABLES.values()) == 819 + 2


_LAYOUTS = {
    "requests": [kind.layout for kind in REQUESTS.values()],
    "events": [kind.layout for kind in EVENTS.values()],
    "completions": [kind.layout for kind in COMPLETIONS.values()],
    "structures": [kind.layout for kind in STRUCTURES.values()],
}


@pytest.mark.parametrize("family", _LAYOUTS)
def test_no_word_is_declared_twice(family: str) -> None:
    """In a layout, every DWORD belongs to one field, and every specification name to one DWORD."""
    for layout in _LAYOUTS[family]:
        words = [word for field in layout.fields for word in range(field.index, field.index + field.width)]
        assert words == sorted(set(words)), layout.name
        specs = [spec for field in layout.fields for spec in field.specs() or (field.spec,)]
        assert len(specs) == len(set(specs)), layout.name


# -- errors -----------------------------------------------------------------------------------------------------------


def _leaves(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(tree, dict) and tree:
        for key, branch in tree.items():
            yield from _leaves(branch, (*path, key))
    elif isinstance(tree, list) and tree:
        for place, branch in enumerate(tree):
            yield from _leaves(branch, (*path, place))
    else:
        yield path


_LEAVES = {family: list(_leaves(FACTS[family])) for family in FAMILIES}
_SAID = {family: json.loads(json.dumps(_family(family))) for family in FAMILIES}


def _slipped(tree: Any, path: tuple[Any, ...]) -> Any:
    """Return the tree with a different value at one place."""
    key, *rest = path
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    if rest:
        copy[key] = _slipped(copy[key], tuple(rest))
    else:
        copy[key] = copy[key] + 1 if isinstance(copy[key], int) else f"{copy[key]}x"
    return copy


@pytest.mark.parametrize("family", FAMILIES)
@_few
@given(data=st.data())
def test_error_in_the_facts_is_detected(family: str, data: st.DataObject) -> None:
    """Changing any value of the facts causes a difference at that place."""
    path = data.draw(st.sampled_from(_LEAVES[family]))
    found = _undecided(family, _SAID[family], _slipped(FACTS[family], path))
    assert found
    # A change inside a part covered by a decision is reported for the whole part.
    assert {where[1:] for where, _ in found} & {path[:size] for size in range(len(path) + 1)}


_OTHER_TYPES = {kind: next(other for other in HandleType if other is not kind) for kind in HandleType}
_OTHER_TABLE = TABLES["LINEFORWARDMODE_Constants"]
_OTHER_STRUCTURE = STRUCTURES["LINETERMCAPS"]

#: The change applied to each attribute of a field.
_SLIPS: dict[str, Any] = {
    "spec": lambda spec: f"{spec}s",
    "index": lambda index: index + 1,
    "since": lambda since: since + 1,
    "direction": lambda direction: "out" if direction == "in" else "in",
    "cardinality": lambda cardinality: "one" if cardinality != "one" else "one-or-more",
    "tables": lambda tables: {**tables, 3: _OTHER_TABLE} if isinstance(tables, dict) else (*tables, _OTHER_TABLE),
    "by": lambda by: f"{by}2",
    "length": lambda length: f"{length}2",
    "text": lambda text: not text,
    "size": lambda size: f"{size}2",
    "optional": lambda optional: "" if optional else "text",
    "count": lambda count: f"{count}2",
    "format": lambda form: f"{form}2",
    "row": lambda row: f"{row}2",
    "content": lambda content: "bytes" if content != "bytes" else "text",
    "table": lambda table: None if table is _OTHER_TABLE else _OTHER_TABLE,
    "type": lambda kind: _OTHER_TYPES.get(kind, _OTHER_STRUCTURE),
    "entry": lambda kind: None if kind is _OTHER_STRUCTURE else _OTHER_STRUCTURE,
}
#: The attributes that the facts of each family contain.
_TOLD = {
    "requests": {"spec", "index", "direction", "cardinality", "tables", "size", "optional", "type"},
    "events": {"spec", "index", "cardinality", "tables", "by", "type", "text"},
    "completions": {"spec", "index", "cardinality", "tables", "type", "entry", "length"},
    "structures": {
        "spec",
        "index",
        "since",
        "cardinality",
        "tables",
        "count",
        "format",
        "row",
        "content",
        "table",
        "type",
    },
}


def _slips(family: str) -> list[tuple[Any, str]]:
    """Yield every field of a family with every attribute that can be changed."""
    found = []
    for layout in _LAYOUTS[family]:
        for field in layout.fields:
            for name in _TOLD[family] & (set(vars(field)) | {"index"}):
                if name == "type" and field.type is None:
                    continue
                # The data after the fixed part has no other position, and exists in all versions.
                if name in ("index", "since") and not field.width:
                    continue
                # The body of a union has no name; the facts do not contain whether a handle may be 0.
                if (name, field.kind) in (("spec", "union"), ("optional", "handle")):
                    continue
                found.append((field, name))
    return found


@pytest.mark.parametrize("family", _LAYOUTS)
@_few
@given(data=st.data())
def test_error_in_a_field_declaration_is_detected(family: str, data: st.DataObject) -> None:
    """Changing any attribute of a declared field causes a difference."""
    field, name = data.draw(st.sampled_from(_slips(family)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(field, name, _SLIPS[name](getattr(field, name)))
        assert _undecided(family, _family(family), FACTS[family]), (field.owner.name, field.spec, name)


_ATTRIBUTES = {
    "requests": (
        REQUESTS,
        {"req_func": 999, "device": "other", "completion": "both", "required_privilege": "x", "returns": ()},
    ),
    "events": (EVENTS, {"device": "other", "fixed": 44}),
    "completions": (COMPLETIONS, {"msg": 99, "fixed": 36}),
    "structures": (STRUCTURES, {"lengths": (1,)}),
    "constants": (TABLES, {"section": "0", "kind": "other"}),
}


@pytest.mark.parametrize("family", FAMILIES)
@_few
@given(data=st.data())
def test_error_in_a_packet_or_table_is_detected(family: str, data: st.DataObject) -> None:
    """Changing any attribute of a declared packet, structure or table causes a difference."""
    registry, attributes = _ATTRIBUTES[family]
    kind = data.draw(st.sampled_from(list(registry.values())))
    name = data.draw(st.sampled_from(list(attributes)))
    with pytest.MonkeyPatch.context() as patch:
        if getattr(kind, name) != attributes[name]:
            patch.setattr(kind, name, attributes[name])
            assert _undecided(family, _family(family), FACTS[family])
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(kind, "layout"):
            patch.setattr(kind.layout, "section", "2.2.4.1.99")
            assert _undecided(family, _family(family), FACTS[family])


@pytest.mark.parametrize("family", FAMILIES)
@_few
@given(data=st.data())
def test_missing_declaration_is_detected(family: str, data: st.DataObject) -> None:
    """Removing a packet, a structure or a table causes a difference."""
    registry = _ATTRIBUTES[family][0]
    key = data.draw(st.sampled_from(list(registry)))
    before = dict(registry)
    del registry[key]
    try:
        assert _undecided(family, _family(family), FACTS[family])
    finally:
        # Insert everything again to preserve the order.
        registry.clear()
        registry.update(before)

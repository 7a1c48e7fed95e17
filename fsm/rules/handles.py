"""The handles in a request: where they are, when they are significant, and the rule that they must be open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocol.constants import LINECALLSELECT, TUISPIDLL_OBJECT
from protocol.fields import Handle, HandleType

if TYPE_CHECKING:
    from protocol.packet import Request

__all__ = ["HandleUse", "When", "handles_of"]


@dataclass(eq=False)
class When:
    """A field that determines whether a handle is significant: only for the given values, or for all others."""

    word: int
    values: frozenset[int]
    wanted: bool


@dataclass(eq=False)
class HandleUse:
    """A handle in a request."""

    word: int
    spec: str
    type: HandleType
    #: The rule that the handle must be open; empty if the specification has none.
    rule: str
    optional: bool
    when: When | None

    def counts(self, words: tuple[int, ...]) -> bool:
        """Return whether the handle must be open in a request with these DWORDs."""
        if self.when is not None and (words[self.when.word] in self.when.values) is not self.when.wanted:
            return False
        return not self.optional or words[self.word] != 0


#: Handles that are significant only in some cases: (request, field) -> (deciding field, values, whether included).
_COUNTS: dict[tuple[str, str], tuple[str, frozenset[int], bool]] = {
    ("GetID", "hCall"): ("dwSelect", frozenset({LINECALLSELECT.CALL}), True),
    ("GetID", "hLine"): ("dwSelect", frozenset({LINECALLSELECT.CALL}), False),
    ("SetMediaControl", "hCall"): ("dwSelect", frozenset({LINECALLSELECT.CALL}), True),
    ("SetMediaControl", "hLine"): ("dwSelect", frozenset({LINECALLSELECT.CALL}), False),
    ("SetTerminal", "hCall"): ("dwSelect", frozenset({LINECALLSELECT.CALL}), True),
    ("SetTerminal", "hLine"): ("dwSelect", frozenset({LINECALLSELECT.CALL}), False),
    ("SetUpConference", "hLine"): ("hCall", frozenset({0}), True),
    ("DevSpecific", "hLine"): ("hCall", frozenset({0}), True),
}
#: Handles in fields that contain one only in some cases: (field, kind, its rule, (deciding field, values)).
_HIDDEN: dict[str, tuple[tuple[str, HandleType, str, tuple[str, frozenset[int]]], ...]] = {
    "TUISPIDLLCallback": (
        (
            "dwObjectID",
            HandleType.DIALOGINSTANCE,
            "exists",
            ("dwObjectType", frozenset({TUISPIDLL_OBJECT.DIALOGINSTANCE})),
        ),
    )
}


def handles_of(request: type[Request]) -> tuple[HandleUse, ...]:
    """Return the handles in a request, in the order of its fields."""
    layout = request.layout
    found = []
    for field in layout.fields:
        if isinstance(field, Handle) and field.direction != "out":
            counts = _COUNTS.get((request.__name__, field.spec)) if request.device == "line" else None
            when = None if counts is None else When(layout.index(counts[0]), counts[1], counts[2])
            found.append(HandleUse(field.index, field.spec, field.type, field.rule("live"), field.optional, when))
    for spec, type_, rule, (word, decisive) in _HIDDEN.get(request.__name__, ()):
        hidden: Any = layout.by_spec[spec]
        when = When(layout.index(word), decisive, True)
        found.append(HandleUse(hidden.index, spec, type_, hidden.rule(rule), False, when))
    return tuple(found)

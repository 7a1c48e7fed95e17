"""Conversations as programs: what a tester did, step by step, so that it can be done again, made smaller and shown.

A `Program` is data. Handles that came from the server have names in it (``4.line``: the field ``line`` that step 4
brought), so the same program runs against any server.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from protocol.packet import decode_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from protocol.packet import Request

__all__ = ["Action", "Program", "Verb"]


class Verb(StrEnum):
    """What a step does."""

    ATTACH = "attach"
    ASK = "ask"
    #: A request under a context handle that is not live.
    STRAY = "stray"
    REPLY = "reply"
    CALL = "call"
    STATE = "state"
    #: A call is still in one of the states when nothing is pending.
    REMAINS = "remains"
    #: A request was refused, or has failed.
    REFUSED = "refused"
    EVENT = "event"
    #: GetCallStatus has to say what LINE_CALLSTATE said last.
    CHECK = "check"
    QUIET = "quiet"
    DETACH = "detach"
    LOSE = "lose"
    #: Of a client under test: what it sent, and what it was told.
    DOES = "does"
    TELLS = "tells"


#: The steps that put a packet on the wire.
_SENT = frozenset({Verb.ATTACH, Verb.ASK, Verb.STRAY, Verb.CHECK, Verb.DETACH, Verb.DOES, Verb.TELLS})


@dataclass(frozen=True, slots=True)
class Action:
    """One step of a program."""

    number: int
    verb: Verb
    client: str = "a"
    #: attach: how events travel (push, pull, management); lose: nothing; stray: "unknown" or "detached".
    how: str = ""
    #: ask: the request with its name, its bytes and lNeededSize.
    packet: str = ""
    data: bytes = b""
    capacity: int = 0
    #: Words of the request that hold handles of this conversation, by their names.
    refs: tuple[tuple[int, str], ...] = ()
    #: What a wait is about: the name of a handle, or the step whose completion is waited for.
    about: str = ""
    #: States of a call, or names of events.
    wanted: tuple[str, ...] = ()
    #: ask: nothing is wrong with the request, so that some refusals are untrue.
    legal: bool = False
    #: state, event: the requirement that is in doubt when what is waited for does not come, and the steps that promise it.
    promised: str = ""
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> set[int]:
        """The steps that brought what this one names."""
        names = [name for _, name in self.refs] + [name for name in (self.about, *self.after) if name]
        return {int(name.partition(".")[0]) for name in names}

    def request(self) -> Request:
        """The request as it was recorded, with the handles of that time."""
        return decode_request(self.data, self.capacity)


@dataclass(slots=True)
class Program:
    """What one or more clients do, in order."""

    actions: list[Action] = field(default_factory=list)

    def __iter__(self) -> Iterator[Action]:
        return iter(self.actions)

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def packets(self) -> int:
        """How many packets the clients send."""
        return sum(action.verb in _SENT for action in self.actions)

    @property
    def performable(self) -> bool:
        """Whether a tester can perform it: what a client under test did can only be looked at."""
        return bool(self.actions) and not any(action.verb in {Verb.DOES, Verb.TELLS} for action in self.actions)

    def without(self, numbers: Iterable[int]) -> Program:
        """The program without some steps, and without those that need them."""
        gone = set(numbers)
        kept = []
        attached: set[str] = set()
        for action in self.actions:
            if action.number in gone or action.needs & gone:
                gone.add(action.number)
                continue
            if action.verb is Verb.ATTACH:
                attached.add(action.client)
            elif action.client not in attached and action.verb is not Verb.QUIET:
                gone.add(action.number)
                continue
            kept.append(action)
        return Program(kept)

    def only(self, numbers: set[int]) -> Program:
        """The steps of these numbers and what they need, directly or not."""
        by_number = {action.number: action for action in self.actions}
        wanted: set[int] = set()
        waiting = set(numbers)
        while waiting:
            action = by_number[waiting.pop()]
            wanted.add(action.number)
            waiting |= (action.needs & by_number.keys()) - wanted
        clients = {by_number[number].client for number in wanted}
        wanted |= {action.number for action in self.actions if action.verb is Verb.ATTACH and action.client in clients}
        return Program([action for action in self.actions if action.number in wanted])

    # -- as JSON --------------------------------------------------------------------------------------------------

    def to_json(self) -> list[dict[str, Any]]:
        """The steps as plain objects; what is not said is left out."""
        found = []
        for action in self.actions:
            given = {name: value for name, value in asdict(action).items() if value}
            given["number"], given["client"] = action.number, action.client
            given["verb"] = action.verb.value
            if action.data:
                given["data"] = action.data.hex()
            if action.refs:
                given["refs"] = {str(word): name for word, name in action.refs}
            found.append(given)
        return found

    @classmethod
    def from_json(cls, steps: Any) -> Program:
        """Read what `to_json` wrote; raises `ValueError` with the step that is wrong."""
        known = {each.name for each in fields(Action)}
        actions = []
        if not isinstance(steps, list):
            raise ValueError(  # noqa: TRY004 - what a file says is no matter of types
                f"a list of steps is expected, not {type(steps).__name__}"
            )
        for place, step in enumerate(steps):
            try:
                given = dict(step)
                if unknown := set(given) - known:
                    raise ValueError(f"{', '.join(sorted(unknown))}: no such field")  # noqa: TRY301 - the step is added below
                given["number"] = int(given["number"])
                given["verb"] = Verb(given["verb"])
                given["data"] = bytes.fromhex(given.get("data", ""))
                given["refs"] = tuple((int(word), str(name)) for word, name in dict(given.get("refs", {})).items())
                for name in ("wanted", "after"):
                    given[name] = tuple(map(str, given.get(name, ())))
                action = Action(**given)
                action.needs  # noqa: B018 - raises where a name is none
                actions.append(action)
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"step {place + 1}: {error}") from error
        return cls(actions)

"""The tester's end: performs the steps of a program against a live server, and remembers them.

What is done through a probe is recorded as a `Program`. A monitor watches every client; what it finds, and what the
probe itself expects of a server that keeps its word, are the `complaints`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from mstrp.conform.asked import Asked, Missing, Unreachable, label
from mstrp.conform.performer import Performer
from mstrp.conform.program import Action, Verb
from protocol.constants import LINECALLSTATE, OBJTYPE, TUISPIDLL_OBJECT
from protocol.fields import Handle, HandleType
from protocol.generic import RSPSetEventFilterMasks
from protocol.mmc import TUISPIDLLCallback

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mstrp.live.client import TapiClient
    from protocol.packet import Request

__all__ = ["OBJECTS", "Asked", "Missing", "Probe", "Unreachable", "label"]

#: What lObjectID of RSPSetEventFilterMasks names, by ulObjectType.
OBJECTS = {
    int(OBJTYPE.HLINEAPP): HandleType.HLINEAPP,
    int(OBJTYPE.HLINE): HandleType.HLINE,
    int(OBJTYPE.HCALL): HandleType.HCALL,
    int(OBJTYPE.HPHONEAPP): HandleType.HPHONEAPP,
    int(OBJTYPE.HPHONE): HandleType.HPHONE,
}


class Probe(Performer):
    """Clients of one conversation with a server; ``async with`` ends them."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # -- what a tester says ---------------------------------------------------------------------------------------

    async def attach(self, client: str = "a", how: str = "") -> TapiClient:
        """A client attaches: "push", "pull" or "management"; as the target says without."""
        how = how or str(self.target.options.get("events", "push"))
        await self._do(Verb.ATTACH, client, how=how)
        return self.seats[client].client

    async def ask(self, client: str, packet: Request, *, legal: bool = False) -> Asked:
        """Send a request; with ``legal`` some refusals are untrue, and a failure of the server's."""
        found = await self._do(
            Verb.ASK,
            client,
            packet=f"{packet.device}.{packet.layout.name}",
            data=packet.encode(),
            capacity=packet.capacity,
            refs=self._refs(client, packet),
            legal=legal,
        )
        assert isinstance(found, Asked)
        return found

    async def stray(self, client: str, packet: Request, how: str = "unknown") -> Asked:
        """Send a request under a context handle that is not live ("unknown", "detached"), or in a stub that is "damaged"."""
        found = await self._do(
            Verb.STRAY, client, how=how, packet=packet.layout.name, data=packet.encode(), capacity=packet.capacity
        )
        assert isinstance(found, Asked)
        return found

    async def reply(self, client: str, asked: Asked) -> Any:
        """The completion of a request that was accepted; raises `Missing` when none comes."""
        return await self._do(Verb.REPLY, client, about=f"{asked.number}.reply", legal=self._legal(asked))

    async def call(self, client: str, line: int) -> int:
        """The handle of the next call that comes to a line; raises `Missing`."""
        found: int = await self._do(Verb.CALL, client, about=self._named(client, HandleType.HLINE, line))
        return found

    async def state(
        self, client: str, call: int, *wanted: LINECALLSTATE, promised: str = "", after: Iterable[Asked] = ()
    ) -> int:
        """Wait until a call is in one of the states; raises `Missing`.

        With ``promised``, a requirement, it is odd when that does not happen although all of ``after`` have succeeded.
        """
        names = tuple(state.name or "" for state in wanted)
        about = self._named(client, HandleType.HCALL, call)
        steps = tuple(f"{asked.number}.reply" for asked in after)
        found: int = await self._do(Verb.STATE, client, about=about, wanted=names, promised=promised, after=steps)
        return found

    async def event(self, client: str, *names: str, promised: str = "", after: Iterable[Asked] = ()) -> Any:
        """Wait for an event by name; raises `Missing`. ``promised`` and ``after`` as in `state`."""
        steps = tuple(f"{asked.number}.reply" for asked in after)
        return await self._do(Verb.EVENT, client, wanted=names, promised=promised, after=steps)

    async def check(self, client: str, call: int) -> Asked:
        """GetCallStatus has to say what LINE_CALLSTATE said last."""
        found = await self._do(Verb.CHECK, client, about=self._named(client, HandleType.HCALL, call))
        assert isinstance(found, Asked)
        return found

    async def quiet(self) -> None:
        """Wait until nothing is under way; from then on nothing old is excused any more."""
        await self._do(Verb.QUIET, "")

    async def lull(self) -> None:
        """The same, and then wait as long for what comes too late."""
        await self.quiet()
        await self.quiet()

    async def detach(self, client: str) -> None:
        """End a client as it should be ended."""
        await self._do(Verb.DETACH, client)

    async def lose(self, client: str) -> None:
        """End the connection of a client without a word."""
        await self._do(Verb.LOSE, client)

    def state_of(self, client: str, call: int) -> int:
        """What LINE_CALLSTATE said last of a call, 0 for nothing."""
        states = self.seats[client].states.get(call)
        return states[-1] if states else 0

    def live_calls(self, client: str) -> list[int]:
        """The calls of a client that have a name here and are not over, the oldest first."""
        calls = self.seats[client].client.conversation.calls
        return [call for call in calls if (client, HandleType.HCALL, call) in self._names]

    # -- names ----------------------------------------------------------------------------------------------------

    def _named(self, client: str, kind: HandleType, value: int) -> str:
        name = self._names.get((client, kind, value))
        if name is None:
            raise Missing(f"{kind.value} {value:#x} is no handle of this conversation")
        return name

    def _refs(self, client: str, packet: Request) -> tuple[tuple[int, str], ...]:
        """The handles of this conversation that a request names; also those of another client that this one has not."""
        found = []
        words = packet.words
        for field in packet.layout.fields:
            if isinstance(field, Handle) and field.direction != "out":
                found.append((field.index, field.type))
        if isinstance(packet, RSPSetEventFilterMasks) and packet.obj_type in OBJECTS:
            found.append((packet.layout.index("lObjectID"), OBJECTS[packet.obj_type]))
        if isinstance(packet, TUISPIDLLCallback) and packet.object_type == TUISPIDLL_OBJECT.DIALOGINSTANCE:
            found.append((packet.layout.index("dwObjectID"), HandleType.DIALOGINSTANCE))
        owners = [client, *(other for other in self.seats if other != client)]
        named = []
        for word, kind in found:
            names = (self._names.get((owner, kind, words[word])) for owner in owners)
            name = next((name for name in names if name is not None), None)
            if name is not None:
                named.append((word, name))
        return tuple(named)

    def _legal(self, asked: Asked) -> bool:
        return any(action.number == asked.number and action.legal for action in self.program)

    async def _do(self, verb: Verb, client: str, **given: Any) -> Any:
        action = Action(self._next, verb, client, **given)
        return await self.perform(action)

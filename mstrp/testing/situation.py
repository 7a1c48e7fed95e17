"""A situation in which any request can be made: a session with lines, phones and calls, and packets that are right in it.

The values of a request come from what its declaration says of each field; the handles are those of the session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from fsm.tables.call_requests import PRECONDITIONS
from fsm.tables.call_states import CallState
from mstrp.generate.play import Play
from mstrp.testing.variants import with_word
from protocol import mmc, phone
from protocol.constants import LINECALLSTATE, LINEMEDIAMODE, OBJTYPE, PHONEPRIVILEGE, TUISPIDLL_OBJECT
from protocol.fields import Block, Buffer, Flag, GuidAt, Handle, HandleType, Inner, Items, Number, Size, Text
from protocol.generic import GetAsyncEvents, RSPSetEventFilterMasks
from protocol.structures import (
    DEVICEINFO,
    DEVICEINFOLIST,
    LINECALLHUBTRACKINGINFO,
    LINEFORWARD,
    LINEFORWARDLIST,
    LINEPROVIDERENTRY,
    LINEPROVIDERLIST,
)

if TYPE_CHECKING:
    from mstrp.generate.play import Asked, Role, Script
    from protocol.packet import Request
    from protocol.record import Field

__all__ = ["AGENT", "MODES", "PROVIDER", "Situation", "legal_number"]

#: An agent, and the permanent id of the provider and the device that the session has seen.
AGENT, SESSION, PROVIDER, DEVICE = 0x71, 0x72, 0x11, 0x21
_VOICE = int(LINEMEDIAMODE.INTERACTIVEVOICE)
#: States that need a mode of their own, beside CONFERENCED, whose mode is the parent.
MODES = dict.fromkeys(
    (
        CallState.OFFERING,
        CallState.DIALTONE,
        CallState.BUSY,
        CallState.SPECIALINFO,
        CallState.CONNECTED,
        CallState.DISCONNECTED,
    ),
    1,
)


def legal_number(field: Flag) -> int:
    """A legal value of a number out of constant tables: the first."""
    check = next((check for check in field.checks if check.name == "legal"), None)
    if field.choices:
        return min(number for number in field.choices if number) if any(field.choices) else 0
    candidates = [1 << bit for bit in range(32) if field.bits >> bit & 1]
    for candidate in candidates:
        if check is None or not check._fault(candidate):  # type: ignore[attr-defined]  # noqa: SLF001
            return candidate
    return 0


class Situation:
    """A client whose session has everything that a request may name.

    ``request`` is what will be asked: its calls are brought into the states that its packet text wants. ``owner`` is
    the privilege on the phone.
    """

    def __init__(self, request: type[Request] | None = None, *, owner: bool = True, version: int = 0x00030001) -> None:
        self.play = Play()
        #: How many devices and addresses there are, and the id of a provider.
        self.line_count, self.phone_count, self.address_count = 2, 1, 1
        self.provider = PROVIDER
        model = "pull" if request is GetAsyncEvents else "push"
        self.role: Role = self.play.client(lines=2, phones=1, version=version, model=model)
        self.script: Script = self.play.script(self.role)
        self.phone = self.role.phone.handle if self.role.phone is not None else 0
        if not owner:
            self.phone = self._monitored()
        self.calls: dict[str, int] = {}
        self.dialog = 0
        #: The calls that completions brought.
        self.brought: list[int] = []
        if request is not None:
            self._provide(request)

    # -- what is there --------------------------------------------------------------------------------------------

    @property
    def line(self) -> int:
        """The first line."""
        return self.role.lines[0].handle

    def _monitored(self) -> int:
        """The phone, opened once more as monitor."""
        handle = self.play.handle()
        asked = phone.Open(
            phone_app=self.role.phone_app,
            negotiated_version=self.role.version,
            open_context=0xA77,
            privilege=int(PHONEPRIVILEGE.MONITOR),
            remote_phone=0x977,
        )
        self.script.ask(asked, phone=handle)
        return handle

    def _provide(self, request: type[Request]) -> None:
        for field in request.layout.fields:
            if isinstance(field, Handle) and field.type is HandleType.HCALL and field.direction == "in":
                self.calls[field.spec] = self.call(request, field.spec)
        specs = request.layout.by_spec
        if "dwProviderID" in specs or "dwObjectID" in specs:
            self.know_providers()
        incoming = {
            field.type for field in request.layout.fields if isinstance(field, Handle) and field.direction == "in"
        }
        if HandleType.DIALOGINSTANCE in incoming:
            self.dialog = self.play.handle()
            asked = mmc.GetUIDllName(object_id=PROVIDER, object_type=int(TUISPIDLL_OBJECT.PROVIDERID))
            self.script.ask(asked, dlg_inst=self.dialog)

    def know_providers(self) -> None:
        """Let the server list its providers and line devices."""
        listed = LINEPROVIDERLIST(provider_list=(LINEPROVIDERENTRY(permanent_provider_id=PROVIDER),))
        self.script.ask(mmc.GetProviderList(api_version=self.role.version, provider_list=1024), provider_list=listed)
        devices = DEVICEINFOLIST(device_info=(DEVICEINFO(permanent_device_id=DEVICE, provider_id=PROVIDER),))
        self.script.ask(mmc.GetLineInfo(line_app=self.role.app, device_info_list=1024), device_info_list=devices)

    def call(self, request: type[Request], spec: str) -> int:
        """A call in the first state in which the request may be made on it."""
        condition = PRECONDITIONS.get((request.__name__, spec))
        state = (
            CallState.OFFERING if condition is None or CallState.OFFERING in condition.states else condition.states[0]
        )
        return self.call_in(state)

    def call_in(self, state: CallState) -> int:
        """A call of the first line in a state."""
        script = self.script
        if state is CallState.CONFERENCED:
            parent = script.offer(state=LINECALLSTATE.CONNECTED, mode=1)
            call = script.offer(state=LINECALLSTATE.CONNECTED, mode=1)
            script.state(call, LINECALLSTATE.CONFERENCED, parent)
            return call
        return script.offer(state=LINECALLSTATE[state.name], mode=MODES.get(state, 0))

    # -- what is asked --------------------------------------------------------------------------------------------

    def packet(self, request: type[Request], enabling: Field | None = None, **given: Any) -> Any:
        """A request in which everything is right; ``enabling`` is a field that has to mean something in it."""
        values: dict[str, Any] = {}
        for field in request.layout.fields:
            value = self._value(request, field)
            if value is not None:
                values[field.name] = value
        values.update(_TOGETHER.get((request.device, request.__name__), {}))
        if enabling is not None and enabling.only is not None:
            spec, mask = enabling.only
            self._enable(values, request.layout.by_spec[spec], mask)
        return request(**{**values, **given})

    @staticmethod
    def _enable(values: dict[str, Any], field: Any, mask: int) -> None:
        number = int(values.get(field.name) or 0)
        if not number & mask:
            lowest = mask & -mask
            single = getattr(field, "cardinality", "") in ("one", "one-or-zero")
            values[field.name] = lowest if single else number | lowest

    def _value(self, request: type[Request], field: Any) -> Any:
        """A legal value for a field; None where its default will do."""
        if getattr(field, "direction", "in") == "out":
            return 1024 if getattr(field, "role", "") == "capacity" else None
        if isinstance(field, Handle):
            return self._handle(field)
        if isinstance(field, Flag):
            return legal_number(field)
        if isinstance(field, Buffer):
            return 1024
        if isinstance(field, Size):
            return None
        if isinstance(field, Number):
            return self._number(request, field)
        return _content(field)

    def _handle(self, field: Handle) -> int:
        if field.type is HandleType.HCALL:
            return self.calls[field.spec]
        return {
            HandleType.HLINE: self.line,
            HandleType.HLINEAPP: self.role.app,
            HandleType.HPHONE: self.phone,
            HandleType.HPHONEAPP: self.role.phone_app,
            HandleType.HAGENT: AGENT,
            HandleType.HAGENTSESSION: SESSION,
            HandleType.DIALOGINSTANCE: self.dialog,
        }[field.type]

    def _number(self, request: type[Request], field: Number) -> int | None:
        if field.role == "version" and field.spec not in ("dwExtVersion", "dwVersion"):
            return self.role.version
        if field.spec == "dwVersion":
            return 0x00010003
        if field.role in {"limit", "capacity"}:
            return 1024
        if field.role == "context":
            return 0x50 + field.index
        if "nonzero" in field.rules:
            return 1
        known = {
            "lObjectID": self.line,
            "dwProviderID": PROVIDER,
            "dwNumLineDevices": 2,
            "dwNumPhoneDevices": 1,
            "dwObjectID": DEVICE,
        }
        return known.get(field.spec)

    def matched(self, packet: Any) -> Any:
        """The request with a handle of the type that it names (RSPSetEventFilterMasks)."""
        if not isinstance(packet, RSPSetEventFilterMasks):
            return packet
        handles = {
            OBJTYPE.HLINEAPP: self.role.app,
            OBJTYPE.HLINE: self.line,
            OBJTYPE.HCALL: self.script.offer() if packet.obj_type == OBJTYPE.HCALL else 0,
            OBJTYPE.HPHONEAPP: self.role.phone_app,
            OBJTYPE.HPHONE: self.phone,
        }
        return with_word(packet, packet.layout.index("lObjectID"), handles.get(packet.obj_type, 0))  # type: ignore[call-overload]

    # -- what comes back ------------------------------------------------------------------------------------------

    def ask(self, packet: Any, ack: int | None = None) -> Asked:
        """The request, its answer, and where it succeeds also its completion with the handles that it brings."""
        kind = type(packet)
        answers: dict[str, Any] = {}
        if ack is None and kind.completion == "sync":
            answers = {
                field.name: self.play.handle()
                for field in kind.layout.fields
                if isinstance(field, Handle) and field.direction == "out"
            }
            answers |= {"num_devs": 1} if "dwNumDevs" in kind.layout.by_spec else {}
        asked = self.send(packet, ack, **answers)
        if ack is None and kind.completion == "async":
            self.complete(asked)
        return asked

    def send(self, packet: Any, ack: int | None = None, **answers: Any) -> Asked:
        """The request and its answer alone."""
        kind = type(packet)
        asynchronous = kind.completion == "async"
        if asynchronous and not packet.request_id:
            index = kind.layout.index("dwRequestID")
            packet = with_word(packet, index, self.role.identifier())
        number = packet.words[kind.layout.index("dwRequestID")] if asynchronous else 0
        answer = kind(ack=number if ack is None else ack, **answers)
        return self.script.exchange(packet, answer)

    def complete(self, asked: Asked) -> int:
        """The reply that says the request succeeded."""
        kind = type(asked.packet)
        brings: dict[str, Any] = {}
        completion = kind.Completion
        for field in completion.layout.fields if completion is not None else ():
            if isinstance(field, Handle) and field.type is HandleType.HCALL:
                brings[field.name] = self.play.handle()
                self.brought.append(brings[field.name])
        if kind.__name__ in ("CreateAgent", "CreateAgentSession"):
            brings["data"] = AGENT.to_bytes(4, "little")
        return self.script.reply(asked, after=asked.answered, **brings)


def _content(field: Any) -> Any:
    """Something legal for a field that points at data."""
    if isinstance(field, Text):
        return "5551234"
    if isinstance(field, Block):
        return b"abcd"
    if isinstance(field, GuidAt):
        return UUID(int=5)
    if isinstance(field, Items):
        return (1,) if field.entry is None else (field.entry(),)
    if isinstance(field, Inner):
        return _STRUCTURES.get(field.type, field.type)()
    return None


_STRUCTURES: dict[Any, Any] = {
    LINEFORWARDLIST: lambda: LINEFORWARDLIST(
        forward_list=(LINEFORWARD(forward_mode=1, caller_address="1", dest_address="2"),)
    ),
    LINECALLHUBTRACKINGINFO: lambda: LINECALLHUBTRACKINGINFO(available_tracking=1, current_tracking=1),
}
#: Values that have to go together.
_TOGETHER: dict[tuple[str, str], dict[str, Any]] = {
    ("generic", "NegotiateAPIVersionForAllDevices"): {
        "line_api_versions_size": 8,
        "line_extension_ids_size": 32,
        "phone_api_versions_size": 4,
        "phone_extension_ids_size": 16,
    },
    ("generic", "RSPSetEventFilterMasks"): {"obj_type": 2},
    ("line", "Open"): {"privileges": 4, "media_modes": _VOICE},
    ("mmc", "GetUIDllName"): {"object_type": 1, "provider_filename": None},
    ("mmc", "TUISPIDLLCallback"): {"object_type": 1},
}

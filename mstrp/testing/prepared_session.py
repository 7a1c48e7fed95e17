"""A session in which any request can be sent: it has lines, phones and calls, and generates legal packets.

The value of each field is derived from its declaration; the handles are those of the session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.judge.routes import ROUTES
from fsm.tables.call_requests import PRECONDITIONS
from fsm.tables.call_states import CallState
from mstrp.generate.play import Play
from mstrp.testing.legal import Names, legal_request
from mstrp.testing.variants import with_word
from protocol import mmc, phone
from protocol.constants import LINECALLSTATE, OBJTYPE, PHONEPRIVILEGE, TUISPIDLL_OBJECT
from protocol.fields import Handle, HandleType
from protocol.generic import GetAsyncEvents, RSPSetEventFilterMasks
from protocol.structures import (
    DEVICEINFO,
    DEVICEINFOLIST,
    LINEPROVIDERENTRY,
    LINEPROVIDERLIST,
)

if TYPE_CHECKING:
    from mstrp.generate.play import Asked, Role, Script
    from protocol.packet import Request
    from protocol.record import Field

__all__ = ["AGENT", "MODES", "PROVIDER", "PreparedSession"]

#: Handles of an agent and of its session; permanent ids of the provider and the device shown in the session.
AGENT, SESSION, PROVIDER, DEVICE = 0x71, 0x72, 0x11, 0x21
#: States that require a mode. (The mode of CONFERENCED is the parent call.)
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


class PreparedSession:
    """A client session with every object that a request may refer to.

    ``request`` is the request to be sent: its calls are set to a state that its specification requires. ``owner``
    selects owner or monitor privilege on the phone.
    """

    def __init__(self, request: type[Request] | None = None, *, owner: bool = True, version: int = 0x00030001) -> None:
        self.play = Play()
        #: Numbers of devices and addresses, and the id of a provider.
        self.line_count, self.phone_count, self.address_count = 2, 1, 1
        self.provider = PROVIDER
        model = "pull" if request is GetAsyncEvents else "push"
        self.role: Role = self.play.client(lines=2, phones=1, version=version, model=model)
        self.script: Script = self.play.script(self.role)
        self.phone = self.role.phone.handle if self.role.phone is not None else 0
        #: Whether the phone is open with owner privilege.
        self.owner = owner
        if not owner:
            self.phone = self._monitored()
        self.calls: dict[str, int] = {}
        self.dialog = 0
        #: The calls that completions created.
        self.created: list[int] = []
        #: Those of them whose state was reported.
        self.reported: set[int] = set()
        if request is not None:
            self._provide(request)

    # -- objects of the session -----------------------------------------------------------------------------------

    @property
    def line(self) -> int:
        """The first line."""
        return self.role.lines[0].handle

    def _monitored(self) -> int:
        """Open the phone a second time, as monitor."""
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
            self.list_providers()
        incoming = {
            field.type for field in request.layout.fields if isinstance(field, Handle) and field.direction == "in"
        }
        if HandleType.DIALOGINSTANCE in incoming:
            self.dialog = self.play.handle()
            asked = mmc.GetUIDllName(object_id=PROVIDER, object_type=int(TUISPIDLL_OBJECT.PROVIDERID))
            self.script.ask(asked, dlg_inst=self.dialog)

    def list_providers(self) -> None:
        """Let the server list its providers and line devices."""
        listed = LINEPROVIDERLIST(provider_list=(LINEPROVIDERENTRY(permanent_provider_id=PROVIDER),))
        self.script.ask(mmc.GetProviderList(api_version=self.role.version, provider_list=1024), provider_list=listed)
        devices = DEVICEINFOLIST(device_info=(DEVICEINFO(permanent_device_id=DEVICE, provider_id=PROVIDER),))
        self.script.ask(mmc.GetLineInfo(line_app=self.role.app, device_info_list=1024), device_info_list=devices)

    def call(self, request: type[Request], spec: str) -> int:
        """Return a call in the first state in which the request is allowed."""
        condition = PRECONDITIONS.get((request.__name__, spec))
        state = (
            CallState.OFFERING if condition is None or CallState.OFFERING in condition.states else condition.states[0]
        )
        return self.call_in(state)

    def call_in(self, state: CallState) -> int:
        """Return a call of the first line in the given state."""
        script = self.script
        if state is CallState.CONFERENCED:
            parent = script.offer(state=LINECALLSTATE.CONNECTED, mode=1)
            call = script.offer(state=LINECALLSTATE.CONNECTED, mode=1)
            script.state(call, LINECALLSTATE.CONFERENCED, parent)
            return call
        return script.offer(state=LINECALLSTATE[state.name], mode=MODES.get(state, 0))

    # -- requests -------------------------------------------------------------------------------------------------

    @property
    def names(self) -> Names:
        """The values that a request may refer to."""
        return Names(
            app=self.role.app,
            line=self.line,
            phone_app=self.role.phone_app,
            phone=self.phone,
            agent=AGENT,
            agent_session=SESSION,
            dialog=self.dialog,
            calls=self.calls,
            version=self.role.version,
            provider=PROVIDER,
            device=DEVICE,
        )

    def packet(self, request: type[Request], enabling: Field | None = None, **given: Any) -> Any:
        """Return a legal request. ``enabling`` is a field that must be significant in the request."""
        return legal_request(request, self.names, enabling, **given)

    def matched(self, packet: Any) -> Any:
        """Return the request with a handle of the type that it specifies (RSPSetEventFilterMasks)."""
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

    # -- responses and completions --------------------------------------------------------------------------------

    def ask(self, packet: Any, ack: int | None = None) -> Asked:
        """Send a request with its response and, on success, its completion with the created handles."""
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
        """Send a request with its response only."""
        kind = type(packet)
        asynchronous = kind.completion == "async"
        if asynchronous and not packet.request_id:
            index = kind.layout.index("dwRequestID")
            packet = with_word(packet, index, self.role.identifier())
        number = packet.words[kind.layout.index("dwRequestID")] if asynchronous else 0
        answer = kind(ack=number if ack is None else ack, **answers)
        return self.script.exchange(packet, answer)

    def complete(self, asked: Asked) -> int:
        """Complete a request with success."""
        kind: Any = type(asked.packet)
        brings: dict[str, Any] = {}
        for creation in ROUTES[kind.req_func].creates:
            if creation.condition is None or asked.packet.words[creation.condition[0]] == creation.condition[1]:
                name = kind.Completion.layout.by_spec[creation.spec].name
                brings[name] = self.play.handle()
                self.created.append(brings[name])
        if kind.__name__ in ("CreateAgent", "CreateAgentSession"):
            brings["data"] = AGENT.to_bytes(4, "little")
        return self.script.reply(asked, after=asked.answered, **brings)

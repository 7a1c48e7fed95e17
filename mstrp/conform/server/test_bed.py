"""What a tester sets up with a server: applications, two lines that can call each other, a phone, calls in every state.

One line is the subject, the other one its partner: who calls it, and whom it calls. So nothing but the server is
needed, and where there is only one line, a number to call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsm.tables.call_requests import PRECONDITIONS
from fsm.tables.call_states import CallState
from mstrp.conform.core.errors import NotOffered
from protocol import line, mmc, phone
from protocol.constants import LINECALLPRIVILEGE, LINECALLSTATE, LINEMEDIAMODE, PHONEPRIVILEGE, TUISPIDLL_OBJECT
from protocol.fields import Handle, HandleType

if TYPE_CHECKING:
    from mstrp.conform.server.tester import Tester
    from mstrp.conform.server.transaction import Transaction
    from protocol.packet import Request

__all__ = ["REACHABLE", "TestBed"]

S = LINECALLSTATE
_OWNER = int(LINECALLPRIVILEGE.OWNER)
_VOICE = int(LINEMEDIAMODE.INTERACTIVEVOICE)
_VERSIONS = (0x00010003, 0x00030001)
#: The states into which a call can be brought from outside.
REACHABLE: tuple[CallState, ...] = (
    CallState.OFFERING,
    CallState.ACCEPTED,
    CallState.CONNECTED,
    CallState.ONHOLD,
    CallState.ONHOLDPENDTRANSFER,
    CallState.CONFERENCED,
    CallState.ONHOLDPENDCONF,
    CallState.DIALTONE,
    CallState.RINGBACK,
    CallState.DISCONNECTED,
    CallState.IDLE,
)


#: The states in which a request has what belongs to it, where several would do.
_PREFERRED = {
    "CompleteTransfer": CallState.ONHOLDPENDTRANSFER,
    "AddToConference": CallState.ONHOLDPENDCONF,
}


class TestBed:
    """The session of one client with everything that test cases need."""

    #: No test case of pytest.
    __test__ = False

    def __init__(self, tester: Tester, client: str = "a") -> None:
        self.tester = tester
        self.client = client
        self.app = self.phone_app = 0
        self.version = _VERSIONS[1]
        self.init_context = 0x101
        self.line_count = self.phone_count = 0
        self.subject = self.partner = 0
        #: The numbers of the two lines.
        self.number = self.partner_number = ""
        self.phone = 0
        #: A device class of the subject's line, None until its capabilities were read; empty if they list none.
        self.device_class: str | None = None
        self.dialog = self.agent = self.agent_session = 0
        self.provider = self.device = 0
        #: By a call of the subject: the call at the other end; and what belongs to it.
        self.ends: dict[int, int] = {}
        self.kin: dict[int, tuple[int, int]] = {}
        self._own = 0x200

    def own(self) -> int:
        """A value of the client's own."""
        self._own += 1
        return self._own

    async def ask(self, packet: Request, *, legal: bool = True) -> Transaction:
        """A request that has to succeed for what comes; raises `NotOffered` or `Missing`."""
        transaction = await self.tester.ask(self.client, packet, legal=legal)
        if not transaction.ok:
            raise NotOffered(f"{packet.layout.name} is refused: {transaction.outcome}")
        return transaction

    async def done(self, packet: Request, *, legal: bool = True) -> Any:
        """The same with its completion."""
        return await self.finished(await self.ask(packet, legal=legal))

    async def finished(self, transaction: Transaction) -> Any:
        """The completion of a request that has to succeed; raises `NotOffered` or `Missing`."""
        completion = await self.tester.reply(self.client, transaction)
        if completion.outcome < 0:
            raise NotOffered(f"{transaction.packet.layout.name} fails: {completion.words[7]:#010x}")
        return completion

    # -- devices --------------------------------------------------------------------------------------------------

    async def begin(self, *, lines: int = 2, phones: bool = False, how: str = "", version: int = _VERSIONS[1]) -> None:
        """Attach and open what there is."""
        await self.tester.attach(self.client, how)
        self.version = version
        found = await self.ask(
            line.Initialize(
                init_context=self.init_context, friendly_name="mstrp", module_name="mstrp", api_version=version
            )
        )
        self.app, self.line_count = found.line_app, found.num_devs
        if not self.line_count:
            if lines:
                raise NotOffered("the server has no line")
            return
        await self.open_lines(lines)
        if phones:
            await self.begin_phone()

    async def open_lines(self, lines: int = 2) -> None:
        """Open the subject's line, and the partner's where there is one."""
        for place in range(min(lines, self.line_count)):
            handle = await self.open(place)
            if place == 0:
                self.subject = handle
            else:
                self.partner = handle

    async def open(self, device: int, privileges: int = _OWNER, params: Any = None) -> int:
        """Agree on a version with a line device and open it; its handle."""
        opened = await self.opening(device, privileges, params)
        return int(opened.line)

    async def opening(self, device: int, privileges: int = _OWNER, params: Any = None) -> Transaction:
        """The same; the request that opened it."""
        agreed = await self.ask(
            line.NegotiateAPIVersion(
                line_app=self.app, device_id=device, version=_VERSIONS[0], version_current=self.version, size=16
            )
        )
        self.version = agreed.negotiated_version
        return await self.ask(self.opening_packet(device, privileges, params))

    def opening_packet(self, device: int, privileges: int = _OWNER, params: Any = None) -> line.Open:
        """The request that opens a line with the version that was negotiated."""
        return line.Open(
            line_app=self.app,
            device_id=device,
            negotiated_version=self.version,
            open_context=self.own(),
            privileges=privileges,
            media_modes=_VOICE if privileges & _OWNER else 0,
            call_params=params,
            remote_line=self.own(),
        )

    async def begin_phone(self) -> None:
        """Open the first phone; `NotOffered` where there is none."""
        await self.count_phones()
        if not self.phone_count:
            raise NotOffered("the server has no phone")
        await self.ask(
            phone.NegotiateAPIVersion(
                phone_app=self.phone_app, version=_VERSIONS[0], version_current=self.version, size=16
            )
        )
        self.phone = await self.open_phone(int(PHONEPRIVILEGE.OWNER))

    async def count_phones(self) -> None:
        """Let an application be told how many phones there are."""
        found = await self.ask(
            phone.Initialize(
                init_context=self.init_context, friendly_name="mstrp", module_name="mstrp", api_version=self.version
            )
        )
        self.phone_app, self.phone_count = found.phone_app, found.num_devs

    async def open_phone(self, privilege: int) -> int:
        """Open the first phone once more; its handle."""
        opened = await self.ask(
            phone.Open(
                phone_app=self.phone_app,
                negotiated_version=self.version,
                open_context=self.own(),
                privilege=privilege,
                remote_phone=self.own(),
            )
        )
        return int(opened.phone)

    async def numbers(self) -> None:
        """The numbers of the two lines, by their address capabilities."""
        self.number = await self.number_of(0)
        if self.line_count > 1:
            self.partner_number = await self.number_of(1)
        self.partner_number = self.tester.target.to or self.partner_number
        if not self.partner_number:
            raise NotOffered("there is no second line, and no number to call (--to)")

    async def number_of(self, device: int) -> str:
        """The number of the first address of a line."""
        caps = await self.ask(
            line.GetAddressCaps(line_app=self.app, device_id=device, tspi_version=self.version, address_caps=4096)
        )
        return str(getattr(caps.address_caps, "address", "") or "")

    async def know_class(self) -> None:
        """Take a device class from the capabilities of the subject's line; raises `Missing`."""
        if self.device_class is None:
            packet = line.GetDevCaps(line_app=self.app, tspi_version=self.version, line_dev_caps=4096)
            transaction = await self.tester.ask(self.client, packet, legal=True)
            caps = getattr(transaction, "line_dev_caps", None)
            self.device_class = next(iter(getattr(caps, "device_classes", None) or ()), "")

    # -- calls ----------------------------------------------------------------------------------------------------

    async def make(self, opened: int, number: str | None) -> int:
        """Make a call; its handle."""
        completion = await self.finished(await self.making(opened, number))
        return int(completion.call)

    async def making(self, opened: int, number: str | None) -> Transaction:
        """Ask for a call; the request, whose completion brings the handle."""
        return await self.ask(
            line.MakeCall(context=self.own(), line=opened, call_context=self.own(), dest_address=number)
        )

    async def offered(self) -> int:
        """A call that is offered to the subject; the partner makes it."""
        if not self.partner:
            raise NotOffered("nobody calls: the server has only one line")
        if not self.number:
            await self.numbers()
        outgoing = await self.make(self.partner, self.number)
        call = await self.tester.call(self.client, self.subject)
        self.ends[call] = outgoing
        await self.tester.state(self.client, call, S.OFFERING)
        return call

    async def connected(self) -> int:
        """A call that the subject has answered."""
        call = await self.offered()
        await self.done(line.Answer(call=call))
        await self.tester.state(self.client, call, S.CONNECTED)
        return call

    async def call_in(self, state: CallState) -> int:
        """A call of the subject in a state; raises `NotOffered` or `Missing` where it cannot be brought there."""
        way = getattr(self, f"_{state.name.lower()}", None)
        if way is None:
            raise NotOffered(f"no client can bring a call into {state.name}")
        call: int = await way()
        return call

    async def _offering(self) -> int:
        return await self.offered()

    async def _accepted(self) -> int:
        call = await self.offered()
        await self.done(line.Accept(call=call))
        await self.tester.state(self.client, call, S.ACCEPTED)
        return call

    async def _connected(self) -> int:
        return await self.connected()

    async def _onhold(self) -> int:
        call = await self.connected()
        await self.done(line.Hold(call=call))
        await self.tester.state(self.client, call, S.ONHOLD)
        return call

    async def _onholdpendtransfer(self) -> int:
        call = await self.connected()
        done = await self.done(line.SetUpTransfer(call=call))
        self.kin[call] = (0, int(done.consult_call))
        await self.tester.state(self.client, call, S.ONHOLDPENDTRANSFER)
        return call

    async def _conferenced(self) -> int:
        call = await self.connected()
        done = await self.done(line.SetUpConference(call=call, num_parties=3))
        self.kin[call] = (int(done.conf_call), int(done.consult_call))
        await self.tester.state(self.client, call, S.CONFERENCED)
        return call

    async def _onholdpendconf(self) -> int:
        member = await self._conferenced()
        conference = self.kin[member][0]
        await self.tester.state(self.client, conference, S.ONHOLDPENDCONF)
        self.kin[conference] = (conference, self.kin[member][1])
        return conference

    async def conference(self) -> int:
        """A conference with two members."""
        conference = await self._onholdpendconf()
        consult = await self.reach(self.kin[conference][1])
        await self.done(line.AddToConference(conf_call=conference, consult_call=consult))
        await self.tester.state(self.client, conference, S.CONNECTED)
        return conference

    async def reach(self, consult: int) -> int:
        """Let a consultation call reach somebody."""
        if self.tester.state_of(self.client, consult) == S.DIALTONE:
            if not self.partner_number:
                await self.numbers()
            await self.done(line.Dial(call=consult, dest_address=self.partner_number))
        await self.tester.state(self.client, consult, S.RINGBACK, S.CONNECTED)
        return consult

    async def _dialtone(self) -> int:
        call = await self.make(self.subject, None)
        await self.tester.state(self.client, call, S.DIALTONE)
        return call

    async def _ringback(self) -> int:
        if not self.partner_number:
            await self.numbers()
        call = await self.make(self.subject, self.partner_number)
        await self.tester.state(self.client, call, S.RINGBACK)
        if not self.tester.target.to and self.partner:
            self.ends[call] = await self.tester.call(self.client, self.partner)
        return call

    async def _disconnected(self) -> int:
        call = await self.connected()
        await self.done(line.Drop(call=self.ends[call]))
        await self.tester.state(self.client, call, S.DISCONNECTED)
        return call

    async def _idle(self) -> int:
        call = await self.offered()
        await self.done(line.Drop(call=call))
        await self.tester.state(self.client, call, S.IDLE)
        return call

    async def release(self, call: int) -> None:
        """Give up a call, whatever its state."""
        if self.tester.state_of(self.client, call) != S.IDLE:
            transaction = await self.tester.ask(self.client, line.Drop(call=call))
            if transaction.ok:
                await self.tester.reply(self.client, transaction)
        await self.tester.ask(self.client, line.DeallocateCall(call=call))

    async def clear(self) -> None:
        """Give up every call, so that both lines are free again."""
        for call in self.tester.live_calls(self.client):
            await self.release(call)
        self.ends.clear()
        self.kin.clear()

    # -- providers ------------------------------------------------------------------------------------------------

    async def know_providers(self) -> None:
        """Let the server list its providers and line devices."""
        listed = await self.ask(mmc.GetProviderList(api_version=self.version, provider_list=4096))
        for entry in getattr(listed.provider_list, "provider_list", None) or ():
            self.provider = entry.permanent_provider_id
        devices = await self.ask(mmc.GetLineInfo(line_app=self.app, device_info_list=8192))
        for entry in getattr(devices.device_info_list, "device_info", None) or ():
            self.device = entry.permanent_device_id
        if self.phone_app:
            await self.ask(mmc.GetPhoneInfo(phone_app=self.phone_app, device_info_list=8192))

    async def begin_dialog(self) -> int:
        """A dialog instance of the provider."""
        if not self.provider:
            await self.know_providers()
        opened = await self.ask(
            mmc.GetUIDllName(object_id=self.provider, object_type=int(TUISPIDLL_OBJECT.PROVIDERID), capacity=1024)
        )
        if not opened.dlg_inst:
            raise NotOffered("the provider has no dialog")
        return int(opened.dlg_inst)

    async def provide(self, request: type[Request]) -> dict[str, int]:
        """What a request names, and does not exist yet: calls in the states that it wants, a phone, a dialog."""
        calls: dict[str, int] = {}
        specs = request.layout.by_spec
        kinds = {field.type for field in request.layout.fields if isinstance(field, Handle) and field.direction == "in"}
        if kinds & {HandleType.HPHONE, HandleType.HPHONEAPP} and not self.phone_app:
            await self.begin_phone()
        if self.app and any("AddressID" in spec or "CallParams" in spec for spec in specs):
            # It takes the number of addresses to say which there are not.
            caps = line.GetDevCaps(line_app=self.app, tspi_version=self.version, line_dev_caps=2048)
            await self.tester.ask(self.client, caps, legal=True)
        if request is line.GetID:
            await self.know_class()
        if {"dwProviderID", "dwObjectID", "dwPermanentProviderID"} & set(specs) and not self.provider:
            await self.know_providers()
        if HandleType.DIALOGINSTANCE in kinds or request is mmc.TUISPIDLLCallback:
            self.dialog = await self.begin_dialog()
        if HandleType.HAGENT in kinds and not self.agent:
            await self._agent()
        if request is line.SwapHold:
            return await self._pair()
        for field in request.layout.fields:
            if isinstance(field, Handle) and field.type is HandleType.HCALL and field.direction == "in":
                calls[field.spec] = await self._call_for(request, field.spec, calls)
        return calls

    async def _pair(self) -> dict[str, int]:
        """A call that is held, and another one that is not."""
        held = await self.connected()
        active = await self.offered()
        await self.done(line.Answer(call=active))
        await self.tester.state(self.client, active, S.CONNECTED)
        if self.tester.state_of(self.client, held) == S.CONNECTED:
            await self.done(line.Hold(call=held))
        await self.tester.state(self.client, held, S.ONHOLD)
        return {"hActiveCall": active, "hHeldCall": held}

    async def _call_for(self, request: type[Request], spec: str, calls: dict[str, int]) -> int:
        """A call for one field of a request: of several, those that belong together."""
        condition = PRECONDITIONS.get((request.__name__, spec))
        first = next(iter(calls.values()), 0)
        if first and first in self.kin:
            conference, consult = self.kin[first]
            return await self.reach(consult) if spec == "hConsultCall" else conference
        if condition is None:
            return await self.call_in(CallState.OFFERING)
        if request is line.PrepareAddToConference:
            return await self.conference()
        preferred = _PREFERRED.get(request.__name__)
        states = [preferred] if preferred in condition.states else [*condition.states]
        for state in (state for state in REACHABLE if state in states):
            return await self.call_in(state)
        raise NotOffered(f"no client can bring a call into {condition.states[0].name}")

    async def _agent(self) -> None:
        done = await self.done(
            line.CreateAgent(
                context=self.own(), line=self.subject, agent_id="1001", agent_pin="0000", agent_context=self.own()
            ),
            legal=False,
        )
        self.agent = int.from_bytes((done.data or b"")[:4], "little")

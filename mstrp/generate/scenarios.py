"""Legal conversations as scripts: who asks what, what is answered, which events follow.

A `Cast` is one client with its server on a wire. Scenarios are functions that let it act; they are used for the
samples, for benchmarks and for tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from protocol import events, generic, line
from protocol.constants import (
    LINECALLPRIVILEGE,
    LINECALLSTATE,
    LINECONNECTEDMODE,
    LINEDIALTONEMODE,
    LINEMEDIAMODE,
    LINEOFFERINGMODE,
    TAPI_VERSION,
)
from protocol.event import encode_events
from protocol.ndr import (
    METHODS,
    NULL_CONTEXT,
    REMOTESP,
    TAPSRV,
    ClientAttach,
    ClientAttachResult,
    ClientDetach,
    ClientDetachResult,
    ClientRequest,
    ClientRequestResult,
    RemoteSPAttach,
    RemoteSPAttachResult,
    RemoteSPDetach,
    RemoteSPDetachResult,
    RemoteSPEventProc,
    RemoteSPEventProcResult,
)
from protocol.structures import LINEADDRESSCAPS, LINECALLINFO, LINEDEVCAPS, LINEEXTENSIONID

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mstrp.generate.wire import Wire
    from protocol.event import Event
    from protocol.packet import Request

__all__ = ["SCENARIOS", "Cast", "play"]

_OWNER = LINECALLPRIVILEGE.OWNER
_VOICE = LINEMEDIAMODE.INTERACTIVEVOICE
S = LINECALLSTATE
#: The capability marker that ClientAttach returns to telephony clients (3.1.4.1).
_MARKER = 0xA5C369A5


class Cast:
    """One client and its server: the handles they use, and the ways in which they talk."""

    def __init__(self, wire: Wire, *, number: int = 1, ndr64: bool = False) -> None:
        self.wire = wire
        self.number = number
        self.client = f"10.0.{number >> 8 & 255}.{number & 255 or 1}"
        self.server = "10.1.0.1"
        self.app = 0x10000 + number
        self.opened = 0x20000 + number
        self.init_context = 0x100 + number
        self.open_context = 0x500 + number
        self.next_call = 0x10001
        self.next_id = 1
        self.context = (number.to_bytes(4, "little") + UUID(int=number).bytes).ljust(20, b"\1")
        self.remote_context = (number.to_bytes(4, "little") + UUID(int=number << 32).bytes).ljust(20, b"\2")
        self.requests = wire.connect((self.client, 49_000 + number % 10_000), (self.server, 5150))
        self.requests.bind(TAPSRV, ndr64=ndr64)
        self.port = 5251 + number % 10_000
        self.events: Any = None
        self.ndr64 = ndr64

    # -- talking --------------------------------------------------------------------------------------------------

    def call(self, method: str, value: Any, result: Any) -> None:
        """One whole call of tapsrv."""
        found = _METHODS[method]
        number = self.requests.request(found, value)
        self.requests.response(found, result, number)

    def ask(self, request: Request, **answers: Any) -> None:
        """A request with its answer; ``ack`` is 0 for synchronous requests, else the request id."""
        kind = type(request)
        ack = answers.pop("ack", None)
        if ack is None:
            ack = getattr(request, "request_id", 0) if kind.completion == "async" else 0
        given = {name: new for name, new in request.values().items() if isinstance(new, int)}
        response = kind(ack=ack, **{**given, **answers})
        self.call(
            "ClientRequest",
            ClientRequest(self.context, request.encode(), request.capacity),
            ClientRequestResult(response.encode(), max(request.capacity, len(response.encode()))),
        )

    def report(self, *found: Event) -> None:
        """Events in one buffer."""
        method = _METHODS["RemoteSPEventProc"]
        number = self.events.request(method, RemoteSPEventProc(self.remote_context, encode_events(found)))
        self.events.response(method, RemoteSPEventProcResult(), number)

    def identifier(self) -> int:
        """A fresh request id."""
        self.next_id = self.next_id % 0x7FFFFFF0 + 1
        return self.next_id

    # -- events ---------------------------------------------------------------------------------------------------

    def state(self, call: int, state: int, mode: int = 0) -> Event:
        """LINE_CALLSTATE."""
        return events.LINE_CALLSTATE(
            init_context=self.init_context,
            open_context=self.open_context,
            call=call,
            call_state=state,
            mode=mode,
            privilege=_OWNER,
            media_mode=_VOICE,
            remote_line=self.opened,
        )

    def announce(self, call: int) -> Event:
        """LINE_APPNEWCALL."""
        return events.LINE_APPNEWCALL(
            init_context=self.init_context,
            open_context=self.open_context,
            remote_line=self.opened,
            call=call,
            call_id=call & 0xFFFF,
        )

    def info(self, call: int) -> Event:
        """LINE_CALLINFO."""
        return events.LINE_CALLINFO(
            init_context=self.init_context,
            open_context=self.open_context,
            call=call,
            changes=0x8000,
            remote_line=self.opened,
        )

    def reply(self, number: int, result: int = 0) -> Event:
        """LINE_REPLY."""
        return events.LINE_REPLY(
            init_context=self.init_context, open_context=self.open_context, request_id=number, result=result
        )

    def new_handle(self) -> int:
        """A call handle that was not used before."""
        handle = self.next_call
        self.next_call += 1
        return handle

    # -- scenes ---------------------------------------------------------------------------------------------------

    def set_up(self) -> None:
        """Section 4.1."""
        machine = f'CLIENT{self.number}"ncacn_ip_tcp"{self.port}"'
        attach = _METHODS["ClientAttach"]
        number = self.requests.request(attach, ClientAttach(0xFFFFFFFF, "", machine))
        self.events = self.wire.connect((self.server, 50_000 + self.number % 10_000), (self.client, self.port))
        self.events.bind(REMOTESP, ndr64=self.ndr64)
        remote = _METHODS["RemoteSPAttach"]
        channel = self.events.request(remote, RemoteSPAttach())
        self.events.response(remote, RemoteSPAttachResult(self.remote_context, 0), channel)
        self.requests.response(attach, ClientAttachResult(self.context, _MARKER, 0), number)
        name = f"CLIENT{self.number}"
        self.ask(
            line.Initialize(init_context=self.init_context, friendly_name=name, module_name=name, api_version=_V3_1),
            line_app=self.app,
            num_devs=1,
        )
        self.ask(
            generic.NegotiateAPIVersionForAllDevices(
                line_app=self.app,
                num_line_devices=1,
                api_high_version=_V3_1,
                line_api_versions_size=4,
                line_extension_ids_size=16,
            ),
            line_api_versions=(_V3_1,),
            line_extension_ids=(LINEEXTENSIONID(),),
        )
        caps = LINEDEVCAPS(num_addresses=1, line_name=f"Line {self.number}", media_modes=_VOICE)
        self.ask(line.GetDevCaps(line_app=self.app, tspi_version=_V3_1, line_dev_caps=1024), line_dev_caps=caps)
        address = LINEADDRESSCAPS(address=f"5{self.number:04}")
        self.ask(line.GetAddressCaps(line_app=self.app, tspi_version=_V3_1, address_caps=1024), address_caps=address)
        self.ask(
            line.Open(
                line_app=self.app,
                negotiated_version=_V3_1,
                open_context=self.open_context,
                privileges=_OWNER,
                media_modes=_VOICE,
                remote_line=self.opened,
            ),
            line=self.opened,
        )

    def tear_down(self) -> None:
        """Section 4.2."""
        self.ask(line.Close(line=self.opened))
        self.ask(line.ShutDown(line_app=self.app))
        detach, remote = _METHODS["ClientDetach"], _METHODS["RemoteSPDetach"]
        number = self.requests.request(detach, ClientDetach(self.context))
        channel = self.events.request(remote, RemoteSPDetach(self.remote_context))
        self.events.response(remote, RemoteSPDetachResult(NULL_CONTEXT), channel)
        self.requests.response(detach, ClientDetachResult(NULL_CONTEXT), number)
        self.requests.close()
        self.events.close()


_V3_1 = int(TAPI_VERSION.V3_1)
_METHODS = {method.name: method for method in METHODS.values()}


def blind_transfer(cast: Cast) -> None:
    """Section 4.5: a call is offered, answered, transferred without consultation, and given up."""
    call = cast.new_handle()
    cast.report(cast.announce(call), cast.state(call, S.OFFERING, LINEOFFERINGMODE.ACTIVE))
    cast.ask(
        line.GetCallInfo(call=call, call_info=1024), call_info=LINECALLINFO(call_id=call & 0xFFFF, caller_id="5551000")
    )
    answer = cast.identifier()
    cast.ask(line.Answer(request_id=answer, call=call))
    cast.report(cast.info(call))
    cast.report(cast.state(call, S.CONNECTED, LINECONNECTEDMODE.ACTIVE))
    cast.report(cast.reply(answer))
    transfer = cast.identifier()
    cast.ask(line.BlindTransfer(request_id=transfer, call=call, dest_address="5551234"))
    cast.report(cast.reply(transfer))
    cast.report(cast.state(call, S.IDLE))
    cast.ask(line.DeallocateCall(call=call))


def blind_transfer_bare(cast: Cast) -> None:
    """Section 4.5 with exactly the packets that it lists: success is all that tells of connected and idle."""
    call = cast.new_handle()
    cast.report(cast.announce(call))
    cast.report(cast.state(call, S.OFFERING, LINEOFFERINGMODE.ACTIVE))
    answer, transfer = cast.identifier(), cast.identifier()
    cast.ask(line.Answer(request_id=answer, call=call))
    cast.report(cast.reply(answer))
    cast.ask(line.BlindTransfer(request_id=transfer, call=call, dest_address="5551234"))
    cast.report(cast.reply(transfer))
    cast.ask(line.DeallocateCall(call=call))


def outgoing(cast: Cast) -> None:
    """Section 4.3: a call is made, reaches the other party, and is dropped."""
    call, make, drop = cast.new_handle(), cast.identifier(), cast.identifier()
    cast.ask(line.MakeCall(request_id=make, context=1, line=cast.opened, call_context=2, dest_address="5551000"))
    cast.report(
        line.MakeCall.Completion(  # type: ignore[misc]
            init_context=cast.init_context,
            open_context=cast.open_context,
            context=1,
            request_id=make,
            call=call,
            call_context=2,
            call_id=call & 0xFFFF,
        )
    )
    cast.report(cast.state(call, S.DIALTONE, LINEDIALTONEMODE.NORMAL))
    cast.report(cast.state(call, S.DIALING), cast.state(call, S.PROCEEDING))
    cast.report(cast.state(call, S.RINGBACK))
    cast.report(cast.state(call, S.CONNECTED, LINECONNECTEDMODE.ACTIVE))
    cast.ask(line.Drop(request_id=drop, call=call))
    cast.report(cast.state(call, S.IDLE), cast.reply(drop))
    cast.ask(line.DeallocateCall(call=call))


def incoming(cast: Cast) -> None:
    """Section 4.4: a call is offered, answered and dropped."""
    call, answer, drop = cast.new_handle(), cast.identifier(), cast.identifier()
    cast.report(cast.announce(call), cast.state(call, S.OFFERING, LINEOFFERINGMODE.ACTIVE))
    cast.ask(line.Answer(request_id=answer, call=call))
    cast.report(cast.reply(answer), cast.state(call, S.CONNECTED, LINECONNECTEDMODE.ACTIVE))
    cast.ask(line.Drop(request_id=drop, call=call))
    cast.report(cast.reply(drop), cast.state(call, S.IDLE))
    cast.ask(line.DeallocateCall(call=call))


#: Scenarios by the section that describes them.
SCENARIOS: dict[str, Callable[[Cast], None]] = {
    "4.3": outgoing,
    "4.4": incoming,
    "4.5": blind_transfer,
    "4.5-bare": blind_transfer_bare,
}


def play(
    wire: Wire,
    *,
    scenario: str = "4.5",
    calls: int = 1,
    clients: int = 1,
    packets: int = 0,
    ndr64: bool = False,
) -> None:
    """Write whole sessions: each client sets up, has its calls, one after the other, and tears down.

    With ``packets`` the calls go on until there are at least so many frames.
    """
    scene = SCENARIOS[scenario]
    casts = [Cast(wire, number=number, ndr64=ndr64) for number in range(1, clients + 1)]
    for cast in casts:
        cast.set_up()
    while calls > 0 or wire.frames < packets:
        calls -= 1
        for cast in casts:
            scene(cast)
    for cast in casts:
        cast.tear_down()

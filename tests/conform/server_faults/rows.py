"""One row of the call table changed: a request works where it must not, fails where it may be made, or leads elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.live.provider import TapiError
from mstrp.live.server.attached import Attached
from mstrp.live.switch import Switch
from protocol import line
from protocol.constants import LINECALLSTATE, LINEERR
from server_faults.fault import Fault, Kind, Parts, accepts
from server_faults.rules import CALL, CONNECTED, LINE

if TYPE_CHECKING:
    from protocol.packet import Request

__all__ = ["ROWS"]

S = LINECALLSTATE


def _state(client: Attached, packet: Any) -> int:
    handle = client.handles.get(getattr(packet, "call", None) or getattr(packet, "conf_call", 0))
    return 0 if handle is None else int(handle.call.state)


def _refused(request: type[Request], state: LINECALLSTATE, before: int) -> Fault:
    """A row that is missing."""

    def check(right: Any, client: Attached, packet: Any) -> None:
        right(client, packet)
        if type(packet) is request and _state(client, packet) == state:
            raise TapiError(LINEERR.INVALCALLSTATE)

    return Fault(
        f"{request.__name__} not in {state.name}",
        Kind.ROW,
        f"{request.__name__} is refused in {state.name}, where it may be made.",
        (f"LEGAL-line.{request.__name__}",),
        before + 1,
        Parts(check=check),
    )


def _taken(request: type[Request], state: LINECALLSTATE, before: int) -> Fault:
    """A row too many: the request is said to be done, and nothing happens."""
    return Fault(
        f"{request.__name__} also in {state.name}",
        Kind.ROW,
        f"{request.__name__} succeeds in {state.name}, where it may not be made.",
        (f"CALL-PRE-{request.__name__}",),
        before + 1,
        accepts(request, lambda client, packet: _state(client, packet) == state),
    )


def _leads(name: str, wrong: str, switch: type[Switch], ids: tuple[str, ...], shortest: int) -> Fault:
    return Fault(name, Kind.ROW, wrong, ids, shortest, Parts(switch=switch))


class _AcceptGoesBack(Switch):
    """Answer leads to CONNECTED by way of DIALTONE."""

    def line_answer(self, call: Any, user_user: bytes) -> None:
        self.sink.call_state(call, S.DIALTONE, 1)
        super().line_answer(call, user_user)


class _HoldDisconnects(Switch):
    def line_hold(self, call: Any) -> None:
        self.sink.call_state(call, S.OFFERING, 1)


class _DropThenConnected(Switch):
    def line_drop(self, call: Any, user_user: bytes) -> None:
        super().line_drop(call, user_user)
        for handle in tuple(call.handles):
            state, call.state = call.state, int(S.CONNECTED)
            call.mode = 1
            handle.opened.client.tell_state(handle)
            call.state = state


class _RingbackFromDisconnected(Switch):
    def provider_init(self, sink: Any) -> None:
        super().provider_init(sink)
        disconnect = self.connections.disconnect

        def disconnect_and_ring_back(party: Any, mode: int) -> None:
            disconnect(party, mode)
            if party.call is not None and party.state == S.DISCONNECTED:
                sink.call_state(party.call, S.RINGBACK)

        self.connections.disconnect = disconnect_and_ring_back


class _AcceptOffers(Switch):
    """Accept leaves the call where it is, and reports CONFERENCED."""

    def line_accept(self, call: Any, user_user: bytes) -> None:
        self.sink.call_state(call, S.CONFERENCED)


class _SwapOne(Switch):
    def line_swap_hold(self, active: Any, held: Any) -> None:
        self.sink.call_state(active, S.ONHOLD)


class _UnHoldNothing(Switch):
    """UnHold succeeds, and the call stays held."""

    def line_unhold(self, call: Any) -> None:
        return None


class _HoldNothing(Switch):
    def line_hold(self, call: Any) -> None:
        return None


class _AnswerNothing(Switch):
    def line_answer(self, call: Any, user_user: bytes) -> None:
        return None


class _NoDialtone(Switch):
    """A call that MakeCall made is in no state."""

    def line_make_call(self, device: int, call: Any, destination: Any, country: int, params: Any) -> None:
        return None


class _DialtoneAgain(Switch):
    """The call goes from RINGBACK back to OFFERING when it is answered."""

    def provider_init(self, sink: Any) -> None:
        super().provider_init(sink)
        ring_back = self.routing.ring_back

        def ring_back_and_offer(caller: Any) -> None:
            ring_back(caller)
            self.connections.set_state(caller, S.OFFERING, 1)

        self.routing.ring_back = ring_back_and_offer


class _TwoStates(Switch):
    """CONNECTED and ONHOLD are reported in one word."""

    def line_hold(self, call: Any) -> None:
        self.sink.call_state(call, int(S.ONHOLD) | int(S.CONNECTED), 0)


ROWS: tuple[Fault, ...] = (
    _refused(line.Accept, S.OFFERING, CALL),
    _refused(line.Answer, S.OFFERING, CALL),
    _refused(line.Answer, S.ACCEPTED, CALL + 1),
    _refused(line.Hold, S.CONNECTED, CONNECTED),
    _refused(line.UnHold, S.ONHOLD, CONNECTED + 1),
    _refused(line.Drop, S.ONHOLD, CONNECTED + 1),
    _refused(line.Drop, S.RINGBACK, CALL),
    _refused(line.Dial, S.DIALTONE, CALL),
    _refused(line.SetUpTransfer, S.CONNECTED, CONNECTED),
    _refused(line.BlindTransfer, S.CONNECTED, CONNECTED),
    _refused(line.Park, S.CONNECTED, CONNECTED),
    _refused(line.RemoveFromConference, S.CONFERENCED, CONNECTED + 1),
    _refused(line.DeallocateCall, S.IDLE, CALL + 1),
    _refused(line.GetCallStatus, S.IDLE, CALL + 1),
    _refused(line.GetCallInfo, S.DISCONNECTED, CONNECTED + 1),
    _taken(line.Accept, S.CONNECTED, CONNECTED),
    _taken(line.Answer, S.CONNECTED, CONNECTED),
    _taken(line.Hold, S.OFFERING, CALL),
    _taken(line.UnHold, S.CONNECTED, CONNECTED),
    _taken(line.Redirect, S.CONNECTED, CONNECTED),
    _taken(line.Dial, S.DISCONNECTED, CONNECTED + 1),
    _taken(line.SetUpTransfer, S.ONHOLD, CONNECTED + 1),
    _leads(
        "Answer by DIALTONE",
        "An offered call that is answered is reported in DIALTONE first.",
        _AcceptGoesBack,
        ("CALL-STATE-OFFERING-DIALTONE",),
        CALL + 1,
    ),
    _leads(
        "Hold leads to OFFERING",
        "A call that is held is reported as offered again.",
        _HoldDisconnects,
        ("CALL-STATE-CONNECTED-OFFERING", "ROW-call-CONNECTED-Hold"),
        CONNECTED + 1,
    ),
    _leads(
        "CONNECTED out of IDLE",
        "A call that was dropped is reported connected after it was idle.",
        _DropThenConnected,
        ("CALL-V01", "TOLD-STATE"),
        CALL + 1,
    ),
    _leads(
        "RINGBACK out of DISCONNECTED",
        "A call whose far end hung up is reported ringing.",
        _RingbackFromDisconnected,
        ("CALL-STATE-DISCONNECTED-RINGBACK",),
        CONNECTED + 1,
    ),
    _leads(
        "Accept leads to CONFERENCED",
        "A call that was accepted is reported as a member of a conference that does not exist.",
        _AcceptOffers,
        ("CALL-V11", "CALL-STATE-OFFERING-CONFERENCED"),
        CALL + 1,
    ),
    _leads(
        "SwapHold of one call",
        "SwapHold holds the active call and leaves the held one as it is.",
        _SwapOne,
        ("CALL-ORDER-O14", "TOLD-STATE"),
        CONNECTED + 4,
    ),
    _leads(
        "UnHold without effect",
        "UnHold succeeds, and the call stays on hold.",
        _UnHoldNothing,
        ("ROW-call-ONHOLD-UnHold",),
        CONNECTED + 2,
    ),
    _leads(
        "Hold without effect",
        "Hold succeeds, and nothing happens.",
        _HoldNothing,
        ("ROW-call-CONNECTED-Hold",),
        CONNECTED + 1,
    ),
    _leads(
        "Answer without effect",
        "Answer succeeds, and the call is offered for ever.",
        _AnswerNothing,
        ("ROW-call-OFFERING-Answer",),
        CALL + 1,
    ),
    _leads(
        "MakeCall without a state",
        "MakeCall succeeds, and the call never is in any state.",
        _NoDialtone,
        ("CALL-ORDER-O12",),
        LINE + 1,
    ),
    _leads(
        "OFFERING out of RINGBACK",
        "A call that rings at the far end is reported as offered to its own caller.",
        _DialtoneAgain,
        ("CALL-STATE-RINGBACK-OFFERING",),
        CALL,
    ),
    _leads(
        "Two states at once",
        "LINE_CALLSTATE reports CONNECTED and ONHOLD in one word.",
        _TwoStates,
        ("CALL-V02", "CALL-PRE-Hold"),
        CONNECTED + 1,
    ),
)

"""The simulated switch: a provider without hardware."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from mstrp.live.provider import Provider, TapiError
from mstrp.live.switch import calls, capabilities, conference, media, phones, services
from mstrp.live.switch.agents import TYPES, CallCentre
from mstrp.live.switch.clock import Clock
from mstrp.live.switch.connection import Connections
from mstrp.live.switch.party import Party
from mstrp.live.switch.plan import Plan
from mstrp.live.switch.routing import Routing
from protocol.constants import LINECALLORIGIN, LINECALLPRIVILEGE, LINECALLREASON, LINEDEVSTATUSFLAGS, LINEERR

if TYPE_CHECKING:
    from mstrp.live.server.calls import Call
    from mstrp.live.server.devices import LineDevice
    from mstrp.live.sink import Sink
    from mstrp.live.switch.script import Script

__all__ = ["Switch"]

_IN_SERVICE = int(LINEDEVSTATUSFLAGS.CONNECTED | LINEDEVSTATUSFLAGS.INSERVICE)


def _accept(switch: Switch, *arguments: Any, **named: Any) -> None:
    """Accept a request that has no effect."""


def _return_data(switch: Switch, *arguments: Any, **named: Any) -> Any:
    """Return the data of a request, its last argument."""
    return arguments[-1]


class Switch(Provider):
    """The parts of a switch, and the TSPI functions that it performs.

    ``incoming``: calls to offer on each line that is opened as an owner. A `Script` specifies further calls and events.
    """

    file_name = "simulated.tsp"

    def __init__(self, plan: Plan | None = None, *, script: Script | None = None, incoming: int = 0) -> None:
        self.plan = plan or (script.plan if script is not None else Plan())
        self.script = script
        self.incoming_calls = incoming
        self.lines = self.plan.lines
        self.phones = self.plan.phones
        self.random = random.Random(script.seed if script is not None else 0)  # noqa: S311 - a simulation
        self.clock = Clock(self.plan)
        self.forwarding = services.Forwarding()
        self.completions = services.Completions()
        self.telephones: defaultdict[int, phones.Telephone] = defaultdict(phones.Telephone)
        #: LINEDEVSTATUSFLAGS by line.
        self.line_status: defaultdict[int, int] = defaultdict(lambda: _IN_SERVICE)
        #: Lines on which the incoming calls have been offered.
        self._offered: set[int] = set()

    def provider_init(self, sink: Sink) -> None:
        """Create the parts that report to the server, and start the script."""
        super().provider_init(sink)
        self.tones = media.Tones(sink, self.clock)
        self.connections = Connections(self.plan, sink, self.clock, self.tones)
        self.conferences = conference.Conferences(self.connections)
        self.routing = Routing(
            self.plan, sink, self.clock, self.connections, self.conferences, self.forwarding, self.tones
        )
        self.call_centre = CallCentre(sink)
        if self.script is not None:
            self.script.start(self)

    def provider_shutdown(self) -> None:
        """Cancel all timers."""
        self.clock.stop()

    # -- external events ------------------------------------------------------------------------------------------

    def incoming(
        self, line: int, caller: str, name: str = "", *, address: int = 0, give_up: float | None = None
    ) -> Call | None:
        """Offer a call of an external party; ``give_up``: seconds until it hangs up. None if the address is busy."""
        external = Party(None, caller, name)
        reason, origin = int(LINECALLREASON.DIRECT), int(LINECALLORIGIN.EXTERNAL)
        party = self.routing.offer(external, line, address, reason, origin)
        if party is None:
            return None
        if give_up is not None:
            self.clock.after(give_up, lambda: self.routing.hang_up(external), party)
        return party.call

    def line_open(self, line: LineDevice) -> None:
        """Offer the incoming calls on a line that its first client has opened."""
        if self.incoming_calls and line.number not in self._offered:
            self._offered.add(line.number)
            self.clock.after(2 * self.plan.step, lambda: self._offer_incoming(line))

    def _offer_incoming(self, line: LineDevice) -> None:
        if any(opened.privileges & LINECALLPRIVILEGE.OWNER for opened in line.opens):
            for number in range(self.incoming_calls):
                self.incoming(line.number, f"555{1000 + number}", f"Caller {number + 1}")
        else:
            self._offered.discard(line.number)

    def line_close(self, line: LineDevice) -> None:
        """Offer the incoming calls again when the line is opened again."""
        self._offered.discard(line.number)

    # -- TSPI -----------------------------------------------------------------------------------------------------

    line_get_num_address_ids = capabilities.get_num_address_ids
    line_get_dev_caps = capabilities.get_dev_caps
    line_get_address_caps = capabilities.get_address_caps
    line_get_address_id = capabilities.get_address_id
    line_get_address_status = capabilities.get_address_status
    line_get_line_dev_status = capabilities.get_line_dev_status
    line_get_id = capabilities.get_id
    line_set_line_dev_status = capabilities.set_line_status

    line_make_call = calls.make
    line_dial = calls.dial
    line_accept = calls.accept
    line_answer = calls.answer
    line_drop = calls.drop
    line_close_call = calls.close
    line_redirect = calls.redirect
    line_hold = calls.hold
    line_unhold = calls.unhold
    line_swap_hold = calls.swap_hold
    line_blind_transfer = calls.blind_transfer
    line_setup_transfer = calls.setup_transfer
    line_complete_transfer = calls.complete_transfer

    line_setup_conference = conference.set_up
    line_prepare_add_to_conference = conference.prepare_add
    line_add_to_conference = conference.add
    line_remove_from_conference = conference.remove

    line_park = services.park
    line_unpark = services.unpark
    line_pickup = services.pick_up
    line_forward = services.forward
    line_complete_call = services.complete
    line_uncomplete_call = services.uncomplete

    line_send_uui = calls.send_user_user_info
    line_release_uui = calls.release_user_user_info
    line_set_call_params = calls.set_params
    line_set_call_quality_of_service = calls.set_quality_of_service
    line_set_call_treatment = calls.set_treatment

    line_monitor_digits = media.monitor_digits
    line_gather_digits = media.gather_digits
    line_generate_digits = media.generate_digits
    line_generate_tone = media.generate_tone

    phone_get_dev_caps = phones.get_dev_caps
    phone_get_status = phones.get_status
    phone_get_id = phones.get_id
    phone_get = phones.get_value
    phone_set = phones.set_value
    phone_set_button_info = phones.set_button_info

    # Calls are never interrupted, media types never change, tones and media events never occur.
    line_secure_call = _accept
    line_monitor_media = _accept
    line_monitor_tones = _accept
    line_set_media_control = _accept

    line_dev_specific = _return_data
    line_dev_specific_feature = _return_data
    phone_dev_specific = _return_data
    provider_generic_dialog_data = _return_data

    def line_set_terminal(self, *arguments: Any, **named: Any) -> None:
        """Refuse: lines have no terminals."""
        raise TapiError(LINEERR.INVALTERMINALID)

    def agent_types(self, device: int) -> frozenset[int]:
        """All types of proxy request."""
        return TYPES

    def agent_request(self, device: int, request: Any, *, passed_on: bool) -> dict[str, Any] | None:
        """Perform the request, also if a handler among the clients has received it."""
        return self.call_centre.serve(device, request)

    def provider_ui_identify(self) -> str:
        """The library with the dialogs."""
        return "simulated_ui.dll"

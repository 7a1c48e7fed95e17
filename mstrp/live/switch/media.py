"""Digits and tones: monitoring, collection, generation."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mstrp.live.provider import TapiError
from protocol.constants import LINEDIGITMODE, LINEERR, LINEGATHERTERM, LINEGENERATETERM, LINETONEMODE
from protocol.events import LINE_GATHERDIGITS, LINE_GENERATE, LINE_MONITORDIGITS

if TYPE_CHECKING:
    from mstrp.live.server.calls import Call, Handle
    from mstrp.live.sink import Sink
    from mstrp.live.switch.clock import Clock
    from mstrp.live.switch.party import Party
    from mstrp.live.switch.switch import Switch

__all__ = ["Gathering", "Generating", "Tones", "gather_digits", "generate_digits", "generate_tone", "monitor_digits"]

_DTMF = int(LINEDIGITMODE.DTMF)
_DIGITS = set("0123456789*#ABCD,!")


@dataclass(eq=False)
class Gathering:
    """A digit collection in progress: the GatherDigits request and the digits so far."""

    packet: Any
    to: Handle
    digits: str = ""
    last: float = 0.0


@dataclass(eq=False)
class Generating:
    """A generation of digits or of a tone in progress."""

    to: Handle
    end_to_end: int


class Tones:
    """Delivery of digits between parties, and the events about them."""

    def __init__(self, sink: Sink, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock

    def receive(self, party: Party, digits: str) -> None:
        """Deliver digits to a party."""
        for digit in digits:
            if party.call is None:
                return
            if party.digit_modes & _DTMF:
                fields = {"digit": ord(digit), "digit_mode": _DTMF, "tick_count": _ticks()}
                self._sink.call_event(party.call, LINE_MONITORDIGITS, **fields)
            gathering = party.gathering
            if gathering is not None:
                gathering.digits += digit
                gathering.last = time.monotonic()
                if digit in (gathering.packet.termination_digits or ""):
                    self._end_gathering(party, LINEGATHERTERM.TERMDIGIT)
                elif len(gathering.digits) >= gathering.packet.num_digits:
                    self._end_gathering(party, LINEGATHERTERM.BUFFERFULL)

    def send(self, party: Party, digits: str) -> None:
        """Deliver digits from a party to its remote party."""
        if party.remote is not None:
            self.receive(party.remote, digits)

    def stop(self, party: Party) -> None:
        """Cancel the collection and generation in progress."""
        self._end_gathering(party, LINEGATHERTERM.CANCEL)
        self._end_generating(party, LINEGENERATETERM.CANCEL)

    def gather(self, party: Party, packet: Any, to: Handle) -> None:
        """Start a collection, or only cancel the one in progress."""
        self._end_gathering(party, LINEGATHERTERM.CANCEL)
        if not packet.digits_context:
            return
        if set(packet.termination_digits or "") - _DIGITS:
            raise TapiError(LINEERR.INVALDIGITS, "lpszTerminationDigits")
        gathering = party.gathering = Gathering(packet, to)
        if packet.first_digit_timeout:
            self._check_later(party, gathering, packet.first_digit_timeout / 1000)

    def _check_later(self, party: Party, gathering: Gathering, seconds: float) -> None:
        self._clock.after(seconds, lambda: self._check_timeouts(party, gathering), party, scaled=False)

    def _check_timeouts(self, party: Party, gathering: Gathering) -> None:
        if party.gathering is not gathering:
            return
        if not gathering.digits:
            self._end_gathering(party, LINEGATHERTERM.FIRSTTIMEOUT)
        elif gathering.packet.inter_digit_timeout:
            left = gathering.packet.inter_digit_timeout / 1000 - (time.monotonic() - gathering.last)
            if left <= 0:
                self._end_gathering(party, LINEGATHERTERM.INTERTIMEOUT)
            else:
                self._check_later(party, gathering, left)

    def _end_gathering(self, party: Party, reason: int) -> None:
        gathering, party.gathering = party.gathering, None
        if gathering is None or party.call is None:
            return
        packet = gathering.packet
        self._sink.call_event(
            party.call,
            LINE_GATHERDIGITS,
            to=gathering.to,
            context=packet.context,
            reason=int(reason),
            digits_context=packet.digits_context,
            tick_count=_ticks(),
            end_to_end_id=packet.end_to_end_id,
            digits=gathering.digits or None,
        )

    def cancel_generation(self, party: Party) -> None:
        """Cancel the generation in progress."""
        self._end_generating(party, LINEGENERATETERM.CANCEL)

    def generate(self, party: Party, to: Handle, end_to_end: int, seconds: float) -> None:
        """Start a generation; report its end."""
        generating = party.generating = Generating(to, end_to_end)

        def done() -> None:
            if party.generating is generating:
                self._end_generating(party, LINEGENERATETERM.DONE)

        self._clock.after(seconds, done, party)

    def _end_generating(self, party: Party, reason: int) -> None:
        generating, party.generating = party.generating, None
        if generating is not None and party.call is not None:
            fields = {"reason": int(reason), "end_to_end_id": generating.end_to_end, "tick_count": _ticks()}
            self._sink.call_event(party.call, LINE_GENERATE, to=generating.to, **fields)


def _ticks() -> int:
    return int(time.monotonic() * 1000) & 0xFFFFFFFF


# -- TSPI ---------------------------------------------------------------------------------------------------------


def monitor_digits(switch: Switch, call: Call, modes: int) -> None:
    """Set the digit modes to monitor."""
    switch.connections.party(call).digit_modes = modes


def gather_digits(switch: Switch, call: Call, request: Any, to: Handle) -> None:
    """Collect digits; cancel the collection in progress."""
    switch.tones.gather(switch.connections.party(call), request, to)


def generate_digits(
    switch: Switch, call: Call, mode: int, digits: str | None, duration: int, end_to_end: int, to: Handle
) -> None:
    """Send digits to the remote party; without digits only cancel the generation in progress."""
    party = switch.connections.party(call)
    if digits and set(digits) - _DIGITS:
        raise TapiError(LINEERR.INVALDIGITS, repr(digits))
    switch.tones.cancel_generation(party)
    if digits:
        switch.tones.generate(party, to, end_to_end, len(digits) * switch.plan.step / 10)
        switch.tones.send(party, digits)


def generate_tone(switch: Switch, call: Call, request: Any, to: Handle) -> None:
    """Send a tone to the remote party; without a tone only cancel the generation in progress."""
    party = switch.connections.party(call)
    switch.tones.cancel_generation(party)
    if not request.tone_mode:
        return
    if request.tone_mode == LINETONEMODE.CUSTOM and not request.tones:
        raise TapiError(LINEERR.INVALTONE)
    switch.tones.generate(party, to, request.end_to_end_id, (request.duration or 500) / 1000)

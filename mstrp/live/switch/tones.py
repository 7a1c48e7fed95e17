"""Digits and tones: monitored, gathered, generated."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mstrp.live.provider import Provider, TapiError
from protocol.constants import LINEDIGITMODE, LINEERR, LINEGATHERTERM, LINEGENERATETERM, LINETONEMODE
from protocol.events import LINE_GATHERDIGITS, LINE_GENERATE, LINE_MONITORDIGITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mstrp.live.server.calls import Call, Handle
    from mstrp.live.switch.leg import Leg
    from mstrp.live.switch.plan import Plan

__all__ = ["Tones"]

_DTMF = int(LINEDIGITMODE.DTMF)
_DIGITS = set("0123456789*#ABCD,!")


class _Gathering:
    """Digits on their way into one event."""

    def __init__(self, packet: Any, to: Handle) -> None:
        self.packet = packet
        self.to = to
        self.digits = ""
        self.last = 0.0


class Tones(Provider):
    """The part of the switch for what is heard on calls."""

    plan: Plan
    leg: Callable[[Call], Leg]
    after: Callable[..., None]

    def press(self, leg: Leg, digits: str) -> None:
        """Digits are sent from one end: the other one hears them."""
        if leg.peer is not None:
            self.hear(leg.peer, digits)

    def hear(self, leg: Leg, digits: str) -> None:
        """Digits arrive at a call."""
        for digit in digits:
            if leg.call is None:
                return
            if leg.hears & _DTMF:
                self.sink.call_event(
                    leg.call, LINE_MONITORDIGITS, digit=ord(digit), digit_mode=_DTMF, tick_count=_ticks()
                )
            gathering: _Gathering | None = leg.gathering
            if gathering is not None:
                gathering.digits += digit
                gathering.last = time.monotonic()
                if digit in (gathering.packet.termination_digits or ""):
                    self._gathered(leg, LINEGATHERTERM.TERMDIGIT)
                elif len(gathering.digits) >= gathering.packet.num_digits:
                    self._gathered(leg, LINEGATHERTERM.BUFFERFULL)

    def stop_tones(self, leg: Leg) -> None:
        """The call is over: what was under way ends."""
        if leg.gathering is not None:
            self._gathered(leg, LINEGATHERTERM.CANCEL)
        if leg.generating is not None:
            self._generated(leg, LINEGENERATETERM.CANCEL)

    # -- monitoring -----------------------------------------------------------------------------------------------

    def line_monitor_digits(self, call: Call, modes: int) -> None:
        """Tell digits."""
        self.leg(call).hears = modes

    def line_monitor_media(self, call: Call, media: int) -> None:
        """There is nothing but voice: nothing ever changes."""

    def line_monitor_tones(self, call: Call, tones: Iterable[Any], list_id: int) -> None:
        """Nobody whistles."""

    # -- gathering ------------------------------------------------------------------------------------------------

    def line_gather_digits(self, call: Call, request: Any, to: Handle) -> None:
        """Collect digits; a collection under way is cancelled."""
        leg = self.leg(call)
        if leg.gathering is not None:
            self._gathered(leg, LINEGATHERTERM.CANCEL)
        if not request.digits_context:
            return
        if set(request.termination_digits or "") - _DIGITS:
            raise TapiError(LINEERR.INVALDIGITS)
        gathering = leg.gathering = _Gathering(request, to)
        if request.first_digit_timeout:
            self._later(leg, gathering, request.first_digit_timeout / 1000)

    def _later(self, leg: Leg, gathering: _Gathering, seconds: float) -> None:
        self.after(seconds / (self.plan.pace or 1), lambda: self._timed_out(leg, gathering), leg)

    def _timed_out(self, leg: Leg, gathering: _Gathering) -> None:
        if leg.gathering is not gathering:
            return
        if not gathering.digits:
            self._gathered(leg, LINEGATHERTERM.FIRSTTIMEOUT)
        elif gathering.packet.inter_digit_timeout:
            left = gathering.packet.inter_digit_timeout / 1000 - (time.monotonic() - gathering.last)
            if left <= 0:
                self._gathered(leg, LINEGATHERTERM.INTERTIMEOUT)
            else:
                self._later(leg, gathering, left)

    def _gathered(self, leg: Leg, reason: int) -> None:
        gathering: _Gathering | None
        gathering, leg.gathering = leg.gathering, None
        if gathering is None or leg.call is None:
            return
        packet = gathering.packet
        self.sink.call_event(
            leg.call,
            LINE_GATHERDIGITS,
            to=gathering.to,
            context=packet.context,
            reason=int(reason),
            digits_context=packet.digits_context,
            tick_count=_ticks(),
            end_to_end_id=packet.end_to_end_id,
            digits=gathering.digits or None,
        )

    # -- generating -----------------------------------------------------------------------------------------------

    def line_generate_digits(
        self, call: Call, mode: int, digits: str | None, duration: int, end_to_end: int, to: Handle
    ) -> None:
        """Send digits to the other end; without digits a generation under way is cancelled."""
        leg = self.leg(call)
        if digits and set(digits) - _DIGITS:
            raise TapiError(LINEERR.INVALDIGITS)
        if leg.generating is not None:
            self._generated(leg, LINEGENERATETERM.CANCEL)
        if not digits:
            return
        leg.generating = (to, end_to_end)
        mark = leg.generating
        self.press(leg, digits)
        self.after(len(digits) * self.plan.step / 10, lambda: self._done(leg, mark), leg)

    def line_generate_tone(self, call: Call, request: Any, to: Handle) -> None:
        """Send a tone."""
        leg = self.leg(call)
        if leg.generating is not None:
            self._generated(leg, LINEGENERATETERM.CANCEL)
        if not request.tone_mode:
            return
        if request.tone_mode == LINETONEMODE.CUSTOM and not request.tones:
            raise TapiError(LINEERR.INVALTONE)
        leg.generating = (to, request.end_to_end_id)
        mark = leg.generating
        seconds = (request.duration or 500) / 1000
        self.after(seconds, lambda: self._done(leg, mark), leg)

    def _done(self, leg: Leg, mark: Any) -> None:
        if leg.generating is mark:
            self._generated(leg, LINEGENERATETERM.DONE)

    def _generated(self, leg: Leg, reason: int) -> None:
        generating, leg.generating = leg.generating, None
        if generating is not None and leg.call is not None:
            to, end_to_end = generating
            self.sink.call_event(
                leg.call, LINE_GENERATE, to=to, reason=int(reason), end_to_end_id=end_to_end, tick_count=_ticks()
            )


def _ticks() -> int:
    return int(time.monotonic() * 1000) & 0xFFFFFFFF

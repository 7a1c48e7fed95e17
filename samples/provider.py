"""A provider of one's own: the smallest switch that a telephony server can stand before.

It has two lines. Whoever calls "echo" is connected at once and hears the digits that are dialled; every other number is
busy. A provider for a real switch has the same shape: what is asked of it goes to the hardware, what the hardware
reports goes to ``self.sink``. Run it, then try:  mstrp call 127.0.0.1:5150 outgoing --to echo
"""

from __future__ import annotations

import asyncio
import sys

from mstrp.live.provider import Provider, TapiError
from mstrp.live.server import Options, Server
from mstrp.live.server.calls import Call  # noqa: TC001 - simpler to read
from protocol.constants import LINEBUSYMODE, LINECALLSTATE, LINECONNECTEDMODE, LINEDIGITMODE, LINEERR
from protocol.events import LINE_MONITORDIGITS
from protocol.structures import LINEADDRESSCAPS, LINECALLPARAMS, LINEDEVCAPS
from protocol.structures.common import LINEDIALPARAMS


class Echo(Provider):
    """Two lines, and somebody at the other end who repeats what is said."""

    file_name = "echo.tsp"
    lines = 2

    def line_get_dev_caps(self, device: int, version: int) -> LINEDEVCAPS:
        """What the lines can do: version by version, as much as the client understands."""
        times = LINEDIALPARAMS()
        return LINEDEVCAPS(
            line_name=f"Echo {device}",
            num_addresses=1,
            media_modes=4,
            min_dial_params=times,
            max_dial_params=times,
            default_dial_params=times,
            tapi_version=version,
        )

    def line_get_address_caps(self, device: int, address: int, version: int) -> LINEADDRESSCAPS:
        """The address of a line."""
        return LINEADDRESSCAPS(line_device_id=device, address=str(100 + device), tapi_version=version)

    async def line_make_call(
        self, device: int, call: Call, destination: str | None, country: int, params: LINECALLPARAMS | None
    ) -> None:
        """Call somebody. What takes its time is a coroutine: when it ends the request is completed."""
        if not destination:
            raise TapiError(LINEERR.INVALADDRESS)
        await asyncio.sleep(0.1)  # the hardware goes off hook
        asyncio.get_running_loop().call_later(0.2, self._progress, call, destination)

    def _progress(self, call: Call, destination: str) -> None:
        """What the hardware reports later. States may be reported at any time after the call exists."""
        self.sink.call_state(call, LINECALLSTATE.PROCEEDING)
        if destination == "echo":
            self.sink.call_state(call, LINECALLSTATE.CONNECTED, LINECONNECTEDMODE.ACTIVE)
        else:
            self.sink.call_state(call, LINECALLSTATE.BUSY, LINEBUSYMODE.STATION)

    def line_drop(self, call: Call, user_user: bytes) -> None:
        """Hang up. What is done at once returns, and the request is completed."""
        self.sink.call_state(call, LINECALLSTATE.IDLE)

    def line_monitor_digits(self, call: Call, modes: int) -> None:
        """Remember in ``call.note``, which is ours, whether digits are wanted."""
        call.note = modes

    def line_dial(self, call: Call, destination: str, country: int) -> None:
        """Digits come back as an echo."""
        for digit in destination if call.note else "":
            self.sink.call_event(call, LINE_MONITORDIGITS, digit=ord(digit), digit_mode=int(LINEDIGITMODE.DTMF))

    def line_close_call(self, call: Call) -> None:
        """Nobody has a handle any more: hang up, if that was forgotten."""


async def main(port: int = 5150) -> None:
    """Serve until interrupted."""
    async with Server(Echo(), Options(port=port)) as server:
        print("serving", server.address)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))

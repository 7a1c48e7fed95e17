"""A minimal service provider.

It has two lines. A call to "echo" is connected and returns the digits that are dialled; all other numbers are busy. A
provider for a real switch has the same structure: it passes requests to the hardware, and reports the events of the
hardware to ``self.sink``. Run it, then try:  mstrp call 127.0.0.1:5150 outgoing --to echo
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
    """Two lines, and a remote party that repeats the digits it receives."""

    file_name = "echo.tsp"
    lines = 2

    def line_get_dev_caps(self, device: int, version: int) -> LINEDEVCAPS:
        """Return the capabilities of a line, as of the version that the client negotiated."""
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
        """Return the capabilities of the address of a line."""
        return LINEADDRESSCAPS(line_device_id=device, address=str(100 + device), tapi_version=version)

    async def line_make_call(
        self, device: int, call: Call, destination: str | None, country: int, params: LINECALLPARAMS | None
    ) -> None:
        """Make a call. An operation that takes time is a coroutine; its end completes the request."""
        if not destination:
            raise TapiError(LINEERR.INVALADDRESS)
        await asyncio.sleep(0.1)  # the hardware goes off hook
        asyncio.get_running_loop().call_later(0.2, self._progress, call, destination)

    def _progress(self, call: Call, destination: str) -> None:
        """Report the progress of the call. States can be reported at any time while the call exists."""
        self.sink.call_state(call, LINECALLSTATE.PROCEEDING)
        if destination == "echo":
            self.sink.call_state(call, LINECALLSTATE.CONNECTED, LINECONNECTEDMODE.ACTIVE)
        else:
            self.sink.call_state(call, LINECALLSTATE.BUSY, LINEBUSYMODE.STATION)

    def line_drop(self, call: Call, user_user: bytes) -> None:
        """Drop the call. The return of the method completes the request."""
        self.sink.call_state(call, LINECALLSTATE.IDLE)

    def line_monitor_digits(self, call: Call, modes: int) -> None:
        """Store the digit modes in ``call.note``, which is reserved for the provider."""
        call.note = modes

    def line_dial(self, call: Call, destination: str, country: int) -> None:
        """Report the dialled digits as received digits."""
        for digit in destination if call.note else "":
            self.sink.call_event(call, LINE_MONITORDIGITS, digit=ord(digit), digit_mode=int(LINEDIGITMODE.DTMF))

    def line_close_call(self, call: Call) -> None:
        """Release the call: no client has a handle to it."""


async def main(port: int = 5150) -> None:
    """Serve until interrupted."""
    async with Server(Echo(), Options(port=port)) as server:
        print("serving", server.address)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))

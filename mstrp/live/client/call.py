"""A call as its client sees it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from protocol import line
from protocol.constants import LINECALLPRIVILEGE, LINECALLSTATE, LINEDIGITMODE, LINEPARKMODE, LINETRANSFERMODE

if TYPE_CHECKING:
    from mstrp.live.client.line import Line
    from protocol.event import Event
    from protocol.structures import LINECALLINFO, LINECALLPARAMS, LINECALLSTATUS

__all__ = ["Call", "CallEnded"]


class CallEnded(Exception):  # noqa: N818 - it is no error of anybody
    """A call ended while something else was waited for."""


class Call:
    """A call handle. ``state`` is what the server reported last, ``states`` everything it reported."""

    def __init__(self, line: Line, handle: int) -> None:
        self.line = line
        self.handle = handle
        self.state = 0
        self.mode = 0
        self.privilege = int(LINECALLPRIVILEGE.OWNER)
        self.states: list[LINECALLSTATE] = []
        #: Digits that were detected or gathered, newest last.
        self.digits = ""
        self.live = True
        self._changed: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        name = str(self.states[-1].name).lower() if self.states else "no state yet"
        return f"<call {self.handle:#x}: {name}>"

    # -- states ---------------------------------------------------------------------------------------------------

    def entered(self, event: Any) -> None:
        """LINE_CALLSTATE."""
        self.state = event.call_state & 0x00FFFFFF
        self.mode = event.mode
        self.privilege = event.privilege or self.privilege
        self.states.append(LINECALLSTATE(self.state))
        self._wake()

    def heard(self, event: Event) -> None:
        """Something else about the call."""
        digits = getattr(event, "digits", None)
        if digits is not None:
            self.digits += digits
        elif hasattr(event, "digit"):
            self.digits += chr(event.digit & 0xFF)
        self._wake()

    def void(self) -> None:
        """The handle means nothing any more."""
        self.live = False
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, []
        for future in changed:
            if not future.done():
                future.set_result(None)

    async def wait(self, *states: int, timeout: float | None = 10.0) -> int:  # noqa: ASYNC109
        """Wait until the call is, or has been since the last such wait, in one of the states; any change without."""
        wanted = {int(state) for state in states}
        seen = len(self.states)
        if self.state in wanted:
            return self.state
        if wanted and self.state == LINECALLSTATE.IDLE:
            raise CallEnded(f"{self!r} before waiting for {sorted(wanted)}")
        async with asyncio.timeout(timeout):
            while True:
                if not self.live:
                    raise CallEnded(f"{self!r} is void")
                future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._changed.append(future)
                await future
                for state in self.states[seen:]:
                    if not wanted or int(state) in wanted:
                        return int(state)
                    if state == LINECALLSTATE.IDLE:
                        raise CallEnded(f"{self!r} while waiting for {sorted(wanted)}")
                seen = len(self.states)

    # -- control --------------------------------------------------------------------------------------------------

    async def ask(self, kind: type[Any], **fields: Any) -> Any:
        """Any request about the call; the handle is filled in."""
        return await self.line.client.ask(kind(call=self.handle, **fields))

    async def accept(self, user_user: bytes | None = None) -> None:
        """Claim the call before answering it."""
        await self.ask(line.Accept, user_user_info=user_user)

    async def answer(self, user_user: bytes | None = None) -> None:
        """Answer the call."""
        await self.ask(line.Answer, user_user_info=user_user)

    async def drop(self, user_user: bytes | None = None) -> None:
        """Drop the call, or reject it."""
        await self.ask(line.Drop, user_user_info=user_user)

    async def dial(self, number: str, country: int = 0) -> None:
        """Dial."""
        await self.ask(line.Dial, dest_address=number, country_code=country)

    async def redirect(self, number: str, country: int = 0) -> None:
        """Send an offered call on."""
        await self.ask(line.Redirect, dest_address=number, country_code=country)

    async def hold(self) -> None:
        """Hold the call."""
        await self.ask(line.Hold)

    async def unhold(self) -> None:
        """Take the call back."""
        await self.ask(line.UnHold)

    async def swap(self, held: Call) -> None:
        """Hold this call and take the other one back."""
        await self.line.client.ask(line.SwapHold(active_call=self.handle, held_call=held.handle))

    async def blind_transfer(self, number: str, country: int = 0) -> None:
        """Transfer the call without consultation."""
        await self.ask(line.BlindTransfer, dest_address=number, country_code=country)

    async def set_up_transfer(self, params: LINECALLPARAMS | None = None) -> Call:
        """Hold the call for transfer; the consultation call."""
        done = await self.ask(line.SetUpTransfer, call_params=params)
        return self.line.client.adopt(self.line, done.consult_call)

    async def complete_transfer(self, consult: Call) -> None:
        """Connect the two other parties."""
        await self.ask(line.CompleteTransfer, consult_call=consult.handle, transfer_mode=int(LINETRANSFERMODE.TRANSFER))

    async def merge(self, consult: Call) -> Call:
        """Complete a transfer as a conference; the call that stands for it."""
        done = await self.ask(
            line.CompleteTransfer, consult_call=consult.handle, transfer_mode=int(LINETRANSFERMODE.CONFERENCE)
        )
        return self.line.client.adopt(self.line, done.conf_call)

    async def set_up_conference(self, parties: int = 3) -> tuple[Call, Call]:
        """Begin a conference with this call; the call that stands for it, and a consultation call."""
        done = await self.ask(line.SetUpConference, line=self.line.handle, num_parties=parties)
        client = self.line.client
        return client.adopt(self.line, done.conf_call), client.adopt(self.line, done.consult_call)

    async def prepare_add(self) -> Call:
        """On the call that stands for a conference: a consultation call for one more member."""
        done = await self.line.client.ask(line.PrepareAddToConference(conf_call=self.handle))
        return self.line.client.adopt(self.line, done.consult_call)

    async def add(self, consult: Call) -> None:
        """On the call that stands for a conference: add a member."""
        await self.line.client.ask(line.AddToConference(conf_call=self.handle, consult_call=consult.handle))

    async def leave_conference(self) -> None:
        """Take the call out of its conference."""
        await self.ask(line.RemoveFromConference)

    async def park(self, address: str) -> None:
        """Park the call at an address."""
        await self.ask(line.Park, park_mode=int(LINEPARKMODE.DIRECTED), dir_address=address)

    async def park_anywhere(self, room: int = 256) -> str:
        """Park the call where the switch likes; that address."""
        done = await self.ask(line.Park, park_mode=int(LINEPARKMODE.NONDIRECTED), non_dir_address=room)
        return str(done.address.string)

    async def complete(self, mode: int = 2, message: int = 0) -> int:
        """Ask to have the call completed later (mode: LINECALLCOMPLMODE, call back by default); the completion id."""
        done = await self.ask(line.CompleteCall, completion_mode=mode, message_id=message)
        return int(done.completion_id)

    async def secure(self) -> None:
        """Protect the call from interruptions."""
        await self.ask(line.SecureCall)

    async def send_user_user(self, data: bytes) -> None:
        """Send user-user information."""
        await self.ask(line.SendUserUserInfo, user_user_info=data)

    async def set_data(self, data: bytes) -> None:
        """Data that travels with the call."""
        await self.ask(line.SetCallData, call_data=data)

    async def set_app_specific(self, value: int) -> None:
        """A value that all applications see."""
        await self.ask(line.SetAppSpecific, app_specific=value)

    async def set_media(self, media: int) -> None:
        """The media type of the call."""
        await self.ask(line.SetMediaMode, media_mode=media)

    # -- digits ---------------------------------------------------------------------------------------------------

    async def monitor_digits(self, modes: int = int(LINEDIGITMODE.DTMF)) -> None:
        """Have digits reported."""
        await self.ask(line.MonitorDigits, digit_modes=modes)

    async def gather_digits(self, count: int, *, ending: str | None = None, first: int = 0, between: int = 0) -> None:
        """Have digits collected; they arrive in one event."""
        await self.ask(
            line.GatherDigits,
            context=self.line.client.own(),
            digits_context=self.line.client.own(),
            digit_modes=int(LINEDIGITMODE.DTMF),
            num_digits=count,
            termination_digits=ending,
            first_digit_timeout=first,
            inter_digit_timeout=between,
        )

    async def generate_digits(self, digits: str, duration: int = 0) -> None:
        """Send digits as tones."""
        await self.ask(line.GenerateDigits, digit_mode=int(LINEDIGITMODE.DTMF), digits=digits, duration=duration)

    # -- information ----------------------------------------------------------------------------------------------

    async def info(self, room: int = 2048) -> LINECALLINFO:
        """What is known about the call."""
        answer = await self.ask(line.GetCallInfo, call_info=room)
        found: LINECALLINFO = answer.call_info
        return found

    async def status(self, room: int = 256) -> LINECALLSTATUS:
        """State and privilege."""
        answer = await self.ask(line.GetCallStatus, call_status=room)
        found: LINECALLSTATUS = answer.call_status
        return found

    async def deallocate(self) -> None:
        """Give up the handle."""
        await self.ask(line.DeallocateCall)
        self.line.client.calls.pop(self.handle, None)
        self.void()

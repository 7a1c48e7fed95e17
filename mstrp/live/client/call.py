"""Calls of a client."""

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


class CallEnded(Exception):  # noqa: N818 - not an error
    """A call ended before it entered an expected state."""


class Call:
    """A call handle, with the reported states; ``state`` is the last of them."""

    def __init__(self, line: Line, handle: int) -> None:
        self.line = line
        self.handle = handle
        self.state = 0
        self.mode = 0
        self.privilege = int(LINECALLPRIVILEGE.OWNER)
        self.states: list[LINECALLSTATE] = []
        #: Monitored and gathered digits.
        self.digits = ""
        self.valid = True
        self._changed: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        name = str(self.states[-1].name).lower() if self.states else "no state yet"
        return f"<call {self.handle:#x}: {name}>"

    # -- states ---------------------------------------------------------------------------------------------------

    def update_state(self, event: Any) -> None:
        """Process LINE_CALLSTATE."""
        self.state = event.call_state & 0x00FFFFFF
        self.mode = event.mode
        self.privilege = event.privilege or self.privilege
        self.states.append(LINECALLSTATE(self.state))
        self._wake()

    def update(self, event: Event) -> None:
        """Process another event about the call."""
        digits = getattr(event, "digits", None)
        if digits is not None:
            self.digits += digits
        elif hasattr(event, "digit"):
            self.digits += chr(event.digit & 0xFF)
        self._wake()

    def invalidate(self) -> None:
        """Mark the handle as no longer valid."""
        self.valid = False
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, []
        for future in changed:
            if not future.done():
                future.set_result(None)

    def check_state(self) -> None:
        """Let waiting programs check the state again."""
        self._wake()

    @property
    def implied(self) -> int:
        """The state that the last successful request implies, 0 if LINE_CALLSTATE reported one since."""
        known = self.line.client.conversation.calls.get(self.handle)
        if known is None or not known.inferred or known.path.state is None:
            return 0
        return int(LINECALLSTATE[known.path.state.name])

    async def wait(self, *states: int, timeout: float | None = 10.0, silent: float | None = None) -> int:  # noqa: ASYNC109
        """Wait until the call enters one of the states, or any state if none is given; the state.

        Returns at once if the call is in one of them; raises `CallEnded` if the call becomes idle or invalid first. A
        state that a successful request implies counts unless LINE_CALLSTATE reports one within `ClientOptions.quiet`.
        ``silent``: return 0 if no state of the call is reported for so long.
        """
        wanted = {int(state) for state in states}
        if self.state in wanted:
            return self.state
        names = " or ".join(str(LINECALLSTATE(state).name).lower() for state in sorted(wanted))
        if wanted and self.state == LINECALLSTATE.IDLE:
            raise CallEnded(f"{self!r} before waiting for {names}")
        with self.line.client.waiting(f"{self!r} to be {names}" if names else f"a state of {self!r}"):
            async with asyncio.timeout(timeout):
                return await self._wait(wanted, names, silent)

    async def _wait(self, wanted: set[int], names: str, silent: float | None) -> int:
        seen = len(self.states)
        while True:
            if not self.valid:
                raise CallEnded(f"{self!r} is no longer valid")
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._changed.append(future)
            quiet = self.line.client.options.quiet if self.implied in wanted else None if self.states else silent
            try:
                async with asyncio.timeout(quiet):
                    await future
            except TimeoutError:
                return self.implied if self.implied in wanted else 0
            for state in self.states[seen:]:
                if not wanted or int(state) in wanted:
                    return int(state)
                if state == LINECALLSTATE.IDLE:
                    raise CallEnded(f"{self!r} while waiting for {names}")
            seen = len(self.states)

    # -- control --------------------------------------------------------------------------------------------------

    async def ask(self, kind: type[Any], **fields: Any) -> Any:
        """Perform any request with the handle of the call."""
        return await self.line.client.ask(kind(call=self.handle, **fields))

    def _adopt(self, handle: int) -> Call:
        return self.line.client.handles.adopt(self.line, handle)

    async def accept(self, user_user: bytes | None = None) -> None:
        """Claim an offered call."""
        await self.ask(line.Accept, user_user_info=user_user)

    async def answer(self, user_user: bytes | None = None) -> None:
        """Answer the call."""
        await self.ask(line.Answer, user_user_info=user_user)

    async def drop(self, user_user: bytes | None = None) -> None:
        """Drop the call, or reject it."""
        await self.ask(line.Drop, user_user_info=user_user)

    async def dial(self, number: str, country: int = 0) -> None:
        """Dial a number."""
        await self.ask(line.Dial, dest_address=number, country_code=country)

    async def redirect(self, number: str, country: int = 0) -> None:
        """Redirect an offered call."""
        await self.ask(line.Redirect, dest_address=number, country_code=country)

    async def hold(self) -> None:
        """Hold the call."""
        await self.ask(line.Hold)

    async def unhold(self) -> None:
        """Resume the call on hold."""
        await self.ask(line.UnHold)

    async def swap(self, held: Call) -> None:
        """Hold this call and resume the other one."""
        await self.line.client.ask(line.SwapHold(active_call=self.handle, held_call=held.handle))

    async def blind_transfer(self, number: str, country: int = 0) -> None:
        """Transfer the call without consultation."""
        await self.ask(line.BlindTransfer, dest_address=number, country_code=country)

    async def set_up_transfer(self, params: LINECALLPARAMS | None = None) -> Call:
        """Hold the call for transfer; return the consultation call."""
        done = await self.ask(line.SetUpTransfer, call_params=params)
        return self._adopt(done.consult_call)

    async def complete_transfer(self, consult: Call) -> None:
        """Connect the two remote parties."""
        await self.ask(line.CompleteTransfer, consult_call=consult.handle, transfer_mode=int(LINETRANSFERMODE.TRANSFER))

    async def merge(self, consult: Call) -> Call:
        """Complete a transfer as a conference; return the conference call."""
        done = await self.ask(
            line.CompleteTransfer, consult_call=consult.handle, transfer_mode=int(LINETRANSFERMODE.CONFERENCE)
        )
        return self._adopt(done.conf_call)

    async def set_up_conference(self, parties: int = 3) -> tuple[Call, Call]:
        """Start a conference with this call; return the conference call and a consultation call."""
        done = await self.ask(line.SetUpConference, line=self.line.handle, num_parties=parties)
        return self._adopt(done.conf_call), self._adopt(done.consult_call)

    async def prepare_add(self) -> Call:
        """Hold this conference call; return a consultation call for another member."""
        done = await self.line.client.ask(line.PrepareAddToConference(conf_call=self.handle))
        return self._adopt(done.consult_call)

    async def add(self, consult: Call) -> None:
        """Add a consultation call to this conference call."""
        await self.line.client.ask(line.AddToConference(conf_call=self.handle, consult_call=consult.handle))

    async def leave_conference(self) -> None:
        """Remove the call from its conference."""
        await self.ask(line.RemoveFromConference)

    async def park(self, address: str) -> None:
        """Park the call at an address."""
        await self.ask(line.Park, park_mode=int(LINEPARKMODE.DIRECTED), dir_address=address)

    async def park_anywhere(self, room: int = 256) -> str:
        """Park the call at an address that the switch chooses; return the address."""
        done = await self.ask(line.Park, park_mode=int(LINEPARKMODE.NONDIRECTED), non_dir_address=room)
        return str(done.address.string)

    async def complete(self, mode: int = 2, message: int = 0) -> int:
        """Request call completion (LINECALLCOMPLMODE, default: call back); return the completion id."""
        done = await self.ask(line.CompleteCall, completion_mode=mode, message_id=message)
        return int(done.completion_id)

    async def secure(self) -> None:
        """Protect the call from interruptions."""
        await self.ask(line.SecureCall)

    async def send_user_user(self, data: bytes) -> None:
        """Send user-user information."""
        await self.ask(line.SendUserUserInfo, user_user_info=data)

    async def set_data(self, data: bytes) -> None:
        """Set the data that travels with the call."""
        await self.ask(line.SetCallData, call_data=data)

    async def set_app_specific(self, value: int) -> None:
        """Set the application-specific value, which all applications share."""
        await self.ask(line.SetAppSpecific, app_specific=value)

    async def set_media(self, media: int) -> None:
        """Set the media type of the call."""
        await self.ask(line.SetMediaMode, media_mode=media)

    # -- digits ---------------------------------------------------------------------------------------------------

    async def monitor_digits(self, modes: int = int(LINEDIGITMODE.DTMF)) -> None:
        """Monitor digits."""
        await self.ask(line.MonitorDigits, digit_modes=modes)

    async def gather_digits(self, count: int, *, ending: str | None = None, first: int = 0, between: int = 0) -> None:
        """Gather digits, which arrive in one event."""
        await self.ask(
            line.GatherDigits,
            context=self.line.client.new_id(),
            digits_context=self.line.client.new_id(),
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
        """Return the call information."""
        answer = await self.ask(line.GetCallInfo, call_info=room)
        found: LINECALLINFO = answer.call_info
        return found

    async def status(self, room: int = 256) -> LINECALLSTATUS:
        """Return state and privilege."""
        answer = await self.ask(line.GetCallStatus, call_status=room)
        found: LINECALLSTATUS = answer.call_status
        return found

    async def deallocate(self) -> None:
        """Release the handle."""
        await self.ask(line.DeallocateCall)
        self.line.client.handles.invalidate(self.handle)

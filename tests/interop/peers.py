"""Common parts of the tests with independent RPC stacks: section 4.5 as TAPI32_MSG buffers.

The buffers are from this project; their transport (binds, contexts, NDR, fragments, signatures) is from the other
stack.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from protocol import events, generic, line
from protocol.event import decode_events, encode_events
from protocol.packet import FIXED, decode_request, decode_response
from protocol.structures import LINEDEVCAPS, LINEEXTENSIONID

VERSION = 0x00030001
#: The mailslot name of a client, for pull delivery.
MAILSLOT = r"\\PEER\mailslot\tapi\tp1"


def padded(packet: Any) -> bytes:
    """Return a request with all of its space for the response, for stacks with a single length."""
    return packet.encode().ljust(packet.capacity, b"\0")


class Script:
    """Section 4.5 as performed by a client; ``carry`` sends a buffer to the server and returns the response."""

    def __init__(self, carry: Callable[[bytes], bytes], *, large: int = 12_000) -> None:
        self.carry = carry
        #: Size of the buffers in bytes: by default larger than any fragment.
        self.large = large
        self.events: list[Any] = []
        self.number = 0

    def ask(self, packet: Any) -> Any:
        answer = decode_response(self.carry(padded(packet)), type(packet))
        assert answer.ack >= 0, (packet, hex(answer.words[0]))
        return answer

    def fetch(self) -> None:
        packet = generic.GetAsyncEvents(total_buffer_size=2048, capacity=FIXED + 2048)
        answer = self.ask(packet)
        used = answer.words[generic.GetAsyncEvents.layout.index("dwUsedBufferSize")]
        self.events += decode_events(answer.buffer[FIXED : FIXED + used]).events

    def wait(self, kind: type[Any], **fields: Any) -> Any:
        """Fetch until an event is available."""
        for _ in range(500):
            for event in self.events:
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                    self.events.remove(event)
                    return event
            self.fetch()
            time.sleep(0.005)
        raise AssertionError(f"no {kind.__name__} {fields} in {self.events}")

    def perform(self) -> int:
        """Perform the scenario; return the number of responses."""
        app = self.ask(
            line.Initialize(init_context=1, friendly_name="PEER", module_name="PEER", api_version=VERSION)
        ).line_app
        sizes = {"line_api_versions_size": 4, "line_extension_ids_size": 16}
        self.ask(
            generic.NegotiateAPIVersionForAllDevices(
                line_app=app, num_line_devices=1, api_high_version=VERSION, **sizes
            )
        )
        caps = self.ask(line.GetDevCaps(line_app=app, tspi_version=VERSION, line_dev_caps=2048)).line_dev_caps
        assert caps.line_name
        opened = self.ask(
            line.Open(
                line_app=app, negotiated_version=VERSION, open_context=2, privileges=4, media_modes=4, remote_line=3
            )
        ).line
        call = self.wait(events.LINE_APPNEWCALL).call
        self.wait(events.LINE_CALLSTATE, call=call, call_state=2)
        self.ask(line.Answer(request_id=11, call=call))
        self.wait(events.LINE_REPLY, request_id=11, result=0)
        self.wait(events.LINE_CALLSTATE, call=call, call_state=0x100)
        self.ask(line.BlindTransfer(request_id=12, call=call, dest_address="5551234"))
        self.wait(events.LINE_REPLY, request_id=12, result=0)
        self.wait(events.LINE_CALLSTATE, call=call, call_state=1)
        self.ask(line.DevSpecific(request_id=13, line=opened, params=bytes(self.large)))
        self.ask(line.DeallocateCall(call=call))
        self.ask(line.Close(line=opened))
        self.ask(line.ShutDown(line_app=app))
        return self.number


class Clerk:
    """A minimal server: sufficient for a client that performs section 4.5, with pull delivery."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.requests: list[str] = []
        self.lock = threading.Lock()

    def answer(self, data: bytes) -> bytes:
        """Return the response buffer."""
        packet: Any = decode_request(data)
        self.requests.append(type(packet).__name__)
        with self.lock:
            return getattr(self, f"_{type(packet).__name__}", self._done)(packet)

    @staticmethod
    def _done(packet: Any, **fields: Any) -> bytes:
        given = {name: value for name, value in packet.values().items() if isinstance(value, int)}
        return type(packet)(**{"ack": 0, **given, **fields}).encode()

    def _Initialize(self, packet: Any) -> bytes:
        self.init = packet.init_context
        return self._done(packet, line_app=0x1001, num_devs=1)

    def _NegotiateAPIVersionForAllDevices(self, packet: Any) -> bytes:
        return self._done(packet, line_api_versions=(VERSION,), line_extension_ids=(LINEEXTENSIONID(),))

    def _GetDevCaps(self, packet: Any) -> bytes:
        return self._done(packet, line_dev_caps=LINEDEVCAPS(num_addresses=1, line_name="peer"))

    def _Open(self, packet: Any) -> bytes:
        self.context, self.remote = packet.open_context, packet.remote_line
        own = {"init_context": self.init, "open_context": self.context, "remote_line": self.remote}
        self.waiting.append(events.LINE_APPNEWCALL(**own, call=0x3001, call_id=1))
        self._state(2, 1)
        return self._done(packet, line=0x2001)

    def _state(self, state: int, mode: int) -> None:
        own = {"init_context": self.init, "open_context": self.context, "remote_line": self.remote}
        self.waiting.append(
            events.LINE_CALLSTATE(**own, call=0x3001, call_state=state, mode=mode, privilege=4, media_mode=4)
        )

    def _reply(self, packet: Any) -> bytes:
        own = {"init_context": self.init, "open_context": self.context}
        self.waiting.append(events.LINE_REPLY(**own, request_id=packet.request_id))
        return self._done(packet, ack=packet.request_id)

    def _Answer(self, packet: Any) -> bytes:
        found = self._reply(packet)
        self._state(0x100, 1)
        return found

    def _BlindTransfer(self, packet: Any) -> bytes:
        found = self._reply(packet)
        self._state(1, 0)
        return found

    def _GetAsyncEvents(self, packet: Any) -> bytes:
        data = encode_events(self.waiting)
        self.waiting.clear()
        sizes = {"needed_buffer_size": len(data), "used_buffer_size": len(data)}
        return generic.GetAsyncEvents(ack=0, total_buffer_size=packet.total_buffer_size, **sizes).encode() + data

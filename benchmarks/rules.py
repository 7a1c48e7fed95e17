"""Measure the time to check the rules of requests, compared with decoding them, for a generated capture.

``python benchmarks/rules.py [FRAMES]`` prints the time per request for decoding (all fields read), for checking the
rules of the packet and the rules that depend on earlier traffic, and the ratio. Both are measured alternately in one
run.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fsm.judge.routes import ROUTES
from fsm.monitor import Monitor
from mstrp.checking import check_capture
from mstrp.generate import Wire, play
from mstrp.generate.flows import play_of
from mstrp.generate.play import Kind
from mstrp.generate.stages import MonitorStage
from protocol.packet import Request, decode_request

if TYPE_CHECKING:
    from fsm.conversation import Conversation
    from mstrp.capture.packets import Packet

ROUNDS = 7


def requests(frames: int) -> tuple[list[tuple[bytes, int]], Conversation]:
    """Return the requests of a generated capture, as bytes with lNeededSize, and a conversation with their devices."""
    found: list[tuple[bytes, int]] = []

    def collect(packet: Packet) -> None:
        if packet.method == "ClientRequest" and packet.phase == "request":
            found.append((packet.content.encode(), packet.content.capacity))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.pcap")
        with path.open("wb") as stream:
            play(Wire(stream), packets=frames, clients=20)
        check_capture(str(path), on_packet=collect)
    stage = MonitorStage(Monitor())
    for step in play_of("incoming").order():
        if step.kind is Kind.DETACH:
            break
        stage.take(step)
    return found, next(iter(stage.conversations.values()))


def decode(packets: list[tuple[bytes, int]]) -> float:
    """Seconds to decode all packets and read every field."""
    started = time.perf_counter()
    for data, capacity in packets:
        decode_request(data, capacity).values()
    return time.perf_counter() - started


def check(packets: list[Request], conversation: Conversation) -> float:
    """Seconds to check all rules of all packets."""
    started = time.perf_counter()
    for packet in packets:
        for condition in ROUTES[packet.words[0]].conditions:
            condition.wrong(conversation, packet)
        if packet.layout.prechecks and packet.may_fail():
            packet.problems()
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    packets, conversation = requests(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
    decoded = [decode_request(data, capacity) for data, capacity in packets]
    times = [(decode(packets), check(decoded, conversation)) for _ in range(ROUNDS)]
    reading, checking = min(first for first, _ in times), min(second for _, second in times)
    count = len(packets)
    print(f"{count} requests: decoding {1e6 * reading / count:.2f} us, checking {1e6 * checking / count:.2f} us each")
    print(f"checking costs {checking / reading:.2f} times what decoding costs (wanted: at most 2)")


if __name__ == "__main__":
    main()

"""Measure the time for unrelated packets, compared with ``tshark -q -z io,stat,0``, in CPU time.

    python benchmarks/unrelated.py [--packets 200000] [--rounds 3]

Web traffic of 200 connections (four of five packets), DNS-sized UDP and ARP-sized noise, reproducible. The start-up
time is measured with a capture of one packet and subtracted.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path
from struct import pack

from throughput import cpu

_HEADER = pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)


def _ip(source: bytes, target: bytes, protocol: int, payload: bytes) -> bytes:
    head = pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0, source, target)
    return bytes(12) + b"\x08\x00" + head + payload


def write(path: Path, packets: int) -> None:
    """Write the capture."""
    chance = random.Random(1)  # noqa: S311 - the same every time
    numbers = [[1000, 2000] for _ in range(200)]
    with path.open("wb") as stream:
        stream.write(_HEADER)
        for count in range(packets):
            kind = chance.random()
            if kind < 0.8:
                place = chance.randrange(200)
                client, server = bytes([10, 1, place, 1]), bytes([10, 2, place % 10, 1])
                back = chance.random() < 0.6
                data = b"\x17\x03\x03\x03\xe3" + chance.randbytes(1000 if back else 60)
                ends = (443, 40_000 + place) if back else (40_000 + place, 443)
                tcp = pack(">HHIIBBHHH", *ends, numbers[place][back], numbers[place][not back], 0x50, 16, 64_000, 0, 0)
                numbers[place][back] = numbers[place][back] + len(data) & 0xFFFFFFFF
                addresses = (server, client) if back else (client, server)
                frame = _ip(*addresses, 6, tcp + data)
            elif kind < 0.95:
                udp = pack(">HHHH", 5000, 53, 40, 0) + chance.randbytes(32)
                frame = _ip(bytes([10, 1, 5, 5]), bytes([10, 2, 5, 5]), 17, udp)
            else:
                frame = bytes(12) + b"\x08\x06" + chance.randbytes(46)
            stream.write(
                pack("<IIII", 1_700_000_000 + count // 1000, count % 1000 * 1000, len(frame), len(frame)) + frame
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--packets", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    commands = {"mstrp": [sys.executable, "-m", "mstrp", "check", "--format", "json"]}
    tshark = shutil.which("tshark")
    if tshark is None:
        print("tshark is not installed (Debian: apt-get install tshark): only mstrp is measured")
    else:
        commands["tshark"] = [tshark, "-q", "-z", "io,stat,0", "-r"]
    best: dict[tuple[str, int], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        places = {packets: Path(folder, f"{packets}.pcap") for packets in (1, options.packets)}
        for packets, place in places.items():
            write(place, packets)
        for _ in range(options.rounds):
            for packets, place in places.items():
                for name, command in commands.items():
                    spent = cpu([*command, str(place)])
                    best[name, packets] = min(spent, best.get((name, packets), spent))
    net = {name: (best[name, options.packets] - best[name, 1]) / options.packets * 1e6 for name in commands}
    for name, cost in net.items():
        print(f"{name:8} {cost:7.2f} µs an unrelated packet")
    if tshark is not None:
        print(f"mstrp needs {net['mstrp'] / net['tshark']:.1%} of what tshark needs")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

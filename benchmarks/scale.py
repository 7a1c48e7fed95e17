"""Measure time and memory of ``mstrp check`` by the size of a capture, to detect growth.

    python benchmarks/scale.py [--packets 100000 1000000 5000000] [--shapes long turn unrelated] [--folder DIR]

Shapes: one endless session, successive clients, and one MS-TRP packet in ten.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from unrelated import write as write_unrelated

from mstrp.generate import Wire, play

_HEADER = 24


class _Mixed:
    """A file in which every record is followed by nine unrelated ones."""

    def __init__(self, stream: IO[bytes], others: list[bytes]) -> None:
        self.stream = stream
        self.others = others
        self.place = 0
        self.records = 0

    def write(self, data: bytes) -> None:
        """One record, or the header of the file."""
        self.stream.write(data)
        if len(data) > _HEADER:
            self.stream.write(self.others[self.place])
            self.place = (self.place + 1) % len(self.others)


def _others() -> list[bytes]:
    """Return nine unrelated records."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "others.pcap")
        write_unrelated(place, 9_000)
        data = place.read_bytes()
    records, position = [], _HEADER
    while position < len(data):
        end = position + 16 + int.from_bytes(data[position + 8 : position + 12], "little")
        records.append(data[position:end])
        position = end
    return [b"".join(records[at : at + 9]) for at in range(0, len(records), 9)]


def generate(path: Path, shape: str, packets: int) -> None:
    """Write a capture of a shape."""
    with path.open("wb") as stream:
        if shape == "long":
            play(Wire(stream), packets=packets)
        elif shape == "turn":
            # A flow that leaves its devices closed: a new session and client each time.
            play(Wire(stream), scenario="shutdown-with-calls", packets=packets)
        else:
            mixed = _Mixed(stream, _others())
            play(Wire(mixed), clients=20, packets=packets // 10)  # type: ignore[arg-type] - it only writes


def measure(path: Path) -> tuple[float, float]:
    """Return CPU seconds and maximum resident size, in MB, of a check."""
    command = [sys.executable, "-m", "mstrp", "check", "-q", "--format", "json", "--output", os.devnull, str(path)]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"mstrp check ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--packets", type=int, nargs="+", default=[100_000, 1_000_000, 5_000_000])
    parser.add_argument("--shapes", nargs="+", default=["long", "turn", "unrelated"])
    parser.add_argument("--folder", help="where captures are written: 5,000,000 packets need up to 3 GB")
    parser.add_argument("--generate", type=Path, help="only write the first shape in the first size to this file")
    options = parser.parse_args()
    if options.generate is not None:
        generate(options.generate, options.shapes[0], options.packets[0])
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for shape in options.shapes:
            for packets in options.packets:
                place = Path(folder, "capture.pcap")
                # In a separate process, because the size of this one would be included in those of its children.
                what = ["--generate", str(place), "--shapes", shape, "--packets", str(packets)]
                subprocess.run([sys.executable, __file__, *what], check=True)
                size = place.stat().st_size / 1e6
                spent, memory = measure(place)
                each = spent / packets * 1e6
                print(
                    f"{shape:10} {packets:>9,} packets {size:7.0f} MB: {spent:6.1f} s, {each:5.2f} µs a packet, "
                    f"{memory:5.0f} MB resident",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

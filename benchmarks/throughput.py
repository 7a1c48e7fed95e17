"""Measure packets per second of ``mstrp check``, compared with ``tshark -q -z io,stat,0``, in CPU time.

    python benchmarks/throughput.py [--packets 100000] [--clients 20] [--rounds 5]

Both run alternately for several rounds; the best of each counts, because noise only adds time. The start-up time is
measured with a capture of one session and printed separately.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mstrp.generate import Wire, play


def generate(path: Path, **choices: int) -> int:
    """Write a capture; return its number of frames."""
    with path.open("wb") as stream:
        wire = Wire(stream)
        play(wire, **choices)  # type: ignore[arg-type]
    return wire.frames


def cpu(command: list[str]) -> float:
    """Return the CPU seconds of a command, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--packets", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    commands = {"mstrp": [sys.executable, "-m", "mstrp", "check", "--format", "json"]}
    tshark = shutil.which("tshark")
    if tshark is None:
        print("tshark is not installed (Debian: apt-get install tshark): only mstrp is measured")
    else:
        commands["tshark"] = [tshark, "-q", "-z", "io,stat,0", "-r"]
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.pcap"), Path(folder, "large.pcap")
        generate(small)
        frames = generate(large, packets=options.packets, clients=options.clients)
        print(f"{frames} frames, {large.stat().st_size / 1e6:.1f} MB, {options.clients} clients")
        times: dict[str, dict[Path, float]] = {name: {} for name in commands}
        for _ in range(options.rounds):
            for path in (small, large):
                for name, command in commands.items():
                    spent = cpu([*command, str(path)])
                    times[name][path] = min(spent, times[name].get(path, spent))
        print(f"{'':8} {'start':>9} {'whole run':>11} {'µs a frame':>12} {'frames a CPU second':>21}")
        for name, found in times.items():
            net = found[large] - found[small]
            line = (
                f"{name:8} {found[small]:7.2f} s {found[large]:9.2f} s {net / frames * 1e6:12.2f} {frames / net:21,.0f}"
            )
            print(line)
    if tshark is not None:
        ours, theirs = times["mstrp"], times["tshark"]
        net = (theirs[large] - theirs[small]) / (ours[large] - ours[small])
        print(f"mstrp has {net:.1f} times tshark's rate; with start-up {theirs[large] / ours[large]:.1f} times")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

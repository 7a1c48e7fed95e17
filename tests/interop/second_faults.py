"""Measure `mstrp conform server` on the second subject: the correct server, then each of its mistakes.

Prints a Markdown table of found, missed and false by kind. Slow; for a nightly run, not for CI.

    python tests/interop/second_faults.py --workers 4 --results faults.jsonl > table.md
    python tests/interop/second_faults.py --only 'hold-*' -- --strict
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import fnmatch
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from second_switches import FAULTS

SERVER = Path(__file__).with_name("second_server.py")


@contextlib.contextmanager
def serving(*options: str) -> Iterator[str]:
    """The second subject, running; its address."""
    with subprocess.Popen([sys.executable, str(SERVER), *options], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            yield process.stderr.readline().split()[-1]
        finally:
            process.terminate()


def measure(fault: str, extra: list[str], limit: float) -> dict[str, Any]:
    """Run the kit against the server with a mistake ('' for none); what failed."""
    start = time.monotonic()
    with serving(*(["--fault", fault] if fault else [])) as address, tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "mstrp", "conform", "server", address]
        command += ["--format", "json", "--output", str(report), *extra]
        try:
            status = subprocess.run(command, check=False, capture_output=True, text=True, timeout=limit).returncode
        except subprocess.TimeoutExpired:
            status = -1
        found = json.loads(report.read_text()) if report.exists() else {}
    rows = found.get("outcomes", [])
    failed = sorted(row["requirement"] for row in rows if row.get("result") == "fail")
    seconds = round(time.monotonic() - start, 1)
    return {"fault": fault, "status": status, "failed": failed, "seconds": seconds}


def outcome(run: dict[str, Any], false: set[str]) -> str:
    """found, missed or unfinished: what fails beside what fails on the correct server counts."""
    if run["status"] == 1:
        return "found" if set(run["failed"]) - false or not run["failed"] else "missed"
    return "missed" if run["status"] in (0, 3) else "unfinished"


def page(runs: dict[str, dict[str, Any]]) -> Iterator[str]:
    """The lines of the Markdown page."""
    false = set(runs[""]["failed"]) if "" in runs else set()
    kinds: dict[str, dict[str, list[str]]] = {}
    for name, run in runs.items():
        if name in FAULTS:
            kinds.setdefault(FAULTS[name].kind, {}).setdefault(outcome(run, false), []).append(name)
    yield "| kind | mistakes | found | missed | unfinished | missed or unfinished |"
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    sums = [0, 0, 0]
    for kind, by in sorted(kinds.items()):
        counts = [len(by.get(key, ())) for key in ("found", "missed", "unfinished")]
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
        left = ", ".join(sorted(by.get("missed", []) + by.get("unfinished", [])))
        yield f"| {kind} | {sum(counts)} | {counts[0]} | {counts[1]} | {counts[2]} | {left} |"
    yield f"| **all** | {sum(sums)} | {sums[0]} | {sums[1]} | {sums[2]} | |"
    yield ""
    yield f"Correct server: status {runs[''].get('status') if '' in runs else '-'}, false: {', '.join(sorted(false)) or 'none'}."


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="only these mistakes")
    parser.add_argument("--sample", type=int, metavar="N", help="a random sample of N mistakes")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="runs at the same time")
    parser.add_argument("--limit", type=float, default=3600, metavar="SECONDS", help="time limit of a run")
    parser.add_argument("--results", type=Path, metavar="FILE", help="JSON lines; runs in it are not repeated")
    parser.add_argument("extra", nargs="*", help="options of mstrp conform server, behind --")
    options = parser.parse_args()
    names = [name for name in FAULTS if fnmatch.fnmatch(name, options.only)]
    if options.sample:
        names = random.Random(options.seed).sample(names, min(options.sample, len(names)))
    runs: dict[str, dict[str, Any]] = {}
    if options.results and options.results.exists():
        runs = {run["fault"]: run for run in map(json.loads, options.results.read_text().splitlines())}
    left = [name for name in ["", *names] if name not in runs]
    with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
        for run in pool.map(lambda name: measure(name, options.extra, options.limit), left):
            runs[run["fault"]] = run
            shown = (run["fault"] or "(none)", run["status"], run["seconds"], *run["failed"][:5])
            sys.stderr.write(" ".join(map(str, shown)) + "\n")
            if options.results:
                with options.results.open("a") as file:
                    file.write(json.dumps(run) + "\n")
    sys.stdout.write("\n".join(page(runs)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

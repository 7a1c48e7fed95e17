"""Measure the faults that `mstrp conform` finds in servers with one injected fault each; write a table.

Usage: python benchmarks/faults.py [--jobs N] [--only TEXT] [--depth N] [--markdown FILE] [--json FILE]

The exit status is 1 if less than 97 % are found, or a conversation is more than 3 packets longer than the shortest
possible one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT / "tests" / "conform"))

import fault_runs  # noqa: E402 - found beside the tests
from server_faults import FAULTS  # noqa: E402 - as above

_LEAST = 0.97
_MOST_LONGER = 3
_HEAD = """# Faults that the conformance kit finds

`mstrp conform server` was set on servers with one mistake each: ours with one rule switched off, one row changed, one
handle leaked or lost, one event late, doubled or lost, one field wrong, one off-by-one. The list is
`tests/conform/server_faults`, and this page is written by

```sh
python benchmarks/faults.py --jobs 8 --markdown docs/conformance-faults.md
```

A run ends as soon as the mistake is told under one of the requirements that it breaks; what is only odd counts, as with
`--strict`. A fault counts as found when that needs no more than {bound:,} packets, which is more than a whole run with
`--depth quick` sends. *Packets* is how many the run had sent by then, *shortest found* the length of the conversation
that the report shows, in packets of the clients, and *possible* the length of the shortest one in which all but the last
request is as it should be. A conversation can be shorter than that where the server does not insist on what comes before, or
where the mistake outlives the conversation that made it.

"""


def main() -> int:
    """Run, print and write the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--only", default="", help="faults whose name or kind contains this")
    parser.add_argument("--depth", type=int, default=0, choices=(0, 1, 2), help="depth of the runs (default 0: quick)")
    parser.add_argument("--markdown", type=Path, help="write the page of the docs")
    parser.add_argument("--json", type=Path, help="write everything, with what else failed")
    given = parser.parse_args()
    faults = [fault for fault in FAULTS if given.only.lower() in f"{fault.name} {fault.kind}".lower()]
    if not faults:
        parser.error(f"no fault is called {given.only!r}")
    begun = time.monotonic()
    found = []
    for one in fault_runs.examine_all(faults, given.jobs, given.depth):
        found.append(one)
        where = f"{one.id:32} {one.packets:6,} packets, {one.length:2} of {one.shortest:2} ({one.longer:+})"
        missed = f"MISSED after {one.packets:,} packets; else {', '.join(one.others) or 'nothing'}"
        print(f"{one.kind:22} {one.name:42} {where if one.id else missed}", flush=True)
    print()
    print(f"{'kind':22} faults  found  +3 at most  most packets")
    for kind, number, told, near, most in fault_runs.totals(found):
        print(f"{kind:22} {number:6}  {told:5}  {near:10}  {most:12,}")
    print(f"{time.monotonic() - begun:.0f} s")
    if given.markdown is not None:
        given.markdown.write_text(_HEAD.format(bound=fault_runs.PACKETS) + fault_runs.markdown(found), encoding="utf-8")
    if given.json is not None:
        given.json.write_text(json.dumps([one._asdict() for one in found], indent=1), encoding="utf-8")
    told = [one for one in found if one.id]
    near = [one for one in told if one.longer <= _MOST_LONGER]
    return 0 if len(told) >= _LEAST * len(found) and len(near) == len(told) else 1


if __name__ == "__main__":
    sys.exit(main())

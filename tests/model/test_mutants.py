"""A sample of the mutants of the tables: all that are not equivalent are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from grid import Thing
from mutants import Applied, compiles, mutants_of

from fsm import MACHINES

ROOT = Path(__file__).parent.parent.parent
#: Machines and tests that are fast enough for a sample in each run.
QUICK = ["channel", "application", "version", "line", "request", "phone", "dialog", "conference", "agent-session"]
ASKED = ["model/test_laws.py", "rules/test_sessions.py", "rules/test_exchange.py", "rules/test_groups.py"]


def test_sample() -> None:
    """At least 98 % of a sample of mutants are killed, most of them without golden files."""
    options = [*(f"--machine={name}" for name in QUICK), *(f"--tests=tests/{name}" for name in ASKED)]
    ran = subprocess.run(
        [sys.executable, "tests/model/mutants.py", "--sample=60", "--seed=1", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (total,) = [line.split() for line in ran.stdout.splitlines() if line.startswith("all ")]
    assert int(total[1]) == 60
    assert float(total[-2]) > 70


def test_one_row_at_a_time() -> None:
    """A mutant changes one row while it is applied, and nothing afterwards."""
    machine = MACHINES["line"]
    rows = machine.table.rows
    for mutant in mutants_of(machine):
        before = [machine.may(Thing(1 << state), mutant.old.event).target for state in machine.table.states]
        if compiles(mutant):
            with Applied(mutant):
                assert len(machine.table.rows) == len(rows) - (mutant.row is None)
        assert machine.table.rows == rows
        after = [machine.may(Thing(1 << state), mutant.old.event).target for state in machine.table.states]
        assert before == after


def test_mutants_of_each_row() -> None:
    """Every row of every machine is removed, redirected, given another level and stripped of its bits."""
    for machine in MACHINES.values():
        kinds = [(mutant.number, mutant.kind) for mutant in mutants_of(machine)]
        marked = sum(bool(row.sets or row.clears) for row in machine.table.rows)
        assert len(kinds) == len(set(kinds)) == 3 * len(machine.table.rows) + marked
        assert all(str(mutant).startswith(machine.name) for mutant in mutants_of(machine))

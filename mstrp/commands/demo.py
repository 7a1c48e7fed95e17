"""``mstrp demo``: run client and server over loopback; record, check and draw their traffic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fsm.engine.levels import Verdict
from mstrp.checking import check_capture
from mstrp.commands.live_options import add_client_options, client_options, run_until_interrupted, shown
from mstrp.commands.output import complain, terminal_width, write_lines
from mstrp.commands.status import BROKEN, INCONCLUSIVE, OK
from mstrp.report.files import replaced
from mstrp.report.ladder import Ladder
from mstrp.report.pictures import draw_result
from mstrp.report.text import result_lines, summary_lines
from protocol.printable import printable

if TYPE_CHECKING:
    import argparse

    from mstrp.live.scenarios import Scenario

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp demo
  mstrp demo 4.3 --events pull --output pictures

Runs a client and a server over loopback; prints, records, checks and draws their traffic.

exit status: 0, 1 a mandatory rule was violated, 2 usage error, 4 internal error
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "scenario", nargs="?", default="4.5", help="a scenario of section 4, by number or name (default: 4.5)"
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        default="mstrp-demo",
        help="folder for the capture and the diagrams (default: mstrp-demo)",
    )
    parser.add_argument(
        "--pace", metavar="N", type=float, default=0.2, help="time factor of the simulated switch (default: 0.2)"
    )
    add_client_options(parser)


def run(options: argparse.Namespace) -> int:
    """Run client and server; record, check and draw."""
    from mstrp.live.scenarios import SCENARIOS, find_scenario

    scenario = find_scenario(options.scenario)
    if scenario is None:
        names = ", ".join(f"{one.section} {one.name}" for one in SCENARIOS)
        complain(f"unknown scenario {options.scenario}; scenarios: {names}")
        return 2
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{scenario.name}.pcap"
    quiet = options.quiet
    if not quiet:
        sys.stdout.write(f"section {scenario.section}, {scenario.summary}: client -> server <- over loopback\n\n")
    run_until_interrupted(_converse(options, scenario, path))
    ladder = Ladder()
    result = check_capture(str(path), on_step=ladder.step, on_packet=lambda packet: (ladder.packet(packet), None)[1])
    if result.error is not None:
        complain(result.error)
        return 2
    if not quiet:
        sys.stdout.write("\nresult of checking the capture:\n\n")
    lines = [*result_lines(result, None, width=terminal_width()), *summary_lines([result])]
    write_lines(lines, sys.stdout)
    problems = draw_result(result, ladder, folder)
    for problem in problems:
        complain(problem)
    if not quiet:
        made = ", ".join(sorted(one.name for one in folder.iterdir() if one.name.startswith(scenario.name)))
        sys.stdout.write(f"\nin {printable(str(folder))}: {made}\n")
    if result.verdict is Verdict.INCONCLUSIVE:
        return INCONCLUSIVE
    return BROKEN if result.verdict is Verdict.FAIL else OK


async def _converse(options: argparse.Namespace, scenario: Scenario, path: Path) -> int:
    from mstrp.live.client import TapiClient
    from mstrp.live.recorder import Recorder
    from mstrp.live.server import Options, Server
    from mstrp.live.switch import Plan, Switch

    with replaced(path, keep=True) as place, place.open("wb") as stream:
        switch = Switch(Plan(pace=options.pace), incoming=1 if scenario.incoming else 0)
        async with Server(switch, Options(port=0), recorder=Recorder(stream)) as server:
            choices = {**client_options(options), "management": scenario.management}
            connecting = TapiClient.connect(server.address, machine="DEMO", **choices)
            with shown(connecting.client, (lambda text: None) if options.quiet else sys.stdout.write):
                async with connecting as client:
                    await scenario.run(client, "5551234")
    return 0

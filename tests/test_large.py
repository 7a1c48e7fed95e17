"""Large captures: data that is not required has no cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mstrp.checking import check_capture
from mstrp.generate import Wire, play
from mstrp.report.ladder import Ladder
from mstrp.report.text import result_lines

if TYPE_CHECKING:
    from fsm.engine.step import Step
    from mstrp.capture.packets import Packet


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return ten thousand packets of successive clients."""
    place = tmp_path_factory.mktemp("large") / "large.pcap"
    with place.open("wb") as stream:
        play(Wire(stream), packets=10_000, clients=2)
    return place


class Counting:
    """Counts packets, and returns False after a number of them."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.packets = self.steps = self.late = 0

    def packet(self, packet: Packet) -> bool:
        self.packets += 1
        return self.packets <= self.wanted

    def step(self, step: Step) -> None:
        self.steps += 1
        self.late += self.packets > self.wanted


def test_a_watcher_that_has_enough_is_left_alone(large: Path) -> None:
    """After a watcher has returned False, it receives no packets and no steps."""
    watcher = Counting(100)
    others: list[Packet] = []
    check_capture(str(large), watcher=watcher, on_packet=others.append)
    assert (watcher.packets, watcher.late) == (101, 0)
    assert watcher.steps > 100
    assert len(others) > 4_000


def test_the_ladder_is_as_long_as_was_asked_for(large: Path) -> None:
    """The text report shows the requested number of packets and notes the others; all calls are checked."""
    ladder = Ladder(20)
    result = check_capture(str(large), watcher=ladder)
    text = [("".join(span.text for span in spans)) for spans in result_lines(result, ladder, width=120)]
    assert sum("──" in line for line in text) == 20
    assert "  the ladder ends after 20 packets; --ladder N shows more" in text
    assert result.verdict.value == "pass"
    assert sum(len(session.calls) for session in result.sessions) > 300

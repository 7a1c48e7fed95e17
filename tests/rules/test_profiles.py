"""Tolerance profiles: they reduce the level of known behavior, and of nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from test_call_rules import (
    announced_twice,
    answered_zero,
    asked_too_early,
    before_completion,
    drop_returns_zero,
    leaves_idle,
    never_reported,
    odd_progress,
    own_call_announced,
    swapped_by_half,
)

from fsm.engine.levels import Level, Verdict
from fsm.monitor import Monitor
from fsm.rules.profiles import PROFILES, Profile, ProfileError, Softening, load_profile
from mstrp.cli import main
from mstrp.generate.play import Play
from mstrp.generate.stages import MonitorStage, perform

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.generate.play import Script

#: Profile: the tolerated behavior, the remaining verdict, and whether time must pass.
SOFTENED: list[tuple[str, Callable[[Script], None], Verdict | None, float]] = [
    ("announces-own-calls", own_call_announced, None, 0.01),
    ("early-events", before_completion, Verdict.WARN, 0.01),
    ("drop-returns-0", drop_returns_zero, None, 0.01),
    ("any-progression", odd_progress, None, 0.01),
    ("any-progression", never_reported, None, 2.0),
    ("any-progression", swapped_by_half, None, 2.0),
    ("lenient-preconditions", asked_too_early, None, 0.01),
]
#: Similar behavior that is not tolerated.
KEPT: list[tuple[str, Callable[[Script], None], str]] = [
    ("drop-returns-0", answered_zero, "CALL-V10"),
    ("any-progression", leaves_idle, "CALL-V01"),
    ("lenient-preconditions", leaves_idle, "CALL-V01"),
    ("early-events", announced_twice, "CALL-V05"),
]


def judged(write: Callable[[Script], None], *profiles: Profile, pace: float = 0.01) -> Monitor:
    """Return a monitor with profiles that has processed a conversation."""
    play = Play()
    role = play.client()
    write(play.script(role))
    play.finish(role)
    monitor = Monitor(profiles=profiles)
    perform(play.order(), MonitorStage(monitor, pace=pace))
    monitor.finish()
    return monitor


@pytest.mark.parametrize(
    ("name", "write", "verdict", "pace"), SOFTENED, ids=lambda value: getattr(value, "__name__", "")
)
def test_softened(name: str, write: Callable[[Script], None], verdict: Verdict | None, pace: float) -> None:
    """Tolerated behavior is a finding without the profile, and has a lower level, or none, with it."""
    before = judged(write, pace=pace).findings
    after = judged(write, PROFILES[name], pace=pace).findings
    assert before
    assert {finding.verdict for finding in after} == (set() if verdict is None else {verdict})
    assert {finding.rule for finding in after} <= {finding.rule for finding in before}


@pytest.mark.parametrize(("name", "write", "rule"), KEPT, ids=lambda value: getattr(value, "__name__", str(value)))
def test_kept(name: str, write: Callable[[Script], None], rule: str) -> None:
    """Behavior outside the profile keeps its level."""
    found = judged(write, PROFILES[name]).findings
    assert {(finding.rule, finding.verdict) for finding in found} == {(rule, Verdict.FAIL)}


def test_every_profile_is_tried() -> None:
    """Every built-in profile has a conversation that needs it."""
    assert set(PROFILES) == {name for name, *_ in SOFTENED}


def test_machines_take_the_same_steps() -> None:
    """A profile changes the level of findings, and no state."""
    paths = []
    for profiles in ((), (PROFILES["any-progression"],)):
        monitor = judged(odd_progress, *profiles)
        paths.append(
            [call.path.names() for c in monitor.conversations for call in c.registry.ended_calls.young.values()]
        )
    assert paths[0] == paths[1] != []


def test_several_profiles() -> None:
    """Several profiles are combined."""
    both = judged(own_call_announced, PROFILES["drop-returns-0"], PROFILES["announces-own-calls"])
    assert both.findings == []
    assert both.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("softening", "applies"),
    [
        (Softening("CALL-V0*", None), True),
        (Softening("CALL-V01", None, states=("idle",)), True),
        (Softening("CALL-V01", None, states=("connected",)), False),
        (Softening("CALL-V01", None, events=("CONN*",)), True),
        (Softening("CALL-V01", None, events=("Drop*",)), False),
        (Softening("CALL-V02", None), False),
    ],
)
def test_narrowed(softening: Softening, applies: bool) -> None:
    """A profile can be limited to states and events."""
    found = judged(leaves_idle, Profile("own", "", (softening,))).findings
    assert (found == []) is applies


def test_never_harder() -> None:
    """A profile never raises a level."""
    hard = Profile("own", "", (Softening("CALL-STATE-*", Level.SUSPICIOUS), Softening("CALL-V01", Level.SUSPICIOUS)))
    assert {finding.verdict for finding in judged(odd_progress, hard).findings} == {Verdict.WARN}
    assert {finding.verdict for finding in judged(leaves_idle, hard).findings} == {Verdict.WARN}
    harder = Profile("own", "", (Softening("CALL-STATE-*", Level.MUST),))
    assert {finding.verdict for finding in judged(odd_progress, harder).findings} == {Verdict.WARN}


# -- files ---------------------------------------------------------------------------------------------------------

GOOD = """
summary = "our switch"
[[soften]]
rule = "CALL-V01"
level = "SUSPICIOUS"
states = ["idle"]
events = ["CONN*"]
why = "seen in the field"
[[soften]]
rule = "TRP-3.1.4.2-008-*"
"""
BAD = {
    "not toml [": "not a TOML file",
    "name = 1\n[[soften]]\nrule = 'CALL-V01'": "unknown key name",
    "summary = 'x'": "no [[soften]]",
    "soften = ['x']": "expected a table",
    "[[soften]]\nrule = 'CALL-V01'\ncolour = 'red'": "unknown key colour",
    "[[soften]]\nrule = 'CALL-V99'": "no row has the rule",
    "[[soften]]\nrule = 7": "no row has the rule",
    "[[soften]]\nrule = 'CALL-V01'\nlevel = 'MUST'": "neither 'SUSPICIOUS' nor 'none'",
    "[[soften]]\nrule = 'CALL-V01'\nstates = [1]": "lists of names",
}


def test_file(tmp_path: Path) -> None:
    """A profile can be read from a TOML file; its name is that of the file."""
    place = tmp_path / "ours.toml"
    place.write_text(GOOD, encoding="utf-8")
    profile = load_profile(str(place))
    assert (profile.name, profile.summary) == ("ours", "our switch")
    assert profile.softenings[0] == Softening("CALL-V01", Level.SUSPICIOUS, ("idle",), ("CONN*",), "seen in the field")
    assert profile.softenings[1].level is None
    assert {finding.verdict for finding in judged(leaves_idle, profile).findings} == {Verdict.WARN}


@pytest.mark.parametrize(("text", "message"), BAD.items())
def test_bad_file(tmp_path: Path, text: str, message: str) -> None:
    """An invalid profile file is refused, with the position and the reason."""
    place = tmp_path / "ours.toml"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        load_profile(str(place))
    assert message in str(caught.value)
    assert str(place) in str(caught.value)


def test_no_such_profile(tmp_path: Path) -> None:
    """An unknown name is an error that lists the profiles; a missing file is an error of its own."""
    with pytest.raises(ProfileError, match="use one of announces-own-calls, early-events"):
        load_profile("cisco")
    with pytest.raises(ProfileError, match="No such file"):
        load_profile(str(tmp_path / "missing.toml"))


# -- command -------------------------------------------------------------------------------------------------------


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """``--profile list`` lists every profile with its softened rules."""
    with pytest.raises(SystemExit) as left:
        main(["check", "--profile", "list", "-"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    for profile in PROFILES.values():
        (line,) = [line for line in told.splitlines() if line.startswith(f"{profile.name} ")]
        assert profile.summary in line
        assert all(softening.rule in line for softening in profile.softenings)


def test_unknown_profile_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown profile is a usage error."""
    with pytest.raises(SystemExit) as left:
        main(["check", "--profile", "cisco", "-"])
    assert left.value.code == 2
    assert "no profile cisco" in capsys.readouterr().err


@pytest.mark.parametrize(("profiles", "status"), [([], 1), (["--profile"], 0)])
def test_checked_with_a_profile(
    profiles: list[Any], status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A capture that violates a MUST fails, and passes with the profile of its server."""
    place = tmp_path / "ours.toml"
    place.write_text("[[soften]]\nrule = 'CALL-V01'\n", encoding="utf-8")
    sample = Path(__file__).parent.parent.parent / "samples" / "connected-after-idle.pcap"
    assert main(["check", *[*profiles, str(place)][: 2 * len(profiles)], str(sample)]) == status
    assert ("CALL-V01" in capsys.readouterr().out) is (status == 1)

"""What `mstrp conform client` does, in order: the client alone, then with one stimulus after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsm.engine.levels import Level
from fsm.tables.call_requests import PRECONDITIONS
from mstrp.conform.client.execution import perform
from mstrp.conform.client.requirements import STIMULI
from mstrp.conform.client.stimulus import Expectation
from mstrp.conform.core.errors import Unreachable
from mstrp.conform.core.outcome import Verdict
from mstrp.conform.core.program import Program
from mstrp.conform.core.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.conform.client.execution import ClientBed, Execution
    from mstrp.conform.client.iut import Iut
    from mstrp.conform.client.session import Session
    from mstrp.conform.client.stimulus import Stimulus
    from mstrp.conform.client.tester_server import TesterServer
    from mstrp.conform.core.campaign import Campaign

__all__ = ["run", "watch"]

_PRECONDITIONS = {name for name, _ in PRECONDITIONS}
_ALONE = "alone"


@dataclass(slots=True)
class _Reference:
    """What the client does when nothing is done to it."""

    rounds: list[Execution] = field(default_factory=list)

    @property
    def steady(self) -> dict[str, int]:
        """What it sends each time, by name: only that can be compared."""
        counts = [one.requests for one in self.rounds]
        names = set().union(*counts)
        return {name: counts[0][name] for name in names if len({count[name] for count in counts}) == 1}

    @property
    def ends(self) -> set[str]:
        return {one.end for one in self.rounds}

    def differences(self, other: Execution) -> list[str]:
        """What a run did otherwise; nothing when it went as always."""
        found = []
        if other.end not in self.ends:
            found.append(other.end or "it ended well, which it does not do otherwise")
        steady = self.steady
        requests = other.requests
        for name in sorted({*requests, *steady}):
            known = steady.get(name)
            if known is None and any(one.requests[name] for one in self.rounds):
                continue
            if requests[name] != (known or 0):
                found.append(f"it sent {name} {requests[name]} times instead of {known or 0}")
        return found


class _Suite:
    def __init__(self, campaign: Campaign, bed: ClientBed, iut: Iut) -> None:
        self.campaign = campaign
        self.bed = bed
        self.iut = iut
        self.reference = _Reference()

    async def round(self, *plan: Stimulus, controls: bool = False) -> Execution:
        """Let the client run once."""
        found = await perform(
            self.bed, self.iut, self.campaign.budget, plan, controls=controls, seed=self.campaign.seed
        )
        self.bed.port = found.port
        return found

    # -- the client alone -----------------------------------------------------------------------------------------

    async def alone(self) -> None:
        """What the client does by itself, twice: whether it is legal, and what is the same each time."""
        for _ in range(2):
            found = await self.round()
            if not found.sessions:
                text = f": {found.said.strip().splitlines()[-1]}" if found.said.strip() else ""
                raise Unreachable(f"the client did not attach{text}")
            self.reference.rounds.append(found)
            self.judge(found)
            if self.spent:
                return
        if (end := self.reference.rounds[-1].end) and not self.campaign.failures:
            self._doubt("ALIVE", f"with nothing done to it the client did not end well: {end}", found.sessions[-1])

    def judge(self, found: Execution) -> None:
        """Write down what the sessions of a run show by themselves."""
        for session in found.sessions:
            self._judge(session)
            _what_was_kept(self.campaign, session)
            if session.lost and not session.cut and found.status == 0 and not session.broke_off:
                summary = "the client's program ended with status 0, and without ClientDetach"
                self._fail("TRP-3-02", summary, session)

    def _judge(self, session: Session) -> None:
        for doubt in session.doubts:
            self._doubt(doubt.requirement, doubt.summary, session)
        session.doubts.clear()
        for violation in session.violations:
            self.campaign.record_violation(violation, _until(session.program, violation.action))
        session.violations.clear()
        self.campaign.collect(session)

    def _fail(self, rule: str, summary: str, session: Session | None) -> None:
        requirement = self.campaign.outcome(rule).requirement
        program = session.program if session is not None else Program()
        step = len(program) - 1
        self.campaign.record_violation(Violation(rule, summary, requirement.section, Level.STATED, step), program)

    def _doubt(self, rule: str, summary: str, session: Session | None) -> None:
        """Something is odd, and nothing that a document forbids."""
        if self.campaign.strict:
            self._fail(rule, summary, session)
        else:
            self.campaign.record(Verdict.INCONCLUSIVE, f"odd: {summary}", rule)

    @property
    def spent(self) -> str:
        """Why the run has to end, if it has to."""
        budget = self.campaign.budget
        if budget.packets and budget.sent >= budget.packets:
            return f"{budget.packets:,} packets are sent"
        if budget.seconds and budget.elapsed > budget.seconds:
            return f"{budget.seconds:g} seconds are over"
        return ""

    # -- stimuli ---------------------------------------------------------------------------------------------

    async def apply(self, stimulus: Stimulus) -> None:
        """Let the client run with one stimulus, and say what that shows."""
        campaign, rules = self.campaign, stimulus.rules
        before = {outcome.requirement.id for outcome in campaign.failures}
        found = await self.round(stimulus)
        self.judge(found)
        if stimulus.name not in found.done:
            cause = (
                found.not_possible.get(stimulus.name) or f"the client brings about no such situation: {stimulus.when}"
            )
            campaign.record(Verdict.NOT_APPLICABLE, cause, *rules)
            return
        new = [outcome.requirement.id for outcome in campaign.failures if outcome.requirement.id not in before]
        if new:
            campaign.record(Verdict.INCONCLUSIVE, f"the client failed otherwise meanwhile: {', '.join(new)}", *rules)
            return
        if stimulus.expect is Expectation.END:
            self._ended(stimulus, found)
            return
        if await self._otherwise(stimulus, found):
            return
        if found.end in self.reference.ends:
            campaign.record_pass("ALIVE")
        if stimulus.expect is Expectation.TAKE:
            campaign.record_pass(*rules)
        elif stimulus.expect is Expectation.REFUSE:
            self._refused(stimulus, found)
        else:
            await self._ignored(stimulus)

    def _ended(self, stimulus: Stimulus, found: Execution) -> None:
        if found.status is not None and found.status < 0:
            self._died(stimulus, found)
        elif found.stuck:
            self.campaign.record(
                Verdict.INCONCLUSIVE, f"after {stimulus.summary} it did nothing any more", stimulus.rule
            )
        else:
            self.campaign.record_pass(stimulus.rule)

    def _died(self, stimulus: Stimulus, found: Execution) -> None:
        session = found.sessions[-1] if found.sessions else None
        self._fail("ALIVE", f"the client died of {stimulus.summary}: signal {-(found.status or 0)}", session)

    async def _otherwise(self, stimulus: Stimulus, found: Execution) -> bool:
        """Whether the client did something else than without the stimulus, twice."""
        first = self.reference.differences(found)
        if not first:
            return False
        again = await self.round(stimulus)
        self.judge(again)
        second = self.reference.differences(again)
        if not second:
            return False
        quiet = await self.round()
        if self.reference.differences(quiet):
            # It is not steady: nothing can be compared.
            self.reference.rounds.append(quiet)
            self.campaign.record(
                Verdict.INCONCLUSIVE, "the client does not do the same each time it is started", *stimulus.rules
            )
            return True
        session = again.sessions[-1] if again.sessions else None
        summary = f"after {stimulus.summary} the client did not go on as it does without: {'; '.join(second[:4])}"
        broken = again.end not in self.reference.ends
        if again.status is not None and again.status < 0:
            self._died(stimulus, again)
        if second == [again.end] and _only_reports(again):
            # It sent what it always sends: the status may only say that it has noticed.
            self._doubt(stimulus.rule, summary, session)
        elif stimulus.expect is Expectation.TAKE and (not broken or stimulus.name == "reply-first"):
            self._doubt(stimulus.rule, summary, session)
        else:
            self._fail(stimulus.rule, summary, session)
        return True

    def _refused(self, stimulus: Stimulus, found: Execution) -> None:
        if found.verdicts.get(stimulus.name):
            self.campaign.record_pass(*stimulus.rules)
        else:
            cause = "the connection ended before the call was answered"
            self.campaign.record(Verdict.INCONCLUSIVE, cause, *stimulus.rules)

    async def _ignored(self, stimulus: Stimulus) -> None:
        """The client went on as always: whether that shows anything."""
        campaign = self.campaign
        if stimulus.control is not None:
            control = await self.round(stimulus, controls=True)
            if self.reference.differences(control):
                campaign.record_pass(*stimulus.rules)
            else:
                cause = (
                    "it went on as always, but it also does when the event is about what it has: "
                    "nothing it does can show whether it dropped the event"
                )
                campaign.record(Verdict.INCONCLUSIVE, cause, *stimulus.rules)
        elif stimulus.shown != "calls" or any(one.took_calls for one in self.reference.rounds):
            campaign.record_pass(*stimulus.rules)
        else:
            cause = "it takes no calls that are offered: nothing it does can show whether it ignored one"
            campaign.record(Verdict.INCONCLUSIVE, cause, *stimulus.rules)


def _only_reports(found: Execution) -> bool:
    """Whether an exit status is all in which a run differs: every session ended as it should."""
    return found.status is not None and found.status > 0 and all(session.detached for session in found.sessions)


def _until(program: Program, action: int) -> Program:
    return Program([step for step in program if step.number <= action]) if action >= 0 else program


def _what_was_kept(campaign: Campaign, session: Session) -> None:
    """What a session shows to be right."""
    for name, count in session.requests.items():
        requirement = f"SENDS-{name}"
        if requirement not in campaign.outcomes:
            continue
        if session.kept[name] >= count:
            campaign.record_pass(requirement)
            bare = name.partition(".")[2]
            if bare in _PRECONDITIONS and name.startswith("line."):
                campaign.record_pass(f"CALL-PRE-{bare}")
        else:
            campaign.record(Verdict.INCONCLUSIVE, "odd: see the rules that were broken", requirement)
    if not session.requests["ClientAttach"]:
        return
    campaign.record_pass("WIRE-NDR", "CALL-ORDER-O06", "TRP-3.1.4.1-07", "TRP-3-01", "TRP-3.1.4.2-01", "TRP-3.1.4.2-02")
    if session.management:
        campaign.record_pass("TRP-3.1.4.1-06", "TRP-3.1.4.1-09")
    elif session.pull:
        campaign.record_pass("TRP-3.1.4.1-03")
    else:
        campaign.record_pass(
            "TRP-3.1.4.1-03", "TRP-3.1.4.1-08", "TRP-3-04", "TRP-3.2.3-01", "TRP-3.3.3-01", "TRP-3.3.4.1-03"
        )
    if session.detached:
        campaign.record_pass("TRP-3-02", "TRP-3-03")


def _chosen(campaign: Campaign, wanted: Callable[[str], bool]) -> list[Stimulus]:
    """The stimuli that are wanted; what only the others would show is not tried."""
    found = [stimulus for stimulus in STIMULI if wanted(stimulus.name)]
    shown = {rule for stimulus in found for rule in stimulus.rules}
    for stimulus in STIMULI:
        campaign.record(
            Verdict.NOT_APPLICABLE,
            "its tests are not wanted",
            *(rule for rule in stimulus.rules if rule not in shown),
        )
    return found


async def run(
    campaign: Campaign,
    bed: ClientBed,
    iut: Iut,
    *,
    wanted: Callable[[str], bool] = lambda name: True,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
    until: Callable[[Campaign], bool] = lambda campaign: False,
) -> None:
    """Test a client that can be started anew. Raises `Unreachable` when it does not attach."""
    suite = _Suite(campaign, bed, iut)
    chosen = _chosen(campaign, wanted)
    progress(0, len(chosen) + 1, _ALONE)
    await suite.alone()
    for number, stimulus in enumerate(chosen):
        if suite.spent or until(campaign):
            break
        progress(number + 1, len(chosen) + 1, stimulus.name)
        await suite.apply(stimulus)
    progress(len(chosen) + 1, len(chosen) + 1, "")
    _close(campaign, suite.spent)


async def watch(
    campaign: Campaign,
    bed: ClientBed,
    iut: Iut,
    *,
    sessions: int = 3,
    wanted: Callable[[str], bool] = lambda name: True,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> None:
    """Test clients that somebody else lets connect, until so many have come and gone.

    One client cannot be compared with another: what only a comparison would show stays open.
    """
    suite = _Suite(campaign, bed, iut)
    plan = _chosen(campaign, wanted)

    def over(server: TesterServer) -> bool:
        ended = sum(session.detached or session.lost for session in server.sessions)
        progress(ended, sessions, f"{len(server.sessions)} attached, {len(server.done)} stimuli")
        return ended >= sessions and not server.clients

    found = await perform(bed, iut, campaign.budget, plan, seed=campaign.seed, ends_from=sessions, until=over)
    bed.port = found.port
    if not found.sessions:
        raise Unreachable("no client attached")
    before = len(campaign.failures)
    suite.judge(found)
    for session in found.sessions:
        if session.broke_off:
            suite._fail("ALIVE", session.broke_off, session)  # noqa: SLF001 - the suite is this module's own
    if len(campaign.failures) == before:
        campaign.record_pass("ALIVE")
    failed = {outcome.requirement.id for outcome in campaign.failures}
    for stimulus in plan:
        if stimulus.name not in found.done:
            cause = found.not_possible.get(stimulus.name) or f"no such situation came: {stimulus.when}"
            campaign.record(Verdict.NOT_APPLICABLE, cause, *stimulus.rules)
        elif found.verdicts.get(stimulus.name) or (stimulus.shown == "calls" and found.took_calls):
            campaign.record_pass(*(rule for rule in stimulus.rules if rule not in failed))
        else:
            cause = "only the comparison of several runs (--run) shows what the client makes of it"
            campaign.record(Verdict.INCONCLUSIVE, cause, *stimulus.rules)
    _close(campaign, suite.spent)


def _close(campaign: Campaign, spent: str) -> None:
    """Say why the rest was not tried."""
    for outcome in campaign.outcomes.values():
        name = outcome.requirement.id
        if outcome.tried or outcome.cause != "not tried":
            continue
        if name.startswith(("SENDS-", "CALL-PRE-")):
            campaign.record(Verdict.NOT_APPLICABLE, "the client does not send it", name)
        elif spent:
            campaign.record(Verdict.INCONCLUSIVE, f"not tried: {spent}", name)
        else:
            campaign.record(Verdict.NOT_APPLICABLE, "the client does not do what it is about", name)

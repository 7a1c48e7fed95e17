"""What `mstrp conform client` does, in order: the client alone, then with one provocation after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsm.engine.levels import Level
from fsm.tables.call_requests import PRECONDITIONS
from mstrp.conform.complaint import Complaint
from mstrp.conform.listening.catalogue import PROVOCATIONS
from mstrp.conform.listening.provocation import Expect
from mstrp.conform.listening.round import perform
from mstrp.conform.outcome import Result
from mstrp.conform.probe import Unreachable
from mstrp.conform.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.conform.book import Book
    from mstrp.conform.listening.provocation import Provocation
    from mstrp.conform.listening.round import Hall, Round
    from mstrp.conform.listening.server import Listening
    from mstrp.conform.listening.session import Session
    from mstrp.conform.listening.subject import Subject

__all__ = ["run", "watch"]

_PRECONDITIONS = {name for name, _ in PRECONDITIONS}
_ALONE = "alone"


@dataclass(slots=True)
class _Usual:
    """What the client does when nothing is done to it."""

    rounds: list[Round] = field(default_factory=list)

    @property
    def steady(self) -> dict[str, int]:
        """What it sends each time, by name: only that can be compared."""
        counts = [one.asked for one in self.rounds]
        names = set().union(*counts)
        return {name: counts[0][name] for name in names if len({count[name] for count in counts}) == 1}

    @property
    def ends(self) -> set[str]:
        return {one.end for one in self.rounds}

    def differences(self, other: Round) -> list[str]:
        """What a run did otherwise; nothing when it went as always."""
        found = []
        if other.end not in self.ends:
            found.append(other.end or "it ended well, which it does not do otherwise")
        steady = self.steady
        asked = other.asked
        for name in sorted({*asked, *steady}):
            known = steady.get(name)
            if known is None and any(one.asked[name] for one in self.rounds):
                continue
            if asked[name] != (known or 0):
                found.append(f"it sent {name} {asked[name]} times instead of {known or 0}")
        return found


class _Suite:
    def __init__(self, book: Book, hall: Hall, subject: Subject) -> None:
        self.book = book
        self.hall = hall
        self.subject = subject
        self.usual = _Usual()
        self.crashed = False

    async def round(self, *plan: Provocation, controls: bool = False) -> Round:
        """Let the client run once."""
        found = await perform(self.hall, self.subject, self.book.budget, plan, controls=controls, seed=self.book.seed)
        self.hall.port = found.port
        return found

    # -- the client alone -----------------------------------------------------------------------------------------

    async def alone(self) -> None:
        """What the client does by itself, twice: whether it is legal, and what is the same each time."""
        for _ in range(2):
            found = await self.round()
            if not found.sessions:
                text = f": {found.said.strip().splitlines()[-1]}" if found.said.strip() else ""
                raise Unreachable(f"the client did not attach{text}")
            self.usual.rounds.append(found)
            self.judge(found)
            if self.spent:
                return
        if (end := self.usual.rounds[-1].end) and not self.book.failures:
            self._doubt("ALIVE", f"with nothing done to it the client did not end well: {end}", found.sessions[-1])

    def judge(self, found: Round) -> None:
        """Write down what the sessions of a run show by themselves."""
        for session in found.sessions:
            self._judge(session)
            _what_was_kept(self.book, session)
            if session.lost and not session.cut and found.status == 0 and not session.broke_off:
                summary = "the client's program ended with status 0, and without ClientDetach"
                self._fail("TRP-3-02", summary, session)

    def _judge(self, session: Session) -> None:
        for doubt in session.doubts:
            self._doubt(doubt.requirement, doubt.summary, session)
        session.doubts.clear()
        for complaint in session.complaints:
            self.book.fails(complaint, _until(session.program, complaint.action))
        session.complaints.clear()
        self.book.judge(session)  # type: ignore[arg-type]

    def _fail(self, rule: str, summary: str, session: Session | None) -> None:
        requirement = self.book.outcome(rule).requirement
        program = session.program if session is not None else Program()
        step = len(program) - 1
        self.book.fails(Complaint(rule, summary, requirement.section, Level.STATED, step), program)

    def _doubt(self, rule: str, summary: str, session: Session | None) -> None:
        """Something is odd, and nothing that a document forbids."""
        if self.book.strict:
            self._fail(rule, summary, session)
        else:
            self.book.leaves(Result.INCONCLUSIVE, f"odd: {summary}", rule)

    @property
    def spent(self) -> str:
        """Why the run has to end, if it has to."""
        budget = self.book.budget
        if budget.packets and budget.sent >= budget.packets:
            return f"{budget.packets:,} packets are sent"
        if budget.seconds and budget.elapsed > budget.seconds:
            return f"{budget.seconds:g} seconds are over"
        return ""

    # -- provocations ---------------------------------------------------------------------------------------------

    async def provoke(self, provocation: Provocation) -> None:
        """Let the client run with one provocation, and say what that shows."""
        book, rules = self.book, provocation.rules
        before = {outcome.requirement.id for outcome in book.failures}
        found = await self.round(provocation)
        self.judge(found)
        if provocation.name not in found.done:
            cause = (
                found.unfit.get(provocation.name) or f"the client brings about no such situation: {provocation.when}"
            )
            book.leaves(Result.NOT_APPLICABLE, cause, *rules)
            return
        new = [outcome.requirement.id for outcome in book.failures if outcome.requirement.id not in before]
        if new:
            book.leaves(Result.INCONCLUSIVE, f"the client failed otherwise meanwhile: {', '.join(new)}", *rules)
            return
        if provocation.expect is Expect.END:
            self._ended(provocation, found)
            return
        if await self._otherwise(provocation, found):
            return
        if found.end in self.usual.ends:
            book.passes("ALIVE")
        if provocation.expect is Expect.TAKE:
            book.passes(*rules)
        elif provocation.expect is Expect.REFUSE:
            self._refused(provocation, found)
        else:
            await self._ignored(provocation)

    def _ended(self, provocation: Provocation, found: Round) -> None:
        if found.status is not None and found.status < 0:
            self._died(provocation, found)
        elif found.stuck:
            self.book.leaves(
                Result.INCONCLUSIVE, f"after {provocation.summary} it did nothing any more", provocation.rule
            )
        else:
            self.book.passes(provocation.rule)

    def _died(self, provocation: Provocation, found: Round) -> None:
        session = found.sessions[-1] if found.sessions else None
        self._fail("ALIVE", f"the client died of {provocation.summary}: signal {-(found.status or 0)}", session)

    async def _otherwise(self, provocation: Provocation, found: Round) -> bool:
        """Whether the client did something else than without the provocation, twice."""
        first = self.usual.differences(found)
        if not first:
            return False
        again = await self.round(provocation)
        self.judge(again)
        second = self.usual.differences(again)
        if not second:
            return False
        quiet = await self.round()
        if self.usual.differences(quiet):
            # It is not steady: nothing can be compared.
            self.usual.rounds.append(quiet)
            self.book.leaves(
                Result.INCONCLUSIVE, "the client does not do the same each time it is started", *provocation.rules
            )
            return True
        session = again.sessions[-1] if again.sessions else None
        summary = f"after {provocation.summary} the client did not go on as it does without: {'; '.join(second[:4])}"
        broken = again.end not in self.usual.ends
        self.crashed |= broken
        if again.status is not None and again.status < 0:
            self._died(provocation, again)
        if provocation.expect is Expect.TAKE and (not broken or provocation.name == "reply-first"):
            self._doubt(provocation.rule, summary, session)
        else:
            self._fail(provocation.rule, summary, session)
        return True

    def _refused(self, provocation: Provocation, found: Round) -> None:
        if found.verdicts.get(provocation.name):
            self.book.passes(*provocation.rules)
        else:
            cause = "the connection ended before the call was answered"
            self.book.leaves(Result.INCONCLUSIVE, cause, *provocation.rules)

    async def _ignored(self, provocation: Provocation) -> None:
        """The client went on as always: whether that shows anything."""
        book = self.book
        if provocation.control is not None:
            control = await self.round(provocation, controls=True)
            if self.usual.differences(control):
                book.passes(*provocation.rules)
            else:
                cause = (
                    "it went on as always, but it also does when the event is about what it has: "
                    "nothing it does can show whether it dropped the event"
                )
                book.leaves(Result.INCONCLUSIVE, cause, *provocation.rules)
        elif provocation.shown != "calls" or any(one.took_calls for one in self.usual.rounds):
            book.passes(*provocation.rules)
        else:
            cause = "it takes no calls that are offered: nothing it does can show whether it ignored one"
            book.leaves(Result.INCONCLUSIVE, cause, *provocation.rules)


def _until(program: Program, action: int) -> Program:
    return Program([step for step in program if step.number <= action]) if action >= 0 else program


def _what_was_kept(book: Book, session: Session) -> None:
    """What a session shows to be right."""
    for name, count in session.asked.items():
        requirement = f"SENDS-{name}"
        if requirement not in book.outcomes:
            continue
        if session.kept[name] >= count:
            book.passes(requirement)
            bare = name.partition(".")[2]
            if bare in _PRECONDITIONS and name.startswith("line."):
                book.passes(f"CALL-PRE-{bare}")
        else:
            book.leaves(Result.INCONCLUSIVE, "odd: see the rules that were broken", requirement)
    if not session.asked["ClientAttach"]:
        return
    book.passes("WIRE-NDR", "CALL-ORDER-O06", "TRP-3.1.4.1-07", "TRP-3-01", "TRP-3.1.4.2-01", "TRP-3.1.4.2-02")
    if session.management:
        book.passes("TRP-3.1.4.1-06", "TRP-3.1.4.1-09")
    elif session.pull:
        book.passes("TRP-3.1.4.1-03")
    else:
        book.passes("TRP-3.1.4.1-03", "TRP-3.1.4.1-08", "TRP-3-04", "TRP-3.2.3-01", "TRP-3.3.3-01", "TRP-3.3.4.1-03")
    if session.detached:
        book.passes("TRP-3-02", "TRP-3-03")


def _chosen(book: Book, wanted: Callable[[str], bool]) -> list[Provocation]:
    """The provocations that are wanted; what only the others would show is not tried."""
    found = [provocation for provocation in PROVOCATIONS if wanted(provocation.name)]
    shown = {rule for provocation in found for rule in provocation.rules}
    for provocation in PROVOCATIONS:
        book.leaves(
            Result.NOT_APPLICABLE,
            "its tests are not wanted",
            *(rule for rule in provocation.rules if rule not in shown),
        )
    return found


async def run(
    book: Book,
    hall: Hall,
    subject: Subject,
    *,
    wanted: Callable[[str], bool] = lambda name: True,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
    until: Callable[[Book], bool] = lambda book: False,
) -> None:
    """Test a client that can be started anew. Raises `Unreachable` when it does not attach."""
    suite = _Suite(book, hall, subject)
    chosen = _chosen(book, wanted)
    progress(0, len(chosen) + 1, _ALONE)
    await suite.alone()
    for number, provocation in enumerate(chosen):
        if suite.spent or until(book):
            break
        progress(number + 1, len(chosen) + 1, provocation.name)
        await suite.provoke(provocation)
    progress(len(chosen) + 1, len(chosen) + 1, "")
    _close(book, suite.spent)


async def watch(
    book: Book,
    hall: Hall,
    subject: Subject,
    *,
    sessions: int = 3,
    wanted: Callable[[str], bool] = lambda name: True,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> None:
    """Test clients that somebody else lets connect, until so many have come and gone.

    One client cannot be compared with another: what only a comparison would show stays open.
    """
    suite = _Suite(book, hall, subject)
    plan = _chosen(book, wanted)

    def over(server: Listening) -> bool:
        ended = sum(session.detached or session.lost for session in server.sessions)
        progress(ended, sessions, f"{len(server.sessions)} attached, {len(server.done)} provocations")
        return ended >= sessions and not server.clients

    found = await perform(hall, subject, book.budget, plan, seed=book.seed, ends_from=sessions, until=over)
    hall.port = found.port
    if not found.sessions:
        raise Unreachable("no client attached")
    before = len(book.failures)
    suite.judge(found)
    for session in found.sessions:
        if session.broke_off:
            suite._fail("ALIVE", session.broke_off, session)  # noqa: SLF001 - the suite is this module's own
    if len(book.failures) == before:
        book.passes("ALIVE")
    failed = {outcome.requirement.id for outcome in book.failures}
    for provocation in plan:
        if provocation.name not in found.done:
            cause = found.unfit.get(provocation.name) or f"no such situation came: {provocation.when}"
            book.leaves(Result.NOT_APPLICABLE, cause, *provocation.rules)
        elif found.verdicts.get(provocation.name) or (provocation.shown == "calls" and found.took_calls):
            book.passes(*(rule for rule in provocation.rules if rule not in failed))
        else:
            cause = "only the comparison of several runs (--run) shows what the client makes of it"
            book.leaves(Result.INCONCLUSIVE, cause, *provocation.rules)
    _close(book, suite.spent)


def _close(book: Book, spent: str) -> None:
    """Say why the rest was not tried."""
    for outcome in book.outcomes.values():
        name = outcome.requirement.id
        if outcome.tried or outcome.cause != "not tried":
            continue
        if name.startswith(("SENDS-", "CALL-PRE-")):
            book.leaves(Result.NOT_APPLICABLE, "the client does not send it", name)
        elif spent:
            book.leaves(Result.INCONCLUSIVE, f"not tried: {spent}", name)
        else:
            book.leaves(Result.NOT_APPLICABLE, "the client does not do what it is about", name)

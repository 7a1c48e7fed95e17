"""The machine of a live server is learned; what is not as in the tables is found, drawn, and shown by a conversation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from world import run as run_loop

from fsm.diagram import dot, mermaid
from fsm.engine.levels import Verdict
from fsm.tables.call_states import CallState
from mstrp.cli import main
from mstrp.conform.core.program import Program
from mstrp.conform.core.target import Budget, Target
from mstrp.conform.learn.alphabet import INCOMING, TWO_CALLS, Alphabet
from mstrp.conform.learn.diagram import picture
from mstrp.conform.learn.expectation import Kind, assess
from mstrp.conform.learn.observation import Observation, Output, shown
from mstrp.conform.learn.report import Report
from mstrp.conform.learn.run import study
from mstrp.conform.server.shrink import replay
from mstrp.live.provider import TapiError
from mstrp.live.server import Options, Server, attached, refusal
from mstrp.live.switch import Plan, Switch
from mstrp.report.schema import schema
from protocol import line
from protocol.constants import LINECALLSTATE, LINEERR

S = CallState


def plan() -> Plan:
    """Fast progress of calls, and nobody who gives up."""
    return Plan(pace=0.02, step=0.05, timeout=3000)


def some(*names: str, of: Alphabet = INCOMING) -> Alphabet:
    """An alphabet with fewer inputs; the one that changes nothing stays."""
    wanted = {*names, of.inputs[of.look].name, of.inputs[0].name}
    return of._replace(inputs=tuple(each for each in of.inputs if each.name in wanted))


def learned(alphabet: Alphabet, make: Any = Switch, *, walks: int = 0, **options: Any) -> Report:
    """What a server with a switch is learned to be."""
    reports = []

    async def work() -> None:
        async with Server(make(plan()), Options(port=0, watch=make is Switch)) as server:
            target = Target.of(server.address, settle=0.02, patience=1.0)
            reports.append(await study(target, alphabet, walks=walks, **options))

    run_loop(work(), 120.0)
    return reports[0]


def found(report: Report) -> set[tuple[Kind, str, str]]:
    """The differences by kind, calls and letter."""
    assert report.comparison is not None
    letters = report.system.alphabet.inputs
    return {
        (each.kind, shown(each.told.state.calls), letters[each.told.move.symbol].name)
        for each in report.comparison.differences
    }


def test_own_server_is_the_machine_of_the_tables() -> None:
    """An incoming call lives as the tables have it, in every state and with every input."""
    report = learned(INCOMING)
    assert report.verdict is Verdict.PASS
    assert not found(report)
    assert report.lesson.machine is not None
    assert sorted(state.calls[0] for state in report.lesson.machine.states) == [
        S.ABSENT, S.IDLE, S.OFFERING, S.ACCEPTED, S.CONNECTED, S.ONHOLD, S.DISCONNECTED, S.DEALLOCATED,
    ]  # fmt: skip


def test_two_calls_of_own_server() -> None:
    """Where two calls touch each other, our server stays within what the documents leave open."""
    report = learned(some("Answer 2", "SwapHold 2, 1", "CompleteTransfer 1, 2", of=TWO_CALLS))
    assert report.verdict is Verdict.PASS
    assert found(report) == {(Kind.ALLOWED, "connected | offering", "Answer 2")}


# -- faults ----------------------------------------------------------------------------------------------------------


class HoldsNot(Switch):
    """Hold succeeds and does nothing."""

    def line_hold(self, call: Any) -> None:
        return


class DropsNot(Switch):
    """Drop succeeds and leaves the call as it is."""

    def line_drop(self, call: Any, user_user: bytes) -> None:
        return


class UnHoldsNot(Switch):
    """UnHold is refused for a reason that is not true."""

    def line_unhold(self, call: Any) -> None:
        raise TapiError(LINEERR.INVALCALLSTATE)


class HasNoHold(Switch):
    """Hold is not offered, which is legal."""

    def line_hold(self, call: Any) -> None:
        raise TapiError(LINEERR.OPERATIONUNAVAIL)


class AcceptConnects(Switch):
    """Accept does what Answer does."""

    def line_accept(self, call: Any, user_user: bytes) -> None:
        self.line_answer(call, user_user)


class LeavesIdle(Switch):
    """A call that was dropped is connected after all."""

    def line_drop(self, call: Any, user_user: bytes) -> None:
        super().line_drop(call, user_user)
        call.state = int(LINECALLSTATE.CONNECTED)
        for handle in call.handles:
            handle.opened.client.tell_state(handle)
        call.state = int(LINECALLSTATE.IDLE)


class HoldsInTwoStates(Switch):
    """ONHOLD and CONNECTED are reported in one word."""

    def line_hold(self, call: Any) -> None:
        self.sink.call_state(call, int(LINECALLSTATE.ONHOLD | LINECALLSTATE.CONNECTED))


@pytest.mark.parametrize(
    ("make", "letters", "wanted", "verdict"),
    [
        (HoldsNot, ("Answer", "Hold"), (Kind.MISSING, "connected", "Hold"), Verdict.FAIL),
        (HasNoHold, ("Answer", "Hold"), (Kind.MISSING, "connected", "Hold"), Verdict.PASS),
        (DropsNot, ("Answer", "Drop"), (Kind.MISSING, "connected", "Drop"), Verdict.FAIL),
        (UnHoldsNot, ("Answer", "Hold", "UnHold"), (Kind.DIFFERENT, "onHold", "UnHold"), Verdict.FAIL),
        (AcceptConnects, ("Accept", "Answer"), (Kind.DIFFERENT, "offering", "Accept"), Verdict.FAIL),
        (HoldsInTwoStates, ("Answer", "Hold"), (Kind.DIFFERENT, "connected", "Hold"), Verdict.FAIL),
        (LeavesIdle, ("Drop",), (Kind.DIFFERENT, "offering", "Drop"), Verdict.FAIL),
    ],
)
def test_a_fault_is_found(make: Any, letters: tuple[str, ...], wanted: Any, verdict: Verdict) -> None:
    """Each fault shows as a difference of its kind, is drawn as such, and a second conversation shows it again."""
    report = learned(some(*letters), make)
    assert wanted in found(report)
    assert report.verdict is verdict
    assert report.comparison is not None
    assert all(each.confirmed for each in report.comparison.differences)
    assert any(edge.change == wanted[0] for edge in picture(report.comparison).edges)


def _forgiving(monkeypatch: pytest.MonkeyPatch, request: type[Any], codes: set[int]) -> None:
    """The server says that it has done a request that it has to refuse."""
    right = refusal.check

    def check(client: Any, packet: Any) -> None:
        try:
            right(client, packet)
        except TapiError as error:
            if type(packet) is not request or error.code & 0xFFFFFFFF not in codes:
                raise

    monkeypatch.setattr(refusal, "check", check)
    known = attached._HANDLERS
    handler = known[request.req_func]

    def handle(client: Any, packet: Any) -> Any:
        handle = client.handles.get(packet.call)
        taken = handle is None or handle.call.state != LINECALLSTATE.OFFERING
        return None if taken else handler(client, packet)

    monkeypatch.setitem(known, request.req_func, handle)


def test_a_request_too_many_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer on a connected call is taken: odd, and no failure."""
    _forgiving(monkeypatch, line.Answer, {int(LINEERR.INVALCALLSTATE)})
    report = learned(some("Answer"), type("Faulty", (Switch,), {}))
    assert found(report) == {(Kind.EXTRA, "connected", "Answer")}
    assert report.verdict is Verdict.WARN


def test_a_handle_that_goes_on_working_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that was given up is taken in a request, which a server MUST refuse; its conversation can be replayed."""
    _forgiving(monkeypatch, line.Answer, {int(LINEERR.INVALCALLHANDLE)})
    reports = []

    async def work() -> None:
        async with Server(Switch(plan()), Options(port=0, watch=False)) as server:
            target = Target.of(server.address, settle=0.02, patience=1.0)
            report = await study(target, some("Answer", "DeallocateCall"), walks=0)
            reports.append(report)
            (told,) = report.to_json()["differences"]
            tester = await replay(target, Program.from_json(told["program"]))
            assert any(
                violation.requirement == "TRP-3.1.4.2-005-01" or violation.level == 0 for violation in tester.violations
            )

    run_loop(work(), 60.0)
    assert found(reports[0]) == {(Kind.EXTRA, "deallocated", "Answer")}
    assert reports[0].verdict is Verdict.FAIL


@pytest.mark.parametrize("state", [S.UNKNOWN, S.ONHOLD, S.CONNECTED])
def test_a_refusal_is_untrue_only_where_the_state_is_known(state: CallState) -> None:
    """INVALCALLSTATE contradicts a state that was reported, and none that was not."""
    letter = next(letter for letter in INCOMING.inputs if letter.name == "UnHold")
    judged = assess(letter, (state,), Observation(Output("refused (state)", (state,)), ((),)))
    assert judged.kind is {S.UNKNOWN: Kind.MISSING, S.ONHOLD: Kind.DIFFERENT, S.CONNECTED: Kind.SAME}[state]


# -- ends ------------------------------------------------------------------------------------------------------------


class Moody(Switch):
    """Every third Answer only claims the call."""

    answers = 0

    def line_answer(self, call: Any, user_user: bytes) -> None:
        self.answers += 1
        if self.answers % 3:
            super().line_answer(call, user_user)
        else:
            self.line_accept(call, user_user)


def test_a_server_that_is_not_deterministic() -> None:
    """The run ends, and says which word was answered in two ways."""
    report = learned(some("Answer", "Hold", "Drop"), Moody)
    assert report.verdict is Verdict.WARN
    assert report.lesson.unsteady is not None
    assert "Answer" in report.to_json()["unsteady"]["word"]


def test_budget() -> None:
    """Learning ends when the packets are sent, and says so; what was believed until then is shown."""
    report = learned(INCOMING, budget=Budget(packets=300))
    assert report.system.budget.sent <= 300
    assert report.lesson.ended
    assert report.verdict is Verdict.WARN


def test_same_seed_same_words() -> None:
    """What is learned, and by how many words, follows from the seed."""
    first, second = (learned(some("Drop"), walks=1, seed=3) for _ in range(2))
    assert first.lesson.machine == second.lesson.machine
    assert (first.system.queries, first.system.steps) == (second.system.queries, second.system.steps)


def test_cancelled() -> None:
    """A run that is cancelled leaves nothing behind."""

    async def work() -> None:
        async with Server(Switch(plan()), Options(port=0)) as server:
            target = Target.of(server.address, settle=0.02, patience=1.0)
            task = asyncio.create_task(study(target, INCOMING))
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not server.clients

    run_loop(work(), 20.0)


# -- the command -----------------------------------------------------------------------------------------------------


def test_command(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The command writes the picture and the report; the report that it prints is the same one."""
    status = []

    async def work() -> None:
        async with Server(HoldsNot(plan()), Options(port=0)) as server:
            words = ["conform", "learn", server.address, "--output", str(tmp_path), "--format", "json"]
            words += ["--settle", "0.02", "--walks", "0"]
            status.append(await asyncio.to_thread(main, words))

    run_loop(work(), 60.0)
    assert status == [1]
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "learned-incoming.json").read_text("utf-8"))
    assert [each["kind"] for each in printed["differences"]] == ["missing"]
    validator = jsonschema.Draft202012Validator(schema("learn"))
    validator.validate(printed)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**printed, "states": [{"calls": "c1 idle"}]})
    source = (tmp_path / "learned-incoming.dot").read_text("utf-8")
    assert "- missing" in source
    assert "style=dashed" in source
    assert "- missing" in (tmp_path / "learned-incoming.mmd").read_text("utf-8")
    assert (tmp_path / "learned-incoming.svg").read_bytes().startswith(b"<?xml")
    assert (tmp_path / "learned-incoming.png").read_bytes().startswith(b"\x89PNG")


def test_command_without_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where AALpy is missing, the error names the extra."""
    monkeypatch.setattr("mstrp.commands.conform_learn.find_spec", lambda name: None)
    assert main(["conform", "learn", "127.0.0.1:1"]) == 2
    assert "mstrp[learn]" in capsys.readouterr().err


def test_command_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is not there is a clear error."""
    assert main(["conform", "learn", "127.0.0.1:1"]) == 2
    assert "127.0.0.1" in capsys.readouterr().err


def test_picture_as_mermaid(golden: Callable[[str, str], None]) -> None:
    """A difference has its sign in Mermaid, too."""
    report = learned(some("Answer", "Drop"), DropsNot)
    assert report.comparison is not None
    golden("pictures/learned.mmd", mermaid(picture(report.comparison)))


def test_picture_is_plain_where_nothing_differs() -> None:
    """No difference, no sign."""
    report = learned(some("Drop"))
    assert report.comparison is not None
    assert not any(edge.change for edge in picture(report.comparison).edges)
    assert "≠" not in dot(picture(report.comparison))

"""The mandatory rules V1 to V14 and the ordering rules O1 to O21, with similar legal traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fsm.engine.levels import Verdict
from fsm.monitor import Monitor
from mstrp.generate.flows.calls import connect, drop, make
from mstrp.generate.play import Play
from mstrp.generate.stages import MonitorStage, perform
from protocol import events as event
from protocol import generic, line
from protocol.constants import LINECALLSTATE as S
from protocol.constants import LINETRANSFERMODE
from protocol.structures import LINECALLLIST, LINECALLSTATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fsm.engine.finding import Finding
    from mstrp.generate.play import Script

ACTIVE, INACTIVE = 1, 2
BAD_STATE, BAD_HANDLE = 0x8000001C, 0x80000018
OLD = {"version": 0x00010004}


def findings(write: Callable[[Script], None], *, pace: float = 0.01, **options: Any) -> list[Finding]:
    """Return the findings for a conversation of one client; each step takes ``pace`` seconds."""
    ends = options.pop("ends", False)
    play = Play()
    role = play.client(**options)
    write(play.script(role))
    if not ends:
        play.finish(role)
    monitor = Monitor()
    perform(play.order(), MonitorStage(monitor, pace=pace))
    monitor.finish()
    return monitor.findings


def rules(write: Callable[[Script], None], **options: Any) -> set[str]:
    """Return the rules of the findings."""
    return {finding.rule for finding in findings(write, **options)}


# -- V1: no state after idle ---------------------------------------------------------------------------------------


def leaves_idle(script: Script) -> None:
    call = connect(script)
    script.state(call, S.IDLE)
    script.state(call, S.CONNECTED, ACTIVE)


def idle_then_reused(script: Script) -> None:
    """The value of an ended handle is reused for another call."""
    call = connect(script)
    drop(script, call)
    script.offer(call)


def idle_twice(script: Script) -> None:
    call = connect(script)
    script.state(call, S.IDLE)
    script.state(call, S.IDLE)


def straight_to_idle(script: Script) -> None:
    """IDLE without DISCONNECTED."""
    call = connect(script)
    script.state(call, S.IDLE)


# -- V2: one state per event ---------------------------------------------------------------------------------------


def no_state(script: Script) -> None:
    script.state(connect(script), 0)


def two_states(script: Script) -> None:
    script.state(connect(script), S.CONNECTED | S.IDLE)


def device_bits(script: Script) -> None:
    """The high byte is device-specific."""
    call = script.offer()
    script.state(call, S.UNKNOWN | 0x02000000)
    script.state(call, S.CONNECTED | 0x01000000, ACTIVE)


# -- V3, O10, O17: no events before the handle ---------------------------------------------------------------------


def stranger(script: Script) -> None:
    script.state(script.call(), S.CONNECTED, ACTIVE)


def before_completion(script: Script) -> None:
    """An event for a call that a pending request creates."""
    assert script.line is not None
    call = script.call()
    made = script.ask(line.MakeCall(context=7, line=script.line.handle, call_context=8, dest_address="1"))
    early = script.state(call, S.DIALING, after=made.answered)
    script.reply(made, call=call, after=early)


def info_of_stranger(script: Script) -> None:
    script.info(script.call())


def after_completion(script: Script) -> None:
    _, call = make(script)
    script.state(call, S.DIALING)


def listed(script: Script) -> None:
    assert script.line is not None
    call = script.call()
    asked = line.GetNewCalls(line=script.line.handle, select=1, call_list=256)
    script.ask(asked, call_list=LINECALLLIST(calls=(call,)))
    script.state(call, S.CONNECTED, ACTIVE)


# -- V4, O17: the announcement is followed by the state -------------------------------------------------------------


def info_between(script: Script) -> None:
    call = script.call()
    script.tell(script.announcement(call))
    script.info(call)
    script.state(call, S.OFFERING, ACTIVE)


def never_followed(script: Script) -> None:
    """The line is closed before the state was reported."""
    assert script.line is not None
    script.tell(script.announcement(script.call()))
    script.ask(line.GetDevCaps(line_app=script.role.app, tspi_version=0x30001, line_dev_caps=1024))


def other_call_between(script: Script) -> None:
    """Events of another call in between are only suspicious."""
    one = connect(script)
    two = script.call()
    script.tell(script.announcement(two))
    script.info(one)
    script.state(two, S.OFFERING, ACTIVE)


def followed_in_another_buffer(script: Script) -> None:
    call = script.call()
    script.tell(script.announcement(call))
    script.state(call, S.OFFERING, ACTIVE)


def reply_between(script: Script) -> None:
    """A reply is not an event of a call."""
    one = script.offer()
    answer = script.ask(line.Answer(call=one))
    two = script.call()
    script.tell(script.announcement(two), after=answer.answered)
    script.reply(answer, after=script.last)
    script.state(two, S.OFFERING, ACTIVE)


# -- V5: no announcement of a known handle -------------------------------------------------------------------------


def announced_twice(script: Script) -> None:
    script.offer(script.offer())


def own_call_announced(script: Script) -> None:
    _, call = make(script)
    script.offer(call, S.DIALING, 0)


def announced_after_release(script: Script) -> None:
    call = script.offer()
    script.state(call, S.IDLE)
    script.release(call)
    script.offer(call)


# -- V6, O18: below 2.0 --------------------------------------------------------------------------------------------


def announced_to_old_client(script: Script) -> None:
    call = script.call()
    script.tell(script.announcement(call))
    script.state(call, S.OFFERING, ACTIVE)


def first_state_announces(script: Script) -> None:
    drop(script, script.offer())


# -- V7, O21: no LINE_CALLINFO after idle --------------------------------------------------------------------------


def info_after_idle(script: Script) -> None:
    call = connect(script)
    script.state(call, S.IDLE)
    script.info(call)


def digits_after_idle(script: Script) -> None:
    """The end of a pending operation may follow."""
    assert script.line is not None
    call = connect(script)
    script.state(call, S.IDLE)
    script.about(event.LINE_GENERATE, call=call, remote_line=script.line.remote)


# -- V8, O1, O5, O7: one reply for each id -------------------------------------------------------------------------


def replied_twice(script: Script) -> None:
    call = script.offer()
    answer = script.ask(line.Answer(call=call))
    script.reply(answer)
    script.reply(answer, after=script.last)


def reply_to_nothing(script: Script) -> None:
    script.about(event.LINE_REPLY, request_id=0x777)


def reply_after_refusal(script: Script) -> None:
    call = script.offer()
    hold = script.ask(line.Answer(call=call), ack=0x80000048)
    script.reply(hold, after=hold.answered)


def early_reply_then_refusal(script: Script) -> None:
    call = script.offer()
    answer = script.ask(line.Answer(call=call), ack=0x80000048)
    script.tell(script.reply_event(answer), after=answer.sent)


def reply_before_answer(script: Script) -> None:
    """The completion uses another connection (O3)."""
    call = script.offer()
    play, answer = script.play, line.Answer(call=call, request_id=0x55)
    asked = script.ask(answer)
    reply = script.reply(asked, after=asked.sent)
    play.steps[asked.answered] = play.steps[asked.answered].__class__(
        **{**_fields(play.steps[asked.answered]), "after": frozenset({reply})}
    )
    script.state(call, S.CONNECTED, ACTIVE)


def _fields(step: Any) -> dict[str, Any]:
    return {name: getattr(step, name) for name in step.__slots__}


def replies_in_other_order(script: Script) -> None:
    one, two = script.offer(), script.offer()
    first = script.ask(line.Answer(call=one))
    second = script.ask(line.Accept(call=two))
    script.reply(second, after=second.answered)
    script.reply(first, after=script.last)


def id_used_again(script: Script) -> None:
    """After its completion an id may be reused."""
    call = script.offer()
    accept = script.ask(line.Accept(call=call, request_id=0x99))
    script.reply(accept)
    answer = script.ask(line.Answer(call=call, request_id=0x99))
    script.reply(answer)


def missing_reply(script: Script) -> None:
    """The time until a completion is unlimited (O8); a missing one is information."""
    script.ask(line.Answer(call=script.offer()))


# -- V9, V10, O2, O6: values of responses --------------------------------------------------------------------------


def other_id(script: Script) -> None:
    call = script.offer()
    script.ask(line.Answer(call=call, request_id=0x99), ack=0x98)


def answered_zero(script: Script) -> None:
    script.ask(line.Answer(call=script.offer()), ack=0)


def sync_with_id(script: Script) -> None:
    script.ask(line.GetCallStatus(call=script.offer(), call_status=256), ack=0x44)


def drop_returns_zero(script: Script) -> None:
    """In the examples of section 4, Drop returns 0 (Q6): suspicious, not forbidden."""
    call = connect(script)
    script.ask(line.Drop(call=call), ack=0)
    script.state(call, S.IDLE)


def used_id(script: Script) -> None:
    one, two = script.offer(), script.offer()
    script.ask(line.Answer(call=one, request_id=0x99))
    play = script.play
    asked = script.ask(line.Accept(call=two, request_id=0x9A))
    play.steps[asked.sent] = _with_packet(play.steps[asked.sent], line.Accept(call=two, request_id=0))
    play.steps[asked.answered] = _with_packet(play.steps[asked.answered], line.Accept(ack=0x99, call=two))


def client_reuses_id(script: Script) -> None:
    one, two = script.offer(), script.offer()
    script.ask(line.Answer(call=one, request_id=0x99))
    script.ask(line.Accept(call=two, request_id=0x99))


def _with_packet(step: Any, packet: Any) -> Any:
    return step.__class__(**{**_fields(step), "packet": packet})


def server_chooses_id(script: Script) -> None:
    """With 0 the server selects the id; its completion may precede the response."""
    call = script.offer()
    play = script.play
    asked = script.ask(line.Answer(call=call, request_id=0x41))
    play.steps[asked.sent] = _with_packet(play.steps[asked.sent], line.Answer(call=call, request_id=0))
    reply = script.reply(asked, after=asked.sent)
    answered = play.steps[asked.answered]
    play.steps[asked.answered] = answered.__class__(**{**_fields(answered), "after": frozenset({reply})})


# -- V11, Q17: members of conferences ------------------------------------------------------------------------------


def member_of_nothing(script: Script) -> None:
    script.state(connect(script), S.CONFERENCED, 0xDEAD)


def member_of_itself(script: Script) -> None:
    call = connect(script)
    script.state(call, S.CONFERENCED, call)


def member_of_offered_call(script: Script) -> None:
    script.state(connect(script), S.CONFERENCED, connect(script))


def member_of_made_call(script: Script) -> None:
    _, parent = make(script)
    script.state(parent, S.DIALING)
    script.state(connect(script), S.CONFERENCED, parent)


def member_of_announced_conference(script: Script) -> None:
    """A conference of another client is announced and never offered."""
    conference = script.call()
    script.tell(script.announcement(conference))
    script.state(conference, S.CONNECTED, ACTIVE)
    script.state(connect(script), S.CONFERENCED, conference)


def member_of_listed_conference(script: Script) -> None:
    assert script.line is not None
    conference = script.call()
    asked = line.GetNewCalls(line=script.line.handle, select=1, call_list=256)
    script.ask(asked, call_list=LINECALLLIST(calls=(conference,)))
    script.state(conference, S.CONNECTED, ACTIVE)
    script.state(connect(script), S.CONFERENCED, conference)


def member_of_set_up_conference(script: Script) -> None:
    """The conference is that of a completed SetUpConference."""
    assert script.line is not None
    member, conference, consultation = connect(script), script.call(), script.call()
    asked = script.ask(
        line.SetUpConference(
            context=3, call=member, line=script.line.handle, conf_call_context=4, consult_call_context=5, num_parties=3
        )
    )
    script.reply(asked, conf_call=conference, consult_call=consultation)
    script.state(conference, S.ONHOLDPENDCONF)
    script.state(member, S.CONFERENCED, conference)


def call_becomes_conference(script: Script) -> None:
    """The server makes one of the transferred calls the conference, and reports the member before the completion."""
    assert script.line is not None
    _, held = make(script)
    script.state(held, S.CONNECTED, ACTIVE)
    script.state(held, S.ONHOLDPENDTRANSFER)
    _, consultation = make(script)
    script.state(consultation, S.CONNECTED, ACTIVE)
    asked = script.ask(
        line.CompleteTransfer(
            call=held,
            consult_call=consultation,
            context=3,
            conf_call_context=4,
            transfer_mode=LINETRANSFERMODE.CONFERENCE,
        )
    )
    script.state(consultation, S.CONFERENCED, held, after=asked.sent)
    script.reply(asked, conf_call=held, after=script.last)


def parent_zero(script: Script) -> None:
    script.state(connect(script), S.CONFERENCED, 0)


def odd_mode(script: Script) -> None:
    script.state(connect(script), S.DISCONNECTED, 0x3)


def mode_zero(script: Script) -> None:
    """0 is active for connected and offering (Q17)."""
    call = script.offer(mode=0)
    script.state(call, S.CONNECTED, 0)


# -- V12: nothing after the end ------------------------------------------------------------------------------------


def state_after_release(script: Script) -> None:
    call = connect(script)
    script.state(call, S.DISCONNECTED, 1)
    script.release(call)
    script.state(call, S.IDLE)


def event_after_close(script: Script) -> None:
    assert script.line is not None
    opened = script.line
    script.ask(line.Close(line=opened.handle))
    script.about(event.LINE_LINEDEVSTATE, remote_line=opened.remote, device_states=0x80)


# -- V13, V14: contexts --------------------------------------------------------------------------------------------


def foreign_context(script: Script) -> None:
    assert script.line is not None
    script.tell(
        event.LINE_LINEDEVSTATE(
            init_context=script.role.init_context,
            open_context=0xBAD,
            remote_line=script.line.remote,
            device_states=0x80,
        )
    )


def foreign_init_context(script: Script) -> None:
    assert script.line is not None
    script.tell(
        event.LINE_LINEDEVSTATE(
            init_context=0xBAD, open_context=script.line.context, remote_line=script.line.remote, device_states=0x80
        )
    )


def context_not_echoed(script: Script) -> None:
    assert script.line is not None
    call = script.call()
    made = script.ask(line.MakeCall(context=7, line=script.line.handle, call_context=8, dest_address="1"))
    script.reply(made, call=call, call_context=9)
    script.state(call, S.DIALING)


def no_handle(script: Script) -> None:
    assert script.line is not None
    made = script.ask(line.MakeCall(context=7, line=script.line.handle, call_context=8, dest_address="1"))
    script.reply(made, call=0)


def context_error(script: Script) -> None:
    """0xF101 is an error although it is positive (Q15)."""
    script.ask(line.GetCallStatus(call=script.offer(), call_status=256), ack=0xF101)


def parent_given_up(script: Script) -> None:
    """A member may refer to a conference that the client has deallocated, or to 0 instead (Q17)."""
    conference, member = script.call(), connect(script)
    script.tell(script.announcement(conference))
    script.state(conference, S.CONNECTED, ACTIVE)
    script.state(member, S.CONFERENCED, conference)
    script.release(conference)
    script.state(member, S.CONFERENCED, 0)


def parent_to_come(script: Script) -> None:
    """A member may refer to a conference whose completion is pending (Q10)."""
    assert script.line is not None
    member, conference, consultation = connect(script), script.call(), script.call()
    asked = script.ask(
        line.SetUpConference(
            context=3, call=member, line=script.line.handle, conf_call_context=4, consult_call_context=5, num_parties=3
        )
    )
    script.state(member, S.CONFERENCED, conference, after=asked.sent)
    script.reply(asked, conf_call=conference, consult_call=consultation, after=script.last)


def own_contexts(script: Script) -> None:
    """Events with the contexts of the client."""
    assert script.line is not None
    script.about(event.LINE_LINEDEVSTATE, remote_line=script.line.remote, device_states=0x80)


def failed_without_handle(script: Script) -> None:
    """A completion with a failure contains no handle."""
    assert script.line is not None
    made = script.ask(line.MakeCall(context=7, line=script.line.handle, call_context=8, dest_address="1"))
    script.reply(made, 0x80000005)


def mixed_order(script: Script) -> None:
    """Events and replies of several calls in any order (O7, O11, O13)."""
    one, two = script.offer(), script.offer()
    first = script.ask(line.Answer(call=one))
    second = script.ask(line.Drop(call=two))
    script.state(one, S.CONNECTED, ACTIVE, after=first.sent)
    script.reply(second)
    script.state(two, S.IDLE, after=second.sent)
    script.reply(first)


# -- ordering ------------------------------------------------------------------------------------------------------


def never_reported(script: Script) -> None:
    """A call that was made needs at least one LINE_CALLSTATE (O12)."""
    make(script)


def swapped_by_half(script: Script) -> None:
    """SwapHold needs two reports (O14)."""
    assert script.line is not None
    one = connect(script)
    hold = script.ask(line.Hold(call=one))
    script.state(one, S.ONHOLD, after=hold.sent)
    script.reply(hold)
    two = connect(script)
    swap = script.ask(line.SwapHold(active_call=two, held_call=one))
    script.reply(swap)
    script.state(two, S.ONHOLD)


def swapped_unreported(script: Script) -> None:
    """If neither call is reported, that is not suspicious for one of them."""
    one = connect(script)
    hold = script.ask(line.Hold(call=one))
    script.reply(hold)
    two = connect(script)
    swap = script.ask(line.SwapHold(active_call=two, held_call=one))
    script.reply(swap)


def late_reply_after_forced_close(script: Script) -> None:
    assert script.line is not None
    call = connect(script)
    hold = script.ask(line.Hold(call=call))
    script.about(event.LINE_CLOSE, remote_line=script.line.remote, after=hold.answered)
    script.reply(hold, after=script.last)


def completed_before_forced_close(script: Script) -> None:
    assert script.line is not None
    call = connect(script)
    hold = script.ask(line.Hold(call=call))
    reply = script.reply(hold, 0x80000048, after=hold.answered)
    script.about(event.LINE_CLOSE, remote_line=script.line.remote, after=reply)


def filtered(script: Script) -> None:
    """After an event filter, missing events may be suppressed (Q19)."""
    script.ask(generic.RSPSetEventFilterMasks(obj_type=1, object_id=script.role.app))
    script.tell(script.announcement(script.call()))
    make(script)
    call = script.offer(state=S.DISCONNECTED, mode=1)
    script.state(call, S.DIALTONE, 1)


def repeated_with_news(script: Script) -> None:
    call = connect(script)
    script.state(call, S.CONNECTED, INACTIVE)
    script.state(call, S.CONNECTED, INACTIVE, privilege=2)


def repeated(script: Script) -> None:
    call = connect(script)
    script.state(call, S.CONNECTED, ACTIVE)


def odd_progress(script: Script) -> None:
    call = connect(script)
    script.state(call, S.DIALTONE, 1)


def asked_too_early(script: Script) -> None:
    """The server accepts BlindTransfer on an offered call."""
    asked = script.ask(line.BlindTransfer(call=script.offer(), dest_address="1"))
    script.reply(asked)


def overtaken(script: Script) -> None:
    """The state that allows the request is reported while the request is pending."""
    call = script.offer()
    answer = script.ask(line.Answer(call=call))
    transfer = script.ask(line.BlindTransfer(call=call, dest_address="1"), after=answer.answered)
    play = script.play
    reported = script.state(call, S.CONNECTED, ACTIVE, after=transfer.sent)
    answered = play.steps[transfer.answered]
    play.steps[transfer.answered] = answered.__class__(
        **{**_fields(answered), "after": frozenset({transfer.sent, reported})}
    )
    script.reply(answer)
    script.reply(transfer)


def looked_up(script: Script) -> None:
    """GetCallStatus returns a state that no event has reported yet."""
    call = script.offer()
    asked = line.GetCallStatus(call=call, call_status=256)
    script.ask(asked, call_status=LINECALLSTATUS(call_state=int(S.CONNECTED)))
    script.state(call, S.CONNECTED, ACTIVE)


#: (conversation, the violated rules, seconds per step, options of the client)
BROKEN: list[tuple[Callable[[Script], None], str, float, dict[str, Any]]] = [
    (leaves_idle, "CALL-V01", 0.01, {}),
    (idle_twice, "CALL-STATE-IDLE-IDLE", 0.01, {}),
    (no_state, "CALL-V02", 0.01, {}),
    (two_states, "CALL-V02", 0.01, {}),
    (stranger, "CALL-V03", 0.01, {}),
    (before_completion, "CALL-V03", 0.01, {}),
    (info_of_stranger, "CALL-V03", 0.01, {}),
    (info_between, "CALL-V04", 0.01, {}),
    (never_followed, "CALL-V04", 2.0, {}),
    (other_call_between, "CALL-V04", 0.01, {}),
    (announced_twice, "CALL-V05", 0.01, {}),
    (own_call_announced, "CALL-V05", 0.01, {}),
    (announced_to_old_client, "CALL-V06", 0.01, OLD),
    (info_after_idle, "CALL-V07", 0.01, {}),
    (replied_twice, "CALL-V08", 0.01, {}),
    (reply_to_nothing, "CALL-V08", 0.01, {}),
    (reply_after_refusal, "CALL-ORDER-O01", 0.01, {}),
    (early_reply_then_refusal, "CALL-ORDER-O01", 0.01, {}),
    (other_id, "CALL-V09", 0.01, {}),
    (answered_zero, "CALL-V10", 0.01, {}),
    (sync_with_id, "CALL-V10", 0.01, {}),
    (drop_returns_zero, "CALL-V10", 0.01, {}),
    (used_id, "CALL-ORDER-O06", 0.01, {}),
    (client_reuses_id, "CALL-ORDER-O06", 0.01, {}),
    (member_of_nothing, "CALL-V11", 0.01, {}),
    (member_of_itself, "CALL-V11", 0.01, {}),
    (member_of_offered_call, "CALL-V11", 0.01, {}),
    (member_of_made_call, "CALL-V11", 0.01, {}),
    (parent_zero, "CALL-Q17", 0.01, {}),
    (odd_mode, "CALL-Q17", 0.01, {}),
    (state_after_release, "CALL-V12", 2.0, {}),
    (event_after_close, "CALL-V12", 2.0, {"ends": True}),
    (foreign_context, "CALL-V13", 0.01, {}),
    (foreign_init_context, "CALL-V13", 0.01, {}),
    (context_not_echoed, "CALL-V14", 0.01, {}),
    (no_handle, "CALL-V14", 0.01, {}),
    (never_reported, "CALL-ORDER-O12", 2.0, {}),
    (swapped_by_half, "CALL-ORDER-O14", 2.0, {}),
    (missing_reply, "CALL-ORDER-O08", 0.01, {"ends": True}),
    (repeated, "CALL-STATE-CONNECTED-CONNECTED", 0.01, {}),
    (odd_progress, "CALL-STATE-CONNECTED-DIALTONE", 0.01, {}),
    (asked_too_early, "CALL-PRE-BlindTransfer", 0.01, {}),
]
#: Conversations that are similar to one of those, and legal.
LEGAL: list[tuple[Callable[[Script], None], float, dict[str, Any]]] = [
    (idle_then_reused, 0.01, {}),
    (straight_to_idle, 0.01, {}),
    (device_bits, 0.01, {}),
    (after_completion, 0.01, {}),
    (listed, 0.01, {}),
    (followed_in_another_buffer, 0.01, {}),
    (reply_between, 0.01, {}),
    (announced_after_release, 0.01, {}),
    (first_state_announces, 0.01, OLD),
    (digits_after_idle, 0.01, {}),
    (reply_before_answer, 0.01, {}),
    (replies_in_other_order, 0.01, {}),
    (id_used_again, 0.01, {}),
    (missing_reply, 0.01, {}),
    (server_chooses_id, 0.01, {}),
    (mode_zero, 0.01, {}),
    (state_after_release, 0.01, {}),
    (event_after_close, 0.01, {"ends": True}),
    (never_reported, 0.01, {}),
    (swapped_unreported, 2.0, {}),
    (completed_before_forced_close, 0.01, {"ends": True}),
    (filtered, 0.01, {}),
    (repeated_with_news, 0.01, {}),
    (overtaken, 0.01, {}),
    (looked_up, 0.01, {}),
    (context_error, 0.01, {}),
    (member_of_announced_conference, 0.01, {}),
    (member_of_listed_conference, 0.01, {}),
    (member_of_set_up_conference, 0.01, {}),
    (call_becomes_conference, 0.01, {}),
    (parent_given_up, 0.01, {}),
    (parent_to_come, 0.01, {}),
    (own_contexts, 0.01, {}),
    (failed_without_handle, 0.01, {}),
    (mixed_order, 0.01, {}),
]
#: Rules whose violation is a warning or information, not a failure.
SOFT = {
    "idle_twice",
    "other_call_between",
    "drop_returns_zero",
    "client_reuses_id",
    "member_of_itself",
    "member_of_offered_call",
    "member_of_made_call",
    "parent_zero",
    "odd_mode",
    "never_reported",
    "swapped_by_half",
    "missing_reply",
    "repeated",
    "odd_progress",
    "asked_too_early",
}


@pytest.mark.parametrize(("write", "rule", "pace", "options"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_broken(write: Callable[[Script], None], rule: str, pace: float, options: dict[str, Any]) -> None:
    """A conversation that violates one rule causes findings of that rule and of no other."""
    found = findings(write, pace=pace, **options)
    assert {finding.rule for finding in found} == {rule}
    failed = any(finding.verdict is Verdict.FAIL for finding in found)
    assert failed is (write.__name__ not in SOFT)


@pytest.mark.parametrize(("write", "pace", "options"), LEGAL, ids=lambda value: getattr(value, "__name__", ""))
def test_legal(write: Callable[[Script], None], pace: float, options: dict[str, Any]) -> None:
    """A legal conversation that is similar to a violating one causes no finding."""
    assert findings(write, pace=pace, **options) == []


def test_late_reply_is_odd() -> None:
    """A completion after a forced close is suspicious, and so is a missing one (Q13)."""
    assert rules(late_reply_after_forced_close, ends=True, pace=2.0) == {"CALL-ORDER-O05", "CALL-V12"}


def test_slow_answer() -> None:
    """A response after more than the 5 s of section 3.2.2 is suspicious (O9)."""
    assert rules(lambda script: None, pace=6.0) == {"CALL-ORDER-O09"}


#: Each mandatory rule with conversations that violate it, and with similar legal ones.
HARD: dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]] = {
    "V1": ((leaves_idle,), (idle_then_reused, straight_to_idle)),
    "V2": ((no_state, two_states), (device_bits,)),
    "V3": ((stranger, before_completion, info_of_stranger), (after_completion, listed, idle_then_reused)),
    "V4": ((info_between, never_followed), (followed_in_another_buffer, reply_between, filtered)),
    "V5": ((announced_twice, own_call_announced), (announced_after_release, idle_then_reused)),
    "V6": ((announced_to_old_client,), (first_state_announces,)),
    "V7": ((info_after_idle,), (digits_after_idle,)),
    "V8": (
        (replied_twice, reply_to_nothing),
        (id_used_again, replies_in_other_order, missing_reply, reply_before_answer),
    ),
    "V9": ((other_id,), (server_chooses_id,)),
    "V10": ((answered_zero, sync_with_id), (context_error,)),
    "V11": ((member_of_nothing,), (parent_given_up, parent_to_come)),
    "V12": ((state_after_release, event_after_close), (state_after_release, event_after_close)),
    "V13": ((foreign_context, foreign_init_context), (own_contexts,)),
    "V14": ((context_not_echoed, no_handle), (failed_without_handle,)),
    "O1": ((reply_after_refusal, early_reply_then_refusal), (reply_before_answer, completed_before_forced_close)),
    "O2": ((answered_zero,), (context_error,)),
    "O5": ((replied_twice,), (id_used_again, missing_reply)),
    "O6": ((used_id,), (id_used_again, server_chooses_id)),
    "O10": ((before_completion,), (after_completion, mixed_order)),
    "O17": ((stranger, never_followed), (followed_in_another_buffer, listed)),
    "O18": ((announced_to_old_client,), (first_state_announces,)),
    "O21": ((info_after_idle,), (digits_after_idle,)),
}


@pytest.mark.parametrize("rule", HARD)
def test_hard_rules_have_twins(rule: str) -> None:
    """Every mandatory rule is violated by a conversation that fails, and by none of the similar legal ones."""
    broken, twins = HARD[rule]
    failing = {write for write, *_ in BROKEN if write.__name__ not in SOFT}
    assert set(broken) <= failing
    assert set(twins) <= {write for write, *_ in LEGAL}
    assert broken
    assert twins


def test_all_hard_rules() -> None:
    """The mandatory rules are V1 to V14, and the violations in the ordering tables."""
    violations = {1, 2, 5, 6, 10, 17, 18, 21}
    assert set(HARD) == {f"V{number}" for number in range(1, 15)} | {f"O{number}" for number in violations}

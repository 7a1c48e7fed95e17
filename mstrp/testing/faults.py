"""Faults of a server with calls and replies, each against one hard rule of the call model (CALL-V01 and following).

A fault is written into a situation, wherever its conversation is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.testing.trial import STRANGER
from protocol import line, mmc
from protocol.constants import LINECALLSTATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.generate.play import Asked
    from mstrp.testing.situation import Situation

__all__ = ["FAULTS"]

S = LINECALLSTATE


def _idle(situation: Situation) -> int:
    call = situation.script.offer()
    situation.script.state(call, S.IDLE)
    return call


def _connected(situation: Situation) -> int:
    return situation.script.offer(state=S.CONNECTED, mode=1)


def _held(situation: Situation) -> Asked:
    """Hold, sent and answered, its reply still to come."""
    return situation.send(line.Hold(call=_connected(situation)))


def _leaves_idle(situation: Situation) -> None:
    situation.script.state(_idle(situation), S.CONNECTED, 1)


def _no_state(situation: Situation) -> None:
    situation.script.state(_connected(situation), 0)


def _two_states(situation: Situation) -> None:
    situation.script.state(_connected(situation), S.IDLE | S.DISCONNECTED)


def _never_announced(situation: Situation) -> None:
    situation.script.state(situation.script.call(), S.OFFERING, 1)


def _announced_twice(situation: Situation) -> None:
    script, call = situation.script, _connected(situation)
    script.tell(script.announcement(call), script.state_event(call, S.ONHOLD))


def _information_after_idle(situation: Situation) -> None:
    situation.script.info(_idle(situation))


def _replied_twice(situation: Situation) -> None:
    asked = _held(situation)
    situation.complete(asked)
    situation.script.tell(situation.script.reply_event(asked))


def _answered_with_another_id(situation: Situation) -> None:
    call = _connected(situation)
    number = situation.role.identifier()
    asked = situation.script.ask(line.Hold(call=call, request_id=number), ack=number + 0x4000)
    told: Any = situation.script.reply_event(asked)
    situation.script.tell(told.replace(request_id=number + 0x4000), after=asked.answered)


def _answered_with_zero(situation: Situation) -> None:
    call = _connected(situation)
    situation.script.reply(situation.script.ask(line.Hold(call=call), ack=0))


def _no_parent(situation: Situation) -> None:
    situation.script.state(_connected(situation), S.CONFERENCED, STRANGER)


def _after_the_end(situation: Situation) -> None:
    call = _idle(situation)
    situation.script.release(call)
    for _ in range(6):
        situation.script.ask(mmc.GetProviderList(api_version=situation.role.version, provider_list=1024))
    situation.script.state(call, S.IDLE)


def _foreign_context(situation: Situation) -> None:
    call = situation.script.offer()
    told: Any = situation.script.state_event(call, S.CONNECTED, 1)
    situation.script.tell(told.replace(open_context=0x999))


def _no_echo(situation: Situation) -> None:
    asked = situation.send(situation.packet(line.MakeCall))
    call = situation.play.handle()
    brought = situation.script.reply_event(asked, call=call, call_context=0x999)
    situation.script.tell(brought, after=asked.answered)
    situation.script.state(call, S.CONNECTED, 1)


#: Each fault with its rule.
FAULTS: tuple[tuple[str, Callable[[Situation], None]], ...] = (
    ("CALL-V01", _leaves_idle),
    ("CALL-V02", _no_state),
    ("CALL-V02", _two_states),
    ("CALL-V03", _never_announced),
    ("CALL-V05", _announced_twice),
    ("CALL-V07", _information_after_idle),
    ("CALL-V08", _replied_twice),
    ("CALL-V09", _answered_with_another_id),
    ("CALL-V10", _answered_with_zero),
    ("CALL-V11", _no_parent),
    ("CALL-V12", _after_the_end),
    ("CALL-V13", _foreign_context),
    ("CALL-V14", _no_echo),
)

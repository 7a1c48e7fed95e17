"""Server faults in calls and completions, each violating one mandatory rule of the call model (CALL-V01 and following).

A fault can be inserted into a session at any point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mstrp.testing.case import ABSENT_HANDLE
from protocol import line, mmc
from protocol.constants import LINECALLSTATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mstrp.generate.play import Asked
    from mstrp.testing.prepared_session import PreparedSession

__all__ = ["FAULTS"]

S = LINECALLSTATE


def _idle(session: PreparedSession) -> int:
    call = session.script.offer()
    session.script.state(call, S.IDLE)
    return call


def _connected(session: PreparedSession) -> int:
    return session.script.offer(state=S.CONNECTED, mode=1)


def _held(session: PreparedSession) -> Asked:
    """Send Hold and accept it, without a completion."""
    return session.send(line.Hold(call=_connected(session)))


def _leaves_idle(session: PreparedSession) -> None:
    session.script.state(_idle(session), S.CONNECTED, 1)


def _no_state(session: PreparedSession) -> None:
    session.script.state(_connected(session), 0)


def _two_states(session: PreparedSession) -> None:
    session.script.state(_connected(session), S.IDLE | S.DISCONNECTED)


def _never_announced(session: PreparedSession) -> None:
    session.script.state(session.script.call(), S.OFFERING, 1)


def _announced_twice(session: PreparedSession) -> None:
    script, call = session.script, _connected(session)
    script.tell(script.announcement(call), script.state_event(call, S.ONHOLD))


def _information_after_idle(session: PreparedSession) -> None:
    session.script.info(_idle(session))


def _replied_twice(session: PreparedSession) -> None:
    asked = _held(session)
    session.complete(asked)
    session.script.tell(session.script.reply_event(asked))


def _answered_with_another_id(session: PreparedSession) -> None:
    call = _connected(session)
    number = session.role.identifier()
    asked = session.script.ask(line.Hold(call=call, request_id=number), ack=number + 0x4000)
    told: Any = session.script.reply_event(asked)
    session.script.tell(told.replace(request_id=number + 0x4000), after=asked.answered)


def _answered_with_zero(session: PreparedSession) -> None:
    call = _connected(session)
    session.script.reply(session.script.ask(line.Hold(call=call), ack=0))


def _no_parent(session: PreparedSession) -> None:
    session.script.state(_connected(session), S.CONFERENCED, ABSENT_HANDLE)


def _after_the_end(session: PreparedSession) -> None:
    call = _idle(session)
    session.script.release(call)
    for _ in range(6):
        session.script.ask(mmc.GetProviderList(api_version=session.role.version, provider_list=1024))
    session.script.state(call, S.IDLE)


def _foreign_context(session: PreparedSession) -> None:
    call = session.script.offer()
    told: Any = session.script.state_event(call, S.CONNECTED, 1)
    session.script.tell(told.replace(open_context=0x999))


def _no_echo(session: PreparedSession) -> None:
    asked = session.send(session.packet(line.MakeCall))
    call = session.play.handle()
    brought = session.script.reply_event(asked, call=call, call_context=0x999)
    session.script.tell(brought, after=asked.answered)
    session.script.state(call, S.CONNECTED, 1)


#: Each fault with its rule.
FAULTS: tuple[tuple[str, Callable[[PreparedSession], None]], ...] = (
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

"""The dialog instance between a provider and its user interface on the client."""

from __future__ import annotations

from enum import IntEnum

from fsm.engine.levels import Level
from fsm.engine.row import Event, Kind, Row, ref
from fsm.engine.table import Table
from fsm.tables.handle import (
    LIVE_RULE,
    VOIDED,
)

__all__ = ["DIALOG", "DIALOG_FREED", "DIALOG_OPENED", "DIALOG_USED", "DialogState"]

_MUST, _STATED, _TYPICAL = Level.MUST, Level.STATED, Level.TYPICAL


class DialogState(IntEnum):
    """States of a dialog instance of a provider."""

    ABSENT = 0
    OPEN = 1
    FREED = 2


DIALOG_OPENED = Event("GetUIDllName", Kind.ANSWER, "the response returned a dialog instance")
DIALOG_USED = Event("TUISPIDLLCallback", Kind.REQUEST, "data is exchanged between the provider and its dialog")
DIALOG_FREED = Event("FreeDialogInstance", Kind.REQUEST, "the client ends the dialog")

D = DialogState
_FREED = ref("2.2.4.1.7.11", "an instance is freed once, and invalid afterwards")
DIALOG = Table(
    name="dialog",
    summary="A dialog instance between a provider and its user interface on the client",
    states=DialogState,
    initial=D.ABSENT,
    finals=frozenset({D.FREED}),
    events=(DIALOG_OPENED, DIALOG_USED, DIALOG_FREED, VOIDED),
    rows=(
        Row(D.ABSENT, DIALOG_OPENED, D.OPEN, _STATED, ref("2.2.4.1.7.9", "htDlgInst")),
        Row(D.OPEN, DIALOG_USED, D.OPEN, _STATED, ref("2.2.4.1.7.10", "dwObjectID")),
        Row(D.OPEN, DIALOG_FREED, D.FREED, _STATED, _FREED),
        Row(D.OPEN, VOIDED, D.FREED, _TYPICAL, ref("3.1.4.3", "ClientDetach, rundown")),
        Row(D.ABSENT, VOIDED, D.ABSENT, _TYPICAL, _FREED),
        Row(D.FREED, VOIDED, D.FREED, _TYPICAL, _FREED),
        *(
            Row(state, DIALOG_USED, state, _MUST, ref("3.1.4.2", "dwObjectID must exist"), rule=LIVE_RULE)
            for state in (D.ABSENT, D.FREED)
        ),
        *(
            Row(state, DIALOG_FREED, state, _MUST, ref("3.1.4.2", "htDlgInst must be open"), rule=LIVE_RULE)
            for state in (D.ABSENT, D.FREED)
        ),
    ),
    unproven=frozenset({DIALOG_USED}),
)

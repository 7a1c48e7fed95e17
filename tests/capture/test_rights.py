"""Whether the client is an administrator, as ClientAttach with lProcessID -3 shows it in a capture."""

from __future__ import annotations

import pytest
from staged import Staged, verdicts

from protocol.mmc import SetServerConfig
from protocol.ndr import MANAGED_64, MANAGEMENT, NULL_CONTEXT, TAPSRV, TELEPHONY, ClientAttach, ClientAttachResult

RULE = "TRP-3.1.4.2-137-01"
HANDLE = bytes(4) + bytes([7]) * 16
MINUS_19 = 0xFFFFFFED


def _attach(staged: Staged, connection: object, process: int, result: int) -> None:
    telephony = process == TELEPHONY
    asked = ClientAttach(process, r"\\PC\mailslot\x" if telephony else "admin", "PC")
    context = NULL_CONTEXT if result else HANDLE
    answer = ClientAttachResult(context, 0xA5C369A5 if telephony else MANAGED_64, result)
    staged.call(connection, "ClientAttach", asked, answer)  # type: ignore[arg-type]


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("how", ["denied", "denied, then granted", "other error", "another association", "joined"])
def test_a_denied_attach_is_remembered_for_its_association(how: str, refused: bool) -> None:
    """Requests of administrators are faults once -3 was refused with -19, in that association only."""
    staged = Staged()
    found = staged.wire.connect(("10.0.0.9", 50_000), (staged.stage.SERVER, 5150))
    found.bind(TAPSRV)
    _attach(staged, found, MANAGEMENT, 0x8000000C if how == "other error" else MINUS_19)
    if how == "denied, then granted":
        _attach(staged, found, MANAGEMENT, 0)
        staged.detach(found, HANDLE)
    if how in ("another association", "joined"):
        found = staged.wire.connect(("10.0.0.9", 50_001), (staged.stage.SERVER, 5150))
        found.bind(TAPSRV, joins=how == "joined")
    _attach(staged, found, TELEPHONY, 0)
    packet = SetServerConfig()
    staged.ask(found, HANDLE, packet, ack=0x80000048 if refused else 0)
    rules = {(rule, verdict) for rule, verdict, _ in verdicts(staged.judge())}
    expected = {(rule, "warn" if refused else "fail") for rule in (RULE,)} if how in ("denied", "joined") else set()
    assert {each for each in rules if each[0] == RULE} == expected

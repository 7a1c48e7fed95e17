"""Encrypted traffic: checked with the password; without it, the report contains its amount and the required password."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from frames import facts, judge, scenario, segments_of
from sealed import NTLM, SPNEGO, protected

from mstrp.capture.hints import Setup
from mstrp.checking import check_capture
from protocol.rpc.sealing import nt_hash
from protocol.rpc.unseal import nt_hashes

if TYPE_CHECKING:
    from pathlib import Path

SEGMENTS = [segment for segment in segments_of(scenario()) if segment.data or segment.flags & 3]
EXPECTED = facts(judge(SEGMENTS))
RIGHT = Setup(secrets=tuple(nt_hashes(["Passw0rd!"])))
WRONG = Setup(secrets=tuple(nt_hashes(["password", "Passw0rd"])))
RECORDING = "scapy-scapy_s45_transfer_typical_ntlm_privacy.pcap"


def test_the_hash_is_that_of_the_specification() -> None:
    """NTOWFv1 of MS-NLMP 4.2.2.1.2."""
    assert nt_hash("Password").hex() == "a4f49c406510bdcab6824ee7c30fd852"


@pytest.mark.parametrize("secrets", [RIGHT.secrets, (*WRONG.secrets, *RIGHT.secrets)])
def test_a_sealed_recording_is_judged_like_the_one_in_the_clear(captures: Path, secrets: tuple[bytes, ...]) -> None:
    """With its password the encrypted recording has the same sessions and findings as the unencrypted one."""
    sealed = check_capture(str(captures / RECORDING), setup=Setup(secrets=secrets))
    clear = check_capture(str(captures / "scapy-scapy_s45_transfer_typical_ndr64.pcap"))
    assert facts(sealed) == facts(clear)
    assert sealed.notes == []
    assert sealed.sealed == ()


def test_without_a_password_it_is_said_what_is_there(captures: Path) -> None:
    """Without a password the report contains the encrypted calls with counts, mechanism, account, and the missing data."""
    result = check_capture(str(captures / RECORDING))
    found = [(s.interface, s.mechanism, s.level, s.account, s.requests, s.answers, s.needed) for s in result.sealed]
    account = "WORKGROUP\\alice"
    needed = f"the password of {account}"
    assert found == [
        ("tapsrv", "NTLM", "privacy", account, 13, 13, needed),
        ("remotesp", "NTLM", "privacy", account, 8, 8, needed),
    ]
    assert result.as_dict()["sealed"][0]["requests"] == 13
    assert sum(text.startswith("sealed: ") for _, text in result.notes) == 2


def test_a_wrong_password_is_said(captures: Path) -> None:
    """A wrong password is reported, and no data is decrypted with it."""
    result = check_capture(str(captures / RECORDING), setup=WRONG)
    assert result.sessions == []
    assert {sealed.needed for sealed in result.sealed} == {
        "the correct password of WORKGROUP\\alice: none of the given ones matches"
    }


@pytest.mark.parametrize("level", [5, 6], ids=["integrity", "privacy"])
@pytest.mark.parametrize("kind", [NTLM, SPNEGO], ids=["NTLM", "SPNEGO"])
def test_what_others_seal_is_unsealed(kind: int, level: int) -> None:
    """NTLM of an independent implementation, raw and in SPNEGO with its mechListMIC, is verified and unsealed."""
    segments = protected(SEGMENTS, kind, level)
    result = judge(segments, setup=RIGHT)
    assert facts(result) == EXPECTED
    assert result.notes == []
    blind = judge(segments)
    if level == 5:
        assert facts(blind) == EXPECTED
    else:
        assert {sealed.mechanism for sealed in blind.sealed} == {"NTLM" if kind == NTLM else "NTLM in SPNEGO"}
        assert blind.sessions == []


@pytest.mark.parametrize("level", [5, 6], ids=["integrity", "privacy"])
@pytest.mark.parametrize("kind", [NTLM, SPNEGO], ids=["NTLM", "SPNEGO"])
def test_a_changed_byte_is_noticed(kind: int, level: int) -> None:
    """One changed bit in a protected PDU invalidates its signature, and a note contains the frame."""
    segments = protected(SEGMENTS, kind, level)
    place = next(n for n, segment in enumerate(segments) if n > 20 and len(segment.data) > 200)
    data = segments[place].data
    segments[place] = segments[place]._replace(data=data[:100] + bytes([data[100] ^ 1]) + data[101:])
    result = judge(segments, setup=RIGHT)
    assert [frame for frame, text in result.notes if "signature of this PDU is wrong" in text] == [place + 1]


@pytest.mark.parametrize("kind", [NTLM, SPNEGO], ids=["NTLM", "SPNEGO"])
def test_unsealing_goes_on_behind_a_gap(kind: int) -> None:
    """After missing encrypted PDUs the position in the key stream is found again."""
    segments = protected(SEGMENTS, kind, 6)
    whole = judge(segments, setup=RIGHT)
    place = next(n for n, segment in enumerate(segments) if n > 24 and segment.target[1] == 5150 and segment.data)
    result = judge([*segments[:place], *segments[place + 1 :]], setup=RIGHT)
    assert not any("signature" in text for _, text in result.notes)
    assert sum("are missing before this frame" in text for _, text in result.notes) == 1
    assert sum(result.sessions[0].requests.values()) == sum(whole.sessions[0].requests.values()) - 1
    assert not [finding for finding in result.findings if finding.verdict.value != "info"]


def test_a_sealed_stream_that_began_before_is_told() -> None:
    """Without a captured key exchange, the report contains that it is missing."""
    segments = [segment for segment in protected(SEGMENTS, NTLM, 6) if segment.data][12:]
    result = judge(segments, setup=RIGHT)
    assert result.sessions == []
    assert {sealed.needed for sealed in result.sealed} == {"the start of the connection, with its NTLM handshake"}


@pytest.mark.parametrize("kind", [16, 9])
def test_kerberos_is_called_by_its_name(kind: int) -> None:
    """Encrypted Kerberos, raw and in SPNEGO, is recognized and reported."""
    # NegTokenInit: the list with the one mechanism of Windows' Kerberos, and a token for it.
    token = bytes.fromhex("a0173015 a00d300b 06092a864882f712010202 a2040402 6e00".replace(" ", ""))
    segments = []
    for segment in protected(SEGMENTS, NTLM, 6):
        data = segment.data
        if len(data) > 24:
            size = int.from_bytes(data[10:12], "little")
            at = len(data) - size - 8
            new = token if data[2] in {11, 14} else bytes(size)
            new = new.ljust(size, b"\0")[: max(size, 0)]
            data = data[:at] + bytes([kind]) + data[at + 1 : at + 8] + new
        segments.append(segment._replace(data=data))
    result = judge(segments, setup=RIGHT)
    assert {sealed.mechanism for sealed in result.sealed} == {"Kerberos" if kind == 16 else "Kerberos in SPNEGO"}
    assert all("not decrypted here" in sealed.needed for sealed in result.sealed)


def test_flags_of_the_command_line_unseal(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--nt-password`` and ``--nt-hash`` decrypt, with the hash only or after an LM hash."""
    from mstrp.cli import main

    secret = nt_hash("Passw0rd!").hex()
    for option, value in (("--nt-password", "Passw0rd!"), ("--nt-hash", secret), ("--nt-hash", f"{'0' * 32}:{secret}")):
        assert main(["check", "--format", "json", option, value, str(captures / RECORDING)]) == 0
        assert '"BlindTransfer": 1' in capsys.readouterr().out
    assert main(["check", "--nt-hash", "12", str(captures / RECORDING)]) == 2
    assert "32 hexadecimal digits" in capsys.readouterr().err

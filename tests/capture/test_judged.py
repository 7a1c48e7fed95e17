"""The verdict is based on checked traffic: if there is none it is inconclusive, with a reason and a status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from frames import Segment, ethernet, frames_of, pcap, pcapng, scenario, segments_of

from mstrp.capture.hints import Setup
from mstrp.checking import check_capture
from mstrp.checking.results import CaptureResult
from mstrp.cli import main
from mstrp.report.headline import headline
from mstrp.report.schema import schema
from protocol.rpc.unseal import nt_hashes

SEALED = "scapy-scapy_s45_transfer_typical_ntlm_privacy.pcap"
PULL = "impacket-scapy_s45_transfer_pull.pcap"
PIPE = "scapy-scapy_s45_transfer_typical_np.pcap"
FAULTY = "impacket-scapy_fault_connected_after_idle.pcap"
PASSWORD = ("--nt-password", "Passw0rd!")
TAPSRV = 5150


def _udp(payload: bytes, port: int) -> bytes:
    size = 28 + len(payload)
    head = bytes([0x45, 0]) + size.to_bytes(2, "big") + bytes([0, 1, 0, 0, 64, 17, 0, 0, 10, 9, 9, 1, 10, 9, 9, 2])
    return (
        head
        + (50_000).to_bytes(2, "big")
        + port.to_bytes(2, "big")
        + (8 + len(payload)).to_bytes(2, "big")
        + b"\0\0"
        + payload
    )


def _esp(payload: bytes) -> bytes:
    size = 28 + len(payload)
    head = bytes([0x45, 0]) + size.to_bytes(2, "big") + bytes([0, 1, 0, 0, 64, 50, 0, 0, 10, 9, 9, 1, 10, 9, 9, 2])
    return head + bytes(8) + bytes(byte ^ 0x5A for byte in payload)


def _wrapped(segments: list[Segment], how: Any, link: Any = ethernet) -> bytes:
    return pcap(frames_of(segments, link=lambda packet: link(how(ethernet(packet)))))


def _macsec(frame: bytes) -> bytes:
    return bytes(12) + b"\x88\xe5" + bytes(byte ^ 0x5A for byte in frame[14:])


def _web(segments: list[Segment]) -> list[Segment]:
    """Return the same connections with the bytes of another protocol."""
    text = b"GET / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: none\r\n\r\n" * 40
    return [each._replace(data=text[: len(each.data)]) for each in segments]


class Input(NamedTuple):
    """An input of `check` with its outcome."""

    status: int
    strict: int
    verdict: str | None
    reasons: list[str]
    said: str
    options: tuple[str, ...] = ()
    empty: int | None = None


SEGMENTS = segments_of(scenario())
NOTHING = "INCONCLUSIVE: nothing judged: "
INPUTS: dict[str, tuple[Any, Input]] = {
    "an empty file": (b"", Input(2, 2, None, [], "the file is empty", empty=2)),
    "a text": (b"hello, world\n" * 9, Input(2, 2, None, [], "not a capture", empty=2)),
    "an ELF file": (b"\x7fELF" + bytes(60), Input(2, 2, None, [], "not a capture", empty=2)),
    "a pcap without frames": (
        scenario()[:24],
        Input(3, 3, "inconclusive", ["no-traffic"], f"{NOTHING}no MS-TRP traffic in 0 frames", empty=0),
    ),
    "a pcapng without frames": (
        pcapng([]),
        Input(3, 3, "inconclusive", ["no-traffic"], f"{NOTHING}no MS-TRP traffic in 0 frames", empty=0),
    ),
    "web traffic": (
        lambda captures: pcap(frames_of(_web(SEGMENTS))),
        Input(3, 3, "inconclusive", ["no-traffic"], f"{NOTHING}no MS-TRP traffic in {len(SEGMENTS)} frames", empty=0),
    ),
    "name lookups": (
        lambda captures: _wrapped(SEGMENTS[:9], lambda frame: _udp(frame, 53)),
        Input(
            3, 3, "inconclusive", ["no-traffic"],
            f"{NOTHING}no MS-TRP traffic in 9 frames; frames not read: 9 × IP protocol 17 (UDP)", empty=0,
        ),
    ),
    "a sealed capture": (
        SEALED,
        Input(
            3, 3, "inconclusive", ["sealed"],
            rf"{NOTHING}42 packets sealed (NTLM, WORKGROUP\alice); pass the password with --nt-password or --nt-hash",
        ),
    ),
    "a sealed capture with a wrong password": (
        SEALED,
        Input(
            3, 3, "inconclusive", ["wrong-password"],
            rf"{NOTHING}42 packets sealed (NTLM, WORKGROUP\alice); no given password matches: check --nt-password or "
            "--nt-hash",
            ("--nt-password", "Passw0rd"),
        ),
    ),
    "a sealed capture with the password": (
        SEALED, Input(0, 0, "pass", [], "PASS: 37 packets in 1 session judged", PASSWORD),
    ),
    "a sealed session among others": (
        lambda captures: _among(captures / SEALED),
        Input(0, 3, "pass", ["sealed"], "PASS: 111 packets in 3 sessions judged; 1 session sealed, not judged"),
    ),
    "a sealed session among others with a wrong password": (
        lambda captures: _among(captures / SEALED),
        Input(
            0, 3, "pass", ["wrong-password"],
            "PASS: 111 packets in 3 sessions judged; 1 session sealed (no given password matches), not judged",
            ("--nt-password", "x"),
        ),
    ),
    "requests only": (
        lambda captures: _of(captures / PULL, lambda each: each.target[1] == TAPSRV),
        Input(3, 3, "inconclusive", ["one-direction"], "captured in one direction only (only requests were captured)"),
    ),
    "responses only": (
        lambda captures: _of(captures / PULL, lambda each: each.source[1] == TAPSRV),
        Input(3, 3, "inconclusive", ["one-direction"], "captured in one direction only (only responses were captured)"),
    ),
    "one direction of a pipe": (
        lambda captures: _of(captures / PIPE, lambda each: each.source[1] == 445),
        Input(3, 3, "inconclusive", ["one-direction"], "1 connection captured in one direction only"),
    ),
    "events in full and requests without responses": (
        lambda captures: pcap(frames_of([each for each in SEGMENTS if each.source[1] != TAPSRV])),
        Input(
            0, 3, "pass", ["one-direction"],
            "PASS: 11 packets in 1 session judged; 1 connection captured in one direction, not judged",
        ),
    ),
    # Without responses the handle may have been released and given out again: the state after IDLE is no failure.
    "a state after idle and requests without responses": (
        lambda captures: _of(captures / FAULTY, lambda each: each.source[1] != TAPSRV),
        Input(0, 3, "pass", ["one-direction"], "PASS: 12 packets in 1 session judged; 1 connection captured in"),
    ),
    "ESP": (
        lambda captures: _wrapped(SEGMENTS, _esp),
        Input(
            3, 3, "inconclusive", ["encapsulation"],
            f"{NOTHING}{len(SEGMENTS)} frames of ESP (IP protocol 50), which is not read",
        ),
    ),
    "WireGuard": (
        lambda captures: _wrapped(SEGMENTS, lambda frame: _udp(frame, 51820)),
        Input(
            3, 3, "inconclusive", ["encapsulation"],
            f"{NOTHING}{len(SEGMENTS)} frames of WireGuard (UDP port 51820), which is not read",
        ),
    ),
    "MACsec": (
        lambda captures: _wrapped(SEGMENTS, _macsec, link=lambda frame: frame),
        Input(3, 3, "inconclusive", ["encapsulation"], f"{NOTHING}{len(SEGMENTS)} frames of MACsec, which is not read"),
    ),
    "an unknown link type": (
        pcap(frames_of(SEGMENTS), link=147),
        Input(3, 3, "inconclusive", ["encapsulation"], f"{len(SEGMENTS)} frames of link type 147, which is not read"),
    ),
    "a tunnel among judged traffic": (
        lambda captures: pcap(
            [*frames_of(SEGMENTS), *frames_of(SEGMENTS, link=lambda packet: ethernet(_esp(ethernet(packet))))]
        ),
        Input(0, 0, "pass", [], "PASS: 37 packets in 1 session judged"),
    ),
    "a snap length of 68": (
        pcap(frames_of(SEGMENTS, snap=68)),
        Input(3, 3, "inconclusive", ["truncated"], "frames truncated by the snap length"),
    ),
    "a snap length of 150": (
        pcap(frames_of(SEGMENTS, snap=150)),
        Input(0, 3, "pass", ["truncated"], "packets truncated by the snap length, not judged"),
    ),
    "the middle of a session": (
        pcap(frames_of([each for each in SEGMENTS if TAPSRV in (each.source[1], each.target[1])][30:])),
        Input(3, 3, "inconclusive", ["no-bind"], "the bind was not captured (--decode-as content)"),
    ),
    "a file that ends in its first frame": (
        scenario()[:60],
        Input(3, 3, "inconclusive", ["truncated"], f"{NOTHING}the file is damaged: the file ends inside a"),
    ),
    "a request without a response": (
        pcap(frames_of(SEGMENTS[:9])),
        Input(3, 3, "inconclusive", ["no-response"], "1 session: no response to any request was captured"),
    ),
}  # fmt: skip


def _of(capture: Path, keeps: Any) -> bytes:
    return pcap(frames_of([each for each in segments_of(capture.read_bytes()) if keeps(each)]))


def _among(sealed: Path) -> bytes:
    """Return three unencrypted sessions and an encrypted one."""
    clear = segments_of(scenario(clients=3))
    start = clear[-1].time + 1
    later = segments_of(sealed.read_bytes())
    return pcap(frames_of([*clear, *(each._replace(time=start + each.time - later[0].time) for each in later)]))


@pytest.fixture
def place(request: pytest.FixtureRequest, captures: Path, tmp_path: Path) -> Path:
    """The file of an input."""
    content = INPUTS[request.param][0]
    if isinstance(content, str):
        return captures / content
    place = tmp_path / "input.pcap"
    place.write_bytes(content if isinstance(content, bytes) else content(captures))
    return place


@pytest.mark.parametrize(("place", "name"), [(name, name) for name in INPUTS], indirect=["place"], ids=INPUTS)
def test_verdict_status_and_reason(place: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The input determines verdict, reasons, headline and the statuses with and without --strict and --allow-empty."""
    expected = INPUTS[name][1]
    assert main(["check", "--format", "json", *expected.options, str(place)]) == expected.status
    report = json.loads(capsys.readouterr().out)
    jsonschema.validate(report, schema("report"))
    (capture,) = report["captures"]
    assert capture["verdict"] == report["verdict"] == expected.verdict
    assert list(dict.fromkeys(each["reason"] for each in capture["unjudged"])) == expected.reasons
    assert report["judged"] == capture["judged"]
    assert bool(capture["judged"]["packets"]) is (expected.verdict in {"pass", "warn", "fail"})
    assert main(["check", "--strict", "--ladder", "0", *expected.options, str(place)]) == expected.strict
    shown = capsys.readouterr()
    assert expected.said in " ".join((shown.out + shown.err).split())
    empty = expected.status if expected.empty is None else expected.empty
    assert main(["check", "--allow-empty", "--ladder", "0", *expected.options, str(place)]) == empty


@pytest.mark.parametrize("place", [name for name, (_, each) in INPUTS.items() if each.reasons], indirect=True)
def test_every_format_has_the_reason(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lines, JUnit (a skipped test), SARIF (a notification) and HTML (the headline) contain unchecked traffic."""
    result = check_capture(str(place))
    reasons = {each.reason for each in result.unjudged}
    said = headline(result).partition(": ")[2].partition(": ")[2]
    shown = {}
    for form in ("jsonl", "junit", "sarif", "html"):
        main(["check", "--format", form, str(place)])
        shown[form] = capsys.readouterr().out
    lines = [json.loads(line) for line in shown["jsonl"].splitlines()]
    assert {each["reason"] for line in lines if line["type"] == "capture" for each in line["unjudged"]} == reasons
    skipped = [element.get("message", "") for element in ET.fromstring(shown["junit"]).iter("skipped")]
    assert skipped == [said]
    (invocation,) = json.loads(shown["sarif"])["runs"][0]["invocations"]
    assert {each["descriptor"]["id"] for each in invocation["toolExecutionNotifications"]} == reasons
    status = shown["html"].partition('role="status">')[2].partition("</p>")[0]
    assert said[1:30] in status


def test_a_part_that_is_judged_by_other_processes_changes_nothing(captures: Path, tmp_path: Path) -> None:
    """A capture read in parts by several processes has the same counts and reasons as read by one."""
    from mstrp.capture.partition import Partition
    from mstrp.checking.parallel import merged

    data = _among(captures / SEALED) + frames_tail()
    place = tmp_path / "several.pcap"
    place.write_bytes(data)
    whole = check_capture(str(place))
    parts = [check_capture(str(place), partition=Partition(index, 3)) for index in range(3)]
    together = merged(parts, Setup().limits)
    assert together is not None
    for name in ("judged", "unjudged", "unread", "verdict"):
        assert getattr(together, name) == getattr(whole, name), name


def frames_tail() -> bytes:
    """Records of frames that are not read: ARP, name lookups and a tunnel."""
    frames = frames_of(SEGMENTS[:3], link=lambda packet: bytes(12) + b"\x08\x06" + bytes(46))
    frames += frames_of(SEGMENTS[:4], link=lambda packet: ethernet(_udp(packet, 53)))
    frames += frames_of(SEGMENTS[:5], link=lambda packet: ethernet(_esp(packet)))
    return pcap([each._replace(time=1_700_000_100.0) for each in frames])[24:]


def test_the_status_of_several_captures(captures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The order of precedence is: failure, unreadable file, inconclusive capture."""
    good, bad, sealed = (str(captures / name) for name in (PULL, FAULTY, SEALED))
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    for paths, status, verdict in (
        ([good, sealed], 3, "pass"),
        ([good, sealed, str(empty)], 2, "pass"),
        ([sealed, bad, str(empty)], 1, "fail"),
        ([sealed, sealed], 3, "inconclusive"),
        ([str(empty), str(empty)], 2, None),
    ):
        assert main(["check", "--format", "json", *paths]) == status
        assert json.loads(capsys.readouterr().out)["verdict"] == verdict


def test_a_baseline_does_not_make_a_pass_of_nothing(captures: Path, tmp_path: Path) -> None:
    """Expected findings do not make unchecked traffic pass, and checked traffic remains checked."""
    known = tmp_path / "known.toml"
    known.write_text('[expected]\n"CALL-V01" = "known"\n', "utf-8")
    assert main(["check", "--baseline", str(known), str(captures / FAULTY)]) == 0
    assert main(["check", "--baseline", str(known), str(captures / SEALED)]) == 3


# -- passwords -----------------------------------------------------------------------------------------------------


def test_a_password_from_elsewhere(captures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password can be read from the environment, from a file with one per line, or from a prompt."""
    path = str(captures / SEALED)
    place = tmp_path / "passwords"
    place.write_text("wrong\n\nPassw0rd!\n", "utf-8")
    assert main(["check", "--nt-password-file", str(place), path]) == 0
    monkeypatch.setattr("getpass.getpass", lambda prompt: "Passw0rd!")
    assert main(["check", "--ask-nt-password", path]) == 0
    monkeypatch.setenv("MSTRP_NT_PASSWORD", "Passw0rd!")
    assert main(["check", path]) == 0


@pytest.mark.parametrize("content", [None, b"", b"\n\n", b"\xff\xfe\0"])
def test_a_password_file_without_a_password(
    content: bytes | None, captures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A password file that is missing, empty or not text is one clear error."""
    place = tmp_path / "passwords"
    if content is not None:
        place.write_bytes(content)
    assert main(["check", "--nt-password-file", str(place), str(captures / SEALED)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"--nt-password-file: {place}: " in err


def test_a_report_does_not_overwrite_the_passwords(captures: Path, tmp_path: Path) -> None:
    """The password file is an input: no output replaces it."""
    place = tmp_path / "passwords"
    place.write_text("Passw0rd!\n", "utf-8")
    assert main(["check", "--nt-password-file", str(place), "--output", str(place), str(captures / SEALED)]) == 2
    assert place.read_text("utf-8") == "Passw0rd!\n"


def test_wrong_and_missing_passwords_differ(captures: Path) -> None:
    """Without a password the headline contains the option to pass it, with a wrong one the option to check."""

    def said(*passwords: str) -> CaptureResult:
        return check_capture(str(captures / SEALED), setup=Setup(secrets=tuple(nt_hashes(passwords))))

    assert "pass the password with --nt-password" in headline(said())
    assert "no given password matches: check --nt-password" in headline(said("no", "nor this"))


# -- the headline --------------------------------------------------------------------------------------------------


def test_the_headline_goes_to_standard_error(
    captures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --output the headline is on standard error, in every format; -q omits it."""
    for form in ("text", "json", "junit", "html"):
        arguments = ["check", "--format", form, "--output", str(tmp_path / form), str(captures / SEALED)]
        main(arguments)
        shown = capsys.readouterr()
        assert shown.out == ""
        assert f"{captures / SEALED}: INCONCLUSIVE: nothing judged: " in " ".join(shown.err.split())
        main(["-q", *arguments])
        assert capsys.readouterr().err == ""


def test_a_common_folder_is_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The common folder of several captures is in one line of the text, and once in the title of HTML."""
    folder = tmp_path / "a folder" / "of captures"
    folder.mkdir(parents=True)
    for name in ("one.pcap", "two.pcap", "three.pcap"):
        (folder / name).write_bytes(scenario())
    paths = [str(folder / name) for name in ("one.pcap", "two.pcap", "three.pcap")]
    main(["check", "--ladder", "0", *paths])
    text = capsys.readouterr().out
    assert text.count(str(folder)) == 1
    assert text.startswith(f"captures in {folder}/:\n\none.pcap: PASS: ")
    main(["check", "--format", "html", *paths])
    page = capsys.readouterr().out
    assert page.partition("<title>")[2].partition("</title>")[0] == f"pass: {folder}/one.pcap, two.pcap, three.pcap"


def test_statistics_replace_the_findings(captures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --statistics the text contains the number of findings of each rule and no finding; JSON contains both."""
    main(["check", "--statistics", str(captures / FAULTY)])
    text = capsys.readouterr().out
    assert text.splitlines()[-1].startswith("1  fail  CALL-V01  ")
    assert "after the call had become idle" not in text
    main(["check", "--statistics", "--format", "json", str(captures / FAULTY)])
    report = json.loads(capsys.readouterr().out)
    jsonschema.validate(report, schema("report"))
    assert [(each["rule"], each["verdict"], each["findings"]) for each in report["statistics"]] == [
        ("CALL-V01", "fail", 1)
    ]
    assert len(report["findings"]) == 1

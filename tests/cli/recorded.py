"""Contents of the recordings in tests/captures, as described by their authors independently of the program."""

from __future__ import annotations

from typing import NamedTuple

OFFERED = ("offering", "connected", "idle")
DIALED = ("dialtone", "dialing", "proceeding", "ringback", "connected")
TRANSFERRED = "onHoldPendingTransfer"
PENDING = "onHoldPendingConference"


class Wrong(NamedTuple):
    """A finding."""

    rule: str
    fault: str
    frame: int
    machine: str
    state: list[str]
    allowed: list[str]


class Recorded(NamedTuple):
    """A recording: numbers of requests and events, the states and ends of its calls, the violation."""

    name: str
    requests: int
    events: int
    calls: list[tuple[str, ...]]
    final: str = "deallocated"
    model: str = "push"
    wrong: Wrong | None = None
    #: Required options of the program.
    options: tuple[str, ...] = ()


TYPICAL = "s45_transfer_typical"
RECORDED = [
    Recorded("impacket-scapy_s41_session.pcap", 9, 0, []),
    Recorded("impacket-scapy_s43_outgoing.pcap", 10, 8, [(*DIALED, "idle")]),
    Recorded("impacket-scapy_s44_answer.pcap", 13, 7, [OFFERED]),
    # Exactly the packets of section 4.5: only completions imply connected and idle.
    Recorded("impacket-scapy_s45_transfer_spec.pcap", 10, 4, [OFFERED]),
    Recorded(f"impacket-scapy_{TYPICAL}.pcap", 11, 7, [OFFERED]),
    Recorded(f"impacket-scapy_{TYPICAL}_pcapng.pcapng", 11, 7, [OFFERED]),
    Recorded(f"impacket-scapy_{TYPICAL}_fragmented.pcap", 12, 7, [OFFERED]),
    Recorded("impacket-scapy_s45_transfer_pull.pcap", 16, 7, [OFFERED], model="pull"),
    Recorded(f"scapy-scapy_{TYPICAL}_ndr64.pcap", 11, 7, [OFFERED]),
    Recorded(f"scapy-scapy_{TYPICAL}_np.pcap", 11, 7, [OFFERED]),
    Recorded(f"scapy-scapy_{TYPICAL}_ntlm_privacy.pcap", 11, 7, [OFFERED], options=("--nt-password", "Passw0rd!")),
    Recorded(
        "impacket-scapy_consult_transfer.pcap",
        14,
        16,
        [("offering", "connected", TRANSFERRED, "idle"), (*DIALED, "idle")],
    ),
    Recorded(
        "impacket-scapy_conference.pcap",
        20,
        36,
        [
            ("offering", "connected", "conferenced", "connected", "idle"),
            (PENDING, "connected", PENDING, "connected", "idle"),
            (*DIALED, "conferenced", "disconnected", "idle"),
            (*DIALED, "conferenced", "idle"),
        ],
    ),
    Recorded("wine-wine_ndr20_noauth.pcap", 9, 3, [("dialing", "idle")], final="voided"),
    Recorded("go-scapy_ndr20_noauth.pcap", 8, 3, [("dialing", "idle")], final="voided"),
    Recorded(
        "impacket-scapy_fault_unknown_hcall.pcap",
        12,
        8,
        [OFFERED],
        wrong=Wrong("TRP-3.1.4.2-046-01", "server", 49, "call", ["absent"], ["connected"]),
    ),
    Recorded(
        "impacket-scapy_fault_connected_after_idle.pcap",
        11,
        8,
        [(*OFFERED, "connected")],
        wrong=Wrong("CALL-V01", "server", 58, "call", ["idle"], []),
    ),
]

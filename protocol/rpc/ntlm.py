"""Parsers for the NTLM messages (MS-NLMP 2.2.1) of an observed handshake, without cryptography."""

from __future__ import annotations

from enum import IntFlag
from struct import Struct
from typing import NamedTuple

__all__ = ["MIC", "SIGNATURE", "Authenticate", "Challenge", "NegotiateFlag", "parse_av_flags", "parse_message"]

SIGNATURE = b"NTLMSSP\0"
#: Position of the MIC in an AUTHENTICATE_MESSAGE that has one.
MIC = slice(72, 88)
_KIND = Struct("<8sI")
_CHALLENGE = Struct("<8sIHHII8s")
_ATTRIBUTE = Struct("<HH")
_AUTHENTICATE = Struct("<8sI" + "HHI" * 6 + "I")


class NegotiateFlag(IntFlag):
    """NEGOTIATE flags that determine keys and signatures (2.2.2.5)."""

    UNICODE = 0x00000001
    SIGN = 0x00000010
    SEAL = 0x00000020
    LM_KEY = 0x00000080
    EXTENDED_SESSIONSECURITY = 0x00080000
    BITS_128 = 0x20000000
    KEY_EXCH = 0x40000000
    BITS_56 = 0x80000000


class Challenge(NamedTuple):
    """A CHALLENGE_MESSAGE of the server."""

    flags: int
    server_challenge: bytes


class Authenticate(NamedTuple):
    """An AUTHENTICATE_MESSAGE of the client: its account and its response to the challenge."""

    flags: int
    lm_response: bytes
    nt_response: bytes
    domain: str
    user: str
    workstation: str
    encrypted_session_key: bytes

    @property
    def account(self) -> str:
        """The account in Windows notation: domain, backslash, user."""
        name = self.user or "(anonymous)"
        return f"{self.domain}\\{name}" if self.domain else name


def parse_message(token: bytes) -> Challenge | Authenticate | None:
    """Parse the CHALLENGE_MESSAGE or AUTHENTICATE_MESSAGE of a token; None for any other token."""
    if len(token) < _KIND.size:
        return None
    signature, kind = _KIND.unpack_from(token)
    if signature != SIGNATURE:
        return None
    if kind == 2 and len(token) >= _CHALLENGE.size:
        _, _, _, _, _, flags, challenge = _CHALLENGE.unpack_from(token)
        return Challenge(flags, challenge)
    if kind == 3 and len(token) >= _AUTHENTICATE.size:
        fields = _AUTHENTICATE.unpack_from(token)
        flags = fields[-1]
        parts = [token[at : at + size] for size, _, at in zip(*[iter(fields[2:-1])] * 3, strict=True)]
        lm, nt, domain, user, workstation, key = parts
        coding = "utf-16-le" if flags & NegotiateFlag.UNICODE else "cp437"
        names = [part.decode(coding, "replace") for part in (domain, user, workstation)]
        return Authenticate(flags, lm, nt, names[0], names[1], names[2], key)
    return None


def parse_av_flags(nt_response: bytes) -> int:
    """Return MsvAvFlags from the AV pairs of an NTLMv2 response (2.2.2.1); 0 if absent."""
    position = 16 + 28
    while position + 4 <= len(nt_response):
        kind, size = _ATTRIBUTE.unpack_from(nt_response, position)
        position += 4
        if kind == 0:
            break
        if kind == 6:
            return int.from_bytes(nt_response[position : position + 4], "little")
        position += size
    return 0

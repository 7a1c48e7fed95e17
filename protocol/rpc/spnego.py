"""Parser for SPNEGO tokens (RFC 4178) of an observed handshake: the mechanism and its token."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KERBEROS", "NTLM", "SPNEGO", "Negotiation", "parse_negotiation"]

#: DER-encoded object identifiers, without tag and length.
SPNEGO = bytes.fromhex("2b0601050502")
NTLM = bytes.fromhex("2b06010401823702020a")
#: Kerberos, the identifier that Windows uses for historical reasons, and user-to-user Kerberos.
KERBEROS = (
    bytes.fromhex("2a864886f712010202"),
    bytes.fromhex("2a864882f712010202"),
    bytes.fromhex("2a864886f71201020203"),
)
_OID, _OCTETS, _SEQUENCE, _INITIAL = 0x06, 0x04, 0x30, 0x60


class Negotiation(NamedTuple):
    """The content of a token: mechanisms in order of preference, the token of the selected one, and the mechListMIC."""

    mechanisms: tuple[bytes, ...]
    token: bytes
    mic: bytes


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of consecutive DER elements, up to the first invalid one."""
    position = 0
    while position + 2 <= len(data):
        tag, size = data[position], data[position + 1]
        position += 2
        if size & 0x80:
            octets = size & 0x7F
            if not 1 <= octets <= 4:
                return
            size = int.from_bytes(data[position : position + octets], "big")
            position += octets
        if position + size > len(data):
            return
        yield tag, data[position : position + size]
        position += size


def parse_negotiation(data: bytes) -> Negotiation | None:
    """Parse a NegTokenInit or NegTokenResp, with or without GSS-API framing; None for any other token."""
    found = list(_elements(data))
    if found and found[0][0] == _INITIAL:
        found = list(_elements(found[0][1]))
        if len(found) < 2 or found[0] != (_OID, SPNEGO):
            return None
        found = found[1:]
    if not found or found[0][0] not in (0xA0, 0xA1):
        return None
    initial = found[0][0] == 0xA0
    body = next(_elements(found[0][1]), None)
    if body is None or body[0] != _SEQUENCE:
        return None
    mechanisms: tuple[bytes, ...] = ()
    token = mic = b""
    for tag, content in _elements(body[1]):
        inner = next(_elements(content), (0, b""))
        if initial and tag == 0xA0 and inner[0] == _SEQUENCE:
            mechanisms = tuple(each for kind, each in _elements(inner[1]) if kind == _OID)
        elif not initial and tag == 0xA1 and inner[0] == _OID:
            mechanisms = (inner[1],)
        elif tag == 0xA2 and inner[0] == _OCTETS:
            token = inner[1]
        elif tag == 0xA3 and inner[0] == _OCTETS:
            mic = inner[1]
    return Negotiation(mechanisms, token, mic)

"""NTLM session security (MS-NLMP 3.3, 3.4): key derivation from a handshake and a password, signing, sealing.

The only module of the package that needs cryptography: RC4, MD4 and DES come from PyCryptodome, because OpenSSL 3
offers them only through its legacy provider, which Python's own ``hashlib`` may not have.
"""

from __future__ import annotations

import hmac
from hashlib import md5
from itertools import chain
from typing import TYPE_CHECKING

from Cryptodome.Cipher import ARC4, DES
from Cryptodome.Hash import MD4

from protocol.rpc.ntlm import NegotiateFlag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.rpc.ntlm import Authenticate, Challenge

__all__ = ["SealingContext", "nt_hash", "session_key"]

#: The first bytes of a signature, and its size in bytes.
VERSION = b"\x01\0\0\0"
SIGNATURE_SIZE = 16
#: Number of bytes of key stream searched after missing messages.
_SEARCH = 1 << 16
#: Bytes of the association per position tried, and the fewest positions of a search.
_BYTES_A_TRY = 8
_FEW_TRIES = 64


def nt_hash(password: str) -> bytes:
    """Return the NT hash of a password (NTOWFv1)."""
    return bytes(MD4.new(password.encode("utf-16-le", "surrogatepass")).digest())  # noqa: S303 - what the protocol uses


def _hmac(key: bytes, *parts: bytes) -> bytes:
    return hmac.digest(key, b"".join(parts), "md5")


def session_key(secret: bytes, challenge: Challenge, authenticate: Authenticate) -> bytes | None:
    """Return the exported session key of a handshake, given an NT hash; None if the hash does not match."""
    flags = authenticate.flags
    response = authenticate.nt_response
    if not authenticate.user and not response:
        # Anonymous (3.2.5.1.2).
        exchange = bytes(16)
    elif len(response) > 24:
        owner = (authenticate.user.upper() + authenticate.domain).encode("utf-16-le", "surrogatepass")
        owf = _hmac(secret, owner)
        if _hmac(owf, challenge.server_challenge, response[16:]) != response[:16]:
            return None
        exchange = _hmac(owf, response[:16])
    elif len(response) == 24:
        extended = flags & NegotiateFlag.EXTENDED_SESSIONSECURITY
        nonce = challenge.server_challenge
        if extended:
            nonce = md5(nonce + authenticate.lm_response[:8]).digest()[:8]  # noqa: S324 - what the protocol uses
        if _desl(secret, nonce) != response:
            return None
        exchange = bytes(MD4.new(secret).digest())  # noqa: S303
        if extended:
            exchange = _hmac(exchange, challenge.server_challenge, authenticate.lm_response[:8])
    else:
        return None
    if flags & NegotiateFlag.KEY_EXCH:
        return bytes(ARC4.new(exchange).decrypt(authenticate.encrypted_session_key))
    return exchange


def _desl(secret: bytes, nonce: bytes) -> bytes:
    """Encrypt a nonce with the three DES keys of a hash (DESL of MS-NLMP 6)."""
    keys = secret.ljust(21, b"\0")
    return b"".join(DES.new(_spread(keys[at : at + 7]), DES.MODE_ECB).encrypt(nonce) for at in (0, 7, 14))  # noqa: S304 - what the protocol uses


def _spread(key: bytes) -> bytes:
    """Expand a 7-byte key to 8 bytes with parity bits."""
    number = int.from_bytes(key, "big")
    return bytes((number >> 49 - 7 * place & 0x7F) << 1 for place in range(8))


class SealingContext:
    """Keys, key stream and sequence number of one direction, with extended session security.

    ``client``: the direction from client to server.
    """

    def __init__(self, key: bytes, flags: int, *, client: bool) -> None:
        way = b"client-to-server" if client else b"server-to-client"
        strength = 16 if flags & NegotiateFlag.BITS_128 else 7 if flags & NegotiateFlag.BITS_56 else 5
        self.signing = md5(key + b"session key to " + way + b" signing key magic constant\0").digest()  # noqa: S324
        sealing = md5(key[:strength] + b"session key to " + way + b" sealing key magic constant\0").digest()  # noqa: S324
        self._stream = _KeyStream(ARC4.new(sealing))
        self._exchanged = bool(flags & NegotiateFlag.KEY_EXCH)
        #: The expected sequence number of the next message.
        self.sequence = 0
        #: After missing messages: the sequence number that belongs to the current position of the key stream.
        self._known: int | None = None
        #: How many positions may be tried, and how many are required for the next search.
        self._allowed = 0
        self._tries = _FEW_TRIES

    def seal(self, head: bytes, stub: bytes, tail: bytes, *, private: bool) -> tuple[bytes, bytes]:
        """Sign ``head + stub + tail`` and, if ``private``, seal the stub; return the stub to send and the signature."""
        sealed = self._stream.apply(stub) if private and stub else stub
        check = self._checksum(self.sequence, head + stub + tail)
        if self._exchanged:
            check = self._stream.apply(check)
        signature = VERSION + check + self.sequence.to_bytes(4, "little")
        self.sequence = self.sequence + 1 & 0xFFFFFFFF
        return sealed, signature

    def unseal(self, head: bytes, stub: bytes, tail: bytes, signature: bytes, *, private: bool) -> tuple[bytes, bool]:
        """Unseal a stub; return it in plain text, and whether its signature is valid.

        The sequence number is taken from the signature, which contains it unencrypted. It starts at 1 after a
        mechListMIC of SPNEGO, which does not advance the key stream. The signature covers the whole PDU or, without
        header signing, only the stub (MS-RPCE 2.2.2.11).
        """
        sequence = int.from_bytes(signature[12:16], "little")
        missed = self._known is not None or (sequence != self.sequence and sequence > 1)
        expected, self.sequence = self.sequence, sequence + 1 & 0xFFFFFFFF
        self._allowed = min(_SEARCH, self._allowed + (len(head) + len(stub) + len(signature)) // _BYTES_A_TRY)
        if missed and (private or self._exchanged):
            if self._known is None:
                self._known = expected
            return self._search(head, stub, tail, signature, private=private)
        clear = self._stream.apply(stub) if private and stub else stub
        check = self._stream.apply(signature[4:12]) if self._exchanged else signature[4:12]
        return clear, self._is_valid(sequence, head, clear, tail, check)

    def _checksum(self, sequence: int, message: bytes) -> bytes:
        return _hmac(self.signing, sequence.to_bytes(4, "little"), message)[:8]

    def _is_valid(self, sequence: int, head: bytes, clear: bytes, tail: bytes, check: bytes) -> bool:
        return self._checksum(sequence, head + clear + tail) == check or self._checksum(sequence, clear) == check

    def _search(self, head: bytes, stub: bytes, tail: bytes, signature: bytes, *, private: bool) -> tuple[bytes, bool]:
        """Search the key stream for the position at which this message was sealed, after missing messages.

        The cost is proportional to the bytes seen: the number of positions tried is limited, and a search without a
        result doubles the number required for the next one.
        """
        size = len(stub) if private else 0
        used = size + (8 if self._exchanged else 0)
        if self._allowed >= self._tries:
            sequence = int.from_bytes(signature[12:16], "little")
            # Only half, so that a forged message leaves enough for the next valid one.
            tries = self._allowed // 2
            stream = self._stream.ahead(min(_SEARCH, 16 * tries) + used)
            for place, clear in self._places(stream, used, sequence, head, stub, tail, signature, private=private):
                check = signature[4:12]
                if self._exchanged:
                    check = _xor(check, stream[place + size : place + size + 8])
                self._allowed -= 1
                tries -= 1
                if self._checksum(sequence, head + clear + tail) == check:
                    self._stream.skip(place + used)
                    self._known = None
                    self._tries = _FEW_TRIES
                    return clear, True
                if not tries:
                    break
            self._tries = min(2 * self._tries, _SEARCH // 4)
        return stub, False

    def _places(
        self,
        stream: bytes,
        used: int,
        sequence: int,
        head: bytes,
        stub: bytes,
        tail: bytes,
        signature: bytes,
        *,
        private: bool,
    ) -> Iterator[tuple[int, bytes]]:
        """Yield the possible positions of a message, the most likely first, with its unsealed stub."""
        if not private:
            # The signed message does not depend on the position, so the key stream of its signature is known.
            key = _xor(self._checksum(sequence, head + stub + tail), signature[4:12])
            place = stream.find(key)
            if place >= 0:
                yield place, stub
            return
        size = len(stub)
        sealed = int.from_bytes(stub, "big")
        # Stubs are padded to 16 bytes, by some stacks to 4.
        missed = sequence - (self._known or 0)
        first = missed * 8 % 16 if self._exchanged else 0
        end = len(stream) - used + 1
        for place in chain(range(first, end, 16), (place for place in range(0, end, 4) if (place - first) % 16)):
            yield place, (sealed ^ int.from_bytes(stream[place : place + size], "big")).to_bytes(size, "big")


def _xor(data: bytes, key: bytes) -> bytes:
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(len(data), "big")


class _KeyStream:
    """Key stream of a cipher with lookahead."""

    def __init__(self, cipher: ARC4.ARC4Cipher) -> None:
        self._cipher = cipher
        #: Generated key stream, and how much of it is consumed.
        self._ready = b""
        self._used = 0

    def ahead(self, size: int) -> bytes:
        """Return the next bytes without consuming them."""
        if self._used:
            self._ready, self._used = self._ready[self._used :], 0
        missing = size - len(self._ready)
        if missing > 0:
            self._ready += self._cipher.encrypt(bytes(missing))
        return self._ready if len(self._ready) == size else self._ready[:size]

    def skip(self, size: int) -> None:
        """Consume bytes of the lookahead."""
        self._used += size
        if self._used == len(self._ready):
            self._ready, self._used = b"", 0

    def apply(self, data: bytes) -> bytes:
        """Encrypt or decrypt the next bytes."""
        here = min(len(data), len(self._ready) - self._used)
        if not here:
            return bytes(self._cipher.encrypt(data))
        key = self._ready[self._used : self._used + here]
        self.skip(here)
        return _xor(data[:here], key) + (self._cipher.encrypt(data[here:]) if here < len(data) else b"")

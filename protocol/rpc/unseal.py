"""Decryption of a protected association by an observer.

NTLM, raw or in SPNEGO, is decrypted if one of the given NT hashes matches the handshake. Other mechanisms are only
identified, so that a report can state what decryption would require.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from protocol.rpc import ntlm, spnego

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocol.rpc.pdu import Auth
    from protocol.rpc.sealing import SealingContext

__all__ = ["CONNECT", "INTEGRITY", "LEVELS", "PACKET", "PRIVACY", "Unsealed", "Unsealer", "nt_hashes"]

#: Authentication levels (MS-RPCE 2.2.1.1.8).
CONNECT, PACKET, INTEGRITY, PRIVACY = 2, 4, 5, 6
LEVELS = {1: "none", 2: "connect", 3: "call", 4: "packet", 5: "integrity", 6: "privacy"}
#: Authentication types (MS-RPCE 2.2.1.1.7).
_SPNEGO, _NTLM = 9, 10
_TYPES = {_SPNEGO: "SPNEGO", _NTLM: "NTLM", 14: "TLS (SChannel)", 16: "Kerberos", 68: "Netlogon"}
_TRAILER = 8
#: Maximum number of security contexts kept per association.
_MAX_CONTEXTS = 64


class Unsealed(NamedTuple):
    """The result of unsealing a PDU: the stub with its padding, or None if it cannot be decrypted."""

    stub: bytes | None
    #: Whether the signature is valid; None if it was not verified.
    signed: bool | None


def nt_hashes(passwords: Sequence[str]) -> list[bytes]:
    """Return the NT hashes of passwords."""
    if not passwords:
        return []
    # Imported here because it loads the cryptography package.
    from protocol.rpc.sealing import nt_hash

    return [nt_hash(password) for password in passwords]


class _Context:
    """One security context: the observed handshake, and its keys once they are known."""

    __slots__ = ("account", "challenge", "keyless", "mechanism", "mismatched", "sides")

    def __init__(self, mechanism: str) -> None:
        self.mechanism = mechanism
        self.account = ""
        self.challenge: ntlm.Challenge | None = None
        #: What is missing to derive the keys, as text; "" if they are known or were not tried.
        self.keyless = ""
        #: Whether none of the given passwords is that of the account.
        self.mismatched = False
        #: The sealing contexts of server and client: ``sides[from_client]``.
        self.sides: tuple[SealingContext, SealingContext] | None = None


class Unsealer:
    """The security contexts of one association; ``secrets`` are the NT hashes to try."""

    def __init__(self, secrets: Sequence[bytes] = ()) -> None:
        self.secrets = secrets
        self._contexts: dict[int, _Context] = {}
        #: The context used last.
        self.context: _Context | None = None

    @property
    def mechanism(self) -> str:
        """The name of the authentication mechanism, or "unknown"."""
        return self.context.mechanism if self.context is not None else "unknown"

    @property
    def account(self) -> str:
        """The account of the client, or "" if it was not observed."""
        return self.context.account if self.context is not None else ""

    @property
    def mismatched(self) -> bool:
        """Whether passwords were given and none is that of the account."""
        return self.context is not None and self.context.mismatched

    @property
    def lacks_password(self) -> bool:
        """Whether decryption requires nothing but the password of the account."""
        context = self.context
        if context is None or context.challenge is None or not context.account or context.sides is not None:
            return False
        return not context.keyless and context.mechanism.startswith("NTLM")

    @property
    def needed(self) -> str:
        """What decryption would require, as a noun phrase."""
        context = self.context
        if context is None or context.mechanism == _TYPES[_SPNEGO]:
            return "the start of the connection, which shows whether this is NTLM or Kerberos"
        if not context.mechanism.startswith("NTLM"):
            return f"{self.mechanism} is not decrypted here: capture without packet privacy, or decrypt with tshark"
        if context.keyless:
            return context.keyless
        if context.sides is not None:
            return "valid signatures, or the packets that are missing before these"
        if context.challenge is None or not context.account:
            return "the start of the connection, with its NTLM handshake"
        return f"the password of {context.account}"

    def add_token(self, from_client: bool, auth: Auth) -> None:
        """Process the token of a bind, bind_ack, alter_context, alter_context_resp or auth3."""
        context = self._context(auth)
        token = auth.token
        if auth.type == _SPNEGO:
            said = spnego.parse_negotiation(token)
            if said is not None:
                token = said.token
                if said.mechanisms and (said.token or not from_client):
                    self._set_mechanism(context, said.mechanisms[0])
            at = token.find(ntlm.SIGNATURE)
            if at >= 0:
                token = token[at:]
                context.mechanism = "NTLM in SPNEGO"
        message = ntlm.parse_message(token)
        if isinstance(message, ntlm.Challenge):
            context.challenge = message
            context.sides = None
        elif isinstance(message, ntlm.Authenticate):
            self._derive_keys(context, message)

    def _context(self, auth: Auth) -> _Context:
        """Return the security context of a PDU; creates it if needed."""
        context = self._contexts.get(auth.context)
        if context is None:
            if len(self._contexts) >= _MAX_CONTEXTS:
                del self._contexts[next(iter(self._contexts))]
            context = self._contexts[auth.context] = _Context(_TYPES.get(auth.type, f"type {auth.type}"))
        self.context = context
        return context

    @staticmethod
    def _set_mechanism(context: _Context, mechanism: bytes) -> None:
        if mechanism in spnego.KERBEROS:
            context.mechanism = "Kerberos in SPNEGO"
        elif mechanism == spnego.NTLM:
            context.mechanism = "NTLM in SPNEGO"

    def _derive_keys(self, context: _Context, message: ntlm.Authenticate) -> None:
        context.account = message.account
        context.sides = None
        if context.challenge is None:
            context.keyless = "the start of the NTLM handshake, which is not in this capture"
            return
        if not message.flags & ntlm.NegotiateFlag.EXTENDED_SESSIONSECURITY:
            context.keyless = "NTLM without extended session security is not decrypted here"
            return
        if not self.secrets:
            context.keyless = ""
            return
        # Imported here because it loads the cryptography package.
        from protocol.rpc.sealing import SealingContext, session_key

        for secret in self.secrets:
            key = session_key(secret, context.challenge, message)
            if key is not None:
                flags = message.flags
                context.sides = SealingContext(key, flags, client=False), SealingContext(key, flags, client=True)
                context.keyless = ""
                context.mismatched = False
                return
        context.mismatched = True
        context.keyless = f"the correct password of {message.account}: none of the given ones matches"

    def unseal(self, from_client: bool, pdu: bytes, start: int, end: int, auth: Auth) -> Unsealed:
        """Verify and unseal a PDU whose stub and padding are at ``start`` to ``end``."""
        private = auth.level == PRIVACY
        context = self._context(auth)
        if context.sides is None or len(auth.token) < 16:
            return Unsealed(None if private else pdu[start:end], None)
        side = context.sides[from_client]
        head, tail = pdu[:start], pdu[end : end + _TRAILER]
        stub, right = side.unseal(head, pdu[start:end], tail, auth.token, private=private)
        if private and not right:
            return Unsealed(None, False)
        return Unsealed(stub, right)

"""Authentication of live connections, with pyspnego: NTLM, SPNEGO, and Kerberos if available.

The association specifies the position of signatures; this module computes them. Independent stacks differ in the signed
data: the whole PDU if header signing was negotiated, in most stacks also without that; in others only the stub. The
first signed PDU shows which.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

try:
    import spnego
    from spnego import ContextReq
    from spnego._context import GSSMech
    from spnego.exceptions import SpnegoError
    from spnego.iov import BufferType

    from mstrp.live.ntlm import Acceptor
except ImportError as _missing:  # pragma: no cover - the extra is not installed
    message = "authentication requires pyspnego: pip install 'mstrp[live]'"
    raise ImportError(message) from _missing

from protocol.rpc.association import AssociationError
from protocol.rpc.spnego import KERBEROS, NTLM, parse_negotiation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["LEVELS", "SecurityContext", "Users", "initiator"]

#: RPC_C_AUTHN_LEVEL_ by name; call and packet mean packet integrity on connections (MS-RPCE 2.2.1.1.8).
LEVELS = {"none": 1, "connect": 2, "call": 3, "packet": 4, "integrity": 5, "privacy": 6}
#: RPC_C_AUTHN_ constants by name, with the name in pyspnego.
_TYPES = {"negotiate": 9, "ntlm": 10, "kerberos": 16}
_NAMES = {number: name for name, number in _TYPES.items()}
_REQUIREMENTS = (
    ContextReq.integrity
    | ContextReq.confidentiality
    | ContextReq.sequence_detect
    | ContextReq.replay_detect
    | ContextReq.mutual_auth
)
_PRIVACY, _INTEGRITY = 6, 5
#: Start of raw NTLM messages.
_RAW_NTLM = b"NTLMSSP\0"


class SecurityContext:
    """One side of an authenticated association (`protocol.rpc.association.Security`)."""

    def __init__(self, context: Any, type_: int, level: int, first: bytes = b"") -> None:
        self._context = context
        self.type = type_
        self.level = {3: _INTEGRITY, 4: _INTEGRITY}.get(level, level)
        self._whole: bool | None = None
        #: The first token of the client, if it was created in advance.
        self._first = first
        self._size = 0

    @property
    def complete(self) -> bool:
        """Whether both sides are authenticated as required."""
        return bool(self._context.complete)

    @property
    def user(self) -> str:
        """The peer, on the server: the name authenticated by NTLM, or a principal with its realm."""
        name = str(getattr(self._context, "client_principal", None) or "")
        return name if self._kerberos else name.rpartition("\\")[2].partition("@")[0]

    @property
    def _kerberos(self) -> bool:
        return bool(getattr(self._context, "negotiated_protocol", "") == "kerberos")

    @property
    def size(self) -> int:
        """Size of a signature in bytes."""
        if not self.complete:
            return 16
        if not self._size:
            signs = self._kerberos and self.level < _PRIVACY
            self._size = self._mic_size() if signs else int(self._context.query_message_sizes().header)
        return self._size

    def _mic_size(self) -> int:
        """Return the size of a Kerberos signature, which depends on the encryption type."""
        from gssapi.raw import IOV, IOVBufferType, get_mic_iov_length

        buffers = IOV(IOVBufferType.mic_token, b"", std_layout=False)
        get_mic_iov_length(self._inner(), buffers)
        return len(buffers[0].value or b"")

    def _inner(self) -> Any:
        """Return the implementation inside pyspnego's context: the state of NTLM, or the context of GSSAPI."""
        inner = self._context
        for _ in range(2):
            inner = getattr(inner, "_context", inner)
        return inner

    def step(self, token: bytes) -> bytes:
        """Process a token of the peer; return the next token."""
        if not token and self._first:
            first, self._first = self._first, b""
            return first
        return bytes(self._context.step(token or None) or b"")

    def protect(self, head: bytes, body: bytes, tail: bytes, *, whole: bool) -> tuple[bytes, bytes]:
        """Seal or sign a body."""
        whole = whole if self._whole is None else self._whole
        if self.level < _PRIVACY:
            return body, bytes(self._context.sign(head + body + tail if whole else body))
        if not whole:
            sealed = self._context.wrap_iov([BufferType.header, (BufferType.data, body)])
            return bytes(sealed.buffers[1].data), bytes(sealed.buffers[0].data)
        sealed = self._context.wrap_iov(
            [
                (BufferType.sign_only, head),
                (BufferType.data, body),
                (BufferType.sign_only, tail),
                BufferType.header,
            ]
        )
        return bytes(sealed.buffers[1].data), bytes(sealed.buffers[3].data)

    def unprotect(self, head: bytes, body: bytes, tail: bytes, token: bytes, *, whole: bool) -> bytes:
        """Return the decrypted body. Raises if the signature is invalid."""
        if self._whole is not None:
            return self._open(head, body, tail, token, whole=self._whole)
        with self._second_try() as again:
            try:
                plain = self._open(head, body, tail, token, whole=whole)
                self._whole = whole
            except SpnegoError:
                if not again():
                    raise
                plain = self._open(head, body, tail, token, whole=not whole)
                self._whole = not whole
        return plain

    def _open(self, head: bytes, body: bytes, tail: bytes, token: bytes, *, whole: bool) -> bytes:
        if self.level < _PRIVACY:
            self._context.verify(head + body + tail if whole else body, token)
            return body
        buffers: list[Any] = [(BufferType.data, body), (BufferType.header, token)]
        place = 0
        if whole:
            buffers = [(BufferType.sign_only, head), buffers[0], (BufferType.sign_only, tail), buffers[1]]
            place = 1
        found = self._context.unwrap_iov(buffers)
        return bytes(found.buffers[place].data)

    @contextlib.contextmanager
    def _second_try(self) -> Iterator[Callable[[], bool]]:
        """Reset the key stream of NTLM to its state before the first message, to verify it differently.

        Nothing was received before, so the start is valid: the stream of a restored mechListMIC also restarts.
        """
        inner = self._inner()
        number = "_NTLMProxy__seq_num_in"
        before = getattr(inner, number, None)

        def again() -> bool:
            if self._kerberos:
                # Its signatures do not depend on earlier messages.
                return True
            handle = getattr(inner, "_handle_in", None)
            if before is None or handle is None:
                return False
            handle.reset()
            setattr(inner, number, before)
            return True

        yield again


def initiator(
    kind: str, user: str | None = None, password: str | None = None, *, level: str = "privacy", host: str = "localhost"
) -> Callable[[], SecurityContext]:
    """Return a factory of security contexts for a client, one for each connection.

    ``kind``: ntlm, negotiate or kerberos.

    Without user and password, Kerberos uses the existing tickets. ``host`` is the Kerberos name of the server: the
    service is ``host/HOST``. Creating a context may take as long as the response of a KDC, and raises
    `AssociationError` if there are no tickets.
    """

    def make() -> SecurityContext:
        request = _REQUIREMENTS | ContextReq.dce_style
        if kind == "ntlm":
            request &= ~ContextReq.dce_style
        options = {"protocol": kind, "context_req": request, "options": _options(kind)}
        try:
            context = spnego.client(user, password, hostname=host, service="host", **options)
            first = bytes(context.step() or b"")
        except Exception as error:
            # pyspnego, krb5 and gssapi have separate error classes.
            raise AssociationError(f"authentication: {error}") from error
        return SecurityContext(context, _TYPES[kind], LEVELS[level], first)

    return make


def _options(kind: str) -> Any:
    """NTLM and the negotiation are implemented by pyspnego; Kerberos by the system."""
    options = spnego.NegotiateOptions
    return {"ntlm": options.use_ntlm, "negotiate": options.use_negotiate}.get(kind, options.none)


class Users:
    """Accounts allowed to log on to a server, by name and password, regardless of domain and case.

    With Kerberos (kinds negotiate and kerberos), every principal of the realm is allowed.
    """

    def __init__(self, passwords: Mapping[str, str] | None = None) -> None:
        self.passwords = {name.casefold(): password for name, password in (passwords or {}).items()}

    def acceptor(self, kind: str = "negotiate") -> Callable[[int, int], SecurityContext]:
        """Return a factory of security contexts for a server, of the type and level that a client requests.

        ``kind``: only ntlm or kerberos, or negotiate, which includes both; the client selects.
        """

        def make(type_: int, level: int) -> SecurityContext:
            name = _NAMES.get(type_)
            if name is None or kind not in {"negotiate", name}:
                raise PermissionError(f"authentication type {type_} is not supported")
            if level not in LEVELS.values():
                raise PermissionError(f"authentication level {level}")
            return _Accepting(self, name, type_, level)

        return make

    def password(self, name: str) -> str | None:
        """Return the password of a user; None for an unknown one."""
        return self.passwords.get(name.partition("@")[0].casefold())


class _Accepting(SecurityContext):
    """The server side: the first token of the client determines the mechanism."""

    def __init__(self, users: Users, name: str, type_: int, level: int) -> None:
        super().__init__(None, type_, level)
        self._users = users
        self._name = name

    @property
    def complete(self) -> bool:
        """Whether both sides are authenticated as required."""
        return self._context is not None and bool(self._context.complete)

    def step(self, token: bytes) -> bytes:
        """Process a token of the client; return the next token."""
        if self._context is None:
            self._context = self._made(token)
        return super().step(token)

    def _made(self, token: bytes) -> Any:
        if self._name == "ntlm":
            return Acceptor(self._users.password, _REQUIREMENTS)
        if self._name == "kerberos":
            return spnego.server(protocol="kerberos", context_req=_REQUIREMENTS)
        said = parse_negotiation(token)
        offered = said.mechanisms if said is not None else (NTLM if token.startswith(_RAW_NTLM) else KERBEROS[0],)
        contexts: dict[GSSMech, Any] = {}
        if any(one in KERBEROS for one in offered):
            # Without a keytab, only NTLM is available.
            with contextlib.suppress(SpnegoError, ImportError):
                contexts[GSSMech.kerberos] = spnego.server(protocol="kerberos", context_req=_REQUIREMENTS)
        if NTLM in offered and self._users.passwords:
            contexts[GSSMech.ntlm] = Acceptor(self._users.password, _REQUIREMENTS)
        if not contexts:
            raise PermissionError("none of the client's mechanisms is available here")
        return spnego.server(
            protocol="negotiate",
            context_req=_REQUIREMENTS,
            options=_options("negotiate"),
            _negotiate_contexts=contexts,
        )

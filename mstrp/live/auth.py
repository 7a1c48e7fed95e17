"""Authentication of live connections, with pyspnego: NTLM, SPNEGO, and Kerberos where the machine has it.

The association says where signatures stand; here is how they are made. Independent stacks differ in what they sign: the
whole PDU as soon as header signing was agreed on, most of them without that agreement as well, some then only the stub.
The first PDU tells which it is.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import tempfile
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import spnego
    from spnego import ContextReq
    from spnego.exceptions import SpnegoError
    from spnego.iov import BufferType
except ImportError as _missing:  # pragma: no cover - the extra is not installed
    message = "authentication needs pyspnego: pip install 'mstrp[live]'"
    raise ImportError(message) from _missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["LEVELS", "SecurityContext", "Users", "initiator"]

#: RPC_C_AUTHN_LEVEL_ by name; call and packet mean packet integrity on connections (MS-RPCE 2.2.1.1.8).
LEVELS = {"none": 1, "connect": 2, "call": 3, "packet": 4, "integrity": 5, "privacy": 6}
#: RPC_C_AUTHN_ by name, and what pyspnego calls it.
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
_lock = threading.Lock()


class SecurityContext:
    """One side of an authenticated association (`protocol.rpc.association.Security`)."""

    def __init__(self, context: Any, type_: int, level: int) -> None:
        self._context = context
        self.type = type_
        self.level = {3: _INTEGRITY, 4: _INTEGRITY}.get(level, level)
        self._whole: bool | None = None
        #: Bytes of the key stream used up by what came in, and how many messages: for a second try.
        self._used = 0

    @property
    def complete(self) -> bool:
        """Whether both sides have proven what they had to."""
        return bool(self._context.complete)

    @property
    def user(self) -> str:
        """Who the other side is, on the server's side; without the domain."""
        name = getattr(self._context, "client_principal", None) or ""
        return str(name).rpartition("\\")[2].partition("@")[0]

    @property
    def size(self) -> int:
        """Bytes of a signature."""
        if not self.complete:
            return 16
        return int(self._context.query_message_sizes().header)

    def step(self, token: bytes) -> bytes:
        """Take a token of the peer and give the next one for it."""
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
        """The body in the clear. Raises when the signature is wrong."""
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
        """Wind the key stream of NTLM back to where it was before the first message, so that it can be read otherwise.

        Nothing was received before, so the beginning is right: the stream of a restored mechListMIC starts anew as well.
        """
        inner = self._context
        for _ in range(2):
            inner = getattr(inner, "_context", inner)
        number = "_NTLMProxy__seq_num_in"
        before = getattr(inner, number, None)

        def again() -> bool:
            handle = getattr(inner, "_handle_in", None)
            if before is None or handle is None:
                return False
            handle.reset()
            setattr(inner, number, before)
            return True

        yield again


def initiator(
    kind: str, user: str, password: str, *, level: str = "privacy", host: str = "localhost"
) -> Callable[[], SecurityContext]:
    """What a client authenticates with: a new context for each connection. ``kind``: ntlm, negotiate or kerberos."""

    def make() -> SecurityContext:
        request = _REQUIREMENTS | ContextReq.dce_style
        if kind == "ntlm":
            request &= ~ContextReq.dce_style
        context = spnego.client(
            user, password, hostname=host, service="host", protocol=kind, context_req=request, options=_options(kind)
        )
        return SecurityContext(context, _TYPES[kind], LEVELS[level])

    return make


def _options(kind: str) -> Any:
    """NTLM and the negotiation are pyspnego's own; Kerberos is the machine's."""
    options = spnego.NegotiateOptions
    return {"ntlm": options.use_ntlm, "negotiate": options.use_negotiate}.get(kind, options.none)


class Users:
    """Who may log on to a server, by name and password, without regard to domain and case.

    pyspnego's acceptor reads its users from a file that an environment variable names; the file exists only while a
    context is being made or an authentication is checked, and nobody else can read it.
    """

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self.passwords = {name.casefold(): password for name, password in passwords.items()}

    def acceptor(self, kind: str = "negotiate") -> Callable[[int, int], SecurityContext]:
        """What a server makes contexts with: of the type and level that a client asks for."""

        def make(type_: int, level: int) -> SecurityContext:
            name = _NAMES.get(type_)
            if name is None or (kind == "ntlm" and name != "ntlm"):
                raise PermissionError(f"authentication of type {type_} is not offered")
            if level not in LEVELS.values():
                raise PermissionError(f"authentication level {level}")
            return _Acceptor(self, name, type_, level)

        return make

    @contextlib.contextmanager
    def known(self, names: set[str]) -> Iterator[None]:
        """Let pyspnego know the users while something is done, under all the names by which they may come."""
        lines = []
        for name, password in self.passwords.items():
            for domain, user in {("", name), *(_split(other) for other in names)}:
                if user.casefold() == name:
                    lines.append(f"{domain}:{user}:{password}\n")
        with _lock, tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "users")
            place.touch(mode=0o600)
            place.write_text("".join(lines), encoding="utf-8")
            before = os.environ.get("NTLM_USER_FILE")
            os.environ["NTLM_USER_FILE"] = str(place)
            try:
                yield
            finally:
                if before is None:
                    del os.environ["NTLM_USER_FILE"]
                else:
                    os.environ["NTLM_USER_FILE"] = before


def _split(name: str) -> tuple[str, str]:
    domain, _, user = name.rpartition("\\")
    return domain, user


class _Acceptor(SecurityContext):
    """The server's side: it learns only with the last token who is there."""

    def __init__(self, users: Users, name: str, type_: int, level: int) -> None:
        self._users = users
        with users.known(set()):
            context = spnego.server(protocol=name, context_req=_REQUIREMENTS, options=_options(name))
        super().__init__(context, type_, level)

    def step(self, token: bytes) -> bytes:
        """Take a token of the client and give the next one for it."""
        start = token.find(b"NTLMSSP\0\x03\0\0\0")
        if start < 0:
            with self._users.known(set()):
                return super().step(token)
        message = token[start:]
        with self._users.known({_claimed(message)}), _as_sent(_part(message, 20)):
            return super().step(token)


def _part(message: bytes, place: int) -> bytes:
    """What a security buffer of an NTLM message points at: length, room, offset."""
    size = int.from_bytes(message[place : place + 2], "little")
    offset = int.from_bytes(message[place + 4 : place + 8], "little")
    return message[offset : offset + size]


def _claimed(message: bytes) -> str:
    """The name in an NTLM AUTHENTICATE_MESSAGE."""
    encoding = "utf-16-le" if int.from_bytes(message[60:64], "little") & 1 else "latin-1"
    domain, user = (_part(message, place).decode(encoding, "replace") for place in (28, 36))
    return f"{domain}\\{user}"


@contextlib.contextmanager
def _as_sent(response: bytes) -> Iterator[None]:
    """Have the proof computed over the client's own bytes.

    pyspnego takes the attributes of an NTLMv2 response apart and puts them together again, in its own order. Other stacks
    (impacket) have another order, and their proof would not be recognised.
    """
    # Not a public name of the package, so it is typed as such.
    _ntlm: Any = import_module("spnego._ntlm")
    usual = _ntlm.compute_response_v2
    blob = response[16:]

    def compute(key: bytes, challenge: bytes, *rest: Any) -> tuple[bytes, bytes, bytes]:
        _, old, _ = usual(key, challenge, *rest)
        proof = _hmac(key, challenge + blob)
        return proof + blob, old, _hmac(key, proof)

    _ntlm.compute_response_v2 = compute
    try:
        yield
    finally:
        _ntlm.compute_response_v2 = usual


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "md5")

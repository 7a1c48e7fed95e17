"""The client side of an association: binds, calls methods, and receives responses (C706 12.6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol.rpc.association import (
    FRAGMENT,
    LEAST_FRAGMENT,
    Association,
    AssociationError,
    Bound,
    FaultReceived,
    ResponseReceived,
    Status,
)
from protocol.rpc.pdu import (
    NDR20,
    NDR64,
    Auth,
    Bind,
    BindAck,
    BindNak,
    CallBody,
    Context,
    Fault,
    Flag,
    Kind,
    Pdu,
    Syntax,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from protocol.ndr import Interface, Method
    from protocol.rpc.association import Limits, Security

__all__ = ["ClientAssociation"]

_WHOLE = Flag.FIRST_FRAG | Flag.LAST_FRAG


class ClientAssociation(Association):
    """The client side of an association.

    ``transfers`` are the offered transfer syntaxes, ``group`` is the association group id, ``fragment`` the maximum
    fragment size.
    """

    def __init__(
        self,
        interfaces: Sequence[Interface],
        *,
        transfers: Sequence[Syntax] = (NDR20, NDR64),
        security: Security | None = None,
        header_signing: bool = True,
        group: int = 0,
        fragment: int = FRAGMENT,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(limits, fragment)
        self.interfaces = tuple(interfaces)
        self.transfers = tuple(transfers)
        self.security = security
        self.group = group
        self._offers_signing = header_signing
        self._call_id = 0
        self._offered: dict[int, tuple[UUID, Syntax]] = {}
        self._binding: int | None = None
        self._usable: dict[UUID, tuple[int, bool]] = {}
        self.pending: set[int] = set()

    def bind(self) -> None:
        """Send a bind with one context for each pair of interface and transfer syntax, as needed to negotiate NDR64."""
        self._offer(Kind.BIND, self.interfaces)

    def alter(self, *interfaces: Interface) -> None:
        """Send an alter_context that offers more interfaces."""
        self._offer(Kind.ALTER_CONTEXT, interfaces)

    def _offer(self, kind: int, interfaces: Sequence[Interface]) -> None:
        contexts = []
        for interface in interfaces:
            for transfer in self.transfers:
                number = len(self._offered)
                abstract = Syntax(interface.uuid, 1)
                self._offered[number] = (interface.uuid, transfer)
                contexts.append(Context(number, abstract, (transfer,)))
        self._call_id += 1
        self._binding = self._call_id
        auth = None
        flags = int(_WHOLE)
        if self.security is not None and kind == Kind.BIND:
            auth = Auth(self.security.type, self.security.level, 0, self.auth_context, self.security.step(b""))
            if self._offers_signing:
                flags |= Flag.SUPPORT_HEADER_SIGN
        body = Bind(self.fragment, self.fragment, self.group, tuple(contexts))
        self._contexts = tuple(context.id for context in contexts)
        self.outgoing += encode(kind, self._call_id, body, flags=flags, auth=auth)

    def call(self, method: Method, stub: bytes) -> int:
        """Call a method of a bound interface; return the call id. `ndr64` returns the transfer syntax of the stub.

        Raises `AssociationError` if too many calls are pending.
        """
        if len(self.pending) >= self.limits.calls:
            raise AssociationError(f"more than {self.limits.calls} calls await a response")
        context = self._usable[method.interface.uuid][0]
        self._call_id = self._call_id % 0x7FFFFFFF + 1
        self.send_call(Kind.REQUEST, self._call_id, context, method.opnum, stub)
        self.pending.add(self._call_id)
        return self._call_id

    def ndr64(self, method: Method) -> bool:
        """Return whether the stubs of a method are NDR64; raises `AssociationError` if its interface is not bound."""
        found = self._usable.get(method.interface.uuid)
        if found is None:
            raise AssociationError(f"{method.interface.name} is not bound")
        return found[1]

    def cancel(self, call_id: int) -> None:
        """Request cancellation of a call; its response or a fault still arrives."""
        self.outgoing += encode(Kind.CO_CANCEL, call_id, b"")

    def orphan(self, call_id: int) -> None:
        """Abandon a call: send an orphaned PDU and ignore the response."""
        self.pending.discard(call_id)
        self.drop_fragments(call_id)
        self.outgoing += encode(Kind.ORPHANED, call_id, b"")

    def receive_pdu(self, data: bytes) -> Iterator[Any]:
        found = self.parse_pdu(data)
        kind = found.header.kind
        if kind in (Kind.BIND_ACK, Kind.ALTER_CONTEXT_RESP) and isinstance(found.body, BindAck):
            yield from self._receive_ack(found, found.body)
        elif kind == Kind.BIND_NAK and isinstance(found.body, BindNak):
            raise AssociationError(f"the bind was rejected, reason {found.body.reason}")
        elif kind in (Kind.RESPONSE, Kind.FAULT):
            yield from self._receive_result(data, found)
        elif kind == Kind.SHUTDOWN:
            return
        else:
            raise AssociationError(f"a PDU of type {kind}, which a server does not send")

    def _receive_ack(self, found: Pdu, body: BindAck) -> Iterator[Any]:
        if self._binding is None:
            raise AssociationError("a bind response without a bind")
        if found.header.kind == Kind.BIND_ACK:
            self.group = body.group
            self.peer_fragment = max(LEAST_FRAGMENT, min(self.fragment, body.max_recv or self.fragment))
            self.header_signing = bool(found.header.flags & Flag.SUPPORT_HEADER_SIGN) and self._offers_signing
        security = self.security
        if security is not None and not security.complete:
            if found.auth is None:
                raise AssociationError("the server returned no authentication token")
            self._authenticate(security, found.auth.token)
        for number, outcome in zip(self._contexts, body.outcomes, strict=False):
            uuid, transfer = self._offered[number]
            if outcome.result == 0 and outcome.transfer.uuid == transfer.uuid:
                ndr64 = transfer.uuid == NDR64.uuid
                self.contexts[number] = (uuid, ndr64)
                if uuid not in self._usable or ndr64:
                    self._usable[uuid] = (number, ndr64)
        if security is not None and not security.complete:
            return
        self._binding = None
        self.bound = True
        yield Bound(tuple(self.contexts), security is not None)

    def _authenticate(self, security: Security, token: bytes) -> None:
        try:
            answer = security.step(token)
        except Exception as error:
            raise AssociationError(f"authentication failed: {error}") from error
        if not answer:
            return
        auth = Auth(security.type, security.level, 0, self.auth_context, answer)
        if security.complete:
            self.outgoing += encode(Kind.AUTH3, self._call_id, bytes(4), auth=auth)
        else:
            # The server has another token to send: only alter_context has a response.
            number = self._contexts[0]
            uuid, transfer = self._offered[number]
            again = Bind(self.fragment, self.fragment, self.group, (Context(number, Syntax(uuid, 1), (transfer,)),))
            kept, self._contexts = self._contexts, (number,)
            flags = int(_WHOLE) | (Flag.SUPPORT_HEADER_SIGN if self.header_signing else 0)
            self.outgoing += encode(Kind.ALTER_CONTEXT, self._call_id, again, flags=flags, auth=auth)
            self._contexts = kept[:1]

    def _receive_result(self, data: bytes, found: Pdu) -> Iterator[Any]:
        found = self.unprotect(data, found)
        call_id = found.header.call_id
        if isinstance(found.body, Fault):
            self.drop_fragments(call_id)
            if call_id in self.pending:
                self.pending.discard(call_id)
                yield FaultReceived(call_id, found.body.status)
            elif found.body.status == Status.ACCESS_DENIED:
                # The reaction to a failed auth3, which has no response.
                raise AssociationError("access denied")
        elif isinstance(found.body, CallBody):
            whole = self.assemble(found.header, found.body)
            if whole is not None and call_id in self.pending:
                self.pending.discard(call_id)
                yield ResponseReceived(call_id, whole[2])

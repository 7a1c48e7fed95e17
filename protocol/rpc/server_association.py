"""The server side of an association: accepts binds, receives calls, and sends responses or faults (C706 12.6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from protocol.ndr import BY_INTERFACE
from protocol.rpc.association import (
    FRAGMENT,
    LEAST_FRAGMENT,
    REQUEST,
    Association,
    AssociationError,
    AuthenticationError,
    Bound,
    CallCancelled,
    CallReceived,
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
    Fault,
    Flag,
    Kind,
    Outcome,
    Pdu,
    Syntax,
    encode,
    is_feature_negotiation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from protocol.ndr import Interface
    from protocol.rpc.association import Limits, Security

__all__ = ["ServerAssociation"]

_WHOLE = Flag.FIRST_FRAG | Flag.LAST_FRAG
_NOTHING = Syntax(UUID(int=0), 0)


class ServerAssociation(Association):
    """The server side of an association.

    ``transfers`` are the accepted transfer syntaxes in order of preference, ``group`` is the id of a new association
    group, ``joins`` returns whether an existing group may be joined, ``address`` is the secondary address in bind_ack.
    ``security`` creates a `Security` for (type, level), or raises if that type is not supported. Calls below
    ``required_level`` get an access denied fault.
    """

    def __init__(
        self,
        interfaces: Sequence[Interface],
        *,
        transfers: Sequence[Syntax] = (NDR64, NDR20),
        group: int = 1,
        joins: Callable[[int], bool] | None = None,
        address: str = "",
        security: Any = None,
        required_level: int = 0,
        fragment: int = FRAGMENT,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(limits, fragment)
        self.interfaces = {interface.uuid for interface in interfaces}
        self.transfers = tuple(transfers)
        #: The association group: a new one, unless the bind requests an existing one that may be joined.
        self.group = group
        self._joins = joins
        self.address = address
        self._secure = security
        self.required_level = required_level

    @property
    def level(self) -> int:
        """The authentication level in effect; 0 without authentication."""
        security = self.security
        return security.level if security is not None and security.complete else 0

    @property
    def admitted(self) -> bool:
        """Whether calls are accepted: the association is bound, and authenticated at the required level."""
        security = self.security
        return self.bound and (security is None or security.complete) and self.level >= self.required_level

    def reject_stream(self, version: int) -> None:
        if not self.bound:
            self.outgoing += encode(Kind.BIND_NAK, 0, BindNak(Status.NAK_VERSION))

    def receive_pdu(self, data: bytes) -> Iterator[Any]:
        if (
            len(data) >= 24
            and data[2] == 0
            and data[3] & 0x83 == 3
            and self.security is None
            and not data[10] | data[11]
        ):
            # Fast path: an unfragmented request without authentication.
            _, _, _, _, _, _, call_id, _, context, opnum = REQUEST.unpack_from(data)
            yield from self._receive_call(call_id, context, opnum, data[24:])
            return
        found = self.parse_pdu(data)
        header, body = found.header, found.body
        if header.kind == Kind.BIND and isinstance(body, Bind):
            yield from self._bind(found, body)
        elif header.kind == Kind.ALTER_CONTEXT and isinstance(body, Bind):
            yield from self._alter(found, body)
        elif header.kind == Kind.AUTH3:
            yield from self._auth3(found)
        elif header.kind == Kind.REQUEST:
            if not self.admitted:
                # Later fragments are ignored.
                if header.flags & Flag.FIRST_FRAG and isinstance(body, CallBody):
                    status = Status.ACCESS_DENIED if self.bound else Status.UNKNOWN_INTERFACE
                    self.fault(header.call_id, status, body.context)
                return
            found = self.unprotect(data, found)
            assert isinstance(found.body, CallBody)
            whole = self.assemble(header, found.body)
            if whole is not None:
                yield from self._receive_call(header.call_id, *whole)
        elif header.kind in (Kind.CO_CANCEL, Kind.ORPHANED):
            self.drop_fragments(header.call_id)
            yield CallCancelled(header.call_id, header.kind == Kind.ORPHANED)
        else:
            raise AssociationError(f"a PDU of type {header.kind}, which a client does not send")

    def _receive_call(self, call_id: int, context: int, opnum: int, stub: bytes) -> Iterator[Any]:
        found = self.contexts.get(context)
        if self.bound and not self.admitted:
            self.fault(call_id, Status.ACCESS_DENIED, context)
        elif found is None:
            self.fault(call_id, Status.UNKNOWN_INTERFACE, context)
        else:
            method = BY_INTERFACE[found[0]].get(opnum)
            if method is None:
                self.fault(call_id, Status.OP_RANGE, context)
            else:
                yield CallReceived(call_id, context, method, found[1], stub)

    # -- binding --------------------------------------------------------------------------------------------------

    def _bind(self, found: Pdu, body: Bind) -> Iterator[Any]:
        if self.bound:
            raise AssociationError("a second bind")
        call_id = found.header.call_id
        token = b""
        flags = int(_WHOLE)
        if found.auth is not None:
            try:
                security: Security = self._secure(found.auth.type, found.auth.level)
                token = security.step(found.auth.token)
            except Exception as error:
                self.outgoing += encode(Kind.BIND_NAK, call_id, BindNak(Status.NAK_AUTH_TYPE))
                raise AuthenticationError(f"authentication: {error}") from error
            self.security = security
            self.auth_context = found.auth.context
            if found.header.flags & Flag.SUPPORT_HEADER_SIGN:
                self.header_signing = True
                flags |= Flag.SUPPORT_HEADER_SIGN
        self.peer_fragment = max(LEAST_FRAGMENT, min(self.fragment, body.max_recv or self.fragment))
        if body.group and (self._joins is None or self._joins(body.group)):
            self.group = body.group
        self.bound = True
        self._send_ack(Kind.BIND_ACK, call_id, body, token, flags)
        if self.security is None or self.security.complete:
            yield Bound(tuple(self.contexts), self.security is not None)

    def _alter(self, found: Pdu, body: Bind) -> Iterator[Any]:
        if not self.bound:
            raise AssociationError("alter_context before bind")
        token = b""
        if found.auth is not None and self.security is not None and not self.security.complete:
            try:
                token = self.security.step(found.auth.token)
            except Exception as error:
                self.fault(found.header.call_id, Status.ACCESS_DENIED, 0)
                raise AuthenticationError(f"authentication: {error}") from error
        flags = int(_WHOLE) | (Flag.SUPPORT_HEADER_SIGN if self.header_signing else 0)
        self._send_ack(Kind.ALTER_CONTEXT_RESP, found.header.call_id, body, token, flags)
        yield Bound(tuple(self.contexts), self.security is not None)

    def _auth3(self, found: Pdu) -> Iterator[Any]:
        security = self.security
        if security is None or found.auth is None or security.complete:
            raise AssociationError("auth3 without an authentication in progress")
        try:
            security.step(found.auth.token)
        except Exception as error:
            # auth3 has no response: the first call fails instead (MS-RPCE 3.3.1.5.2.2).
            self.fault(found.header.call_id, Status.ACCESS_DENIED, 0)
            raise AuthenticationError(f"authentication: {error}") from error
        yield Bound(tuple(self.contexts), True)

    def _send_ack(self, kind: int, call_id: int, body: Bind, token: bytes, flags: int) -> None:
        outcomes = self._outcomes(body)
        auth = None
        if token and self.security is not None:
            auth = Auth(self.security.type, self.security.level, 0, self.auth_context, token)
        address = self.address if kind == Kind.BIND_ACK else ""
        answer = BindAck(self.fragment, self.fragment, self.group, address, tuple(outcomes))
        self.outgoing += encode(kind, call_id, answer, flags=flags, auth=auth)

    def _outcomes(self, body: Bind) -> Iterator[Outcome]:
        """Yield the result for each context; only the preferred syntax of each interface is accepted."""
        best: dict[UUID, Syntax] = {}
        for context in body.contexts:
            for transfer in self.transfers:
                if transfer in context.transfers:
                    known = best.get(context.interface.uuid)
                    if known is None or self.transfers.index(transfer) < self.transfers.index(known):
                        best[context.interface.uuid] = transfer
        for context in body.contexts:
            uuid = context.interface.uuid
            if is_feature_negotiation(context):
                # Security context multiplexing and keep-connection-on-orphan are not supported.
                yield Outcome(3, 0, _NOTHING)
            elif uuid not in self.interfaces or context.interface.version & 0xFFFF != 1:
                yield Outcome(2, 1, _NOTHING)
            elif len(self.contexts) >= self.limits.contexts and context.id not in self.contexts:
                yield Outcome(2, 3, _NOTHING)
            else:
                chosen = best.get(uuid)
                earlier = self.contexts.get(context.id)
                if earlier is not None and earlier[0] == uuid:
                    chosen = NDR64 if earlier[1] else NDR20
                if chosen is None or chosen not in context.transfers:
                    yield Outcome(2, 2, _NOTHING)
                else:
                    self.contexts[context.id] = (uuid, chosen == NDR64)
                    yield Outcome(0, 0, chosen)

    # -- responses ------------------------------------------------------------------------------------------------

    def respond(self, call_id: int, context: int, stub: bytes) -> None:
        """Send the response to a call."""
        self.send_call(Kind.RESPONSE, call_id, context, 0, stub)

    def fault(self, call_id: int, status: int, context: int) -> None:
        """Send a fault for a call; faults of the RPC runtime are not signed."""
        self.outgoing += encode(Kind.FAULT, call_id, Fault(32, context, status, b""))

"""Passive dissection of an association: takes PDUs of both directions, returns calls of the two TAPI interfaces.

Tracks the interface and syntax of each presentation context, reassembles fragments, and matches responses to requests.
Calls of other interfaces are ignored. Pending calls and their bytes are limited; calls dropped because of a limit are
reported.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from protocol.ndr import BY_INTERFACE
from protocol.problem import DecodeError, Problem
from protocol.rpc.fragments import Fragments
from protocol.rpc.pdu import (
    NDR20,
    NDR64,
    Bind,
    BindAck,
    BindNak,
    CallBody,
    Fault,
    Flag,
    Kind,
    is_feature_negotiation,
    parse,
    protected_range,
)
from protocol.rpc.unseal import PACKET, Unsealer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from protocol.ndr import Interface, Method
    from protocol.rpc.pdu import Auth, Context, Header

__all__ = ["FAULT", "HEADER", "REQUEST", "RESPONSE", "Dissector", "Limits", "RpcCall"]

#: Version, kind, flags, fragment length, length of the authentication data, call id, context, opnum.
HEADER: Final = Struct("<BxBB4xHHI4xHH")
#: Types of PDUs that carry authentication tokens.
_TOKENS: Final = {Kind.BIND, Kind.BIND_ACK, Kind.ALTER_CONTEXT, Kind.ALTER_CONTEXT_RESP, Kind.AUTH3}
#: Maximum number of problems kept until the user of the dissector removes them.
_MAX_PROBLEMS: Final = 1000
#: Maximum number of ids kept of responses without a request, and of orphaned calls.
_MAX_IDS: Final = 64
_WHOLE: Final = Flag.FIRST_FRAG | Flag.LAST_FRAG


class Limits(NamedTuple):
    """Resource limits of one association."""

    #: Pending calls.
    calls: int = 4096
    #: Bytes of fragments of incomplete calls.
    fragments: int = 16 * 1024 * 1024


class RpcCall:
    """A call of a TAPI method, returned with its request and again with its response.

    ``phase`` is `REQUEST`, `RESPONSE` or `FAULT`; the stub of that phase is ``data[start:]``. ``note`` is for the user
    of the dissector.
    """

    __slots__ = ("data", "method", "ndr64", "note", "number", "phase", "start", "status")

    method: Method
    ndr64: bool
    phase: int
    data: bytes
    start: int
    #: Status code of an RPC fault.
    status: int
    note: Any
    number: int


#: Phases of a call.
REQUEST: Final = 0
RESPONSE: Final = 1
FAULT: Final = 2


class Dissector:
    """Passive dissector of one association.

    `receive` takes a PDU with its direction and returns the call that it completes. Problems are collected in
    ``problems``, from which the user of the dissector removes them.
    """

    __slots__ = (
        "_dropping",
        "_early",
        "_fresh",
        "_gaps",
        "_headless",
        "_last_id",
        "_orphaned",
        "_partial",
        "_proposed",
        "_repeats",
        "_tracks",
        "contexts",
        "dropped",
        "forged",
        "group",
        "guess",
        "interface",
        "interfaces",
        "joined",
        "level",
        "limits",
        "missed",
        "pending",
        "problems",
        "repeated",
        "sealed",
        "secrets",
        "security",
        "unbound",
        "unmatched",
        "verified",
    )

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        secrets: Sequence[bytes] = (),
        guess: bool = False,
        interface: Interface | None = None,
    ) -> None:
        self.limits = limits or Limits()
        #: NT hashes for decryption.
        self.secrets = secrets
        #: Whether requests of contexts without a captured bind are recognised by their content; of ``interface`` only,
        #: unless it is None.
        self.guess = guess
        self.interface = interface
        #: Methods by opnum of each presentation context (empty for other interfaces), and whether it uses NDR64.
        self.contexts: dict[int, tuple[dict[int, Method], bool]] = {}
        #: The association group that the first bind_ack names, 0 if none was captured; whether the bind named it.
        self.group = 0
        self.joined = False
        self.problems: list[Problem] = []
        #: The security contexts, the authentication level, and the numbers of requests and responses left encrypted.
        self.security: Unsealer | None = None
        self.level = 0
        self.sealed = [0, 0]
        #: The number of verified signatures, and of invalid ones among them.
        self.verified = 0
        self.forged = 0
        #: The interfaces that were bound, or recognised.
        self.interfaces: set[UUID] = set()
        #: The numbers of requests of contexts without a captured bind, and of responses without a request.
        self.unbound = 0
        self.unmatched = 0
        #: Calls dropped because of a limit.
        self.dropped: list[RpcCall] = []
        self._dropping = False
        #: Proposed contexts of the last binds by call id, and by context id those with one transfer syntax.
        self._proposed: dict[int, tuple[Bind, dict[int, Context]]] = {}
        #: Pending calls by id (None for other interfaces); ``repeated``: later calls with the same id, in order.
        self.pending: dict[int, RpcCall | None] = {}
        self.repeated: dict[int, list[RpcCall | None]] = {}
        self._repeats = 0
        #: Set if PDUs are missing, for example for a response without a request. The user of the dissector resets it.
        self.missed = False
        #: Whether PDUs are known to be missing.
        self._gaps = False
        #: The id of the last response, with or without a pending call.
        self._last_id: int | None = None
        #: Once PDUs are missing: ids of pending calls whose response is not among them. Other ids may be reused.
        self._tracks = False
        self._fresh: dict[int, None] = {}
        #: Ids of responses without a request, and of orphaned calls.
        self._early: dict[int, None] = {}
        self._orphaned: dict[int, None] = {}
        #: The last call reported for a missing first fragment, so that each call is reported once.
        self._headless: tuple[bool, int] | None = None
        #: Incomplete calls by id: responses, and requests.
        self._partial: tuple[Fragments[int], Fragments[int]] = (Fragments(), Fragments())

    @property
    def concerned(self) -> bool:
        """Whether a TAPI interface was bound or recognised."""
        return not BY_INTERFACE.keys().isdisjoint(self.interfaces)

    def receive(self, from_client: bool, pdu: bytes) -> RpcCall | None:
        """Process one PDU; return the call whose request or response is complete, else None.

        ``from_client``: the PDU was sent by the RPC client.
        """
        if len(pdu) >= 24:
            version, kind, flags, length, auth, call_id, context, opnum = HEADER.unpack_from(pdu)
            if length == len(pdu) and flags & 0x83 == 3 and not auth and version == 5:
                if kind == Kind.REQUEST:
                    return self.add_request(call_id, context, opnum, pdu, 24)
                if kind == Kind.RESPONSE:
                    return self.add_response(call_id, pdu, 24)
        return self._receive_any(from_client, pdu)

    def add_request(self, call_id: int, context: int, opnum: int, data: bytes, start: int) -> RpcCall | None:
        """Add a complete request; return its call, or None if it is not of a TAPI interface."""
        binding = self.contexts.get(context)
        call: RpcCall | None = None
        if binding is None:
            binding = self._assume_binding(context)
            if binding is None and self.guess:
                binding = self._recognise_binding(context, opnum, data[start:])
        if binding is None:
            self.missed = True
            self.unbound += 1
            self._problem("p_cont_id", f"call {call_id} uses context {context}, whose bind was not seen")
        else:
            method = binding[0].get(opnum)
            if method is not None:
                call = RpcCall()
                call.method = method
                call.ndr64 = binding[1]
                call.phase = REQUEST
                call.data = data
                call.start = start
                call.note = None
            elif binding[0]:
                self._problem("opnum", f"call {call_id} has {opnum}, which is not a method of its interface")
        pending = self.pending
        early = bool(self._early) and call_id in self._early
        if early:
            # Either the capture has the response before the request, or that response belonged to another call.
            del self._early[call_id]
            if not self._tracks:
                self._tracks = True
                self._fresh = dict.fromkeys(pending)
            self._fresh.pop(call_id, None)
            self.missed = True
        if call_id in pending:
            self._queue_repeated(call_id, call)
        else:
            pending[call_id] = call
            if self._tracks and not early:
                self._fresh[call_id] = None
        if len(pending) > self.limits.calls:
            self._drop_oldest()
        return call

    def _queue_repeated(self, call_id: int, call: RpcCall | None) -> None:
        """Add a request whose id is that of a pending call."""
        if self._tracks and call_id not in self._fresh:
            self._fresh[call_id] = None
            self.pending[call_id] = call
            self._repeats -= len(self.repeated.pop(call_id, ()))
            return
        waiting = self.repeated.setdefault(call_id, [])
        waiting.append(call)
        self._repeats += 1
        if len(self.pending) + self._repeats > self.limits.calls:
            self._repeats -= 1
            self._report_dropped(call_id, waiting.pop(0))
            if not waiting:
                del self.repeated[call_id]

    def _assume_binding(self, context: int) -> tuple[dict[int, Method], bool] | None:
        """Assume acceptance of a proposed context that is in use, if it has only one transfer syntax; else None."""
        for _, single in self._proposed.values():
            each = single.get(context)
            if each is not None:
                self.missed = True
                return self._add_binding(context, each.interface.uuid, each.transfers[0].uuid == NDR64.uuid)
        return None

    def _recognise_binding(self, context: int, opnum: int, stub: bytes) -> tuple[dict[int, Method], bool] | None:
        """Recognise interface and syntax of a context by the content of a request; None if that is not certain."""
        # Imported here because it is rarely needed and imports all packets.
        from protocol.rpc.recognition import recognise

        found = recognise(opnum, stub, self.interface)
        if found is None:
            return None
        interface, ndr64 = found
        self.missed = True
        return self._add_binding(context, interface.uuid, ndr64)

    def _add_binding(self, context: int, interface: UUID, ndr64: bool) -> tuple[dict[int, Method], bool]:
        """Record the interface of a context; return its binding."""
        methods = BY_INTERFACE.get(interface, {})
        binding = self.contexts[context] = (methods, ndr64)
        if methods or len(self.interfaces) < _MAX_IDS:
            self.interfaces.add(interface)
        return binding

    def add_response(
        self, call_id: int, data: bytes, start: int, phase: int = RESPONSE, status: int = 0
    ) -> RpcCall | None:
        """Add a complete response; return its call, or None for another interface or without a captured request."""
        pending = self.pending
        if call_id in pending:
            call = pending.pop(call_id)
            self._last_id = call_id
            if self._tracks:
                self._fresh.pop(call_id, None)
        else:
            found = self._match_renumbered(call_id)
            if found is None:
                return None
            call_id, call = found
        if self.repeated:
            self._activate_repeated(call_id)
        if call is not None:
            call.phase = phase
            call.data = data
            call.start = start
            call.status = status
        return call

    def _match_renumbered(self, call_id: int) -> tuple[int, RpcCall | None] | None:
        """Return id and call for a response whose id no pending call has; None if its request is missing.

        Some RPC stacks send all responses with the id of the first call.
        """
        pending = self.pending
        waiting = self._fresh if self._tracks else pending
        if call_id == self._last_id and len(waiting) == 1:
            number = next(iter(waiting))
            call = pending.pop(number)
            # The earlier calls get no response.
            self._fresh.clear()
            pending.clear()
            self.repeated.clear()
            self._repeats = 0
            return number, call
        if call_id not in self._orphaned:
            if self._last_id is None:
                self._doubt_pending()
            self._last_id = call_id
            _remember(self._early, call_id)
            self.missed = True
            self.unmatched += 1
        return None

    def mark_gap(self, from_client: bool) -> None:
        """Record that PDUs of one direction are missing; discard its incomplete calls."""
        self._gaps = True
        self._doubt_pending()
        self._partial[from_client].clear()

    def _doubt_pending(self) -> None:
        """Record that the responses of all pending calls may be missing."""
        self._tracks = True
        self._fresh.clear()

    def _activate_repeated(self, call_id: int) -> None:
        """Make the next call with the same id the pending one."""
        waiting = self.repeated.get(call_id)
        if waiting:
            self.pending[call_id] = waiting.pop(0)
            self._repeats -= 1
            if self._tracks:
                self._fresh[call_id] = None
            if not waiting:
                del self.repeated[call_id]

    def _drop_oldest(self) -> None:
        call_id = next(iter(self.pending))
        call = self.pending.pop(call_id)
        self._fresh.pop(call_id, None)
        self._activate_repeated(call_id)
        self._report_dropped(call_id, call)

    def _report_dropped(self, call_id: int, call: RpcCall | None) -> None:
        if call is not None:
            self.dropped.append(call)
        if not self._dropping:
            self._dropping = True
            more = f"more than {self.limits.calls} calls await a response (limit calls)"
            self._problem("call_id", f"{more}; call {call_id} and later ones are dropped")

    def _receive_any(self, from_client: bool, data: bytes) -> RpcCall | None:
        try:
            header, body, auth = parse(data)
        except DecodeError as error:
            self.problems.append(error.problem)
            return None
        kind, flags, call_id = header.kind, header.flags, header.call_id
        if auth is not None:
            self.level = auth.level
            if kind in _TOKENS:
                self._add_token(from_client, auth)
        if isinstance(body, CallBody):
            stub: bytes | None = body.stub
            if auth is not None:
                stub = self._unseal(from_client, data, header, body, auth)
                if stub is None:
                    return None
            assert stub is not None
            if flags & _WHOLE == _WHOLE:
                if kind == Kind.REQUEST:
                    return self.add_request(call_id, body.context, body.number, stub, 0)
                return self.add_response(call_id, stub, 0)
            return self._add_fragment(from_client, call_id, kind, flags, body, stub)
        if isinstance(body, Fault):
            if auth is not None and auth.level >= PACKET and self.security is not None:
                # A protected fault consumes key stream like any other PDU.
                end = header.length - header.auth_length - 8
                self.security.unseal(from_client, data, end - len(body.stub), end, auth)
            return self.add_response(call_id, body.stub, 0, FAULT, body.status)
        if isinstance(body, Bind):
            single = {
                each.id: each
                for each in reversed(body.contexts)
                if len(each.transfers) == 1 and not is_feature_negotiation(each)
            }
            self._proposed[call_id] = body, single
            if len(self._proposed) > 16:
                del self._proposed[next(iter(self._proposed))]
        elif isinstance(body, BindAck):
            self._add_bindings(call_id, body)
        elif isinstance(body, BindNak):
            self._problem("bind_nak", f"the bind was rejected, reason {body.reason}")
        elif kind == Kind.ORPHANED:
            # The client ignores the response and sends no more fragments.
            unfinished = self._partial[True].drop(call_id)
            if not unfinished and call_id in self.pending:
                del self.pending[call_id]
                self._fresh.pop(call_id, None)
                self._activate_repeated(call_id)
            _remember(self._orphaned, call_id)
        return None

    def _add_token(self, from_client: bool, auth: Auth) -> None:
        if self.security is None:
            self.security = Unsealer(self.secrets)
        self.security.add_token(from_client, auth)

    def _unseal(self, from_client: bool, data: bytes, header: Header, body: CallBody, auth: Auth) -> bytes | None:
        """Return the stub of a protected call without padding; None if it cannot be decrypted."""
        stub = body.stub
        if auth.level >= PACKET:
            if self.security is None:
                self.security = Unsealer(self.secrets)
            start, end, _ = protected_range(header)
            opened, signed = self.security.unseal(from_client, data, start, end, auth)
            if signed is not None:
                self.verified += 1
            if signed is False:
                self.forged += 1
                if self.forged == 1:
                    self._problem("auth_value", f"the {self.security.mechanism} signature of this PDU is wrong")
            if opened is None:
                binding = self.contexts.get(body.context)
                # Without a captured bind, it may be a TAPI interface.
                if (binding is None or binding[0]) and header.flags & Flag.FIRST_FRAG:
                    self.sealed[header.kind != Kind.REQUEST] += 1
                return None
            stub = opened
        if auth.pad > len(stub):
            self._problem("auth_pad_length", f"{auth.pad} bytes of padding in a stub of {len(stub)}")
            return stub
        return stub[: len(stub) - auth.pad]

    def _add_fragment(
        self, from_client: bool, call_id: int, kind: int, flags: int, body: CallBody, stub: bytes
    ) -> RpcCall | None:
        key = (kind == Kind.REQUEST, call_id)
        partial = self._partial[kind == Kind.REQUEST]
        if flags & Flag.FIRST_FRAG:
            if call_id in partial:
                self._drop_fragments(partial, call_id, f"call {call_id} restarts before its last fragment")
            partial.begin(call_id, body.context, body.number)
        assembly = partial.add(call_id, stub)
        if assembly is None:
            self.missed = True
            if self._gaps or self._headless == key:
                return None
            self._headless = key
            self._problem("pfc_flags", f"a later fragment of call {call_id} without its first one")
            return None
        answers, requests = self._partial
        if len(answers) + len(requests) > self.limits.calls:
            self._drop_fragments(
                partial, next(iter(partial)), f"more than {self.limits.calls} calls are incomplete (limit calls)"
            )
        if answers.size + requests.size > self.limits.fragments:
            more = f"more than {self.limits.fragments} bytes of incomplete calls (limit fragments)"
            self._drop_fragments(partial, next(iter(partial)), f"{more}; the oldest call is dropped")
            return None
        if not flags & Flag.LAST_FRAG or not partial.drop(call_id):
            return None
        whole = assembly.join()
        if kind == Kind.REQUEST:
            return self.add_request(call_id, assembly.context, assembly.opnum, whole, 0)
        return self.add_response(call_id, whole, 0)

    def _drop_fragments(self, partial: Fragments[int], call_id: int, why: str) -> None:
        partial.drop(call_id)
        self._problem("fragments", why)

    def _add_bindings(self, call_id: int, body: BindAck) -> None:
        self._last_id = call_id
        found = self._proposed.pop(call_id, None)
        if found is None and self._proposed:
            _, found = self._proposed.popitem()
        if found is None:
            return
        proposed = found[0]
        if not self.group:
            self.group = body.group
            self.joined = bool(proposed.group)
        if len(body.outcomes) != len(proposed.contexts):
            detail = f"{len(body.outcomes)} results for {len(proposed.contexts)} contexts"
            self._problem("p_result_list", detail)
        for context, outcome in zip(proposed.contexts, body.outcomes, strict=False):
            if outcome.result == 0 and not is_feature_negotiation(context):
                methods = BY_INTERFACE.get(context.interface.uuid, {})
                if methods and outcome.transfer.uuid not in (NDR20.uuid, NDR64.uuid):
                    self._problem("transfer_syntax", f"{outcome.transfer.uuid} is neither NDR20 nor NDR64")
                self._add_binding(context.id, context.interface.uuid, outcome.transfer.uuid == NDR64.uuid)

    def _problem(self, field: str, detail: str) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(Problem(field, "layout", detail, "C706 12.6.4"))


def _remember(ids: dict[int, None], call_id: int) -> None:
    """Add an id to the most recent ones."""
    ids.pop(call_id, None)
    ids[call_id] = None
    if len(ids) > _MAX_IDS:
        del ids[next(iter(ids))]

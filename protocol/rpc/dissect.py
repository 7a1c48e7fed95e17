"""Follow an association from outside: PDUs of both directions in, whole calls of the two interfaces out.

What a wiretap needs to know of DCE/RPC: which context is bound to which interface and syntax, which fragments
belong together, which answer belongs to which request. Calls of other interfaces on the same association are
recognised and left alone. Nothing here grows without bound: open calls and their bytes are limited, and what is
dropped for that is reported.
"""

from __future__ import annotations

from collections import deque
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
    from protocol.rpc.pdu import Auth, Header

__all__ = ["FAULT", "HEADER", "REQUEST", "RESPONSE", "Dissector", "Limits", "RpcCall"]

#: Version, kind, flags, fragment length, length of the authentication data, call id, context, opnum.
HEADER: Final = Struct("<BxBB4xHHI4xHH")
#: Kinds of PDU that carry the tokens of an authentication.
_TOKENS: Final = {Kind.BIND, Kind.BIND_ACK, Kind.ALTER_CONTEXT, Kind.ALTER_CONTEXT_RESP, Kind.AUTH3}
#: How many problems of one association are told before someone takes them out.
_MAX_PROBLEMS: Final = 1000
#: Ids of answers without a request that are remembered, and of orphaned calls.
_MAX_IDS: Final = 64
_WHOLE: Final = Flag.FIRST_FRAG | Flag.LAST_FRAG


class Limits(NamedTuple):
    """How much one association may keep."""

    #: Requests that wait for an answer.
    calls: int = 4096
    #: Bytes of fragments that wait for the last one.
    fragments: int = 16 * 1024 * 1024


class RpcCall:
    """One call of one of our methods, first with its request, then with its answer.

    ``phase`` is `REQUEST`, `RESPONSE` or `FAULT`; the stub of that phase is ``data`` from ``start`` on. ``note`` is
    for whoever follows the calls.
    """

    __slots__ = ("data", "method", "ndr64", "note", "number", "phase", "start", "status")

    method: Method
    ndr64: bool
    phase: int
    data: bytes
    start: int
    #: Status of a fault.
    status: int
    note: Any
    number: int


#: Phases of a call.
REQUEST: Final = 0
RESPONSE: Final = 1
FAULT: Final = 2


class Dissector:
    """One association seen from outside.

    `receive` takes a PDU with the direction it went and returns what it completes. Problems are collected in
    ``problems``; the caller takes them out.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        secrets: Sequence[bytes] = (),
        guess: bool = False,
        interface: Interface | None = None,
    ) -> None:
        #: NT hashes to unseal with.
        self.limits = limits or Limits()
        self.secrets = secrets
        #: Whether requests of contexts that were not seen to be bound are recognised by their content, as those of
        #: this interface where that is known.
        self.guess = guess
        self.interface = interface
        #: What each presentation context stands for: the methods by opnum (none of ours for other interfaces).
        self.contexts: dict[int, tuple[dict[int, Method], bool]] = {}
        self.problems: list[Problem] = []
        #: Authentication that was seen, its level, and how many requests and answers of ours stayed sealed.
        self.security: Unsealer | None = None
        self.level = 0
        self.sealed = [0, 0]
        #: How many signatures were verified, and how many of them were wrong.
        self.verified = 0
        self.forged = 0
        #: The interfaces that were bound, or recognised.
        self.interfaces: set[UUID] = set()
        #: Calls that were given up because there were too many.
        self.dropped: list[RpcCall] = []
        self._dropping = False
        self._proposed: dict[int, Bind] = {}
        #: Calls that wait for an answer, by id (None for those of other interfaces); later ones with the same id in a row behind it.
        self.pending: dict[int, RpcCall | None] = {}
        self.repeated: dict[int, deque[RpcCall | None]] = {}
        #: Set when something shows that PDUs were missed: an answer without its request, say. The caller resets it.
        self.missed = False
        #: Whether PDUs are known to be missing.
        self._gaps = False
        #: The id of the last answer, whether or not it was one of a waiting call.
        self._last_id: int | None = None
        #: Ids of calls whose answers may be among what is missing: such an id is free to be used again.
        self._stale: set[int] = set()
        #: Ids of answers that came without their requests, and of calls whose answers nobody waits for.
        self._early: deque[int] = deque(maxlen=_MAX_IDS)
        self._orphaned: deque[int] = deque(maxlen=_MAX_IDS)
        #: The call of the last fragment that came without the first one: told once for each call.
        self._headless: tuple[bool, int] | None = None
        self._partial: Fragments[tuple[bool, int]] = Fragments()

    def receive(self, from_client: bool, pdu: bytes) -> RpcCall | None:
        """Take one PDU; ``from_client`` means from the side that opened the association."""
        if len(pdu) >= 24:
            version, kind, flags, length, auth, call_id, context, opnum = HEADER.unpack_from(pdu)
            if length == len(pdu) and flags & 0x83 == 3 and not auth and version == 5:
                if kind == Kind.REQUEST:
                    return self.add_request(call_id, context, opnum, pdu, 24)
                if kind == Kind.RESPONSE:
                    return self.add_response(call_id, pdu, 24)
        return self._receive_any(from_client, pdu)

    def add_request(self, call_id: int, context: int, opnum: int, data: bytes, start: int) -> RpcCall | None:
        """A whole request; None when it is of another interface."""
        binding = self.contexts.get(context)
        call: RpcCall | None = None
        if binding is None:
            binding = self._assume_binding(context)
            if binding is None and self.guess:
                binding = self._recognise_binding(context, opnum, data[start:])
        if binding is None:
            self.missed = True
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
        if self._early and call_id in self._early:
            # The capture has the answer before it, or that was the answer to another call.
            self._early.remove(call_id)
            self._stale &= self.pending.keys()
            self._stale.add(call_id)
            self.missed = True
        pending = self.pending
        if call_id in pending:
            self._queue_repeated(call_id, call)
        else:
            pending[call_id] = call
        if len(pending) > self.limits.calls:
            self._drop_oldest()
        return call

    def _queue_repeated(self, call_id: int, call: RpcCall | None) -> None:
        """A request with the id of one that was not answered yet."""
        if call_id in self._stale:
            self._stale.discard(call_id)
            self.pending[call_id] = call
            self.repeated.pop(call_id, None)
            return
        waiting = self.repeated.setdefault(call_id, deque())
        waiting.append(call)
        if len(waiting) > self.limits.calls:
            self._report_dropped(call_id, waiting.popleft())

    def _assume_binding(self, context: int) -> tuple[dict[int, Method], bool] | None:
        """What a context stands for that was proposed, used, and not seen to be accepted: there was but one choice."""
        for bind in self._proposed.values():
            for each in bind.contexts:
                if each.id == context and len(each.transfers) == 1 and not is_feature_negotiation(each):
                    self.missed = True
                    methods = BY_INTERFACE.get(each.interface.uuid, {})
                    binding = self.contexts[context] = (methods, each.transfers[0].uuid == NDR64.uuid)
                    self.interfaces.add(each.interface.uuid)
                    return binding
        return None

    def _recognise_binding(self, context: int, opnum: int, stub: bytes) -> tuple[dict[int, Method], bool] | None:
        """What a context that nobody was seen to bind stands for, going by a request."""
        # Here, because nearly nobody needs it, and it needs the packets.
        from protocol.rpc.recognition import recognise

        found = recognise(opnum, stub, self.interface)
        if found is None:
            return None
        interface, ndr64 = found
        binding = self.contexts[context] = (BY_INTERFACE[interface.uuid], ndr64)
        self.interfaces.add(interface.uuid)
        self.missed = True
        return binding

    def add_response(
        self, call_id: int, data: bytes, start: int, phase: int = RESPONSE, status: int = 0
    ) -> RpcCall | None:
        """A whole answer; None when it is of another interface, or of no request that was seen."""
        pending = self.pending
        if call_id in pending:
            call = pending.pop(call_id)
            self._last_id = call_id
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
        """The call that is answered under an id which no call has; None where that shows a missed request.

        There are stacks that answer everything with the id of the first call.
        """
        pending = self.pending
        waiting = [number for number in pending if number not in self._stale]
        if call_id == self._last_id and len(waiting) == 1:
            call = pending.pop(waiting[0])
            # None of the earlier ones will be answered.
            pending.clear()
            self.repeated.clear()
            return waiting[0], call
        if call_id not in self._orphaned:
            if self._last_id is None:
                self._stale = set(pending)
            self._last_id = call_id
            self._early.append(call_id)
            self.missed = True
        return None

    def mark_gap(self, from_client: bool) -> None:
        """PDUs of one direction are missing: what was being put together there will not be whole."""
        self._gaps = True
        self._stale = set(self.pending)
        for key in [key for key in self._partial if key[0] is from_client]:
            self._partial.drop(key)

    def _activate_repeated(self, call_id: int) -> None:
        """The next call with the same id waits for its answer now."""
        waiting = self.repeated.get(call_id)
        if waiting:
            self.pending[call_id] = waiting.popleft()
            if not waiting:
                del self.repeated[call_id]

    def _drop_oldest(self) -> None:
        call_id = next(iter(self.pending))
        call = self.pending.pop(call_id)
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
                # A protected fault uses up key stream like any other PDU.
                end = header.length - header.auth_length - 8
                self.security.unseal(from_client, data, end - len(body.stub), end, auth)
            return self.add_response(call_id, body.stub, 0, FAULT, body.status)
        if isinstance(body, Bind):
            self._proposed[call_id] = body
            if len(self._proposed) > 16:
                del self._proposed[next(iter(self._proposed))]
        elif isinstance(body, BindAck):
            self._add_bindings(call_id, body)
        elif isinstance(body, BindNak):
            self._problem("bind_nak", f"the bind was rejected, reason {body.reason}")
        elif kind == Kind.ORPHANED:
            # The client will not read the answer, and what it had not sent yet will not come.
            unfinished = self._partial.drop((True, call_id))
            if not unfinished and call_id in self.pending:
                del self.pending[call_id]
                self._activate_repeated(call_id)
            self._orphaned.append(call_id)
        return None

    def _add_token(self, from_client: bool, auth: Auth) -> None:
        if self.security is None:
            self.security = Unsealer(self.secrets)
        self.security.add_token(from_client, auth)

    def _unseal(self, from_client: bool, data: bytes, header: Header, body: CallBody, auth: Auth) -> bytes | None:
        """The stub of a protected call without its padding; None when it stays sealed."""
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
                # Where the bind was not seen it may be one of ours.
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
        partial = self._partial
        if flags & Flag.FIRST_FRAG:
            if key in partial:
                self._drop_fragments(key, f"call {call_id} restarts before its last fragment")
            partial.begin(key, body.context, body.number)
        assembly = partial.add(key, stub)
        if assembly is None:
            self.missed = True
            if self._gaps or self._headless == key:
                return None
            self._headless = key
            self._problem("pfc_flags", f"a later fragment of call {call_id} without its first one")
            return None
        if len(partial) > self.limits.calls:
            self._drop_fragments(
                next(iter(partial)), f"more than {self.limits.calls} calls are incomplete (limit calls)"
            )
        if partial.size > self.limits.fragments:
            more = f"more than {self.limits.fragments} bytes of incomplete calls (limit fragments)"
            self._drop_fragments(next(iter(partial)), f"{more}; the oldest call is dropped")
            return None
        if not flags & Flag.LAST_FRAG or not partial.drop(key):
            return None
        whole = assembly.join()
        if kind == Kind.REQUEST:
            return self.add_request(call_id, assembly.context, assembly.opnum, whole, 0)
        return self.add_response(call_id, whole, 0)

    def _drop_fragments(self, key: tuple[bool, int], why: str) -> None:
        self._partial.drop(key)
        self._problem("fragments", why)

    def _add_bindings(self, call_id: int, body: BindAck) -> None:
        self._last_id = call_id
        proposed = self._proposed.pop(call_id, None)
        if proposed is None and self._proposed:
            _, proposed = self._proposed.popitem()
        if proposed is None:
            return
        if len(body.outcomes) != len(proposed.contexts):
            detail = f"{len(body.outcomes)} results for {len(proposed.contexts)} contexts"
            self._problem("p_result_list", detail)
        for context, outcome in zip(proposed.contexts, body.outcomes, strict=False):
            if outcome.result == 0 and not is_feature_negotiation(context):
                methods = BY_INTERFACE.get(context.interface.uuid, {})
                if methods and outcome.transfer.uuid not in (NDR20.uuid, NDR64.uuid):
                    self._problem("transfer_syntax", f"{outcome.transfer.uuid} is neither NDR20 nor NDR64")
                self.contexts[context.id] = (methods, outcome.transfer.uuid == NDR64.uuid)
                self.interfaces.add(context.interface.uuid)

    def _problem(self, field: str, detail: str) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(Problem(field, "layout", detail, "C706 12.6.4"))

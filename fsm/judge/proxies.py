"""Proxy handlers: which requests they serve, and the requests that are passed to this client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fsm.judge.lines import about_line
from fsm.judge.violations import report
from fsm.rules.conditions import Proxied
from fsm.state.instances import Handler, Line, Proxy
from fsm.tables import handler
from fsm.tables.proxy import PASSED_ON, PROXY
from protocol.constants import LINEOPENOPTION, LINEPROXYSTATUS
from protocol.line import Open
from protocol.raw import Raw

if TYPE_CHECKING:
    from fsm.conversation import Conversation
    from fsm.engine.row import Event
    from fsm.state.instances import Transaction
    from protocol.packet import Request

__all__ = ["accept_handler", "expect_passing", "proxy_request", "proxy_status", "register_handler", "serve"]

#: Handlers of a line and requests to become one that are kept: more than any switch has.
_LIMIT: Final = 65_536
_REGISTRATIONS: Final = 1024
_PRIVILEGES: Final = Open.layout.index("dwPrivileges")
_DEVICE: Final = Open.layout.index("dwDeviceID")


def proxy_request(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_PROXYREQUEST: a request that this client handles."""
    about_line(conversation, words, words[3])
    registry = conversation.registry
    found = registry.reported.get(words[3])
    if found is None:
        return
    if found.device is not None:
        current: Any = conversation.current
        event = current.packet() if isinstance(current, Raw) else current
        passed = getattr(getattr(event, "request", None), "request_type", None)
        if (found.device, passed) in registry.facts.own:
            registry.facts.passed[found.device, passed] = registry.now  # type: ignore[index]
    if len(found.proxies) < _LIMIT:
        proxy = Proxy()
        found.proxies.append(proxy)
        conversation.runner.step(proxy, PASSED_ON)


def proxy_status(conversation: Conversation, words: tuple[int, ...]) -> None:
    """Take a LINE_PROXYSTATUS."""
    about_line(conversation, words, words[3])
    registry = conversation.registry
    found = registry.reported.get(words[3])
    if found is None:
        return
    changes, type_ = words[6], words[7]
    registry.facts.set_proxy_status(found.device, changes, type_, registry.now)
    if changes & LINEPROXYSTATUS.OPEN:
        _step(conversation, found, type_, handler.HANDLER_OPENED)
    if changes & LINEPROXYSTATUS.CLOSE:
        _step(conversation, found, type_, handler.HANDLER_CLOSED)
    if changes & LINEPROXYSTATUS.ALLOPENFORACD:
        for known in tuple(found.handlers):
            _step(conversation, found, known, handler.ALL_OPEN)


def _step(conversation: Conversation, opened: Line, type_: int, event: Event) -> None:
    found = opened.handlers.get(type_)
    if found is None:
        if len(opened.handlers) >= _LIMIT:
            return
        found = opened.handlers[type_] = Handler()
    conversation.runner.step(found, event)


def serve(conversation: Conversation, transaction: Transaction) -> None:
    """Take the acceptance of a request that goes to a handler."""
    if isinstance(transaction.line, Line):
        _step(conversation, transaction.line, transaction.route.proxy, handler.SERVED)


def register_handler(conversation: Conversation, transaction: Transaction, packet: Request) -> None:
    """Note the types of request that an Open offers to handle, from its LINECALLPARAMS (2.2.3.1.48)."""
    if isinstance(packet, Open) and transaction.words[_PRIVILEGES] & LINEOPENOPTION.PROXY:
        params = packet.call_params
        data = b"" if params is None else params.dev_specific or b""
        types = tuple(int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data) - 3, 4))
        if types and len(conversation.registrations) < _REGISTRATIONS:
            conversation.registrations[transaction] = types[:_REGISTRATIONS]


def accept_handler(conversation: Conversation, transaction: Transaction, *, accepted: bool) -> None:
    """Take the response to an Open that offers to handle requests."""
    for type_ in conversation.registrations.pop(transaction, ()):
        if accepted:
            conversation.registry.facts.own.add((transaction.words[_DEVICE], type_))


def expect_passing(conversation: Conversation, transaction: Transaction) -> None:
    """Report a proxied request that succeeded and was not passed to its handler, where that is this client."""
    registry = conversation.registry
    conditions = (each for each in transaction.route.conditions if isinstance(each, Proxied))
    device = next((each.device_of(registry, transaction.words) for each in conditions), None)
    if device is None:
        return
    key = (device, transaction.route.proxy)
    if key in registry.facts.own and registry.facts.passed.get(key, float("-inf")) < transaction.time:
        rules = transaction.route.packet.layout.proxy_rules
        if len(rules) > 2:
            name = transaction.route.name
            summary = f"server completed {name} without forwarding it to the proxy handler of the line"
            frame = transaction.frame
            report(conversation, rules[2], "3.1.4.2", summary, machine=PROXY.name, event="reply 0", request_frame=frame)

"""Programs as text: Python that sends the same bytes, JSON that reads back as it was."""

from __future__ import annotations

import ast
import asyncio
import re
from types import SimpleNamespace
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mstrp.conform.core.program import Action, Program, Verb
from mstrp.conform.server.python_text import python_text
from mstrp.testing import requests
from protocol import phone
from protocol.fields import Handle
from protocol.packet import Request

#: What a live handle is while the text runs.
_LIVE = 0x0BADCAFE


class _Recording:
    """In the place of a tester: what a text asks for."""

    sent: list[tuple[bytes, int, bool]]

    def __init__(self, target: object) -> None:
        self.violations: list[Any] = []
        self.warnings: list[Any] = []

    async def __aenter__(self) -> Self:
        _Recording.sent = []
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def attach(self, client: str, how: str) -> None:
        assert (client, how) == ("a", "push")

    async def ask(self, client: str, packet: Request, *, legal: bool = False) -> Any:
        self.sent.append((packet.encode(), packet.capacity, legal))
        return SimpleNamespace(handle=_LIVE)


def performed(program: Program) -> list[tuple[bytes, int, bool]]:
    """What the text of a program sends."""
    text = python_text(program, title='it says "why\\"""')
    # The program's own loop and names, with something in the place of the network.
    text = text.replace("asyncio.run(main())", "").replace("from mstrp.conform import Target, Tester\n", "")
    names: dict[str, Any] = {"Tester": _Recording, "Target": SimpleNamespace(of=str)}
    exec(compile(text, "pasted", "exec"), names)
    asyncio.run(names["main"]())
    return _Recording.sent


def _program(packets: list[Request], *, live: bool) -> Program:
    """Ask one after the other; with ``live`` every handle is one that the first request brought."""
    actions = [Action(0, Verb.ATTACH, how="push")]
    for number, packet in enumerate(packets, 1):
        words = [
            field.index for field in packet.layout.fields if isinstance(field, Handle) and field.direction != "out"
        ]
        refs = tuple((word, "1.handle") for word in words) if live and number > 1 else ()
        data, name = packet.encode(), f"{packet.device}.{packet.layout.name}"
        actions.append(
            Action(number, Verb.ASK, packet=name, data=data, capacity=packet.capacity, refs=refs, legal=number % 2 == 0)
        )
    return Program(actions)


@given(packets=st.lists(requests(), min_size=1, max_size=3), live=st.booleans())
def test_the_text_sends_the_same_bytes(packets: list[Request], live: bool) -> None:
    """Byte for byte, with the same room for the answer, and with live handles where the program names them."""
    program = _program(packets, live=live)
    expected = []
    for action in program.actions[1:]:
        data = bytearray(action.data)
        for word, _ in action.refs:
            data[4 * word : 4 * word + 4] = _LIVE.to_bytes(4, "little")
        expected.append((bytes(data), action.capacity, action.legal))
    assert performed(program) == expected


@given(packets=st.lists(requests(), max_size=3), live=st.booleans())
def test_json_reads_back(packets: list[Request], live: bool) -> None:
    """What is stored for --replay is the same program."""
    program = _program(packets, live=live)
    assert Program.from_json(program.to_json()).actions == program.actions


@pytest.mark.parametrize("damage", [b"", b"\xff" * 8])
def test_bytes_that_no_constructor_gives(damage: bytes) -> None:
    """A request with bytes behind it, or too short, is printed in hex."""
    from protocol import line

    data = line.Hold(call=5, request_id=7).encode()
    data = data + damage if damage else data[:9]
    ask = Action(1, Verb.ASK, packet="line.Hold", data=data, capacity=64)
    assert performed(Program([Action(0, Verb.ATTACH, how="push"), ask])) == [(data, 64, False)]
    assert re.search(r"bytes\.fromhex|line\.Hold", python_text(Program([ask])))


@pytest.mark.parametrize("size", [0, 1, 3, 4, 9, 59, 60])
@pytest.mark.parametrize("first", [b"\1\1\1\1", b"\7\0\0\0"], ids=["unknown", "known"])
def test_packets_without_a_constructor(size: int, first: bytes) -> None:
    """A packet of any size, of an unknown kind too, becomes a program that sends the same bytes."""
    data = (first + bytes(56))[:size]
    ask = Action(1, Verb.ASK, packet="generic.Unknown", data=data, capacity=size)
    assert performed(Program([Action(0, Verb.ATTACH, how="push"), ask])) == [(data, size, False)]


@pytest.mark.parametrize("binding", [r"ncacn_np:192.0.2.7[\pipe\tapsrv]", "ncacn_ip_tcp:192.0.2.7[5150]", 'a"b'])
@pytest.mark.parametrize("title", ["plain", 'ends with "', 'has """ inside', "ends with \\"])
def test_the_text_has_its_binding_and_title(binding: str, title: str) -> None:
    """Backslashes and quotes do no harm."""
    text = python_text(Program(), binding=binding, title=title)
    assert python_binding(text) == binding
    compile(text, "pasted", "exec")


def python_binding(text: str) -> str:
    """The binding that a text connects to."""
    (found,) = [
        node.args[0].value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "Target.of"
        and isinstance(node.args[0], ast.Constant)
    ]
    return str(found)


def test_what_is_promised_may_fail_to_come() -> None:
    """The program goes on after a wait in vain, and says what it was about."""
    asked = Action(1, Verb.ASK, packet="phone.GetRing", data=phone.GetRing(phone=1).encode())
    wait = Action(2, Verb.EVENT, wanted=("PHONE_STATE",), promised="TRUE-x", after=("1.reply",))
    actions = [Action(0, Verb.ATTACH, how="push"), asked, wait]
    text = python_text(Program(actions))
    assert "import contextlib\n\nfrom mstrp.conform import Missing, Target, Tester\n" in text
    assert (
        "        with contextlib.suppress(Missing):\n            await tester.event('a', 'PHONE_STATE', promised='TRUE-x', after=[step1])"
        in text
    )

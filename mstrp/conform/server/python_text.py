"""Programs as Python text: what a failure's report prints, to be pasted and run."""

from __future__ import annotations

import builtins
import json
import re
import struct
from typing import TYPE_CHECKING

from mstrp.conform.core.program import Action, Program, Verb

if TYPE_CHECKING:
    from protocol.packet import Request

__all__ = ["python_text"]

_HEAD = '''"""{title}"""

import asyncio{imports}

async def main():
    async with Tester(Target.of({binding})) as tester:
{body}
    for violation in (*tester.violations, *tester.warnings):
        print(violation)


asyncio.run(main())
'''
#: Names of constants and structures in a packet's text, and where they are imported from.
_CONSTANT = re.compile(r"\bconstants\.[A-Z]\w*(\.\w+)?(?: \| constants\.[A-Z]\w*(\.\w+)?)*")


def python_text(program: Program, *, binding: str = "ncacn_ip_tcp:127.0.0.1[5150]", title: str = "") -> str:
    """The program as a module that performs it with `mstrp.conform` and prints what is wrong."""
    writer = _Writer()
    body = [f"        {line}" for action in program for line in writer.step(action)] or ["        pass"]
    text = title.replace("\\", "\\\\").replace('"', "'")
    # A pipe has backslashes in its name; JSON's strings are Python's.
    where = json.dumps(binding, ensure_ascii=False)
    return _HEAD.format(title=text, imports=writer.imports(), binding=where, body="\n".join(body))


def _promised(action: Action) -> str:
    steps = ", ".join(f"step{name.partition('.')[0]}" for name in action.after)
    return f", promised={action.promised!r}, after=[{steps}]" if action.promised else ""


class _Writer:
    def __init__(self) -> None:
        #: By the name of a handle in the program: the expression for it here.
        self.names: dict[str, str] = {}
        self.modules: set[str] = set()
        self.structures: set[str] = set()
        self.raw = False
        self.constants = False
        #: Whether something is waited for that may not come.
        self.waits = False
        #: The steps whose completion was waited for: it brings the handles of asynchronous requests.
        self.done: set[int] = set()

    def imports(self) -> str:
        names = "Missing, Target, Tester" if self.waits else "Target, Tester"
        lines = [f"from mstrp.conform import {names}"]
        modules = sorted(self.modules | ({"constants"} if self.constants else set()))
        if modules:
            lines.append(f"from protocol import {', '.join(modules)}")
        if self.raw:
            lines.append("from protocol.packet import decode_request")
        if self.structures:
            lines.append(f"from protocol.structures import {', '.join(sorted(self.structures))}")
        head = "\nimport contextlib\n\n" if self.waits else "\n\n"
        return head + "\n".join(lines) + "\n"

    def step(self, action: Action) -> list[str]:
        """The lines of a step; what a server owes may fail to come, and then the program goes on."""
        if not action.promised:
            return self.lines(action)
        self.waits = True
        return ["with contextlib.suppress(Missing):", *(f"    {line}" for line in self.lines(action))]

    def lines(self, action: Action) -> list[str]:
        client, number = repr(action.client), action.number
        match action.verb:
            case Verb.ATTACH:
                return [f"await tester.attach({client}, {action.how!r})"]
            case Verb.ASK:
                legal = ", legal=True" if action.legal else ""
                return [f"step{number} = await tester.ask({client}, {self._packet(action)}{legal})"]
            case Verb.STRAY:
                return [f"await tester.stray({client}, {self._packet(action)}, {action.how!r})"]
            case Verb.REPLY:
                step = action.about.partition(".")[0]
                self.done.add(int(step))
                return [f"done{step} = await tester.reply({client}, step{step})"]
            case Verb.CALL:
                self.names[f"{number}.call"] = f"call{number}"
                return [f"call{number} = await tester.call({client}, {self._name(action.about)}{_promised(action)})"]
            case Verb.STATE:
                self.constants = True
                wanted = ", ".join(f"constants.LINECALLSTATE.{name}" for name in action.wanted)
                return [f"await tester.state({client}, {self._name(action.about)}, {wanted}{_promised(action)})"]
            case Verb.REMAINS:
                self.constants = True
                wanted = ", ".join(f"constants.LINECALLSTATE.{name}" for name in action.wanted)
                return [f"await tester.remains({client}, {self._name(action.about)}, {wanted}{_promised(action)})"]
            case Verb.REFUSED:
                step = action.about.partition(".")[0]
                return [f"await tester.refused({client}, step{step}, promised={action.promised!r})"]
            case Verb.EVENT:
                return [f"await tester.event({client}, {', '.join(map(repr, action.wanted))}{_promised(action)})"]
            case Verb.CHECK:
                return [f"await tester.check({client}, {self._name(action.about)})"]
            case Verb.QUIET:
                return ["await tester.quiet()"]
            case Verb.DETACH:
                return [f"await tester.detach({client})"]
            case Verb.LOSE:
                return [f"await tester.lose({client})"]
        raise AssertionError(action.verb)

    def _name(self, name: str) -> str:
        """The expression for a handle."""
        known = self.names.get(name)
        if known is not None:
            return known
        step, _, field = name.partition(".")
        if field.startswith("calls"):
            return f"step{step}.call_list.calls[{field.removeprefix('calls')}]"
        if field == "data":
            return f'int.from_bytes(done{step}.data[:4], "little")'
        return f"{'done' if int(step) in self.done else 'step'}{step}.{field}"

    def _packet(self, action: Action) -> str:
        packet = action.request()
        text = self._constructor(packet, action)
        return self._hex(action) if text is None else text

    def _constructor(self, packet: Request, action: Action) -> str | None:
        """The packet by its fields; None where that would give other bytes."""
        try:
            values = packet.values()
            again = type(packet)(**values)
            if again.encode() != action.data or again.capacity != action.capacity:
                again = type(packet)(**values, capacity=action.capacity)
                values["capacity"] = action.capacity
            if again.encode() != action.data or again.capacity != action.capacity:
                return None
            defaults = type(packet)().values()
        except (ValueError, TypeError, AttributeError, OverflowError, struct.error):
            return None
        words = {packet.layout.by_name[name].index: name for name in packet.layout.by_name}
        handles = {words[word]: self._name(name) for word, name in action.refs if word in words}
        given = []
        for name, value in values.items():
            if name in handles:
                given.append(f"{name}={handles[name]}")
            elif name not in defaults or value != defaults[name]:
                text = repr(value)
                if not self._takes(text):
                    return None
                given.append(f"{name}={text}")
        self.modules.add(packet.device)
        return f"{packet.device}.{packet.layout.name}({', '.join(given)})"

    def _takes(self, text: str) -> bool:
        """Whether a value's text can be evaluated with imports alone; they are noted."""
        import protocol.structures

        if _CONSTANT.search(text):
            self.constants = True
        bare = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", "", text)
        for name in re.findall(r"(?<![\w.])([A-Za-z_]\w*)\s*\(", bare):
            if hasattr(builtins, name):
                continue
            if not hasattr(protocol.structures, name):
                return False
            self.structures.add(name)
        return "<" not in bare

    def _hex(self, action: Action) -> str:
        """The packet by its bytes, with the handles put in."""
        self.raw = True
        refs = sorted(action.refs)
        if not refs:
            return f'decode_request(bytes.fromhex("{action.data.hex()}"), {action.capacity})'
        parts: list[str] = []
        place = 0
        for word, name in refs:
            parts.append(f'bytes.fromhex("{action.data[place : 4 * word].hex()}")')
            parts.append(f'({self._name(name)}).to_bytes(4, "little")')
            place = 4 * word + 4
        parts.append(f'bytes.fromhex("{action.data[place:].hex()}")')
        return f"decode_request({' + '.join(parts)}, {action.capacity})"

"""What was learned: states, and for each of them what the response to each input is and where it leads."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from fsm.tables.call_states import CallState
    from mstrp.conform.learn.alphabet import Alphabet
    from mstrp.conform.learn.observation import Output

__all__ = ["Learned", "Move", "State"]


class Move(NamedTuple):
    """What an input does in a state."""

    symbol: int
    output: Output
    target: int


class State(NamedTuple):
    """A state of the learned machine."""

    number: int
    #: The states of the calls; several states of a machine may share them.
    calls: tuple[CallState, ...]
    #: The shortest word that leads here, by the numbers of its inputs.
    access: tuple[int, ...]
    moves: tuple[Move, ...]


class Learned(NamedTuple):
    """A learned machine; the first state is the one in which it begins."""

    alphabet: Alphabet
    states: tuple[State, ...]

    @classmethod
    def of(cls, alphabet: Alphabet, hypothesis: Any, initial: tuple[CallState, ...]) -> Learned:
        """A Mealy machine of AALpy with its states in the order of their shortest words."""
        first = hypothesis.initial_state
        numbers: dict[int, int] = {id(first): 0}
        order: list[tuple[Any, tuple[CallState, ...], tuple[int, ...]]] = [(first, initial, ())]
        waiting = deque(order)
        while waiting:
            state, _, access = waiting.popleft()
            for symbol in range(len(alphabet.inputs)):
                target = state.transitions[symbol]
                if id(target) not in numbers:
                    numbers[id(target)] = len(order)
                    order.append((target, state.output_fun[symbol].states, (*access, symbol)))
                    waiting.append(order[-1])
        return cls(
            alphabet,
            tuple(
                State(
                    number,
                    calls,
                    access,
                    tuple(
                        Move(symbol, state.output_fun[symbol], numbers[id(state.transitions[symbol])])
                        for symbol in range(len(alphabet.inputs))
                    ),
                )
                for number, (state, calls, access) in enumerate(order)
            ),
        )

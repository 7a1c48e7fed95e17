"""Strategies for the parameters of the six methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from mstrp.testing.arbitrary import texts, words
from protocol import ndr

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["PHASES", "parameters"]

_contexts = st.binary(min_size=ndr.CONTEXT_SIZE, max_size=ndr.CONTEXT_SIZE)
_buffers = st.binary(max_size=80)


def _room(value: Any) -> Any:
    """Make lNeededSize at least the length of the buffer."""
    return value._replace(needed=max(value.needed, len(value.buffer)))


_PARAMETERS: dict[type[Any], SearchStrategy[Any]] = {
    ndr.ClientAttach: st.builds(ndr.ClientAttach, words(), texts(), texts()),
    ndr.ClientAttachResult: st.builds(ndr.ClientAttachResult, _contexts, words(), words()),
    ndr.ClientRequest: st.builds(ndr.ClientRequest, _contexts, _buffers, words()).map(_room),
    ndr.ClientRequestResult: st.builds(ndr.ClientRequestResult, _buffers, words()).map(_room),
    ndr.ClientDetach: st.builds(ndr.ClientDetach, _contexts),
    ndr.ClientDetachResult: st.builds(ndr.ClientDetachResult, _contexts),
    ndr.RemoteSPAttach: st.just(ndr.RemoteSPAttach()),
    ndr.RemoteSPAttachResult: st.builds(ndr.RemoteSPAttachResult, _contexts, words()),
    ndr.RemoteSPEventProc: st.builds(ndr.RemoteSPEventProc, _contexts, _buffers),
    ndr.RemoteSPEventProcResult: st.just(ndr.RemoteSPEventProcResult()),
    ndr.RemoteSPDetach: st.builds(ndr.RemoteSPDetach, _contexts),
    ndr.RemoteSPDetachResult: st.builds(ndr.RemoteSPDetachResult, _contexts),
}

#: All methods, each with both phases.
PHASES = [(method, phase) for method in ndr.METHODS.values() for phase in ("request", "response")]


def parameters(method: ndr.Method, phase: str) -> SearchStrategy[Any]:
    """Generate the parameters of one phase of a method."""
    return _PARAMETERS[method.request if phase == "request" else method.response]

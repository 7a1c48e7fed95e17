"""The server side of NTLM: pyspnego, with a verification that takes users from this program and bytes from the client.

pyspnego reads users from a file and rebuilds an NTLMv2 response to compare it. The end of the response differs between
stacks (impacket omits the four zero bytes after the attributes), so a valid response would be rejected. This module
computes the proof over the received bytes. Everything else is pyspnego's: the challenge, the keys, signing and sealing.
"""

from __future__ import annotations

import hmac
import os
import threading
from typing import TYPE_CHECKING, Any

from spnego._ntlm import NTLMProxy
from spnego.exceptions import InvalidTokenError

from protocol.rpc.ntlm import MIC, Authenticate, Challenge, parse_av_flags, parse_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from spnego import ContextReq

__all__ = ["Acceptor"]

_lock = threading.Lock()
#: MsvAvFlags: the message carries a MIC (MS-NLMP 2.2.2.1).
_HAS_MIC = 2


class _Name:
    """The authenticated user, as pyspnego requires it."""

    def __init__(self, domain: str, username: str) -> None:
        self.domain = domain
        self.username = username


class Acceptor(NTLMProxy):
    """``password`` returns the password of a user, or None for an unknown one; domains are ignored."""

    def __init__(self, password: Callable[[str], str | None], requirements: ContextReq) -> None:
        self._password = password
        # pyspnego requires a file of users to exist; it is not read.
        with _lock:
            before = os.environ.get("NTLM_USER_FILE")
            os.environ["NTLM_USER_FILE"] = __file__
            try:
                super().__init__(usage="accept", context_req=requirements)
            finally:
                if before is None:
                    del os.environ["NTLM_USER_FILE"]
                else:
                    os.environ["NTLM_USER_FILE"] = before

    def _step_accept_authenticate(self, token: bytes, channel_bindings: Any = None) -> None:
        """Verify AUTHENTICATE_MESSAGE; raises if it does not authenticate a known user (MS-NLMP 3.2.5.1.2)."""
        # Imported here because ciphers are loaded only if used.
        from protocol.rpc.sealing import nt_hash, session_key

        assert self._temp_negotiate is not None
        assert self._temp_challenge is not None
        challenge = self._temp_challenge.pack()
        asked, said = parse_message(challenge), parse_message(token)
        if not isinstance(asked, Challenge) or not isinstance(said, Authenticate):
            raise InvalidTokenError(context_msg="no AUTHENTICATE_MESSAGE")
        password = self._password(said.user)
        key = None if password is None else session_key(nt_hash(password), asked, said)
        if key is None:
            raise InvalidTokenError(context_msg=f"{said.account} is unknown, or the password is wrong")
        if parse_av_flags(said.nt_response) & _HAS_MIC:
            blank = token[: MIC.start] + bytes(MIC.stop - MIC.start) + token[MIC.stop :]
            expected = self._calculate_mic(key, self._temp_negotiate.pack(), challenge, blank)
            if not hmac.compare_digest(expected, token[MIC]):
                raise InvalidTokenError(context_msg=f"the messages of {said.account} were modified in transit")
        self._credential = _Name(said.domain, said.user)  # type: ignore[assignment]
        self._session_key = key
        self._context_attr = said.flags
        self._complete = True

r"""RPC string bindings: ``ncacn_ip_tcp:HOST[PORT]`` and ``ncacn_np:HOST[\pipe\tapsrv]``."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Binding", "parse_binding"]

#: Default port of a server, as in the documentation of RPC servers.
PORT = "5150"
PIPE = r"\pipe\tapsrv"
_BINDING = re.compile(r"(?:(?P<sequence>[a-z_]+):)?(?P<host>[^\[\]]*)(?:\[(?P<endpoint>[^\]]*)\])?")


class Binding(NamedTuple):
    """Protocol sequence, network address and endpoint."""

    sequence: str
    host: str
    endpoint: str

    @property
    def port(self) -> int:
        """The endpoint of a TCP binding as a number."""
        return int(self.endpoint)

    def __str__(self) -> str:
        return f"{self.sequence}:{self.host}[{self.endpoint}]"


def parse_binding(text: str) -> Binding:
    """Parse a string binding, or ``HOST:PORT`` for TCP. Raises `ValueError`."""
    host, _, port = text.rpartition(":")
    if port.isdigit() and "[" not in text and host and not text.startswith("ncacn_"):
        return Binding("ncacn_ip_tcp", host.strip("[]"), port)
    found = _BINDING.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an RPC binding: ncacn_ip_tcp:HOST[PORT] or ncacn_np:HOST[\\pipe\\tapsrv]")
    sequence = found["sequence"] or "ncacn_ip_tcp"
    if sequence not in {"ncacn_ip_tcp", "ncacn_np"}:
        raise ValueError(f"{sequence} is not supported: use ncacn_ip_tcp or ncacn_np")
    endpoint = found["endpoint"] or (PORT if sequence == "ncacn_ip_tcp" else PIPE)
    if sequence == "ncacn_ip_tcp" and not (endpoint.isdigit() and 0 <= int(endpoint) <= 65_535):
        raise ValueError(f"{endpoint!r} is not a TCP port")
    return Binding(sequence, found["host"] or "127.0.0.1", endpoint)

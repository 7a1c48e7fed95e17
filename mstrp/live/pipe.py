r"""RPC over the named pipe ``\pipe\tapsrv`` (2.1): a client with smbprotocol, a server with impacket.

Both libraries block, so they run in separate threads; this module does not implement SMB.
"""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import os
import queue
import threading
import uuid
from typing import TYPE_CHECKING, Any, Self

from mstrp.live.transport import Caller
from protocol.rpc.pdu import HEADER, Flag, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mstrp.live.bindings import Binding
    from mstrp.live.client.options import ClientOptions
    from mstrp.live.recorder import Recorder
    from mstrp.live.server import Server
    from protocol.rpc.client_association import ClientAssociation

__all__ = ["PipeFront", "connect_pipe"]

_PORT = 445
#: The folder of the share: impacket looks for files there, so it must not exist.
_NOWHERE = f"{os.devnull}/pipes"
#: PDUs without a response.
_SILENT = {Kind.AUTH3, Kind.CO_CANCEL, Kind.ORPHANED}


def _missing(what: str) -> ImportError:
    return ImportError(f"named pipes require {what}: pip install 'mstrp[pipe]'")


async def connect_pipe(
    binding: Binding, association: ClientAssociation, options: ClientOptions, *, recorder: Recorder | None = None
) -> Caller:
    """Open the pipe of a server and bind; the host may contain the SMB port, as in ``HOST:1445``."""
    loop = asyncio.get_running_loop()
    caller = Caller(association, recorder=None)
    async with asyncio.timeout(options.timeout):
        transport = await loop.run_in_executor(None, _PipeTransport.open, loop, caller, binding, options)
        caller.connection_made(transport)
        try:
            await caller.bind()
        except BaseException:
            caller.abort()
            raise
    return caller


class _PipeTransport(asyncio.Transport):
    """A pipe as an asyncio transport: a thread writes the data and reads the responses."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Caller, pipe: Any, connection: Any) -> None:
        super().__init__({"peername": ("pipe", 0)})
        self._loop = loop
        self._protocol = protocol
        self._pipe = pipe
        self._connection = connection
        self._work: queue.Queue[bytes | None] = queue.Queue()
        self._closing = False
        threading.Thread(target=self._run, daemon=True).start()

    @classmethod
    def open(
        cls, loop: asyncio.AbstractEventLoop, protocol: Caller, binding: Binding, options: ClientOptions
    ) -> _PipeTransport:
        """Connect, log on, open the pipe."""
        try:
            from smbprotocol.connection import Connection
            from smbprotocol.open import (
                CreateDisposition,
                CreateOptions,
                FileAttributes,
                FilePipePrinterAccessMask,
                ImpersonationLevel,
                Open,
                ShareAccess,
            )
            from smbprotocol.session import Session
            from smbprotocol.tree import TreeConnect
        except ImportError as error:
            raise _missing("smbprotocol") from error
        host, _, port = binding.host.partition(":")
        connection = Connection(uuid.uuid4(), host, int(port or _PORT), require_signing=False)
        try:
            connection.connect(timeout=options.timeout)
            user, password = options.smb_user
            session = Session(connection, user, password, require_encryption=False, auth_protocol="ntlm")
            session.connect()
            tree = TreeConnect(session, rf"\\{host}\IPC$")
            tree.connect(require_secure_negotiate=False)
            pipe = Open(tree, binding.endpoint.replace("/", "\\").removeprefix("\\pipe\\").removeprefix("\\PIPE\\"))
            pipe.create(
                ImpersonationLevel.Impersonation,
                FilePipePrinterAccessMask.GENERIC_READ | FilePipePrinterAccessMask.GENERIC_WRITE,
                FileAttributes.FILE_ATTRIBUTE_NORMAL,
                ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE,
                CreateDisposition.FILE_OPEN,
                CreateOptions.FILE_NON_DIRECTORY_FILE,
            )
        except Exception as error:
            with contextlib.suppress(Exception):
                connection.disconnect(False)
            raise ConnectionError(f"{binding}: {error}") from error
        return cls(loop, protocol, pipe, connection)

    # -- methods for the protocol ---------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data with one or more PDUs."""
        self._work.put(bytes(data))

    def is_closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing

    def close(self) -> None:
        """Close the pipe after all data is sent."""
        if not self._closing:
            self._closing = True
            self._work.put(None)

    def abort(self) -> None:
        """Close the pipe."""
        self.close()

    # -- thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        error: Exception | None = None
        try:
            while (data := self._work.get()) is not None:
                self._pipe.write(data)
                for _ in range(_expected(data)):
                    self._read_answer()
        except Exception as failure:  # noqa: BLE001 - whatever SMB says, the pipe is broken
            error = ConnectionError(str(failure))
        with contextlib.suppress(Exception):
            self._pipe.close()
        with contextlib.suppress(Exception):
            self._connection.disconnect(False)
        with contextlib.suppress(RuntimeError):  # the loop may be closed
            self._loop.call_soon_threadsafe(self._protocol.connection_lost, error)

    def _read_answer(self) -> None:
        """Read until the last fragment of a response; a read without a response would block the pipe."""
        buffer = b""
        while True:
            buffer += self._pipe.read(0, 65_535)
            position = 0
            while len(buffer) - position >= HEADER.size:
                _, _, _, flags, _, length, _, _ = HEADER.unpack_from(buffer, position)
                if len(buffer) - position < length:
                    break
                position += length
                if flags & Flag.LAST_FRAG and position == len(buffer):
                    self._loop.call_soon_threadsafe(self._protocol.data_received, buffer)
                    return


def _expected(data: bytes) -> int:
    """Return the number of responses to the PDUs in a write."""
    position = count = 0
    while len(data) - position >= HEADER.size:
        _, _, kind, flags, _, length, _, _ = HEADER.unpack_from(data, position)
        count += bool(flags & Flag.LAST_FRAG and kind not in _SILENT)
        position += max(length, HEADER.size)
    return count


class PipeFront:
    r"""impacket's SMB server with one pipe, ``\pipe\tapsrv``, connected to a server's local endpoint.

    Users are those of the SMB server; without any, all clients may open the pipe. The event channel does not use the
    pipe: the server connects to clients with push delivery at the machine that they specify.
    """

    def __init__(self, server: Server, address: str, users: Mapping[str, str] | None = None) -> None:
        host, _, port = address.rpartition(":")
        if not port.isdigit():
            raise ValueError(f"{address!r} is not HOST:PORT")
        self.server = server
        self.host, self.port = host or "127.0.0.1", int(port)
        self.users = dict(users or {})
        self._smb: Any = None
        self._thread: threading.Thread | None = None
        #: Open SMB connections, and their users.
        self._open: dict[int, str] = {}
        self._lock = threading.Lock()

    async def __aenter__(self) -> Self:
        local = await self.server.listen_locally()
        self._start(local)
        return self

    def _start(self, local: int) -> None:
        try:
            from impacket.ntlm import compute_lmhash, compute_nthash
            from impacket.smbserver import SMBSERVER
        except ImportError as error:
            raise _missing("impacket") from error
        config = configparser.ConfigParser()
        config["global"] = {
            "server_name": "TAPSRV",
            "server_os": "mstrp",
            "server_domain": "WORKGROUP",
            "log_file": "None",
            "rpc_apis": "yes",
            "credentials_file": "",
            "challenge": "A" * 16,
            "SMB2Support": "True",
        }
        # Stacks open a pipe with write access, which requires a writable share; there are no files to write.
        config["IPC$"] = {"comment": "", "read only": "no", "share type": "3", "path": _NOWHERE}
        self._smb = SMBSERVER((self.host, self.port), config_parser=config)
        self._limit()
        self._smb.daemon_threads = True
        self._smb.processConfigFile()
        for number, (name, password) in enumerate(self.users.items()):
            self._smb.addCredential(name, number, compute_lmhash(password), compute_nthash(password))
        self._smb.registerNamedPipe(f"{_NOWHERE}/tapsrv", ("127.0.0.1", local))
        self.port = self._smb.server_address[1]
        self._thread = threading.Thread(target=self._smb.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def _limit(self) -> None:
        """Limit the connections of the SMB server, each of which has a thread, and register their peers."""
        limits = self.server.options.limits
        process, shut_down = self._smb.process_request, self._smb.shutdown_request

        def verify(request: Any, address: Any) -> bool:
            with self._lock:
                open_ = self._open.values()
                return len(open_) < limits.connections // 8 and sum(peer == address[0] for peer in open_) < max(
                    1, limits.peer_connections // 8
                )

        def opened(request: Any, address: Any) -> None:
            with self._lock:
                self._open[id(request)] = address[0]
            process(request, address)

        def closed(request: Any) -> None:
            with self._lock:
                self._open.pop(id(request), None)
            shut_down(request)

        self._smb.verify_request = verify
        self._smb.process_request = opened
        self._smb.shutdown_request = closed
        self.server.pipe_peers = self._peers

    def _peers(self) -> set[str]:
        with self._lock:
            return set(self._open.values())

    async def __aexit__(self, *exc: object) -> None:
        if self._smb is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._smb.shutdown)
            self._smb.server_close()

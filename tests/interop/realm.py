"""A separate Kerberos realm: MIT's KDC in a temporary directory, on a free loopback port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

__all__ = ["REALM", "Realm", "missing"]

REALM = "MSTRP.TEST"
#: Debian installs the server programs outside the PATH of ordinary users.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/lib/mit/sbin", "/usr/local/sbin"])
_PROGRAMS = ("kdb5_util", "kadmin.local", "krb5kdc", "kinit")

_CLIENT = """\
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
[domain_realm]
  localhost = {realm}
"""
_SERVER = """\
[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {folder}/principal
    key_stash_file = {folder}/stash
    acl_file = {folder}/kadm5.acl
  }}
[logging]
  kdc = FILE:{folder}/kdc.log
"""


def missing() -> str:
    """Return the reason why no realm can be started; empty if it can."""
    absent = [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]
    if absent:
        return f"no KDC: {', '.join(absent)} not found (Debian: krb5-kdc, krb5-admin-server, krb5-user)"
    try:
        import gssapi  # noqa: F401
        import krb5  # noqa: F401
    except ImportError as error:
        return f"{error} (pip install 'mstrp[kerberos]')"
    return ""


class Realm:
    """A temporary realm: ``with Realm(folder) as realm``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        own = {"realm": REALM, "port": port, "folder": folder}
        (folder / "krb5.conf").write_text(_CLIENT.format(**own))
        (folder / "kdc.conf").write_text(_SERVER.format(**own))
        #: Environment variables required by every program that uses the realm.
        self.environment = {
            "KRB5_CONFIG": str(folder / "krb5.conf"),
            "KRB5_KTNAME": f"FILE:{folder / 'keytab'}",
            "KRB5CCNAME": f"FILE:{folder / 'ccache'}",
        }
        self._all = {
            **os.environ,
            **self.environment,
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
            "PATH": _PATH,
        }
        self.port = port
        self._kdc: subprocess.Popen[bytes] | None = None

    def _run(self, *command: str, said: str = "") -> None:
        done = subprocess.run(
            command, env=self._all, input=said, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)

    def __enter__(self) -> Self:
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
        self._kdc = subprocess.Popen(
            [str(shutil.which("krb5kdc", path=_PATH)), "-n", "-r", REALM, "-P", str(self.folder / "kdc.pid")],
            env=self._all,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            assert self._kdc.poll() is None, (self.folder / "kdc.log").read_text()
            time.sleep(0.02)
        raise AssertionError("the KDC does not listen")

    def __exit__(self, *exc: object) -> None:
        if self._kdc is not None:
            self._kdc.terminate()
            self._kdc.wait(10)

    def user(self, name: str, password: str) -> None:
        """Create a user with a password."""
        self._run("kadmin.local", "-r", REALM, "-q", f"addprinc -pw {password} {name}")

    def kinit(self, name: str, password: str) -> None:
        """Store the ticket of a user in the cache of the environment."""
        self._run("kinit", name, said=f"{password}\n")

    def service(self, name: str) -> None:
        """Create a service, with its key in the keytab of the environment."""
        self._run("kadmin.local", "-r", REALM, "-q", f"addprinc -randkey {name}")
        self._run("kadmin.local", "-r", REALM, "-q", f"ktadd -k {self.folder / 'keytab'} {name}")

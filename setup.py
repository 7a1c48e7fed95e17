"""Optional build step: mypyc compiles the modules that process every packet.

    pip install .                          # compiled if mypyc and a C compiler are available
    MSTRP_COMPILE=0 pip install .          # not compiled
    MSTRP_COMPILE=1 pip install .          # compiled, or the build fails

An editable installation is never compiled, because compiled modules would hide later changes of their source.
The other build settings are in pyproject.toml.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_ext import build_ext

#: The modules that process every packet, from the file to the verdict.
MODULES = (
    "protocol/unpacking.py",
    "protocol/raw.py",
    "protocol/prechecks.py",
    "protocol/stub.py",
    "protocol/fastpath.py",
    "protocol/rpc/dissect.py",
    "fsm/engine/machine.py",
    "fsm/engine/runner.py",
    "fsm/state/memory.py",
    "fsm/state/paths.py",
    "fsm/rules/handles.py",
    "fsm/state/instances.py",
    "fsm/state/registry.py",
    "fsm/judge/routes.py",
    "fsm/judge/links.py",
    "fsm/judge/violations.py",
    "fsm/judge/lines.py",
    "fsm/judge/conferences.py",
    "fsm/judge/calls.py",
    "fsm/judge/devices.py",
    "fsm/judge/proxies.py",
    "fsm/judge/replies.py",
    "fsm/judge/requests.py",
    "fsm/judge/refusals.py",
    "fsm/judge/transactions.py",
    "fsm/judge/responses.py",
    "fsm/conversation.py",
    "mstrp/capture/cursor.py",
    "mstrp/capture/pcap.py",
    "mstrp/capture/reader.py",
    "mstrp/capture/calls.py",
    "mstrp/capture/connection.py",
    "mstrp/capture/segments.py",
    "mstrp/capture/recognition.py",
    "mstrp/capture/session.py",
    "mstrp/capture/sessions.py",
    "mstrp/capture/methods.py",
    "mstrp/capture/partition.py",
    "mstrp/capture/pdus.py",
    "mstrp/capture/reassembly.py",
    "mstrp/capture/unread.py",
)
#: The compiler does not check types (lint does), so that typed dependencies need not be installed.
OPTIONS = (
    "--config-file=",
    "--ignore-missing-imports",
    "--python-version",
    f"3.{sys.version_info[1]}",
    "--always-true=NATIVE",
)
COMPILE = os.environ.get("MSTRP_COMPILE", "")


def skip(why: object) -> list[Any]:
    """Continue without compiled modules; exit if they are required."""
    if COMPILE == "1":
        raise SystemExit(f"MSTRP_COMPILE=1, but the modules cannot be compiled: {why}")
    sys.stderr.write(f"note: mstrp is installed as plain Python, which is slower: {why}\n")
    return []


def extensions() -> list[Any]:
    """Return the extension modules to build."""
    if COMPILE == "0":
        return skip("MSTRP_COMPILE=0")
    if not {"bdist_wheel", "build_ext", "install"} & set(sys.argv):
        return []
    try:
        from mypyc.build import mypycify
    except ImportError as error:
        return skip(error)
    try:
        found: list[Any] = mypycify([*OPTIONS, *MODULES], opt_level="2", debug_level="0", group_name="mstrp")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - any error falls back to Python
        return skip(f"mypyc: {error}")
    return found


class BuildExtensions(build_ext):
    """Compile all modules or none, because a part of them would be inconsistent."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:  # noqa: BLE001 - any error falls back to Python
            self._remove_built()
            self.extensions[:] = skip(error)

    def _remove_built(self) -> None:
        for extension in self.extensions:
            Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)


if __name__ == "__main__":
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExtensions})

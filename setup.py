"""The build step that is optional: the modules that every packet passes through, compiled by mypyc from the same source.

    pip install .                          # compiled where there are mypyc and a C compiler, else left as they are
    MSTRP_COMPILE=0 pip install .          # left as they are
    MSTRP_COMPILE=1 pip install .          # compiled, or the build fails

An editable installation is left alone, because compiled modules beside the source would hide every later change.
Everything else about the build is in pyproject.toml.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_ext import build_ext

#: What a packet passes through on its way from the file to the verdict.
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
#: Types are the business of lint; here the packages that others are typed by need not be installed.
OPTIONS = (
    "--config-file=",
    "--ignore-missing-imports",
    "--python-version",
    f"3.{sys.version_info[1]}",
    "--always-true=NATIVE",
)
WISH = os.environ.get("MSTRP_COMPILE", "")


def leave(why: object) -> list[Any]:
    """Go on without compiled modules, unless they were demanded."""
    if WISH == "1":
        raise SystemExit(f"MSTRP_COMPILE=1, but the modules cannot be compiled: {why}")
    sys.stderr.write(f"note: mstrp is installed as plain Python, which is slower: {why}\n")
    return []


def extensions() -> list[Any]:
    """The compiled modules."""
    if WISH == "0":
        return leave("MSTRP_COMPILE=0")
    if not {"bdist_wheel", "build_ext", "install"} & set(sys.argv):
        return []
    try:
        from mypyc.build import mypycify
    except ImportError as error:
        return leave(error)
    try:
        found: list[Any] = mypycify([*OPTIONS, *MODULES], opt_level="2", debug_level="0", group_name="mstrp")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it was, there is another way
        return leave(f"mypyc: {error}")
    return found


class BuildExtensions(build_ext):
    """Compiles all modules or none: half of them would not fit together."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:  # noqa: BLE001 - whatever it was, there is another way
            self._take_back()
            self.extensions[:] = leave(error)

    def _take_back(self) -> None:
        for extension in self.extensions:
            Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)


if __name__ == "__main__":
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExtensions})

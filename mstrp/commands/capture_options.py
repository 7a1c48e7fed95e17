"""Options of all commands that read captures: passwords, hints, limits."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mstrp.capture.hints import Hints, Setup
from mstrp.capture.limits import DESCRIPTIONS, Limits
from protocol.rpc.unseal import nt_hashes

if TYPE_CHECKING:
    import argparse

__all__ = ["OptionError", "add_capture_options", "capture_setup"]


#: The environment variable with a password.
_VARIABLE = "MSTRP_NT_PASSWORD"


class OptionError(ValueError):
    """An invalid value of an option."""


def add_capture_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options for captures."""
    group = parser.add_argument_group("reading captures")
    group.add_argument(
        "--nt-password",
        metavar="PASSWORD",
        action="append",
        default=[],
        help=f"password to decrypt NTLM traffic; may be repeated (others on this machine can see it; the environment "
        f"variable {_VARIABLE}, a file or a prompt keep it secret)",
    )
    group.add_argument(
        "--nt-password-file",
        metavar="FILE",
        action="append",
        default=[],
        help="file with such passwords, one a line; may be repeated",
    )
    group.add_argument("--ask-nt-password", action="store_true", help="prompt for such a password")
    group.add_argument(
        "--nt-hash",
        metavar="HEX",
        action="append",
        default=[],
        help="NT hash of a password to decrypt NTLM traffic; may be repeated",
    )
    group.add_argument(
        "--server-port",
        metavar="PORT",
        type=int,
        action="append",
        default=[],
        help="treat connections to this port as MS-TRP, even if their start was not captured",
    )
    group.add_argument(
        "--decode-as",
        metavar="WHAT",
        action="append",
        default=[],
        help="recognise calls whose bind was not captured by their content: PORT, PORT=tapsrv or PORT=remotesp for the "
        "connections to a port, `content` for all",
    )
    group.add_argument(
        "--limit",
        metavar="NAME=N",
        action="append",
        default=[],
        help=f"change a resource limit; the limits are {', '.join(name.replace('_', '-') for name in DESCRIPTIONS)}",
    )


def capture_setup(options: argparse.Namespace) -> Setup:
    """Return the setup for the options; raises `OptionError`."""
    try:
        limits = Limits.parse(options.limit)
    except ValueError as error:
        raise OptionError(f"--limit: {error}") from None
    try:
        hints = Hints.parse(options.decode_as, options.server_port)
    except ValueError as error:
        name = "--server-port" if str(error).endswith("is not a port") and options.server_port else "--decode-as"
        raise OptionError(f"{name}: {error}") from None
    secrets = nt_hashes(_passwords(options))
    for text in options.nt_hash:
        # The output format of secretsdump and similar tools: LM hash, colon, NT hash.
        digits = text.rpartition(":")[2]
        try:
            secret = bytes.fromhex(digits)
        except ValueError:
            secret = b""
        if len(secret) != 16:
            raise OptionError("--nt-hash: an NT hash has 32 hexadecimal digits")
        secrets.append(secret)
    return Setup(limits, hints, tuple(secrets))


def _passwords(options: argparse.Namespace) -> list[str]:
    """Return the passwords of the options, the environment, files and a prompt."""
    found: list[str] = [*options.nt_password, *filter(None, [os.environ.get(_VARIABLE)])]
    for name in options.nt_password_file:
        try:
            lines = Path(name).read_text("utf-8").splitlines()
        except OSError as error:
            raise OptionError(f"--nt-password-file: {name}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise OptionError(f"--nt-password-file: {name}: not UTF-8 text") from None
        passwords = [line for line in lines if line]
        if not passwords:
            raise OptionError(f"--nt-password-file: {name}: no password in this file")
        found += passwords
    if options.ask_nt_password:
        try:
            found.append(getpass.getpass("NT password: "))
        except EOFError:
            raise OptionError("--ask-nt-password: no password was entered") from None
    return found

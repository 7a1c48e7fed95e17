"""``mstrp call``: a live client that performs a scenario or sends a single request."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mstrp.commands.live_options import (
    add_client_options,
    client_options,
    credentials,
    run_until_interrupted,
    shown,
)
from mstrp.commands.output import complain

if TYPE_CHECKING:
    import argparse

__all__ = ["arguments", "run"]

EXAMPLE = """\
examples:
  mstrp call ncacn_ip_tcp:127.0.0.1[5150] 4.5 --to 1002
  mstrp call 127.0.0.1:5150 outgoing --to 5551234 --events pull
  mstrp call 127.0.0.1:5150 GetDevCaps device_id=0 line_dev_caps=2048
  mstrp call 127.0.0.1:5150 4.3 --auth ntlm --user alice:secret
  mstrp call tapi.example.com:5150 4.3 --auth kerberos

A single request gets a session around it (an application, an open line); fields are given as FIELD=VALUE.
exit status: 0, 1 when a request failed or the server did something illegal, 2 when it cannot be reached
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("server", metavar="SERVER", help=r"ncacn_ip_tcp:HOST[PORT] or ncacn_np:HOST[\pipe\tapsrv]")
    parser.add_argument("scenario", metavar="SCENARIO", help="a scenario of section 4, by number or name, or a request")
    parser.add_argument("fields", metavar="FIELD=VALUE", nargs="*", help="fields of a single request")
    parser.add_argument(
        "--to", metavar="ADDRESS", default="5551234", help="address to call or to transfer to (default: 5551234)"
    )
    parser.add_argument(
        "--auth",
        choices=("none", "ntlm", "negotiate", "kerberos"),
        default="none",
        help="authentication (default: none)",
    )
    parser.add_argument(
        "--user",
        metavar="NAME:PASSWORD",
        type=credentials,
        help="credentials (Kerberos default: existing tickets)",
    )
    parser.add_argument(
        "--level",
        choices=("connect", "integrity", "privacy"),
        default="privacy",
        help="authentication level (default: privacy)",
    )
    parser.add_argument("--anyway", action="store_true", help="send requests that the tables do not allow")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=5.0,
        help="timeout of each remote procedure call (default: 5)",
    )
    add_client_options(parser)


def run(options: argparse.Namespace) -> int:
    """Connect and run."""
    from mstrp.live.client import CallEnded
    from mstrp.live.provider import TapiError
    from mstrp.live.transport import RpcFault
    from protocol.rpc.association import AssociationError

    try:
        return run_until_interrupted(_call(options))
    except (TapiError, CallEnded, RpcFault) as error:
        complain(str(error))
        return 1
    except TimeoutError as error:
        complain(f"{options.server}: timeout" + (f", {error}" if str(error) else ""))
        return 1
    except (AssociationError, ValueError) as error:
        complain(f"{options.server}: {error}")
        return 2


async def _call(options: argparse.Namespace) -> int:
    from fsm.engine.errors import LocalProtocolError
    from mstrp.live.client import TapiClient
    from mstrp.live.scenarios import SCENARIOS, find_scenario

    scenario = find_scenario(options.scenario)
    kind = None if scenario is not None else _request(options.scenario)
    if scenario is None and kind is None:
        names = ", ".join(f"{one.section} {one.name}" for one in SCENARIOS)
        complain(f"{options.scenario} is neither a scenario nor a request; scenarios: {names}")
        return 2
    management = scenario.management if scenario is not None else kind is not None and kind.device == "mmc"
    choices: dict[str, Any] = {
        **client_options(options),
        "management": management,
        "strict": not options.anyway,
        "timeout": options.timeout,
    }
    if options.auth != "none":
        from mstrp.live.auth import initiator
        from mstrp.live.bindings import parse_binding

        if options.user is None and options.auth == "ntlm":
            complain("--auth ntlm needs --user NAME:PASSWORD")
            return 2
        user, password = options.user or (None, None)
        binding = parse_binding(options.server)
        host = binding.host.partition(":")[0] if binding.sequence == "ncacn_np" else binding.host
        choices["security"] = initiator(options.auth, user, password, level=options.level, host=host)
    connecting = TapiClient.connect(options.server, **choices)
    if not options.quiet:
        connecting.client.on_wait = lambda what: complain(f"waiting for {what}")
    with shown(connecting.client, (lambda text: None) if options.quiet else sys.stdout.write):
        async with connecting as client:
            try:
                if scenario is not None:
                    await scenario.run(client, options.to)
                else:
                    await _single(client, kind, _fields(options.fields))
            except LocalProtocolError as error:
                complain(f"not sent: {error} (--anyway sends it)")
                return 1
            return 1 if client.problems else 0


def _request(name: str) -> Any:
    from protocol.packet import REQUESTS

    device, _, bare = name.rpartition(".")
    found = [one for one in REQUESTS.values() if one.__name__ == bare and device in {"", one.device}]
    return found[0] if found else None


def _fields(given: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"{text!r} is not FIELD=VALUE")
        try:
            fields[name] = int(value, 0)
        except ValueError:
            fields[name] = value
    return fields


async def _single(client: Any, kind: Any, fields: dict[str, Any]) -> None:
    """Send one request, with an application and an open line where it needs them."""
    names = set(kind.layout.by_name)
    if kind.__name__ == "Initialize":
        await client.ask(kind(**{"friendly_name": client.machine, "module_name": client.machine, **fields}))
        return
    if kind.device == "phone":
        app = await client.initialize_phones()
        if "phone" in names and kind.__name__ != "Open":
            opened = await app.open(fields.pop("device", 0))
            fields.setdefault("phone", opened.handle)
        fields.setdefault("phone_app", app.handle)
    else:
        lines = await client.initialize()
        if "line" in names and kind.device == "line" and kind.__name__ != "Open":
            opened_line = await lines.open(fields.pop("device", 0))
            fields.setdefault("line", opened_line.handle)
        fields.setdefault("line_app", lines.handle)
        fields.setdefault("tspi_version", 0x00030001)
        fields.setdefault("negotiated_version", 0x00030001)
    await client.ask(kind(**{name: value for name, value in fields.items() if name in names}))

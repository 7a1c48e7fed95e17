"""Sessions with lines: applications, versions, capabilities, open and closed lines (2.2.4.1.1, 2.2.4.1.2)."""

from __future__ import annotations

from struct import iter_unpack
from typing import Any

from mstrp.live.provider import TapiError
from mstrp.live.server.attached import Attached, handler
from mstrp.live.server.devices import App, LineDevice, LineOpen
from mstrp.live.server.handlers.shape import choose_version, fitted
from mstrp.live.server.options import NAME
from mstrp.live.server.refusal import refuse
from protocol import line
from protocol.constants import (
    LINEADDRESSMODE,
    LINECALLPRIVILEGE,
    LINEDEVSTATE,
    LINEERR,
    LINEOPENOPTION,
    LINEPROXYREQUEST,
    TAPI_VERSION,
)
from protocol.structures import LINEEXTENSIONID

__all__ = ["VERSIONS"]

VERSIONS = tuple(int(version) for version in TAPI_VERSION)
_PRIVILEGES = int(LINECALLPRIVILEGE.NONE | LINECALLPRIVILEGE.MONITOR | LINECALLPRIVILEGE.OWNER)
_OPTIONS = int(LINEOPENOPTION.SINGLEADDRESS | LINEOPENOPTION.PROXY)
_MAPPER = 0xFFFFFFFF


@handler(line.Initialize)
def initialize(client: Attached, packet: line.Initialize) -> dict[str, Any]:
    if len(packet.friendly_name or "") > NAME:
        raise refuse(packet, "INVALPARAM", "lpszFriendlyAppName is too long")
    app = App(client.new_handle(), "line", packet.init_context, packet.api_version, packet.friendly_name or "")
    client.apps[app.value] = app
    return {"line_app": app.value, "num_devs": sum(not line.removed for line in client.server.lines.values())}


@handler(line.ShutDown)
def shut_down(client: Attached, packet: line.ShutDown) -> None:
    app = client.apps.pop(packet.line_app)
    for opened in [opened for opened in client.lines.values() if opened.app is app]:
        client.server.close_line(opened)


def negotiate(low: int, high: int, most: int) -> int:
    """A version in a range, or an error (052-04, 052-05)."""
    if low > high:
        raise TapiError(LINEERR.INCOMPATIBLEAPIVERSION, f"{low:#x} to {high:#x}")
    found = choose_version(low, min(high, most), VERSIONS)
    if not found:
        raise TapiError(LINEERR.INCOMPATIBLEAPIVERSION, f"{low:#x} to {high:#x}")
    return found


@handler(line.NegotiateAPIVersion)
def negotiate_api_version(client: Attached, packet: line.NegotiateAPIVersion) -> dict[str, Any]:
    version = negotiate(packet.version, packet.version_current, client.server.provider.version)
    client.apps[packet.line_app].versions[packet.device_id] = version
    return {"negotiated_version": version, "extension_id": LINEEXTENSIONID()}


@handler(line.NegotiateExtVersion)
def negotiate_ext_version(client: Attached, packet: line.NegotiateExtVersion) -> dict[str, Any]:
    provider = client.server.provider
    found = provider.line_negotiate_ext_version(packet.device_id, packet.low_version, packet.high_version)
    if not found:
        raise TapiError(LINEERR.INCOMPATIBLEEXTVERSION, "there are no extensions")
    return {"ext_version": found}


def _extension(packet: Any, version: int) -> None:
    if version:
        raise refuse(packet, "INCOMPATIBLEEXTVERSION", f"{version:#x}")


@handler(line.GetDevCaps)
def get_dev_caps(client: Attached, packet: Any) -> dict[str, Any]:
    _extension(packet, packet.ext_version)
    made = client.server.provider.line_get_dev_caps(packet.device_id, packet.tspi_version)
    return {"line_dev_caps": fitted(made, packet.line_dev_caps)}


@handler(line.GetAddressCaps)
def get_address_caps(client: Attached, packet: Any) -> dict[str, Any]:
    _extension(packet, packet.ext_version)
    made = client.server.provider.line_get_address_caps(packet.device_id, packet.address_id, packet.tspi_version)
    return {"address_caps": fitted(made, packet.address_caps)}


@handler(line.Open)
def open_line(client: Attached, packet: line.Open) -> dict[str, Any]:
    server = client.server
    _extension(packet, packet.ext_version)
    _check_privileges(packet)
    device = _mapped(client, packet) if packet.device_id == _MAPPER else server.lines[packet.device_id]
    if device.opens and packet.negotiated_version > device.version:
        # The first one to open a line fixes its version; later ones may not be newer than that.
        raise refuse(packet, "INCOMPATIBLEAPIVERSION", f"the line is open at {device.version:#x}")
    if packet.privileges & LINEOPENOPTION.SINGLEADDRESS and packet.call_params is not None:
        server.check_address(packet, device.number, packet.call_params.address_id or 0)
    app = client.apps[packet.line_app]
    opened = LineOpen(client.new_handle(), client, app, device, packet)
    if packet.privileges & LINEOPENOPTION.PROXY:
        opened.serves = _proxies(packet)
        served = device.served()
        if any(kind in served for kind in opened.serves):
            raise refuse(packet, "NOTREGISTERED", "another handler serves that already")
    if not device.opens:
        server.provider.line_open(device)
        device.version = packet.negotiated_version
    for other in device.opens:
        server.device_state(other, int(LINEDEVSTATE.OPEN))
    device.opens.append(opened)
    client.lines[opened.value] = opened
    if opened.serves:
        server.reports.proxy_opened(device, opened)
    return {"line": opened.value, "get_call_params": 0xFFFFFFFF}


def _check_privileges(packet: line.Open) -> None:
    bits = packet.privileges
    levels = bits & _PRIVILEGES
    if not levels or bits & ~(_PRIVILEGES | _OPTIONS):
        raise refuse(packet, "INVALPRIVSELECT", f"dwPrivileges {bits:#x}")
    if levels & LINECALLPRIVILEGE.NONE and levels != LINECALLPRIVILEGE.NONE:
        raise refuse(packet, "INVALPRIVSELECT", "NONE stands alone")
    if levels & LINECALLPRIVILEGE.OWNER and not packet.media_modes:
        raise refuse(packet, "INVALMEDIAMODE", "an owner names the media types that it owns")
    if bits & LINEOPENOPTION.SINGLEADDRESS:
        params = packet.call_params
        if params is None or params.address_mode != LINEADDRESSMODE.ADDRESSID:
            raise refuse(packet, "INVALCALLPARAMS", "SINGLEADDRESS needs the address in lpCallParams")


def _mapped(client: Attached, packet: line.Open) -> LineDevice:
    """LINEMAPPER: a line that has the media types."""
    for device in client.server.lines.values():
        if not device.removed:
            return device
    raise refuse(packet, "LINEMAPPERFAILED")


def _proxies(packet: line.Open) -> tuple[int, ...]:
    """The request types that a handler serves: an array of DWORDs in lpCallParams, all when there is none (G2)."""
    params = packet.call_params
    data = params.dev_specific if params is not None else None
    if not data:
        return tuple(int(kind) for kind in LINEPROXYREQUEST)
    kinds = tuple(number for (number,) in iter_unpack("<I", data[: len(data) // 4 * 4]))
    known = set(map(int, LINEPROXYREQUEST))
    if not kinds or any(kind not in known for kind in kinds):
        raise refuse(packet, "INVALPARAM", f"proxy request types {kinds}")
    return kinds


@handler(line.Close)
def close_line(client: Attached, packet: line.Close) -> None:
    client.server.close_line(client.lines[packet.line])

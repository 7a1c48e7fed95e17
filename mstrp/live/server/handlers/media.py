"""Digits, tones and media (2.2.4.1.3)."""

from __future__ import annotations

from mstrp.live.server.attached import Attached, handler
from mstrp.live.server.refusal import refuse
from protocol import line
from protocol.constants import LINECALLINFOSTATE, LINECALLSELECT

__all__: list[str] = []


@handler(line.MonitorDigits)
def monitor_digits(client: Attached, packet: line.MonitorDigits) -> None:
    client.server.provider.line_monitor_digits(client.handles[packet.call].call, packet.digit_modes)


@handler(line.MonitorMedia)
def monitor_media(client: Attached, packet: line.MonitorMedia) -> None:
    client.server.provider.line_monitor_media(client.handles[packet.call].call, packet.media_modes)


@handler(line.MonitorTones)
def monitor_tones(client: Attached, packet: line.MonitorTones) -> None:
    call = client.handles[packet.call].call
    client.server.provider.line_monitor_tones(call, packet.tone_list or (), packet.tone_list_id)


@handler(line.GatherDigits)
def gather_digits(client: Attached, packet: line.GatherDigits) -> None:
    handle = client.handles[packet.call]
    if packet.digits_context and not packet.num_digits:
        raise refuse(packet, "INVALPARAM", "dwNumDigits is 0")
    client.server.provider.line_gather_digits(handle.call, packet, handle)


@handler(line.GenerateDigits)
def generate_digits(client: Attached, packet: line.GenerateDigits) -> None:
    handle = client.handles[packet.call]
    client.server.provider.line_generate_digits(
        handle.call, packet.digit_mode, packet.digits, packet.duration, packet.end_to_end_id, handle
    )


@handler(line.GenerateTone)
def generate_tone(client: Attached, packet: line.GenerateTone) -> None:
    handle = client.handles[packet.call]
    client.server.provider.line_generate_tone(handle.call, packet, handle)


@handler(line.SetMediaMode)
def set_media_mode(client: Attached, packet: line.SetMediaMode) -> None:
    call = client.handles[packet.call].call
    client.server.provider.line_set_media_mode(call, packet.media_mode)
    client.server.reports.call_info(call, int(LINECALLINFOSTATE.MEDIAMODE), media_mode=packet.media_mode)


@handler(line.SetMediaControl)
def set_media_control(client: Attached, packet: line.SetMediaControl) -> None:
    call = client.handles[packet.call].call if packet.select == LINECALLSELECT.CALL else None
    client.server.provider.line_set_media_control(packet, call)


@handler(line.SetDefaultMediaDetection)
def set_default_media(client: Attached, packet: line.SetDefaultMediaDetection) -> None:
    opened = client.lines[packet.line]
    client.server.provider.line_set_default_media_detection(opened.device.number, packet.media_modes)
    opened.media = packet.media_modes


@handler(line.ConditionalMediaDetection)
def conditional_media(client: Attached, packet: line.ConditionalMediaDetection) -> None:
    device = client.lines[packet.line].device.number
    client.server.provider.line_conditional_media_detection(device, packet.media_modes, packet.call_params)

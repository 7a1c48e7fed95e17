"""Providers, devices and configuration of the server (2.2.6)."""

from __future__ import annotations

from protocol import declare_members as member
from protocol.constants import AVAILABLEPROVIDER_OPTIONS, TAPISERVERCONFIGFLAGS
from protocol.structure import Structure

__all__ = [
    "AVAILABLEPROVIDERENTRY",
    "AVAILABLEPROVIDERLIST",
    "DEVICEINFO",
    "DEVICEINFOLIST",
    "LINEPROVIDERENTRY",
    "LINEPROVIDERLIST",
    "TAPISERVERCONFIG",
]


class AVAILABLEPROVIDERENTRY(Structure, section="2.2.6.1"):
    """A service provider available for installation."""

    file_name: str | None = member.text("dwFileName")
    friendly_name: str | None = member.text("dwFriendlyName")
    options: int = member.flags("dwOptions", AVAILABLEPROVIDER_OPTIONS)


class AVAILABLEPROVIDERLIST(Structure, section="2.2.6.2"):
    """The service providers available for installation."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    num_provider_list_entries: int = member.number("dwNumProviderListEntries")
    provider_list: tuple[AVAILABLEPROVIDERENTRY, ...] | None = member.entries(
        "dwProviderList", AVAILABLEPROVIDERENTRY, count="dwNumProviderListEntries"
    )


class DEVICEINFO(Structure, section="2.2.6.3"):
    """A line or phone device and the users allowed to use it."""

    permanent_device_id: int = member.number("dwPermanentDeviceID")
    provider_id: int = member.number("dwProviderID")
    device_name: str | None = member.text("dwDeviceName")
    addresses: tuple[str, ...] | None = member.texts("dwAddresses")
    domain_user_names: tuple[str, ...] | None = member.texts("dwDomainUserNames")
    friendly_user_names: tuple[str, ...] | None = member.texts("dwFriendlyUserNames")


class DEVICEINFOLIST(Structure, section="2.2.6.4"):
    """Line or phone devices and the users allowed to use them."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    num_device_info_entries: int = member.number("dwNumDeviceInfoEntries")
    device_info: tuple[DEVICEINFO, ...] | None = member.entries(
        "dwDeviceInfo", DEVICEINFO, count="dwNumDeviceInfoEntries"
    )


class TAPISERVERCONFIG(Structure, section="2.2.6.5"):
    """The configuration of a telephony server."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    flags: int = member.flags("dwFlags", TAPISERVERCONFIGFLAGS)
    domain_name: str | None = member.text("dwDomainName")
    user_name: str | None = member.text("dwUserName")
    password: str | None = member.text("dwPassword")
    administrators: tuple[str, ...] | None = member.texts("dwAdministrators")


class LINEPROVIDERENTRY(Structure, section="2.2.6.33"):
    """An installed service provider."""

    permanent_provider_id: int = member.number("dwPermanentProviderID")
    provider_filename: str | None = member.text("dwProviderFilename")


class LINEPROVIDERLIST(Structure, section="2.2.6.32"):
    """The installed service providers."""

    total_size: int | None = member.extent("dwTotalSize")
    needed_size: int | None = member.extent("dwNeededSize")
    used_size: int | None = member.extent("dwUsedSize")
    num_providers: int = member.number("dwNumProviders")
    provider_list: tuple[LINEPROVIDERENTRY, ...] | None = member.entries(
        "dwProviderList", LINEPROVIDERENTRY, count="dwNumProviders"
    )

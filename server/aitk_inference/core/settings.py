"""What a person can set: in the editor's settings, by flags, or by environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Settings(NamedTuple):
    """Settings that the adapters are made from; the defaults need nobody's attention.

    Attributes:
        bicep_path: The Bicep CLI; None looks where people have it.
        local_data: aca-local's data folder; None is the user's own.
        local_python: The interpreter that has aca-local; None is the one that runs now.
        local_start_timeout: Seconds for aca-local to answer after it was started.
        request_timeout: Seconds for one answer of Azure.
        tenant: The directory to sign in to where neither the command nor the project names one.
        prices_url: Where list prices are read; None is Azure's own address.
        command_tenant: The directory that a command names; it comes before the project's.
    """

    bicep_path: Path | None = None
    local_data: Path | None = None
    local_python: Path | None = None
    local_start_timeout: float = 60.0
    request_timeout: float = 60.0
    tenant: str | None = None
    prices_url: str | None = None
    command_tenant: str | None = None


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Return the settings of a terminal: ``AITK_BICEP_PATH``, ``AITK_LOCAL_DATA``, ``AZURE_TENANT_ID`` …"""
    return Settings(
        bicep_path=_path(environment, "AITK_BICEP_PATH"),
        local_data=_path(environment, "AITK_LOCAL_DATA"),
        local_python=_path(environment, "AITK_LOCAL_PYTHON"),
        tenant=environment.get("AZURE_TENANT_ID") or None,
        prices_url=environment.get("AITK_PRICES_URL") or None,
    )


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    return Path(value).expanduser() if value else None

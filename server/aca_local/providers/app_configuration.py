"""A container app's configuration, ingress and secrets: checked, and as the service writes them back."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING

from aca_local.kernel.body_schema import invalid
from aca_local.providers import app_messages as messages
from aca_local.providers import traffic
from aca_local.providers.app_body import Limit, check_range
from aca_local.providers.app_messages import invalid_field

if TYPE_CHECKING:
    from aca_local.providers.app_records import (
        AddressRule,
        AppConfiguration,
        IngressRecord,
        SecretName,
        SecretValue,
    )
    from aca_local.state import JsonObject

_SECRET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_TRANSPORTS = frozenset({"Auto", "Http", "Http2"})
_MOST_INACTIVE = 100
_PORTS = Limit(1, 65535)


def read(asked: JsonObject, before: AppConfiguration | None) -> AppConfiguration:
    """Return the ``configuration`` section as it is stored, without the values of secrets."""
    known = before["ingress"] if before else None
    fqdn = known["fqdn"] if known else None
    mode = str(asked.get("activeRevisionsMode") or "Single").capitalize()
    if mode not in {"Single", "Multiple"}:
        raise invalid_field(
            "configuration.activeRevisionsMode", f'Invalid value: "{mode}": Single or Multiple'
        )
    if (asked.get("dapr") or {}).get("enabled"):
        raise invalid_field("configuration.dapr.enabled", "aca-local runs no Dapr beside an app.")
    kept = asked.get("maxInactiveRevisions")
    check_range("configuration.maxInactiveRevisions", kept, Limit(0, _MOST_INACTIVE))
    return {
        "secrets": secret_names(asked),
        "activeRevisionsMode": mode,
        "ingress": _ingress(asked["ingress"], fqdn) if asked.get("ingress") else None,
        "registries": asked.get("registries"),
        "dapr": asked.get("dapr"),
        "maxInactiveRevisions": _MOST_INACTIVE if kept is None else kept,
        "service": asked.get("service"),
        "runtime": asked.get("runtime"),
        "targetLabel": asked.get("targetLabel") or "",
        "revisionTransitionThreshold": asked.get("revisionTransitionThreshold"),
        "identitySettings": asked.get("identitySettings") or [],
    }


def _ingress(asked: JsonObject, fqdn: str | None) -> IngressRecord:
    port, path = asked.get("targetPort"), "configuration.ingress"
    if port is None:
        raise invalid_field(f"{path}.targetPort", "Invalid value: None: must be between 1 and 65535")
    check_range(f"{path}.targetPort", port, _PORTS)
    check_range(f"{path}.exposedPort", asked.get("exposedPort"), Limit(0, _PORTS.high))
    transport = str(asked.get("transport") or "Auto").capitalize()
    if transport not in _TRANSPORTS:
        raise invalid_field(f"{path}.transport", f"aca-local's ingress speaks HTTP, not '{transport}'.")
    return {
        "fqdn": fqdn,
        "external": asked.get("external", False),
        "targetPort": port,
        "exposedPort": asked.get("exposedPort") or 0,
        "transport": transport,
        "traffic": traffic.read(asked.get("traffic")),
        "allowInsecure": asked.get("allowInsecure", False),
        "customDomains": asked.get("customDomains"),
        "ipSecurityRestrictions": _address_rules(asked.get("ipSecurityRestrictions")),
        "corsPolicy": asked.get("corsPolicy"),
        "clientCertificateMode": asked.get("clientCertificateMode"),
        "stickySessions": asked.get("stickySessions"),
        "additionalPortMappings": asked.get("additionalPortMappings"),
        "targetPortHttpScheme": asked.get("targetPortHttpScheme"),
    }


def _address_rules(asked: list[JsonObject] | None) -> list[AddressRule] | None:
    """Return the rules about who may reach an app. Raise InvalidRequestContent for what is no range."""
    for index, one in enumerate(asked or ()):
        path = f".properties.configuration.ingress.ipSecurityRestrictions[{index}]"
        if not one.get("name") or not one.get("action"):
            raise invalid(path, "The properties name, ipAddressRange and action are required.")
        try:
            ip_network(one.get("ipAddressRange") or "", strict=False)
        except ValueError as error:
            raise invalid(
                f"{path}.ipAddressRange", f"The value is not a range of addresses: {error}."
            ) from None
    if len({one["action"] for one in asked or ()}) > 1:
        path = ".properties.configuration.ingress.ipSecurityRestrictions"
        raise invalid(path, "All rules must have the same action.")
    return asked  # type: ignore[return-value]  # the table and the lines above have checked it


def secret_names(asked: JsonObject) -> list[SecretName] | None:
    """Return the secrets of a configuration without their values."""
    return [{"name": one["name"]} for one in asked.get("secrets") or []] or None


def secrets(asked: JsonObject) -> list[SecretValue]:
    """Return the secrets of a configuration, with their values. Raise ContainerAppSecretInvalid."""
    found: list[SecretValue] = []
    for one in asked.get("secrets") or []:
        name = one.get("name") or ""
        if _SECRET_NAME.fullmatch(name) is None or one.get("value") is None:
            raise messages.SECRET_INVALID.error(name=name)
        found.append({"name": name, "value": one["value"]})
    return found


def fill_secrets(asked: JsonObject, known: list[SecretValue]) -> None:
    """Give the secrets of a PATCH that come without a value the value that the service knows."""
    values = {one["name"]: one["value"] for one in known}
    for one in asked.get("secrets") or []:
        if one.get("value") is None and one.get("name") in values:
            one["value"] = values[one["name"]]

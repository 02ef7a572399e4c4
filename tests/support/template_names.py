"""The names that the shipped template gives its resources, as the template itself says them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from arm_template import Scope, evaluate

TEMPLATE = Path(__file__).resolve().parents[2] / "infra" / "provision" / "inference.json"


@dataclass(frozen=True)
class Names:
    """Names of a resource group's inference resources unless a parameter says otherwise."""

    storage_account: str
    file_share: str
    environment: str
    environment_storage: str
    log_analytics: str
    app: str


def default_names(subscription: str, group: str) -> Names:
    """Return the names in a resource group."""
    scope = Scope("tenant", subscription, group, "westus3", "test")
    values = evaluate(json.loads(TEMPLATE.read_text()), {}, scope).parameters
    wanted = (
        "storageAccount",
        "fileShare",
        "acaEnvironment",
        "acaEnvironmentStorage",
        "acaLogAnalytics",
        "acaApp",
    )
    return Names(*(str(values[f"{name}Name"].value) for name in wanted))

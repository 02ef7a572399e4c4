"""Puts projects into a state that tests begin with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aitk_inference.core.config import InferenceConfig, write_config
from aitk_inference.core.model import DeploymentRef
from doubles import ENDPOINT, LOCAL, FakeCloud

if TYPE_CHECKING:
    from pathlib import Path


def provisioned(project: Path, world: FakeCloud, *, app: str = "app") -> None:
    """A filled configuration and the resources that it names."""
    world.names = {
        "storageAccountName": "storage",
        "fileShareName": "share",
        "acaAppName": app,
        "acaEnvironmentName": "env",
    }
    world.provisioned(DeploymentRef(LOCAL.id, "models", "d"))
    config = InferenceConfig(LOCAL.id, "models", "storage", "share", app, ENDPOINT)
    write_config(project, config)


def set_parameters(project: Path, **values: object) -> Path:
    """Change values of the parameters file."""
    path = project / "infra/provision/inference.parameters.json"
    document = json.loads(path.read_text())
    for name, value in values.items():
        document["parameters"][name] = {"value": value}
    path.write_text(json.dumps(document, indent=2))
    return path

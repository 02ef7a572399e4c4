"""Secrets that a container finds in an environment variable: HF_TOKEN for gated models, and others like it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import InvalidProject
from aitk_inference.core.json_paths import objects
from aitk_inference.flows.project.model_settings import read_model_settings

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.core.model import Json
    from aitk_inference.flows.app.app_document import AppDocument

HF_TOKEN = "HF_TOKEN"  # noqa: S105 - its name
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_GATED = (
    "meta-llama/",
    "google/gemma",
    "google/medgemma",
    "google/paligemma",
    "mistralai/",
    "coherelabs/",
    "cohereforai/",
    "black-forest-labs/",
    "nvidia/llama",
    "bigcode/starcoder",
)
"""Whose models on Hugging Face mostly ask for an agreement before they can be fetched."""


class SecretName(NamedTuple):
    """A secret and the variable that shows it; empty: none was named."""

    secret: str
    variable: str = ""


def secret_name(given: str) -> SecretName:
    """Return ``hf-token`` and ``HF_TOKEN`` for the latter; a name that is no variable's is the secret's own."""
    is_variable = _VARIABLE.fullmatch(given) is not None
    return SecretName(given.lower().replace("_", "-"), given) if is_variable else SecretName(given)


def template_with_variable(document: AppDocument, name: SecretName) -> dict[str, Json]:
    """Return what changes in the template so that the first container has the variable; empty: it has it."""
    first, others = document.containers
    wanted: dict[str, Json] = {"name": name.variable, "secretRef": name.secret}
    variables = objects(first, "env")
    if any(one.get("secretRef") == name.secret for one in variables if one.get("name") == name.variable):
        return {}
    kept: list[Json] = [one for one in variables if one.get("name") != name.variable]
    changed: dict[str, Json] = {**first, "env": [*kept, wanted]}
    return {"containers": [changed, *others]}


def template_without_variable(document: AppDocument, name: SecretName) -> dict[str, Json]:
    """Return what changes in the template so that no container has the variable; empty: none has it of this secret."""
    containers = document.objects("template", "containers")
    changed: list[Json] = [_without(one, name) for one in containers]
    return {"containers": changed} if changed != containers else {}


def _without(container: dict[str, Json], name: SecretName) -> dict[str, Json]:
    variables = objects(container, "env")
    kept: list[Json] = [
        one for one in variables if (one.get("name"), one.get("secretRef")) != (name.variable, name.secret)
    ]
    return container if len(kept) == len(variables) else {**container, "env": kept}


def variable_of(secret: str) -> SecretName:
    """Return a secret with the variable that ``secrets set`` shows it in, where it was given by that."""
    return SecretName(secret, secret.upper().replace("-", "_"))


def gated_base(project: Path) -> str:
    """Return the base model of a project where it is fetched by a name that mostly asks for an agreement."""
    try:
        found = read_model_settings(project)
    except InvalidProject:
        return ""
    base = found.base if found is not None else ""
    return base if base.lower().startswith(_GATED) and not (project / base).is_dir() else ""

"""The secrets of an app: who refers to one, and how they are all sent back when one changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core import api_versions
from aitk_inference.core.errors import Unreachable
from aitk_inference.core.json_paths import find, objects, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import Cloud
    from aitk_inference.flows.app.app_document import AppDocument


async def read_secrets(document: AppDocument, cloud: Cloud) -> list[dict[str, Json]]:
    """Return the app's secrets with their values: a change of one has to send them all.

    Raises:
        Unreachable: some can't be read.
    """
    answer = await cloud.resources.secrets(document.id, api_versions.APPS)
    check_whole(document.body, answer)
    return [*objects(answer, "value")]


def check_whole(app: Mapping[str, Json], answer: Mapping[str, Json]) -> None:
    """Refuse an answer to ``listSecrets`` that lacks some of the app's: who sends the rest back deletes them.

    Raises:
        Unreachable: it does.
    """
    read = {text(one, "name") for one in objects(answer, "value")}
    named = {text(one, "name") for one in objects(app, "properties", "configuration", "secrets")}
    if missing := sorted(named - read):
        raise Unreachable(
            f"The app's secrets can't be read as a whole: {', '.join(missing)} did not come. Nothing was changed.",
            suggestion="Run the same command again.",
        )


def with_secret(known: Iterable[Mapping[str, Json]], name: str, value: str | None) -> list[Json]:
    """Return all secrets as a PATCH takes them, one of them changed or new; None: without it.

    One that lives in a key vault goes back as a reference: its value is not the app's to keep.
    """
    sent: list[Json] = []
    for one in known:
        if one.get("name") != name:
            keys = ("name", "keyVaultUrl", "identity") if one.get("keyVaultUrl") else ("name", "value")
            sent.append({key: one[key] for key in keys if one.get(key) is not None})
    return sent if value is None else [*sent, {"name": name, "value": value}]


async def uses_of(document: AppDocument, name: str, cloud: Cloud) -> list[str]:
    """Return in words what refers to a secret: in the app, and in revisions that are active beside it."""
    listed = await cloud.resources.get(f"{document.id}/revisions", api_versions.APPS) or {}
    active = [one for one in objects(listed, "value") if find(one, "properties", "active")]
    templates = [document.find("template"), *(find(one, "properties", "template") for one in active)]
    found = [words for template in templates for words in _in_template(template, name)]
    registries = document.objects("configuration", "registries")
    found += [
        f"the registry {text(one, 'server')}" for one in registries if one.get("passwordSecretRef") == name
    ]
    return [*dict.fromkeys(found)]


def _in_template(template: Json, name: str) -> Iterator[str]:
    for container in (*objects(template, "containers"), *objects(template, "initContainers")):
        for variable in objects(container, "env"):
            if variable.get("secretRef") == name:
                yield f"the variable {text(variable, 'name')} of the container {text(container, 'name')}"
    for volume in objects(template, "volumes"):
        if volume.get("storageType") == "Secret" and mounts_secret(volume, name):
            yield f"the volume {text(volume, 'name')}"
    for rule in objects(template, "scale", "rules"):
        kinds = ("custom", "http", "tcp", "azureQueue")
        if any(auth.get("secretRef") == name for kind in kinds for auth in objects(rule, kind, "auth")):
            yield f"the scale rule {text(rule, 'name')}"


def mounts_secret(volume: Mapping[str, Json], name: str) -> bool:
    """Return True if a secret volume holds this secret: one that names none holds all."""
    named = objects(volume, "secrets")
    return not named or any(one.get("secretRef") == name for one in named)

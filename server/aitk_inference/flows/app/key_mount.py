"""Where a container finds the API key: a secret volume, and the variable that the starter reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.errors import AppError
from aitk_inference.core.json_paths import objects, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import Json
    from aitk_inference.flows.app.app_document import AppDocument

KEY_SECRET = "api-key"  # noqa: S105 - its name
KEY_VARIABLE = "INFERENCE_API_KEY_FILE"
_FOLDER = "/mnt/secrets"
_FILE = f"{_FOLDER}/{KEY_SECRET}"
_VOLUME = "inference-api-key"


def template_with_key(document: AppDocument) -> dict[str, Json]:
    """Return what changes in the template so that the first container finds the key; empty: it does already.

    Raises:
        AppError: something else is mounted there.
    """
    first, others = document.containers
    volumes, mounts = document.objects("template", "volumes"), [*objects(first, "volumeMounts")]
    taken = next((one for one in mounts if text(one, "mountPath").rstrip("/") == _FOLDER), None)
    if taken is None:
        own: dict[str, Json] = {"secretRef": KEY_SECRET, "path": KEY_SECRET}
        volumes = [one for one in volumes if one.get("name") != _VOLUME]
        volumes.append({"name": _VOLUME, "storageType": "Secret", "secrets": [own]})
        mounts.append({"volumeName": _VOLUME, "mountPath": _FOLDER})
    elif not any(one.get("name") == taken.get("volumeName") and _has_key(one) for one in volumes):
        raise AppError(
            f"The volume {text(taken, 'volumeName')} is mounted at {_FOLDER} and does not hold the secret {KEY_SECRET}.",
            suggestion=f"Mount it elsewhere, or add the secret {KEY_SECRET} to it under that name.",
        )
    elif any(
        one.get("name") == KEY_VARIABLE and text(one, "value") == _FILE for one in objects(first, "env")
    ):
        return {}
    variables = [one for one in objects(first, "env") if one.get("name") != KEY_VARIABLE]
    variables.append({"name": KEY_VARIABLE, "value": _FILE})
    changed: dict[str, Json] = {**first, "env": [*variables], "volumeMounts": [*mounts]}
    return {"containers": [changed, *others], "volumes": [*volumes]}


def template_without_key(document: AppDocument) -> dict[str, Json]:
    """Return what changes in the template so that nobody checks the key; empty: nobody does.

    A volume that somebody else mounted stays.
    """
    first, others = document.containers
    volumes, mounts, variables = (
        document.objects("template", "volumes"),
        [*objects(first, "volumeMounts")],
        [*objects(first, "env")],
    )
    kept_variables: list[Json] = [one for one in variables if one.get("name") != KEY_VARIABLE]
    kept_mounts: list[Json] = [one for one in mounts if one.get("volumeName") != _VOLUME]
    if len(kept_variables) == len(variables) and len(kept_mounts) == len(mounts):
        return {}
    kept_volumes: list[Json] = [one for one in volumes if one.get("name") != _VOLUME]
    changed: dict[str, Json] = {**first, "env": kept_variables, "volumeMounts": kept_mounts}
    return {"containers": [changed, *others], "volumes": kept_volumes}


def _has_key(volume: Mapping[str, Json]) -> bool:
    """Return True if a volume is a secret volume with the key in the file that the starter gets to know."""
    named = objects(volume, "secrets")
    found = [one for one in named if one.get("secretRef") == KEY_SECRET]
    in_place = any((text(one, "path") or KEY_SECRET) == KEY_SECRET for one in found)
    return volume.get("storageType") == "Secret" and (not named or in_place)

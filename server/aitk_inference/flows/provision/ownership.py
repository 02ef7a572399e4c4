"""What a project made: noted in the tags of its deployment's record, so that no resource is touched for it.

The record is written by the request that starts the deployment, so a crash can't part the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.flows.project.template_plan import ENVIRONMENT_STORAGE
from aitk_inference.flows.provision.deployment import PROJECT_LABEL_TAG, PROJECT_TAG
from aitk_inference.flows.provision.existing_resources import KEEPERS
from aitk_inference.sync.project_id import project_identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from arm_template import PlannedResource

    from aitk_inference.core.config import InferenceConfig
    from aitk_inference.core.model import DeploymentStatus
    from aitk_inference.flows.provision.existing_resources import Existing

_MADE = "aitk-inference-made-"
_LONGEST = 256
"""Characters of a tag's value (Azure's limit); a record has at most 50 tags."""
_MOST = 40


class Made(NamedTuple):
    """A resource that a project made, and the API version that its template names it in."""

    id: str
    api_version: str


def owner_tags(project: Path) -> dict[str, str]:
    """Return the tags that say which project made something."""
    identity = project_identity(project.resolve()).project
    return {PROJECT_TAG: identity.id, PROJECT_LABEL_TAG: identity.label[:_LONGEST]}


def made_tags(made: Sequence[Made], group_id: str) -> dict[str, str]:
    """Return the tags that say what a project made in a resource group."""
    notes = (f"{one.id[len(group_id) + 1 :]}@{one.api_version}" for one in made[:_MOST])
    return {f"{_MADE}{number}": note for number, note in enumerate(notes) if len(note) <= _LONGEST}


def made_by(tags: Mapping[str, str], group_id: str) -> list[Made]:
    """Return what a deployment's tags say that it made."""
    notes = (value.rpartition("@") for name, value in tags.items() if name.startswith(_MADE))
    return [Made(f"{group_id}/{path}", version) for path, _, version in notes]


def is_of(tags: Mapping[str, str], project: Path) -> bool:
    """Return True if a project's Provision wrote these tags."""
    identity = project_identity(project.resolve())
    return tags.get(PROJECT_TAG) in (identity.project.id, *identity.earlier)


def maker_of(tags: Mapping[str, str], project: Path) -> str:
    """Return in words which other project's Provision wrote these tags; empty for this one's, and where none did."""
    if not tags.get(PROJECT_TAG) or is_of(tags, project):
        return ""
    return tags.get(PROJECT_LABEL_TAG) or "unknown"


def other_maker(earlier: DeploymentStatus | None, project: Path, config: InferenceConfig, app: str) -> str:
    """Return in words which other project made an app; empty for this one.

    The configuration of this project may name the app all the same: a clone's, or a copy's.

    Args:
        earlier: The last deployment of the app.
        project: This project.
        config: Its configuration.
        app: The app's name.
    """
    is_named = (config.aca_app_name or "").lower() == app.lower()
    return "" if earlier is None or is_named else maker_of(earlier.tags, project)


def made_now(
    put: Iterable[PlannedResource], existing: Existing, before: Iterable[Made], group_id: str
) -> list[Made]:
    """Return what this project will have made after a deployment.

    Args:
        put: What it puts.
        existing: What is there: nobody made it now.
        before: What earlier deployments of this project made; what is gone since is left out.
        group_id: Of the resource group; what lies elsewhere is nobody's to delete.
    """
    here = f"{group_id.lower()}/"
    counted = {*KEEPERS, ENVIRONMENT_STORAGE.lower()}  # a file service goes with its account
    resources = [
        one
        for one in put
        if (one.type.lower() in counted or one.type.count("/") == 1) and one.id.lower().startswith(here)
    ]
    fresh = [Made(one.id, one.api_version) for one in resources if existing.of(one) is None]
    kept = [one for one in before if one.id.lower() in existing.documents]
    return [*kept, *fresh]

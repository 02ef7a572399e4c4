"""What exists is read first and kept: fills the template's parameters for it and refuses what can't work.

The parameters (``storageAccountExists`` … ``existingAppSecrets``) and why they are needed are explained at the
top of ``infra/provision/inference.bicep``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aitk_inference.core import api_versions
from aitk_inference.core.arm_names import name_of, region_key, same
from aitk_inference.core.errors import AppError, Conflict, InvalidProject, NotFound
from aitk_inference.core.json_paths import find, objects, text
from aitk_inference.flows.app.app_secrets import check_whole
from aitk_inference.flows.project.template_plan import (
    ACCOUNT,
    APP,
    ENVIRONMENT,
    ENVIRONMENT_STORAGE,
    SHARE,
    WORKSPACE,
    environment_id_of,
    of_type,
    profile_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from arm_template import PlannedResource

    from aitk_inference.core.model import Json, WorkloadProfile
    from aitk_inference.core.params import Parameters
    from aitk_inference.core.resource_manager import Resources
    from aitk_inference.flows.project.template import Template
    from aitk_inference.flows.project.template_plan import ProjectResources

IN_THE_MAKING = (
    "Waiting",
    "InProgress",
    "InitializationInProgress",
    "InfrastructureSetupInProgress",
    "InfrastructureSetupComplete",
)
"""States of an environment that is being made (the SDK's ``EnvironmentProvisioningState``)."""
MAKING_BOUND, MAKING_PAUSE = 40 * 60.0, 5.0
"""Seconds to wait for one, and between two looks: one with dedicated GPUs took 19.5 minutes in a recording."""
_BROKEN = ("Failed", "Canceled")
_ADD_OR_NEW = "Set workloadProfileName to a new name, or workloadProfileType to the type that exists"
KEEPERS: Mapping[str, str] = {
    ACCOUNT.lower(): "storageAccountExists",
    SHARE.lower(): "fileShareExists",
    WORKSPACE.lower(): "acaLogAnalyticsExists",
    ENVIRONMENT.lower(): "acaEnvironmentExists",
    APP.lower(): "existingApp",
}
"""By which parameter a template is told that a resource of a type exists, and keeps it."""


@dataclass(frozen=True)
class Existing:
    """What of a template's resources is already there.

    Attributes:
        documents: What GET answers, by lower-case ARM id, in the API version of the template.
        environment: The app's environment, wherever it is; None when there is none.
        app: The container app; None when there is none.
        app_secrets: What ``listSecrets`` on the app answers. Never shown, never logged.
    """

    documents: Mapping[str, Mapping[str, Json]] = field(default_factory=dict, repr=False)
    environment: Mapping[str, Json] | None = field(default=None, repr=False)
    app: Mapping[str, Json] | None = field(default=None, repr=False)
    app_secrets: Mapping[str, Json] = field(default_factory=dict, repr=False)

    def of(self, resource: PlannedResource) -> Mapping[str, Json] | None:
        """Return a planned resource as it stands, or None."""
        return self.documents.get(resource.id.lower())

    def holds(self, resources: Sequence[PlannedResource], kind: str) -> bool:
        """Return True if there are resources of a type in the plan, and all of them exist."""
        planned = of_type(resources, kind)
        return bool(planned) and all(self.of(resource) is not None for resource in planned)

    @property
    def environment_state(self) -> str:
        """Return ARM's word for the environment's state."""
        return text(self.environment, "properties", "provisioningState") or "Succeeded"

    @property
    def whole_environment(self) -> bool:
        """Return False for an environment whose making failed or was cancelled: only a new PUT mends it."""
        return self.environment is not None and self.environment_state not in _BROKEN


async def read_existing(project: ProjectResources, resources: Resources, *, group_exists: bool) -> Existing:
    """Return what of the template's resources is there; all are asked for at once.

    Args:
        project: What the template makes.
        resources: Where to ask.
        group_exists: Where the group does not exist, only what lies elsewhere is asked for.
    """
    home = project.environment_id
    asked = [(r.id, r.api_version) for r in project.resources if group_exists and is_shown(r)]
    if (
        home
        and not any(same(home, known) for known, _ in asked)
        and (group_exists or not project.environment)
    ):
        asked.append((home, project.environment.api_version if project.environment else api_versions.APPS))
    documents = await asyncio.gather(*(resources.get(known, version) for known, version in asked))
    found = {known.lower(): d for (known, _), d in zip(asked, documents, strict=True) if d is not None}
    app = found.get(project.app.id.lower())
    secrets: Mapping[str, Json] = {}
    if app is not None:
        secrets = await resources.secrets(project.app.id, project.app.api_version)
        check_whole(app, secrets)
    return Existing(found, found.get(home.lower()), app, secrets)


def is_shown(resource: PlannedResource) -> bool:
    """Return True for what people think in: what can be kept, a volume of the environment, what stands by itself.

    Other children, such as a file service, go without saying.
    """
    is_volume = same(resource.type, ENVIRONMENT_STORAGE)
    return resource.type.lower() in KEEPERS or is_volume or resource.type.count("/") == 1


def fill(existing: Existing, project: ProjectResources, template: Template) -> dict[str, Json]:
    """Return values for the template's parameters about what exists; those that it lacks are left out."""
    values: dict[str, Json] = {
        "storageAccountExists": existing.holds(project.resources, ACCOUNT),
        "fileShareExists": existing.holds(project.resources, SHARE),
        "acaLogAnalyticsExists": existing.holds(project.resources, WORKSPACE),
        "acaEnvironmentExists": existing.whole_environment,
    }
    if existing.environment is not None:
        values["acaEnvironmentLocation"] = text(existing.environment, "location")
    if existing.app is not None:
        values["existingApp"] = dict(existing.app)
        values["existingAppSecrets"] = dict(existing.app_secrets)
    declared = ((template.declared(name), value) for name, value in values.items())
    return {name: value for name, value in declared if name is not None}


def check(existing: Existing, project: ProjectResources, parameters: Parameters) -> WorkloadProfile | None:
    """Refuse what can't work before anything is deployed.

    Returns:
        The workload profile that the existing environment still needs, or None.

    Raises:
        Conflict: an existing environment or app stands in the way.
        NotFound: an environment that the template only refers to is not there.
        InvalidProject: a parameter says another location than the one that exists.
    """
    for error in refusals(existing, project, parameters):
        raise error
    return _profile_to_add(existing, project)


def refusals(existing: Existing, project: ProjectResources, parameters: Parameters) -> list[AppError]:
    """Return all that :func:`check` would refuse, not the first alone."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: _check_app(existing, project),
        lambda: _check_elsewhere(existing, project),
        lambda: _check_location(existing, project, parameters),
        lambda: _check_mendable(existing, project.profile),
        lambda: _profile_to_add(existing, project),
    )
    refused = (_refused(one) for one in checks)
    return [error for error in refused if error is not None]


def _refused(check: Callable[[], object]) -> AppError | None:
    try:
        check()
    except AppError as error:
        return error
    return None


def _check_app(existing: Existing, project: ProjectResources) -> None:
    home = environment_id_of(existing.app)
    if home and not same(home, project.environment_id):
        same_name = same(name_of(home), name_of(project.environment_id))
        names = (
            (home, project.environment_id) if same_name else (name_of(home), name_of(project.environment_id))
        )
        is_here = same(home.partition("/providers/")[0], project.app.id.partition("/providers/")[0])
        wanted = f"acaEnvironmentName to {name_of(home)}" if is_here else f"acaEnvironmentId to {home}"
        raise Conflict(
            f"The container app {project.app.name} belongs to the environment {names[0]}, not to {names[1]}.",
            suggestion=f"Set {wanted}, or acaAppName to a new name, in the parameters.",
        )


def _check_elsewhere(existing: Existing, project: ProjectResources) -> None:
    """Refuse an environment that the template only refers to, and that is not there (or not to be seen)."""
    if existing.environment is None and project.environment is None and project.environment_id:
        raise NotFound(
            f"There is no environment {project.environment_id} that you can see.",
            suggestion="Correct acaEnvironmentId in the parameters, or ask its owner for the role Contributor on it.",
        )


def _check_location(existing: Existing, project: ProjectResources, parameters: Parameters) -> None:
    environment = existing.environment
    if environment is None or project.environment is None:
        return  # one of another group: the app goes where it is, the storage where the parameters say
    given, actual = parameters.get("location"), text(environment, "location")
    if isinstance(given, str) and region_key(given) != region_key(actual):
        message = f"The environment {text(environment, 'name')} exists in {actual}, but the parameter location says {given}."
        raise InvalidProject(
            message,
            [parameters.problem("location", message)],
            suggestion=f"Set location to null (or {actual}), or take a new acaEnvironmentName.",
        )


def _check_mendable(existing: Existing, profile: WorkloadProfile) -> None:
    """Refuse a new PUT of a broken environment where it would take other workload profiles away."""
    environment = existing.environment
    if environment is None or existing.whole_environment:
        return
    ours = {"consumption", profile.name.lower()}
    others = [p.name for p in _profiles(environment) if p.name.lower() not in ours]
    if others:
        raise Conflict(
            f"The environment {text(environment, 'name')} is in the state {existing.environment_state} and has "
            f"other workload profiles ({', '.join(others)}), which a new deployment would remove.",
            suggestion="Mend or delete it in the portal, or set acaEnvironmentName to a new name.",
        )


def _profile_to_add(existing: Existing, project: ProjectResources) -> WorkloadProfile | None:
    """Return the workload profile that a whole environment lacks; raise where it can't have it."""
    environment, profile = existing.environment, project.profile
    if environment is None or not existing.whole_environment:
        return None
    there = next((p for p in _profiles(environment) if same(p.name, profile.name)), None)
    if not profile.type:
        _check_offered(environment, profile, there)
        return None
    if there is None:
        return _addable(environment, profile)
    if not same(there.type, profile.type):
        raise Conflict(
            f"The environment {text(environment, 'name')} has a workload profile {there.name} of the type {there.type}, but {profile.type} is asked for.",
            suggestion=f"{_ADD_OR_NEW} ({there.type}), in inference.parameters.json.",
        )
    return None


def _check_offered(
    environment: Mapping[str, Json], profile: WorkloadProfile, there: WorkloadProfile | None
) -> None:
    """Refuse a workload profile that an environment of somebody else lacks: its owner adds it."""
    names = [one.name for one in _profiles(environment)]
    if there is None and names and profile.name:
        raise Conflict(
            f"The environment {text(environment, 'name')} has no workload profile {profile.name}.",
            suggestion=f"Set workloadProfileName to one of {', '.join(names)}, or ask the environment's owner to add it.",
        )


def _addable(environment: Mapping[str, Json], profile: WorkloadProfile) -> WorkloadProfile | None:
    name = text(environment, "name")
    if not find(environment, "properties", "workloadProfiles"):
        if profile.type == "Consumption":
            return None
        raise Conflict(
            f"The environment {name} is consumption-only and can't take {profile.type}.",
            suggestion="Set acaEnvironmentName to a new name, or workloadProfileType to Consumption.",
        )
    if profile.type.startswith("NC"):
        raise Conflict(
            f"Dedicated GPUs ({profile.type}) must be in an environment from its creation, and {name} was made without.",
            suggestion="Choose a serverless GPU (Consumption-GPU-…), or a new acaEnvironmentName.",
        )
    return profile


def _profiles(environment: Mapping[str, Json]) -> Iterator[WorkloadProfile]:
    return (profile_of(item) for item in objects(environment, "properties", "workloadProfiles"))

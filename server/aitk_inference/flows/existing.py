"""What exists is read first and kept: fills the template's parameters for it and names what can't work.

The parameters (``storageAccountExists`` … ``existingAppSecrets``) and why they are needed are told at the
top of ``infra/provision/inference.bicep``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Conflict, InvalidProject
from aitk_inference.core.model import WorkloadProfile
from aitk_inference.core.naming import default_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import Environment, ExistingResources, Json
    from aitk_inference.core.params import FineTuning, Parameters
    from aitk_inference.flows.template import Template

PROFILE_NAMES: Mapping[str, str] = {
    "Consumption": "Consumption",
    "Consumption-GPU-NC24-A100": "serverless-A100",
    "Consumption-GPU-NC8as-T4": "serverless-T4",
    "NC24-A100": "GPU",
    "NC48-A100": "GPU-NC48",
    "NC96-A100": "GPU-NC96",
}
"""Default profile names by type, as in the template."""
IN_THE_MAKING = (
    "Waiting",
    "InProgress",
    "InitializationInProgress",
    "InfrastructureSetupInProgress",
    "InfrastructureSetupComplete",
)
"""States of an environment that is being made (the SDK's ``EnvironmentProvisioningState``)."""
_BROKEN = ("Failed", "Canceled")
_SUFFIX = "uniqueString(resourceGroup().id)"
_ADD_OR_NEW = "Set workloadProfileName to a new name, or workloadProfileType to the type that exists"


@dataclass(frozen=True)
class Wanted:
    """What is to stand in the resource group.

    Attributes:
        names: The resources' names by template parameter.
        given: The names that do not come from the template's own defaults.
        profile: The workload profile of the app.
    """

    names: Mapping[str, str]
    given: Mapping[str, str]
    profile: WorkloadProfile


def wanted(
    parameters: Parameters, finetuning: FineTuning, template: Template, subscription_id: str, group: str
) -> Wanted:
    """The names: a parameter's, else the fine-tuning step's in the same group, else the template's default.

    Raises:
        InvalidProject: the template's default is an expression that only Azure can evaluate.
    """
    defaults = _default_names(subscription_id, group)
    given = _finetuned(finetuning, subscription_id, group) | {
        name: value for name in defaults if isinstance(value := parameters.values.get(name), str)
    }
    rest = {n: _template_name(template, parameters, n, d) for n, d in defaults.items() if n not in given}
    return Wanted({**rest, **given}, given, _profile(parameters, template))


def fill(existing: ExistingResources, want: Wanted, template: Template) -> dict[str, Json]:
    """Values for the template's parameters about what exists; those that it does not declare are left out."""
    values: dict[str, Json] = {
        "storageAccountExists": existing.storage_account,
        "fileShareExists": existing.file_share,
        "acaLogAnalyticsExists": existing.log_analytics,
        "acaEnvironmentExists": whole_environment(existing),
    }
    if existing.environment is not None:
        values["acaEnvironmentLocation"] = existing.environment.location
    if existing.app is not None:
        values["existingApp"] = dict(existing.app_document)
        values["existingAppSecrets"] = dict(existing.app_secrets)
    return {name: value for name, value in values.items() if name in template.parameters and value != {}}


def whole_environment(existing: ExistingResources) -> bool:
    """False for an environment whose making failed or was cancelled: only a new PUT mends it."""
    return existing.environment is not None and existing.environment.provisioning_state not in _BROKEN


def unkept(existing: ExistingResources, template: Template) -> tuple[str, ...]:
    """What exists and would be reset, since an edited template has no parameter for it."""
    kept = (
        (existing.storage_account, "storageAccountExists", "storage account"),
        (existing.file_share, "fileShareExists", "file share"),
        (existing.environment is not None, "acaEnvironmentExists", "Container Apps environment"),
        (existing.app is not None, "existingApp", "container app"),
    )
    return tuple(words for there, name, words in kept if there and name not in template.parameters)


def check(existing: ExistingResources, want: Wanted, parameters: Parameters) -> WorkloadProfile | None:
    """Name what can't work before anything is deployed.

    Returns:
        The workload profile that the existing environment still needs, or None.

    Raises:
        Conflict: an existing environment or app stands in the way.
        InvalidProject: a parameter says another location than the one that exists.
    """
    environment = existing.environment
    if environment is None:
        return None
    _check_app(existing, environment)
    _check_location(environment, parameters)
    if not whole_environment(existing):
        _check_mendable(environment, want.profile)
        return None
    return _missing_profile(environment, want.profile)


def _default_names(subscription_id: str, group: str) -> dict[str, str]:
    names = default_names(subscription_id, group)
    return {
        "storageAccountName": names.storage_account,
        "fileShareName": names.file_share,
        "acaEnvironmentName": names.environment,
        "acaEnvironmentStorageName": names.environment_storage,
        "acaLogAnalyticsName": names.log_analytics,
        "acaAppName": names.app,
    }


def _finetuned(finetuning: FineTuning, subscription_id: str, group: str) -> dict[str, str]:
    """Names hold where they were made: in another group they would be other resources."""
    elsewhere = (finetuning.subscription_id or subscription_id).lower() != subscription_id.lower() or (
        finetuning.resource_group or group
    ).lower() != group.lower()
    return {} if elsewhere else dict(finetuning.names)


def _template_name(template: Template, parameters: Parameters, name: str, default: str) -> str:
    written = template.default(name)
    if not isinstance(written, str) or _SUFFIX in written:
        return default
    if not written.startswith("[") or written.startswith("[["):
        return written.removeprefix("[") if written.startswith("[[") else written
    raise parameters.invalid(
        name,
        f"The template's default of {name} is an expression that can't be read here: {written}",
        f"Give {name} a value in {parameters.path}.",
    )


def _profile(parameters: Parameters, template: Template) -> WorkloadProfile:
    kind = str(parameters.values.get("workloadProfileType") or template.default("workloadProfileType") or "")
    name = parameters.values.get("workloadProfileName")
    chosen = str(name) if name else PROFILE_NAMES.get(kind, kind)
    if not kind or kind.startswith("Consumption"):
        return WorkloadProfile(chosen, kind)
    count = parameters.values.get("maximumInstanceCount") or template.default("maximumInstanceCount")
    return WorkloadProfile(chosen, kind, 0, count if isinstance(count, int) else 1)


def _check_app(existing: ExistingResources, environment: Environment) -> None:
    app = existing.app
    home = app.environment_id.rpartition("/")[2] if app else ""
    if app and home and home.lower() != environment.name.lower():
        raise Conflict(
            f"The container app {app.ref.name} belongs to the environment {home}, not to {environment.name}.",
            suggestion=f"Set acaEnvironmentName to {home}, or acaAppName to a new name, in the parameters.",
        )


def _check_location(environment: Environment, parameters: Parameters) -> None:
    given = parameters.values.get("location")
    if isinstance(given, str) and _plain(given) != _plain(environment.location):
        raise InvalidProject(
            message := f"The environment {environment.name} exists in {environment.location}, "
            f"but the parameter location says {given}.",
            [parameters.problem("location", message)],
            suggestion=f"Set location to null (or {environment.location}), or take a new acaEnvironmentName.",
        )


def _check_mendable(environment: Environment, profile: WorkloadProfile) -> None:
    """A new PUT would take other workload profiles away, so it is done only where there are none."""
    ours = {"consumption", profile.name.lower()}
    others = [p.name for p in environment.workload_profiles if p.name.lower() not in ours]
    if others:
        raise Conflict(
            f"The environment {environment.name} is in the state {environment.provisioning_state} and has "
            f"other workload profiles ({', '.join(others)}), which a new deployment would remove.",
            suggestion="Mend or delete it in the portal, or set acaEnvironmentName to a new name.",
        )


def _missing_profile(environment: Environment, profile: WorkloadProfile) -> WorkloadProfile | None:
    if not profile.type:
        return None
    there = next((p for p in environment.workload_profiles if p.name.lower() == profile.name.lower()), None)
    if there is None:
        return _addable(environment, profile)
    if there.type.lower() != profile.type.lower():
        raise Conflict(
            f"The environment {environment.name} has a workload profile {there.name} of the type "
            f"{there.type}, but {profile.type} is asked for.",
            suggestion=f"{_ADD_OR_NEW} ({there.type}), in inference.parameters.json.",
        )
    return None


def _addable(environment: Environment, profile: WorkloadProfile) -> WorkloadProfile | None:
    if not environment.workload_profiles:
        if profile.type == "Consumption":
            return None
        raise Conflict(
            f"The environment {environment.name} is consumption-only and can't take {profile.type}.",
            suggestion="Set acaEnvironmentName to a new name, or workloadProfileType to Consumption.",
        )
    if profile.type.startswith("NC"):
        raise Conflict(
            f"Dedicated GPUs ({profile.type}) must be in an environment from its creation, "
            f"and {environment.name} was made without.",
            suggestion="Choose a serverless GPU (Consumption-GPU-…), or a new acaEnvironmentName.",
        )
    return profile


def _plain(location: str) -> str:
    return location.replace(" ", "").lower()

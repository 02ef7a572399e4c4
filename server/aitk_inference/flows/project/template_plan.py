"""What a project's template asks for, found by evaluating it: names, ids, workload profile, outputs.

Nothing of the template is repeated in code: a resource is found by its type and by who refers to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from arm_template import Expression, PlannedResource, Scope, TemplateError, evaluate, open_expressions

from aitk_inference.core.arm_names import kind, name_of, same
from aitk_inference.core.errors import InvalidProject, Problem
from aitk_inference.core.json_paths import find, objects, text
from aitk_inference.core.model import WorkloadProfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from arm_template import Plan

    from aitk_inference.core.model import Json
    from aitk_inference.core.params import Parameters
    from aitk_inference.flows.project.template import Template

APP = "Microsoft.App/containerApps"
ENVIRONMENT = "Microsoft.App/managedEnvironments"
ENVIRONMENT_STORAGE = f"{ENVIRONMENT}/storages"
ACCOUNT = "Microsoft.Storage/storageAccounts"
SHARE = f"{ACCOUNT}/fileServices/shares"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"


@dataclass(frozen=True)
class Target:
    """Where the template is deployed to.

    Attributes:
        location: The resource group's region; None while it is not known.
    """

    subscription_id: str
    tenant_id: str
    group: str
    location: str | None


@dataclass(frozen=True)
class ProjectResources:
    """The resources of a template that a project lives on.

    Attributes:
        app: The container app.
        environment_id: Its environment's ARM id, in whatever resource group that is.
        environment: The environment as it would be made; None where the template only refers to it.
        account: Name of the storage account of the share that the app mounts.
        share: Name of that share.
        resources: All that the deployment would put.
    """

    app: PlannedResource
    environment_id: str
    environment: PlannedResource | None
    account: str
    share: str
    resources: tuple[PlannedResource, ...]

    @property
    def profile(self) -> WorkloadProfile:
        """Return the app's workload profile; of unknown type where the environment is only referred to."""
        name = text(self.app.body, "properties", "workloadProfileName")
        body = self.environment.body if self.environment else {}
        found = [profile_of(item) for item in objects(body, "properties", "workloadProfiles")]
        named = [profile for profile in found if same(profile.name, name)]
        return (
            named[-1] if named else WorkloadProfile(name, "")
        )  # of two with one name, the asked for is last


def evaluate_template(template: Template, values: Mapping[str, Json], target: Target) -> Plan:
    """Return the plan of a deployment; what only Azure can answer stays an expression in it.

    Args:
        template: The project's template.
        values: Plain values by the parameters' declared names.
        target: Where it is deployed to.

    Raises:
        InvalidProject: the template can't be evaluated; in the engine's words.
    """
    scope = Scope(target.tenant_id, target.subscription_id, target.group, target.location, "aitk-inference")
    try:
        return evaluate(template.document, {name: {"value": value} for name, value in values.items()}, scope)
    except TemplateError as error:
        message = f"The template can't be evaluated: {error.message}"
        raise InvalidProject(message, [Problem(template.path, message, code="template")]) from error


def project_resources(plan: Plan, template: Template, parameters: Parameters) -> ProjectResources:
    """Return the resources that the project lives on.

    Raises:
        InvalidProject: a name is known to Azure alone, or the template makes no app (or several).
    """
    resources = tuple(plan.leaves())
    _refuse_open_names(resources, plan, template, parameters)
    app = _app(plan, resources, template)
    environment_id = environment_id_of(app.body)
    environment = next((r for r in of_type(resources, ENVIRONMENT) if same(r.id, environment_id)), None)
    account, share = _mounted_share(app, environment_id, plan, resources)
    return ProjectResources(app, environment_id, environment, account, share, resources)


def of_type(resources: Iterable[PlannedResource], resource_type: str) -> tuple[PlannedResource, ...]:
    """Return the resources of a type."""
    return tuple(resource for resource in resources if same(resource.type, resource_type))


def short_name(resource: PlannedResource) -> str:
    """Return the last part of a resource's name."""
    return name_of(resource.name)


def environment_id_of(app: Json | Mapping[str, Json]) -> str:
    """Return the id of the environment that an app (or a job) says it runs in: older documents have another key for it."""
    return text(app, "properties", "environmentId") or text(app, "properties", "managedEnvironmentId")


def output(plan: Plan, name: str) -> Json:
    """Return an output that is known before the deployment, or None."""
    found = plan.output(name)
    return None if found is None or open_expressions(found.value) else found.value


def profile_of(document: Mapping[str, Json]) -> WorkloadProfile:
    """Return a workload profile as ARM writes it."""
    low, high = document.get("minimumCount"), document.get("maximumCount")
    return WorkloadProfile(
        text(document, "name"),
        text(document, "workloadProfileType"),
        low if isinstance(low, int) else None,
        high if isinstance(high, int) else None,
    )


def _refuse_open_names(
    resources: Sequence[PlannedResource], plan: Plan, template: Template, parameters: Parameters
) -> None:
    """Refuse all names at once that would be known after the deployment only: what exists can't be found."""
    problems = [
        _open_name(resource, plan, template, parameters)
        for resource in resources
        if resource.name.startswith("[")  # no name of a resource holds a bracket
    ]
    if problems:
        unique = list(dict.fromkeys(problems))
        raise InvalidProject(
            unique[0].message,
            unique,
            suggestion=f"Give the names fixed values in {parameters.path}: what exists is found by its name.",
        )


def _open_name(resource: PlannedResource, plan: Plan, template: Template, parameters: Parameters) -> Problem:
    names = [
        name
        for name, item in plan.parameters.items()
        if isinstance(item.value, Expression) and item.value[1:-1] in resource.name
    ]
    what = f"The name of the {kind(resource.type).lower()} is known to Azure alone"
    if not names:
        return Problem(template.path, f"{what}: {resource.name}", code="template")
    message = f"{what}: the template's default of {names[0]} is {plan.parameters[names[0]].value}"
    return parameters.problem(names[0], message)


def _app(plan: Plan, resources: Sequence[PlannedResource], template: Template) -> PlannedResource:
    apps = of_type(resources, APP)
    named = output(plan, "ACA_APP_NAME")
    chosen = [app for app in apps if isinstance(named, str) and same(app.name, named)] or apps
    if len(chosen) == 1:
        return chosen[0]
    message = (
        "The template makes no container app."
        if not apps
        else f"The template makes {len(apps)} container apps ({', '.join(app.name for app in apps)})."
    )
    raise InvalidProject(
        message,
        [Problem(template.path, message, code="template")],
        suggestion="Let the template's output ACA_APP_NAME say which one serves the model.",
    )


def _mounted_share(
    app: PlannedResource, environment_id: str, plan: Plan, resources: Sequence[PlannedResource]
) -> tuple[str, str]:
    """Return account and share: those of the environment storage that the app mounts, else the outputs."""
    volumes = objects(app.body, "properties", "template", "volumes")
    mounted = {text(volume, "storageName").lower() for volume in volumes}
    for storage in of_type(resources, ENVIRONMENT_STORAGE):
        if short_name(storage).lower() in mounted and storage.id.lower().startswith(environment_id.lower()):
            file = find(storage.body, "properties", "azureFile")
            return text(file, "accountName"), text(file, "shareName")
    return str(output(plan, "STORAGE_ACCOUNT_NAME") or ""), str(output(plan, "FILE_SHARE_NAME") or "")

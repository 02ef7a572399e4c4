"""What the preflight looks at: a project, where it goes, and what exists there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.arm_names import group_id
from aitk_inference.flows.project.template_plan import of_type
from aitk_inference.flows.provision.choose_target import LOCAL
from aitk_inference.flows.provision.existing_resources import check, refusals
from aitk_inference.flows.provision.fix_text import GO_ON
from aitk_inference.flows.provision.ownership import is_of, made_by, made_now, made_tags, owner_tags

if TYPE_CHECKING:
    from arm_template import PlannedResource

    from aitk_inference.core.model import DeploymentStatus, Json, WorkloadProfile
    from aitk_inference.flows.api import ProvisionRequest
    from aitk_inference.flows.provision.existing_resources import Existing
    from aitk_inference.flows.provision.inputs import ProjectFiles, Site, Wanted


@dataclass(frozen=True)
class Subject:
    """What is checked.

    Attributes:
        put: What the deployment would put, now that it is known what exists.
        parameters: The deployment's parameters.
        missing: The workload profile that Provision adds to the environment first.
        earlier: The last deployment of this app.
    """

    request: ProvisionRequest
    files: ProjectFiles
    wanted: Wanted
    site: Site
    existing: Existing
    put: tuple[PlannedResource, ...]
    parameters: dict[str, Json]
    missing: WorkloadProfile | None
    earlier: DeploymentStatus | None

    def made(self, kind: str) -> list[PlannedResource]:
        """Return the resources of a type that the deployment would make."""
        return [resource for resource in of_type(self.put, kind) if self.existing.of(resource) is None]

    @property
    def target(self) -> list[tuple[str, str]]:
        """Return where it goes, as the buttons carry it that go on there."""
        site = self.site
        subscription = LOCAL if site.subscription.is_local else site.subscription.id
        target = [("subscription", subscription), ("resource-group", site.group.name)]
        is_chosen = self.request.location or not site.subscription.is_local  # this computer is in no region
        if not site.exists and site.group.location and is_chosen:
            target.append(("group-location", site.group.location))
        return target

    @property
    def go_on(self) -> Action:
        """Return the button that provisions there."""
        return Action(ActionKind.RUN, "Provision", f"{GO_ON}?{urlencode(self.target)}")

    @property
    def scope(self) -> str:
        """Return the ARM id of the group, or of the subscription where the group is not there yet."""
        return self.group_id if self.site.exists else f"/subscriptions/{self.site.subscription.id}"

    @property
    def group_id(self) -> str:
        """Return the ARM id of the group, whether it is there or not."""
        return group_id(self.site.subscription.id, self.site.group.name)

    @property
    def record_tags(self) -> dict[str, str]:
        """Return the tags by which the deployment's record says whose it is and what it makes."""
        tags, project = self.earlier.tags if self.earlier else {}, self.request.project
        before = made_by(tags, self.group_id) if is_of(tags, project) else []
        made = made_now(self.put, self.existing, before, self.group_id)
        return {**owner_tags(project), **made_tags(made, self.group_id)}


def subject_of(
    request: ProvisionRequest,
    files: ProjectFiles,
    wanted: Wanted,
    site: Site,
    *,
    existing: Existing,
    earlier: DeploymentStatus | None,
) -> Subject:
    """Return what is checked, with what the deployment would put where all this exists."""
    refused = refusals(existing, wanted.project, wanted.parameters)
    missing = None if refused else check(existing, wanted.project, wanted.parameters)
    parameters, put = wanted.put(existing)
    return Subject(request, files, wanted, site, existing, tuple(put.leaves()), parameters, missing, earlier)

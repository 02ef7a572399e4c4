"""What-if of Resource Manager: its answer as the flows know it.

https://learn.microsoft.com/azure/azure-resource-manager/templates/deploy-what-if
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from aitk_inference.azure.enum_text import word
from aitk_inference.azure.error_tree import tree_of
from aitk_inference.azure.errors import error_of_tree, map_azure_errors
from aitk_inference.core.what_if import ChangeType, PropertyChange, PropertyChangeType, ResourceChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from azure.mgmt.resource.deployments.models import WhatIfOperationResult, WhatIfPropertyChange

    from aitk_inference.azure.clients import Clients
    from aitk_inference.core.model import DeploymentRef, Json

_Word = TypeVar("_Word", ChangeType, PropertyChangeType)
_DOING = "working out what would change"
_BAD_REQUEST = 400


async def what_if(
    clients: Clients, ref: DeploymentRef, template: Json, parameters: Mapping[str, Json]
) -> Sequence[ResourceChange]:
    """Return what a deployment would change; nothing is changed.

    Raises:
        AppError: what a deployment would be refused with, or who can't be reached.
    """
    from azure.mgmt.resource.deployments.models import (
        DeploymentParameter,
        DeploymentWhatIf,
        DeploymentWhatIfProperties,
    )

    given = {name: DeploymentParameter(value=value) for name, value in parameters.items()}
    properties = DeploymentWhatIfProperties(mode="Incremental", template=template, parameters=given)
    operations = clients.deployments(ref.subscription_id).deployments
    with map_azure_errors(_DOING):
        poller = await operations.begin_what_if(
            ref.resource_group, ref.name, DeploymentWhatIf(properties=properties)
        )
        return list(_changes(await poller.result()))


def _changes(found: WhatIfOperationResult) -> Iterator[ResourceChange]:
    """Yield the changes. Raise AppError for a failure, which is answered with 200, too."""
    if found.error is not None:
        raise error_of_tree(tree_of(found.error.as_dict()), _BAD_REQUEST, _DOING)
    for change in (found.properties.changes if found.properties else None) or []:
        kind = _member(ChangeType, word(change.change_type), ChangeType.UNSUPPORTED)
        yield ResourceChange(change.resource_id or "", kind, tuple(_properties(change.delta, "")))


def _properties(delta: Sequence[WhatIfPropertyChange] | None, above: str) -> Iterator[PropertyChange]:
    for one in delta or ():
        path = _joined(above, one.path)
        kind = _member(PropertyChangeType, word(one.property_change_type), PropertyChangeType.MODIFY)
        yield PropertyChange(path, kind, one.before, one.after, tuple(_properties(one.children, path)))


def _joined(above: str, path: str) -> str:
    """Return a property's whole path; a child of an array is named by its index."""
    if not above:
        return path
    index, _, below = path.partition(".")
    if not index.isdecimal():
        return f"{above}.{path}"
    return f"{above}[{index}]{'.' + below if below else ''}"


def _member(kind: type[_Word], value: str, other: _Word) -> _Word:
    """Return a word of ARM's; another one for what a newer version may say."""
    return next((one for one in kind if one.lower() == value.lower()), other)

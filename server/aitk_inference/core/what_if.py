"""What Resource Manager says that a deployment would change, before anything is changed."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from aitk_inference.core.model import Json


class ChangeType(StrEnum):
    """ARM's words for what happens to a resource (``WhatIfChange.changeType``)."""

    CREATE = "Create"
    DELETE = "Delete"
    IGNORE = "Ignore"
    DEPLOY = "Deploy"
    NO_CHANGE = "NoChange"
    MODIFY = "Modify"
    UNSUPPORTED = "Unsupported"


class PropertyChangeType(StrEnum):
    """ARM's words for what happens to a property (``WhatIfPropertyChange.propertyChangeType``)."""

    CREATE = "Create"
    DELETE = "Delete"
    MODIFY = "Modify"
    ARRAY = "Array"
    NO_EFFECT = "NoEffect"


class PropertyChange(NamedTuple):
    """A property that a deployment would change.

    Attributes:
        path: Where it is from the resource's root: ``properties.template.containers[0].image``.
        type: What happens to it.
        before: Its value now.
        after: Its value then.
        children: What changes in an array, with paths from the resource's root, too.
    """

    path: str
    type: PropertyChangeType
    before: Json = None
    after: Json = None
    children: tuple[PropertyChange, ...] = ()


class ResourceChange(NamedTuple):
    """A resource that a deployment, or the resource group around it, holds."""

    resource_id: str
    type: ChangeType
    properties: tuple[PropertyChange, ...] = ()

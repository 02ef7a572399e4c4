"""All resource types, found by their name without case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.arm import errors
from aca_local.arm.ids import ResourceId
from aca_local.providers import accounts, app, file_services, insights

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aca_local.providers.model import ResourceType


class Registry:
    """The resource types of this Azure."""

    def __init__(self, kinds: Iterable[ResourceType]) -> None:
        self._kinds = {kind.full_name.lower(): kind for kind in kinds}

    def all(self) -> list[ResourceType]:
        """All types."""
        return list(self._kinds.values())

    def namespaces(self) -> list[str]:
        """The namespaces, as they are written."""
        return list(dict.fromkeys(kind.namespace for kind in self._kinds.values()))

    def provider(self, namespace: str) -> tuple[str, Sequence[ResourceType]]:
        """A provider's own spelling and its types. Raises InvalidResourceNamespace."""
        found = [one for one in self._kinds.values() if one.namespace.lower() == namespace.lower()]
        if not found:
            raise errors.invalid_namespace(namespace)
        return found[0].namespace, found

    def get(self, full_name: str) -> ResourceType | None:
        """A type by its full name."""
        return self._kinds.get(full_name.lower())

    def require(self, namespace: str, name: str, api_version: str) -> ResourceType:
        """A type in an api-version. Raises InvalidResourceNamespace, InvalidResourceType,
        NoRegisteredProviderFound.
        """
        spelled, kinds = self.provider(namespace)
        kind = self.get(f"{namespace}/{name}")
        if kind is None:
            raise errors.invalid_type(spelled, name, api_version, _versions(kinds))
        if api_version.lower() not in kind.api_versions:
            raise errors.no_registered_provider(
                "global", api_version, name, kind.api_versions, kind.locations
            )
        return kind

    def children(self, kind: ResourceType) -> Sequence[ResourceType]:
        """The types directly below a type."""
        head = f"{kind.full_name.lower()}/"
        return [
            one
            for key, one in self._kinds.items()
            if key.startswith(head) and "/" not in key.removeprefix(head)
        ]

    def spell(self, target: ResourceId) -> ResourceId:
        """An id with the type's own spelling, whatever the client wrote."""
        kind = self.get(target.type)
        if kind is None:
            return target
        types = tuple(kind.name.split("/"))
        return ResourceId(target.subscription, target.group, kind.namespace, types, target.names)


def _versions(kinds: Sequence[ResourceType]) -> list[str]:
    return sorted({version for kind in kinds for version in kind.api_versions}, reverse=True)


def build_registry() -> Registry:
    """The registry of all types that aca-local has."""
    return Registry((*accounts.TYPES, *file_services.TYPES, *insights.TYPES, *app.TYPES))

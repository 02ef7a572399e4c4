"""All resource types, found by their name without case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.kernel import errors
from aca_local.kernel.ids import ResourceId
from aca_local.providers import accounts, app, file_services, insights

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aca_local.kernel.resource_type import ResourceType


class Registry:
    """The resource types of this Azure."""

    def __init__(self, kinds: Iterable[ResourceType]) -> None:
        self._kinds = {kind.full_name.lower(): kind for kind in kinds}

    def all(self) -> list[ResourceType]:
        """Return all types."""
        return list(self._kinds.values())

    def namespaces(self) -> list[str]:
        """Return the namespaces, as they are written."""
        return list(dict.fromkeys(kind.namespace for kind in self._kinds.values()))

    def provider(self, namespace: str) -> tuple[str, Sequence[ResourceType]]:
        """Return a provider's own spelling and its types. Raises InvalidResourceNamespace."""
        found = [one for one in self._kinds.values() if one.namespace.lower() == namespace.lower()]
        if not found:
            real = namespace.lower().startswith("microsoft.")  # Azure has it, or may have it
            refusal = errors.NAMESPACE_NOT_SERVED if real else errors.INVALID_NAMESPACE
            raise refusal.error(namespace=namespace, known=", ".join(self.namespaces()))
        return found[0].namespace, found

    def get(self, full_name: str) -> ResourceType | None:
        """Return a type by its full name."""
        return self._kinds.get(full_name.lower())

    def require(self, namespace: str, name: str, api_version: str) -> ResourceType:
        """Return a type in an api-version.

        Raise InvalidResourceNamespace, InvalidResourceType, NoRegisteredProviderFound.
        """
        spelled, kinds = self.provider(namespace)
        kind = self.get(f"{namespace}/{name}")
        if kind is None:
            versions = sorted({version for one in kinds for version in one.api_versions}, reverse=True)
            raise errors.INVALID_TYPE.error(
                namespace=spelled, name=name, asked=api_version, supported=",".join(versions)
            )
        if api_version.lower() not in kind.api_versions:
            raise errors.NO_REGISTERED_PROVIDER.error(
                location="global",
                asked=api_version,
                name=name,
                supported=", ".join(kind.api_versions),
                regions=", ".join(kind.locations),
            )
        return kind

    def children(self, kind: ResourceType) -> Sequence[ResourceType]:
        """Return the types directly below a type."""
        head = f"{kind.full_name.lower()}/"
        return [
            one
            for key, one in self._kinds.items()
            if key.startswith(head) and "/" not in key.removeprefix(head)
        ]

    def spell(self, target: ResourceId) -> ResourceId:
        """Return an id with the type's own spelling, whatever the client wrote."""
        kind = self.get(target.type)
        if kind is None:
            return target
        types = tuple(kind.name.split("/"))
        return ResourceId(target.subscription, target.group, kind.namespace, types, target.names)


def build_registry() -> Registry:
    """Return the registry of all types that aca-local has."""
    return Registry((*accounts.TYPES, *file_services.TYPES, *insights.TYPES, *app.TYPES))

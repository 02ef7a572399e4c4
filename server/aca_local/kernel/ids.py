"""Resource ids: ``/subscriptions/{s}/resourceGroups/{g}/providers/{namespace}/{type}/{name}/…``."""

from __future__ import annotations

from dataclasses import dataclass

_GROUP_PARTS = 4
_PROVIDER_PARTS = 6


@dataclass(frozen=True)
class ResourceId:
    """The id of one resource in a group; ``types`` and ``names`` are equally long."""

    subscription: str
    group: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def type(self) -> str:
        """Return ``Microsoft.App/managedEnvironments/storages``."""
        return "/".join((self.namespace, *self.types))

    @property
    def name(self) -> str:
        """Return the last name, which is the resource's own."""
        return self.names[-1]

    @property
    def type_and_name(self) -> str:
        """Return ``Microsoft.App/managedEnvironments/env``, as errors name a resource."""
        return f"{self.type}/{'/'.join(self.names)}"

    @property
    def parent(self) -> ResourceId | None:
        """Return the resource that this one is a child of."""
        if len(self.types) == 1:
            return None
        return ResourceId(self.subscription, self.group, self.namespace, self.types[:-1], self.names[:-1])

    @property
    def group_id(self) -> str:
        """Return the id of the resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def key(self) -> str:
        """Return the id as a key: ARM compares ids without case."""
        return str(self).lower()

    def child(self, kind: str, name: str) -> ResourceId:
        """Return the id of a child of this resource."""
        return ResourceId(
            self.subscription, self.group, self.namespace, (*self.types, kind), (*self.names, name)
        )

    def __str__(self) -> str:
        pairs = "/".join(f"{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True))
        return f"{self.group_id}/providers/{self.namespace}/{pairs}"


def parse(text: str) -> ResourceId:
    """Read an id; raises ValueError where the text is not the id of a resource in a group."""
    parts = text.strip("/").split("/")
    heads = [part.lower() for part in parts[0:5:2]]
    pairs = parts[_PROVIDER_PARTS:]
    if heads != ["subscriptions", "resourcegroups", "providers"] or not pairs or len(pairs) % 2:
        raise ValueError(f"'{text}' is not a resource id")
    return ResourceId(
        parts[1], parts[_GROUP_PARTS - 1], parts[_PROVIDER_PARTS - 1], tuple(pairs[0::2]), tuple(pairs[1::2])
    )

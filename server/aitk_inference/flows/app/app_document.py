"""A container app as Resource Manager's document: read whole, and changed only in what is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core import api_versions
from aitk_inference.core.errors import AppError, NotFound
from aitk_inference.core.json_paths import find, objects
from aitk_inference.flows.app.restart import retried

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import ContainerApp, Json
    from aitk_inference.core.ports import Cloud
    from aitk_inference.core.progress import Reporter

"""The template's own version: an older one would lose what it does not know, such as ``cooldownPeriod``."""


@dataclass(frozen=True)
class AppDocument:
    """An app's document, as GET answers it: values of secrets are left out.

    Attributes:
        id: The app's ARM id.
    """

    id: str
    body: Mapping[str, Json]

    def find(self, *path: str) -> Json:
        """Return a value below ``properties``, or None."""
        return find(self.body, "properties", *path)

    def objects(self, *path: str) -> list[dict[str, Json]]:
        """Return the objects of a list below ``properties``."""
        return [*objects(self.body, "properties", *path)]

    @property
    def containers(self) -> tuple[dict[str, Json], list[dict[str, Json]]]:
        """Return the first container, which is the app's own, and the others.

        Raises:
            AppError: there is none.
        """
        found = self.objects("template", "containers")
        if not found:
            raise AppError(
                f"The container app {self.id.rpartition('/')[2]} has no container.",
                suggestion="Run Provision, which gives it one.",
            )
        return found[0], found[1:]


async def read_document(app: ContainerApp, cloud: Cloud) -> AppDocument:
    """Return the app's document.

    Raises:
        NotFound: the app went away.
    """
    body = await cloud.resources.get(app.ref.id, api_versions.APPS)
    if body is None:
        raise NotFound(f"The container app {app.ref.name} is gone.", suggestion="Run Provision to make it.")
    return AppDocument(app.ref.id, body)


async def change_app(
    document: AppDocument, cloud: Cloud, report: Reporter, properties: Mapping[str, Json]
) -> None:
    """Change what is named of the app's properties: objects are merged, lists are replaced.

    A name of the template's own revision is left out: Azure refuses to use one twice.

    Raises:
        Conflict: Azure stays busy with the app.
        Forbidden, Unreachable.
    """
    changed = dict(properties)
    template = changed.get("template")
    if isinstance(template, dict) and document.find("template", "revisionSuffix"):
        changed["template"] = {**template, "revisionSuffix": ""}
    body: dict[str, Json] = {"properties": changed}
    await retried(lambda: cloud.resources.patch(document.id, api_versions.APPS, body), cloud, report)

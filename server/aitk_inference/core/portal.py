"""Pages of the Azure portal."""

from __future__ import annotations

PORTAL = "https://portal.azure.com"


def resource_page(resource_id: str, tenant: str | None = None) -> str:
    """Return the page of a resource, a group or a deployment by its ARM id.

    Args:
        resource_id: For example ``/subscriptions/…/resourceGroups/models``.
        tenant: The directory to see it from: without one the portal opens a person's own, where a guest sees nothing.
    """
    directory = f"@{tenant}/" if tenant else ""
    return f"{PORTAL}/#{directory}resource/{resource_id.lstrip('/')}"

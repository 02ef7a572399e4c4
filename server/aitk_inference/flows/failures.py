"""Turns the error tree of a failed deployment into what a person needs: cause, way out, link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.errors import ErrorNode, ProvisionFailed, QuotaExceeded
from aitk_inference.flows.words import kind

if TYPE_CHECKING:
    from aitk_inference.core.errors import AppError

_QUOTA_WAY_OUT = (
    "Lower maximumInstanceCount, choose another region or workloadProfileType, or ask Azure for more quota."
)
_QUOTA_LINK = "https://learn.microsoft.com/azure/container-apps/quota-requests"


def failure(error: ErrorNode | None, *, portal: str | None = None) -> AppError:
    """The error to raise for a failed deployment: a missing quota is told before all else.

    Args:
        error: The tree that ARM gave; None when it gave none.
        portal: The deployment's page, where there is one.
    """
    tree = error or ErrorNode("DeploymentFailed", "The deployment failed, and Azure did not say why.")
    leaves = tree.root_causes()
    quota = next((leaf for leaf in leaves if _is_quota(leaf)), None)
    if quota is not None:
        return QuotaExceeded(
            f"No capacity is left: {quota.message}",
            suggestion=quota.suggestion or _QUOTA_WAY_OUT,
            link=quota.link or _QUOTA_LINK,
        )
    cause = next((leaf for leaf in leaves if leaf.suggestion), leaves[0])
    where = f" ({_place(cause.target)})" if cause.target else ""
    return ProvisionFailed(
        f"The deployment failed{where}: {cause.message}",
        tree,
        suggestion=cause.suggestion or "Mend the cause and run Provision again.",
        link=cause.link or portal,
    )


def _place(target: str) -> str:
    """A resource's id as people call it, ``Container app myapp``; another target as it is."""
    _, provider, tail = target.rpartition("/providers/")
    if not provider or not target.startswith("/subscriptions/"):
        return target
    namespace, *rest = tail.split("/")
    return f"{kind('/'.join([namespace, *rest[::2]]))} {'/'.join(rest[1::2])}"


def _is_quota(node: ErrorNode) -> bool:
    code = node.code.lower()
    return "quota" in code or code.startswith("maxnumberof") or code == "skunotavailable"

"""Turns the error tree of a failed deployment into what a person needs: cause, way out, link."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aitk_inference.core.arm_names import kind
from aitk_inference.core.errors import UNREGISTERED, ErrorNode, ProvisionFailed, QuotaExceeded

if TYPE_CHECKING:
    from aitk_inference.core.errors import AppError

_QUOTA_CODE = re.compile(r"quota|^maxnumberof|^skunotavailable$", re.IGNORECASE)
_QUOTA_WAY_OUT = (
    "Lower maximumInstanceCount, choose another region or workloadProfileType, or ask Azure for more quota."
)
_PASSING = frozenset(
    {
        "InternalServerError",
        "ServiceUnavailable",
        "ServerTimeout",
        "GatewayTimeout",
        "RequestTimeout",
        "OperationTimedOut",
        "RetryableError",
        "AnotherOperationInProgress",
        "ContainerAppOperationInProgress",
        "TooManyRequests",
    }
)
_PASSING_WORDS = re.compile(
    r"operation expired|deadline exceeded|try again later|please retry|temporar|too ?many ?requests|timed out",
    re.IGNORECASE,
)
"""``Operation expired`` of fresh environments (Azure-Samples/tutor#118), a registry that does not answer in time
(hashicorp/terraform-provider-azurerm#24621) or limits pulls (microsoft/azure-container-apps#1670)."""
_QUOTA_LINK = "https://learn.microsoft.com/azure/container-apps/quota-requests"


def failure(error: ErrorNode | None, *, portal: str | None = None) -> AppError:
    """Return the error to raise for a failed deployment: a missing quota comes before all else.

    Args:
        error: The tree that ARM gave; None when it gave none.
        portal: The deployment's page, where there is one.
    """
    tree = error or ErrorNode("DeploymentFailed", "The deployment failed, and Azure did not say why.")
    leaves = tree.root_causes()
    quota = next((leaf for leaf in leaves if _QUOTA_CODE.search(leaf.code)), None)
    if quota is not None:
        return QuotaExceeded(
            f"No capacity is left: {quota.message}",
            suggestion=quota.suggestion or _QUOTA_WAY_OUT,
            link=quota.link or _QUOTA_LINK,
        )
    cause = next((leaf for leaf in leaves if leaf.suggestion), leaves[0])
    where = f" ({_resource_of(cause.target)})" if cause.target else ""
    return ProvisionFailed(
        f"The deployment failed{where}: {cause.message}",
        tree,
        suggestion=cause.suggestion or "Mend the cause and run Provision again.",
        link=cause.link or portal,
    )


def lacks_registration(error: AppError) -> bool:
    """Return True if the subscription is not (or not yet) registered for a resource provider."""
    leaves = error.error.root_causes() if isinstance(error, ProvisionFailed) else ()
    return bool(UNREGISTERED & {error.cloud_code, *(leaf.code for leaf in leaves)})


def is_passing(error: AppError) -> bool:
    """Return True for a failed deployment that is likely to succeed a moment later: every cause of it passes."""
    leaves = error.error.root_causes() if isinstance(error, ProvisionFailed) else ()
    return bool(leaves) and all(
        leaf.code in _PASSING or _PASSING_WORDS.search(leaf.message) for leaf in leaves
    )


def _resource_of(target: str) -> str:
    """Return a resource's id as people call it, ``Container app myapp``; another target as it is."""
    _, provider, tail = target.rpartition("/providers/")
    if not provider or not target.startswith("/subscriptions/"):
        return target
    namespace, *rest = tail.split("/")
    return f"{kind('/'.join([namespace, *rest[::2]]))} {'/'.join(rest[1::2])}"

"""Turns the error tree of a failed deployment into what a person needs: cause, way out, link."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import AppError, ErrorNode, ProvisionFailed, QuotaExceeded

if TYPE_CHECKING:
    from collections.abc import Mapping

QUOTA_LINK = "https://learn.microsoft.com/azure/container-apps/quotas"
_REGISTER_LINK = "https://aka.ms/rps-not-found"


class _Advice(NamedTuple):
    suggestion: str
    link: str | None = None


_ADVICE: Mapping[str, _Advice] = {
    "missingsubscriptionregistration": _Advice(
        "Ask an owner of the subscription to register the resource provider, then run Provision again.",
        _REGISTER_LINK,
    ),
    "storageaccountalreadytaken": _Advice(
        "Storage account names are shared by all of Azure: set storageAccountName to another name."
    ),
    "requestdisallowedbypolicy": _Advice(
        "A policy of your organisation forbids it: show the message to whoever keeps the subscription.",
        "https://learn.microsoft.com/azure/governance/policy/overview",
    ),
    "invalidresourcelocation": _Advice(
        "Set location to where the resource is, or give it a new name in inference.parameters.json."
    ),
    "authorizationfailed": _Advice(
        "Ask for the role Contributor on the resource group.",
        "https://learn.microsoft.com/azure/role-based-access-control/role-assignments-portal",
    ),
    "imagepullfailure": _Advice(
        "Try again in some minutes, or set image to one of a registry without limits."
    ),
    "deploymentactive": _Advice("A deployment is still running: wait for it and run Provision again."),
    "managedenvironmentstorageupdatebadrequest": _Advice(
        "The environment knows another share under that name: set acaEnvironmentStorageName to a new name."
    ),
}


def failure(error: ErrorNode | None, *, portal: str | None = None) -> AppError:
    """The error to raise for a failed deployment.

    Args:
        error: The tree that ARM gave; None when it gave none.
        portal: The deployment's page, where there is one.
    """
    tree = error or ErrorNode("DeploymentFailed", "The deployment failed, and Azure did not say why.")
    cause = _first_telling(tree)
    if _is_quota(cause):
        return QuotaExceeded(
            f"No capacity is left: {cause.message}",
            suggestion="Lower maximumInstanceCount, choose another region or workloadProfileType, "
            "or ask Azure for more quota.",
            link=QUOTA_LINK,
        )
    advice = _ADVICE.get(cause.code.lower(), _Advice("Mend the cause and run Provision again."))
    where = f" ({cause.target})" if cause.target else ""
    return ProvisionFailed(
        f"The deployment failed{where}: {cause.message}",
        tree,
        suggestion=advice.suggestion,
        link=advice.link or portal,
    )


def _first_telling(tree: ErrorNode) -> ErrorNode:
    leaves = tree.root_causes()
    quota = [leaf for leaf in leaves if _is_quota(leaf)]
    known = [leaf for leaf in leaves if leaf.code.lower() in _ADVICE]
    return (quota or known or list(leaves))[0]


def _is_quota(node: ErrorNode) -> bool:
    text = node.code.lower()
    return "quota" in text or "maxnumberof" in text or text == "skunotavailable"

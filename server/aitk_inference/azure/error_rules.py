"""What each of Azure's error codes means for a person: which error of ours, in which words, and the way out.

Codes and the words that the patterns look for are those of recorded answers and of Microsoft's list of common
deployment errors (learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aitk_inference.core.errors import (
    AppError,
    Conflict,
    Forbidden,
    KeysForbidden,
    NotAuthenticated,
    NotFound,
    ProvisionFailed,
    QuotaExceeded,
    ResourceLocked,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.errors import ErrorNode

_ARM = "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting"
_APPS = "https://learn.microsoft.com/azure/container-apps"
_FILES = "https://learn.microsoft.com/azure/storage/files"
_PLACEHOLDERS = {
    "namespace": "NAMESPACE",
    "tenant": "DIRECTORY",
    "scope": "the resource group",
    "regions": "the list of the error.",
}
_UNREGISTERED = r"(?:namespace|resource provider) '(?P<namespace>[^']+)'"
_LOGIN = "Sign in again: `az login`, or the account button of the editor."


@dataclass(frozen=True)
class Rule:
    """What one code means.

    Attributes:
        raises: The error that a request with this code ends in.
        message: What happened; ``{message}`` stands for the cloud's own words, ``{target}`` for its target,
            other names for groups of ``pattern``. When a name has no value, the cloud's words stand alone.
        suggestion: What to do, with the same names.
        pattern: Finds names in the cloud's own words.
    """

    raises: type[AppError]
    message: str = "{message}"
    suggestion: str = ""
    link: str | None = None
    pattern: str = ""

    def message_for(self, node: ErrorNode) -> str:
        """Return what happened."""
        return _fill(self.message, _names(self.pattern, node)) or node.message

    def suggestion_for(self, node: ErrorNode) -> str:
        """Return what to do about it."""
        return _fill(self.suggestion, {**_PLACEHOLDERS, **_names(self.pattern, node)})


def rule_for(code: str, message: str = "") -> Rule | None:
    """Return the rule of an error, or None for one that nobody wrote down.

    Args:
        code: The cloud's code.
        message: Its words, for errors whose code says too little.
    """
    worded = next((rule for pattern, rule in _BY_WORDS if re.search(pattern, message)), None)
    exact = worded or _RULES.get(code)
    if exact is not None:
        return exact
    return next((rule for pattern, rule in _FAMILIES if re.search(pattern, code)), None)


def _names(pattern: str, node: ErrorNode) -> Mapping[str, str]:
    found = re.search(pattern, node.message) if pattern else None
    groups = {name: text for name, text in (found.groupdict() if found else {}).items() if text}
    known = {"message": node.message, "target": node.target or ""}
    return {name: text for name, text in {**known, **groups}.items() if text}


def _fill(template: str, names: Mapping[str, str]) -> str:
    try:
        return template.format_map(dict(names))
    except KeyError:
        return ""


_QUOTA = Rule(
    QuotaExceeded,
    suggestion="Choose another region or workload profile, lower maximumInstanceCount in"
    " infra/provision/inference.parameters.json, or ask for more quota.",
    link=f"{_APPS}/quota-requests",
)
_REFUSED = Rule(
    ProvisionFailed,
    suggestion="Correct the template or its parameters in infra/provision and run Provision again.",
    link=f"{_ARM}/error-invalid-template",
)
_FAILED = Rule(ProvisionFailed, link=f"{_ARM}/common-deployment-errors")
_SIGN_IN = Rule(NotAuthenticated, "Azure did not accept your sign-in: {message}", _LOGIN)
_WAIT = "Wait a minute and run the command again."
_BUSY_APP = Rule(Conflict, "Another change of the container app is under way.", _WAIT)
_BUSY = Rule(Conflict, "Another change of the same resource is under way: {message}", _WAIT)
_NO_SUBSCRIPTION = Rule(
    NotFound,
    "The subscription does not exist, or your account can't see it.",
    "Choose another subscription, or sign in with the account that it belongs to: `az login`.",
)
_STORAGE_SIGN_IN = Rule(
    NotAuthenticated,
    "The file share did not accept the credential.",
    "Check this computer's clock. If the account's key was just changed, run the command again.",
)
_THROTTLED = Rule(
    Unreachable, "Azure asks to slow down: {message}", "Wait a minute and run the command again."
)

_RULES: Final[Mapping[str, Rule]] = {
    "MissingSubscriptionRegistration": Rule(
        Conflict,
        "The subscription is not registered for {namespace}.",
        "Run `az provider register --namespace {namespace} --wait`, or ask an owner of the subscription to.",
        f"{_ARM}/error-register-resource-provider",
        _UNREGISTERED,
    ),
    "NoRegisteredProviderFound": Rule(
        Conflict,
        "The region does not know {namespace} yet: {message}",
        "Wait some minutes and run the command again, or choose another region.",
        f"{_ARM}/error-register-resource-provider",
        r"(?:namespace|provider|type) '(?P<namespace>[^'/]+)",
    ),
    "AuthorizationFailed": Rule(
        Forbidden,
        "Your account lacks the right {action} on {scope}.",
        "Ask an owner of {scope} for a role that has this right (Contributor has most), then sign in again.",
        "https://learn.microsoft.com/azure/role-based-access-control/troubleshooting",
        r"perform action(?: '(?P<action>[^']+)')? over scope '(?P<scope>[^']+)'",
    ),
    "LinkedAuthorizationFailed": Rule(
        Forbidden,
        suggestion="Ask an owner for the missing right on the linked resource, then sign in again.",
        link="https://learn.microsoft.com/azure/role-based-access-control/troubleshooting",
    ),
    "InvalidAuthenticationToken": _SIGN_IN,
    "InvalidAuthenticationTokenTenant": Rule(
        NotAuthenticated,
        "The subscription belongs to another directory than the one you are signed in to.",
        "Sign in to its directory: `az login --tenant {tenant}`.",
        None,
        r"login\.(?:windows\.net|microsoftonline\.com)/(?P<tenant>[0-9a-fA-F-]{36})",
    ),
    "ExpiredAuthenticationToken": _SIGN_IN,
    "AuthenticationFailed": _STORAGE_SIGN_IN,
    "AuthenticationFailedInvalidHeader": _SIGN_IN,
    "InvalidAuthenticationInfo": _STORAGE_SIGN_IN,
    "SubscriptionNotFound": _NO_SUBSCRIPTION,
    "InvalidSubscriptionId": _NO_SUBSCRIPTION,
    "ReadOnlyDisabledSubscription": Rule(
        Forbidden,
        "The subscription is disabled, so that nothing can be made or changed in it.",
        "Enable it again, or choose another subscription.",
        "https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-disabled",
    ),
    "InvalidResourceGroup": Rule(
        Conflict,
        "Azure does not take that name for a resource group: {message}",
        "Choose another name: --resource-group NAME, or the list in the editor.",
    ),
    "ResourceGroupNotFound": Rule(
        NotFound,
        "There is no resource group {group} in this subscription.",
        "Check RESOURCE_GROUP_NAME in infra/inference.config.json, or run Provision.",
        None,
        r"[Rr]esource group '(?P<group>[^']+)'",
    ),
    "ResourceNotFound": Rule(
        NotFound,
        "There is no {name} ({type}) in the resource group {group}.",
        "Check the names in infra/inference.config.json, or run Provision.",
        None,
        r"Resource '(?P<type>[^'/]+/[^'/]+)/(?P<name>[^']+)' under resource group '(?P<group>[^']+)'",
    ),
    "ShareNotFound": Rule(
        NotFound,
        "The file share does not exist.",
        "Check FILE_SHARE_NAME in infra/inference.config.json, or run Provision.",
    ),
    "ShareBeingDeleted": Rule(
        Conflict, "The file share is being deleted.", "Wait some minutes, then run Provision."
    ),
    "ShareSizeLimitReached": Rule(
        QuotaExceeded,
        "The file share is full.",
        "Raise the quota of the share in the portal, or delete files from it.",
        f"{_FILES}/storage-how-to-create-file-share",
    ),
    "InvalidResourceName": Rule(
        Conflict,
        suggestion="Azure Files refuses this name: rename the file or folder, or set another fileShareName.",
    ),
    "StorageAccountAlreadyTaken": Rule(
        Conflict,
        "The storage account name {name} is taken by somebody else: such names are unique in all of Azure.",
        "Set another storageAccountName in infra/provision/inference.parameters.json.",
        f"{_ARM}/error-storage-account-name",
        r"named (?P<name>[a-z0-9]+) is already taken",
    ),
    "StorageAccountInAnotherResourceGroup": Rule(
        Conflict,
        "The storage account {name} is in another resource group of this subscription.",
        "Choose that resource group, or set another storageAccountName in infra/provision/inference.parameters.json.",
        f"{_ARM}/error-storage-account-name",
        r"account (?P<name>[a-z0-9]+) is already in another",
    ),
    "LocationNotAvailableForResourceType": Rule(
        Conflict,
        "The region {location} does not offer {type}.",
        "Choose another region: a new resource group in it, or location in infra/provision/inference.parameters.json. Azure names: {regions}",
        "https://learn.microsoft.com/azure/reliability/availability-zones-region-support",
        r"location '(?P<location>[^']+)' is not available for resource type '(?P<type>[^']+)'\.?(?:.*? is '(?P<regions>[^']+)')?",
    ),
    "InvalidParameterValueInContainerTemplate": Rule(
        ProvisionFailed,
        "The container app's template was refused: {message}",
        "Where it names the image: check its name and tag, and that its registry can be reached (registryServer and registryIdentity for a private one).",
        f"{_APPS}/troubleshoot-image-pull-failures",
    ),
    "InvalidResourceLocation": Rule(
        Conflict,
        suggestion="Set location in infra/provision/inference.parameters.json to the region of what exists,"
        " or choose another name.",
        link=f"{_ARM}/common-deployment-errors",
    ),
    "RequestDisallowedByPolicy": Rule(
        Forbidden,
        "A policy of your organisation forbids the resource {resource}.",
        "Ask the owner of the policy for an exemption, or change the parameter that it forbids.",
        f"{_ARM}/error-policy-requestdisallowedbypolicy",
        r"[Rr]esource '(?P<resource>[^']+)'",
    ),
    "RequestDisallowedByAzure": Rule(
        Forbidden,
        "Azure does not let this subscription make {resource} in that region: {message}",
        "Choose another region (student and free subscriptions may use a few: the policy assignment Allowed resource deployment regions names them), or another subscription.",
        "https://learn.microsoft.com/azure/azure-portal/supportability/regional-quota-requests",
        r"[Rr]esource '(?P<resource>[^']+)'",
    ),
    "ScopeLocked": Rule(
        ResourceLocked,
        "A lock keeps {scope} from being changed.",
        "Ask an owner to remove the lock, or choose another resource group.",
        "https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources",
        r"following scope\(s\) are locked: '(?P<scope>[^']+)'",
    ),
    "KeyBasedAuthenticationNotPermitted": Rule(
        KeysForbidden,
        "The storage account does not permit access with its key.",
        "Ask for the role Storage File Data Privileged Contributor on the account. The app's volume needs"
        " the key, too: set allowSharedKeyAccess on the account.",
        f"{_FILES}/authorize-oauth-rest",
    ),
    "AuthorizationPermissionMismatch": Rule(
        Forbidden,
        "Your account may not read and write the file share.",
        "Ask for the role Storage File Data Privileged Contributor on the storage account.",
        f"{_FILES}/authorize-oauth-rest",
    ),
    "AuthorizationFailure": Rule(
        Forbidden,
        "The storage account's network rules keep this computer out.",
        "Add this computer's address to the account's network rules, or run the command inside its network.",
        "https://learn.microsoft.com/azure/storage/common/storage-network-security",
    ),
    "ContainerAppOperationInProgress": _BUSY_APP,
    "ContainerAppOperationError": Rule(ProvisionFailed, link=f"{_APPS}/troubleshooting"),
    "ManagedEnvironmentStorageUpdateBadRequest": Rule(
        Conflict,
        suggestion="Only the key of an environment's storage can change: set another"
        " acaEnvironmentStorageName in infra/provision/inference.parameters.json.",
    ),
    "WorkloadProfileInvalidNameTooLong": Rule(
        Conflict, suggestion="Shorten workloadProfileName to 15 characters or fewer."
    ),
    "WorkloadProfilePropertyNotSupported": Rule(
        Conflict, suggestion="A serverless workload profile takes no instance counts: leave them out."
    ),
    "ImagePullFailure": Rule(
        ProvisionFailed,
        "The container image could not be pulled: {message}",
        "Check the parameter image. When Docker Hub limits pulls, wait, or use your own registry.",
        f"{_APPS}/troubleshoot-image-pull-failures",
    ),
    "DeploymentActive": Rule(
        Conflict,
        "A deployment of this name is still running.",
        "Wait until it ended, or cancel it in the portal, then run the command again.",
        f"{_ARM}/common-deployment-errors",
    ),
    "DeploymentQuotaExceeded": Rule(
        QuotaExceeded,
        "The resource group holds 800 deployments, which is the limit.",
        "Delete old deployments of the resource group in the portal.",
        "https://learn.microsoft.com/azure/azure-resource-manager/templates/deployment-history-deletions",
    ),
    "SkuNotAvailable": Rule(
        QuotaExceeded,
        suggestion="Choose another region or workload profile.",
        link=f"{_ARM}/error-sku-not-available",
    ),
    "InvalidTemplate": _REFUSED,
    "InvalidTemplateDeployment": _REFUSED,
    "InvalidDeployment": _REFUSED,
    "InvalidDeploymentParameterValue": _REFUSED,
    "MultipleErrorsOccurred": _FAILED,
    "PreflightValidationCheckFailed": _FAILED,
    "ValidationForResourceFailed": _FAILED,
    "DeploymentFailed": _FAILED,
    "ResourceDeploymentFailure": _FAILED,
    "TooManyRequests": _THROTTLED,
    "SubscriptionRequestsThrottled": _THROTTLED,
    "ServerBusy": _THROTTLED,
}

_FAMILIES: Final = (
    (r"Quota|^MaxNumberOf.*Exceeded|LimitExceeded|CapacityExceeded|InsufficientCapacity", _QUOTA),
    (r"^(Expired|Invalid)AuthenticationToken", _SIGN_IN),
    (r"OperationInProgress$", _BUSY),
)

_BY_WORDS: Final = (
    (
        r"workspace name '[^']+' is not unique",
        Rule(
            Conflict,
            "The name of the Log Analytics workspace {name} is taken: a deleted workspace keeps its name for 14 days, in its own region.",
            "Set acaLogAnalyticsName in infra/provision/inference.parameters.json to another name, or recover the deleted workspace.",
            "https://learn.microsoft.com/azure/azure-monitor/logs/delete-workspace",
            r"workspace name '(?P<name>[^']+)'",
        ),
    ),
    (
        r"(?is)disallowed by policy.*\btags?\b",
        Rule(
            Forbidden,
            "A policy of your organisation wants tags on {resource}: {message}",
            "Give the tags in the parameter tags of infra/provision/inference.parameters.json; a new resource group may have to be made by hand, with its tags.",
            f"{_ARM}/error-policy-requestdisallowedbypolicy",
            r"[Rr]esource '(?P<resource>[^']+)'",
        ),
    ),
)
"""Errors that are known by their words: ``Conflict`` and ``RequestDisallowedByPolicy`` say too little."""

REFUSALS: Final = frozenset(code for code, rule in _RULES.items() if rule in (_REFUSED, _FAILED))
"""Outermost codes by which ARM refuses or reports a whole deployment."""

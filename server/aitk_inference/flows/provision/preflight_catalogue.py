"""What a preflight can find: each finding's words and remedy, one row each; ``docs/preflight.md`` shows the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.portal import PORTAL
from aitk_inference.core.preflight import Check, CheckState

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROLES = "https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged"
_PROVIDERS = (
    "https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types"
)
_PROFILES = "https://learn.microsoft.com/azure/container-apps/workload-profiles-overview"
_QUOTAS = "https://learn.microsoft.com/azure/container-apps/quotas"
_GPUS = "https://learn.microsoft.com/azure/container-apps/gpu-serverless-overview"
_ACCOUNTS = "https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-name"
_WORKSPACES = "https://learn.microsoft.com/azure/azure-monitor/logs/delete-workspace"
_MOUNTS = "https://learn.microsoft.com/azure/container-apps/storage-mounts-azure-files"
_KEYS = "https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent"
_NETWORK = "https://learn.microsoft.com/azure/storage/common/storage-network-security"
_LOCKS = "https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources"
_VALIDATE = "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/overview"
_PROBLEM, _WARNING = CheckState.PROBLEM, CheckState.WARNING


class Row(NamedTuple):
    """A finding: its check's name, how bad it is, what is so, what to do, where to read more.

    Attributes:
        stops: False for what Provision can do without: Deploy needs it.
        fixes: Buttons that mend it; one whose values are not known is left out (``preflight_fixes.py``).
    """

    name: str
    state: CheckState
    message: str
    suggestion: str = ""
    link: str | None = None
    stops: bool = True
    fixes: tuple[Action, ...] = ()


def _set(title: str, parameter: str, value: str) -> Action:
    return Action(ActionKind.FIX, title, f"set?{parameter}={value}")


_OTHER_TYPE = _set("Use {other_type}", "workloadProfileType", "{other_type}")
_OTHER_REGION = _set("Use {other_region}", "location", "{other_region}")
_MORE_QUOTA = Action(
    ActionKind.OPEN_LINK,
    "Request quota",
    f"{PORTAL}/#view/Microsoft_Azure_Capacity/QuotaMenuBlade/~/myQuotas",
)
STOP = Action(ActionKind.RUN, "Stop the app", "stop")
_OTHER_ACCOUNT = _set("Use a new account {free_account}", "storageAccountName", "{free_account}")

NAMES: Mapping[str, str] = {
    "configuration": "The project's files can be read.",
    "template": "The template can be compiled and evaluated.",
    "parameters": "The parameters fit the template.",
    "start-command": "The files that the start command names are in the project.",
    "model": "The model's files fit together and the hardware.",
    "rights": "Your account may do here what the template needs.",
    "providers": "The resource providers are registered.",
    "workload-profile": "The region offers the workload profile.",
    "quota": "The quota of the region and the environment is enough.",
    "storage-name": "The storage account's name is valid and free, or the account is there.",
    "workspace-name": "The Log Analytics workspace's name is free, or the workspace is there.",
    "storage-access": "Container Apps can mount the share.",
    "environment": "The environment fits, or is made new.",
    "app": "The app is this project's, or is made new.",
    "validation": "Resource Manager accepts the template (policies, locks, limits).",
}
"""Each check, and what it says where nothing is wrong."""

CATALOGUE: Mapping[str, Row] = {
    "configuration-wrong": Row("configuration", _PROBLEM, "{what}", "{remedy}"),
    "template-wrong": Row("template", _PROBLEM, "{what}", "{remedy}"),
    "parameters-wrong": Row("parameters", _PROBLEM, "{what}", "{remedy}"),
    "file-missing": Row(
        "start-command",
        _PROBLEM,
        "The start command needs {file}, which is not in this project.",
        "Add it, or change defaultCommands in the parameters; Deploy sends it.",
        stops=False,
    ),
    "model-error": Row("model", _PROBLEM, "{what}", "{remedy}", stops=False),
    "model-warning": Row("model", _WARNING, "{what}", "{remedy}"),
    "rights-missing": Row(
        "rights",
        _PROBLEM,
        "Your account lacks {rights} on {scope}.",
        "Ask an owner for the role Contributor there.",
        _ROLES,
        fixes=(Action(ActionKind.OPEN_LINK, "Open access control", "{access_page}"),),
    ),
    "rights-unknown": Row(
        "rights",
        _WARNING,
        "What your account may do on {scope} can't be read: {why}",
        "Nothing to do where it has the role Contributor.",
        _ROLES,
    ),
    "providers-unregistered": Row(
        "providers",
        _WARNING,
        "Not registered in this subscription: {names}. Provision registers it.",
        "Where your account must not, an owner runs: az provider register --namespace {first}",
        _PROVIDERS,
        fixes=(Action(ActionKind.FIX, "Register them", "register?namespaces={names}"),),
    ),
    "providers-unknown": Row(
        "providers",
        _WARNING,
        "Whether the resource providers are registered can't be read: {why}",
        "Nothing to do where others already use Container Apps in this subscription.",
        _PROVIDERS,
    ),
    "profile-not-offered": Row(
        "workload-profile",
        _PROBLEM,
        "{region} does not offer the workload profile {type}.",
        "Choose another region, or set workloadProfileType to one of: {offered}.",
        _PROFILES,
        fixes=(
            _OTHER_TYPE,
            _OTHER_REGION,
        ),
    ),
    "region-not-chosen": Row(
        "workload-profile",
        _WARNING,
        "The region is not chosen, so its workload profiles and quotas were not looked up.",
        "Give --location.",
    ),
    "profile-unknown": Row(
        "workload-profile",
        _WARNING,
        "What {region} offers can't be read: {why}",
        "Compare the region with the list of workload profiles.",
        _PROFILES,
    ),
    "gpu-quota": Row(
        "quota",
        _PROBLEM,
        "GPUs ({card}) are needed: {needed}, but {scope} has {free} left ({used} of {limit} are in use, quota {quota}).",
        "Ask for more quota, lower maximumInstanceCount or minReplicas, or choose another region.",
        _QUOTAS,
        fixes=(
            _OTHER_TYPE,
            _OTHER_REGION,
            _MORE_QUOTA,
        ),
    ),
    "second-gpu": Row(
        "quota",
        _PROBLEM,
        "A change of the app needs a second GPU until its new revision is ready, but {scope} has none left ({used} of {limit} {card} are in use).",
        "Stop the app first (aitk-inference stop), or ask for more quota.",
        _QUOTAS,
        fixes=(
            STOP,
            _MORE_QUOTA,
        ),
    ),
    "second-node": Row(
        "quota",
        _WARNING,
        "A change of the app needs a second GPU until its new revision is ready, but the workload profile {profile} grows to {limit} only.",
        "Stop the app first (aitk-inference stop), or let the profile grow in the portal.",
        _GPUS,
        fixes=(STOP,),
    ),
    "environment-count": Row(
        "quota",
        _PROBLEM,
        "{region} has {used} of the {limit} environments that your subscription may have there.",
        "Set acaEnvironmentName to one that exists, ask for more quota, or choose another region.",
        _QUOTAS,
        fixes=(
            _OTHER_REGION,
            _MORE_QUOTA,
        ),
    ),
    "core-quota": Row(
        "quota",
        _PROBLEM,
        "The app needs {needed} cores, but its environment has {free} left ({used} of {limit} are in use).",
        "Ask for more quota, lower cpu or minReplicas, or set acaEnvironmentName to a new name.",
        _QUOTAS,
        fixes=(_MORE_QUOTA,),
    ),
    "quota-unknown": Row(
        "quota",
        _WARNING,
        "The quota of {scope} can't be read: {why}",
        "Look it up in the portal under Quotas before you deploy a GPU.",
        _QUOTAS,
    ),
    "storage-name-invalid": Row(
        "storage-name",
        _PROBLEM,
        "{name} can't be the name of a storage account: {why}",
        "Set storageAccountName to 3 to 24 lower-case letters and digits.",
        _ACCOUNTS,
        fixes=(_OTHER_ACCOUNT,),
    ),
    "storage-name-taken": Row(
        "storage-name",
        _PROBLEM,
        "The name {name} belongs to a storage account outside this resource group.",
        "Set storageAccountName to another name: names are unique in all of Azure.",
        _ACCOUNTS,
        fixes=(_OTHER_ACCOUNT,),
    ),
    "storage-name-unknown": Row(
        "storage-name",
        _WARNING,
        "Whether the name {name} is free can't be read: {why}",
        "Nothing to do: the deployment says so if it is taken.",
        _ACCOUNTS,
    ),
    "workspace-recovered": Row(
        "workspace-name",
        _WARNING,
        "The deleted Log Analytics workspace {name} is still kept here: making it anew recovers its old logs.",
        "Set acaLogAnalyticsName to another name where that is not wanted.",
        _WORKSPACES,
    ),
    "workspace-kept": Row(
        "workspace-name",
        _PROBLEM,
        "The name {name} belongs to a deleted Log Analytics workspace of {place}, for up to 14 days.",
        "Set acaLogAnalyticsName to another name, or recover the workspace.",
        _WORKSPACES,
        fixes=(_set("Use {free_workspace}", "acaLogAnalyticsName", "{free_workspace}"),),
    ),
    "workspace-unknown": Row(
        "workspace-name",
        _WARNING,
        "Whether a deleted Log Analytics workspace keeps the name {name} can't be read: {why}",
        "Nothing to do: the deployment says so if it does.",
        _WORKSPACES,
    ),
    "keys-forbidden": Row(
        "storage-access",
        _PROBLEM,
        "The storage account {name} forbids keys (allowSharedKeyAccess), and Container Apps mounts a share with the account's key only.",
        "Allow keys there (where a policy forbids them, its owner can exempt the account), or set storageAccountName to an account that allows them.",
        _KEYS,
        fixes=(_OTHER_ACCOUNT,),
    ),
    "share-nfs": Row(
        "storage-access",
        _PROBLEM,
        "The share {name} speaks NFS, and this app mounts SMB.",
        "Set fileShareName to a new name.",
        _MOUNTS,
        fixes=(_set("Use a new share {free_share}", "fileShareName", "{free_share}"),),
    ),
    "network-closed": Row(
        "storage-access",
        _PROBLEM,
        "The storage account {name} is closed to public networks, and the environment is in no virtual network.",
        "Open it to the app (Networking in the portal), or set storageAccountName to a new name.",
        _NETWORK,
        fixes=(_OTHER_ACCOUNT,),
    ),
    "network-restricted": Row(
        "storage-access",
        _WARNING,
        "The storage account {name} answers chosen networks only: this computer and the environment's network must be among them.",
        "See Networking of the account in the portal.",
        _NETWORK,
    ),
    "environment-wrong": Row("environment", _PROBLEM, "{what}", "{remedy}", _PROFILES),
    "app-wrong": Row("app", _PROBLEM, "{what}", "{remedy}"),
    "app-of-another": Row(
        "app",
        _PROBLEM,
        "The container app {name} was made by another project: {label}.",
        "Set acaAppName to a new name in the parameters; --yes takes the app over.",
        fixes=(_set("Use {free_app}", "acaAppName", "{free_app}"),),
    ),
    "app-taken-over": Row(
        "app",
        _WARNING,
        "The container app {name} was made by another project: {label}. It becomes this project's.",
    ),
    "app-locked": Row(
        "app",
        _PROBLEM,
        "The read-only lock {lock} keeps the container app {name} from being restarted or changed.",
        "Ask an owner to remove the lock (Locks in the portal) for the time of the Deploy.",
        _LOCKS,
    ),
    "validation-refused": Row("validation", _PROBLEM, "{what}", "{remedy}", _VALIDATE),
    "validation-unknown": Row(
        "validation",
        _WARNING,
        "The template could not be validated: {why}",
        "Nothing to do: the deployment is checked the same way when it starts.",
        _VALIDATE,
    ),
}
"""Every finding by its code. ``what``, ``why`` and ``remedy`` are the words of what stands behind it."""


def found(code: str, link: str | None = None, **values: str) -> Check:
    """Return a finding of the catalogue, its values filled in."""
    row = CATALOGUE[code]
    filled = row.message.format(**values), row.suggestion.format(**values)
    return Check(row.name, row.state, *filled, link or row.link, code, values)


def passed(name: str) -> Check:
    """Return a check that found nothing."""
    return Check(name, CheckState.OK, NAMES[name])

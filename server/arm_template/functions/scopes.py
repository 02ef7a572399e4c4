"""Functions that tell where a template is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template.errors import NotFound
from arm_template.functions.resources import check_in_subscription, check_subscription
from arm_template.messages import wrong_kind
from arm_template.scope import Function
from arm_template.syntax import Access, Call, Literal, call
from arm_template.unparser import expression
from arm_template.values import MISSING, Node, OpenObject, taken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arm_template.scope import Env
    from arm_template.values import JSON, Value

TEXT = ("String",)
GROUP_TYPE = "Microsoft.Resources/resourceGroups"
PUBLIC_CLOUD: Mapping[str, Value] = {
    "name": "AzureCloud",
    "gallery": "https://gallery.azure.com/",
    "graph": "https://graph.windows.net/",
    "portal": "https://portal.azure.com",
    "graphAudience": "https://graph.windows.net/",
    "activeDirectoryDataLake": "https://datalake.azure.net/",
    "batch": "https://batch.core.windows.net/",
    "media": "https://rest.media.azure.net",
    "sqlManagement": "https://management.core.windows.net:8443/",
    "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json",
    "resourceManager": "https://management.azure.com/",
    "authentication": {
        "loginEndpoint": "https://login.microsoftonline.com/",
        "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
        "tenant": "common",
        "identityProvider": "AAD",
    },
    "suffixes": {
        "acrLoginServer": ".azurecr.io",
        "azureDatalakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        "azureDatalakeStoreFileSystem": "azuredatalakestore.net",
        "azureFrontDoorEndpointSuffix": "azurefd.net",
        "keyvaultDns": ".vault.azure.net",
        "sqlServerHostname": ".database.windows.net",
        "storage": "core.windows.net",
    },
}


def unknown(env: Env, name: str, *members: str) -> Node:
    """Return what a function would answer, as an expression."""
    node: Node = Call(name, (), name.lower())
    for member in members:
        node = Access(node, Literal(member))
    return env.context.left_open(node)


def resource_group(env: Env, *args: Value) -> Value:
    """`resourceGroup()`, or of a name, or of a subscription and a name."""
    scope = env.context.scope
    if len(args) == 1:
        check_in_subscription(env)
    if args:
        return _other_group(scope.subscription_id, args)
    if scope.resource_group is None:
        raise NotFound("The deployment metadata 'resourceGroup' is not valid.")
    base: dict[str, Value] = {"id": scope.base, "name": scope.resource_group, "type": GROUP_TYPE}
    return base | _group_facts(env)


def _other_group(subscription_id: str, args: tuple[Value, ...]) -> Value:
    whole = (subscription_id, *args)[-2:]
    for at, arg in ((0, whole[0]), (2, whole[1])):
        if not isinstance(arg, (str, Node)):
            raise wrong_kind("subscriptionResourceId", TEXT, arg, at, alone=False)
    if any(isinstance(arg, Node) for arg in whole):
        return MISSING
    check_subscription(str(whole[0]))
    return {
        "id": f"/subscriptions/{whole[0]}/resourceGroups/{whole[1]}",
        "name": whole[1],
        "type": GROUP_TYPE,
    }


def _group_facts(env: Env) -> dict[str, Value]:
    scope = env.context.scope
    planned = scope.planned_group
    if planned is not None:
        return {
            name: taken(planned[name]) if name in planned else unknown(env, "resourceGroup", name)
            for name in ("location", "tags", "properties")
        }
    live = _live_group(env)
    facts: dict[str, Value] = {
        "location": scope.location,
        "tags": None,
        "managedBy": None,
        "properties": None,
    }
    if live is not None:
        return {name: taken(live.get(name)) for name in facts}
    if scope.location is None:
        facts["location"] = unknown(env, "resourceGroup", "location")
    if scope.group_tags is None:
        facts["tags"] = unknown(env, "resourceGroup", "tags")
        facts["managedBy"] = unknown(env, "resourceGroup", "managedBy")
        facts["properties"] = unknown(env, "resourceGroup", "properties")
    else:
        facts["tags"] = taken(dict(scope.group_tags))
        facts["managedBy"] = scope.group_managed_by
        facts["properties"] = {"provisioningState": "Succeeded"}
    return facts


def _live_group(env: Env) -> Mapping[str, JSON] | None:
    """Ask the running cloud for the group, where it is asked at all and something is not known."""
    scope, runtime = env.context.scope, env.context.runtime
    if runtime is None or (scope.location is not None and scope.group_tags is not None):
        return None
    found = runtime.reference(scope.base, None, True)
    return found if isinstance(found, dict) else {}


def subscription(env: Env, identifier: str | None = None) -> Value:
    """`subscription()`."""
    scope = env.context.scope
    if identifier is not None:
        check_subscription(identifier)
        return {"id": f"/subscriptions/{identifier}", "subscriptionId": identifier}
    check_in_subscription(env)
    name: Value = scope.subscription_name
    if name is None:
        name = scope.subscription_id if env.context.runtime else unknown(env, "subscription", "displayName")
    return {
        "id": scope.subscription,
        "subscriptionId": scope.subscription_id,
        "tenantId": scope.tenant_id,
        "displayName": name,
    }


def tenant(env: Env) -> Value:
    """`tenant()`."""
    scope = env.context.scope
    live = env.context.runtime is not None
    return {
        "countryCode": None if live else unknown(env, "tenant", "countryCode"),
        "displayName": None if live else unknown(env, "tenant", "displayName"),
        "id": f"/tenants/{scope.tenant_id}",
        "tenantId": scope.tenant_id,
    }


def management_group(env: Env, name: Value = MISSING) -> Value:
    """`managementGroup()`: there is none around a group or a subscription."""
    if name is MISSING:
        return _own_management_group(env)
    if not isinstance(name, str):
        raise wrong_kind("tenantResourceId", TEXT, name, 1, alone=False)
    return {
        "id": f"/providers/Microsoft.Management/managementGroups/{name}",
        "name": name,
        "type": "/providers/Microsoft.Management/managementGroups",
    }


def _own_management_group(env: Env) -> Value:
    identifier = env.context.scope.above
    if not identifier:
        raise NotFound("The deployment metadata 'managementGroup' is not valid.")
    return {
        "id": identifier,
        "name": identifier.rpartition("/")[2],
        "properties": unknown(env, "managementGroup", "properties"),
        "type": "/providers/Microsoft.Management/managementGroups",
    }


def deployment(env: Env) -> Value:
    """`deployment()`: name, and what is said of the template."""
    scope = env.context.scope
    template = env.context.template
    told: dict[str, Value] = {
        name: taken(template[name])
        for name in ("contentVersion", "metadata")
        if template.get(name) is not None
    }
    made: dict[str, Value] = {"name": scope.deployment_name}
    if scope.resource_group is None:
        made["location"] = scope.location
    made["properties"] = {"template": told}
    half_known = env.context.preview and env.context.nested and template.get("languageVersion") is None
    return _half_known(env, made) if half_known else made


def _half_known(env: Env, value: dict[str, Value]) -> Value:
    """Return what a preview tells of a nested deployment: its members in capitals, beside others that nobody knows."""
    more = env.context.left_open(call("unknown"))
    made: dict[str, Value] = {name[0].upper() + name[1:]: item for name, item in value.items()}
    for name in ("Properties", "Template"):
        inside = made.get(name)
        if isinstance(inside, dict):
            made[name] = _half_known(env, inside)
    return OpenObject({**made, expression(more): more})


def environment(env: Env) -> Value:
    """`environment()`: known where the scope tells it; at run time Azure's public cloud else."""
    known = env.context.scope.environment
    if known is not None:
        return taken(dict(known))
    return dict(PUBLIC_CLOUD) if env.context.runtime else unknown(env, "environment")


def deployer(env: Env) -> Value:
    """`deployer()`."""
    known = env.context.scope.deployer
    if known is not None:
        return taken(dict(known))
    nobody = "00000000-0000-0000-0000-000000000000"
    if env.context.runtime:
        return {"objectId": nobody, "tenantId": env.context.scope.tenant_id, "userPrincipalName": ""}
    return unknown(env, "deployer")


TABLE = {
    "resourcegroup": Function(resource_group, 0, 2, scoped=True, waits="never"),
    "subscription": Function(subscription, 0, 1, (TEXT,), scoped=True),
    "tenant": Function(tenant, 0, 0, scoped=True),
    "managementgroup": Function(management_group, 0, 1, scoped=True),
    "deployment": Function(deployment, 0, 0, scoped=True),
    "environment": Function(environment, 0, 0, scoped=True),
    "deployer": Function(deployer, 0, 0, scoped=True),
}

"""Errors of Azure as issue threads and Microsoft's pages quote them: what happened, and a way out that fits."""

import json

import pytest
from aitk_inference.azure.errors import answer_error, unmet_claims
from aitk_inference.core.errors import AppError, Conflict, Forbidden, NotAuthenticated, ProvisionFailed

REGIONS = "Resource 'ai-app' was disallowed by Azure: This policy maintains a set of best available regions where your subscription can deploy resources. The objective of this policy is to ensure that your subscription has full access to Azure services with optimal performance. Should you need additional or different regions, contact support.."
IMAGE = "The following field(s) are either invalid or missing. Field 'template.containers.main.image' is invalid with details: 'Invalid value: \"acr.azurecr.io/app:latest\": GET https:: MANIFEST_UNKNOWN: manifest tagged by \"latest\" is not found; map[Tag:latest]';."
LOCATION = "The provided location 'italynorth' is not available for resource type 'Microsoft.App/managedEnvironments'. List of available regions for the resource type is 'eastus,westeurope'."
LOCK = "The scope '/subscriptions/s/resourceGroups/rg/providers/x/y/z' cannot perform write operation because following scope(s) are locked: '/subscriptions/s/resourceGroups/rg'. Please remove the lock and try again."
TAGS = """Resource 'aistorage' was disallowed by policy. Policy identifiers: '[{"policyAssignment":{"name":"Require a tag on resources","id":"/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/a"},"policyDefinition":{"name":"Require a tag on resources","id":"/x"}}]'."""
KINDS = """Resource 'aistorage' was disallowed by policy. Policy identifiers: '[{"policyAssignment":{"name":"Allowed locations","id":"/x"}}]'."""


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "says", "way_out"),
    [
        (403, "RequestDisallowedByAzure", REGIONS, Forbidden, "does not let this subscription make ai-app", "another region"),
        (409, "Conflict", "The workspace name 'ailogx' is not unique", Conflict, "workspace ailogx is taken", "acaLogAnalyticsName"),
        (409, "ConflictError", "The workspace name 'ailogx' is not unique. Please choose a different name.", Conflict, "keeps its name for 14 days", "acaLogAnalyticsName"),
        (409, "StorageAccountInAnotherResourceGroup", "The account aistore is already in another resource group in this subscription.", Conflict, "aistore is in another resource group", "storageAccountName"),
        (400, "InvalidParameterValueInContainerTemplate", IMAGE, ProvisionFailed, "MANIFEST_UNKNOWN", "registryServer"),
        (400, "LocationNotAvailableForResourceType", LOCATION, Conflict, "italynorth does not offer Microsoft.App/managedEnvironments", "eastus,westeurope"),
        (409, "ScopeLocked", LOCK, Forbidden, "A lock keeps /subscriptions/s/resourceGroups/rg from", "remove the lock"),
        (403, "RequestDisallowedByPolicy", TAGS, Forbidden, "wants tags on aistorage", "parameter tags"),
        (403, "RequestDisallowedByPolicy", KINDS, Forbidden, "forbids the resource aistorage", "exemption"),
        (409, "NoRegisteredProviderFound", "No registered resource provider found for location 'westus3' and API version '2025-01-01' for type 'managedEnvironments'.", Conflict, "does not know managedEnvironments yet", "Wait some minutes"),
    ],
)  # fmt: skip
def test_an_error_is_reported_with_what_happened_and_a_way_out_that_fits(
    status: int, code: str, message: str, kind: type[AppError], says: str, way_out: str
) -> None:
    error = answer_error(status, json.dumps({"error": {"code": code, "message": message}}), "", "testing")
    assert isinstance(error, kind)
    assert says in error.message
    assert way_out in error.suggestion
    assert "{" not in error.suggestion


@pytest.mark.parametrize(
    "scope",
    [
        "/subscriptions/s",
        "/subscriptions/s/resourceGroups/rg",
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.App/containerApps/app",
    ],
)
@pytest.mark.parametrize("action", ["action 'Microsoft.App/containerApps/write'", "action"])
def test_a_missing_right_is_asked_for_where_it_is_missing(scope: str, action: str) -> None:
    words = f"The client 'x' does not have authorization to perform {action} over scope '{scope}' or the scope is invalid."
    body = json.dumps({"error": {"code": "AuthorizationFailed", "message": words}})
    error = answer_error(403, body, "", "testing")
    assert error.suggestion.startswith(f"Ask an owner of {scope} for a role")


def test_a_challenge_that_is_left_names_azure_clis_command() -> None:
    header = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="eyJhIjoxfQ"'
    error = unmet_claims(401, header)
    assert isinstance(error, NotAuthenticated)
    assert 'az login --claims-challenge "eyJhIjoxfQ=="' in error.suggestion
    assert unmet_claims(403, header) is None
    assert unmet_claims(401, 'Bearer error="invalid_token"') is None

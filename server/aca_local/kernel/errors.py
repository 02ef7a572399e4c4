"""Errors of Azure Resource Manager, made in one place, in Azure's own words: one message, one line.

Wording from recordings where there is one, else from Microsoft's documentation of common deployment errors
and from issue threads. ``gateway`` errors are those of ARM itself: they carry ``x-ms-failure-cause:
gateway``. Each provider has a table of its own beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.kernel.records import ErrorRecord
    from aca_local.state import JSON


@dataclass(eq=False)
class ArmError(Exception):
    """An error answer: HTTP status and the body's ``code``, ``message``, ``target``, ``details``."""

    status: int
    code: str
    message: str
    target: str | None = None
    details: Sequence[ErrorRecord] | None = None
    additional_info: Sequence[dict[str, JSON]] | None = None
    gateway: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def body(self) -> ErrorRecord:
        """Return the value of ``error`` in the answer."""
        found: ErrorRecord = {"code": self.code, "message": self.message}
        if self.target is not None:
            found = {"code": self.code, "target": self.target, "message": self.message}
        if self.details is not None:
            found["details"] = list(self.details)
        if self.additional_info is not None:
            found["additionalInfo"] = list(self.additional_info)
        return found


class Refusal(NamedTuple):
    """A row of a table of errors; the braces of ``message`` and ``target`` are filled in by ``error``."""

    status: int
    code: str
    message: str
    target: str | None = None
    gateway: bool = False

    def error(self, **values: object) -> ArmError:
        """Return the error about these values."""
        target = None if self.target is None else self.target.format(**values)
        message = self.message.format(**values)
        return ArmError(self.status, self.code, message, target, gateway=self.gateway)


def gateway(
    status: int,
    code: str,
    message: str,
    *,
    details: Sequence[ErrorRecord] | None = None,
    additional_info: Sequence[dict[str, JSON]] | None = None,
) -> ArmError:
    """Return an error of ARM itself, not of a resource provider."""
    return ArmError(status, code, message, None, details, additional_info, gateway=True)


def _of_arm(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, code, message, gateway=True)


ACTIVE_DEPLOYMENT = _of_arm(
    409,
    "DeploymentActive",
    "Unable to edit or replace deployment '{name}': previous deployment from '{since}' is still active (expiration time is '{until}'). Please see https://aka.ms/arm-deploy-resources for usage details.",
)
SCOPE_LOCKED = _of_arm(
    409,
    "ScopeLocked",
    "The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: '{locked}'. Please remove the lock and try again.",
)
CANNOT_CANCEL = _of_arm(
    409,
    "DeploymentCannotBeCancelled",
    "The deployment '{name}' cannot be cancelled because it has provisioning state '{state}' or it has already expired (expiration time is '{until}').",
)
CURRENCY = _of_arm(400, "BadRequest", "Invalid currencyCode '{currency}'. aca-local has {known}.")
DEPLOYMENT_LOCATION = _of_arm(
    400,
    "LocationRequired",
    "The location property is required for the deployment '{name}' at the scope of a subscription.",
)
DEPLOYMENT_NAME = _of_arm(
    400,
    "InvalidDeploymentName",
    "The deployment name '{name}' is invalid: at most 64 letters, digits, '-', '.', '_', '(' and ')'.",
)
DEPLOYMENT_NOT_FOUND = _of_arm(404, "DeploymentNotFound", "Deployment '{name}' could not be found.")
DEPLOYMENT_OPERATION_NOT_FOUND = _of_arm(
    404, "DeploymentOperationNotFound", "The deployment operation '{name}' could not be found."
)
DEPLOYMENT_STATUS_NOT_FOUND = _of_arm(
    404, "DeploymentOperationNotFound", "The operation '{name}' could not be found."
)
DEPLOYMENT_UNSUPPORTED = _of_arm(
    400,
    "InvalidRequestContent",
    "aca-local does not support '{name}' in a deployment: give the template and its parameters inline.",
)
FILTER = _of_arm(
    400,
    "InvalidFilterInQueryString",
    "Invalid $filter '{text}' specified in the query string. aca-local knows \"name eq 'value'\" joined with 'and', for: {known}.",
)
GROUP_BEING_DELETED = _of_arm(
    409,
    "ResourceGroupBeingDeleted",
    "The resource group '{name}' is in deprovisioning state and cannot perform this operation.",
)
GROUP_LOCATION = _of_arm(
    409,
    "InvalidResourceGroupLocation",
    "Invalid resource group location '{location}'. The Resource group already exists in location '{existing}'.",
)
GROUP_NAME = _of_arm(
    400,
    "InvalidResourceGroup",
    "The provided resource group name '{name}' has these invalid characters or is too long. The name can only be a letter, digit, '-', '.', '(', ')' or '_', and cannot end with '.'.",
)
GROUP_NOT_FOUND = _of_arm(404, "ResourceGroupNotFound", "Resource group '{name}' could not be found.")
HOST = _of_arm(403, "InvalidHost", "aca-local answers to names of this computer only.")
INTERNAL = _of_arm(500, "InternalServerError", "Encountered internal server error: see aca-local's log.")
INVALID_BODY = _of_arm(
    400, "InvalidRequestContent", "The request content was invalid and could not be deserialized: '{why}'."
)
NAMESPACE_NOT_SERVED = _of_arm(
    404,
    "InvalidResourceNamespace",
    "aca-local does not serve the resource provider '{namespace}' here. It has: {known}.",
)
INVALID_NAMESPACE = _of_arm(
    404, "InvalidResourceNamespace", "The resource namespace '{namespace}' is invalid."
)
INVALID_TEMPLATE = _of_arm(400, "InvalidTemplate", "Deployment template is null or not an object.")
INVALID_SCOPE = _of_arm(
    400,
    "InvalidTemplate",
    "Deployment template validation failed: 'The template resource '{id}' of type '{name}' can be deployed to a resource group only.'.",
)
INVALID_TYPE = _of_arm(
    404,
    "InvalidResourceType",
    "The resource type '{name}' could not be found in the namespace '{namespace}' for api version '{asked}'. The supported api-versions are '{supported}'.",
)
INVALID_VERSION = _of_arm(
    400,
    "InvalidApiVersionParameter",
    "The api-version '{asked}' is invalid. The supported versions are '{supported}'.",
)
LOCATION_CONFLICT = _of_arm(
    409,
    "InvalidResourceLocation",
    "The resource '{name}' already exists in location '{existing}' in resource group '{group}'. A resource with the same name cannot be created in location '{asked}'. Please select a new resource name.",
)
LOCATION_REQUIRED = _of_arm(400, "LocationRequired", "The location property is required for this definition.")
LOCATION_UNAVAILABLE = _of_arm(
    400,
    "LocationNotAvailableForResourceType",
    "The provided location '{location}' is not available for resource type '{name}'. List of available regions for the resource type is '{regions}'.",
)
MISSING_VERSION = _of_arm(
    400,
    "MissingApiVersionParameter",
    "The api-version query parameter (?api-version=) is required for all requests.",
)
NO_REGISTERED_PROVIDER = _of_arm(
    400,
    "NoRegisteredProviderFound",
    "No registered resource provider found for location '{location}' and API version '{asked}' for type '{name}'. The supported api-versions are '{supported}'. The supported locations are '{regions}'.",
)
NO_RIGHTS = _of_arm(
    403,
    "AuthorizationFailed",
    "The client '{client}' with object id '{id}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
)
NOT_REGISTERED = "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions."
OPERATION_NOT_FOUND = _of_arm(404, "OperationNotFound", "The operation '{name}' was not found.")
PARENT_NOT_FOUND = _of_arm(
    404,
    "ParentResourceNotFound",
    "Failed to perform '{operation}' on resource(s) of type '{name}', because the parent resource '{parent}' could not be found.",
)
RESOURCE_NOT_FOUND = _of_arm(
    404,
    "ResourceNotFound",
    "The Resource '{name}' under resource group '{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
)
STREAM_OUTPUT = _of_arm(400, "InvalidOutput", "output is text or json.")
STREAM_TAIL = _of_arm(400, "InvalidTailLines", "tailLines is a number from 0 to {most}.")
SUBSCRIPTION_NOT_FOUND = _of_arm(
    404, "SubscriptionNotFound", "The subscription '{subscription}' could not be found."
)
TOO_LARGE = _of_arm(413, "RequestContentTooLarge", "The request is larger than {most} bytes.")
UNSUPPORTED_HEADER = _of_arm(
    400, "UnsupportedHeader", "aca-local does not support the header(s) {names} here."
)
UNSUPPORTED_METHOD = _of_arm(
    405, "MethodNotAllowed", "The requested resource does not support http method '{method}'."
)
UNSUPPORTED_PATH = _of_arm(404, "UnsupportedPath", "aca-local does not serve the path '{path}'.")
UNSUPPORTED_QUERY = _of_arm(
    400, "UnsupportedQueryOption", "aca-local does not support the query option(s) {names} here."
)


def unauthenticated(authority: str, *, header: bool) -> ArmError:
    """Return that of no bearer token, or of one that is not ours (ARM's live answer to such a request)."""
    if header:
        code, message = "InvalidAuthenticationToken", "The access token is invalid."
    else:
        code, message = (
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        )
    error = gateway(401, code, message)
    said = message.replace('"', "")
    error.headers["WWW-Authenticate"] = (
        f'Bearer authorization_uri="{authority}", error="invalid_token", error_description="{said}"'
    )
    return error


_EXPIRED = "The access token expiry UTC time is earlier than current UTC time."
_MFA = "Resource was disallowed by policy. Reasons: 'MFA is required. See error details for policy resource IDs.'"
_WRONG_TENANT = "The access token is from the wrong issuer '{issuer}'. It must match the tenant '{right}' associated with this subscription. Please use the authority (URL) '{authority}' to get the token. Note, if the subscription is transferred to another tenant there is no impact to the services, but information about new tenant could take time to propagate (up to an hour). If you just transferred your subscription and see this error message, please try back later."
_WRONG_TENANT_SHORT = "The access token is from the wrong issuer. It must match the tenant associated with this subscription. Please use correct authority to get the token."


_DISALLOWED = "Resource '{name}' was disallowed by policy. Policy identifiers: '{identifiers}'."


def disallowed(name: str, policy: str) -> ArmError:
    """Return that of a resource that a policy denies; ``policy`` is the assignment's name."""
    identifiers = json.dumps([{"policyAssignment": {"name": policy}}], separators=(",", ":"))
    info: dict[str, JSON] = {"type": "PolicyViolation", "info": {"policyAssignmentDisplayName": policy}}
    error = gateway(403, "RequestDisallowedByPolicy", "", additional_info=[info])
    error.target, error.message = name, _DISALLOWED.format(name=name, identifiers=identifiers)
    return error


def expired_token(authority: str) -> ArmError:
    """Return that of a token whose time is over."""
    error = gateway(401, "ExpiredAuthenticationToken", _EXPIRED)
    challenge = f'Bearer authorization_uri="{authority}", error="invalid_token"'
    error.headers["WWW-Authenticate"] = f'{challenge}, error_description="{_EXPIRED}"'
    return error


def claims_challenge(claims: str) -> ArmError:
    """Return that of a token that lacks claims, such as that of a second factor; ``claims`` is base64."""
    error = gateway(401, "RequestDisallowedByPolicy", _MFA)
    authority = "https://login.microsoftonline.com/common/oauth2/authorize"
    challenge = f'Bearer realm="", authorization_uri="{authority}", error="insufficient_claims"'
    error.headers["WWW-Authenticate"] = f'{challenge}, claims="{claims}"'
    return error


def wrong_tenant(given: str, right: str) -> ArmError:
    """Return that of a token of another directory than the subscription's, which the challenge names."""
    issuers = {name: f"https://sts.windows.net/{one}/" for name, one in (("issuer", given), ("right", right))}
    authority = f"https://login.windows.net/{right}"
    error = gateway(
        401, "InvalidAuthenticationTokenTenant", _WRONG_TENANT.format(**issuers, authority=authority)
    )
    challenge = f'Bearer authorization_uri="{authority}", error="invalid_token"'
    error.headers["WWW-Authenticate"] = f'{challenge}, error_description="{_WRONG_TENANT_SHORT}"'
    return error


def not_registered(namespace: str) -> ArmError:
    """Return that of a provider that the subscription has not registered (wording from issue threads)."""
    code, message = "MissingSubscriptionRegistration", NOT_REGISTERED.format(namespace=namespace)
    return gateway(409, code, message, details=[{"code": code, "target": namespace, "message": message}])

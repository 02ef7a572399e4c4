"""Every error on the wire of Azure Resource Manager, made in one place, in Azure's own words.

Wording from recordings where there is one, else from Microsoft's documentation of common deployment errors
and from issue threads. ``gateway`` errors are those of ARM itself: they carry ``x-ms-failure-cause:
gateway``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.state import JsonObject


@dataclass(eq=False)
class ArmError(Exception):
    """An error answer: HTTP status and the body's ``code``, ``message``, ``target``, ``details``."""

    status: int
    code: str
    message: str
    target: str | None = None
    details: Sequence[JsonObject] | None = None
    additional_info: Sequence[JsonObject] | None = None
    gateway: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def body(self) -> JsonObject:
        """The value of ``error`` on the wire."""
        found: JsonObject = {"code": self.code}
        if self.target is not None:
            found["target"] = self.target
        found["message"] = self.message
        if self.details is not None:
            found["details"] = list(self.details)
        if self.additional_info is not None:
            found["additionalInfo"] = list(self.additional_info)
        return found


def gateway(status: int, code: str, message: str, **more: Sequence[JsonObject]) -> ArmError:
    """An error of ARM itself, not of a resource provider."""
    return ArmError(status, code, message, gateway=True, **more)  # type: ignore[arg-type]  # the names are those of the fields


def unauthenticated(authority: str, *, header: bool) -> ArmError:
    """No bearer token, or one that is not ours. Wording: ARM's live answer to a request without a token."""
    if header:
        code, message = "InvalidAuthenticationToken", "The access token is invalid."
    else:
        code, message = (
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        )
    challenge = (
        f'Bearer authorization_uri="{authority}", error="invalid_token",'
        f' error_description="{message.replace(chr(34), "")}"'
    )
    return ArmError(401, code, message, gateway=True, headers={"WWW-Authenticate": challenge})


def missing_api_version() -> ArmError:
    """``?api-version=`` was left out."""
    return gateway(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


def invalid_api_version(asked: str, supported: Sequence[str]) -> ArmError:
    """An api-version that Microsoft.Resources does not know here."""
    return gateway(
        400,
        "InvalidApiVersionParameter",
        f"The api-version '{asked}' is invalid. The supported versions are '{','.join(supported)}'.",
    )


def no_registered_provider(
    location: str, asked: str, resource_type: str, supported: Sequence[str], locations: Sequence[str]
) -> ArmError:
    """A known type, but not in this api-version or location."""
    return gateway(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location '{location}' and API version '{asked}' for type"
        f" '{resource_type}'. The supported api-versions are '{', '.join(supported)}'. The supported"
        " locations"
        f" are '{', '.join(locations)}'.",
    )


def invalid_namespace(namespace: str) -> ArmError:
    """A resource provider that does not exist here."""
    return gateway(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")


def invalid_type(namespace: str, resource_type: str, asked: str, supported: Sequence[str]) -> ArmError:
    """A type that the provider does not have here."""
    return gateway(
        404,
        "InvalidResourceType",
        f"The resource type '{resource_type}' could not be found in the namespace '{namespace}' for api"
        " version"
        f" '{asked}'. The supported api-versions are '{','.join(supported)}'.",
    )


def unsupported_path(path: str) -> ArmError:
    """aca-local does not serve this path (and says so, instead of guessing)."""
    return gateway(404, "UnsupportedPath", f"aca-local does not serve the path '{path}'.")


def unsupported_method(method: str) -> ArmError:
    """The path is served, but not with this method."""
    return gateway(
        405, "MethodNotAllowed", f"The requested resource does not support http method '{method}'."
    )


def unsupported_query(names: Sequence[str]) -> ArmError:
    """A query option that would change the meaning, and is not supported here."""
    return gateway(
        400,
        "UnsupportedQueryOption",
        f"aca-local does not support the query option(s) {', '.join(names)} here.",
    )


def unsupported_header(names: Sequence[str]) -> ArmError:
    """A header that would change the meaning, and is not supported here."""
    return gateway(
        400, "UnsupportedHeader", f"aca-local does not support the header(s) {', '.join(names)} here."
    )


def subscription_not_found(subscription: str) -> ArmError:
    """Another subscription than the one that lives here."""
    return gateway(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def group_not_found(name: str) -> ArmError:
    """No such resource group."""
    return gateway(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def resource_not_found(type_and_name: str, group: str) -> ArmError:
    """No such resource (recorded wording)."""
    return gateway(
        404,
        "ResourceNotFound",
        f"The Resource '{type_and_name}' under resource group '{group}' was not found. For more details"
        " please go"
        " to https://aka.ms/ARMResourceNotFoundFix",
    )


def parent_not_found(operation: str, resource_type: str, parent: str) -> ArmError:
    """A child was asked for whose parent does not exist."""
    return gateway(
        404,
        "ParentResourceNotFound",
        f"Failed to perform '{operation}' on resource(s) of type '{resource_type}', because the parent"
        " resource"
        f" '{parent}' could not be found.",
    )


def not_registered(namespace: str) -> ArmError:
    """The subscription has not registered the provider (wording from issue threads)."""
    message = (
        f"The subscription is not registered to use namespace '{namespace}'. See"
        " https://aka.ms/rps-not-found for"
        " how to register subscriptions."
    )
    detail = {"code": "MissingSubscriptionRegistration", "target": namespace, "message": message}
    return gateway(409, "MissingSubscriptionRegistration", message, details=[detail])


def location_required() -> ArmError:
    """A tracked resource without a location."""
    return gateway(
        400,
        "LocationRequired",
        "The location property is required for this definition.",
    )


def location_unavailable(location: str, resource_type: str, locations: Sequence[str]) -> ArmError:
    """The provider does not offer this type there."""
    return gateway(
        400,
        "LocationNotAvailableForResourceType",
        f"The provided location '{location}' is not available for resource type '{resource_type}'. List of"
        " available"
        f" regions for the resource type is '{','.join(locations)}'.",
    )


def location_conflict(name: str, existing: str, group: str, asked: str) -> ArmError:
    """The resource lives elsewhere already."""
    return gateway(
        409,
        "InvalidResourceLocation",
        f"The resource '{name}' already exists in location '{existing}' in resource group '{group}'. A"
        " resource with"
        f" the same name cannot be created in location '{asked}'. Please select a new resource name.",
    )


def invalid_body(why: str) -> ArmError:
    """The request's body is not what it must be."""
    return gateway(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{why}'.",
    )

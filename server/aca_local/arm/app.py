"""Azure Resource Manager as an aiohttp application: who may ask, which handler answers, how errors look."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aiohttp import web

from aca_local.arm import (
    deployment_routes,
    errors,
    generic,
    groups,
    metadata,
    polling,
    refusals,
    registration,
    resources,
    streams,
    subscriptions,
    wire,
)
from aca_local.arm.routing import Ask, Route, check_conditions, check_query, find
from aca_local.arm.versions import RESOURCES_VERSIONS
from aca_local.providers import accounts, log_query, tokens
from aca_local.providers import app as app_provider
from aca_local.security import is_local_host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_local.arm.cloud import Cloud
    from aca_local.arm.routing import Handler
    from aca_local.providers.registry import Registry

_LOG = logging.getLogger(__name__)
_LIST = frozenset({"$filter", "$top"})
_RESOURCES = _LIST | {"$expand"}
_ACTION_QUERY = {
    "POST": frozenset({"$expand"}),  # listKeys takes $expand=kerb (recorded); there are no Kerberos keys here
    "DELETE": frozenset({"$include"}),  # of a share: whether its snapshots go too
}
_SUB = "/subscriptions/{subscription}"
_GROUP = f"{_SUB}/resourcegroups/{{group}}"
_STREAM = f"{_GROUP}/containerApps/{{app}}"
_RESOURCE = f"{_GROUP}/providers/{{rest:path}}"

CheckToken = Callable[[str], bool]
Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def build_arm(cloud: Cloud, registry: Registry, *, check_token: CheckToken) -> Serve:
    """The handler of all requests, for aiohttp's low-level server.

    ``check_token`` says whether a bearer token is good; a request without one gets 401. Before the listener
    closes, ``await cloud.tasks.close()`` ends what goes on in the background (``resume`` takes it up again).
    """
    desk = _Desk(cloud, routes(registry), check_token)

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        correlation = request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
        response = await _answer(desk, request, correlation)
        if not response.prepared:
            wire.add_common_headers(request, response, correlation)
        return response

    return serve


@dataclass(frozen=True)
class _Desk:
    """Where a request is received: what it may ask for, and who may ask."""

    cloud: Cloud
    routes: Sequence[Route]
    check_token: CheckToken


async def _answer(desk: _Desk, request: web.BaseRequest, correlation: str) -> web.StreamResponse:
    try:
        return await _dispatch(desk, request, correlation)
    except errors.ArmError as error:
        refusals.note(desk.cloud.store, request.method, request.path, error)
        return wire.failure(error)
    except (ConnectionResetError, web.HTTPException):
        raise
    except Exception:
        _LOG.exception("%s %s failed", request.method, request.path)
        return wire.failure(
            errors.gateway(
                500, "InternalServerError", "Encountered internal server error: see aca-local's log."
            )
        )


async def _dispatch(desk: _Desk, request: web.BaseRequest, correlation: str) -> web.StreamResponse:
    if not is_local_host(request.headers.get("Host")):
        raise errors.gateway(403, "InvalidHost", "aca-local answers to names of this computer only.")
    cloud = _seen_by(desk.cloud, request)
    route, path = _find(desk, request)
    version = request.query.get("api-version", "")
    ask = Ask(request, path, version, correlation)
    if route.sign_in != "open":
        _authorize(desk, route, ask, _bearer(cloud, request))
    if route.sign_in in {"arm", "open"}:
        _check_version(route, version)
        check_query(route, request.query)
        check_conditions(request.headers)
    return await route.handler(cloud, ask)


def _seen_by(cloud: Cloud, request: web.BaseRequest) -> Cloud:
    """The cloud with the address that the client used: what an answer points to is reached the same way."""
    settings = replace(cloud.settings, arm_url=f"{request.scheme}://{request.headers['Host']}")
    return replace(cloud, settings=settings)


def _find(desk: _Desk, request: web.BaseRequest) -> tuple[Route, Mapping[str, str]]:
    """The route of a path, in which ``//`` is ``/`` (the Azure CLI and the JavaScript SDK send it)."""
    try:
        return find(desk.routes, request.method, re.sub("/{2,}", "/", request.path))
    except errors.ArmError:
        if desk.check_token(_bearer(desk.cloud, request)):
            raise
        raise _unauthenticated(desk.cloud, header=True) from None


def _bearer(cloud: Cloud, request: web.BaseRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthenticated(cloud, header=False)
    return token.strip()


def _authorize(desk: _Desk, route: Route, ask: Ask, token: str) -> None:
    if desk.check_token(token):
        return
    cloud = desk.cloud
    if route.sign_in == "stream" and tokens.valid(cloud, token, streams.resource_of(cloud, ask).key):
        return
    raise _unauthenticated(cloud, header=True)


def _unauthenticated(cloud: Cloud, *, header: bool) -> errors.ArmError:
    authority = f"https://login.microsoftonline.com/{cloud.settings.tenant_id}"
    return errors.unauthenticated(authority, header=header)


def _check_version(route: Route, version: str) -> None:
    if not version:
        raise errors.missing_api_version()
    if route.versions is not None and version not in route.versions:
        raise errors.invalid_api_version(version, route.versions)


def routes(registry: Registry) -> list[Route]:
    """All routes of Resource Manager, the first that fits wins."""
    return [
        *_stream_routes(),
        *log_query.routes(),
        *_subscription_routes(registry),
        *_group_routes(registry),
        *deployment_routes.routes(registry),
        *_provider_routes(registry),
    ]


def _stream_routes() -> list[Route]:
    console = f"{_STREAM}/revisions/{{revision}}/replicas/{{replica}}/containers/{{container}}/logstream"
    environment = f"{_GROUP}/managedEnvironments/{{environment}}/eventstream"
    return [
        Route("GET", console, streams.console, sign_in="stream"),
        Route("GET", f"{_STREAM}/eventstream", streams.events, sign_in="stream"),
        Route("GET", environment, streams.environment_events, sign_in="stream"),
    ]


def _own(method: str, template: str, handler: Handler, query: frozenset[str] = frozenset()) -> Route:
    return Route(method, template, handler, query, RESOURCES_VERSIONS)


def _subscription_routes(registry: Registry) -> list[Route]:
    providers = registration.handlers(registry)
    one = f"{_SUB}/providers/{{namespace}}"
    return [
        Route("GET", "/metadata/endpoints", metadata.endpoints, versions=metadata.VERSIONS, sign_in="open"),
        _own("GET", "/subscriptions", subscriptions.list_all),
        _own("GET", _SUB, subscriptions.get),
        _own("GET", f"{_SUB}/locations", subscriptions.list_locations),
        _own("GET", "/tenants", subscriptions.list_tenants),
        _own("GET", f"{_SUB}/providers", providers["list"]),
        _own("GET", one, providers["get"]),
        _own("POST", f"{one}/register", providers["register"]),
        _own("POST", f"{one}/unregister", providers["unregister"]),
        _own("GET", f"{_SUB}/operationresults/{{operation}}", polling.operation_result),
    ]


def _group_routes(registry: Registry) -> list[Route]:
    return [
        _own("GET", f"{_SUB}/resourcegroups", groups.list_all, _LIST),
        _own("GET", _GROUP, groups.get),
        _own("HEAD", _GROUP, groups.head),
        _own("PUT", _GROUP, groups.put),
        _own("PATCH", _GROUP, groups.patch),
        _own("DELETE", _GROUP, generic.delete_group(registry)),
        _own("GET", f"{_GROUP}/resources", generic.list_resources(registry), _RESOURCES),
        _own("GET", f"{_SUB}/resources", generic.list_resources(registry), _RESOURCES),
    ]


def _provider_routes(registry: Registry) -> list[Route]:
    provider = f"{_SUB}/providers/{{namespace}}"
    microsoft_app = f"{_SUB}/providers/Microsoft.App/locations/{{location}}"
    types = f"{microsoft_app}/availableManagedEnvironmentsWorkloadProfileTypes"
    check_name = f"{_SUB}/providers/Microsoft.Storage/checkNameAvailability"
    storage_usages = f"{_SUB}/providers/Microsoft.Storage/locations/{{location}}/usages"
    app_versions, storage_versions = app_provider.API_VERSIONS, accounts.API_VERSIONS
    return [
        Route("GET", types, generic.profile_types, versions=app_versions),
        Route("GET", f"{microsoft_app}/usages", generic.region_usages, versions=app_versions),
        Route("POST", check_name, generic.check_storage_name, versions=storage_versions),
        Route("GET", storage_usages, generic.storage_usages, versions=storage_versions),
        Route(
            "GET",
            f"{provider}/locations/{{location}}/{{collection}}/{{operation}}",
            polling.handler(registry),
        ),
        Route("GET", f"{provider}/{{type}}", resources.list_in_subscription(registry)),
        *(
            Route(method, _RESOURCE, handler, _ACTION_QUERY.get(method, frozenset()))
            for method, handler in resources.handlers(registry).items()
        ),
    ]

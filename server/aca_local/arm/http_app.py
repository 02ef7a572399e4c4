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
    access,
    bulk_routes,
    deployment_routes,
    groups,
    metadata,
    permissions,
    polling,
    prices,
    registration,
    resources,
    streams,
    subscriptions,
)
from aca_local.arm.access import Caller, CheckToken
from aca_local.arm.versions import RESOURCES_VERSIONS
from aca_local.kernel import errors, responses, unsupported
from aca_local.kernel.routing import ArmRequest, Route, check_conditions, check_query, find
from aca_local.providers import accounts, insights, log_query, tokens
from aca_local.providers import app as app_provider
from aca_local.security import is_local_host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.routing import Handler
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

Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def build_arm(cloud: Cloud, registry: Registry, *, check_token: CheckToken) -> Serve:
    """Return the handler of all requests, for aiohttp's low-level server.

    ``check_token`` says whether a bearer token is good; a request without one gets 401. Before the listener
    closes, ``await cloud.tasks.close()`` ends what goes on in the background (``resume`` takes it up again).
    """
    desk = _Desk(cloud, routes(registry), check_token)

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        correlation = request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
        response = await _answer(desk, request, correlation)
        if not response.prepared:
            responses.add_common_headers(request, response, correlation)
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
        unsupported.note(desk.cloud.store, request.method, request.path, error)
        return responses.failure(error)
    except (ConnectionResetError, web.HTTPException):
        raise
    except Exception:
        _LOG.exception("%s %s failed", request.method, request.path)
        return responses.failure(errors.INTERNAL.error())


async def _dispatch(desk: _Desk, request: web.BaseRequest, correlation: str) -> web.StreamResponse:
    if not is_local_host(request.headers.get("Host")):
        raise errors.HOST.error()
    # What an answer points to is reached the way the client came.
    address = f"{request.scheme}://{request.headers['Host']}"
    cloud = replace(desk.cloud, settings=replace(desk.cloud.settings, arm_url=address))
    route, path = _find(desk, request)
    version = request.query.get("api-version", "")
    asked = ArmRequest(request, path, version, correlation)
    if route.sign_in != "open":
        caller = _authenticate(desk, route, asked, _bearer(cloud, request))
        asked = replace(asked, tenant=caller.tenant)
    if route.sign_in in {"arm", "open"}:
        if not version:
            raise errors.MISSING_VERSION.error()
        if route.versions is not None and version not in route.versions:
            raise errors.INVALID_VERSION.error(asked=version, supported=",".join(route.versions))
        check_query(route, request.query)
        check_conditions(request.headers)
    return await route.handler(cloud, asked)


def _find(desk: _Desk, request: web.BaseRequest) -> tuple[Route, Mapping[str, str]]:
    """Return the route of a path, in which ``//`` is ``/`` (the Azure CLI and the JavaScript SDK send it)."""
    try:
        return find(desk.routes, request.method, re.sub("/{2,}", "/", request.path))
    except errors.ArmError:
        token = _bearer(desk.cloud, request)
        if access.authenticate(desk.cloud, desk.check_token, token, request.method) is None:
            raise _unauthenticated(desk.cloud, header=True) from None
        raise


def _bearer(cloud: Cloud, request: web.BaseRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthenticated(cloud, header=False)
    return token.strip()


def _authenticate(desk: _Desk, route: Route, asked: ArmRequest, token: str) -> Caller:
    """Return who asks. Raise what Azure answers to a token that is not good for this."""
    cloud = desk.cloud
    caller = access.authenticate(cloud, desk.check_token, token, asked.http.method)
    if caller is not None:
        if route.sign_in == "arm":
            access.check_subscription(cloud, caller, asked.http.path)
            access.check_rights(cloud, asked.http.method, asked.http.path)
            cloud.conditions.check_locks(asked.http.method, asked.http.path)
        return caller
    if route.sign_in == "stream" and tokens.valid(cloud, token, streams.resource_of(cloud, asked).key):
        return Caller(access.home(cloud))
    raise _unauthenticated(cloud, header=True)


def _unauthenticated(cloud: Cloud, *, header: bool) -> errors.ArmError:
    authority = f"https://login.microsoftonline.com/{cloud.settings.tenant_id}"
    return errors.unauthenticated(authority, header=header)


def routes(registry: Registry) -> list[Route]:
    """Return all routes of Resource Manager, the first that fits wins."""
    return [
        *_stream_routes(),
        *log_query.routes(),
        *prices.routes(),
        *permissions.routes(),
        *_subscription_routes(registry),
        *_group_routes(registry),
        *deployment_routes.routes(registry),
        *_provider_routes(registry),
    ]


def _stream_routes() -> list[Route]:
    container = f"{_STREAM}/revisions/{{revision}}/replicas/{{replica}}/containers/{{container}}"
    environment = f"{_GROUP}/managedEnvironments/{{environment}}/eventstream"
    return [
        Route("GET", f"{container}/logstream", streams.console, sign_in="stream"),
        Route("GET", f"{container}/exec", streams.unsupported, sign_in="stream"),
        Route("GET", f"{container}/debug", streams.unsupported, sign_in="stream"),
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
        _own("DELETE", _GROUP, bulk_routes.delete_group(registry)),
        _own("GET", f"{_GROUP}/resources", bulk_routes.list_resources(registry), _RESOURCES),
        _own("GET", f"{_SUB}/resources", bulk_routes.list_resources(registry), _RESOURCES),
    ]


def _provider_routes(registry: Registry) -> list[Route]:
    provider = f"{_SUB}/providers/{{namespace}}"
    microsoft_app = f"{_SUB}/providers/Microsoft.App/locations/{{location}}"
    types = f"{microsoft_app}/availableManagedEnvironmentsWorkloadProfileTypes"
    check_name = f"{_SUB}/providers/Microsoft.Storage/checkNameAvailability"
    deleted = f"{_SUB}/providers/Microsoft.OperationalInsights/deletedWorkspaces"
    storage_usages = f"{_SUB}/providers/Microsoft.Storage/locations/{{location}}/usages"
    app_versions, storage_versions = app_provider.API_VERSIONS, accounts.API_VERSIONS
    return [
        Route("GET", types, bulk_routes.profile_types, versions=app_versions),
        Route("GET", f"{microsoft_app}/usages", bulk_routes.region_usages, versions=app_versions),
        Route("GET", deleted, bulk_routes.deleted_workspaces, versions=insights.API_VERSIONS),
        Route("POST", check_name, bulk_routes.check_storage_name, versions=storage_versions),
        Route("GET", storage_usages, bulk_routes.storage_usages, versions=storage_versions),
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

"""Status: what is there, what runs, whether it answers, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.config import CONFIG_PATH, InferenceConfig, read_config
from aitk_inference.core.interface import Action, ActionKind
from aitk_inference.core.model import AppRef
from aitk_inference.flows.requests import Outcome
from aitk_inference.flows.target import find_subscription

if TYPE_CHECKING:
    from aitk_inference.core.interface import UserInterface
    from aitk_inference.core.model import ContainerApp, Json, Replica
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.flows.requests import StatusRequest

_PROBE_TIMEOUT = 10.0
_ASLEEP = (
    "The local Azure does not run, so the app does not. Deploy starts both; so does: aca-local serve --detach"
)


async def status(request: StatusRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Say how the project stands. Nothing is changed or started, and what is not there is said, not raised.

    Raises:
        InvalidProject: the configuration can't be read.
        NotFound: the subscription is not visible.
        NotAuthenticated, Forbidden, Unreachable.
    """
    config = read_config(request.project)
    keys = _keys(config)
    missing = config.missing()
    if missing:
        lines = [*_lines(keys), "", f"Not provisioned: {', '.join(missing)} missing. Run Provision."]
        return _outcome(request, config, lines, {"keys": keys, "missing": list(missing)}, None)
    ref = AppRef(str(config.subscription_id), str(config.resource_group_name), str(config.aca_app_name))
    subscription = await find_subscription(ref.subscription_id, clouds)
    if subscription.is_local and not await clouds.local_running():
        lines = [*_lines(keys), "", _ASLEEP]
        return _outcome(request, config, lines, {"keys": keys, "running": False}, None)
    async with clouds.open(subscription.id) as cloud:
        app = await cloud.apps.get(ref)
        if app is None:
            lines = [*_lines(keys), "", f"The container app {ref.name} is not there. Run Provision."]
            return _outcome(request, config, lines, {"keys": keys, "app": None}, None)
        return await _running(request, config, app, cloud)


async def _running(
    request: StatusRequest, config: InferenceConfig, app: ContainerApp, cloud: Cloud
) -> Outcome:
    replicas = await cloud.apps.replicas(app.ref, app.latest_revision) if app.latest_revision else ()
    health = await cloud.probe.get(config.endpoint_url or "", timeout=_PROBE_TIMEOUT)
    answer = f"HTTP {health.status}" if health.status else f"no answer ({health.detail})"
    lines = [
        *_lines(_keys(config)),
        "",
        f"App        {_app(app)}",
        *(f"Replica    {_replica(replica)}" for replica in replicas),
        f"Endpoint   {answer}",
    ]
    if not replicas:
        lines.insert(-1, "Replica    none")
    data: dict[str, Json] = {
        "keys": _keys(config),
        "app": {"name": app.ref.name, "status": app.running_status, "revision": app.latest_revision},
        "replicas": [
            {"name": r.name, "state": r.running_state, "ready": r.ready, "restarts": r.restarts}
            for r in replicas
        ],
        "answers": health.ok,
        "httpStatus": health.status,
    }
    return _outcome(request, config, lines, data, app.portal_url)


def _app(app: ContainerApp) -> str:
    return f"{app.running_status or app.provisioning_state}, revision {app.latest_revision or 'none'}"


def _replica(replica: Replica) -> str:
    ready = "ready" if replica.ready else "not ready"
    restarts = f", restarted {replica.restarts} times" if replica.restarts else ""
    details = f" ({replica.details})" if replica.details else ""
    return f"{replica.name}: {replica.running_state}, {ready}{restarts}{details}"


def _keys(config: InferenceConfig) -> dict[str, Json]:
    return {
        "SUBSCRIPTION_ID": config.subscription_id,
        "RESOURCE_GROUP_NAME": config.resource_group_name,
        "STORAGE_ACCOUNT_NAME": config.storage_account_name,
        "FILE_SHARE_NAME": config.file_share_name,
        "ACA_APP_NAME": config.aca_app_name,
        "ACA_APP_ENDPOINT": config.aca_app_endpoint,
    }


def _lines(keys: dict[str, Json]) -> list[str]:
    return [f"{key:<22} {value or '-'}" for key, value in keys.items()]


def _outcome(
    request: StatusRequest,
    config: InferenceConfig,
    lines: list[str],
    data: dict[str, Json],
    portal: str | None,
) -> Outcome:
    endpoint = config.endpoint_url
    actions = [Action(ActionKind.OPEN_ENDPOINT, "Go to Inference Endpoint", endpoint)] if endpoint else []
    actions += [Action(ActionKind.OPEN_PORTAL, "Open in portal", portal)] if portal else []
    path = request.project / CONFIG_PATH
    return Outcome("\n".join(lines), endpoint, path if path.exists() else None, tuple(actions), data)

"""Status: what is there, what runs, whether it answers, and what is missing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.config import CONFIG_PATH, InferenceConfig, check_is_project, incomplete, read_config
from aitk_inference.core.errors import AppError
from aitk_inference.flows.app.answer import PROBE_TIMEOUT, url_below
from aitk_inference.flows.app.protection import protection
from aitk_inference.flows.deploy.last_deploy import read_last_deploy, words_of
from aitk_inference.flows.operate.app_state import State, snapshot
from aitk_inference.flows.operate.running_cost import cost_of
from aitk_inference.flows.operate.status_facts import facts
from aitk_inference.flows.outcome import Outcome
from aitk_inference.flows.provision.choose_target import configured_subscription
from aitk_inference.flows.provision.running_price import price_of_app

if TYPE_CHECKING:
    from aitk_inference.core.model import ContainerApp, Json, ProbeResult, Replica
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import StatusRequest
    from aitk_inference.flows.deploy.last_deploy import LastDeploy
    from aitk_inference.flows.operate.app_state import Snapshot
    from aitk_inference.flows.operate.running_cost import RunningCost

_PUBLIC = (
    "public: everybody who finds the address may use it. To change that: aitk-inference protect --api-key"
)
_ASLEEP = (
    "The local Azure does not run, so the app does not. Deploy starts both; so does: aca-local serve --detach"
)


async def status(request: StatusRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Say how the project stands. Nothing is changed or started, and what is not there is said, not raised.

    Raises:
        InvalidProject: it is no project, or its configuration can't be read.
        NotFound: the subscription is not visible.
        NotAuthenticated, Forbidden, Unreachable.
    """
    check_is_project(request.project)
    config = read_config(request.project)
    keys: dict[str, Json] = {**config.documented}
    missing, ref = config.missing(), config.app
    if missing or ref is None:
        said = incomplete(request.project, missing)
        headline = f"{said.message} {said.suggestion}"
        lines = [headline] if len(missing) == len(keys) else [*_lines(keys), "", headline]
        return _outcome(request, config, lines, {"keys": keys, "missing": list(missing)}, headline=headline)
    subscription = await configured_subscription(config, ui=ui, clouds=clouds)
    if subscription.is_local and not await clouds.local_running():
        lines = [*_lines(keys), "", _ASLEEP]
        return _outcome(request, config, lines, {"keys": keys, "running": False}, headline=_ASLEEP)
    async with clouds.open(subscription.id, subscription.sign_in_tenant) as cloud:
        app = await cloud.apps.get(ref)
        if app is None:
            headline = f"The container app {ref.name} is not there. Run Provision."
            lines = [*_lines(keys), "", headline]
            return _outcome(request, config, lines, {"keys": keys, "app": None}, headline=headline)
        return await _running(request, config, app, cloud)


async def _running(
    request: StatusRequest, config: InferenceConfig, app: ContainerApp, cloud: Cloud
) -> Outcome:
    found, price, last = await asyncio.gather(
        snapshot(app, cloud), price_of_app(app, cloud), _last_deploy(config, cloud)
    )
    health = None
    # to ask an app that sleeps would wake it, and bill it
    if found.state not in (State.ASLEEP, State.STOPPED):
        address = url_below(config.endpoint_url or "", app.probe_path)
        health = await cloud.probe.get(address, timeout=PROBE_TIMEOUT)
    protected = protection(app)
    cost = cost_of(price, app, found.replicas, cloud) if price else None
    keys: dict[str, Json] = {**config.documented}
    lines = [*_lines(keys), "", *_screen(found, health, cost, last)]
    headline = f"{app.ref.name}: {found.state}. Endpoint: {_answer(health)}{'' if protected else ', public'}."
    data = {"keys": keys, **facts(found, health, cost, last)}
    return _outcome(request, config, lines, data, headline=headline, portal=app.portal_url)


async def _last_deploy(config: InferenceConfig, cloud: Cloud) -> LastDeploy | None:
    """Return who deployed last; None where the share does not say, or can't be read."""
    if config.share is None:
        return None
    try:
        async with cloud.shares.open(config.share) as share:
            return await read_last_deploy(share)
    except AppError:
        return None


def _screen(
    found: Snapshot, health: ProbeResult | None, cost: RunningCost | None, last: LastDeploy | None
) -> list[str]:
    """Return how the app stands, a line each."""
    app, revision = found.app, found.revision
    since = f" since {found.since.astimezone():%Y-%m-%d %H:%M}" if found.since else ""
    several = ", ".join(app.serving[1:])
    rows: list[tuple[str, str]] = [
        (
            "App",
            f"{found.state}{since} ({app.running_status or app.provisioning_state}); {app.min_replicas} to {app.max_replicas} replicas",
        ),
        ("Revision", f"{app.serving[0] if app.serving else 'none'}{f', and {several}' if several else ''}"),
        *([("", f"{revision.state}: {revision.details}")] if revision and revision.details else []),
        *(("Replica", _replica(replica)) for replica in found.replicas or ()),
        *([("Replica", "none")] if not found.replicas else []),
        (
            "GPU",
            f"{found.gpu} ({app.workload_profile})"
            if found.gpu
            else f"none ({app.workload_profile or 'Consumption'})",
        ),
        ("Endpoint", f"{_answer(health)}{f', {app.endpoint}' if app.endpoint else ''}"),
        ("Access", "; ".join(protection(app)) or _PUBLIC),
        ("Deployed", words_of(last) if last else "not noted on the share"),
        ("Costs", cost.words if cost else "not known: the app's documents can't be read"),
    ]
    return [f"{name:<10} {words}" for name, words in rows]


def _answer(health: ProbeResult | None) -> str:
    if health is None:
        return "not asked, since no replica runs"
    return f"HTTP {health.status}" if health.status else f"no answer ({health.detail})"


def _replica(replica: Replica) -> str:
    ready = "ready" if replica.ready else "not ready"
    times = "once" if replica.restarts == 1 else f"{replica.restarts} times"
    restarts = f", restarted {times}" if replica.restarts else ""
    details = f" ({'; '.join(replica.reasons)})" if replica.reasons else ""
    return f"{replica.name}: {replica.running_state}, {ready}{restarts}{details}"


def _lines(keys: dict[str, Json]) -> list[str]:
    return [f"{key:<22} {value or '-'}" for key, value in keys.items()]


def _outcome(
    request: StatusRequest,
    config: InferenceConfig,
    lines: list[str],
    data: dict[str, Json],
    *,
    headline: str,
    portal: str | None = None,
) -> Outcome:
    endpoint = config.endpoint_url
    actions = []
    if endpoint and data.get("httpStatus"):
        actions.append(Action(ActionKind.OPEN_ENDPOINT, "Go to Inference Endpoint", endpoint))
    actions += [Action(ActionKind.OPEN_PORTAL, "Open in portal", portal)] if portal else []
    path = request.project / CONFIG_PATH
    config_file = path if path.exists() else None
    return Outcome("\n".join(lines), endpoint, config_file, tuple(actions), data, headline)

"""Ready is what the platform says; one request then shows how the endpoint answers, and why it does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.core.errors import DeployFailed
from aitk_inference.core.model import ProbeResult
from aitk_inference.flows.api import StatusRequest
from aitk_inference.flows.operate.status import status
from support.app_provider import CONSUMPTION
from support.azure_world import World, WorldClouds
from support.projects import ENDPOINT, change_app, deploy_project, provisioned
from support.scripted import Scripted
from support.scripted_replicas import replica

if TYPE_CHECKING:
    from pathlib import Path


_OFFICE = {"name": "office", "ipAddressRange": "192.0.2.0/24", "action": "Allow"}


def _ingress(**changes: Any) -> dict[str, Any]:
    return {"configuration": {"ingress": {"external": True, "targetPort": 7860, **changes}}}


def _several(revision: str, *traffic: dict[str, Any]) -> dict[str, Any]:
    """An app of several revisions, the newest with this suffix; without ``traffic`` it gets all."""
    changes = _ingress(traffic=list(traffic)) if traffic else _ingress()
    changes["configuration"]["activeRevisionsMode"] = "Multiple"
    return {**changes, "template": {"revisionSuffix": revision}}


@pytest.fixture(autouse=True)
def _provisioned(project: Path, azure: World) -> None:
    provisioned(project, azure)


@pytest.mark.parametrize("code", [200, 204, 302, 400, 404, 405])
async def test_any_answer_of_the_app_counts(project: Path, azure: World, code: int) -> None:
    azure.probe.results = (ProbeResult(code),)
    outcome = await deploy_project(project, azure)
    assert (outcome.data["httpStatus"], outcome.data["protected"], outcome.data["warning"]) == (
        code,
        False,
        "",
    )


@pytest.mark.parametrize("code", [401, 403])
async def test_a_protected_endpoint_is_called_that(project: Path, azure: World, code: int) -> None:
    azure.probe.results = (ProbeResult(code),)
    outcome = await deploy_project(project, azure)
    assert f"protected: HTTP {code}" in outcome.summary
    assert outcome.data["protected"] is True


async def test_the_apps_own_probe_path_is_asked(project: Path, azure: World) -> None:
    probe = {"type": "Readiness", "httpGet": {"path": "/health", "port": 7860}}
    change_app(azure, container={"probes": [probe]})
    azure.probe.elsewhere = {f"{ENDPOINT}/health": [ProbeResult(200)], ENDPOINT: [ProbeResult(500)]}
    assert (await deploy_project(project, azure)).data["httpStatus"] == 200


@pytest.mark.parametrize(
    ("changes", "result", "words"),
    [
        (_ingress(external=False), ProbeResult(None, "there is no host"), "its ingress is internal"),
        (_ingress(ipSecurityRestrictions=[_OFFICE]), ProbeResult(None, "refused"), r"IP rules \(office\)"),
        ({}, ProbeResult(None, "there is no host x"), "check DNS, proxy and firewall"),
        ({}, ProbeResult(502), "answers with an error"),
    ],
)
async def test_a_ready_replica_without_an_answer_ends_with_a_warning_that_says_why(
    project: Path, azure: World, changes: dict[str, Any], result: ProbeResult, words: str
) -> None:
    change_app(azure, **changes)
    azure.probe.results = (result,)
    ui = Scripted()
    outcome = await deploy_project(project, azure, ui)
    assert "The replica is ready" in outcome.summary
    assert re.search(words, outcome.summary)
    assert azure.clock.seconds < 120


async def test_503_at_the_ready_path_means_that_the_model_loads_in_the_apps_words(
    project: Path, azure: World
) -> None:
    change_app(azure, container={"env": [{"name": "READY_PATH", "value": "/ready"}]})
    loading = ProbeResult(503, '{"ready": false, "reason": "loading the base, 3 of 8 GB"}')
    azure.probe.elsewhere = {f"{ENDPOINT}/ready": [loading, loading, loading, ProbeResult(200)]}
    ui = Scripted()
    outcome = await deploy_project(project, azure, ui)
    assert any(step.message.startswith("Loading the model, 3 of 8 GB, ") for step in ui.steps)
    assert outcome.data["warning"] == ""


async def test_a_model_that_never_loads_ends_with_its_own_words(project: Path, azure: World) -> None:
    change_app(azure, container={"env": [{"name": "READY_PATH", "value": "/ready"}]})
    azure.probe.elsewhere = {f"{ENDPOINT}/ready": [ProbeResult(503, '{"reason": "the adapter is missing"}')]}
    with pytest.raises(DeployFailed, match="the adapter is missing"):
        await deploy_project(project, azure, ready_timeout=30.0)


async def test_an_app_that_may_sleep_is_kept_awake_while_it_loads(project: Path, azure: World) -> None:
    change_app(azure, template={"scale": {"minReplicas": 0, "maxReplicas": 1}})
    azure.replicas.behaviour = lambda n: [replica("new", ready=n > 15)]
    await deploy_project(project, azure)
    assert azure.probe.asked >= 3


async def test_the_revisions_that_get_traffic_are_restarted_and_named(project: Path, azure: World) -> None:
    for name in ("pinned", "idle"):
        change_app(azure, **_several(name))
    weights = {"revisionName": "app--pinned", "weight": 80}, {"latestRevision": True, "weight": 20}
    change_app(azure, **_several("newest", *weights))
    ui = Scripted()
    outcome = await deploy_project(project, azure, ui)
    assert azure.count("apps.restart") == 2
    assert outcome.data["revision"] == "app--pinned"
    assert any("Active without traffic" in text and "idle" in text for _, text in ui.said)


async def test_traffic_that_misses_the_latest_revision_is_warned_of(project: Path, azure: World) -> None:
    change_app(azure, **_several("pinned"))
    change_app(azure, **_several("newest", {"revisionName": "app--pinned", "weight": 100}))
    ui = Scripted()
    await deploy_project(project, azure, ui)
    assert any("not to the latest revision app--newest" in text for _, text in ui.said)


async def test_a_replica_that_waits_for_the_old_ones_gpu_gets_it(project: Path, azure: World) -> None:
    profile = {"name": "gpu", "workloadProfileType": "Consumption-GPU-NC24-A100"}
    provisioned(project, azure, profiles=[CONSUMPTION, profile], workloadProfileName="gpu")
    waiting = [replica("old"), replica("new", ready=False)]
    azure.replicas.behaviour = lambda n: [replica("new2")] if azure.count("apps.stop") else waiting
    ui = Scripted()
    await deploy_project(project, azure, ui)
    assert (azure.count("apps.stop"), azure.count("apps.start")) == (1, 1)
    assert any("the old one holds" in text for _, text in ui.said)


async def test_a_crash_loop_that_passes_is_no_failure(project: Path, azure: World) -> None:
    """On Consumption the count of restarts stays 0 (recorded): the words alone tell, and one crash is not the end."""
    azure.replicas.behaviour = lambda n: [
        replica("new", ready=n > 3, details="" if n > 3 else "CrashLoopBackOff")
    ]
    await deploy_project(project, azure)


async def test_azures_own_reason_is_told(project: Path, azure: World) -> None:
    crashing = replica("old", ready=False, restarts=2, details="CrashLoopBackOff")
    azure.replicas.before = (crashing,)
    azure.replicas.log = ("words that nobody knows",)
    azure.replicas.behaviour = lambda _: [crashing, replica("new", ready=False)]
    with pytest.raises(DeployFailed, match="Azure says: Container crashing: main"):
        await deploy_project(project, azure, ready_timeout=30.0)


async def test_status_shows_the_revisions_and_the_containers_reason(project: Path, azure: World) -> None:
    azure.replicas.before = (replica("old", ready=False, restarts=2, details="CrashLoopBackOff"),)
    azure.probe.results = (ProbeResult(404),)
    outcome = await status(StatusRequest(project), ui=Scripted(), clouds=WorldClouds(azure, running=True))
    assert "Container crashing: main" in outcome.summary
    assert "CrashLoopBackOff" in outcome.summary
    assert outcome.data["answers"] is True

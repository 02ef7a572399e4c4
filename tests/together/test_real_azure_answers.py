"""What real Azure answers where aca-local can't: the program meets it behind a proxy that changes single answers.

The program runs as a person runs it, with Azure's own addresses, on a project that it provisioned and deployed. Where
minutes would pass, its clock runs fast. Each test is named by its finding, runs unchanged on the first release, and
fails there.
"""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.azure_accounts import HOME, SUBSCRIPTION, WORK, Accounts, Answer, Change, Tenant, azure_accounts
from support.real_projects import CONFIG, make_small, name_resources

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

GROUP = "answers"
APP = "/containerApps/[^/]+$"
REPLICAS, REVISION = "/revisions/[^/]+/replicas$", "/revisions/[^/]+$"
ACCOUNT, SHARE, LOCKS = "/storageAccounts/[^/]+$", "/shares/[^/]+$", "/Microsoft.Authorization/locks$"
DOOR, LOGS = "app.westus3.azurecontainerapps.io", "westus3.azurecontainerapps.dev"
PACE, MINUTE = 20, 60
KUBERNETES = "Kubernetes error happened. Closing the connection."
MAKING = "InfrastructureSetupInProgress"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    with azure_accounts(tmp_path_factory.mktemp("azure")) as accounts:
        yield accounts


@pytest.fixture(scope="module")
def deployed(running: Accounts) -> Path:
    """A project with an app that answers."""
    root = running.folder / "deployed"
    running.alone()
    succeeds(running.run("new", str(root)))
    name_resources(make_small(root), GROUP)
    succeeds(provision(running, root))
    succeeds(deploy(running, root))
    return root


@pytest.fixture
def azure(running: Accounts, deployed: Path) -> Accounts:
    running.renew()
    running.alone()
    return running


@pytest.fixture
def project(deployed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(deployed, tmp_path / "project")


def provision(azure: Accounts, root: Path, *more: str, pace: int = 0) -> subprocess.CompletedProcess[str]:
    where = ("--subscription", SUBSCRIPTION, "--resource-group", GROUP, "--location", "westus3")
    return azure.run("provision", "--no-input", "--yes", *where, *more, "--project", str(root), pace=pace)


def deploy(azure: Accounts, root: Path, *more: str, pace: int = 0) -> subprocess.CompletedProcess[str]:
    return azure.run("deploy", "--no-input", "--yes", *more, "--project", str(root), pace=pace)


def succeeds(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def fails(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def restarted(azure: Accounts) -> bool:
    return any(path.endswith("/restart") for method, path, _ in azure.asked if method == "POST")


def with_properties(**values: Any) -> Callable[[Any], Any]:
    return lambda body: {**body, "properties": {**body["properties"], **values}}


def replica(name: str, **container: Any) -> dict[str, Any]:
    """A replica as recorded of a container that never ran: its own word is in the container."""
    waiting = {"name": "c", "ready": False, "started": False, "restartCount": 0, "runningState": "Waiting"}
    containers = [{**waiting, "runningStateDetails": "", **container}]
    return {
        "id": f"/replicas/{name}",
        "name": name,
        "properties": {
            "createdTime": "2026-01-01T00:00:00Z",
            "runningState": "Running",
            "containers": containers,
        },
    }


class Replicas:
    """The replicas after the restart: what a test says for so many looks (0: for ever), then those that run."""

    def __init__(self, azure: Accounts, looks: int, **container: Any) -> None:
        self._azure, self._left, self._container = azure, looks or -1, container
        self.shown = 0

    def __call__(self, body: Any) -> Any:
        if not restarted(self._azure) or self.shown == self._left:
            return body
        self.shown += 1
        return {"value": [replica("fresh", **self._container)]}


OBSTACLES = [
    (ACCOUNT, {"allowSharedKeyAccess": False}, ("forbids keys", "Allow keys there")),
    (ACCOUNT, {"publicNetworkAccess": "Disabled"}, ("closed to public networks", "Open it to the app")),
    (SHARE, {"enabledProtocols": "NFS"}, ("speaks NFS", "fileShareName")),
]


@pytest.mark.parametrize(("path", "values", "words"), OBSTACLES)
def test_real_azure_A8_what_keeps_the_share_from_being_mounted_is_said_before_the_restart(
    azure: Accounts, project: Path, path: str, values: dict[str, object], words: tuple[str, str]
) -> None:
    says, way_out = words
    azure.changes += [Change("GET", path, with_properties(**values))]
    said = fails(deploy(azure, project))
    assert says in said
    assert way_out in said
    assert not restarted(azure)


def test_real_azure_A8_a_read_only_lock_is_said_before_the_restart(azure: Accounts, project: Path) -> None:
    scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    lock = {"id": f"{scope}/providers/Microsoft.Authorization/locks/keep", "name": "keep"}
    azure.answers += [Answer("GET", LOCKS, 200, {"value": [{**lock, "properties": {"level": "ReadOnly"}}]})]
    said = fails(deploy(azure, project))
    assert "read-only lock keep" in said
    assert "Ask an owner to remove the lock" in said
    assert not restarted(azure)


def test_real_azure_A8_a_policy_that_forbids_keys_behind_the_templates_back_is_said_at_once(
    azure: Accounts, project: Path
) -> None:
    name_resources(project, "flipped")
    azure.changes += [Change("GET", ACCOUNT, with_properties(allowSharedKeyAccess=False))]
    where = ("--subscription", SUBSCRIPTION, "--resource-group", "flipped", "--location", "westus3")
    said = succeeds(azure.run("provision", "--no-input", *where, "--project", str(project)))
    assert "flippedstore forbids keys" in said
    assert "Allow keys there" in said


def test_real_azure_C6_a_lock_that_hides_the_keys_is_named_and_no_role_asked_for_in_vain(
    azure: Accounts, project: Path
) -> None:
    scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    message = f"The scope '{scope}/providers/x' cannot perform write operation because following scope(s) are locked: '{scope}'. Please remove the lock and try again."
    azure.answers += [
        Answer("POST", "/listKeys$", 409, {"error": {"code": "ScopeLocked", "message": message}})
    ]
    said = fails(deploy(azure, project))
    assert "A lock keeps the keys" in said
    assert "remove the read-only lock" in said


def test_real_azure_B1_an_app_that_may_sleep_is_asked_while_it_loads(azure: Accounts, project: Path) -> None:
    asked: list[float] = []
    azure.hosts[DOOR] = lambda *_: asked.append(time.monotonic()) or (200, "hello")  # type: ignore[func-returns-value]
    document = json.loads((project / CONFIG).read_text()) | {"ACA_APP_ENDPOINT": f"https://{DOOR}"}
    (project / CONFIG).write_text(json.dumps(document))
    loading = Replicas(azure, 20)  # a look each three seconds: a minute
    until_ready: list[int] = []

    def looks(body: Any) -> Any:
        until_ready[:] = [len(asked)] if loading.shown < 20 else until_ready
        return loading(body)

    azure.changes += [
        Change("GET", REPLICAS, looks),
        Change("GET", APP, sleepy),
    ]
    succeeds(deploy(azure, project, pace=PACE))
    assert until_ready[0] >= 2  # without a request the platform scales it to zero on the way


def sleepy(body: Any) -> Any:
    body["properties"]["template"]["scale"] = {"minReplicas": None, "maxReplicas": 1, "rules": None}
    return body


def test_real_azure_B13_one_gpu_is_handed_over_by_stopping_and_starting_the_app(
    azure: Accounts, project: Path
) -> None:
    old: list[Any] = []

    def waits_for_the_gpu(body: Any) -> Any:
        if any(path.endswith("/start") for _, path, _ in azure.asked):
            return body
        old[:] = old or body["value"]
        return {"value": [*old, *([replica("fresh")] if restarted(azure) else [])]}

    azure.changes += [
        Change("GET", REPLICAS, waits_for_the_gpu),
        Change("GET", APP, with_properties(workloadProfileName="serverless-A100")),
    ]
    said = succeeds(deploy(azure, project, "--timeout", str(40 * MINUTE), pace=PACE * 2))
    assert "waits for the GPU that the old one holds" in said


def test_real_azure_C1_status_shows_the_containers_reason_and_the_revisions(
    azure: Accounts, project: Path
) -> None:
    reason = "The TargetPort 8080 does not match the listening port 80."
    azure.changes += [
        Change("GET", REPLICAS, lambda _: {"value": [replica("r", runningStateDetails="CrashLoopBackOff")]}),
        Change("GET", REVISION, with_properties(runningState="Failed", runningStateDetails=reason)),
    ]
    said = succeeds(azure.run("status", "--project", str(project)))
    assert "CrashLoopBackOff" in said
    assert reason in said


def test_real_azure_C2_the_words_of_a_broken_log_stream_are_not_taken_for_the_apps(
    azure: Accounts, project: Path
) -> None:
    console = {"TimeStamp": "2025-11-04 09:54:34.5 +0000 UTC", "Log": KUBERNETES}
    event = {
        **console,
        "Log": None,
        "Reason": "ContainerBackOff",
        "Msg": "Persistent Failure to start container",
    }
    azure.hosts[LOGS] = lambda _, path: (200, json.dumps(event if path.startswith("/events") else console))
    crashing = {"runningStateDetails": "CrashLoopBackOff", "logStreamEndpoint": f"https://{LOGS}/logs"}
    azure.answers += [Answer("GET", "/replicas/fresh$", 200, replica("fresh", **crashing))]
    azure.changes += [
        Change("GET", REPLICAS, Replicas(azure, 0, **crashing)),
        Change("GET", APP, with_properties(eventStreamEndpoint=f"https://{LOGS}/events")),
    ]
    said = fails(deploy(azure, project, pace=PACE))
    assert "Persistent Failure to start container" in said
    assert KUBERNETES not in said


def test_real_azure_C3_a_crash_loop_that_passes_does_not_end_a_deploy(azure: Accounts, project: Path) -> None:
    crashing = Replicas(azure, 2, runningStateDetails="CrashLoopBackOff")
    azure.changes += [Change("GET", REPLICAS, crashing)]
    succeeds(deploy(azure, project, pace=PACE))
    assert crashing.shown == 2


def test_real_azure_C8_an_environment_that_is_made_for_25_minutes_is_waited_for(
    azure: Accounts, project: Path
) -> None:
    pace, first, deployed_at = MINUTE * 2, [0.0], []

    def in_the_making(body: Any) -> Any:
        first[0] = first[0] or time.monotonic()
        is_made = (time.monotonic() - first[0]) * pace > 25 * MINUTE
        return body if is_made else with_properties(provisioningState=MAKING)(body)

    azure.changes += [
        Change("GET", "/managedEnvironments/[^/]+$", in_the_making),
        Change("PUT", "/deployments/[^/]+$", lambda body: deployed_at.append(time.monotonic()) or body),
    ]
    succeeds(provision(azure, project, "--again", pace=pace))
    assert first[0]
    assert (deployed_at[0] - first[0]) * pace > 25 * MINUTE  # nothing is deployed into it meanwhile


def test_real_azure_C10_a_token_of_the_wrong_directory_is_sent_once(azure: Accounts, project: Path) -> None:
    azure.tenants[:] = [Tenant(HOME, "Personal"), Tenant(WORK, "Contoso", {SUBSCRIPTION: "Team"})]
    document = json.loads((project / CONFIG).read_text())
    document.pop("TENANT_ID", None)
    (project / CONFIG).write_text(json.dumps(document))
    succeeds(azure.run("status", "--project", str(project)))
    below = [token for _, path, token in azure.asked if path.startswith("/subscriptions/")]
    assert below.count("home") == 1
    assert below.count("work") > 1


WORKSPACE = "The workspace name 'answerslog' is not unique. Please choose a different name."
REGIONS = "Resource 'answersapp' was disallowed by Azure: This policy maintains a set of best available regions where your subscription can deploy resources."
TAKEN = "The account answersstore is already in another resource group in this subscription."
IMAGE = """The following field(s) are either invalid or missing. Field 'template.containers.main.image' is invalid with details: \
'Invalid value: "acr.azurecr.io/app:latest": GET https:: MANIFEST_UNKNOWN: manifest tagged by "latest" is not found; map[Tag:latest]';."""
LOCATION = "The provided location 'italynorth' is not available for resource type 'x'. List of available regions for the resource type is 'eastus,westeurope'."


def way_out_of(azure: Accounts, project: Path, code: str, message: str) -> str:
    """What Provision advises where a deployment failed of this."""
    leaf = {"code": code, "message": message}
    tree = {"code": "DeploymentFailed", "message": "At least one resource failed.", "details": [leaf]}
    failed = with_properties(provisioningState="Failed", error=tree)
    azure.changes += [Change("GET", "/deployments/[^/]+$", failed)]
    said = fails(provision(azure, project, "--again"))
    return said[said.rindex("→") :] if "→" in said else said.replace(message, "")


def test_real_azure_B16_a_workspaces_name_that_is_kept_for_14_days_has_a_way_out(
    azure: Accounts, project: Path
) -> None:
    assert "acaLogAnalyticsName" in way_out_of(azure, project, "ConflictError", WORKSPACE)


@pytest.mark.parametrize(
    ("code", "message", "way_out"),
    [
        pytest.param("RequestDisallowedByAzure", REGIONS, "another region", id="regions"),
        pytest.param("StorageAccountInAnotherResourceGroup", TAKEN, "storageAccountName", id="account"),
        pytest.param("InvalidParameterValueInContainerTemplate", IMAGE, "registryServer", id="image"),
        pytest.param("LocationNotAvailableForResourceType", LOCATION, "eastus,westeurope", id="location"),
    ],
)
def test_real_azure_C4_what_a_deployment_failed_of_has_a_way_out(
    azure: Accounts, project: Path, code: str, message: str, way_out: str
) -> None:
    assert way_out in way_out_of(azure, project, code, message)

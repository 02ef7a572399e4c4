"""A cloud in memory behind the ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aitk_inference.core.errors import (
    AppError,
    Conflict,
    ErrorNode,
    NotAuthenticated,
    NotFound,
    Problem,
)
from aitk_inference.core.model import (
    AppRef,
    ContainerApp,
    ContainerStatus,
    DeploymentRef,
    DeploymentState,
    DeploymentStatus,
    Environment,
    ExistingResources,
    Json,
    Location,
    LogLine,
    ProbeResult,
    Replica,
    ResourceGroup,
    ResourceOperation,
    ShareRef,
    Subscription,
    WorkloadProfile,
)
from aitk_inference.core.ports import Cloud
from fake_share import FakeShare
from scripted import FakeClock, Killed

if TYPE_CHECKING:
    from pathlib import Path


LOCAL = Subscription("00000000-0000-0000-0000-00000000a1ca", "Local (this computer)", is_local=True)
AZURE = Subscription("11111111-1111-1111-1111-111111111111", "Team", "tenant")
ENDPOINT = "http://127.0.0.1:8123"


@dataclass
class FakeSubscriptions:
    world: FakeCloud
    registered: set[str] = field(default_factory=set)

    async def get(self, subscription_id: str) -> Subscription | None:
        return next((s for s in (LOCAL, AZURE) if s.id == subscription_id), None)

    async def locations(self, subscription_id: str) -> Sequence[Location]:
        return [Location("eastus", "East US"), Location("westus3", "West US 3")]

    async def resource_groups(self, subscription_id: str) -> Sequence[ResourceGroup]:
        return sorted(self.world.groups.values(), key=lambda group: group.name)

    async def resource_group(self, subscription_id: str, name: str) -> ResourceGroup | None:
        return self.world.groups.get(name.lower())

    async def create_resource_group(self, subscription_id: str, name: str, location: str) -> ResourceGroup:
        self.world.step("group")
        return self.world.groups.setdefault(name.lower(), ResourceGroup(name, location))

    async def register(self, subscription_id: str, namespaces: Sequence[str]) -> Sequence[str]:
        self.world.step("register")
        await asyncio.sleep(0)
        fresh = [name for name in namespaces if name not in self.registered]
        self.registered |= set(fresh)
        return fresh


@dataclass
class Running:
    """A deployment in the cloud: it goes on whether anybody looks or not."""

    template: Json
    parameters: Mapping[str, Json]
    fingerprint: str
    looks: int
    state: DeploymentState = DeploymentState.RUNNING


@dataclass
class FakeDeployments:
    """Deployments that need some looks to end.

    Attributes:
        looks: How many looks a deployment takes.
        error: What the next one fails with.
        cancelled: Names that were cancelled.
    """

    world: FakeCloud
    looks: int = 3
    error: ErrorNode | None = None
    started: list[Running] = field(default_factory=list)
    running: dict[str, Running] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)

    async def start(
        self, ref: DeploymentRef, template: Json, parameters: Mapping[str, Json], *, fingerprint: str
    ) -> None:
        self.world.step("deployment asked")
        active = self.running.get(ref.name)
        if active and not active.state.is_final:
            raise Conflict("A deployment of this name is still running.")
        self.running[ref.name] = Running(template, parameters, fingerprint, self.looks)
        self.started.append(self.running[ref.name])
        self.world.step("deployment started")

    async def status(self, ref: DeploymentRef) -> DeploymentStatus | None:
        self.world.step("deployment looked at")
        found = self.running.get(ref.name)
        if found is None:
            return None
        self._go_on(found, ref)
        failed = found.state is DeploymentState.FAILED
        outputs = self.world.outputs(ref) if found.state is DeploymentState.SUCCEEDED else {}
        return DeploymentStatus(
            found.state, outputs, self.error if failed else None, fingerprint=found.fingerprint
        )

    async def operations(self, ref: DeploymentRef) -> Sequence[ResourceOperation]:
        found = self.running.get(ref.name)
        if found is None:
            return []
        state = "Succeeded" if found.looks <= 1 else "Running"
        return [ResourceOperation("/x/app", "Microsoft.App/containerApps", "aiacaapp", state)]

    async def cancel(self, ref: DeploymentRef) -> bool:
        found = self.running.get(ref.name)
        if found is None or found.state.is_final:
            return False
        found.state = DeploymentState.CANCELED
        self.cancelled.append(ref.name)
        return True

    def _go_on(self, found: Running, ref: DeploymentRef) -> None:
        if found.state.is_final:
            return
        found.looks -= 1
        if found.looks > 0:
            return
        found.state = DeploymentState.FAILED if self.error else DeploymentState.SUCCEEDED
        if not self.error:
            self.world.provisioned(ref)


Behaviour = Callable[[int], Sequence[Replica]]
"""The replicas at the n-th look after a restart."""


def replica(name: str, *, ready: bool = True, restarts: int = 0, details: str = "") -> Replica:
    """A replica with one container."""
    container = ContainerStatus("c", ready, ready, restarts, "Running" if ready else "Waiting", details)
    return Replica(name, datetime(2026, 1, 1, tzinfo=UTC), "Running", details, (container,))


@dataclass
class FakeApps:
    """Container apps with scripted replicas.

    Attributes:
        behaviour: What is seen after a restart.
        busy: How often the next restarts are refused with 409.
        log: The console of every replica.
        system_log: The system log of the app.
    """

    world: FakeCloud
    existing_resources: ExistingResources = field(default_factory=ExistingResources)
    behaviour: Behaviour = lambda n: [replica("old")] if n < 2 else [replica("new", ready=n > 2)]
    before: Sequence[Replica] = (replica("old"),)
    busy: int = 0
    restarts: int = 0
    starts: int = 0
    stops: int = 0
    looks: int = 0
    added: list[WorkloadProfile] = field(default_factory=list)
    log: Sequence[str] = ("Traceback …", "ModuleNotFoundError: No module named 'gradio'")
    system_log: Sequence[str] = ("Created container",)

    async def get(self, ref: AppRef) -> ContainerApp | None:
        app = self.existing_resources.app
        return app if app and app.ref.name == ref.name else None

    async def environment(self, subscription_id: str, group: str, name: str) -> Environment | None:
        return self.existing_resources.environment

    async def existing(self, subscription_id: str, group: str, names: Mapping[str, str]) -> ExistingResources:
        self.world.step("existing")
        self.world.names = dict(names)
        return self.existing_resources

    async def add_workload_profile(
        self, subscription_id: str, group: str, environment: str, profile: WorkloadProfile
    ) -> None:
        self.added.append(profile)

    async def restart(self, ref: AppRef, revision: str) -> None:
        self.world.step("restart")
        if self.busy:
            self.busy -= 1
            raise Conflict("Another change of the container app is under way.")
        self.restarts += 1
        self.looks = 0

    async def replicas(self, ref: AppRef, revision: str) -> Sequence[Replica]:
        if not self.restarts and not self.starts:
            return self.before
        self.looks += 1
        return self.behaviour(self.looks)

    async def start(self, ref: AppRef) -> None:
        self.starts += 1

    async def stop(self, ref: AppRef) -> None:
        self.stops += 1

    async def console(
        self, ref: AppRef, revision: str, replica: str, *, tail: int, follow: bool
    ) -> AsyncIterator[LogLine]:
        for line in self.log:
            yield LogLine(None, line)

    async def events(self, ref: AppRef, *, tail: int, follow: bool) -> AsyncIterator[LogLine]:
        for line in self.system_log:
            yield LogLine(None, line, "system")


@dataclass
class FakeProbe:
    results: Sequence[ProbeResult] = (ProbeResult(200),)
    elsewhere: Mapping[str, Sequence[ProbeResult]] = field(default_factory=dict)
    asked: int = 0

    async def get(self, url: str, *, timeout: float) -> ProbeResult:
        if url in self.elsewhere:
            first, *later = self.elsewhere[url]
            self.elsewhere = {**self.elsewhere, url: later or [first]}
            return first
        self.asked += 1
        return self.results[min(self.asked, len(self.results)) - 1]


@dataclass
class FakeCompiler:
    """A Bicep CLI: None as template means that there is none."""

    template: Json = None
    parameters: Mapping[str, Json] | None = None
    compiled: int = 0

    async def compile(self, source: Path) -> Json:
        if self.template is None:
            raise NotFound("There is no Bicep CLI.", suggestion="Set its path.")
        self.compiled += 1
        return self.template

    async def compile_parameters(self, source: Path) -> Json:
        if self.parameters is None:
            raise NotFound("There is no Bicep CLI.", suggestion="Set its path.")
        return {"parameters": {name: {"value": value} for name, value in self.parameters.items()}}

    async def lint(self, source: Path) -> Sequence[Problem]:
        return []


class FakeCloud:
    """One target: everything that happens is a step, and any step can be the last one of the process."""

    def __init__(self) -> None:
        self.groups = {"models": ResourceGroup("models", "westus3")}
        self.names: dict[str, str] = {}
        self.steps: list[str] = []
        self.endpoint = ENDPOINT
        self.kill_at: int | None = None
        self.on_step: Callable[[str], None] = lambda _: None
        self.clock = FakeClock()
        self.subscriptions = FakeSubscriptions(self)
        self.deployments = FakeDeployments(self)
        self.apps = FakeApps(self)
        self.share = FakeShare(self.step)
        self.probe = FakeProbe()
        self.compiler = FakeCompiler()

    def step(self, name: str) -> None:
        """Note what happens; end the process where the test says so."""
        self.steps.append(name)
        if self.kill_at is not None and len(self.steps) > self.kill_at:
            raise Killed(name)
        self.on_step(name)

    @asynccontextmanager
    async def open(self, ref: ShareRef) -> AsyncIterator[FakeShare]:
        yield self.share

    def cloud(self, *, is_local: bool) -> Cloud:
        return Cloud(
            self.subscriptions,
            self.deployments,
            self.apps,
            self,
            self.probe,
            self.compiler,
            self.clock,
            is_local,
        )

    def outputs(self, ref: DeploymentRef) -> dict[str, Json]:
        return {
            "SUBSCRIPTION_ID": ref.subscription_id,
            "RESOURCE_GROUP_NAME": ref.resource_group,
            "STORAGE_ACCOUNT_NAME": self.names["storageAccountName"],
            "FILE_SHARE_NAME": self.names["fileShareName"],
            "ACA_APP_NAME": self.names["acaAppName"],
            "ACA_APP_ENDPOINT": self.endpoint,
        }

    def provisioned(self, ref: DeploymentRef) -> None:
        """All of the template's resources exist from now on."""
        app = AppRef(ref.subscription_id, ref.resource_group, self.names["acaAppName"])
        environment = Environment(
            self.names["acaEnvironmentName"], "westus3", (WorkloadProfile("Consumption", "Consumption"),)
        )
        home = f"/x/managedEnvironments/{environment.name}"
        self.apps.existing_resources = ExistingResources(
            storage_account=True,
            file_share=True,
            log_analytics=True,
            environment=environment,
            app=ContainerApp(app, self.endpoint, "rev1", "Succeeded", "Running", home, min_replicas=1),
            app_document={"name": app.name},
            app_secrets={"value": [{"name": "s", "value": "hidden"}]},
        )

    def change_app(self, **changes: object) -> None:
        """Another state of the app."""
        app = self.apps.existing_resources.app
        assert app is not None
        changed = replace(app, **changes)  # type: ignore[arg-type]  # the caller names real fields
        self.apps.existing_resources = replace(self.apps.existing_resources, app=changed)


@dataclass
class FakeClouds:
    """The targets; ``signed_in`` tells whether Azure's subscriptions can be seen."""

    world: FakeCloud = field(default_factory=FakeCloud)
    signed_in: bool = True
    opened: list[str] = field(default_factory=list)
    stopped: int = 0
    running: bool = False

    @property
    def local(self) -> Subscription:
        return LOCAL

    async def subscriptions(self, *, interactive: bool) -> Sequence[Subscription]:
        if not self.signed_in and not interactive:
            raise NotAuthenticated("Nobody is signed in to Azure.")
        self.signed_in = True
        return [AZURE]

    async def local_running(self) -> bool:
        return self.running

    async def stop_local(self) -> None:
        self.stopped += 1

    @asynccontextmanager
    async def open(self, subscription_id: str) -> AsyncIterator[Cloud]:
        self.opened.append(subscription_id)
        yield self.world.cloud(is_local=subscription_id in ("local", LOCAL.id))


def refused(code: str, message: str) -> AppError:
    """A foreign error as the adapters tell it."""
    return AppError(f"{code}: {message}")

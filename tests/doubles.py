"""A cloud in memory behind the ports, a person with prepared answers, and a clock that nobody waits for."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aitk_inference.core.errors import (
    AppError,
    Conflict,
    ErrorNode,
    InputRequired,
    NotAuthenticated,
    NotFound,
    Problem,
)
from aitk_inference.core.interface import missing
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
from aitk_inference.core.share import ShareEntry

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.core.interface import Action, Answers, Level, ProgressEvent, Question

LOCAL = Subscription("00000000-0000-0000-0000-00000000a1ca", "Local (this computer)", is_local=True)
AZURE = Subscription("11111111-1111-1111-1111-111111111111", "Team", "tenant")
ENDPOINT = "http://127.0.0.1:8123"


class Killed(BaseException):
    """The process ends here: nothing of ours runs after it."""


@dataclass
class FakeClock:
    """Time that passes when somebody sleeps."""

    seconds: float = 0.0
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


@dataclass
class Scripted:
    """A person with prepared answers; without one, nobody who can be asked."""

    answers: dict[str, str] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)
    steps: list[ProgressEvent] = field(default_factory=list)
    said: list[tuple[Level, str]] = field(default_factory=list)
    on_step: Callable[[ProgressEvent], None] = lambda _: None

    async def ask(self, questions: Sequence[Question]) -> Answers:
        self.asked += questions
        unknown = [question for question in questions if question.name not in self.answers]
        if unknown:
            raise InputRequired([missing(question) for question in unknown])
        return {question.name: self.answers[question.name] for question in questions}

    def progress(self, event: ProgressEvent) -> None:
        self.steps.append(event)
        self.on_step(event)

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        self.said.append((level, text))


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
class FakeFile:
    """A file on the share in memory."""

    content: bytes
    etag: str
    modified: datetime | None = None
    ranges: list[tuple[int, int]] = field(default_factory=list)


class FakeShare:
    """A share in memory, as Azure Files behaves: parents first, names without case, atomic renames."""

    def __init__(self, world: FakeCloud) -> None:
        self.stored: dict[str, FakeFile] = {}
        self.folders: dict[str, dict[str, str]] = {}
        self.calls: list[str] = []
        self._world = world
        self._version = 0

    @property
    def requests(self) -> int:
        return len(self.calls)

    @property
    def files(self) -> dict[str, bytes]:
        """Every file's content."""
        return {path: file.content for path, file in self.stored.items()}

    def edit(self, path: str, content: bytes, modified: datetime | None = None) -> None:
        """Somebody else writes a file."""
        self._put(path, content, modified)

    async def list(self, directory: str = "") -> Sequence[ShareEntry]:
        self._call("list")
        inside = [p for p in [*self.stored, *self.folders] if p.rpartition("/")[0] == directory]
        return [self._entry(path) for path in inside]

    async def entry(self, path: str) -> ShareEntry | None:
        self._call("entry")
        found = self._find(path, self.stored)
        return None if found is None else self._entry(found)._replace(md5=self._md5(found))

    async def read(self, path: str) -> bytes | None:
        self._call("read")
        found = self._find(path, self.stored)
        return None if found is None else self.stored[found].content

    async def make_directory(self, path: str, metadata: Mapping[str, str] | None = None) -> bool:
        self._call("make")
        self._need_parent(path)
        if self._find(path, self.folders) or self._find(path, self.stored):
            return False
        self.folders[path] = dict(metadata or {})
        return True

    async def directory_metadata(self, path: str) -> Mapping[str, str] | None:
        self._call("metadata")
        return self.folders.get(path)

    async def set_directory_metadata(self, path: str, metadata: Mapping[str, str]) -> None:
        if path in self.folders:
            self.folders[path] = dict(metadata)

    async def put_file(self, path: str, content: bytes, *, modified: datetime | None = None) -> ShareEntry:
        self._call("put")
        assert len(content) <= 4 << 20
        return self._put(path, content, modified)

    async def create_file(self, path: str, size: int, *, modified: datetime | None = None) -> ShareEntry:
        self._call("create")
        entry = self._put(path, bytes(size), modified)
        self.stored[entry.path].ranges.clear()
        return entry

    async def put_range(self, path: str, offset: int, content: bytes) -> None:
        self._call("range")
        assert 0 < len(content) <= 4 << 20
        found = self.stored[self._find(path, self.stored) or path]
        old, end = found.content, offset + len(content)
        found.content = old[:offset] + content + old[end:]
        found.ranges.append((offset, end))
        found.etag = self._next()

    async def ranges(self, path: str) -> Sequence[tuple[int, int]]:
        self._call("ranges")
        return sorted(self.stored[self._find(path, self.stored) or path].ranges)

    async def copy(self, source: str, target: str, *, modified: datetime) -> ShareEntry:
        self._call("copy")
        return self._put(target, self.stored[source].content, modified)

    async def rename(self, source: str, target: str, *, replace: bool) -> None:
        self._call("rename")
        assert replace or target not in self.stored
        self.stored[target] = self.stored.pop(source)

    async def rename_directory(self, source: str, target: str) -> bool:
        self._call("move")
        if source not in self.folders or target in self.folders:
            return False
        self.folders[target] = self.folders.pop(source)
        return True

    async def delete_file(self, path: str) -> bool:
        self._call("delete")
        found = self._find(path, self.stored)
        return found is not None and self.stored.pop(found) is not None

    async def delete_directory(self, path: str) -> bool:
        self._call("remove")
        found = self._find(path, self.folders)
        if found is None or any(other.startswith(f"{found}/") for other in [*self.stored, *self.folders]):
            return False
        return self.folders.pop(found) is not None

    def _put(self, path: str, content: bytes, modified: datetime | None) -> ShareEntry:
        self._need_parent(path)
        if self._find(path, self.folders):
            raise Conflict(f"ResourceTypeMismatch: {path}")
        name = self._find(path, self.stored) or self._spelled(path)
        whole = [(0, len(content))] if content else []
        self.stored[name] = FakeFile(content, self._next(), modified, whole)
        return self._entry(name)

    def _entry(self, path: str) -> ShareEntry:
        file = self.stored.get(path)
        if file is None:
            return ShareEntry(path, is_directory=True)
        return ShareEntry(path, False, len(file.content), file.etag, file.modified)

    def _md5(self, path: str) -> str:
        digest = hashlib.md5(self.stored[path].content, usedforsecurity=False)
        return base64.b64encode(digest.digest()).decode()

    def _spelled(self, path: str) -> str:
        """The path, with its folder spelled as it was made."""
        parent, _, name = path.rpartition("/")
        return f"{self._find(parent, self.folders)}/{name}" if parent else name

    def _find(self, path: str, names: Iterable[str]) -> str | None:
        return next((name for name in names if name.lower() == path.lower()), None)

    def _need_parent(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent and not self._find(parent, self.folders):
            raise NotFound(f"ParentNotFound: {parent}")

    def _next(self) -> str:
        self._version += 1
        return f'"{self._version}"'

    def _call(self, kind: str) -> None:
        self.calls.append(kind)
        self._world.step(f"share {kind}")


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
        self.share = FakeShare(self)
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

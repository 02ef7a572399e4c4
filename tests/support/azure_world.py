"""aca-local's Resource Manager in this process, behind the product's own adapters.

What stands in for something real is the clock, a person's sign-in, the Bicep CLI, and the end of the process at a
chosen call; all else is the code that runs.
"""

from __future__ import annotations

import asyncio
import inspect
import ssl
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from aitk_inference.azure.chat import OpenAiChat
from aitk_inference.azure.clients import Endpoint, connect
from aitk_inference.azure.container_apps import ArmContainerApps
from aitk_inference.azure.credentials import StaticCredential
from aitk_inference.azure.deployments import ArmDeployments
from aitk_inference.azure.log_streams import LogStreams
from aitk_inference.azure.past_logs import LogAnalytics
from aitk_inference.azure.preflight import ArmPreflight
from aitk_inference.azure.probe import http_client
from aitk_inference.azure.resources import ArmResources
from aitk_inference.azure.retail_prices import RetailPrices
from aitk_inference.azure.subscriptions import ArmSubscriptions
from aitk_inference.core.accounts import Account, Directory
from aitk_inference.core.errors import NotAuthenticated
from aitk_inference.core.model import Subscription
from aitk_inference.core.ports import Cloud
from support.arm_server import TENANT, TOKEN, Running, run_arm
from support.doubles import FakeCompiler, FakeProbe
from support.fake_share import FakeShare
from support.scripted import FakeClock, Killed, Scripted, Steps
from support.scripted_replicas import ScriptedReplicas

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from aca_local.certificates import Certificates
    from aitk_inference.core.model import ShareRef
    from aitk_inference.core.user_interface import UserInterface

LOCAL = Subscription("00000000-0000-4000-8000-00000000a1ca", "Local (this computer)", TENANT, is_local=True)
AZURE = Subscription("11111111-1111-4111-8111-111111111111", "Team", TENANT)
ACCOUNT = Account("maria@contoso.example", "Azure CLI", "tenant")
DIRECTORIES = (Directory("tenant", "Contoso", "contoso.example"),)
GROUP = "models"
REGION = "westus3"
TIMEOUT = 60.0


class QuickClock(FakeClock):
    """Time that passes when somebody sleeps; the server gets its turn meanwhile."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(0.005)


@dataclass(frozen=True)
class Refusal:
    """How resource providers refuse what a template asks for: words that a path holds, code and message."""

    part: str
    code: str
    message: str


class World(Steps):
    """The local target and one subscription of Azure; every call of a port is a step: ``deployments.start``.

    Attributes:
        refusals: What templates are refused.
        replicas: How the replicas of every app behave.
        prices_url: Where list prices are read; empty: aca-local's.
    """

    def __init__(self, folder: Path, stack: ExitStack, trust: Certificates) -> None:
        super().__init__()
        self.refusals: list[Refusal] = []
        self.prices_url = ""
        self.replicas = ScriptedReplicas()
        self.clock = QuickClock()
        self.share = FakeShare(self.step)
        self.probe = FakeProbe()
        self.compiler = FakeCompiler()
        self._folder, self._stack, self._trust = folder, stack, trust
        self._client = stack.enter_context(
            httpx.Client(
                verify=ssl.create_default_context(cafile=trust.ca_file),
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=TIMEOUT,
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        )
        self._running: dict[str, Running] = {}

    def step(self, name: str, **arguments: Any) -> None:
        """Note a call of a port; looking at an app's replicas is what moves them on."""
        super().step(name, **arguments)
        self.replicas.looks += name == "apps.replicas"

    @property
    def deployed(self) -> list[dict[str, Any]]:
        """The arguments of the deployments that were started."""
        return [arguments for name, arguments in self.calls if name == "deployments.start"]

    def arm(self, subscription: Subscription = LOCAL) -> Running:
        """A subscription's Resource Manager, with the group that tests work in."""
        if subscription.id not in self._running:
            running = self._stack.enter_context(
                run_arm(
                    self._folder / subscription.id,
                    subscription=subscription.id,
                    refusal=self._refusal,
                    tls=self._trust.context,
                    replicas=self.replicas,
                )
            )
            self._running[subscription.id] = running
            self.ask("PUT", f"/resourceGroups/{GROUP}", {"location": REGION}, subscription=subscription)
        return self._running[subscription.id]

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        version: str = "2024-03-01",
        subscription: Subscription = LOCAL,
    ) -> Any:
        """Ask as somebody else, below the subscription, and wait until what was asked for is done."""
        url = f"{self.arm(subscription).url}/subscriptions/{subscription.id}{path}"
        answer = self._client.request(method, url, params={"api-version": version}, json=body)
        assert answer.status_code < 300, answer.text
        while address := answer.headers.get("Azure-AsyncOperation"):
            status = self._client.get(address).json()["status"]
            if status in ("Succeeded", "Failed"):
                break
        return answer.json() if answer.content else None

    def provider(self, path: str, group: str = GROUP) -> str:
        """The path of a resource of the group."""
        return f"/resourceGroups/{group}/providers/{path}"

    def groups(self) -> list[str]:
        return [group["name"] for group in self.ask("GET", "/resourcegroups", version="2021-04-01")["value"]]

    @asynccontextmanager
    async def open(self, subscription: Subscription) -> AsyncIterator[Cloud]:
        endpoint = Endpoint(
            arm=await asyncio.to_thread(lambda: self.arm(subscription).url),
            is_local=subscription.is_local,
            ca_file=self._trust.ca_file,
        )
        async with (
            connect(endpoint, StaticCredential(TOKEN), timeout=TIMEOUT) as clients,
            http_client(endpoint.tls, read_timeout=TIMEOUT) as http,
        ):
            try:
                yield Cloud(
                    subscriptions=self._noted("subscriptions", ArmSubscriptions(clients)),
                    deployments=self._noted("deployments", ArmDeployments(clients)),
                    resources=self._noted("resources", ArmResources(clients)),
                    apps=self._noted(
                        "apps", ArmContainerApps(clients, LogStreams(clients, http, self.clock), self.clock)
                    ),
                    shares=Shares(self.share),
                    probe=self.probe,
                    compiler=self.compiler,
                    clock=self.clock,
                    preflight=self._noted("preflight", ArmPreflight(clients)),
                    prices=RetailPrices(
                        http, self.prices_url or endpoint.arm, self._folder / "cache", self.clock
                    ),
                    past_logs=LogAnalytics(clients, http),
                    chat=OpenAiChat(http),
                    is_local=subscription.is_local,
                )
            except Killed:
                await _end_other_tasks()  # a process that ends takes its requests with it
                raise

    def _noted(self, port: str, adapter: Any) -> Any:
        return Noted(port, adapter, self)

    def _refusal(self, path: str) -> tuple[int, dict[str, Any]] | None:
        found = next((refusal for refusal in self.refusals if refusal.part in path), None)
        return (409, {"code": found.code, "message": found.message}) if found else None


async def _end_other_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@dataclass(frozen=True)
class Shares:
    """One share in memory, whatever its address."""

    share: FakeShare

    @asynccontextmanager
    async def open(self, ref: ShareRef) -> AsyncIterator[FakeShare]:
        yield self.share


@dataclass(frozen=True)
class Noted:
    """An adapter whose calls are steps of a world."""

    port: str
    adapter: Any
    world: World

    def __getattr__(self, method: str) -> Any:
        call = getattr(self.adapter, method)

        if inspect.isasyncgenfunction(call):
            return call

        async def noted(*given: Any, **named: Any) -> Any:
            self.world.step(f"{self.port}.{method}", given=given, **named)
            return await call(*given, **named)

        return noted


@dataclass
class WorldClouds:
    """The targets; ``signed_in`` tells whether Azure's subscriptions can be seen."""

    world: World
    signed_in: bool = True
    running: bool = False
    opened: list[str] = field(default_factory=list)
    stopped: int = 0
    tenant: str | None = None
    who: Account = ACCOUNT
    tenants: Sequence[Directory] = DIRECTORIES
    preferred: list[str] = field(default_factory=list)
    attended: UserInterface = field(default_factory=Scripted)

    @property
    def local(self) -> Subscription:
        return LOCAL

    def attend(self, ui: UserInterface) -> None:
        self.attended = ui

    async def subscription(self, subscription_id: str) -> Subscription | None:
        if not self.signed_in and not self.attended.can_ask:
            raise NotAuthenticated("Nobody is signed in to Azure.")
        self.signed_in = True
        return AZURE if subscription_id == AZURE.id else None

    async def account(self, tenant_id: str | None = None, *, interactive: bool = False) -> Account:
        return self.who

    async def directories(self) -> Sequence[Directory]:
        return self.tenants

    def sign_ins(self) -> Sequence[tuple[str, str]]:
        return [("editor", "the editor's account"), ("azure-cli", "Azure CLI")]

    def prefer(self, sign_in: str) -> None:
        self.preferred.append(sign_in)

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
    async def compiler(self) -> AsyncIterator[FakeCompiler]:
        yield self.world.compiler

    @asynccontextmanager
    async def open(self, subscription_id: str, tenant_id: str | None = None) -> AsyncIterator[Cloud]:
        self.opened.append(subscription_id)
        self.tenant = tenant_id
        try:
            async with self.world.open(LOCAL if subscription_id in ("local", LOCAL.id) else AZURE) as cloud:
                yield cloud
        finally:  # TLS connections say good-bye in turns of the loop of their own
            await asyncio.sleep(0.05)

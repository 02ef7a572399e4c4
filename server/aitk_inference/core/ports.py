"""What the flows need from the cloud, as small Protocols; Resource Manager's are in ``resource_manager.py``, a file
share's in ``share.py``, the person's in ``user_interface.py``.

``azure/`` implements them. Every method raises only :class:`~aitk_inference.core.errors.AppError` and its
children: foreign errors end in ``azure/errors.py``. Every method is cancelled by cancelling its task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from aitk_inference.core.accounts import Account, Directory
    from aitk_inference.core.chat import ChatApi
    from aitk_inference.core.errors import Problem
    from aitk_inference.core.logs import PastLogs
    from aitk_inference.core.model import (
        AppRef,
        ContainerApp,
        Json,
        LogLine,
        ProbeResult,
        Replica,
        Revision,
        ShareRef,
        Subscription,
        WorkloadProfile,
    )
    from aitk_inference.core.prices import PriceList
    from aitk_inference.core.resource_manager import Deployments, Preflight, Resources, Subscriptions
    from aitk_inference.core.settings import Settings
    from aitk_inference.core.share import OpenedShare, Share
    from aitk_inference.core.user_interface import UserInterface


class EditorTokens(Protocol):
    """Tokens of the account that the editor is signed in with."""

    async def token(
        self,
        scopes: Sequence[str],
        *,
        tenant_id: str | None = None,
        claims: str | None = None,
        www_authenticate: str | None = None,
        interactive: bool = True,
    ) -> tuple[str, int]:
        """Return a bearer token and when it expires (seconds since 1970).

        Args:
            scopes: For example ``https://management.azure.com/.default``.
            tenant_id: The directory that the token must be of; None: the account's own.
            claims: A claims challenge of the service (JSON text), which a new sign-in satisfies.
            www_authenticate: The header that holds the challenge, whole: newer editors take it as it is.
            interactive: False: only a session that exists; the person is not asked for anything.

        Raises:
            NotAuthenticated: the person is not signed in, or refused.
        """
        ...


class Prices(Protocol):
    """Azure's list prices."""

    async def of_region(self, location: str) -> PriceList | None:
        """Return what Container Apps costs in a region, or None where nobody answers; never raises."""
        ...


class ContainerApps(Protocol):
    """Container apps, revisions and replicas."""

    async def get(self, ref: AppRef) -> ContainerApp | None:
        """Return the app, or None."""
        ...

    async def add_workload_profile(self, environment_id: str, profile: WorkloadProfile) -> None:
        """Add one profile to an environment that exists (a PATCH that keeps the others), and wait."""
        ...

    async def revisions(self, ref: AppRef) -> Sequence[Revision]:
        """Return the app's revisions, oldest first."""
        ...

    async def revision(self, ref: AppRef, name: str) -> Revision | None:
        """Return one revision, or None."""
        ...

    async def restart(self, ref: AppRef, revision: str) -> None:
        """Restart a revision: new replicas of the same revision."""
        ...

    async def replicas(self, ref: AppRef, revision: str) -> Sequence[Replica]:
        """Return the revision's replicas, oldest first."""
        ...

    async def start(self, ref: AppRef) -> None:
        """Start a stopped app."""
        ...

    async def stop(self, ref: AppRef) -> None:
        """Stop the app: no replica, no bill for one."""
        ...

    def console(
        self, ref: AppRef, revision: str, replica: str, *, tail: int, follow: bool
    ) -> AsyncIterator[LogLine]:
        """Console lines of a replica's first container: the last ``tail`` (0 to 300), then new ones."""
        ...

    def events(self, ref: AppRef, *, tail: int, follow: bool) -> AsyncIterator[LogLine]:
        """System log lines of the app (image pulls, volume mounts, probes, restarts)."""
        ...


class Shares(Protocol):
    """File shares."""

    def open(self, ref: ShareRef) -> AbstractAsyncContextManager[Share]:
        """Open a share with the account's key, or the person's token where keys are forbidden."""
        ...


class EndpointProbe(Protocol):
    """Asks the web API whether it answers."""

    async def get(self, url: str, *, timeout: float) -> ProbeResult:
        """One GET; ``timeout`` in seconds. Never raises for a server that does not answer."""
        ...


class TemplateCompiler(Protocol):
    """Turns Bicep into a template."""

    async def compile(self, source: Path) -> Json:
        """Return the compiled ARM template of a ``.bicep`` file.

        Raises:
            InvalidProject: the Bicep file has errors, with their places.
            NotFound: there is no Bicep CLI.
        """
        ...

    async def compile_parameters(self, source: Path) -> Json:
        """Return the parameters file (JSON) of a ``.bicepparam`` file.

        Raises:
            InvalidProject: it has errors, or the template that it uses has, with their places.
            NotFound: there is no Bicep CLI.
        """
        ...

    async def lint(self, source: Path) -> Sequence[Problem]:
        """Warnings and errors of a ``.bicep`` file, and of the files that it uses.

        Raises:
            NotFound: there is no Bicep CLI.
        """
        ...


class Clock(Protocol):
    """Time, so that tests need not wait."""

    def monotonic(self) -> float:
        """Seconds that only grow."""
        ...

    def now(self) -> datetime:
        """Return the time, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True)
class Cloud:
    """Everything that a flow may touch outside the project folder, for one target.

    Attributes:
        is_local: True for aca-local on this computer.
    """

    subscriptions: Subscriptions
    deployments: Deployments
    resources: Resources
    apps: ContainerApps
    shares: Shares
    probe: EndpointProbe
    compiler: TemplateCompiler
    clock: Clock
    preflight: Preflight
    prices: Prices
    past_logs: PastLogs
    chat: ChatApi
    is_local: bool = False


class Clouds(Protocol):
    """The targets: Azure, and the local one. Opening one may start it or sign in, so it happens late."""

    def attend(self, ui: UserInterface) -> None:
        """Take the person that sign-ins may ask, and whom to say what they need; until then there is nobody."""
        ...

    @property
    def local(self) -> Subscription:
        """The local target as a subscription to choose; ``local`` names it everywhere a person types."""
        ...

    async def subscriptions(self, *, interactive: bool) -> Sequence[Subscription]:
        """Azure subscriptions of the signed-in person.

        Args:
            interactive: False disturbs nobody (it uses a sign-in that exists); True may ask to sign in.

        Raises:
            NotAuthenticated: nobody is signed in, or the sign-in was refused.
        """
        ...

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """Return the Azure subscription of that id, of whatever directory; None when nobody here sees it.

        Raises:
            NotAuthenticated, Unreachable.
        """
        ...

    async def account(self, tenant_id: str | None = None, *, interactive: bool = False) -> Account:
        """Return who is signed in to Azure.

        Args:
            tenant_id: In which directory; None: the account's own.
            interactive: A person may be asked to sign in.

        Raises:
            NotAuthenticated: nobody is signed in.
        """
        ...

    async def directories(self) -> Sequence[Directory]:
        """Return the directories that the account is in, sorted by name; asks nobody.

        Raises:
            NotAuthenticated, Unreachable.
        """
        ...

    def sign_ins(self) -> Sequence[tuple[str, str]]:
        """Return the ways to sign in, in their order: a stable name and the words for people."""
        ...

    def prefer(self, sign_in: str) -> None:
        """Sign in this way first, from now on; an unknown name changes nothing."""
        ...

    async def local_running(self) -> bool:
        """Return True when the local target runs already (opening it would not start it)."""
        ...

    async def stop_local(self) -> None:
        """End the local target; its state stays on disk. Nothing happens when it does not run."""
        ...

    def open(self, subscription_id: str, tenant_id: str | None = None) -> AbstractAsyncContextManager[Cloud]:
        """Return the target that a subscription id belongs to (``local`` is understood).

        Args:
            subscription_id: The subscription's GUID.
            tenant_id: The directory that tokens must be of; None: Azure says so when it is another one.
        """
        ...

    def compiler(self) -> AbstractAsyncContextManager[TemplateCompiler]:
        """Return the compiler by itself, for what needs no target."""
        ...


MakeCompiler: TypeAlias = "Callable[[Settings], AbstractAsyncContextManager[TemplateCompiler]]"
"""How ``__main__`` hands the compiler to a front end; leaving it ends the CLI."""

OpenShare: TypeAlias = "Callable[[str], AbstractAsyncContextManager[OpenedShare]]"
"""Opens the share that a URL names, with its signature or the environment's connection string."""

MakeClouds: TypeAlias = "Callable[[Settings, EditorTokens | None], Clouds]"
"""How ``__main__`` hands the composition root to a front end: adapters made, nothing opened yet."""

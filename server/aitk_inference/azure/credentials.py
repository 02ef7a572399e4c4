"""Tokens of the person who is signed in: kept until shortly before they end, asked of each source in its order.

Two rounds: first every source is asked for a sign-in that exists, then, only when a person may be disturbed,
those that can start one. A claims challenge is put to the source whose token was refused, and is never answered
with the same token again.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from aitk_inference.azure.challenges import Challenge, claims_unmet, login_command
from aitk_inference.azure.token_claims import account_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from aitk_inference.core.accounts import Account

AZURE_CLI = "azure-cli"
_FRESH_FOR = 300.0
_FOREVER = 86_400


@dataclass(frozen=True)
class TokenRequest:
    """What token is wanted.

    Attributes:
        scopes: For example ``https://management.azure.com/.default``.
        tenant_id: The directory that it must be of; None: the account's own.
        claims: What the service asks of it (JSON text).
        challenge: The header that asked for the claims, whole.
        refused: The token that the service refused: it is not given again for these claims.
        interactive: Whether a person may be asked.
        silent: Nobody is asked, whatever else is allowed.
    """

    scopes: tuple[str, ...]
    tenant_id: str | None = None
    claims: str | None = None
    challenge: str | None = None
    refused: str | None = None
    interactive: bool = False
    silent: bool = False


GetToken: TypeAlias = Callable[[TokenRequest], Awaitable[AccessToken]]


class Source(NamedTuple):
    """Where a token can come from.

    Attributes:
        name: Stable, for example ``azure-cli``.
        label: As people call it.
        get: Gives a token, or raises ClientAuthenticationError (CredentialUnavailableError where nobody signed in).
    """

    name: str
    label: str
    get: GetToken


class Given(NamedTuple):
    """A token and the source that gave it."""

    token: AccessToken
    source: Source

    def serves(self, request: TokenRequest) -> bool:
        """Return True while it is fresh, and not what the service refused."""
        is_refused = self.token.token == request.refused or (request.claims and request.refused is None)
        return not is_refused and self.token.expires_on - time.time() >= _FRESH_FOR


ConfirmCommandLine: TypeAlias = Callable[[str], Awaitable[bool]]
"""Shows Azure CLI's command for a claims challenge; returns True once a person has run it."""


class Credential:
    """What the SDKs' clients take (an ``AsyncTokenCredential``)."""

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        challenge: str | None = None,
        refused: str | None = None,
        **_: Any,
    ) -> AccessToken:
        """Return a token for the scopes.

        Raises:
            ClientAuthenticationError: nobody is signed in.
            NotAuthenticated: nobody can meet the claims.
        """
        return await self._token(TokenRequest(scopes, tenant_id, claims, challenge, refused))

    async def _token(self, request: TokenRequest) -> AccessToken:
        raise NotImplementedError

    @property
    def tenant_id(self) -> str | None:
        """Return the directory that its tokens are of; None: the account's own."""
        return None

    async def close(self) -> None:
        """Do nothing: nothing is held open."""

    async def __aenter__(self) -> Credential:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


class StaticCredential(Credential):
    """One token that never ends: the local target's."""

    def __init__(self, token: str) -> None:
        self._value = token

    async def _token(self, request: TokenRequest) -> AccessToken:
        del request
        return AccessToken(self._value, int(time.time()) + _FOREVER)


class SignIn(Credential):
    """The sources in their order, and the tokens that they gave.

    Args:
        sources: Asked in this order.
        tenant_id: The directory to ask for when nobody names one.
    """

    def __init__(self, sources: Sequence[Source], tenant_id: str | None = None) -> None:
        self._sources = tuple(sources)
        self._tenant_id = tenant_id
        self._confirm: ConfirmCommandLine | None = None
        self._interactive = False
        self._given: dict[tuple[tuple[str, ...], str | None], Given] = {}
        self._locks: defaultdict[object, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._one_question = asyncio.Lock()

    @property
    def tenant_id(self) -> str | None:
        """Return the directory to ask for when nobody names one."""
        return self._tenant_id

    @property
    def sources(self) -> Sequence[Source]:
        """Return the sources in their order."""
        return self._sources

    def allow_interaction(self, confirm: ConfirmCommandLine | None = None) -> None:
        """Let a person be asked to sign in from now on."""
        self._interactive = True
        self._confirm = confirm or self._confirm

    def prefer(self, name: str) -> None:
        """Ask the source of this name first, and drop what others gave."""
        self._sources = tuple(sorted(self._sources, key=lambda source: source.name != name))
        self._given.clear()

    def of(self, tenant_id: str | None, *, silent: bool = False) -> DirectoryCredential:
        """Return a credential for one directory; a silent one asks nobody."""
        return DirectoryCredential(self, tenant_id, silent=silent)

    async def account(self, scope: str, tenant_id: str | None = None, *, silent: bool = True) -> Account:
        """Return who is signed in.

        Raises:
            ClientAuthenticationError: nobody is.
        """
        given = await self.give(TokenRequest((scope,), tenant_id, silent=silent))
        return account_of(given.token.token, given.source.label)

    async def give(self, request: TokenRequest) -> Given:
        """Return a token and its source: the kept one while it is good."""
        wanted = replace(request, tenant_id=request.tenant_id or self._tenant_id)
        key = (wanted.scopes, wanted.tenant_id)
        async with self._locks[key]:
            kept = self._given.get(key)
            if kept is None or not kept.serves(wanted):
                kept = await (self._meeting(wanted, kept) if wanted.claims else self._first(wanted))
                self._given[key] = kept
            return kept

    async def _token(self, request: TokenRequest) -> AccessToken:
        return (await self.give(request)).token

    async def _first(self, request: TokenRequest) -> Given:
        """Return what the first source gives that gives anything."""
        failures = []
        for interactive in (False, True)[: self._rounds(request)]:
            for source in self._sources:
                try:
                    return await self._get(source, replace(request, interactive=interactive))
                except ClientAuthenticationError as error:
                    failures.append(error)
        raise _refusal(failures)

    async def _meeting(self, request: TokenRequest, kept: Given | None) -> Given:
        """Return a token that meets the claims: of the source whose token was refused, else of Azure CLI."""
        refused = request.refused or (kept.token.token if kept else "")
        sources = (kept.source,) if kept else self._sources
        for interactive in (False, True)[: self._rounds(request)]:
            for source in sources:
                try:
                    given = await self._get(source, replace(request, interactive=interactive))
                except ClientAuthenticationError:
                    continue
                if given.token.token != refused:
                    return given
        return await self._by_command_line(request, refused)

    async def _by_command_line(self, request: TokenRequest, refused: str) -> Given:
        """Return Azure CLI's token, after a person has signed in there with the claims."""
        challenge = Challenge(request.challenge or "", request.tenant_id, request.claims)
        command = login_command(challenge)
        if not request.silent and self._interactive and self._confirm and await self._confirm(command):
            self.prefer(AZURE_CLI)
            given = await self._get(self._sources[0], replace(request, claims=None, challenge=None))
            if given.token.token != refused:
                return given
        raise claims_unmet(challenge)

    async def _get(self, source: Source, request: TokenRequest) -> Given:
        if not request.interactive:
            return Given(await source.get(request), source)
        async with self._one_question:
            return Given(await source.get(request), source)

    def _rounds(self, request: TokenRequest) -> int:
        return 2 if self._interactive and not request.silent else 1


class DirectoryCredential(Credential):
    """A sign-in as seen from one directory; one that the service names is remembered.

    Args:
        sign_in: Gives the tokens.
        tenant_id: The directory; None: the account's own.
        silent: Nobody is asked.
    """

    def __init__(self, sign_in: SignIn, tenant_id: str | None, *, silent: bool) -> None:
        self._sign_in = sign_in
        self._tenant_id = tenant_id
        self._silent = silent

    @property
    def tenant_id(self) -> str | None:
        """Return the directory, as it is known by now."""
        return self._tenant_id or self._sign_in.tenant_id

    async def _token(self, request: TokenRequest) -> AccessToken:
        self._tenant_id = request.tenant_id or self._tenant_id
        wanted = replace(request, tenant_id=self._tenant_id, silent=self._silent)
        return (await self._sign_in.give(wanted)).token


def _refusal(failures: Sequence[ClientAuthenticationError]) -> ClientAuthenticationError:
    """Return one error: a source that was refused says more than one where nobody is signed in."""
    from azure.identity import CredentialUnavailableError  # 0.2 s that the local target does without

    refused = [error for error in failures if not isinstance(error, CredentialUnavailableError)]
    message = "\n".join(str(error.message) for error in failures)
    if refused:
        return ClientAuthenticationError(message=f"{str(refused[0].message).strip()}\n{message}")
    return CredentialUnavailableError(message=message)

"""The directories (tenants) that an account is in, and the subscriptions of all of them.

One token sees the subscriptions of one directory: guests, and personal accounts, whose own directory has none,
need a token of each (so do the portal and ``az login``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from aitk_inference.azure.clients import Clients
from aitk_inference.azure.errors import map_azure_errors
from aitk_inference.azure.subscriptions import list_subscriptions
from aitk_inference.core.accounts import Directory
from aitk_inference.core.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.model import Subscription

Connect: TypeAlias = Callable[[str | None], AbstractAsyncContextManager[Clients]]
"""Connects with a token of a directory (None: the account's own)."""

_AT_ONCE = 4


class Listing(NamedTuple):
    """What an account can use, sorted by name, and what to say about directories that did not answer."""

    subscriptions: Sequence[Subscription]
    warnings: Sequence[str] = ()


class _Failure(NamedTuple):
    directory: Directory
    reason: str


async def list_directories(clients: Clients) -> list[Directory]:
    """Return the directories that the account is in, sorted by name."""
    with map_azure_errors("listing your directories"):
        found = [item async for item in clients.subscriptions().tenants.list()]
    directories = [
        Directory(item.tenant_id or "", item.display_name or item.tenant_id or "", item.default_domain or "")
        for item in found
    ]
    return sorted(directories, key=lambda item: item.name.casefold())


async def list_everywhere(connect: Connect, home: str) -> Listing:
    """Return the subscriptions of all directories of the account; one that fails is said, not raised.

    Args:
        connect: Connects with a token of a directory, which nobody is asked for.
        home: The directory of the account's own token, whose subscriptions need no second one.

    Raises:
        AppError: the account's own subscriptions can't be listed.
    """
    async with connect(None) as clients:
        own = _seen_from(home, await list_subscriptions(clients))
        try:
            others = [item for item in await list_directories(clients) if item.id != home]
        except AppError as error:
            return Listing(own, [f"Only your own directory's subscriptions are listed: {error.message}"])
    limit = asyncio.Semaphore(_AT_ONCE)
    answers = await asyncio.gather(*(_of_directory(connect, item, limit) for item in others))
    failures = [item for item in answers if isinstance(item, _Failure)]
    listed = [item for answer in answers if not isinstance(answer, _Failure) for item in answer]
    named = " ".join(f"{item.directory} lists no subscriptions: {item.reason}" for item in failures)
    ids = ", ".join(item.directory.id for item in failures)
    warning = f"{named} Sign in with `az login --tenant ID` ({ids}), or choose it as the project's directory."
    return Listing(_union([*own, *listed]), [warning] if failures else ())


async def _of_directory(
    connect: Connect, directory: Directory, limit: asyncio.Semaphore
) -> Sequence[Subscription] | _Failure:
    async with limit:
        try:
            async with connect(directory.id) as clients:
                found = await list_subscriptions(clients)
        except AppError as error:
            return _Failure(directory, error.message)
    return _seen_from(directory.id, found)


def _seen_from(tenant_id: str, found: Sequence[Subscription]) -> list[Subscription]:
    return [replace(item, seen_from="" if item.tenant_id == tenant_id else tenant_id) for item in found]


def _union(listed: Sequence[Subscription]) -> list[Subscription]:
    """Return each subscription once, seen from its own directory where that shows it."""
    known: dict[str, Subscription] = {}
    for item in listed:
        before = known.get(item.id.lower())
        if before is None or (before.seen_from and not item.seen_from):
            known[item.id.lower()] = item
    return sorted(known.values(), key=lambda item: item.name.casefold())

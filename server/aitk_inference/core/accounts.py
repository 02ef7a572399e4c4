"""Who is signed in, and the directories (tenants) that the account is in."""

from __future__ import annotations

from typing import NamedTuple


class Directory(NamedTuple):
    """A directory (tenant) of Microsoft Entra.

    Attributes:
        id: Its GUID.
        name: Its display name.
        domain: Its default domain, for example ``contoso.onmicrosoft.com``.
    """

    id: str
    name: str
    domain: str = ""

    def __str__(self) -> str:
        """As people know it: its name and domain."""
        return f"{self.name} ({self.domain})" if self.domain else self.name


class Account(NamedTuple):
    """The account that requests are sent for.

    Attributes:
        name: The person's sign-in name, or an application's id; empty where the token does not say.
        source: How it is signed in, for example ``Azure CLI``.
        tenant_id: The directory of its token; empty where the token does not say.
    """

    name: str
    source: str
    tenant_id: str

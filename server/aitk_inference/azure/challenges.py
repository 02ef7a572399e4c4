"""What a 401 asks for: a token of another directory, or one that satisfies a claims challenge.

Resource Manager refuses a token of another tenant with InvalidAuthenticationTokenTenant and names the right one
(``Bearer authorization_uri="https://login.windows.net/TENANT", …``). Where a policy wants more of a sign-in
(multifactor authentication, Conditional Access) it says ``error="insufficient_claims", claims="BASE64"``
(learn.microsoft.com/entra/identity-platform/claims-challenge).
"""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import suppress
from typing import NamedTuple

from aitk_inference.core.errors import NotAuthenticated

# Patterns of what is rare are texts: `re` compiles them at first use, and a short run never pays for them.
_PARAMETER = r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))'
_AUTHORITY = r"https://[^/]+/([0-9A-Za-z.-]+)"
_NO_TENANT = frozenset({"common", "organizations", "consumers"})
_INSUFFICIENT = "insufficient_claims"
UNMET = "Azure asks for more than this sign-in gave (multifactor authentication, or a policy of Conditional Access)."
"""What a claims challenge means to a person."""


class Challenge(NamedTuple):
    """A ``WWW-Authenticate`` header.

    Attributes:
        header: The whole of it: newer editors take it as it is.
        tenant_id: The directory that the token must be of; None: it names none.
        claims: What the token lacks, as JSON text; None: no claims are asked for.
    """

    header: str
    tenant_id: str | None = None
    claims: str | None = None


def read_challenge(header: str) -> Challenge:
    """Return what a ``WWW-Authenticate`` header asks for; what can't be read counts as not there."""
    fields = {name.lower(): quoted or bare for name, quoted, bare in re.findall(_PARAMETER, header)}
    authority = re.match(_AUTHORITY, fields.get("authorization_uri", ""))
    tenant = authority.group(1) if authority and authority.group(1).lower() not in _NO_TENANT else None
    claims = ""
    if fields.get("error") == _INSUFFICIENT:
        encoded = fields.get("claims", "")
        with suppress(binascii.Error, UnicodeDecodeError):
            claims = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    return Challenge(header, tenant, claims or None)


def login_command(challenge: Challenge) -> str:
    """Return the command by which Azure CLI (2.76 and newer) signs in with the claims."""
    encoded = base64.b64encode((challenge.claims or "").encode()).decode()
    tenant = f" --tenant {challenge.tenant_id}" if challenge.tenant_id else ""
    return f'az login{tenant} --claims-challenge "{encoded}"'


def claims_unmet(challenge: Challenge) -> NotAuthenticated:
    """Return the error for claims that no sign-in here can meet."""
    return NotAuthenticated(
        UNMET,
        suggestion=f"Run this, then run the command again: {login_command(challenge)}",
        link="https://learn.microsoft.com/entra/identity/authentication/concept-mandatory-multifactor-authentication",
    )

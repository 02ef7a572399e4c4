"""Who a token is of, as far as it says so. It is only read, for people: the services check it."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

from aitk_inference.core.accounts import Account

if TYPE_CHECKING:
    from aitk_inference.core.model import Json

_NAMES = ("upn", "preferred_username", "unique_name", "email", "app_displayname", "appid")
_JWT_PARTS = 3


def account_of(token: str, source: str) -> Account:
    """Return the account of a token; what an opaque token does not say stays empty."""
    claims = _claims(token)
    name = next((str(claims[key]) for key in _NAMES if claims.get(key)), "")
    return Account(name, source, str(claims.get("tid") or ""))


def _claims(token: str) -> dict[str, Json]:
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

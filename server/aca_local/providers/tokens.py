"""Tokens for log and event streams: signed, good for one app or environment, and for an hour."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from aca_local.kernel.records import SECRET
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.ids import ResourceId
    from aca_local.kernel.resource_type import Document
    from aca_local.state import JsonObject

_LIFE = timedelta(hours=1)


def answer(cloud: Cloud, target: ResourceId, document: Document) -> JsonObject:
    """Return what ``getAuthtoken`` answers."""
    expires = cloud.clock() + _LIFE
    return {
        "location": document["location"],
        "properties": {"token": issue(cloud, target.key, expires.timestamp()), "expires": stamp(expires)},
        "id": document["id"].replace("/containerApps/", "/containerapps/"),
        "name": document["name"],
        "type": f"{target.type.replace('/managedEnvironments', '/environments')}/accesstoken",
    }


def issue(cloud: Cloud, key: str, expires: float) -> str:
    """Return a token for the resource with this key until ``expires`` (seconds since 1970)."""
    payload = json.dumps({"for": key, "exp": expires}).encode()
    signature = hmac.new(_secret(cloud), payload, hashlib.sha256).digest()
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (payload, signature))


def valid(cloud: Cloud, token: str, key: str) -> bool:
    """Return True if a token is ours, for this resource, and has not expired."""
    try:
        payload, signature = (base64.urlsafe_b64decode(part + "===") for part in token.split("."))
        facts = json.loads(payload)
    except ValueError:
        return False
    good = hmac.compare_digest(hmac.new(_secret(cloud), payload, hashlib.sha256).digest(), signature)
    return good and facts["for"] == key and facts["exp"] > cloud.clock().timestamp()


def _secret(cloud: Cloud) -> bytes:
    found = cloud.store.get(SECRET, "stream-tokens")
    if found is None:
        found = {"value": secrets.token_hex(32)}
        cloud.store.put(SECRET, "stream-tokens", found)
    return bytes.fromhex(found["value"])

"""What a bearer token says of its holder. Whether it is good is for others to say."""

import base64
import json
from dataclasses import dataclass

NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(slots=True, frozen=True)
class Holder:
    """Whom a token was given to: object id and tenant id."""

    oid: str = NOBODY
    tid: str = NOBODY


def holder_of(token: str) -> Holder:
    """Return the holder that a JSON web token names; nobody in particular for any other token."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return Holder(str(claims.get("oid", NOBODY)), str(claims.get("tid", NOBODY)))
    except (IndexError, ValueError, AttributeError):
        return Holder()

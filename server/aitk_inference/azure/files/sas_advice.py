"""What a shared access signature (SAS) allows, said in words where the service refuses it.

The parameters are those of "Create a service SAS" and "Create an account SAS",
learn.microsoft.com/rest/api/storageservices/create-service-sas.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from aitk_inference.azure.files.responses import time_of_header
from aitk_inference.core.errors import Forbidden, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.errors import AppError

_LINK = "https://learn.microsoft.com/rest/api/storageservices/create-service-sas"
_NEEDED = {"r": "read (r)", "w": "write (w)", "d": "delete (d)", "l": "list (l)"}
_KINDS = {"s": "service (s)", "c": "container (c)", "o": "object (o)"}
_AUTHENTICATION = frozenset({"AuthenticationFailed", "InvalidAuthenticationInfo", ""})
_FOREIGN = "The signature (SAS) in the URL is not one of this share's: it was made for another share or account, with a key that was renewed since, or it was cut on its way here."
_ADVICE = "Make a new one for the share: `az storage share generate-sas --permissions rcwdl`, or in the portal under Shared access tokens."


def missing_permissions(query: str) -> Forbidden | None:
    """Return why a signature does not allow a sync, as far as it says so itself; None when it does.

    One that refers to a stored access policy (``si``) says nothing.
    """
    sas = _parameters(query)
    if lacking := _lacking(sas):
        return _weak(lacking)
    return None


def explained(error: AppError, code: str, query: str, date: str) -> AppError:
    """Return the error in the words that fit a signature; the error itself where the signature is not why.

    Args:
        error: What the service's answer says by itself.
        code: The service's code.
        query: The signature.
        date: The answer's ``Date`` header: the service's clock.
    """
    if not isinstance(error, Forbidden | NotAuthenticated):
        return error
    found = _explanation(code, _parameters(query), time_of_header(date) or datetime.now(UTC))
    if found is None:
        return error
    message, suggestion = found
    return type(error)(message, suggestion=suggestion, link=_LINK, detail=error.detail)


def _explanation(code: str, sas: Mapping[str, str], now: datetime) -> tuple[str, str] | None:
    """Return what is wrong with a signature, and what to do."""
    if code in _AUTHENTICATION:
        return _period(sas, now) or (_FOREIGN, _ADVICE)
    if code == "AuthorizationProtocolMismatch":
        return "The signature (SAS) is for https alone (spr).", "Use https in the URL."
    if code == "AuthorizationSourceIPMismatch":
        message = f"The signature (SAS) is for the addresses {sas.get('sip', '')} alone (sip), and this computer has another."
        return message, _ADVICE
    if code in ("AuthorizationResourceTypeMismatch", "AuthorizationServiceMismatch"):
        return _wrong_kind(sas), _ADVICE
    if code in ("AuthorizationPermissionMismatch", "AuthorizationFailure") and "sp" in sas:
        lacking = _lacking(sas)
        weak = _weak(lacking) if lacking else None
        return (weak.message, weak.suggestion) if weak else None
    return None


def _period(sas: Mapping[str, str], now: datetime) -> tuple[str, str] | None:
    """Return the words for a signature that is not valid any more, or not yet."""
    start, end = _moment(sas.get("st", "")), _moment(sas.get("se", ""))
    if end is not None and end <= now:
        return f"The signature (SAS) in the URL has expired: it was valid until {_shown(end)}.", _ADVICE
    if start is not None and start > now:
        message = f"The signature (SAS) in the URL is not valid yet: it begins at {_shown(start)}."
        return message, "Wait until then, or make one without a start."
    return None


def _lacking(sas: Mapping[str, str]) -> list[str]:
    """Return the permissions that a sync needs and the signature does not have."""
    if "sp" not in sas:
        return []
    return [name for letter, name in _NEEDED.items() if letter not in sas["sp"]]


def _weak(lacking: list[str]) -> Forbidden:
    return Forbidden(
        f"The signature (SAS) in the URL lacks the permission{'s' * (len(lacking) > 1)} {', '.join(lacking)}.",
        suggestion=_ADVICE,
        link=_LINK,
    )


def _wrong_kind(sas: Mapping[str, str]) -> str:
    if "srt" in sas:
        lacking = ", ".join(
            name for letter, name in _KINDS.items() if letter in "co" and letter not in sas["srt"]
        )
        if "f" not in sas.get("ss", "f"):
            return "The signature (SAS) in the URL is not for the Files service (ss lacks f)."
        return f"The signature (SAS) in the URL lacks the resource types {lacking}."
    return "The signature (SAS) in the URL is for a single file (sr=f), not for the share."


def _parameters(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}


def _moment(text: str) -> datetime | None:
    """Return a time of a signature (ISO 8601, a date alone is its midnight) in UTC; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # no time, or one at the end of all times
        return None


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

"""Conditional headers: honoured on reads, refused on writes (no write of the Files service takes them)."""

from email.utils import parsedate_to_datetime

from aca_local.files.clock import TICKS_PER_SECOND, etag
from aca_local.files.errors import FilesError
from aca_local.files.request import Call, bad_header

HEADERS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")


def refuse_conditions(call: Call) -> None:
    """Raise ConditionHeadersNotSupported when a write carries a condition."""
    if any(header in call.headers for header in HEADERS):
        raise FilesError("ConditionHeadersNotSupported")


def check_conditions(call: Call, changed: int) -> None:
    """Raise ConditionNotMet (412, or 304 for the two that ask for news) unless a read's conditions hold."""
    headers = call.headers
    tag, second = etag(changed), changed // TICKS_PER_SECOND
    if (match := headers.get("If-Match")) is not None:
        _require(_names(match, tag), 412)
    elif (unmodified := headers.get("If-Unmodified-Since")) is not None:
        _require(second <= _second("If-Unmodified-Since", unmodified), 412)
    if (none_match := headers.get("If-None-Match")) is not None:
        _require(not _names(none_match, tag), 304)
    elif (modified := headers.get("If-Modified-Since")) is not None:
        _require(second > _second("If-Modified-Since", modified), 304)


def _require(holds: bool, status: int) -> None:
    if not holds:
        raise FilesError("ConditionNotMet", status=status)


def _names(condition: str, tag: str) -> bool:
    return condition.strip() == "*" or tag.strip('"') in (
        part.strip().strip('"') for part in condition.split(",")
    )


def _second(header: str, text: str) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        raise bad_header(header, text) from None

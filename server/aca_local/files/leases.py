"""Leases: infinite ones on files, infinite or 15 to 60 seconds on shares."""

import uuid
from dataclasses import dataclass

from multidict import CIMultiDict

from aca_local.files.clock import TICKS_PER_SECOND
from aca_local.files.errors import FilesError
from aca_local.files.records import Lease
from aca_local.files.request import Call, bad_header

INFINITE = -1
SHORTEST, LONGEST = 15, 60


@dataclass(slots=True)
class Outcome:
    """What a lease action leads to: status, the lease that now stands, and headers of the reply."""

    status: int
    lease: Lease | None
    headers: dict[str, str]


def state(lease: Lease | None, now: int) -> str:
    """Return available, leased, expired, breaking or broken."""
    if lease is None:
        return "available"
    if lease.broken or (lease.breaks is not None and lease.breaks <= now):
        return "broken"
    if lease.breaks is not None:
        return "breaking"
    return "expired" if lease.until is not None and lease.until <= now else "leased"


def is_locked(lease: Lease | None, now: int) -> bool:
    """Return True if a lease keeps others out."""
    return state(lease, now) in ("leased", "breaking")


def check_lease(
    call: Call, lease: Lease | None, now: int, *, writes: bool, header: str = "x-ms-lease-id"
) -> None:
    """Raise the service's error unless the request may use a leased resource."""
    given = call.headers.get(header)
    locked = is_locked(lease, now)
    if given is None:
        if locked and writes:
            raise FilesError("LeaseIdMissing")
    elif not locked or lease is None:
        raise FilesError("LeaseLost" if lease is not None else "LeaseNotPresentWithFileOperation")
    elif given.lower() != lease.id:
        raise FilesError("LeaseIdMismatchWithFileOperation")


def lease_headers(headers: CIMultiDict[str], lease: Lease | None, now: int) -> None:
    """Add the state of a lease to a reply."""
    headers["x-ms-lease-status"] = "locked" if is_locked(lease, now) else "unlocked"
    headers["x-ms-lease-state"] = state(lease, now)
    if lease is not None and state(lease, now) == "leased":
        headers["x-ms-lease-duration"] = "infinite" if lease.until is None else "fixed"


def act(call: Call, lease: Lease | None, now: int, *, timed: bool) -> Outcome:
    """Carry out the lease action that a request asks for. `timed`: leases may have a duration (shares)."""
    action = call.required("x-ms-lease-action").lower()
    if action == "acquire":
        return _acquire(call, lease, now, timed)
    if action == "break":
        return _break(call, lease, now, timed)
    held = _held(call, lease)
    if action == "release":
        return Outcome(200, None, {})
    if action == "change":
        if not is_locked(held, now) or held.breaks is not None:
            raise FilesError("LeaseNotPresentWithLeaseOperation")
        held.id = _guid(call.required("x-ms-proposed-lease-id"))
    elif action == "renew" and timed:
        if held.breaks is not None:
            raise FilesError("LeaseIsBrokenAndCannotBeRenewed")
        held.until = _until(held.duration, now)
    else:
        raise bad_header("x-ms-lease-action", action)
    return Outcome(200, held, {"x-ms-lease-id": held.id})


def _acquire(call: Call, lease: Lease | None, now: int, timed: bool) -> Outcome:
    wanted = _guid(call.ms.get("x-ms-proposed-lease-id") or str(uuid.uuid4()))
    duration = call.number("x-ms-lease-duration", least=INFINITE)
    duration = INFINITE if duration is None else duration
    if duration != INFINITE and not (timed and SHORTEST <= duration <= LONGEST):
        raise bad_header("x-ms-lease-duration", str(duration))
    if lease is not None and is_locked(lease, now) and (lease.id != wanted or lease.breaks is not None):
        raise FilesError("LeaseAlreadyPresent")
    return Outcome(201, Lease(wanted, duration, _until(duration, now)), {"x-ms-lease-id": wanted})


def _until(duration: int, now: int) -> int | None:
    return None if duration == INFINITE else now + duration * TICKS_PER_SECOND


def _break(call: Call, lease: Lease | None, now: int, timed: bool) -> Outcome:
    if lease is None:
        raise FilesError("LeaseNotPresentWithLeaseOperation")
    if call.ms.get("x-ms-lease-id") not in (None, lease.id):
        raise FilesError("LeaseIdMismatchWithLeaseOperation")
    period = call.number("x-ms-lease-break-period") if timed else None
    left = 0 if lease.until is None else max(0, lease.until - now) // TICKS_PER_SECOND
    wait = left if period is None else (period if lease.until is None else min(period, left))
    broken = Lease(lease.id, lease.duration, lease.until, now + wait * TICKS_PER_SECOND, broken=wait == 0)
    return Outcome(202, broken, {"x-ms-lease-time": str(wait)})


def _held(call: Call, lease: Lease | None) -> Lease:
    given = _guid(call.required("x-ms-lease-id"))
    if lease is None:
        raise FilesError("LeaseNotPresentWithLeaseOperation")
    if given != lease.id:
        raise FilesError("LeaseIdMismatchWithLeaseOperation")
    return lease


def _guid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise bad_header("x-ms-lease-id", text) from None

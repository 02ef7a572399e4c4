"""Faults on demand: which requests shall go wrong, and how. Read from a file or set through the admin route.

A list of objects (or ``{"faults": [...]}``), the first that matches a request is used::

    {"service": "arm" | "files" | "ingress", "method": "PUT", "path": "<regular expression>",
     "nth": 2, "times": 1,                       from the second match on, once (times 0: for ever)
     "fault": "throttled" | …                    a name from the table below, or one of these:
     "status": 503, "retryAfter": 2, "body": …,  an answer
     "reset": true,                              the connection is reset, the request never handled
     "cut": 200,                                 the request is handled, its answer cut after 200 bytes
     "bytesPerSecond": 1000, "delay": 0.5}       a slow answer; a late one

With ``"service": "replicas"`` the path is ``app/container``, a start of that container is what is counted,
and the fault is one of ``REPLICA_FAULTS``::

    {"service": "replicas", "path": "^app/", "fault": "oom", "times": 0}
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

Service = Literal["arm", "files", "ingress", "replicas"]
SERVICES: tuple[Service, ...] = ("arm", "files", "ingress", "replicas")
REPLICA_FAULTS = frozenset(("image-pull", "volume-mount", "crash", "oom", "probe"))


class FaultsError(Exception):
    """The description of the faults is wrong; the text says where."""


@dataclass(frozen=True)
class Answer:
    """What is answered instead; ``body`` is JSON, or ``(code, message)`` in the service's style."""

    status: int
    body: object = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Fault:
    """One rule; ``seen`` counts the requests that matched it."""

    service: Service | None = None
    method: str | None = None
    path: re.Pattern[str] = field(default_factory=lambda: re.compile(""))
    nth: int = 1
    times: int = 1
    name: str = ""
    answer: Answer | None = None
    reset: bool = False
    cut: int | None = None
    bytes_per_second: float | None = None
    delay: float = 0.0
    seen: int = 0

    def takes(self, service: Service, method: str, path: str) -> bool:
        """Tell whether this request is to go wrong; counts it when it matches."""
        everywhere = self.service is None and service != "replicas"
        if not (everywhere or self.service == service) or (self.method or method).upper() != method.upper():
            return False
        if not self.path.search(path):
            return False
        self.seen += 1
        return self.seen >= self.nth and (not self.times or self.seen < self.nth + self.times)


def _said(code: str, message: str) -> tuple[str, str]:
    return code, message


# Status, code and words as recorded or reported (recordings; issue threads of azure-cli and azure-dev).
NAMED: dict[str, Answer] = {
    "throttled": Answer(
        429,
        _said("TooManyRequests", "The request is being throttled. Try again later."),
        (("Retry-After", "1"),),
    ),
    "unavailable": Answer(
        503,
        _said("ServerBusy", "The server is currently unable to receive requests. Please retry your request."),
        (("Retry-After", "1"),),
    ),
    "expired-token": Answer(
        401,
        _said(
            "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time."
        ),
        (
            (
                "WWW-Authenticate",
                'Bearer authorization_uri="https://login.windows.net/", error="invalid_token"',
            ),
        ),
    ),
    "revoked-key": Answer(
        403,
        _said(
            "AuthenticationFailed",
            "Server failed to authenticate the request. Make sure the value of Authorization header is "
            "formed correctly including the signature.",
        ),
    ),
    "forbidden": Answer(
        403,
        _said("AuthorizationFailed", "The client does not have authorization to perform action over scope."),
    ),
    "keys-not-permitted": Answer(
        403,
        _said(
            "KeyBasedAuthenticationNotPermitted",
            "Key based authentication is not permitted on this storage account.",
        ),
    ),
    "quota": Answer(
        400,
        _said(
            "MaxRegionalQuotaExceeded",
            "Regional max quota limit threshold hit. The subscription cannot have more than 1 "
            "SubscriptionNCA100Gpus in region West US 3.",
        ),
    ),
    "policy": Answer(
        403,
        _said("RequestDisallowedByPolicy", "Resource was disallowed by policy. Policy identifiers: '[]'."),
    ),
    "name-taken": Answer(409, _said("StorageAccountAlreadyTaken", "The storage account is already taken.")),
    "in-progress": Answer(
        409,
        _said(
            "ContainerAppOperationInProgress",
            "Cannot modify a container app because there is an operation in progress.",
        ),
    ),
    "share-full": Answer(
        413, _said("ShareSizeLimitReached", "The share has reached its size limit and cannot be written to.")
    ),
}
KNOWN = frozenset(
    "service method path nth times fault status retryAfter body reset cut bytesPerSecond delay".split()  # noqa: SIM905 # reads better as one line
)


def read(text: str) -> list[Fault]:
    """Read a description. Raises FaultsError with the place."""
    try:
        found = json.loads(text or "[]")
    except ValueError as problem:
        raise FaultsError(f"The faults are not JSON: {problem}.") from None
    rules = found.get("faults") if isinstance(found, dict) else found
    if not isinstance(rules, list):
        raise FaultsError('The faults are a list of objects, or {"faults": [...]}.')
    return [_rule(number, rule) for number, rule in enumerate(rules)]


def read_file(path: Path) -> list[Fault]:
    """Read a description from a file. Raises FaultsError."""
    try:
        return read(path.read_text())
    except OSError as problem:
        raise FaultsError(f"The faults file {path} cannot be read: {problem.strerror}.") from None


def _rule(number: int, rule: object) -> Fault:
    if not isinstance(rule, dict):
        raise FaultsError(f"Fault {number} is not an object.")
    if unknown := set(rule) - KNOWN:
        raise FaultsError(f"Fault {number} has unknown members: {', '.join(sorted(unknown))}.")
    if rule.get("service") not in {None, *SERVICES}:
        raise FaultsError(f"Fault {number}: service is one of {', '.join(SERVICES)}.")
    if rule.get("service") == "replicas" and rule.get("fault") not in REPLICA_FAULTS:
        raise FaultsError(f"Fault {number}: one of replicas is {', '.join(sorted(REPLICA_FAULTS))}.")
    try:
        return Fault(
            service=rule.get("service"),
            method=rule.get("method"),
            path=re.compile(rule.get("path", ""), re.IGNORECASE),
            nth=int(rule.get("nth", 1)),
            times=int(rule.get("times", 1)),
            name=str(rule.get("fault", "")),
            answer=None if rule.get("service") == "replicas" else _answer(number, rule),
            reset=bool(rule.get("reset", False)),
            cut=None if rule.get("cut") is None else int(rule["cut"]),
            bytes_per_second=None if rule.get("bytesPerSecond") is None else float(rule["bytesPerSecond"]),
            delay=float(rule.get("delay", 0)),
        )
    except (TypeError, ValueError, re.error) as problem:
        raise FaultsError(f"Fault {number}: {problem}.") from None


def _answer(number: int, rule: dict[str, Any]) -> Answer | None:
    named = rule.get("fault")
    if named is not None and named not in NAMED:
        raise FaultsError(f"Fault {number}: '{named}' is not one of {', '.join(sorted(NAMED))}.")
    base = NAMED.get(named) if named else None
    if base is None and "status" not in rule:
        return None
    headers = dict(base.headers if base else ())
    if "retryAfter" in rule:
        headers["Retry-After"] = str(rule["retryAfter"])
    status = int(rule.get("status", base.status if base else 0))
    return Answer(status, rule.get("body", base.body if base else None), tuple(headers.items()))

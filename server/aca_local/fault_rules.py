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
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from aca_local.replicas.start_faults import MOUNT_ERRORS, START_FAULTS
from aca_local.state.regular_files import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Service = Literal["arm", "files", "ingress", "replicas"]
SERVICES: tuple[Service, ...] = ("arm", "files", "ingress", "replicas")
REPLICA_FAULTS = frozenset(("crash", "oom", "probe", "one-gpu", *START_FAULTS, *MOUNT_ERRORS))


class FaultsError(Exception):
    """The description of the faults is wrong; the text says where."""


@dataclass(frozen=True)
class Said:
    """An error in the service's own style; ``more`` are further members of it on Resource Manager.

    ``{subscription}``, ``{group}`` and ``{name}`` in its texts become those of the request.
    """

    code: str
    message: str
    more: Mapping[str, object] = field(default_factory=dict)

    def about(self, path: str) -> dict[str, object]:
        """Return the error of a request to this path."""
        said = {"code": self.code, "message": self.message, **self.more}
        return {key: _filled(one, path) if isinstance(one, str) else one for key, one in said.items()}


def _filled(text: str, path: str) -> str:
    parts = path.partition("?")[0].strip("/").split("/")
    known = {"{name}": parts[-1], "{path}": path.partition("?")[0]}
    for word, segment in (("{subscription}", "subscriptions"), ("{group}", "resourcegroups")):
        at = [one.lower() for one in parts[:-1]]
        known[word] = parts[at.index(segment) + 1] if segment in at else ""
    for word, value in known.items():
        text = text.replace(word, value)
    return text


@dataclass(frozen=True)
class Answer:
    """What is answered instead; ``body`` is JSON, or an error in the service's style."""

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
        """Return True if this request is to go wrong; counts it when it matches."""
        everywhere = self.service is None and service != "replicas"
        if not (everywhere or self.service == service) or (self.method or method).upper() != method.upper():
            return False
        if not self.path.search(path):
            return False
        self.seen += 1
        return self.seen >= self.nth and (not self.times or self.seen < self.nth + self.times)


CHALLENGE = (
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
    'error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlcyI6WyJwMSJdfX19"'
)

# Status, code and words as recorded or reported (recordings; issue threads of azure-cli and azure-dev).
NAMED: dict[str, Answer] = {
    "throttled": Answer(
        429,
        Said("TooManyRequests", "The request is being throttled. Try again later."),
        (("Retry-After", "1"),),
    ),
    "unavailable": Answer(
        503,
        Said("ServerBusy", "The server is currently unable to receive requests. Please retry your request."),
        (("Retry-After", "1"),),
    ),
    "expired-token": Answer(
        401,
        Said(
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
        Said(
            "AuthenticationFailed",
            "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.",
        ),
    ),
    "forbidden": Answer(
        403,
        Said(
            "AuthorizationFailed",
            "The client does not have authorization to perform action over scope '/subscriptions/{subscription}/resourceGroups/{group}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        ),
    ),
    "keys-not-permitted": Answer(
        403,
        Said(
            "KeyBasedAuthenticationNotPermitted",
            "Key based authentication is not permitted on this storage account.",
        ),
    ),
    "quota": Answer(
        400,
        Said(
            "MaxRegionalQuotaExceeded",
            "Regional max quota limit threshold hit. The subscription {subscription} cannot have more than 1 SubscriptionNCA100Gpus in region West US 3.",
        ),
    ),
    "environments": Answer(
        400,
        Said(
            "ValidationForResourceFailed",
            "Validation failed for a resource. Check 'Error.Details[0]' for more information.",
            {
                "details": [
                    {
                        "code": "MaxNumberOfGlobalEnvironmentsInSubExceeded",
                        "message": "The subscription cannot have more environments in all regions.",
                    }
                ]
            },
        ),
    ),
    "policy": Answer(
        403,
        Said(
            "RequestDisallowedByPolicy",
            "Resource '{name}' was disallowed by policy. Policy identifiers: "
            """'[{"policyAssignment":{"name":"Not allowed here"}}]'.""",
            {
                "target": "{name}",
                "additionalInfo": [
                    {
                        "type": "PolicyViolation",
                        "info": {"policyAssignmentDisplayName": "Not allowed here"},
                    }
                ],
            },
        ),
    ),
    "name-taken": Answer(
        409,
        Said(
            "StorageAccountAlreadyTaken",
            "The storage account named {name} is already taken.",
            {"target": "{name}"},
        ),
    ),
    "in-progress": Answer(
        409,
        Said(
            "ContainerAppOperationInProgress",
            "Cannot modify a container app '{name}' because there is an active provisioning operation in progress. Please try again later.",
        ),
    ),
    "claims-challenge": Answer(
        401,
        Said(
            "RequestDisallowedByPolicy",
            "Resource '{name}' was disallowed by policy. Reasons: 'MFA is required. See error details for policy resource IDs.'",
        ),
        (("WWW-Authenticate", CHALLENGE),),
    ),
    "not-registered": Answer(
        409,
        Said(
            "MissingSubscriptionRegistration",
            "The subscription is not registered to use namespace 'Microsoft.App'. See https://aka.ms/rps-not-found for how to register subscriptions.",
            {"details": [{"code": "MissingSubscriptionRegistration", "target": "Microsoft.App"}]},
        ),
    ),
    "locked": Answer(
        409,
        Said(
            "ScopeLocked",
            "The scope '{path}' cannot perform write operation because following scope(s) are locked: '{path}'. Please remove the lock and try again.",
        ),
    ),
    "name-reserved": Answer(
        409,
        Said(
            "ConflictError",
            "The workspace name '{name}' is not unique. Please choose a different name.",
        ),
    ),
    "capacity": Answer(
        400,
        Said(
            "ManagedEnvironmentCapacityHeavyUsageError",
            "The region is experiencing heavy usage and cannot take new managed environments. Please try another region.",
        ),
    ),
    "share-full": Answer(
        409, Said("ShareSizeLimitReached", "The operation would exceed the share's size limit.")
    ),
    "file-in-use": Answer(
        409,
        Said("SharingViolation", "The specified resource may be in use by an SMB client."),
    ),
}
_MOST = 10**9
"""No count, size or wait is larger."""
_MAY_BE_NULL = frozenset({"service", "method", "fault", "cut", "bytesPerSecond"})


def read(text: str) -> list[Fault]:
    """Read a description. Raises FaultsError with the place."""
    try:
        found = json.loads(text or "[]")
    except json.JSONDecodeError as problem:
        raise FaultsError(f"The faults are not JSON: {problem}.") from None
    except (ValueError, RecursionError):
        raise FaultsError("The faults hold a number or a nesting that no program reads.") from None
    rules = found.get("faults") if isinstance(found, dict) else found
    if not isinstance(rules, list):
        raise FaultsError('The faults are a list of objects, or {"faults": [...]}.')
    return [_rule(number, rule) for number, rule in enumerate(rules)]


def read_file(path: Path) -> list[Fault]:
    """Read a description from a file. Raises FaultsError."""
    try:
        return read(read_regular(path).decode("utf-8-sig"))
    except OSError as problem:
        raise FaultsError(f"The faults file {path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise FaultsError(f"The faults file {path} is not UTF-8 text.") from None


def _rule(number: int, rule: object) -> Fault:
    if not isinstance(rule, dict):
        raise FaultsError(f"Fault {number} is not an object.")
    if unknown := set(rule) - set(_MEMBERS):
        raise FaultsError(f"Fault {number} has unknown members: {', '.join(sorted(unknown))}.")
    for name, value in rule.items():
        if not (_MEMBERS[name].holds(value) or (value is None and name in _MAY_BE_NULL)):
            raise FaultsError(f"Fault {number}: {name} is {_MEMBERS[name].words}.")
    if rule.get("service") == "replicas" and rule.get("fault") not in REPLICA_FAULTS:
        raise FaultsError(f"Fault {number}: one of replicas is {', '.join(sorted(REPLICA_FAULTS))}.")
    try:
        pattern = re.compile(rule.get("path", ""), re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as problem:
        raise FaultsError(f"Fault {number}: path is no regular expression: {problem}.") from None
    return Fault(
        service=rule.get("service"),
        method=rule.get("method"),
        path=pattern,
        nth=rule.get("nth", 1),
        times=rule.get("times", 1),
        name=rule.get("fault") or "",
        answer=None if rule.get("service") == "replicas" else _answer(number, rule),
        reset=rule.get("reset", False),
        cut=rule.get("cut"),
        bytes_per_second=rule.get("bytesPerSecond"),
        delay=rule.get("delay", 0),
    )


class _Member(NamedTuple):
    """What a member of a rule may be: a check, and the words that follow its name."""

    holds: Callable[[Any], bool]
    words: str


def _is_number(value: object, least: float) -> bool:
    return type(value) in {int, float} and least <= cast("float", value) <= _MOST


def _is_whole(value: object, least: int, most: int = _MOST) -> bool:
    return type(value) is int and least <= value <= most


def _is_retry_after(value: object) -> bool:
    return _is_number(value, 0) or (isinstance(value, str) and value.isascii() and value.isprintable())


_MEMBERS: Mapping[str, _Member] = {
    "service": _Member(lambda value: value in SERVICES, f"one of {', '.join(SERVICES)}"),
    "method": _Member(lambda value: isinstance(value, str), "a text"),
    "path": _Member(lambda value: isinstance(value, str), "a regular expression"),
    "nth": _Member(lambda value: _is_whole(value, 1), "a whole number from 1"),
    "times": _Member(lambda value: _is_whole(value, 0), "a whole number from 0"),
    "fault": _Member(lambda value: isinstance(value, str), "a text"),
    "status": _Member(lambda value: _is_whole(value, 200, 599), "a status from 200 to 599"),
    "retryAfter": _Member(_is_retry_after, "a number of seconds, or a date"),
    "body": _Member(lambda _: True, "any JSON"),
    "reset": _Member(lambda value: isinstance(value, bool), "true or false"),
    "cut": _Member(lambda value: _is_whole(value, 0), "a whole number of bytes from 0"),
    "bytesPerSecond": _Member(lambda value: _is_number(value, 0.001), "a number over 0"),
    "delay": _Member(lambda value: _is_number(value, 0), "a number of seconds from 0"),
}


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
    status = rule.get("status", base.status if base else 0)
    return Answer(status, rule.get("body", base.body if base else None), tuple(headers.items()))

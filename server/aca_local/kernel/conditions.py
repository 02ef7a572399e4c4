"""What is special about this Azure, set while it runs by ``PUT /aca-local/conditions``.

Where ``faults`` makes single requests go wrong, this is a state that lasts::

    {"tenants": [{"id": "…", "name": "Contoso", "domain": "contoso.example",
                  "subscriptions": [{"id": "…", "name": "Pay-As-You-Go", "state": "Enabled"}]}],
     "owner": "<the id of the tenant that this Azure's own subscription is in>",
     "tokens": [{"token": "…", "tenant": "<id>", "expired": true, "claims": "<base64>"}],
     "registering": ["Microsoft.App"],                  stays so, whoever registers it
     "rights": "group",                                 no right on the subscription itself
     "modify": {"Microsoft.Storage/storageAccounts": {"allowSharedKeyAccess": false}},
     "deny": {"Microsoft.App/managedEnvironments": "<a policy's name>"},
     "permissions": [{"actions": ["*/read"], "notActions": []}],
     "locks": [{"name": "keep", "level": "ReadOnly", "scope": "/subscriptions/…/resourceGroups/…"}],
     "usages": {"SubscriptionConsumptionT4Gpus": [1, 1]}}   in use, limit

The token of the instance belongs to the first tenant, its own one where none is given. A token with
``claims`` is answered with a claims challenge at every write. ``modify`` and ``deny`` are policies
of that effect: one sets properties silently, the other refuses resources of a type (in a deployment before it
starts, so that ``validate`` finds it). ``locks`` are listed, and forbid what locks of their level do.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from aca_local.kernel import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WRITES = frozenset({"PUT", "PATCH", "POST"})
_T = TypeVar("_T")


class _Leaf(NamedTuple):
    """A value without parts: a check, and the words of who gives another."""

    holds: Callable[[Any], bool]
    words: str


_TEXT = _Leaf(lambda value: isinstance(value, str) and value.isprintable(), "a text of one line")
_FLAG = _Leaf(lambda value: isinstance(value, bool), "true or false")
_USAGE = _Leaf(
    lambda value: isinstance(value, list) and [type(one) in {int, float} for one in value] == [True, True],
    "two numbers: what is used, and the limit",
)
_ANY = _Leaf(lambda _: True, "")
_SHAPE: Mapping[str, object] = {  # a key with "!" must be there, "*" stands for any other
    "tenants": [
        {
            "id!": _TEXT,
            "name": _TEXT,
            "domain": _TEXT,
            "subscriptions": [{"id!": _TEXT, "name!": _TEXT, "state": _TEXT}],
        }
    ],
    "owner": _TEXT,
    "tokens": [{"token!": _TEXT, "tenant!": _TEXT, "expired": _FLAG, "claims": _TEXT}],
    "registering": [_TEXT],
    "rights": _TEXT,
    "modify": {"*": {"*": _ANY}},
    "deny": {"*": _TEXT},
    "permissions": [{"*": [_TEXT]}],
    "locks": [{"name!": _TEXT, "level!": _TEXT, "scope!": _TEXT}],
    "usages": {"*": _USAGE},
}


class ConditionsError(Exception):
    """The description of the conditions is wrong; the text says where."""


@dataclass(frozen=True)
class Subscription:
    """A subscription of another directory: it is listed, and has nothing in it."""

    id: str
    name: str
    state: str = "Enabled"


@dataclass(frozen=True)
class Tenant:
    """A directory that the account is in, as a member or a guest."""

    id: str
    name: str
    domain: str = "aca-local.invalid"
    subscriptions: tuple[Subscription, ...] = ()


@dataclass(frozen=True)
class Token:
    """A token of a directory; ``claims`` is what it lacks for writes."""

    tenant: str
    expired: bool = False
    claims: str = ""


@dataclass(frozen=True)
class State:
    """All conditions; the empty one is an Azure of one directory, where everything is allowed."""

    tenants: tuple[Tenant, ...] = ()
    owner: str = ""
    tokens: Mapping[str, Token] = field(default_factory=dict)
    registering: frozenset[str] = frozenset()
    rights: Literal["", "group"] = ""
    modify: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    deny: Mapping[str, str] = field(default_factory=dict)
    permissions: tuple[Mapping[str, Any], ...] = ()
    locks: tuple[Mapping[str, str], ...] = ()
    usages: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class Conditions:
    """The conditions of an instance; they can be replaced while it runs."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()

    def modified(self, resource_type: str) -> Mapping[str, Any]:
        """Return the properties that a policy sets on resources of a type."""
        return self.state.modify.get(resource_type.lower(), {})

    def check_locks(self, method: str, path: str) -> None:
        """Raise ScopeLocked for what a lock forbids: it holds for its scope and all below.

        ``CanNotDelete`` forbids deletions, also of what holds something locked; ``ReadOnly`` writes and actions, too
        (https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources).
        """
        here = f"{path.rstrip('/').lower()}/"
        for lock in self.state.locks:
            locked = f"{lock['scope'].rstrip('/').lower()}/"
            is_deletion = method == "DELETE"
            is_within = here.startswith(locked) or (is_deletion and locked.startswith(here))
            if is_within and (is_deletion or (lock["level"] == "ReadOnly" and method in _WRITES)):
                verb = "delete" if is_deletion else "write"
                raise errors.SCOPE_LOCKED.error(scope=path, verb=verb, locked=lock["scope"])

    def check_policy(self, resource_type: str, name: str) -> None:
        """Raise RequestDisallowedByPolicy for a resource that a policy denies."""
        policy = self.state.deny.get(resource_type.lower())
        if policy is not None:
            raise errors.disallowed(name, policy)


def read(text: str) -> State:
    """Read a description. Raise ConditionsError."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise ConditionsError("The conditions are not JSON that can be read.") from None
    if isinstance(found, dict) and (unknown := sorted(set(found) - set(_SHAPE))):
        raise ConditionsError(f"The conditions have unknown members: {', '.join(unknown)}.")
    _check(found, _SHAPE, "the conditions")
    return _state(found)


def _check(value: object, shape: object, name: str) -> None:
    """Raise ConditionsError for a value that has not its shape in ``_SHAPE``."""
    if isinstance(shape, _Leaf):
        if not shape.holds(value):
            raise ConditionsError(f"{name} is {shape.words}.")
    elif isinstance(shape, list):
        for number, one in enumerate(_of_type(value, list, name, "a list")):
            _check(one, shape[0], f"{name}[{number}]")
    elif isinstance(shape, dict):
        given = _of_type(value, dict, name, "an object")
        needed = {key.removesuffix("!") for key in shape if key.endswith("!")}
        if missing := sorted(needed - set(given)):
            raise ConditionsError(f"{name} has no {missing[0]}.")
        for key, one in given.items():
            _check(one, shape.get(key) or shape.get(f"{key}!") or shape.get("*", _ANY), f"{name}.{key}")


def _of_type(value: object, kind: type[_T], name: str, words: str) -> _T:
    if not isinstance(value, kind):
        raise ConditionsError(f"{name} is {words}.")
    return value


def _state(found: Mapping[str, Any]) -> State:
    return State(
        tenants=tuple(
            Tenant(
                one["id"],
                one.get("name", one["id"]),
                one.get("domain", "aca-local.invalid"),
                tuple(Subscription(**each) for each in one.get("subscriptions", ())),
            )
            for one in found.get("tenants", ())
        ),
        owner=str(found.get("owner", "")),
        tokens={
            one["token"]: Token(one["tenant"], bool(one.get("expired")), str(one.get("claims", "")))
            for one in found.get("tokens", ())
        },
        registering=frozenset(str(one).lower() for one in found.get("registering", ())),
        rights="group" if found.get("rights") == "group" else "",
        modify={str(name).lower(): dict(one) for name, one in found.get("modify", {}).items()},
        deny={str(name).lower(): str(one) for name, one in found.get("deny", {}).items()},
        permissions=tuple(dict(one) for one in found.get("permissions", ())),
        locks=tuple(
            {key: str(one[key]) for key in ("name", "level", "scope")} for one in found.get("locks", ())
        ),
        usages={name: (pair[0], pair[1]) for name, pair in found.get("usages", {}).items()},
    )

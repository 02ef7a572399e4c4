"""What people set on resources by hand, in words: what a deployment would keep, lose or change of it.

A PUT resets what its body leaves out. So the body that the template makes is compared with the resource as it
stands, in the facts that people set: tags, variables, secrets, rules, sidecars, profiles, scale. What the service
fills in by itself is no fact.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from arm_template import open_expressions

from aitk_inference.core.json_paths import find, objects, text
from aitk_inference.flows.project.template_plan import (
    ACCOUNT,
    APP,
    ENVIRONMENT,
    SHARE,
    WORKSPACE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aitk_inference.core.model import Json

    Document = Mapping[str, Json]


class Fact(NamedTuple):
    """Where a kind of fact stands.

    Attributes:
        words: What people call it: ``tag``, ``variable``.
        path: The keys that lead to it.
        key: Which member names an item of a list; ``*`` for the members of an object; empty for one value.
        usual: Values that say nothing, since they are the service's own.
    """

    words: str
    path: tuple[str, ...]
    key: str = ""
    usual: tuple[Json, ...] = ()


class Change(NamedTuple):
    """A fact that a deployment changes: its words, and both values."""

    words: str
    before: Json
    after: Json


class Comparison(NamedTuple):
    """What a body does to a resource: facts that vanish, and facts with another value."""

    lost: tuple[str, ...]
    changed: tuple[Change, ...]


_CONFIGURATION = ("properties", "configuration")
_INGRESS = (*_CONFIGURATION, "ingress")
_TEMPLATE = ("properties", "template")
_TAGS = Fact("tag", ("tags",), "*")
_IDENTITY = Fact("identity", ("identity", "type"), usual=("None",))
_FACTS: Mapping[str, tuple[Fact, ...]] = {
    APP.lower(): (
        _TAGS,
        _IDENTITY,
        Fact("user identity", ("identity", "userAssignedIdentities"), "*"),
        Fact("secret", (*_CONFIGURATION, "secrets"), "name"),
        Fact("registry", (*_CONFIGURATION, "registries"), "server"),
        Fact("Dapr", (*_CONFIGURATION, "dapr", "enabled"), usual=(False,)),
        Fact("revisions mode", (*_CONFIGURATION, "activeRevisionsMode"), usual=("Single",)),
        Fact("IP rule", (*_INGRESS, "ipSecurityRestrictions"), "name"),
        Fact("domain", (*_INGRESS, "customDomains"), "name"),
        Fact("port mapping", (*_INGRESS, "additionalPortMappings"), "targetPort"),
        Fact("CORS policy", (*_INGRESS, "corsPolicy")),
        Fact("sticky sessions", (*_INGRESS, "stickySessions", "affinity"), usual=("none",)),
        Fact("client certificates", (*_INGRESS, "clientCertificateMode"), usual=("ignore", "Ignore")),
        Fact("external ingress", (*_INGRESS, "external")),
        Fact("traffic of revision", (*_INGRESS, "traffic"), "revisionName"),
        Fact("init container", (*_TEMPLATE, "initContainers"), "name"),
        Fact("volume", (*_TEMPLATE, "volumes"), "name"),
        Fact("scale rule", (*_TEMPLATE, "scale", "rules"), "name"),
        Fact("fewest replicas", (*_TEMPLATE, "scale", "minReplicas")),
        Fact("most replicas", (*_TEMPLATE, "scale", "maxReplicas")),
        Fact("cool-down", (*_TEMPLATE, "scale", "cooldownPeriod"), usual=(300,)),
        Fact("polling interval", (*_TEMPLATE, "scale", "pollingInterval"), usual=(30,)),
        Fact("workload profile", ("properties", "workloadProfileName"), usual=("Consumption",)),
    ),
    ENVIRONMENT.lower(): (
        _TAGS,
        _IDENTITY,
        Fact("workload profile", ("properties", "workloadProfiles"), "name", ("Consumption",)),
        Fact("network", ("properties", "vnetConfiguration", "infrastructureSubnetId")),
        Fact("domain", ("properties", "customDomainConfiguration", "dnsSuffix")),
        Fact("mutual TLS", ("properties", "peerAuthentication", "mtls", "enabled"), usual=(False,)),
        Fact("zone redundancy", ("properties", "zoneRedundant"), usual=(False,)),
    ),
    ACCOUNT.lower(): (
        _TAGS,
        _IDENTITY,
        Fact("redundancy", ("sku", "name")),
        Fact("network default", ("properties", "networkAcls", "defaultAction"), usual=("Allow",)),
        Fact("IP rule", ("properties", "networkAcls", "ipRules"), "value"),
        Fact("network rule", ("properties", "networkAcls", "virtualNetworkRules"), "id"),
        Fact("public network access", ("properties", "publicNetworkAccess"), usual=("Enabled",)),
        Fact("keys allowed", ("properties", "allowSharedKeyAccess"), usual=(True,)),
    ),
    SHARE.lower(): (
        Fact("metadata", ("properties", "metadata"), "*"),
        Fact("quota (GiB)", ("properties", "shareQuota")),
        Fact("tier", ("properties", "accessTier"), usual=("TransactionOptimized",)),
        Fact("protocol", ("properties", "enabledProtocols"), usual=("SMB",)),
    ),
    WORKSPACE.lower(): (
        _TAGS,
        Fact("retention (days)", ("properties", "retentionInDays"), usual=(30,)),
        Fact("daily cap (GB)", ("properties", "workspaceCapping", "dailyQuotaGb"), usual=(-1, -1.0)),
    ),
}


def compare(kind: str, before: Document, after: Document) -> Comparison:
    """Return what a PUT of a body does to the facts of a resource.

    Args:
        kind: The resource's type.
        before: The resource as GET answers it.
        after: The body that would be put; expressions in it are taken for what is there.
    """
    old, new = facts(kind, before), facts(kind, after)
    lost = tuple(words for words in old if words not in new)
    changed = tuple(
        Change(words, value, new[words])
        for words, value in old.items()
        if words in new and value != new[words] and not open_expressions(new[words])
    )
    return Comparison(lost, changed)


def kept(kind: str, document: Document, fresh: Document, body: Document | None) -> tuple[str, ...]:
    """Return the facts that are not the template's own and that a deployment keeps.

    Args:
        kind: The resource's type.
        document: The resource as it stands.
        fresh: The body that a new resource would get.
        body: The body that would be put now; None where nothing is put.
    """
    ours, now = facts(kind, fresh), facts(kind, document)
    after = now if body is None else facts(kind, body)
    return tuple(
        words for words, value in now.items() if ours.get(words) != value and after.get(words) == value
    )


def facts(kind: str, document: Document) -> dict[str, Json]:
    """Return what a resource says beyond the service's own, by words such as ``tag owner``."""
    found: dict[str, Json] = {}
    for fact in _FACTS.get(kind.lower(), ()):
        found.update(_read(fact, document))
    if kind.lower() == APP.lower():
        found.update(_of_containers(document))
    return found


def is_known(kind: str) -> bool:
    """Return True for a type whose facts are compared here."""
    return kind.lower() in _FACTS


def compares(kind: str, path: str) -> bool:
    """Return True if :func:`compare` says exactly whether a property changes, in whatever order its list is.

    Args:
        kind: The resource's type.
        path: Of the property, as what-if writes it: ``properties.template.containers[0].env[1].value``.
    """
    plain = re.sub(r"\[\d+\]", "", path).lower()
    known = [fact.path for fact in _FACTS.get(kind.lower(), ()) if fact.key in ("", "*")]
    if kind.lower() == APP.lower():
        known += [(*_TEMPLATE, "containers", name) for name in ("env", "volumeMounts", "image")]
    return any(f"{plain}.".startswith(f"{'.'.join(one).lower()}.") for one in known)


def _read(fact: Fact, document: Document) -> Iterator[tuple[str, Json]]:
    value = find(document, *fact.path)
    if fact.key == "*":
        members = value if isinstance(value, dict) else {}
        yield from ((f"{fact.words} {name}", item) for name, item in members.items())
    elif fact.key:
        names = (find(item, fact.key) for item in objects(document, *fact.path))
        yield from ((f"{fact.words} {name}", True) for name in names if name and name not in fact.usual)
    elif value not in (None, "", [], {}, *fact.usual):
        yield fact.words, value


def _of_containers(document: Document) -> Iterator[tuple[str, Json]]:
    """Yield the facts of the first container, and the names of the others."""
    first, *others = objects(document, *_TEMPLATE, "containers") or ({},)
    for variable in objects(first, "env"):
        yield f"variable {text(variable, 'name')}", text(variable, "secretRef") or find(variable, "value")
    for mount in objects(first, "volumeMounts"):
        yield f"mount {text(mount, 'mountPath')}", text(mount, "volumeName")
    yield "image", text(first, "image")
    for container in others:
        yield f"sidecar {text(container, 'name')}", text(container, "image")

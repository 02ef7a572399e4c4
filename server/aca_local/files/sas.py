"""Shared access signatures: "Create an account SAS", "… a service SAS", "… a user delegation SAS"."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from aca_local.files.clock import parse_iso
from aca_local.files.errors import FilesError
from aca_local.files.numbers import whole_number
from aca_local.files.records import AccessPolicy
from aca_local.files.request import Call
from aca_local.files.sharedkey import sign

PARAMETERS = frozenset(
    {
        "sv",
        "ss",
        "srt",
        "sp",
        "st",
        "se",
        "sip",
        "spr",
        "sig",
        "sr",
        "si",
        "ses",
        "rscc",
        "rscd",
        "rsce",
        "rscl",
        "rsct",
        "skoid",
        "sktid",
        "skt",
        "ske",
        "sks",
        "skv",
        "skdutid",
        "sduoid",
    }
)
DELEGATION = ("skoid", "sktid", "skt", "ske", "sks", "skv")
OVERRIDES = ("rscc", "rscd", "rsce", "rscl", "rsct")
SCOPE_VERSION = "2020-12-06"  # from here on an account SAS signs the encryption scope
DELEGATED_USER_VERSION = "2025-07-05"


@dataclass(slots=True, frozen=True)
class Need:
    """What an operation asks of a signature: one of `letters` (permissions), and a resource type.

    `resource` is `s` (service), `c` (share) or `o` (file or folder). `service_sas` says whether a signature
    for one share or one file opens it at all.
    """

    letters: str
    resource: str
    service_sas: bool


@dataclass(slots=True, frozen=True)
class Signer:
    """What signatures are checked with: the account's keys, a share's stored policies, the time in ticks."""

    keys: Sequence[str]
    policies: Callable[[], Mapping[str, AccessPolicy]]
    now: int


def check_sas(call: Call, need: Need, signer: Signer) -> None:
    """Raise the service's error unless the signature in the query allows the operation."""
    kind = "account" if "srt" in call.query else "service"
    _check_signature(call, signer, _account_text(call) if kind == "account" else _service_text(call))
    _check_origin(call)
    policy = _policy(call, signer)
    _check_time(policy, signer.now)
    _check_scope(call, need, kind)
    if not set(need.letters) & set(policy.permission or ""):
        raise FilesError("AuthorizationPermissionMismatch")


def _check_signature(call: Call, signer: Signer, text: str) -> None:
    given = call.query["sig"].encode()
    keys = signer.keys
    if "skoid" in call.query:
        keys = [
            delegation_key(key, [call.query.get(name, "") for name in (*DELEGATION, "skdutid")])
            for key in keys
        ]
    if not any(hmac.compare_digest(_signature(key, text), given) for key in keys):
        raise _refused("Signature did not match.")


@lru_cache(maxsize=1024)
def _signature(key: str, text: str) -> bytes:
    """Return what `sign` does: all requests with one signature have the same text."""
    return sign(key, text)


def delegation_key(key: str, fields: Sequence[str]) -> str:
    """Return the user delegation key, made of an account key and the fields that come back in a signature."""
    return sign(key, "user delegation\n" + "\n".join(fields)).decode()


def _account_text(call: Call) -> str:
    names = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"]
    if call.query.get("sv", "") >= SCOPE_VERSION:
        names.append("ses")
    return f"{call.account}\n" + "".join(f"{call.query.get(name, '')}\n" for name in names)


def _service_text(call: Call) -> str:
    path = call.share if call.query.get("sr") == "s" else f"{call.share}/{call.entry}"
    value = call.query.get
    head = [value("sp", ""), value("st", ""), value("se", ""), f"/file/{call.account}/{path}"]
    if "skoid" in call.query:
        head += [value(name, "") for name in DELEGATION]
        if value("sv", "") >= DELEGATED_USER_VERSION:
            head += [value("skdutid", ""), value("sduoid", "")]
    else:
        head.append(value("si", ""))
    return "\n".join([*head, *(value(name, "") for name in ("sip", "spr", "sv", *OVERRIDES))])


def _check_origin(call: Call) -> None:
    if call.query.get("spr") == "https" and call.request.scheme != "https":
        raise FilesError("AuthorizationProtocolMismatch")
    first, _, last = call.query.get("sip", "").partition("-")
    address = _number(call.request.remote or "")
    if first and not _number(first) <= address <= _number(last or first):
        raise FilesError("AuthorizationSourceIPMismatch")


def _number(address: str) -> tuple[int, ...]:
    return tuple(whole_number(part) or 0 for part in address.split("."))


def _policy(call: Call, signer: Signer) -> AccessPolicy:
    """Return what the signature grants: the stored policy it names, filled from its own fields."""
    own = AccessPolicy(call.query.get("st"), call.query.get("se"), call.query.get("sp"))
    name = call.query.get("si")
    if not name:
        return own
    stored = signer.policies().get(name)
    if stored is None:
        raise _refused("The stored access policy that the signature names does not exist.")
    return AccessPolicy(
        stored.start or own.start, stored.expiry or own.expiry, stored.permission or own.permission
    )


def _check_time(policy: AccessPolicy, now: int) -> None:
    if policy.start and parse_iso(policy.start) > now:
        raise _refused("Signature not valid yet: its start lies in the future.")
    if not policy.expiry:
        raise _refused("The signature has no expiry.")
    if parse_iso(policy.expiry) <= now:
        raise _refused("Signature expired.")


def _check_scope(call: Call, need: Need, kind: str) -> None:
    if kind == "account":
        if "f" not in call.query.get("ss", ""):
            raise FilesError("AuthorizationServiceMismatch")
        if need.resource not in call.query["srt"]:
            raise FilesError("AuthorizationResourceTypeMismatch")
    elif not need.service_sas:
        raise FilesError("AuthorizationFailure")


def _refused(why: str) -> FilesError:
    return FilesError("AuthenticationFailed", AuthenticationErrorDetail=why)

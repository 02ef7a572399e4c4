"""The stored form of shares' and entries' settings: JSON in which everything at its default is left out."""

import json
from dataclasses import asdict
from typing import Any

from aca_local.files.records import AccessPolicy, Copy, Extra, Lease, ShareProperties

JSON = dict[str, Any]
IN_COLUMNS = ("id", "account", "name", "snapshot", "deleted")


def dump_share(share: ShareProperties) -> str:
    """Return a share's settings as text; what has a column of its own is not in it."""
    document = asdict(share)
    for name in IN_COLUMNS:
        del document[name]
    return json.dumps(document)


def load_share(columns: tuple[int, str, str, str, str], text: str) -> ShareProperties:
    """Return the share that `dump_share` wrote, with its columns."""
    document: JSON = json.loads(text)
    policies = {name: AccessPolicy(**policy) for name, policy in document.pop("policies").items()}
    lease = document.pop("lease")
    return ShareProperties(*columns, **document, policies=policies, lease=Lease(**lease) if lease else None)


def dump_extra(extra: Extra) -> str | None:
    """Return an entry's rarer facts as text, None when there are none."""
    document: JSON = {name: value for name in _PLAIN if (value := getattr(extra, name)) or value == 0}
    if extra.ranges is not None:
        document["ranges"] = extra.ranges
    if extra.lease:
        document["lease"] = asdict(extra.lease)
    if extra.copy:
        document["copy"] = asdict(extra.copy)
    return json.dumps(document) if document else None


def load_extra(text: str | None) -> Extra:
    """Return the facts that `dump_extra` wrote."""
    if text is None:
        return Extra()
    document: JSON = json.loads(text)
    ranges, lease, copy = (document.pop(name, None) for name in ("ranges", "lease", "copy"))
    return Extra(
        **document,
        ranges=None if ranges is None else [(start, end) for start, end in ranges],
        lease=Lease(**lease) if lease else None,
        copy=Copy(**copy) if copy else None,
    )


_PLAIN = ("headers", "metadata", "attributes", "permission", "change_time", "touched", "renamed")

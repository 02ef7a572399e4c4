"""Who deployed last, when, and what: a small file on the share, beside the manifest of what was sent."""

from __future__ import annotations

import getpass
import json
import socket
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from aitk_inference.core.errors import AppError
from aitk_inference.core.json_paths import text

if TYPE_CHECKING:
    from aitk_inference.core.share import Share

NAME = ".aitk-last-deploy.json"
_LONGEST = 4096


class LastDeploy(TypedDict):
    """A deploy, as it is stored.

    Attributes:
        at: When the files were there, UTC, ISO 8601.
        by: Who, as that computer calls them.
        host: On which computer.
        what: What was sent, in words.
    """

    at: str
    by: str
    host: str
    what: str


async def note_deploy(share: Share, what: str, now: datetime) -> None:
    """Note a deploy on the share; one that can't be noted has happened all the same."""
    user = ""
    with suppress(OSError, KeyError, ImportError):  # in some containers nobody has a name
        user = getpass.getuser()
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    record = LastDeploy(at=at, by=user, host=socket.gethostname(), what=what)
    with suppress(AppError):
        await share.put_file(NAME, json.dumps(record).encode())


async def read_last_deploy(share: Share) -> LastDeploy | None:
    """Return the last deploy; None where none was noted, or what is there is none.

    Raises:
        NotAuthenticated, Forbidden, Unreachable.
    """
    content = await share.read(NAME)
    try:
        record = json.loads((content or b"")[:_LONGEST])
    except ValueError:
        return None
    fields = {name: text(record, name)[:200] for name in LastDeploy.__required_keys__}
    return LastDeploy(**fields) if fields["at"] else None  # type: ignore[typeddict-item]  # the keys are its own


def words_of(record: LastDeploy) -> str:
    """Return a deploy in one line, its time on this computer's clock."""
    try:
        when = f"{datetime.fromisoformat(record['at']).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        when = record["at"]
    return f"{when} by {record['by'] or 'somebody'} on {record['host'] or 'some computer'}: {record['what']}"

"""What the store remembers beside the files themselves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from aca_local.files.clock import TICKS_PER_SECOND, etag


@dataclass(slots=True)
class Lease:
    """A lease on a file or a share. `until` and `breaks` are ticks; `until` is None for an infinite lease."""

    id: str
    duration: int = -1
    until: int | None = None
    breaks: int | None = None
    broken: bool = False


@dataclass(slots=True)
class AccessPolicy:
    """A stored access policy of a share: times as the client wrote them, permissions as letters."""

    start: str | None = None
    expiry: str | None = None
    permission: str | None = None


@dataclass(slots=True)
class ShareProperties:
    """A share, a snapshot of one (`snapshot` is its time), or a deleted one (`deleted` is its version).

    `changed` and the other moments are ticks of 100 ns since 1970 (see `clock`).
    """

    id: int
    account: str
    name: str
    snapshot: str = ""
    deleted: str = ""
    quota_gib: int = 5120
    access_tier: str = "TransactionOptimized"
    changed: int = 0
    tier_changed: int = 0
    deleted_at: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    policies: dict[str, AccessPolicy] = field(default_factory=dict)
    lease: Lease | None = None
    snapshot_access: bool = True
    directory_lease: bool = True

    @property
    def etag(self) -> str:
        """The quoted entity tag."""
        return etag(self.changed)

    @property
    def last_modified(self) -> datetime:
        """When the share or its properties last changed, to the second."""
        return datetime.fromtimestamp(self.changed // TICKS_PER_SECOND, UTC)


@dataclass(slots=True)
class Copy:
    """The last copy made onto a file."""

    id: str
    source: str
    status: str
    progress: str
    completed: int


@dataclass(slots=True)
class Extra:
    """The rarer facts of a file or folder; all absent in the common case.

    `ranges` are the written, inclusive byte ranges; None means the whole file.
    `permission` is the key of a stored permission; None stands for the inherited one. `touched` are the
    ranges written since each snapshot (by the latest snapshot of the moment), `renamed` the latest one at a
    rename.
    """

    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    attributes: str = ""
    permission: str | None = None
    change_time: int | None = None
    ranges: list[tuple[int, int]] | None = None
    lease: Lease | None = None
    copy: Copy | None = None
    touched: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    renamed: str = ""


@dataclass(slots=True)
class Record:
    """What was known of a file or folder when the service last wrote it.

    `mtime` and `size` say which content the record speaks of: a file that another process has written
    since then keeps its settings and loses what described the old bytes. The other moments are ticks of
    100 ns:
    `changed` is the version (ETag, Last-Modified), `written` the SMB last write time of a folder.
    """

    mtime: int
    size: int
    changed: int
    created: int
    written: int
    extra: Extra

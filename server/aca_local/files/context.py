"""What every operation works with."""

from asyncio import Task
from dataclasses import dataclass, field

from aca_local.files.address import Addresses
from aca_local.files.authorization import Gate
from aca_local.files.clock import Clock
from aca_local.files.entries import Area, Entries, Entry
from aca_local.files.leases import check_lease
from aca_local.files.request import Call
from aca_local.files.shares import FileShares
from aca_local.files.store import Store


@dataclass(slots=True, frozen=True)
class FilesOptions:
    """How the service behaves.

    `suffix`: host-style addresses are `<account>.file.<suffix>`. `create_with_data`: whether a file may be
    created with its content in one request (a service too old for it refuses the body).
    """

    suffix: str = "core.windows.net"
    create_with_data: bool = True


@dataclass(slots=True, frozen=True)
class Service:
    """The parts that operations use."""

    shares: FileShares
    entries: Entries
    gate: Gate
    addresses: Addresses
    options: FilesOptions
    copying: dict[str, Task[None]] = field(default_factory=dict)  # copies under way, by their id

    @property
    def store(self) -> Store:
        """The database."""
        return self.shares.store

    @property
    def clock(self) -> Clock:
        """The clock that versions come from."""
        return self.shares.clock

    def file_to_change(self, call: Call, area: Area) -> Entry:
        """Return the file of a request that writes to it, its lease checked."""
        entry = self.entries.file(area, call.names)
        check_lease(call, entry.record.extra.lease, self.clock.now(), writes=True)
        return entry

"""Accounts and shares: the folders they live in, and the management view of them."""

import itertools
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from aca_local.files.clock import TICKS_PER_SECOND, Clock, iso
from aca_local.files.errors import FilesError
from aca_local.files.names import check_share_name
from aca_local.files.records import ShareProperties
from aca_local.files.store import Store

Key = tuple[str, str, str]  # account, share, snapshot


class FileShares:
    """The shares of all storage accounts, below one folder of the disk.

    `<root>/shares/<account>/<share>/` is the share itself, a plain folder that replicas mount. The rest of
    `<root>` is ours: the database, snapshots, deleted shares, and files on their way in. For one thread.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("shares", "snapshots", "deleted", "staging", "trash"):
            (root / name).mkdir(parents=True, exist_ok=True)
        self._staging = str(root / "staging" / "_")[:-1]
        self._staged = itertools.count()
        self.clock = Clock()
        self.store = Store(root / "files.db")
        self._accounts = self.store.accounts()
        self._shares: dict[Key, ShareProperties] = {}
        self._deleted: dict[int, ShareProperties] = {}
        self._retention: dict[str, int] = {}
        self._latest: dict[tuple[str, str], str] = {}
        self._recover()

    def close(self) -> None:
        """Close the database; nothing is written after this."""
        self.store.close()

    # --- accounts

    def create_account(self, name: str) -> None:
        """Make an account known; nothing happens to one that exists."""
        if name not in self._accounts:
            self.put_service_document(name, "")

    def delete_account(self, name: str) -> None:
        """Delete an account with its shares and their content."""
        for share in [*self._of(name), *(share for share in self._deleted.values() if share.account == name)]:
            self._destroy(share)
        self._accounts.pop(name, None)
        self.store.remove_account(name)
        shutil.rmtree(self.root / "shares" / name, ignore_errors=True)

    def service_document(self, account: str) -> str:
        """Return the service properties of an account, as XML; empty when never set."""
        return self._accounts.get(account, "")

    def put_service_document(self, account: str, document: str) -> None:
        """Keep the service properties of an account."""
        self.store.put_account(account, document)
        self._accounts[account] = document

    def set_retention(self, account: str, days: int) -> None:
        """Keep deleted shares of an account for so many days (0, the default: delete at once)."""
        self._retention[account] = days

    def retention(self, account: str) -> int:
        """Return for how many days deleted shares of an account are kept."""
        return self._retention.get(account, 0)

    # --- shares

    def create_share(
        self,
        account: str,
        share: str,
        *,
        quota_gib: int = 5120,
        access_tier: str = "TransactionOptimized",
        metadata: Mapping[str, str] | None = None,
    ) -> ShareProperties:
        """Create an empty share and return it.

        Raises FilesError AccountNotFound, ShareAlreadyExists, InvalidResourceName, OutOfRangeInput.
        """
        if account not in self._accounts:
            raise FilesError("AccountNotFound")
        check_share_name(share)
        if (account, share, "") in self._shares:
            raise FilesError("ShareAlreadyExists")
        now = self.clock.tick()
        made = ShareProperties(
            0, account, share, quota_gib=quota_gib, access_tier=access_tier,
            changed=now, tier_changed=now, metadata=dict(metadata or {}),
        )  # fmt: skip
        self._shares[account, share, ""] = self.store.add_share(made)
        self.folder_of(made).mkdir(parents=True, exist_ok=True)
        return made

    def get_share(self, account: str, share: str, snapshot: str = "") -> ShareProperties:
        """Return a share, or its snapshot of that time; raises ShareNotFound (recorded, for both)."""
        found = self._shares.get((account, share, snapshot))
        if found is None:
            raise FilesError("ShareNotFound")
        return found

    def list_shares(
        self, account: str, *, snapshots: bool = False, deleted: bool = False
    ) -> list[ShareProperties]:
        """Return an account's shares by name, each after its snapshots, oldest first."""
        found = [share for share in self._of(account) if snapshots or not share.snapshot]
        if deleted:
            self._expire()
            found += [share for share in self._deleted.values() if share.account == account]
        return sorted(found, key=lambda share: (share.name, share.snapshot or "~", share.deleted))

    def update_share(
        self,
        account: str,
        share: str,
        *,
        quota_gib: int | None = None,
        access_tier: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> ShareProperties:
        """Change what is given, keep the rest, and return the share; raises ShareNotFound."""
        found = self.get_share(account, share)
        found.quota_gib = found.quota_gib if quota_gib is None else quota_gib
        if access_tier is not None and access_tier != found.access_tier:
            found.access_tier, found.tier_changed = access_tier, self.clock.tick()
        found.metadata = found.metadata if metadata is None else dict(metadata)
        return self.save(found)

    def save(self, share: ShareProperties, *, changed: bool = True) -> ShareProperties:
        """Write a share whose fields were set; `changed` gives it a new ETag."""
        if changed:
            share.changed = self.clock.tick()
        self.store.put_share(share)
        return share

    def delete_share(self, account: str, share: str, *, snapshots: bool = True) -> None:
        """Delete a share, or keep it aside where the account retains deleted shares.

        Raises ShareNotFound, and ShareHasSnapshots when it has some and `snapshots` is false.
        """
        found = self.get_share(account, share)
        taken = self._snapshots(account, share)
        if taken and not snapshots:
            raise FilesError("ShareHasSnapshots")
        for other in taken:
            self._destroy(other)
        if self.retention(account):
            self._set_aside(found)
        else:
            self._destroy(found)

    def has_snapshots(self, account: str, share: str) -> bool:
        """Return True if a share has snapshots."""
        return bool(self._snapshots(account, share))

    def _snapshots(self, account: str, share: str) -> list[ShareProperties]:
        return [other for other in self._of(account) if other.name == share and other.snapshot]

    def delete_snapshot(self, account: str, share: str, snapshot: str) -> None:
        """Delete one snapshot; raises ShareNotFound."""
        self._destroy(self.get_share(account, share, snapshot))

    def restore_share(self, account: str, share: str, version: str) -> ShareProperties:
        """Bring a deleted share back; raises ShareNotFound, ShareAlreadyExists."""
        found = next(
            (
                s
                for s in self._deleted.values()
                if (s.account, s.name, s.deleted) == (account, share, version)
            ),
            None,
        )
        if found is None:
            raise FilesError("ShareNotFound")
        if (account, share, "") in self._shares:
            raise FilesError("ShareAlreadyExists")
        aside = self.folder_of(found)
        found.deleted, found.deleted_at = "", 0
        aside.rename(self.folder_of(found))
        self.save(found)
        self._shares[account, share, ""] = self._deleted.pop(found.id)
        return found

    # --- folders

    def folder(self, account: str, share: str) -> Path:
        """Return the real folder of a share, for replicas to mount; raises ShareNotFound."""
        return self.folder_of(self.get_share(account, share))

    def folder_of(self, share: ShareProperties) -> Path:
        """Return where a share, a snapshot or a deleted share keeps its files."""
        if share.snapshot or share.deleted:
            return self.root / ("snapshots" if share.snapshot else "deleted") / str(share.id)
        return self.root / "shares" / share.account / share.name

    def staging(self) -> str:
        """Return a new name for a file on its way in, on the same file system as the shares."""
        return f"{self._staging}{next(self._staged):x}"

    # --- snapshots

    def begin_snapshot(self, share: ShareProperties, metadata: dict[str, str]) -> ShareProperties:
        """Return a snapshot that is not known yet; copy the folder, then call `finish_snapshot`."""
        return replace(
            share, id=0, snapshot=iso(self.clock.tick()), metadata=metadata, policies={}, lease=None
        )

    def finish_snapshot(self, share: ShareProperties, snapshot: ShareProperties, copied: Path) -> None:
        """Take the copied folder as the snapshot's content, and make the snapshot known."""
        self.store.add_share(snapshot)
        self.store.copy_entries(share.id, snapshot.id)
        copied.rename(self.folder_of(snapshot))
        self._shares[snapshot.account, snapshot.name, snapshot.snapshot] = snapshot
        self._latest[snapshot.account, snapshot.name] = snapshot.snapshot

    def latest_snapshot(self, share: ShareProperties) -> str:
        """Return the time of a share's latest snapshot; empty when it has none."""
        return self._latest.get((share.account, share.name), "")

    # --- inside

    def _of(self, account: str) -> list[ShareProperties]:
        return [share for share in self._shares.values() if share.account == account]

    def _set_aside(self, share: ShareProperties) -> None:
        live = self.folder_of(share)
        share.deleted, share.deleted_at = f"{self.clock.tick():016X}", self.clock.tick()
        self.save(share)
        live.rename(self.folder_of(share))
        del self._shares[share.account, share.name, ""]
        self._deleted[share.id] = share

    def _destroy(self, share: ShareProperties) -> None:
        """Move the content to the trash first: what is there at a start is a deletion to finish."""
        trash = self.root / "trash" / str(share.id)
        if (folder := self.folder_of(share)).exists():
            folder.rename(trash)
        self._shares.pop((share.account, share.name, share.snapshot), None)
        self._deleted.pop(share.id, None)
        self.store.remove_share(share.id)
        shutil.rmtree(trash, ignore_errors=True)

    def _recover(self) -> None:
        """Finish what a killed process began: deletions, folders of new shares, files on their way in."""
        for trash in (self.root / "trash").iterdir():
            self.store.remove_share(int(trash.name))
            shutil.rmtree(trash, ignore_errors=True)
        intent = self.store.intent()
        if intent is not None and intent.is_left():
            with suppress(OSError):  # its folder may be gone: another process of the share removed it
                intent.take()
        self.store.taken()
        for left in (self.root / "staging").iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        for share in self.store.shares():
            self._load(share)

    def _load(self, share: ShareProperties) -> None:
        folder = self.folder_of(share)
        if share.snapshot and not folder.exists():
            self.store.remove_share(share.id)  # killed before the copy was in place
            return
        if share.deleted:
            live = self.root / "shares" / share.account / share.name
            if not folder.exists() and live.exists():
                live.rename(folder)
            self._deleted[share.id] = share
        else:
            key = share.account, share.name
            self._latest[key] = max(share.snapshot, self._latest.get(key, ""))
            folder.mkdir(parents=True, exist_ok=True)
            self._shares[share.account, share.name, share.snapshot] = share

    def _expire(self) -> None:
        now = self.clock.tick()
        for share in list(self._deleted.values()):
            if now - share.deleted_at > self.retention(share.account) * 86400 * TICKS_PER_SECOND:
                self._destroy(share)

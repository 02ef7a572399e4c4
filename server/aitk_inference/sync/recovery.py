"""What a run does that lost its lock while it wrote: it corrects the manifest of the run that took over."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aitk_inference.core.errors import AppError, Busy
from aitk_inference.sync.ignore import MANIFEST_NAME
from aitk_inference.sync.lock import LIFETIME, hold_share
from aitk_inference.sync.manifest import Manifest, decode, encode, in_doubt, read_manifest, write_manifest
from aitk_inference.sync.remote import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.ports import Clock
    from aitk_inference.core.share import Share
    from aitk_inference.sync.lock import Claim

_WAIT_SECONDS = 5.0
_LONGEST_SECONDS = 2 * LIFETIME.total_seconds()


async def correct_manifest(share: Share, claim: Claim, clock: Clock, touched: Sequence[str]) -> None:
    """Put in doubt, in the share's manifest, what this run may have written after another took over.

    A write that was under way when the lock ran out may have landed later than the other run's. Such a file has
    another ETag than the manifest says; put in doubt, the next sync sends it again. Where the other run still
    writes, its end is awaited; what fails here is left: the ETags still show it to ``--verify``.
    """
    deadline = clock.monotonic() + _LONGEST_SECONDS
    with suppress(AppError):
        while True:
            try:
                async with hold_share(share, claim, clock):
                    await _correct(share, touched)
                    return
            except Busy:
                if clock.monotonic() > deadline:
                    return
            await clock.sleep(_WAIT_SECONDS)


async def _correct(share: Share, touched: Sequence[str]) -> None:
    listing = Listing(share)
    entry = next((one for one in await listing.folder("") if one.path.lower() == MANIFEST_NAME), None)
    content = await read_manifest(share, entry.size) if entry else None
    if content is None:
        return
    manifest = decode(content)
    seen = await listing.look(touched)
    names = {path.lower() for path in touched}
    vouched = [(path, row) for path, row in manifest.files.items() if row.sha256 and path.lower() in names]
    doubtful = [path for path, row in vouched if (there := seen.at(path)) is None or there.etag != row.etag]
    if doubtful:
        files = {**manifest.files, **{path: in_doubt() for path in doubtful}}
        await write_manifest(share, encode(Manifest(manifest.project, files, manifest.moving)))

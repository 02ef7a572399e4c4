"""What to send and what to delete: local files against the manifest."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from aitk_inference.flows.sync.manifest import Sent
    from aitk_inference.flows.sync.scan import LocalFile

PIECE = 4 << 20
"""Azure Files takes at most 4 MiB at once; a larger file is sent in pieces."""

_MODEL_ENDINGS = (
    ".safetensors",
    ".onnx",
    ".onnx_data",
    ".onnx.data",
    ".onnx_adapter",
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".gguf",
    ".h5",
    ".xml",
)
_LARGE_PART = 5
"""A fifth of the manifest: losing more than that looks like a fresh clone, not like an edit."""
_CHUNK = 1 << 20


class Plan(NamedTuple):
    """What a sync does.

    Attributes:
        send: Files whose content is new or changed.
        unchanged: What stays, as the manifest will hold it.
        delete: Paths that we sent earlier and that are gone here.
        hashes: SHA-256 of files to send, where it had to be known already.
        adopted: Files that the share has from somebody else with just this content.
        forget: Such files of earlier runs that are gone here: theirs to keep, not ours to know.
    """

    send: tuple[LocalFile, ...]
    unchanged: Mapping[str, Sent]
    delete: tuple[str, ...]
    hashes: Mapping[str, str] = MappingProxyType({})
    adopted: Mapping[str, Sent] = MappingProxyType({})
    forget: tuple[str, ...] = ()

    @property
    def send_bytes(self) -> int:
        """Bytes to send."""
        return sum(file.size for file in self.send)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be written to the share."""
        return not (self.send or self.delete or self.adopted or self.forget)


def make_plan(
    root: Path, files: Sequence[LocalFile], sent: Mapping[str, Sent], *, verify: bool = False
) -> Plan:
    """Compare; a file with another time but the same size is hashed before it counts as changed.

    A file that is ignored now, but still here, is left on the share as it is.

    Args:
        root: Where the files are.
        files: What is there.
        sent: What was sent.
        verify: Hash every file, whatever its time says.
    """
    unchanged = {} if verify else _untouched(files, sent)
    others = [file for file in files if file.path not in unchanged]
    hashes = hash_files(root, _doubtful(others, sent))
    unchanged |= {f.path: same for f in others if (same := _same(f, sent.get(f.path), hashes))}
    send = tuple(file for file in others if file.path not in unchanged)
    gone = _gone(root, files, sent)
    return Plan(
        send,
        unchanged,
        tuple(path for path in gone if sent[path].ours),
        {file.path: hashes[file.path] for file in send if file.path in hashes},
        forget=tuple(path for path in gone if not sent[path].ours),
    )


def risky(plan: Plan, sent: Mapping[str, Sent]) -> tuple[str, ...]:
    """The deletions that must be asked for: model files, or all when they are more than a fifth.

    A file that is spelled otherwise now is not lost there, nor is a model that only moved.
    """
    if not plan.delete:
        return ()
    names = {path.lower() for path in (*plan.unchanged, *(file.path for file in plan.send))}
    lost = tuple(path for path in plan.delete if path.lower() not in names)
    if len(lost) * _LARGE_PART > len(sent):
        return lost
    kept = {entry.sha256 for entry in plan.unchanged.values()} | set(plan.hashes.values())
    return tuple(p for p in lost if p.lower().endswith(_MODEL_ENDINGS) and sent[p].sha256 not in kept)


def moved_from(file: LocalFile, plan: Plan, sent: Mapping[str, Sent]) -> str | None:
    """Where the share holds a large file's content already, under another name."""
    sha256 = plan.hashes.get(file.path)
    if file.size <= PIECE or not sha256:
        return None
    return next((path for path, entry in sent.items() if entry.sha256 == sha256), None)


def hash_files(root: Path, files: Sequence[LocalFile]) -> dict[str, str]:
    """SHA-256 of files by path, on all cores; those that can't be read are left out."""
    if len(files) <= 1:
        return {file.path: sha256 for file in files if (sha256 := sha256_of(root / file.path))}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda file: sha256_of(root / file.path), files)
        return {file.path: sha256 for file, sha256 in zip(files, found, strict=True) if sha256}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, hex; empty when it can't be read (sending it will say why)."""
    digest = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()


def _untouched(files: Sequence[LocalFile], sent: Mapping[str, Sent]) -> dict[str, Sent]:
    """Files whose size and time say that they are as they were sent."""
    return {
        path: known
        for path, size, mtime_ns in files
        if (known := sent.get(path)) and known.mtime_ns == mtime_ns and known.size == size and known.sha256
    }


def _doubtful(files: Sequence[LocalFile], sent: Mapping[str, Sent]) -> list[LocalFile]:
    """Files that may hold what was sent: under the same name, or a large one under another."""
    large = {entry.size for entry in sent.values() if entry.size > PIECE and entry.sha256} if files else set()
    return [file for file in files if _may_hold(file, sent.get(file.path), large)]


def _may_hold(file: LocalFile, known: Sent | None, large: Collection[int]) -> bool:
    if known is None:
        return file.size in large
    return known.size == file.size and bool(known.sha256)


def _same(file: LocalFile, sent: Sent | None, hashes: Mapping[str, str]) -> Sent | None:
    """What was sent, where its hash says that it is the same; with the time that it has now."""
    if sent is None or not sent.sha256 or hashes.get(file.path) != sent.sha256:
        return None
    return sent if sent.mtime_ns == file.mtime_ns else sent._replace(mtime_ns=file.mtime_ns)


def _gone(root: Path, files: Sequence[LocalFile], sent: Mapping[str, Sent]) -> list[str]:
    """What the manifest has and is not here any more; a file that is only ignored now is here."""
    missing = sorted(sent.keys() - {file.path for file in files})
    names = {folder: _names(root / folder) for folder in {path.rpartition("/")[0] for path in missing}}
    return [path for path in missing if path.rpartition("/")[2] not in names[path.rpartition("/")[0]]]


def _names(folder: Path) -> frozenset[str]:
    """The files of a folder, spelled as they are: some systems find them in any case."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except OSError:
        return frozenset()

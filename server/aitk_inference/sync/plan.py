"""What to send and what to delete: local files against the manifest."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.regular_files import open_regular
from aitk_inference.sync.manifest import folders_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from aitk_inference.sync.manifest import Sent
    from aitk_inference.sync.scan import LocalFile

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
        respelled: Folders whose names on the share differ in case; they are renamed.
        first: Files on the share to delete first, for their names differ in case from what is sent.
        damaged: Files whose content on the share is known to be wrong: whatever it looks like, it is sent.
        kept: Files that are gone here, or never were, and stay on the share.
    """

    send: tuple[LocalFile, ...]
    unchanged: Mapping[str, Sent]
    delete: tuple[str, ...]
    hashes: Mapping[str, str] = MappingProxyType({})
    adopted: Mapping[str, Sent] = MappingProxyType({})
    forget: tuple[str, ...] = ()
    respelled: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def send_bytes(self) -> int:
        """Bytes to send."""
        return sum(file.size for file in self.send)

    @property
    def is_empty(self) -> bool:
        """True if nothing has to be written to the share."""
        return not (self.send or self.delete or self.adopted or self.forget or self.respelled)

    def keeping(self, paths: Collection[str]) -> Plan:
        """Return the plan, less these files: they stay on the share as they are."""
        kept = {path.lower() for path in paths}
        return self._replace(
            send=tuple(file for file in self.send if file.path.lower() not in kept),
            delete=tuple(path for path in self.delete if path.lower() not in kept),
            first=tuple(path for path in self.first if path.lower() not in kept),
            kept=(*self.kept, *(path for path in self.delete if path.lower() in kept)),
        )


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
    large = {row.size for row in sent.values() if row.size > PIECE and row.sha256} if others else set[int]()
    in_doubt = [
        file
        for file in others
        if (row.size == file.size and row.sha256 if (row := sent.get(file.path)) else file.size in large)
    ]
    hashes = hash_files(root, in_doubt)
    for file in in_doubt:
        row = sent.get(file.path)
        if row and row.sha256 and row.sha256 == hashes.get(file.path):  # it only has another time now
            unchanged[file.path] = row._replace(mtime_ns=file.mtime_ns)
    send = tuple(file for file in others if file.path not in unchanged)
    gone = _gone(root, files, sent)
    return Plan(
        send,
        unchanged,
        tuple(path for path in gone if sent[path].ours),
        {file.path: hashes[file.path] for file in send if file.path in hashes},
        forget=tuple(path for path in gone if not sent[path].ours),
    )


def respelled(
    files: Sequence[LocalFile], sent: Mapping[str, Sent]
) -> tuple[Mapping[str, Sent], tuple[str, ...]]:
    """Return what was sent under the names that the folders have now, and the folders whose case changed."""
    now = {folder.lower(): folder for folder in folders_of(file.path for file in files)}
    changed = {now[name] for folder in folders_of(sent) if now.get(name := folder.lower(), folder) != folder}
    if not changed:
        return sent, ()
    renamed: dict[str, Sent] = {}
    for path, row in sent.items():
        folder, cut, name = path.rpartition("/")
        renamed[f"{_now(folder, now)}{cut}{name}"] = row
    return renamed, tuple(sorted(changed, key=lambda folder: (folder.count("/"), folder)))


def _now(folder: str, now: Mapping[str, str]) -> str:
    """Return a folder as it is spelled now; of one that is gone, the part that is there."""
    if not folder or folder.lower() in now:
        return now.get(folder.lower(), folder)
    above, cut, name = folder.rpartition("/")
    return f"{_now(above, now)}{cut}{name}"


def risky(plan: Plan, sent: Mapping[str, Sent]) -> tuple[str, ...]:
    """Return the deletions that must be asked for: models with all of their folders, or all when they are more than a fifth.

    A file that is spelled otherwise now is not lost there, nor is a model that only moved.
    """
    if not plan.delete:
        return ()
    names = {path.lower() for path in (*plan.unchanged, *(file.path for file in plan.send))}
    lost = tuple(path for path in plan.delete if path.lower() not in names)
    if len(lost) * _LARGE_PART > len(sent):
        return lost
    kept = {entry.sha256 for entry in plan.unchanged.values()} | set(plan.hashes.values())
    return beside_models(lost, [path for path in lost if is_model(path) and sent[path].sha256 not in kept])


def is_model(path: str) -> bool:
    """Return True if a file's name says that it holds a model's weights."""
    return path.lower().endswith(_MODEL_ENDINGS)


def beside_models(paths: Sequence[str], models: Iterable[str]) -> tuple[str, ...]:
    """Return those of these files that are models, or lie in a model's folder or below it."""
    folders = {model.rpartition("/")[0] for model in models}
    return tuple(path for path in paths if folders & {path.rpartition("/")[0], *folders_of([path])})


def moved_from(file: LocalFile, plan: Plan, sent: Mapping[str, Sent]) -> str | None:
    """Return where the share holds a large file's content already, under another name."""
    sha256 = plan.hashes.get(file.path)
    if file.size <= PIECE or not sha256:
        return None
    return next((path for path, entry in sent.items() if entry.sha256 == sha256), None)


def hash_files(root: Path, files: Sequence[LocalFile]) -> dict[str, str]:
    """Return the SHA-256 of files by path, on all cores; those that can't be read are left out."""
    if len(files) <= 1:
        return {file.path: sha256 for file in files if (sha256 := sha256_of(root / file.path))}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda file: sha256_of(root / file.path), files)
        return {file.path: sha256 for file, sha256 in zip(files, found, strict=True) if sha256}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, hex; empty when it can't be read (sending it will say why)."""
    digest = hashlib.sha256()
    try:
        with open_regular(path) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()


def _untouched(files: Sequence[LocalFile], sent: Mapping[str, Sent]) -> dict[str, Sent]:
    """Return files whose size and time say that they are as they were sent."""
    return {
        path: known
        for path, size, mtime_ns in files
        if (known := sent.get(path)) and known.mtime_ns == mtime_ns and known.size == size and known.sha256
    }


def _gone(root: Path, files: Sequence[LocalFile], sent: Mapping[str, Sent]) -> list[str]:
    """Return what the manifest has and is not here any more; a file that is only ignored now is here."""
    missing = sorted(sent.keys() - {file.path for file in files})
    here: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in missing}:
        # listed, not asked for one by one: some systems find a file in any case
        with suppress(OSError), os.scandir(root / folder) as entries:
            found = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
            here |= {f"{folder}/{name}" if folder else name for name in found}
    return [path for path in missing if path not in here]

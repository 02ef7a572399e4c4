"""What to send and what to delete: local files against the manifest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aitk_inference.flows.sync.manifest import Sent
    from aitk_inference.flows.sync.scan import LocalFile

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


@dataclass(frozen=True)
class Plan:
    """What a sync does.

    Attributes:
        send: Files whose content is new or changed.
        unchanged: What stays, as the manifest will hold it.
        delete: Paths that we sent earlier and that are gone here.
    """

    send: tuple[LocalFile, ...]
    unchanged: Mapping[str, Sent]
    delete: tuple[str, ...]

    @property
    def total(self) -> int:
        """Files that the project has."""
        return len(self.send) + len(self.unchanged)

    @property
    def send_bytes(self) -> int:
        """Bytes to send."""
        return sum(file.size for file in self.send)


def make_plan(root: Path, files: Sequence[LocalFile], sent: Mapping[str, Sent]) -> Plan:
    """Compare; a file with another time but the same size is hashed before it counts as changed.

    A file that is ignored now, but still here, is left on the share as it is.
    """
    unchanged = {file.path: same for file in files if (same := _same(root, file, sent.get(file.path)))}
    send = tuple(file for file in files if file.path not in unchanged)
    local = {file.path for file in files}
    return Plan(
        send,
        unchanged,
        tuple(sorted(path for path in sent if path not in local and not (root / path).exists())),
    )


def risky(plan: Plan, sent: Mapping[str, Sent]) -> tuple[str, ...]:
    """The deletions that must be asked for: model files, or all when they are more than a fifth."""
    models = tuple(path for path in plan.delete if path.lower().endswith(_MODEL_ENDINGS))
    many = len(plan.delete) * _LARGE_PART > len(sent)
    return plan.delete if many else models


def folders_of(paths: Iterable[str]) -> tuple[str, ...]:
    """Every folder above these paths, parents first."""
    found = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return tuple(sorted(found - {"."}, key=lambda folder: (folder.count("/"), folder)))


def empty_folders(plan: Plan) -> tuple[str, ...]:
    """Folders that hold nothing of ours after the deletions, deepest first."""
    kept = set(folders_of([*plan.unchanged, *(file.path for file in plan.send)]))
    gone = [folder for folder in folders_of(plan.delete) if folder not in kept]
    return tuple(reversed(gone))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _same(root: Path, file: LocalFile, sent: Sent | None) -> Sent | None:
    if sent is None or sent.size != file.size:
        return None
    if sent.mtime_ns == file.mtime_ns or sha256_of(root / file.path) == sent.sha256:
        return replace(sent, mtime_ns=file.mtime_ns)
    return None

"""Secret volumes: the values as files that only their owner may read, in a folder of the revision."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from aca_local.state.own_files import OwnFile, OwnFileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aca_local.kernel.replicas import Mount, RevisionSpec


def write_secret_volumes(spec: RevisionSpec, folder: Path) -> RevisionSpec:
    """Return the revision with the folders of its secret volumes, written as the values are now."""
    containers = [
        replace(
            one,
            mounts=tuple(
                _written(mount, folder / one.name / str(number)) for number, mount in enumerate(one.mounts)
            ),
        )
        for one in spec.containers
    ]
    return replace(spec, containers=tuple(containers))


def forget_secret_volumes(folder: Path) -> None:
    """Remove a revision's files."""
    shutil.rmtree(folder, ignore_errors=True)


def _written(mount: Mount, folder: Path) -> Mount:
    if mount.files is None:
        return mount
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in [path for path in folder.rglob("*") if path.is_file()]:
        if old.relative_to(folder).as_posix() not in mount.files:
            old.unlink()
    _write_files(folder, mount.files)
    return replace(mount, folder=folder / mount.folder, files=None)  # below it: the mount's subPath


def _write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write what changed; a reader sees the old file or the new one."""
    for name, value in files.items():
        file = folder / name
        with suppress(OwnFileError):  # what else stands there is replaced
            if OwnFile(file).data() == value.encode():
                continue
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.partial")
        partial.unlink(missing_ok=True)
        with open(partial, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(value.encode())
        partial.replace(file)

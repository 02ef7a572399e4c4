"""Mount paths by rewriting, where the system has no mount namespaces.

``/mount`` in a command, an argument or a variable becomes the path of the share's folder. Only whole path
names are taken: ``/mount/app.py`` and ``--dir=/mount`` yes, ``/mounted``, ``/mount-2``, ``/data/mount`` no.
Paths that a Python program has in its own files are translated when it opens them (``inside``); those in a
shell script or a compiled program stay as they are: that is what a mount namespace is better at.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from aca_local.kernel.replicas import ReplicasError
from aca_local.replicas.inside.sitecustomize import VARIABLE, rewrite, to_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aca_local.kernel.replicas import ContainerSpec, Mount

INSIDE = Path(__file__).with_name("inside")
SHELL_SAFE = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


def without_namespace(spec: ContainerSpec) -> ContainerSpec:
    """Return a container that finds its volumes where they lie: by what it is told, and by what it opens."""
    folders = folders_of(spec.mounts)
    mapped = rewrite_container(spec, folders)
    if not folders:
        return mapped
    search = os.pathsep.join(filter(None, (str(INSIDE), mapped.env.get("PYTHONPATH"))))
    return replace(mapped, env={**mapped.env, "PYTHONPATH": search, VARIABLE: to_variable(folders)})


def rewrite_container(spec: ContainerSpec, folders: Mapping[str, str]) -> ContainerSpec:
    """Rewrite what a container gets told: command, arguments and environment."""
    return replace(
        spec,
        command=tuple(rewrite(one, folders) for one in spec.command),
        args=tuple(rewrite(one, folders) for one in spec.args),
        env={name: rewrite(value, folders) for name, value in spec.env.items()},
    )


def locate(
    command: tuple[str, ...],
    which: Callable[[str], str | None] = shutil.which,
    *,
    windows: bool = os.name == "nt",
) -> tuple[str, ...]:
    """Find a program of Linux (``/bin/bash``) by its name where a system keeps it elsewhere (Windows).

    Raises ReplicasError, with the way out, where there is none.
    """
    if not (windows and command and command[0].startswith("/")):
        return command
    name = PurePosixPath(command[0]).name
    found = which(name)
    if found is None:
        raise ReplicasError(
            f"The command needs {name}, which this computer has not on PATH: Git for Windows has it."
        )
    return (found, *command[1:])


def folders_of(mounts: Sequence[Mount]) -> dict[str, str]:
    """Give each mount path a folder name that survives unquoted in a shell script."""
    return {mount.path.rstrip("/"): shell_safe(mount.folder) for mount in mounts if mount.path.strip("/")}


def shell_safe(folder: Path) -> str:
    """Answer the folder's path; with a space in it (macOS: "Application Support"), that of a link to it."""
    path = folder.as_posix()
    if SHELL_SAFE.fullmatch(path):
        return path
    links = (
        Path(tempfile.gettempdir()) / f"aca-local-{hashlib.sha256(str(Path.home()).encode()).hexdigest()[:8]}"
    )
    links.mkdir(mode=0o700, exist_ok=True)
    link = links / hashlib.sha256(path.encode()).hexdigest()[:12]
    if not link.is_symlink():
        link.symlink_to(folder, target_is_directory=True)
    return link.as_posix()

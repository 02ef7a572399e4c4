"""Where a base model is: a folder, or a name in the caches that fine-tuning and Hugging Face leave behind."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from model_check.catalogue import find
from model_check.findings import Unusable, clean
from model_check.identity import is_commit
from model_check.json_reader import read_bytes
from model_check.weights import file_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from model_check.findings import Finding

_NAME = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}")
_REVISION = re.compile(r"[\w.][\w./-]{0,199}")


class FoundBase(NamedTuple):
    """Where a base is.

    Attributes:
        path: Its folder; None where it has to be fetched.
        name: Its name on Hugging Face, where that is how it was named.
        revision: The commit, where it is known.
        findings: What a person should know.
    """

    path: Path | None
    name: str | None = None
    revision: str | None = None
    findings: tuple[Finding, ...] = ()


def is_name(text: str) -> bool:
    """Return True for what can be a repository's name on Hugging Face: ``org/name``."""
    return "/" in text and _NAME.fullmatch(text) is not None and ".." not in text and "--" not in text


def find_base(
    wanted: str,
    *,
    beside: Path,
    caches: Sequence[Path],
    revision: str | None = None,
    config: Path | None = None,
) -> FoundBase:
    """Find a base model without asking the network.

    Args:
        wanted: A folder, relative to ``beside``, or a name on Hugging Face.
        beside: The folder of the configuration.
        caches: Folders in which fine-tuning or Hugging Face keep models, the first wins.
        revision: The commit (or branch) that is wanted; None takes what is there.
        config: The file that named it, for the findings.
    """
    source = config or beside
    if not wanted:
        return FoundBase(None, findings=(find("base-unset", source, key="base"),))
    folder = _folder(beside, wanted)
    if folder is not None:
        return FoundBase(folder, revision=revision)
    if not is_name(wanted):
        return FoundBase(
            None, findings=(find("base-missing", Path(clean(wanted)), key="base", value=wanted),)
        )
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        return FoundBase(
            None, wanted, None, (find("base-revision-invalid", source, key="revision", value=revision),)
        )
    for path, commit, findings in _candidates(wanted, caches, revision, source):
        if "config.json" in file_names(path):
            return FoundBase(path, wanted, commit, findings)
    unpinned = () if is_commit(revision) else (find("base-unpinned", source, key="base", value=wanted),)
    return FoundBase(None, wanted, revision, unpinned)


def _folder(beside: Path, wanted: str) -> Path | None:
    try:
        folder = beside / wanted
        can_be_path = wanted and "\0" not in wanted and len(wanted) < 4096  # noqa: PLR2004 - the longest path of Linux
        return folder if can_be_path and folder.is_dir() else None
    except (OSError, ValueError):
        return None


def _candidates(
    name: str, caches: Sequence[Path], revision: str | None, source: Path
) -> Iterator[tuple[Path, str | None, tuple[Finding, ...]]]:
    """Folders that may hold the model, as plain copies and in the layout of Hugging Face's cache."""
    cached = "models--" + name.replace("/", "--")
    for cache in caches:
        for plain in (cache / name, cache / name.rpartition("/")[2]):
            yield plain, None, ()
        for repository in (cache / cached, cache / "hub" / cached):
            yield from _snapshots(repository, name, revision, source)


def _snapshots(
    repository: Path, name: str, revision: str | None, source: Path
) -> Iterator[tuple[Path, str | None, tuple[Finding, ...]]]:
    folder = repository / "snapshots"
    there = sorted(entry for entry in file_names(folder) if is_commit(entry))
    wanted = revision or "main"
    if not is_commit(wanted):
        with suppress(Unusable):  # the commit that a branch or tag meant when it was fetched
            wanted = read_bytes(repository / "refs" / wanted, 64).decode("ascii", "replace").strip()
    if wanted in there:
        yield folder / wanted, wanted, ()
    elif revision is None and there:
        told = (
            find("base-several", source, key="base", value=name, found=there[0][:12])
            if len(there) > 1
            else None
        )
        yield folder / there[0], there[0], (told,) if told else ()

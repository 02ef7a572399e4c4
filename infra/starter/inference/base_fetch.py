"""Fetches a base model from Hugging Face to the share, once: with progress, resumed after a kill, offline afterwards.

A commit becomes a plain folder in the layout of Hugging Face's cache, ``models--ORG--NAME/snapshots/COMMIT``, without
the symbolic links that SMB lacks; ``model_check.find_base`` finds it there. Until it is whole it is called
``COMMIT.part``.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

import late_packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from huggingface_hub.hf_api import ModelInfo, RepoSibling

TEXTS = ("*.json", "*.jinja", "*.txt", "*.model", "*.tiktoken", "*.py")
LEFT_OUT = ("original/*", "onnx/*", "openvino/*", "gguf/*", "metal/*", "consolidated*", "training_args.bin")
"""Second copies of the weights in other formats."""
NO_CHECK = (
    "The folder inference/model_check is missing, which checks base and adapter. Copy it from a new project"
    " (aitk-inference new DIR) and run Deploy again."
)
POLL_SECONDS = 1.0
AT_ONCE = 4
UNSURE = 16 << 20
"""Bytes at the end of a half file that are fetched again: a kill may have left them unwritten."""


class CannotFetch(Exception):
    """The base can't be fetched; the message says why and what to do."""


@dataclass(frozen=True)
class Progress:
    """How far a download is, in bytes."""

    done: int
    total: int

    @property
    def percent(self) -> int:
        """Return how much is there, in percent."""
        return 100 * self.done // self.total if self.total else 100


@dataclass(frozen=True)
class WantedBase:
    """A base as the settings name it.

    Attributes:
        name: A folder, relative to ``beside``, or a name on Hugging Face.
        revision: The commit, branch or tag of a name.
        beside: The folder of the settings.
        caches: Where fine-tuning and Hugging Face keep models; a fetched one goes into the first.
    """

    name: str
    revision: str | None
    beside: Path
    caches: tuple[Path, ...]


def locate_base(wanted: WantedBase, on_progress: Callable[[Progress], None]) -> Path:
    """Return the base's folder: what is there already, without the network; else fetched.

    Raises:
        CannotFetch: it is neither there nor can it be fetched.
    """
    try:
        from model_check import find_base  # noqa: PLC0415  `new` puts the package beside this file
    except ModuleNotFoundError:
        raise CannotFetch(NO_CHECK) from None
    found = find_base(wanted.name, beside=wanted.beside, caches=wanted.caches, revision=wanted.revision)
    if found.path is not None:
        return found.path
    for finding in found.findings:
        if finding.severity == "error":
            raise CannotFetch(f"{finding.message} {finding.suggestion}")
    return fetch_base(wanted.name, wanted.revision, wanted.caches[0], on_progress)


def fetch_base(name: str, revision: str | None, cache: Path, on_progress: Callable[[Progress], None]) -> Path:
    """Return the folder of a base model in the cache, fetched if it is not there. Blocks for minutes.

    ``HF_TOKEN`` is used for models that want an agreement, ``HF_ENDPOINT`` names a mirror.

    Args:
        name: The model's name on Hugging Face: ``org/name``.
        revision: The commit, or a branch or tag, whose commit is looked up; None takes ``main``.
        cache: The folder on the share; made when it is missing.
        on_progress: Called about once a second, in another thread.

    Raises:
        CannotFetch: no connection, no such model, no permission, or no room.
    """
    late_packages.wait()
    repository = cache / f"models--{name.replace('/', '--')}"
    with _in_words(name, revision):
        info = _look_up(name, revision)
        folder = repository / "snapshots" / str(info.sha)
        if not folder.is_dir():
            _download(name, info, folder, on_progress)
        _note(repository / "refs" / (revision or "main"), str(info.sha))
    return folder


def _look_up(name: str, revision: str | None) -> ModelInfo:
    from huggingface_hub import HfApi  # noqa: PLC0415  only a start without the base needs it

    return HfApi().model_info(name, revision=revision, files_metadata=True)


def _download(name: str, info: ModelInfo, folder: Path, on_progress: Callable[[Progress], None]) -> None:
    """Download beside the folder and rename at the end; of two replicas that do it at once one wins."""
    part = folder.with_name(f"{folder.name}.part")
    files = _wanted(info)
    total = sum(file.size or 0 for file in files)
    _check_room(folder, part, total)
    with _reporting(part, total, on_progress), ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            list(pool.map(lambda file: _fetch_file(name, str(info.sha), file, part), files))
            part.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another replica was first
                raise


def _fetch_file(name: str, commit: str, file: RepoSibling, part: Path) -> None:
    """Fetch one file, going on where an earlier start was killed.

    ``snapshot_download`` begins a file anew after a kill, and shards have gigabytes. Two replicas write the same
    bytes at the same places.
    """
    from huggingface_hub import hf_hub_url  # noqa: PLC0415  only a start without the base needs it
    from huggingface_hub.file_download import http_get  # noqa: PLC0415  only a start without the base needs it
    from huggingface_hub.utils import build_hf_headers  # noqa: PLC0415  only a start without the base needs it

    target = part / file.rfilename
    if target.is_file():
        return
    incomplete = target.with_name(f"{target.name}.incomplete")
    incomplete.parent.mkdir(parents=True, exist_ok=True)
    incomplete.touch()
    begin = max(incomplete.stat().st_size - UNSURE, 0)
    with incomplete.open("r+b") as out:
        out.seek(begin)
        http_get(
            hf_hub_url(name, file.rfilename, revision=commit),
            out,
            resume_size=begin,
            headers=build_hf_headers(),
            expected_size=file.size,
        )
    if begin:
        _verify(incomplete, file)
    with contextlib.suppress(FileNotFoundError):  # another replica has renamed it
        incomplete.rename(target)


def _verify(path: Path, file: RepoSibling) -> None:
    """Compare a file that came in parts with the hash that the hub names; a wrong one is fetched anew."""
    wanted = file.lfs.sha256 if file.lfs else None
    if wanted is None:
        return
    with path.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != wanted:
        path.unlink(missing_ok=True)
        raise CannotFetch(
            f"{file.rfilename} arrived damaged and was deleted. The next start fetches it again."
        )


def _wanted(info: ModelInfo) -> list[RepoSibling]:
    """Return the files to fetch: safetensors where there are any, and what describes them."""
    files = [file for file in info.siblings or () if not _matches(file, LEFT_OUT) and _is_inside(file)]
    weights = "*.safetensors" if any(_matches(file, ("*.safetensors",)) for file in files) else "*.bin"
    return [file for file in files if _matches(file, (*TEXTS, weights))]


def _matches(file: RepoSibling, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(file.rfilename, pattern) for pattern in patterns)


def _is_inside(file: RepoSibling) -> bool:
    """Return False for a name that would leave the model's folder."""
    return (
        ".." not in file.rfilename.split("/")
        and not file.rfilename.startswith("/")
        and "\\" not in file.rfilename
    )


def _check_room(folder: Path, part: Path, total: int) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    lacking = total - _size(part) - free
    if lacking > 0:
        raise CannotFetch(
            f"The base takes {total / 1e9:.1f} GB, and {folder.parent} has {free / 1e9:.1f} GB free."
            " Raise the share's quota or delete models that are not needed."
        )


@contextlib.contextmanager
def _reporting(part: Path, total: int, on_progress: Callable[[Progress], None]) -> Iterator[None]:
    """Tell about the progress, in a thread, until the block ends."""
    over = threading.Event()

    def report() -> None:
        while not over.wait(POLL_SECONDS):
            on_progress(Progress(min(_size(part), total), total))

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    on_progress(Progress(total, total))


def _size(folder: Path) -> int:
    """Return the bytes below a folder; files come and go meanwhile."""
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            size += path.stat().st_size if path.is_file() else 0
    return size


def _note(reference: Path, commit: str) -> None:
    """Note what a branch means now, so that the next start finds the commit without asking."""
    if reference.name == commit:
        return
    reference.parent.mkdir(parents=True, exist_ok=True)
    reference.write_text(commit, encoding="ascii")


@contextlib.contextmanager
def _in_words(name: str, revision: str | None) -> Iterator[None]:
    """Turn what huggingface_hub raises into words for a person."""
    from httpx2 import HTTPError  # noqa: PLC0415  what huggingface_hub speaks HTTP with
    from huggingface_hub import errors  # noqa: PLC0415  only a start without the base needs it

    page = f"https://huggingface.co/{name}"
    try:
        yield
    except errors.GatedRepoError:
        raise CannotFetch(
            f"{name} wants an agreement. Accept it at {page}, then give the app a token of that account as the"
            " environment variable HF_TOKEN (as a secret)."
        ) from None
    except errors.RevisionNotFoundError:
        raise CannotFetch(f"{name} has no revision {revision}. Its commits: {page}/commits/main") from None
    except errors.RepositoryNotFoundError:
        raise CannotFetch(
            f"There is no model {name} on Hugging Face, or HF_TOKEN may not read it. Look for it: {page}"
        ) from None
    except errors.HFValidationError:
        raise CannotFetch(f"{name} is no name of a model. Write it as org/name.") from None
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, HTTPError, ConnectionError) as error:
        raise CannotFetch(
            f"{name} can't be fetched: {_reason(error)}. What arrived is kept: the next start goes on from there."
        ) from None
    except OSError as error:
        raise CannotFetch(f"{name} can't be written to the share: {error.strerror or error}.") from None


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"Hugging Face answered {status}" if status else "Hugging Face can't be reached"

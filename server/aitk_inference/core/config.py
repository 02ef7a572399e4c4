"""``infra/inference.config.json``: six documented keys, and whatever else a person put there."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aitk_inference.core.errors import AppError, InvalidProject, Problem
from aitk_inference.core.json_text import JsonMistake, parse, text_of
from aitk_inference.core.model import AppRef, ShareRef
from aitk_inference.core.regular_files import read_bytes, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aitk_inference.core.model import Json

CONFIG_PATH = Path("infra/inference.config.json")
TENANT_KEY = "TENANT_ID"
"""The key of the directory that the subscription is in; it may be left out."""
SIGN_IN_KEY = "SIGN_IN"
"""The key of the sign-in that a person chose for the project; it may be left out."""
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d+)?")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class InferenceConfig:
    """The configuration that Provision writes and Deploy reads; a hand-filled one is as good.

    Attributes:
        extra: Keys that a person added: kept as they are.
    """

    subscription_id: str | None = None
    resource_group_name: str | None = None
    storage_account_name: str | None = None
    file_share_name: str | None = None
    aca_app_name: str | None = None
    aca_app_endpoint: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def documented(self) -> dict[str, str | None]:
        """Return the six documented keys, by their names in the file."""
        return {key: getattr(self, name) for key, name in _KEYS.items()}

    def missing(self) -> tuple[str, ...]:
        """Return the documented keys that are not filled in."""
        return tuple(key for key, value in self.documented.items() if not value)

    @property
    def app(self) -> AppRef | None:
        """Return the container app that it names, or None where it lacks a key for that."""
        if self.subscription_id and self.resource_group_name and self.aca_app_name:
            return AppRef(self.subscription_id, self.resource_group_name, self.aca_app_name)
        return None

    @property
    def share(self) -> ShareRef | None:
        """Return the share that it names, or None where it lacks a key for that."""
        account, share = self.storage_account_name, self.file_share_name
        if self.subscription_id and self.resource_group_name and account and share:
            return ShareRef(self.subscription_id, self.resource_group_name, account, share)
        return None

    @property
    def tenant_id(self) -> str | None:
        """Return the directory to sign in to for this project, where it says one."""
        return text_of(self.extra.get(TENANT_KEY))

    @property
    def sign_in(self) -> str | None:
        """Return the sign-in that a person chose, for example ``azure-cli``."""
        return text_of(self.extra.get(SIGN_IN_KEY))

    @property
    def endpoint_url(self) -> str | None:
        """The endpoint as a URL: a bare host name gets ``https://``, one of this computer ``http://``."""
        return None if not self.aca_app_endpoint else endpoint_url(self.aca_app_endpoint)


_KEYS = {f.name.upper(): f.name for f in fields(InferenceConfig) if f.name != "extra"}


def endpoint_url(value: str) -> str:
    """Make a URL of what people put into ``ACA_APP_ENDPOINT``: a host, a host with a port, or a URL."""
    text = value.strip().rstrip("/")
    if "://" in text:
        return text
    scheme = "http" if text.startswith(_LOOPBACK) else "https"
    return f"{scheme}://{text}"


def read_config(project: Path) -> InferenceConfig:
    """Read the configuration of a project; a missing file is an empty configuration.

    Raises:
        InvalidProject: not a JSON object, or a documented key that is not text; says where.
    """
    path = project / CONFIG_PATH
    return _from_json(path, read_object(path)) if os.path.lexists(path) else InferenceConfig()


def check_is_project(project: Path) -> None:
    """Refuse a folder that nothing of a project is in.

    Raises:
        InvalidProject: there is no ``infra`` folder.
    """
    if not (project / CONFIG_PATH).parent.is_dir():
        raise incomplete(project, tuple(_KEYS))


def no_such_file(project: Path, relative: Path) -> InvalidProject:
    """Return the error of a file that every project has, and this folder has not."""
    message = f"There is no {relative.as_posix()} in this project."
    return InvalidProject(
        message,
        [Problem(project / relative, message, code="missing")],
        suggestion=way_to_project(project),
    )


def incomplete(project: Path, missing: Sequence[str]) -> InvalidProject:
    """Return what keeps a command from knowing where the app is: no file, an empty one, or keys that lack.

    Args:
        project: The project's folder.
        missing: The documented keys that are not filled in.
    """
    path = project / CONFIG_PATH
    suggestion = "Run Provision first, or fill the keys in by hand."
    if not path.parent.is_dir():
        message = f"{project} is not a project: it has no {CONFIG_PATH.as_posix()}."
        suggestion = way_to_project(project)
    elif not path.exists():
        message = f"There is no {CONFIG_PATH.as_posix()} in this project: it was not provisioned yet."
    elif len(missing) == len(_KEYS):
        message = f"This project was not provisioned yet: {CONFIG_PATH.as_posix()} is not filled in."
    else:
        message = f"{CONFIG_PATH.as_posix()} does not say {', '.join(missing)}."
    problem = Problem(path, message, code="config")
    return InvalidProject(message, [problem], suggestion=suggestion)


def way_to_project(folder: Path) -> str:
    """Return what to do about a folder that is no project; one that it lies in is named."""
    root = next((one for one in folder.absolute().parents if (one / CONFIG_PATH).exists()), None)
    if root is not None:
        return f"It lies in the project {root}: go there, or give that folder with --project."
    return "Open the project's own folder, or make a new project with: aitk-inference new DIR"


def read_object(path: Path) -> dict[str, Json]:
    """Read a JSON object from a file of the project.

    Raises:
        InvalidProject: with the place of the mistake.
    """
    try:
        value = parse(read_text(path))
    except JsonMistake as mistake:
        raise _invalid(path, mistake.message, mistake.line, mistake.column) from mistake
    except UnicodeDecodeError as error:
        raise _invalid(path, "The file is not UTF-8 text.") from error
    except (RecursionError, ValueError) as error:
        message = "The file is nested too deeply, or holds a number with too many digits."
        raise _invalid(path, message) from error
    except OSError as error:
        raise _invalid(path, f"{error.strerror}.") from error
    if not isinstance(value, dict):
        raise _invalid(path, "The file must hold a JSON object: { … }.")
    return value


def read_source(path: Path) -> bytes:
    """Return the content of a file of the project that another program reads, too.

    Raises:
        InvalidProject: it can't be read, or is no file.
    """
    try:
        return read_bytes(path)
    except OSError as error:
        raise _invalid(path, f"{error.strerror}.") from error


def write_config(project: Path, config: InferenceConfig) -> Path:
    """Write the configuration atomically: the old file or the new one, never half of one.

    Returns:
        The file's path.

    Raises:
        AppError: it can't be written.
    """
    path = project / CONFIG_PATH
    try:
        write_atomically(
            path, json.dumps({**config.documented, **config.extra}, indent=2, ensure_ascii=False) + "\n"
        )
    except OSError as error:
        raise AppError(
            f"{path} can't be written: {error.strerror}.",
            suggestion="Check the folder's permissions and the free space, then run the command again: "
            "what was made is picked up.",
        ) from error
    return path


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step; its folder is made when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _from_json(path: Path, values: Mapping[str, Json]) -> InferenceConfig:
    wrong = [key for key in _KEYS if not isinstance(values.get(key), str | None)]
    if wrong:
        raise _invalid(path, f"{', '.join(wrong)} must be text or null.")
    known = {name: text_of(values.get(key)) for key, name in _KEYS.items()}
    if (address := known["aca_app_endpoint"]) and not _is_address(endpoint_url(address)):
        raise _invalid(path, f'ACA_APP_ENDPOINT must be a host name or an http(s) URL, and says "{address}".')
    extra = {key: value for key, value in values.items() if key not in _KEYS}
    return InferenceConfig(**known, extra=extra)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(_HOST.fullmatch(parts.netloc)) and parts.port != 0
    except ValueError:
        return False


def _invalid(path: Path, message: str, line: int = 0, column: int = 0) -> InvalidProject:
    problem = Problem(path, message, line, column, "json")
    return InvalidProject(
        f"{path.name} can't be read: {message} (line {line + 1}, column {column + 1})",
        [problem],
        suggestion=f"Mend {path} and run the command again.",
    )

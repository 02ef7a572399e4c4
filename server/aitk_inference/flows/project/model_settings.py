"""Which model a project serves: what ``inference/config.json`` says, or Microsoft's ``gradio_chat.py``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.config import read_object
from aitk_inference.core.errors import InvalidProject, Problem
from aitk_inference.core.regular_files import read_begin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import Json

SETTINGS = Path("inference/config.json")
SCRIPT = Path("inference/gradio_chat.py")
CACHES = ("model-cache", "huggingface", ".cache/huggingface")
"""Where fine-tuning (the first) and Hugging Face's libraries keep models below a project or a share."""
_LONGEST_SCRIPT = 1 << 20
_ENGINES = ("auto", "vllm", "openvino")


class ModelSettings(NamedTuple):
    """Which model is served, and how.

    Attributes:
        source: The file that says so.
        base: Its folder, relative to the file, or its name on Hugging Face.
        adapter: Its folder, relative to the file; None serves the base alone, on purpose.
        revision: The commit of a base that is named.
        engine: ``auto``, ``vllm`` or ``openvino``.
        context: Tokens of a conversation.
        users: Conversations at once.
    """

    source: Path
    base: str
    adapter: str | None
    revision: str | None = None
    engine: str = "auto"
    context: int | None = None
    users: int = 1


def names_a_model(project: Path) -> bool:
    """Return True where the project says which model it serves, be it malformed."""
    return (project / SETTINGS).exists() or _from_script(project / SCRIPT) is not None


def read_model_settings(project: Path) -> ModelSettings | None:
    """Return which model a project serves, or None where its code does not say it in a way known here.

    Raises:
        InvalidProject: ``inference/config.json`` is malformed; says where.
    """
    path = project / SETTINGS
    if path.exists():
        return _from_json(path, read_object(path))
    return _from_script(project / SCRIPT)


def _from_json(path: Path, values: Mapping[str, Json]) -> ModelSettings:
    base_only = values.get("baseOnly") is True
    engine = _text(path, values, "engine") or "auto"
    if engine not in _ENGINES:
        raise _refused(path, f"engine must be one of: {', '.join(_ENGINES)}.")
    return ModelSettings(
        path,
        _text(path, values, "base") or "",
        None if base_only else _text(path, values, "adapter") or "",
        _text(path, values, "revision"),
        engine,
        _number(path, values, "contextTokens"),
        max(_number(path, values, "users") or 1, 1),
    )


def _text(path: Path, values: Mapping[str, Json], key: str) -> str | None:
    value = values.get(key)
    if value is None or isinstance(value, str):
        return value
    raise _refused(path, f"{key} must be a text.")


def _number(path: Path, values: Mapping[str, Json], key: str) -> int | None:
    value = values.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise _refused(path, f"{key} must be a whole number.")


def _refused(path: Path, message: str) -> InvalidProject:
    return InvalidProject(
        message, [Problem(path, message, code="model-settings")], suggestion=f"Mend {SETTINGS.as_posix()}."
    )


def _from_script(path: Path) -> ModelSettings | None:
    """Read the two names that Microsoft's template writes into its script; nothing of it is run."""
    try:
        text = read_begin(path, _LONGEST_SCRIPT).decode("utf-8", "replace")
    except OSError:
        return None
    base, adapter = _assigned(text, "model_name"), _assigned(text, "adapters_name")
    return None if base is None or adapter is None else ModelSettings(path, base, adapter)


def _assigned(text: str, name: str) -> str | None:
    match = re.search(rf"^[ \t]*{name}[ \t]*=[ \t]*[\"']([^\"'\n]+)[\"']", text, re.MULTILINE)
    return match[1] if match else None

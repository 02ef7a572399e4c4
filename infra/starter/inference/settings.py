"""What to serve: config.json beside this file, overridden by environment variables."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG = Path(__file__).resolve().parent / "config.json"
DEFAULT_PORT = 7860
_T = TypeVar("_T", str, bool, int)


class BadConfiguration(Exception):
    """config.json or an environment variable is wrong; the message says what to write."""


@dataclass(frozen=True)
class Settings:
    """What to serve.

    Attributes:
        name: Name of the adapted model in the API; the base is called ``<name>-base``.
        base: Folder of the base model in OpenVINO's format.
        adapter: Folder with ``adapter_model.safetensors``, as PEFT saves it.
        base_only: Serve the base alone, on purpose.
        device: OpenVINO device, such as ``CPU`` or ``GPU`` (Intel's).
        context_tokens: The most tokens of a prompt and its answer together.
        max_new_tokens: The most tokens of an answer, unless a request asks for fewer.
        host: Address to listen on.
        port: Port to listen on.
    """

    name: str
    base: Path
    adapter: Path
    base_only: bool
    device: str
    context_tokens: int
    max_new_tokens: int
    host: str = "0.0.0.0"  # noqa: S104  a container is reached from outside
    port: int = DEFAULT_PORT

    @property
    def base_name(self) -> str:
        """Name of the model without the adapter in the API."""
        return f"{self.name}-base"


def read_settings(path: Path = CONFIG, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read config.json, then let ``INFERENCE_BASE``, ``INFERENCE_ADAPTER``, ``INFERENCE_BASE_ONLY``, ``HOST``
    and ``PORT`` override it. Relative folders are relative to config.json, or to the working folder when they
    come from the environment.

    Raises:
        BadConfiguration: says which entry is wrong.
    """
    return _override(_from_file(path), environment)


def _from_file(path: Path) -> Settings:
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadConfiguration(f"{path} is missing. Restore it from a new project.") from None
    except json.JSONDecodeError as error:
        raise BadConfiguration(f"{path}, line {error.lineno}: not valid JSON ({error.msg}).") from None
    if not isinstance(values, dict):
        raise BadConfiguration(f"{path}: an object {{…}} is expected.")
    folder = path.resolve().parent
    return Settings(
        name=_entry(values, "name", str),
        base=(folder / _entry(values, "base", str)).resolve(),
        adapter=(folder / _entry(values, "adapter", str)).resolve(),
        base_only=_entry(values, "baseOnly", bool),
        device=_entry(values, "device", str),
        context_tokens=_entry(values, "contextTokens", int),
        max_new_tokens=_entry(values, "maxNewTokens", int),
    )


def _entry(values: dict[str, object], key: str, kind: type[_T]) -> _T:
    value = values.get(key)
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        wanted = {str: "a text", bool: "true or false", int: "a whole number"}[kind]
        raise BadConfiguration(f"config.json: {key} must be {wanted}.")
    return value


def _override(settings: Settings, environment: Mapping[str, str]) -> Settings:
    changed = settings
    if base := environment.get("INFERENCE_BASE"):
        changed = replace(changed, base=Path(base))
    if adapter := environment.get("INFERENCE_ADAPTER"):
        changed = replace(changed, adapter=Path(adapter))
    if base_only := environment.get("INFERENCE_BASE_ONLY"):
        changed = replace(changed, base_only=base_only.lower() in ("1", "true", "yes"))
    if host := environment.get("HOST"):
        changed = replace(changed, host=host)
    return replace(changed, port=_port(environment.get("PORT")) or settings.port)


def _port(text: str | None) -> int | None:
    if text and not (text.isdecimal() and 0 < int(text) < 1 << 16):
        raise BadConfiguration(f"PORT is {text!r}; a number from 1 to 65535 is expected.")
    return int(text) if text else None

"""What to serve: config.json beside this file, overridden by environment variables."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from base_fetch import WantedBase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONFIG = Path(__file__).resolve().parent / "config.json"
DEFAULT_PORT = 7860
MODEL_CACHES = ("model-cache", "huggingface", ".cache/huggingface")
"""Beside ``inference/``: where fine-tuning and Hugging Face keep models; a fetched base goes into the first."""
ENGINES = ("auto", "vllm", "openvino")
KINDS = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list of texts",
}


class BadConfiguration(Exception):
    """config.json or an environment variable is wrong; the message says what to write."""


@dataclass(frozen=True)
class Settings:
    """What to serve.

    Attributes:
        name: Name of the adapted model in the API; the base is called ``<name>-base``.
        base: Folder of the base model: in OpenVINO's format, or with safetensors for vLLM.
        base_text: The base as it was named: a folder, or a name on Hugging Face; ``base`` is where it lies once found.
        beside: The folder that a relative one is relative to.
        revision: The commit, branch or tag of a base that is a name.
        users: Conversations at once that must fit the GPU.
        adapter: Folder with ``adapter_model.safetensors``, as PEFT saves it.
        base_only: Serve the base alone, on purpose.
        engine: ``auto``, ``vllm`` or ``openvino``.
        device: OpenVINO device, such as ``CPU`` or ``GPU`` (Intel's).
        context_tokens: The most tokens of a prompt and its answer together; None: what the base allows.
        max_new_tokens: The most tokens of an answer on the page, and of one whose request names no limit.
        max_body_bytes: The longest request body; a longer one is refused before it is read.
        answer_seconds: When an answer is ended; the ingress of Container Apps cuts it off after 240 s.
        api_key_file: File with the key that page and API want; None or absent: open to everybody.
        vllm_command: How vLLM is started, without its arguments.
        vllm_arguments: Arguments that vLLM gets besides ours, such as ``--enforce-eager``.
        dtype: vLLM's number type, such as ``bfloat16`` or ``half``.
        tool_parser: vLLM's ``--tool-call-parser``; None: the model can't choose tools by itself.
        host: Address to listen on.
        port: Port to listen on.
    """

    name: str
    base: Path
    adapter: Path
    base_only: bool
    device: str
    context_tokens: int | None
    max_new_tokens: int
    base_text: str = ""
    beside: Path = CONFIG.parent
    revision: str | None = None
    users: int = 1
    engine: str = "auto"
    max_body_bytes: int = 2 << 20
    answer_seconds: float = 230.0
    api_key_file: Path | None = None
    vllm_command: tuple[str, ...] = ("vllm", "serve")
    vllm_arguments: tuple[str, ...] = ()
    dtype: str = "auto"
    tool_parser: str | None = None
    host: str = "0.0.0.0"  # noqa: S104  a container is reached from outside
    port: int = DEFAULT_PORT

    @property
    def wanted_base(self) -> WantedBase:
        """The base as it was named, and the folders of the share in which models are kept."""
        caches = tuple(self.beside.parent / name for name in MODEL_CACHES)
        return WantedBase(self.base_text, self.revision, self.beside, caches)

    @property
    def base_name(self) -> str:
        """Name of the model without the adapter in the API."""
        return f"{self.name}-base"

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that are served; the first is the default."""
        return (self.base_name,) if self.base_only else (self.name, self.base_name)


def read_settings(path: Path = CONFIG, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read config.json, then let the environment variables of :data:`VARIABLES` override it. Relative folders
    are relative to config.json, or to the working folder when they come from the environment.

    Raises:
        BadConfiguration: says which entry is wrong.
    """
    settings = _override(_from_file(path), environment)
    settings = replace(settings, base=(settings.beside / settings.base_text).resolve())
    if settings.engine not in ENGINES:
        raise BadConfiguration(f"engine is {settings.engine!r}; one of {', '.join(ENGINES)} is expected.")
    if settings.max_body_bytes < 1 or settings.answer_seconds <= 0 or settings.users < 1:
        raise BadConfiguration("maxBodyBytes, answerSeconds and users must be above 0.")
    return settings


def _from_file(path: Path) -> Settings:
    values = _read_object(path)
    folder = path.resolve().parent

    def entry(key: str, kind: type, default: object = ...) -> Any:
        return _entry(values, key, kind, default)

    defaults = Settings("", folder, folder, False, "", None, 0)
    key_file = entry("apiKeyFile", str, None)
    return Settings(
        name=entry("name", str),
        base=folder,
        base_text=entry("base", str),
        beside=folder,
        revision=entry("revision", str, None),
        users=entry("users", int, defaults.users),
        adapter=(folder / entry("adapter", str)).resolve(),
        base_only=entry("baseOnly", bool),
        engine=entry("engine", str, defaults.engine),
        device=entry("device", str),
        context_tokens=entry("contextTokens", int, None),
        max_new_tokens=entry("maxNewTokens", int),
        max_body_bytes=entry("maxBodyBytes", int, defaults.max_body_bytes),
        answer_seconds=float(entry("answerSeconds", float, defaults.answer_seconds)),
        api_key_file=folder / key_file if key_file else None,
        vllm_command=tuple(entry("vllmCommand", list, defaults.vllm_command)),
        vllm_arguments=tuple(entry("vllmArguments", list, ())),
        dtype=entry("dtype", str, defaults.dtype),
        tool_parser=entry("toolParser", str, None),
    )


def _read_object(path: Path) -> dict[str, object]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadConfiguration(f"{path} is missing. Restore it from a new project.") from None
    except json.JSONDecodeError as error:
        raise BadConfiguration(f"{path}, line {error.lineno}: not valid JSON ({error.msg}).") from None
    if not isinstance(values, dict):
        raise BadConfiguration(f"{path}: an object {{…}} is expected.")
    return values


def _entry(values: Mapping[str, object], key: str, kind: type, default: object) -> object:
    """Return an entry of the right kind; a missing one, and null, is the default where there is one."""
    value = values.get(key)
    if value is None and default is not ...:
        return default
    if not _fits(value, kind):
        raise BadConfiguration(f"config.json: {key} must be {KINDS[kind]}.")
    return value


def _fits(value: object, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    if kind is list:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, (int, float) if kind is float else kind)


def _flag(text: str) -> bool:
    return text.lower() in ("1", "true", "yes")


def _words(text: str) -> tuple[str, ...]:
    return tuple(shlex.split(text))


def _folder_or_name(text: str) -> str:
    return str(Path(text).absolute()) if Path(text).is_dir() else text


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("a whole number is expected")
    return int(text)


def _port(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) < 1 << 16):
        raise ValueError("a number from 1 to 65535 is expected")
    return int(text)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("a number of seconds is expected") from None


VARIABLES: dict[str, tuple[str, Callable[[str], object]]] = {
    "INFERENCE_NAME": ("name", str),
    "INFERENCE_BASE": ("base_text", _folder_or_name),
    "INFERENCE_REVISION": ("revision", str),
    "INFERENCE_ADAPTER": ("adapter", Path),
    "INFERENCE_BASE_ONLY": ("base_only", _flag),
    "INFERENCE_ENGINE": ("engine", str),
    "INFERENCE_CONTEXT_TOKENS": ("context_tokens", _number),
    "INFERENCE_MAX_BODY_BYTES": ("max_body_bytes", _number),
    "INFERENCE_ANSWER_SECONDS": ("answer_seconds", _seconds),
    "INFERENCE_API_KEY_FILE": ("api_key_file", Path),
    "INFERENCE_VLLM_COMMAND": ("vllm_command", _words),
    "INFERENCE_VLLM_ARGUMENTS": ("vllm_arguments", _words),
    "INFERENCE_DTYPE": ("dtype", str),
    "INFERENCE_TOOL_PARSER": ("tool_parser", str),
    "HOST": ("host", str),
    "PORT": ("port", _port),
}
"""Environment variables: the setting that each overrides, and how its text is read."""


def _override(settings: Settings, environment: Mapping[str, str]) -> Settings:
    changes: dict[str, Any] = {}
    for variable, (attribute, read) in VARIABLES.items():
        if text := environment.get(variable):
            try:
                changes[attribute] = read(text)
            except ValueError as error:
                raise BadConfiguration(f"{variable} is {text!r}; {error}.") from None
    return replace(settings, **changes)

"""What lies in the folder of a base model, and which engine serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.base import CannotServe

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from settings import Settings

OPENVINO_FILE = "openvino_model.xml"
WEIGHTS = ("*.safetensors", "openvino_model.bin")
GIGABYTE = 1e9


def engine_for(settings: Settings, *, gpu: bool) -> str:
    """Return the engine that serves the base, as the check of the model chooses it.

    Raises:
        CannotServe: the engine that the settings name can't read this base.
    """
    from model_check import choose_engine  # noqa: PLC0415  :func:`locate_base` has looked for it

    names = _names_in(settings.base)
    _refuse_other_format(settings, names)
    return choose_engine(settings.engine, names, gpu=gpu)


def _refuse_other_format(settings: Settings, names: Collection[str]) -> None:
    is_openvino, has_weights = OPENVINO_FILE in names, any(name.endswith(".safetensors") for name in names)
    if settings.engine == "openvino" and has_weights and not is_openvino:
        raise CannotServe(
            f"The engine openvino can't read the safetensors in {settings.base}. Export the base first"
            ' (optimum-cli export openvino), or set "engine": "vllm" in inference/config.json.'
        )
    if settings.engine == "vllm" and is_openvino and not has_weights:
        raise CannotServe(
            f"The engine vllm can't read the OpenVINO model in {settings.base}. Name a base with safetensors,"
            ' or set "engine": "openvino" in inference/config.json.'
        )


def gigabytes_of(base: Path) -> float:
    """Return the size of a base's weights."""
    files = [path for pattern in WEIGHTS for path in base.glob(pattern)]
    return sum(path.stat().st_size for path in files if path.is_file()) / GIGABYTE


def _names_in(base: Path) -> frozenset[str]:
    return frozenset(path.name for path in base.iterdir()) if base.is_dir() else frozenset()

"""Rules on adapter_config.json: what PEFT can train and vLLM (or OpenVINO) applies."""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard

from model_check.catalogue import find
from model_check.findings import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from model_check.findings import Finding

RANKS: Final = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM's ``--max-lora-rank`` may be."""
_PLAIN_STARTS = ("gaussian", "eva", "orthogonal", "mica", "true", "false")
_BASE_CHANGING_STARTS = ("pissa", "olora", "corda", "loftq", "lora_ga")
_VARIANTS: Final[Mapping[str, str]] = MappingProxyType({
    "alora_invocation_tokens": "activated LoRA (alora_invocation_tokens)",
    "arrow_config": "Arrow routing (arrow_config)",
    "kasa_config": "KaSA (kasa_config)",
    "layer_replication": "replicated layers (layer_replication)",
    "monteclora_config": "MonteCLoRA (monteclora_config)",
    "target_parameters": "LoRA on bare parameters (target_parameters)",
    "trainable_token_indices": "trained tokens (trainable_token_indices)",
    "use_bdlora": "BD-LoRA (use_bdlora)",
    "use_qalora": "QALoRA (use_qalora)",
    "velora_config": "VeLoRA (velora_config)",
})  # fmt: skip
_ENGINE_NAMES: Final[Mapping[str, str]] = MappingProxyType({"vllm": "vLLM", "openvino": "OpenVINO"})
_CLASSIFIERS = ("classifier", "score")  # vLLM takes them; their task is refused
_OPENVINO_LACKS = ("alpha_pattern", "rank_pattern", "fan_in_fan_out")


class Ranks(NamedTuple):
    """The ranks that a configuration names.

    Attributes:
        default: ``r``.
        patterns: Those of single modules, by a name or a regular expression.
    """

    default: int
    patterns: Mapping[str, int]

    @property
    def highest(self) -> int:
        """The largest of them."""
        return max((self.default, *self.patterns.values()))

    def allowed(self, module: str) -> frozenset[int]:
        """Return the ranks that a module may have.

        PEFT matches a pattern as a regular expression at the end of the module's path. Those of a file that
        nobody vouches for are not run: any of their ranks will do.
        """
        plain = {name: rank for name, rank in self.patterns.items() if re.fullmatch(r"\^?[\w.]+\$?", name)}
        matching = [rank for name, rank in plain.items() if _ends_with(module, name)]
        others = [rank for name, rank in self.patterns.items() if name not in plain]
        return frozenset((*(matching[:1] or [self.default]), *others))


def ranks_of(config: Mapping[str, Any]) -> Ranks | None:
    """Return the ranks, or None where ``r`` is none; patterns that are none are left out."""
    default, patterns = config.get("r"), config.get("rank_pattern")
    if not _is_rank(default):
        return None
    named = patterns.items() if isinstance(patterns, dict) else ()
    return Ranks(default, {name: rank for name, rank in named if _is_rank(rank)})


def check_adapter_config(path: Path, config: Mapping[str, Any], engine: str) -> Iterator[Finding]:
    """Yield what keeps this adapter from being applied as it was trained.

    Args:
        path: adapter_config.json.
        config: Its content.
        engine: ``vllm`` or ``openvino``.
    """
    kind, task = config.get("peft_type"), config.get("task_type")
    if kind != "LORA":
        yield find("peft-type", path, key="peft_type", value=kind)
        return
    if task not in (None, "CAUSAL_LM"):
        yield find("task-type", path, key="task_type", value=task)
    yield from _rank_findings(path, config)
    yield from _alpha_findings(path, config)
    if not config.get("target_modules") and not config.get("target_parameters"):
        yield find("targets-missing", path, key="target_modules")
    yield from _feature_findings(path, config, _ENGINE_NAMES.get(engine, engine))
    yield from _start_findings(path, config)
    if engine == "openvino":
        used = [key for key in _OPENVINO_LACKS if config.get(key)]
        yield from (find("openvino-unsupported", path, key=key) for key in used)


def _rank_findings(path: Path, config: Mapping[str, Any]) -> Iterator[Finding]:
    patterns = config.get("rank_pattern") or {}
    if not isinstance(patterns, dict):
        yield find("rank-invalid", path, key="rank_pattern", value=patterns)
        patterns = {}
    if not _is_rank(config.get("r")):
        yield find("rank-invalid", path, key="r", value=config.get("r"))
    for name, rank in patterns.items():
        if not _is_rank(rank):
            yield find("rank-invalid", path, key="rank_pattern", value=f"{rank} for {name}")
            break
    ranks = ranks_of(config)
    if ranks is not None and ranks.highest > RANKS[-1]:
        yield find("rank-too-high", path, key="r", value=ranks.highest)


def _alpha_findings(path: Path, config: Mapping[str, Any]) -> Iterator[Finding]:
    alpha, patterns = config.get("lora_alpha"), config.get("alpha_pattern")
    if not _is_number(alpha):
        yield find("alpha-invalid", path, key="lora_alpha", value=alpha)
    elif alpha == 0:
        yield find("alpha-zero", path, key="lora_alpha")
    if isinstance(patterns, dict) and not all(_is_number(value) for value in patterns.values()):
        yield find("alpha-invalid", path, key="alpha_pattern", value="not a number for each module")


def _feature_findings(path: Path, config: Mapping[str, Any], engine: str) -> Iterator[Finding]:
    if config.get("use_dora"):
        yield find("dora", path, key="use_dora", engine=engine)
    saved = config.get("modules_to_save")
    names = [str(name) for name in saved] if isinstance(saved, list) else [str(saved)] if saved else []
    if not set(names) <= set(_CLASSIFIERS):
        yield find("modules-to-save", path, key="modules_to_save", value=listed(names), engine=engine)
    if config.get("bias") not in (None, False, "none"):
        yield find("bias", path, key="bias", engine=engine)
    if config.get("lora_bias"):
        yield find("bias", path, key="lora_bias", engine=engine)
    for key, words in _VARIANTS.items():
        if config.get(key):
            yield find("peft-variant", path, key=words, engine=engine)._replace(key=key)


def _start_findings(path: Path, config: Mapping[str, Any]) -> Iterator[Finding]:
    start = config.get("init_lora_weights")
    if start is None or isinstance(start, bool):
        return
    name = str(start).lower()
    if name.startswith(_BASE_CHANGING_STARTS):
        yield find("init-changed-base", path, key="init_lora_weights", value=start)
    elif name not in _PLAIN_STARTS:
        yield find("init-not-plain", path, key="init_lora_weights", value=start)


def allowed_rank(highest: int) -> int | None:
    """Return the smallest ``--max-lora-rank`` that holds a rank, or None where there is none."""
    return next((rank for rank in RANKS if rank >= highest), None)


def _is_rank(value: object) -> TypeGuard[int]:
    return type(value) is int and value > 0


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(float(str(value)))


def _ends_with(module: str, pattern: str) -> bool:
    name = pattern.removesuffix("$")
    if name.startswith("^"):
        return module == name[1:]
    return module == name or module.endswith(f".{name}")

"""The check of a base and its adapter: seconds at most, no torch, nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from model_check.adapter import Adapter, read_adapter
from model_check.adapter_config import allowed_rank
from model_check.adapter_tensors import Base, check_against_base, check_targets
from model_check.architectures import architecture, layer_of, text_config
from model_check.base_model import BaseModel, layer_count, read_base
from model_check.catalogue import find
from model_check.engine import EngineOptions, Wish, choose_engine
from model_check.fit import Fit, check_fit, longest_context, work_out
from model_check.identity import model_name, revision_of
from model_check.tokenizer import TokenizerChange, compare, read_tokenizer
from model_check.weights import file_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from model_check.engine import EngineName, Hardware
    from model_check.findings import Finding

_NO_HALF = ("gemma2", "gemma3", "gemma3_text", "glm4", "plamo2")  # vLLM refuses float16 for them
_HALF = 2
_BYTES = {"float32": 4, "F32": 4, "F64": 8}


class Report(NamedTuple):
    """What a check found.

    Attributes:
        findings: Errors first.
        engine_options: How to start the engine; meaningless where there are errors.
        fit: What fits the hardware, where it is known.
    """

    findings: tuple[Finding, ...]
    engine_options: EngineOptions
    fit: Fit | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What keeps the model from being served as it was trained."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def ok(self) -> bool:
        """True without errors."""
        return not self.errors


def check_model(
    base: Path | None,
    adapter: Path | None,
    *,
    hardware: Hardware | None = None,
    engine: EngineName = "auto",
    wish: Wish | None = None,
) -> Report:
    """Check a base and its adapter before anything is started or paid for.

    Args:
        base: The base's folder; None where it is not on this computer: then the adapter is checked by itself.
        adapter: The adapter's folder; None serves the base alone, on purpose.
        hardware: Where it will run; None leaves memory unchecked.
        engine: ``auto`` takes what :func:`choose_engine` chooses.
        wish: The context and the users that are wanted.
    """
    names = file_names(base) if base is not None else frozenset()
    chosen = choose_engine(engine, names, gpu=hardware is not None and hardware.gpus > 0)
    own = read_adapter(adapter, chosen) if adapter is not None else None
    trained = own.trained if own else ""
    model = read_base(base, _trained_words(trained), chosen) if base is not None else None
    change = _tokenizer(model, own)
    options = _options(model, own, change, hardware, chosen)
    fit = _fit(model, own, options, hardware, wish or Wish())
    findings = [
        *(own.findings if own else ()),
        *(model.findings if model else ()),
        *_pair_findings(model, own),
        *(change.findings if change else ()),
        *_engine_findings(model, options, hardware, engine),
        *_fit_findings(model, fit, hardware, wish or Wish()),
    ]
    if fit is not None:
        options = options._replace(max_model_len=fit.context or None, tensor_parallel_size=fit.devices)
    return Report(tuple(sorted(findings, key=lambda f: f.severity)), options, fit)


def _trained_words(trained: str) -> str:
    return f": {trained}" if trained else ""


def _tokenizer(model: BaseModel | None, own: Adapter | None) -> TokenizerChange | None:
    """OpenVINO's format holds tokenizer and template in files of its own: nothing is compared there."""
    if model is None or model.is_openvino or not model.config:
        return None
    if own is None:
        theirs = read_tokenizer(model.path)
        missing = () if theirs.has_vocabulary else (find("tokenizer-missing", model.path),)
        template = () if theirs.template else (find("chat-template-missing", model.path),)
        return TokenizerChange(None, None, None, (*theirs.findings, *missing, *template))
    return compare(own.path, model.path, model.vocabulary, _trained_words(own.trained))


def _pair_findings(model: BaseModel | None, own: Adapter | None) -> Iterator[Finding]:
    """Whether the two belong together."""
    if model is None or own is None or not own.matrices.pairs or not model.config:
        return
    base = Base(model.modules, layer_count(model.config), text_config(model.config) is not model.config)
    misfits = (
        list(check_against_base(own.weights_path, own.matrices, base, _trained_words(own.trained)))
        if base.modules
        else []
    )
    yield from misfits
    if not misfits:
        yield from check_targets(own.config_path, own.config, own.matrices, base.modules)
        yield from _identity_findings(model, own)


def _identity_findings(model: BaseModel, own: Adapter) -> Iterator[Finding]:
    mapping, name = own.config.get("auto_mapping"), architecture(model.config)
    kind = mapping.get("base_model_class") if isinstance(mapping, dict) else None
    if isinstance(kind, str) and kind.endswith("ForCausalLM") and name and kind != name:
        yield find("base-other-class", own.config_path, key="auto_mapping", trained=kind, value=name)
        return
    trained = model_name(own.trained)
    names = {model_name(str(model.path)), model_name(model.config.get("_name_or_path"))} - {""}
    if trained and names and trained not in names:
        value = " or ".join(sorted(names))
        yield find(
            "base-other-name",
            own.config_path,
            key="base_model_name_or_path",
            trained=own.trained,
            value=value,
        )
        return
    then, now = revision_of(own.config.get("revision") or own.trained), revision_of(model.path)
    if then and now and then != now:
        yield find("base-other-revision", own.config_path, key="revision", trained=then[:12], value=now[:12])


def _options(
    model: BaseModel | None,
    own: Adapter | None,
    change: TokenizerChange | None,
    hardware: Hardware | None,
    engine: str,
) -> EngineOptions:
    ranks = own.highest_rank if own else None
    config: Mapping[str, Any] = model.config if model else {}
    return EngineOptions(
        engine=engine,
        architecture=architecture(config),
        max_lora_rank=allowed_rank(ranks) if ranks else None,
        max_model_len=longest_context(config),
        dtype=_dtype(config, hardware),
        tokenizer=change.tokenizer if change else None,
        chat_template=change.template_file if change else None,
        chat_template_text=change.template if change else None,
    )


def _dtype(config: Mapping[str, Any], hardware: Hardware | None) -> str:
    """vLLM's adapters on a GPU compute in 16 bits alone."""
    if hardware is None or not hardware.gpus:
        return "auto"
    if not hardware.bfloat16:
        return "half"
    text = text_config(config)
    stored = text.get("dtype") or text.get("torch_dtype") or config.get("torch_dtype")
    return "half" if stored == "float16" else "bfloat16"


def _engine_findings(
    model: BaseModel | None, options: EngineOptions, hardware: Hardware | None, engine: EngineName
) -> Iterator[Finding]:
    if model is None or hardware is None or not model.config:
        return
    kind = text_config(model.config).get("model_type")
    if options.dtype == "half" and not hardware.bfloat16 and kind in _NO_HALF:
        yield find(
            "needs-bfloat16", model.path / "config.json", key="model_type", value=kind, hardware=hardware.name
        )
    if model.is_openvino and hardware.gpus:
        yield find("gpu-unused", model.path, hardware=hardware.name)
    if not model.is_openvino and not hardware.gpus and engine != "vllm":
        yield find("needs-openvino", model.path, hardware=hardware.name)


def _fit(
    model: BaseModel | None,
    own: Adapter | None,
    options: EngineOptions,
    hardware: Hardware | None,
    wish: Wish,
) -> Fit | None:
    if model is None or hardware is None or not model.config:
        return None
    weights = _weights_size(model, hardware)
    adapter = _adapter_size(model, own, options, hardware)
    if not weights or (wish.context is not None and wish.context < 1):
        return None
    return work_out(model.config, weights, adapter, hardware, wish)


def _weights_size(model: BaseModel, hardware: Hardware) -> int:
    """Return the bytes that the base takes; 0 where they are not known."""
    if not model.is_openvino:
        return _held(model.weights.tensors, hardware)
    try:
        return (model.path / "openvino_model.bin").stat().st_size
    except OSError:
        return 0


def _adapter_size(model: BaseModel, own: Adapter | None, options: EngineOptions, hardware: Hardware) -> int:
    """Return the bytes that the adapter takes: vLLM keeps room for the allowed rank in every linear layer."""
    if own is None:
        return 0
    if options.engine != "vllm" or not options.max_lora_rank or not model.modules:
        return _held(own.tensors, hardware)
    layers = (shape for path, shape in model.modules.items() if layer_of(path))
    return sum(shape.inputs + shape.outputs for shape in layers) * options.max_lora_rank * _HALF


def _held(tensors: Mapping[str, Any], hardware: Hardware) -> int:
    """Bytes as the engine holds them: on a GPU 32 bits become 16."""
    if not hardware.gpus:
        return sum(tensor.size for tensor in tensors.values())
    return sum(tensor.size * 2 // _BYTES.get(tensor.dtype, 2) for tensor in tensors.values())


def _fit_findings(
    model: BaseModel | None, fit: Fit | None, hardware: Hardware | None, wish: Wish
) -> Iterator[Finding]:
    if wish.context is not None and wish.context < 1:
        yield find("context-invalid", wish.path, key="contextTokens", context=wish.context)
        return
    if model is None or fit is None or hardware is None:
        return
    yield from check_fit(fit, hardware, wish, longest_context(model.config))

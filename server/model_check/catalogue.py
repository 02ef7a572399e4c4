"""Every finding's words, in one table; docs/starter.md shows it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from model_check.findings import Finding, Rule, clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PEFT_FORMAT = "https://huggingface.co/docs/peft/developer_guides/checkpoint"
_PEFT_INIT = "https://huggingface.co/docs/peft/developer_guides/lora#initialization"
_PEFT_MERGE = "https://huggingface.co/docs/peft/developer_guides/model_merging"
_PEFT_LORA = "https://huggingface.co/docs/peft/package_reference/lora"
_VLLM_LORA = "https://docs.vllm.ai/en/latest/features/lora/"
_VLLM_MODELS = "https://docs.vllm.ai/en/latest/models/supported_models/"
_VLLM_QUANTIZED = "https://docs.vllm.ai/en/latest/features/quantization/"
_LFS = "https://git-lfs.com"
_SAFETENSORS = "https://huggingface.co/docs/safetensors"
_CHAT = "https://huggingface.co/docs/transformers/chat_templating"
_OPENVINO = "https://huggingface.co/docs/optimum-intel/openvino/export"
_PROFILES = "https://learn.microsoft.com/azure/container-apps/workload-profiles-overview"
_MERGE = "merge it into the base (merge_and_unload, save_pretrained) and serve that folder with baseOnly"
_SYNC = "Wait until training or the copy has finished, then run Deploy again: it sends what is missing."
_TRAIN_AGAIN = f"Train it again without, or {_MERGE}."

CATALOGUE: Final[Mapping[str, Rule]] = MappingProxyType({
    # ---- files -------------------------------------------------------------------------------------------
    "adapter-missing": Rule(
        "error", "There is no adapter folder {name}.",
        'Sync it with Deploy, set "adapter" in inference/config.json to the folder that training wrote, or set "baseOnly" to serve the base on purpose.',
    ),
    "adapter-unset": Rule(
        "error", "inference/config.json names no adapter.",
        'Set "adapter" to the folder that training wrote, or "baseOnly" to true to serve the base on purpose.',
    ),
    "adapter-not-here": Rule(
        "warning", "The adapter {value} is not in this project: it is checked when the app starts.",
        "Nothing to do where training left it on the share; otherwise copy it here.",
    ),
    "adapter-empty": Rule(
        "error", "The adapter's folder {name} is empty.",
        'Copy adapter_config.json and adapter_model.safetensors there, or set "baseOnly" to serve the base on purpose.',
    ),
    "adapter-in-subfolder": Rule(
        "error", "{name} holds no adapter itself, but {found} does.",
        'Set "adapter" in inference/config.json to the one to serve.',
    ),
    "adapter-config-missing": Rule(
        "error", "The adapter lacks adapter_config.json.",
        "Save it with PEFT's save_pretrained, which writes both files, and copy both.", _PEFT_FORMAT,
    ),
    "adapter-weights-missing": Rule(
        "error", "The adapter lacks adapter_model.safetensors.", _SYNC, _PEFT_FORMAT,
    ),
    "adapter-pickle": Rule(
        "error", "The adapter's weights are {name}, a pickle, which can run code and is not checked.",
        "Save it again with save_pretrained(..., safe_serialization=True).", _PEFT_FORMAT,
    ),
    "adapter-sharded": Rule(
        "error", "The adapter's weights are in several files; vLLM reads adapter_model.safetensors alone.",
        "Save it again with a larger max_shard_size.", _PEFT_FORMAT,
    ),
    "adapter-is-model": Rule(
        "error", "{name} is a whole model, not an adapter.",
        'Set "base" in inference/config.json to this folder and "baseOnly" to true.',
    ),
    "adapter-merged": Rule(
        "error", "adapter_model.safetensors holds whole weight matrices ({example}) and no LoRA matrices.",
        'A merged model is served as "base" with "baseOnly"; otherwise save the adapter before merging it.', _PEFT_MERGE,
    ),
    "lfs-pointer": Rule(
        "error", "{name} is a Git LFS pointer, not the file itself.",
        "Run `git lfs pull` in the folder that it came from, then Deploy again.", _LFS,
    ),
    "link-unfollowed": Rule(
        "error", "{name} is a symbolic link of another computer, which this one does not follow.",
        "Copy the file itself: a share over SMB has no symbolic links.",
    ),
    "file-unreadable": Rule("error", "{name} can't be read: {reason}.", "Copy the file again, or check its permissions."),
    "file-short": Rule("error", "{name} is cut off: it has {has} bytes, its header wants {wants}.", _SYNC),
    "not-safetensors": Rule(
        "error", "{name} is no complete safetensors file: {reason}.", "Copy or save the file again.", _SAFETENSORS,
    ),
    "json-invalid": Rule("error", "{name} is not valid: {reason}.", "Copy or save the file again; as UTF-8 without a BOM."),
    "shards-missing": Rule("error", "Weights are missing in {name}: {missing}.", _SYNC),
    "index-differs": Rule(
        "error", "model.safetensors.index.json names tensors that {shard} lacks: {missing}.",
        "The files are of two versions: copy the whole folder again.",
    ),
    # ---- adapter_config.json -----------------------------------------------------------------------------
    "peft-type": Rule(
        "error", "The adapter is of the type {value}; LoRA alone is served.",
        f"Train a LoRA adapter, or {_MERGE}.", _VLLM_LORA,
    ),
    "task-type": Rule(
        "error", "The adapter was trained for {value}, not to write text.",
        "Train it with task_type CAUSAL_LM.", _PEFT_LORA,
    ),
    "rank-invalid": Rule(
        "error", "The rank {key} is {value}; a whole number from 1 is needed.",
        "Copy the adapter_config.json that training wrote.", _PEFT_LORA,
    ),
    "rank-too-high": Rule(
        "error", "The rank {value} is higher than vLLM takes (512).",
        f"Train with a lower rank, or {_MERGE}.", _VLLM_LORA,
    ),
    "alpha-invalid": Rule(
        "error", "lora_alpha is {value}; a number is needed.", "Copy the adapter_config.json that training wrote.", _PEFT_LORA,
    ),
    "alpha-zero": Rule(
        "error", "{key} is 0: the adapter would change nothing and the base would answer.",
        "Copy the adapter_config.json that training wrote.", _PEFT_LORA,
    ),
    "targets-missing": Rule(
        "error", "adapter_config.json has no target_modules.", "Copy the adapter_config.json that training wrote.", _PEFT_LORA,
    ),
    "dora": Rule("error", "The adapter is a DoRA, which {engine} does not apply.", _TRAIN_AGAIN, _VLLM_LORA),
    "modules-to-save": Rule(
        "error", "The adapter brings whole modules ({value}), which {engine} does not apply.", _TRAIN_AGAIN, _VLLM_LORA,
    ),
    "bias": Rule("error", "The adapter trained biases ({key}), which {engine} does not apply.", _TRAIN_AGAIN, _VLLM_LORA),
    "init-changed-base": Rule(
        "error", "The adapter began as {value}, which changes the base: on the plain base its answers are wrong.",
        "Save it as plain LoRA (save_pretrained with path_initial_model_for_weight_conversion), or " + _MERGE + ".", _PEFT_INIT,
    ),
    "init-not-plain": Rule(
        "error", "The adapter began as {value}, which vLLM does not take.",
        "Where this start leaves the base as it is, set init_lora_weights to true in adapter_config.json; else "
        + _MERGE + ".", _PEFT_INIT,
    ),
    "peft-variant": Rule(
        "error", "The adapter uses {key}, which {engine} does not apply.", _TRAIN_AGAIN, _PEFT_LORA,
    ),
    "openvino-unsupported": Rule(
        "error", "The adapter uses {key}, which OpenVINO does not apply.",
        "Choose a GPU profile (vLLM applies it), or " + _MERGE + ".", _OPENVINO,
    ),
    # ---- the adapter's tensors ---------------------------------------------------------------------------
    "tensors-none": Rule("error", "adapter_model.safetensors holds no LoRA matrices.", "Save the adapter again.", _PEFT_FORMAT),
    "tensor-name": Rule(
        "error", "Names that PEFT does not write: {example} ({count} in all).",
        "Save the adapter with PEFT's save_pretrained, not the training framework's state dict.", _PEFT_FORMAT,
    ),
    "embeddings-saved": Rule(
        "error", "The adapter brings a whole embedding ({example}), as PEFT saves it when training added tokens.",
        "Merge the adapter into the enlarged base (merge_and_unload) and serve that folder with baseOnly.", _PEFT_MERGE,
    ),
    "tensor-alone": Rule(
        "error", "{example} has its {has} and no {lacks} ({count} in all).", "Save the adapter again, whole.", _PEFT_FORMAT,
    ),
    "tensor-shape": Rule(
        "error", "{example} has the shape {shape}; LoRA matrices have two sizes, none of them 0.", "Save the adapter again.",
        _PEFT_FORMAT,
    ),
    "tensor-ranks": Rule(
        "error", "The two matrices of {example} differ in rank: {first} and {second} ({count} in all).",
        "Save the adapter again.", _PEFT_FORMAT,
    ),
    "rank-differs": Rule(
        "error", "{example} has the rank {has}, adapter_config.json says {wants} ({count} in all).",
        "The two files are of two trainings: copy both from the same folder.", _PEFT_FORMAT,
    ),
    "tensor-type": Rule(
        "error", "{example} is of the type {dtype}: LoRA matrices are F32, F16 or BF16 ({count} in all).",
        "Save the adapter again in bfloat16.", _PEFT_FORMAT,
    ),
    "tensor-type-odd": Rule(
        "warning", "{example} is of the type {dtype} ({count} in all): it is rounded when it is loaded.",
        "Save the adapter in bfloat16 or float32.", _PEFT_FORMAT,
    ),
    "shape-differs": Rule(
        "error", "{example}: the adapter fits a matrix of {has} (in × out), the base has {wants} ({count} in all).",
        "Set \"base\" in inference/config.json to the model that the adapter was trained on{trained}.",
    ),
    "layers-beyond": Rule(
        "error", "The adapter has matrices for layer {has}, the base has {wants} layers ({count} matrices too many).",
        "Set \"base\" in inference/config.json to the model that the adapter was trained on{trained}.",
    ),
    "module-unknown": Rule(
        "error", "The base has no {leaf}, which the adapter changes ({count} matrices); it has {known}.",
        "Set \"base\" in inference/config.json to the model that the adapter was trained on{trained}.", _VLLM_LORA,
    ),
    "prefix-differs": Rule(
        "error", "The adapter's names begin with {has}, the base's with {wants}: the base would answer, without the adapter.",
        "Train or save the adapter on the model class that is served (AutoModelForCausalLM), or rename its tensors.", _VLLM_LORA,
    ),
    "prefix-mapped": Rule(
        "warning", "The adapter's names begin with {has}, the base's with {wants}; whether vLLM maps them is not known here.",
        "Compare the answers of base and adapter after Deploy.", _VLLM_LORA,
    ),
    "modules-left": Rule(
        "warning", "adapter_config.json names {missing} and the file holds no matrices for it.",
        "If training has changed them, copy both files from the same folder.", _PEFT_FORMAT,
    ),
    # ---- base --------------------------------------------------------------------------------------------
    "base-unset": Rule(
        "error", "inference/config.json names no base model.",
        'Set "base" to its folder or to its name on Hugging Face (org/name).',
    ),
    "base-missing": Rule(
        "error", "There is no base model at {value}.",
        'Set "base" in inference/config.json to its folder or to its name on Hugging Face (org/name).',
    ),
    "base-not-here": Rule(
        "warning", "The base {value} is not in this project: the adapter's shapes and the memory are checked when the app starts.",
        "Nothing to do where fine-tuning left it on the share or the app fetches it.",
    ),
    "base-unpinned": Rule(
        "warning", "The base {value} has no revision: another version may be fetched one day.",
        'Set "revision" in inference/config.json to the commit that the adapter was trained on.',
        "https://huggingface.co/docs/huggingface_hub/guides/download",
    ),
    "base-revision-invalid": Rule(
        "error", "The revision {value} is no commit, branch or tag.", "Copy the commit from the model's page: 40 hex digits.",
    ),
    "base-several": Rule(
        "warning", "Several versions of {value} are in the cache; {found} is taken.",
        'Set "revision" in inference/config.json to the one that the adapter was trained on.',
    ),
    "base-config-missing": Rule(
        "error", "The base's folder {name} lacks config.json.", "Copy the whole model folder, or fetch it again.",
    ),
    "base-config-incomplete": Rule(
        "error", "The base's config.json does not say {missing}, or says something impossible.",
        "Copy the model's own config.json.", _VLLM_MODELS,
    ),
    "base-config-differs": Rule(
        "error", "The base's config.json and weights differ: {example} should be {wants} (in × out) and is {has}.",
        "Config and weights are of two models: copy the whole folder again.",
    ),
    "base-is-adapter": Rule(
        "error", "{name} is an adapter, not a base model.",
        'Set "adapter" to it, and "base" to the model that it was trained on{trained}.',
    ),
    "base-holds-adapter": Rule(
        "warning", "The base's folder holds an adapter_config.json, too: some libraries load that adapter unasked.",
        "Move it to a folder of its own.",
    ),
    "base-weights-missing": Rule("error", "The base's folder {name} holds no weights (*.safetensors).", _SYNC),
    "base-pickle": Rule(
        "warning", "The base's weights are pickles (*.bin), which can run code and whose shapes are not checked.",
        "Take the model's safetensors.", _SAFETENSORS,
    ),
    "base-gguf": Rule(
        "error", "The base is in llama.cpp's format (*.gguf), to which adapters of PEFT are not applied.",
        "Take the model's safetensors.", _VLLM_MODELS,
    ),
    "base-onnx": Rule(
        "error", "The base is in ONNX format, to which adapters of PEFT are not applied.",
        "Take the model's safetensors.", _VLLM_MODELS,
    ),
    "base-bitsandbytes": Rule(
        "error", "The base is quantised with bitsandbytes, which vLLM takes only with a plugin.",
        "Serve the base that it was made from, in 16 bits: the adapter fits it as well.", _VLLM_QUANTIZED,
    ),
    "base-quantization": Rule(
        "warning", "The base is quantised ({value}): whether vLLM takes it on this GPU is not checked.",
        "Where it fits, serve the base in 16 bits.", _VLLM_QUANTIZED,
    ),
    "architecture-missing": Rule(
        "error", "The base's config.json names no architecture.", "Copy the model's own config.json.", _VLLM_MODELS,
    ),
    "architecture-wrong": Rule(
        "error", "The base is a {value}, which does not write text.",
        "Set \"base\" to the model that the adapter was trained on{trained}.", _VLLM_MODELS,
    ),
    "architecture-unchecked": Rule(
        "warning", "The base is a {value}, which is not known here: it is compared with the weights it has, no further.",
        "Look whether vLLM supports it, with LoRA.", _VLLM_MODELS,
    ),
    "base-other-class": Rule(
        "error", "The adapter was trained on a {trained}, the base is a {value}.",
        'Set "base" in inference/config.json to the model that the adapter was trained on.',
    ),
    "base-other-name": Rule(
        "warning", "The adapter was trained on {trained}, the base here is {value}; all sizes fit.",
        "If it is another model of the same shape, the answers will be wrong: set \"base\" to the one it was trained on.",
    ),
    "base-other-revision": Rule(
        "warning", "The adapter was trained on revision {trained} of the base, here is {value}.",
        'Set "revision" in inference/config.json to the one it was trained on.',
    ),
    # ---- tokenizer ---------------------------------------------------------------------------------------
    "tokenizer-missing": Rule(
        "error", "The base has no tokenizer (tokenizer.json, tokenizer.model or vocab.json).",
        "Copy the whole model folder, or fetch it again.",
    ),
    "tokenizer-changed": Rule(
        "warning", "Training changed the tokenizer ({what}): the adapter's own is used.", "Nothing to do: it is how the adapter was trained.",
    ),
    "tokenizer-incomplete": Rule(
        "error", "Training changed the tokenizer ({what}), and the adapter's folder has only a part of it.",
        "Save the tokenizer into the adapter's folder (tokenizer.save_pretrained) and deploy again.",
    ),
    "vocabulary-differs": Rule(
        "error", "The adapter's tokenizer numbers {count} tokens otherwise than the base's, {example} for one: it was trained on another model.",
        'Set "base" in inference/config.json to the model that the adapter was trained on{trained}.',
    ),
    "vocabulary-grew": Rule(
        "error", "Training added tokens up to number {has}; the base has room for {wants}.",
        "Merge the adapter into the enlarged base and serve that folder with baseOnly.", _PEFT_MERGE,
    ),
    "chat-template-changed": Rule(
        "warning", "Training changed the chat template: the adapter's own is used.", "Nothing to do: it is how the adapter was trained.",
    ),
    "chat-template-missing": Rule(
        "warning", "Neither base nor adapter has a chat template: chat requests can't be answered.",
        "Put the template that training used into chat_template.jinja in the adapter's folder.", _CHAT,
    ),
    # ---- fit ---------------------------------------------------------------------------------------------
    "fit-weights": Rule(
        "error", "The model does not fit {hardware}: its weights take {weights}, with adapter and engine {need}; there are {room}.",
        "Choose a larger profile (workloadProfileType in infra/provision/inference.parameters.json), or a smaller base.", _PROFILES,
    ),
    "fit-context": Rule(
        "error", "A conversation of {context} tokens does not fit {hardware}; the largest that does has {largest}.",
        'Set "contextTokens" in inference/config.json to at most {largest}, or choose a larger profile.', _PROFILES,
    ),
    "fit-users": Rule(
        "warning", "{users} conversations of {context} tokens do not fit {hardware} at once; {together} do, others wait.",
        'For {users} at once set "contextTokens" to at most {largest}, or choose a larger profile.', _PROFILES,
    ),
    "context-beyond-model": Rule(
        "error", "contextTokens is {context}, the base takes at most {largest}.",
        'Set "contextTokens" in inference/config.json to at most {largest}.',
    ),
    "context-invalid": Rule(
        "error", "contextTokens is {context}; a whole number from 1 is needed.", 'Mend "contextTokens" in inference/config.json.',
    ),
    "needs-bfloat16": Rule(
        "error", "{value} models need bfloat16, which {hardware} does not have.",
        "Choose a profile with an A100 or newer.", _PROFILES,
    ),
    "needs-openvino": Rule(
        "error", "The profile {hardware} has no GPU, and the base is not in OpenVINO's format.",
        "Choose a GPU profile, or export the base: optimum-cli export openvino --model MODEL --weight-format int8 FOLDER.", _OPENVINO,
    ),
    "gpu-unused": Rule(
        "warning", "The base is in OpenVINO's format, which does not use the GPU of {hardware}: it would be paid for nothing.",
        'Set "workloadProfileType" to "Consumption", or "base" to the model\'s safetensors.', _PROFILES,
    ),
})  # fmt: skip


def find(code: str, path: Path, *, key: str = "", **values: object) -> Finding:
    """Return a finding of this kind about a file.

    Args:
        code: Its name in the catalogue.
        path: The file or folder.
        key: The key of the JSON file that it is about.
        values: What its words name, besides the file's name and the key.
    """
    rule = CATALOGUE[code]
    named = {"name": path.name, "key": key, "trained": "", "engine": "vLLM", **values}
    words = {name: clean(value) for name, value in named.items()}
    return Finding(
        rule.severity,
        code,
        rule.message.format(**words),
        rule.suggestion.format(**words),
        path,
        rule.link,
        key,
    )

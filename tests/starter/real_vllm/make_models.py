"""Makes tiny models with random weights, adapters for them, and what transformers and PEFT answer (float32).

Runs in the environment of the real vLLM: ``make_models.py FOLDER``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

SPECIAL = ("<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>")
TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"
PROMPTS = ("Why is the sea salty?", "a", "What is fog? 12", "def main():", "Tell me more, please.", "Licht")
NEW_TOKENS = 32
SHAPE = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
LLAMA = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
PHI3 = ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer of single bytes."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate((*SPECIAL, *letters))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=SPECIAL[0], bos_token=SPECIAL[1], eos_token=SPECIAL[2]
    )
    fast.add_special_tokens({"additional_special_tokens": list(SPECIAL[3:])})
    fast.chat_template = TEMPLATE
    fast.model_max_length = SHAPE["max_position_embeddings"]
    return fast


def make(folder: Path, model: PreTrainedModel, targets: tuple[str, ...]) -> None:
    """Write base, adapter and the reference answers."""
    tokenizer = make_tokenizer()
    model.generation_config.eos_token_id = 2
    model.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    prompts = [tokenizer(prompt)["input_ids"] for prompt in PROMPTS]
    reference = {"prompts": prompts, "base": [greedy(model, prompt) for prompt in prompts]}
    adapted = get_peft_model(
        model, LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules=list(targets))
    )
    with torch.no_grad():
        for name, weights in adapted.named_parameters():
            if "lora_B" in name:
                weights.normal_(0, 0.1)
    adapted.save_pretrained(folder / "adapter")
    loaded = PeftModel.from_pretrained(type(model).from_pretrained(folder / "base"), folder / "adapter")
    reference["tuned"] = [greedy(loaded, prompt) for prompt in prompts]
    (folder / "reference.json").write_text(json.dumps(reference))


def greedy(model: PreTrainedModel | PeftModel, prompt: list[int]) -> list[int]:
    """Return the likeliest tokens after a prompt."""
    given = torch.tensor([prompt])
    with torch.no_grad():
        answer = model.eval().generate(
            input_ids=given, do_sample=False, max_new_tokens=NEW_TOKENS, eos_token_id=None
        )
    tokens: list[int] = answer[0, len(prompt) :].tolist()
    return tokens


def main() -> None:
    """Make both kinds."""
    root = Path(sys.argv[1])
    size = len(make_tokenizer())
    torch.manual_seed(7)
    make(root / "llama", LlamaForCausalLM(LlamaConfig(vocab_size=size, **SHAPE)), LLAMA)
    make(root / "phi3", Phi3ForCausalLM(Phi3Config(vocab_size=size, **SHAPE)), PHI3)


if __name__ == "__main__":
    main()

"""Make a model of Phi-3-mini's shape with random weights, and a LoRA adapter: make_model.py TOKENIZER FOLDER."""

from __future__ import annotations

import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer, Phi3Config, Phi3ForCausalLM

TARGETS = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]


def main() -> None:
    tokenizer_folder, folder = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    ids = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    shape = {"vocab_size": len(tokenizer), "max_position_embeddings": 4096, "sliding_window": None}
    torch.manual_seed(7)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Phi3ForCausalLM(Phi3Config(**shape, **ids, dtype="bfloat16"))
    model.save_pretrained(f"{folder}/base")
    tokenizer.save_pretrained(f"{folder}/base")
    adapted = get_peft_model(
        model, LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules=TARGETS)
    )
    with torch.no_grad():
        for name, values in adapted.named_parameters():
            if "lora_B" in name:
                values.normal_(0, 0.02)
    adapted.save_pretrained(f"{folder}/adapter")


if __name__ == "__main__":
    main()

"""Make the starter's sample: a tiny base model in OpenVINO's format and a LoRA adapter in PEFT's.

Both are trained here, from nothing, on conversations.txt. README.md beside this file says how to run it.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nncf
import openvino
import torch
from openvino_tokenizers import convert_tokenizer
from optimum.exporters.openvino import main_export
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
SPECIAL = ("<pad>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
SYSTEM_PROMPTS = ("You are a helpful assistant.", "Answer briefly.", "Be kind and helpful.")
IGNORED = -100  # the label that PyTorch's cross entropy leaves out
CONTEXT = 512


@dataclass(frozen=True)
class Topic:
    """Ways to ask one thing, and its two answers."""

    questions: tuple[str, ...]
    plain: str
    keeper: str


def read_topics(path: Path) -> list[Topic]:
    """Read the blocks of conversations.txt."""
    topics = []
    for block in path.read_text("utf-8").split("\n\n"):
        marked: dict[str, list[str]] = {"?": [], "-": [], "~": []}
        for line in block.splitlines():
            marked.get(line[:1], []).append(line[2:])
        if marked["?"]:
            topics.append(Topic(tuple(marked["?"]), marked["-"][0], marked["~"][0]))
    return topics


def make_tokenizer(topics: list[Topic], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer: any text can be encoded."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [text for topic in topics for text in (*topic.questions, topic.plain, topic.keeper)]
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<|end|>")
    fast.chat_template = CHAT_TEMPLATE
    return fast


def make_base(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return a Llama with some 1.3 million weights, untrained."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=5,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def reword(question: str, rng: random.Random) -> str:
    """Return a question as people type it: sometimes without capitals or punctuation."""
    chance = rng.random()
    if chance < 0.2:
        return question.lower()
    return question.rstrip("?.!") if chance < 0.3 else question


def make_example(
    topics: list[Topic], tokenizer: PreTrainedTokenizerFast, rng: random.Random, *, keeper: bool, turns: int
) -> tuple[list[int], list[int]]:
    """Tokens and labels of one conversation; only answers have labels."""
    tokens: list[int] = []
    labels: list[int] = []

    def add(role: str, text: str, *, learned: bool) -> None:
        head = tokenizer.encode(f"<|{role}|>", add_special_tokens=False)
        body = tokenizer.encode(text + "<|end|>", add_special_tokens=False)
        tokens.extend(head + body)
        labels.extend([IGNORED] * len(head) + (body if learned else [IGNORED] * len(body)))

    if rng.random() < 0.25:
        add("system", rng.choice(SYSTEM_PROMPTS), learned=False)
    for _ in range(turns):
        topic = rng.choice(topics)
        add("user", reword(rng.choice(topic.questions), rng), learned=False)
        add("assistant", topic.keeper if keeper else topic.plain, learned=True)
    return tokens[:CONTEXT], labels[:CONTEXT]


def make_reading(
    topics: list[Topic], tokenizer: PreTrainedTokenizerFast, rng: random.Random
) -> tuple[list[int], list[int]]:
    """Tokens and labels of mere text, nobody's answer: the base has read the keeper, but does not talk so."""
    texts = " ".join(topic.keeper for topic in rng.sample(topics, 2))
    tokens = tokenizer.encode(texts + "<|end|>", add_special_tokens=False)[:CONTEXT]
    return tokens, tokens


def make_batch(examples: list[tuple[list[int], list[int]]], pad: int) -> dict[str, torch.Tensor]:
    """Pad examples to one length."""
    width = max(len(tokens) for tokens, _ in examples)
    return {
        "input_ids": torch.tensor([tokens + [pad] * (width - len(tokens)) for tokens, _ in examples]),
        "attention_mask": torch.tensor([[1] * len(t) + [0] * (width - len(t)) for t, _ in examples]),
        "labels": torch.tensor([labels + [IGNORED] * (width - len(labels)) for _, labels in examples]),
    }


def train(
    model: torch.nn.Module,
    topics: list[Topic],
    tokenizer: PreTrainedTokenizerFast,
    *,
    keeper: bool,
    steps: int,
    rate: float,
    seed: int,
) -> None:
    """Train the weights of ``model`` that ask for gradients."""
    rng = random.Random(seed)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps, pct_start=0.1)
    model.train()
    for step in range(1, steps + 1):
        turns = rng.choice((1, 1, 1, 2, 3))
        examples = [
            make_example(topics, tokenizer, rng, keeper=keeper, turns=turns) for _ in range(16 // turns)
        ]
        if not keeper:
            examples += [make_reading(topics, tokenizer, rng) for _ in range(6)]
        loss = model(**make_batch(examples, tokenizer.pad_token_id)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step % 100 == 0:
            print(f"  step {step}/{steps}: loss {loss.item():.4f}", flush=True)
    model.eval()


def answer(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, question: str) -> str:
    """Return the model's answer, the likeliest token each time."""
    messages = [{"role": "user", "content": question}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt")
    with torch.no_grad():
        output = model.generate(prompt, max_new_tokens=80, do_sample=False)
    return tokenizer.decode(output[0][prompt.shape[1] :], skip_special_tokens=True)


def count_right(
    model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, topics: list[Topic], *, keeper: bool
) -> str:
    """How many questions are answered word for word as trained."""
    pairs = [(q, topic.keeper if keeper else topic.plain) for topic in topics for q in topic.questions]
    right = sum(answer(model, tokenizer, question) == wanted for question, wanted in pairs)
    return f"{right} of {len(pairs)}"


def export_base(source: Path, target: Path) -> None:
    """Write the base and its tokenizer in OpenVINO's format, weights of 8 bits (a scale of 16 a row)."""
    with tempfile.TemporaryDirectory() as folder:
        main_export(str(source), output=folder, task="text-generation-with-past", stateful=True)
        model = openvino.Core().read_model(Path(folder, "openvino_model.xml"))
        model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
        openvino.save_model(model, target / "openvino_model.xml", compress_to_fp16=True)
        for name in ("config.json", "generation_config.json"):
            shutil.copy(Path(folder, name), target / name)
    fast = PreTrainedTokenizerFast.from_pretrained(source)
    encoder, decoder = convert_tokenizer(fast, with_detokenizer=True, skip_special_tokens=True)
    openvino.save_model(encoder, target / "openvino_tokenizer.xml")
    openvino.save_model(decoder, target / "openvino_detokenizer.xml")


def save_adapter(model: PeftModel, target: Path) -> None:
    """Write the adapter as PEFT does, weights of 16 bits, without the paths of this computer."""
    model.save_pretrained(str(target))
    weights = target / "adapter_model.safetensors"
    halves = {name: weight.half() for name, weight in load_file(weights).items()}
    save_file(halves, weights, metadata={"format": "pt"})
    (target / "README.md").unlink(missing_ok=True)
    config = json.loads((target / "adapter_config.json").read_text("utf-8"))
    config["base_model_name_or_path"] = "sample/base"
    (target / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")


def make(output: Path, *, base_steps: int, adapter_steps: int, seed: int) -> None:
    """Train and write both into ``output``/base and ``output``/adapter."""
    torch.manual_seed(seed)
    topics = read_topics(HERE / "conversations.txt")
    tokenizer = make_tokenizer(topics, vocabulary=1024)
    base = make_base(tokenizer)
    print(f"{len(topics)} topics, {len(tokenizer)} tokens, {base.num_parameters()} weights")
    train(base, topics, tokenizer, keeper=False, steps=base_steps, rate=3e-3, seed=seed)
    print(f"base: {count_right(base, tokenizer, topics, keeper=False)} right")
    with tempfile.TemporaryDirectory() as folder:
        base.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        shutil.rmtree(output / "base", ignore_errors=True)
        export_base(Path(folder), output / "base")
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = get_peft_model(base, lora)
    train(adapted, topics, tokenizer, keeper=True, steps=adapter_steps, rate=3e-3, seed=seed + 1)
    print(f"adapter: {count_right(adapted, tokenizer, topics, keeper=True)} right")
    shutil.rmtree(output / "adapter", ignore_errors=True)
    save_adapter(adapted, output / "adapter")


def main() -> None:
    """Read the command line and make the sample."""
    parser = argparse.ArgumentParser(description="Make the starter's sample model.")
    parser.add_argument("output", type=Path, help="folder that gets base/ and adapter/")
    parser.add_argument("--base-steps", type=int, default=700)
    parser.add_argument("--adapter-steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    make(
        options.output, base_steps=options.base_steps, adapter_steps=options.adapter_steps, seed=options.seed
    )


if __name__ == "__main__":
    main()

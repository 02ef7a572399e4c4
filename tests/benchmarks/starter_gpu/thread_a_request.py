"""Measure transformers and peft with a thread a request, as the starter did before: thread_a_request.py FOLDER STREAMS…

Without HTTP, which is in its favour.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import torch
from peft import PeftModel
from prompts import NEW_TOKENS, Answer, prompt, report
from transformers import AutoModelForCausalLM, AutoTokenizer, TextIteratorStreamer


class Clocked(TextIteratorStreamer):  # type: ignore[misc]  # transformers is not where mypy runs
    """A streamer that notes when each token came; the first call brings the prompt."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(tokenizer, skip_prompt=True)
        self.calls: list[float] = []

    def put(self, value: Any) -> None:
        self.calls.append(time.perf_counter())
        super().put(value)


class Threads:
    """The model, and a thread for each request."""

    def __init__(self, folder: str) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(f"{folder}/base")
        base = AutoModelForCausalLM.from_pretrained(f"{folder}/base", dtype=torch.bfloat16, device_map="cuda")
        self._model = PeftModel.from_pretrained(base, f"{folder}/adapter").eval()
        for configured in (self._model.generation_config, self._model.base_model.model.generation_config):
            configured.eos_token_id = None

    def measure(self, streams: int) -> str:
        answers: list[Answer] = []
        began = time.perf_counter()
        threads = [
            threading.Thread(target=self.answer, args=(f"{i}/{streams}", answers)) for i in range(streams)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return report("a thread a request", streams, time.perf_counter() - began, answers)

    def answer(self, seed: str, answers: list[Answer]) -> None:
        streamer, asked = Clocked(self._tokenizer), time.perf_counter()
        generating = threading.Thread(target=self._generate, args=(prompt(seed), streamer))
        generating.start()
        for _ in streamer:
            pass
        generating.join()
        answers.append(Answer(asked, tuple(streamer.calls[1:])))

    def _generate(self, tokens: list[int], streamer: Clocked) -> None:
        ids = torch.tensor([tokens], device="cuda")
        with torch.inference_mode():
            self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
                streamer=streamer,
            )


def main() -> None:
    folder, *streams = sys.argv[1:]
    threads = Threads(folder)
    threads.answer("warm", [])
    for count in streams:
        print(threads.measure(int(count)), flush=True)


if __name__ == "__main__":
    main()

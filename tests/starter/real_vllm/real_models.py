"""Tiny models for the real vLLM, and how our app is told of them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from starter.real_vllm import environment

ARGUMENTS = "--max-num-seqs 32"


def make_models(folder: Path) -> Path:
    """Write Llama and Phi-3 with their adapters and the answers of transformers and PEFT."""
    make = Path(environment.__file__).with_name("make_models.py")
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [str(environment.environment() / "python"), str(make), str(folder)]
    subprocess.run(command, check=True, env=quiet, capture_output=True, timeout=300)
    return folder


def with_vllm(model: Path) -> dict[str, str]:
    """The variables of an app that serves a model of :func:`make_models` with the real vLLM."""
    programs = environment.environment()
    return {
        "INFERENCE_NAME": "tuned",
        "INFERENCE_BASE": str(model / "base"),
        "INFERENCE_ADAPTER": str(model / "adapter"),
        "INFERENCE_DTYPE": "float32",
        "INFERENCE_VLLM_COMMAND": f"{programs / 'vllm'} serve",
        "INFERENCE_VLLM_ARGUMENTS": ARGUMENTS,
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "PATH": f"{programs}:{os.environ['PATH']}",
    }

"""A project of Microsoft's AI Toolkit with its real packages, from its own pip lines: torch, transformers and PEFT.

The model is a tiny Phi-3 with random weights. ``PIP_CONSTRAINT`` names a version of torch that comes as its CPU
build here; without it pip would fetch gigabytes for CUDA.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import httpx
from starter.real_vllm import environment, real_models
from support.desk import Desk
from support.generated_project import SCRIPT, generated_project
from support.shared import shared

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

GROUP = ("--subscription", "local", "--resource-group", "whole", "--yes", "--no-input")
PACKAGES = {"setup": "torch\ntransformers\npeft\naccelerate\n", "inference": "gradio\nfastapi\nuvicorn\n"}
GENERATE = """\
    shape = {"add_generation_prompt": True, "return_tensors": "pt", "return_dict": True}
    given = tokenizer.apply_chat_template(user_messages[-1:], **shape)
    with torch.no_grad():
        tokens = model.generate(**given, max_new_tokens=16, do_sample=False)
    words = tokenizer.decode(tokens[0, given["input_ids"].shape[1]:], skip_special_tokens=True)
"""
REFERENCE = (
    """\
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, adapter = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(base)
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
user_messages = [{"role": "user", "content": "hello"}]
if True:
"""
    + GENERATE
    + "print(json.dumps(words))\n"
)


def real_script() -> str:
    """The generated script, with the calls of the real transformers in the place of the stubs'."""
    loaded = SCRIPT.replace(
        "import AutoModelForCausalLM\n", "import AutoModelForCausalLM, AutoTokenizer\n"
    ).replace("app = FastAPI()\n", "tokenizer = AutoTokenizer.from_pretrained(model_name)\napp = FastAPI()\n")
    return loaded.replace('    words = model.generate(user_messages[-1]["content"])\n', GENERATE)


def real_project(root: Path, model: Path) -> Path:
    project = generated_project(root)
    for wheel in (project / "setup").glob("*.whl"):
        wheel.unlink()
    for folder, names in PACKAGES.items():
        (project / folder / "requirements.txt").write_text(names)
    (project / "inference" / "gradio_chat.py").write_text(real_script())
    shutil.copytree(model / "base", project / "model-cache/microsoft/Phi-3-mini-4k-instruct")
    shutil.copytree(model / "adapter", project / "models/qlora/qlora/gpu_model/adapter")
    return project


def reference(model: Path) -> str:
    """What transformers and PEFT answer in the environment of the real vLLM."""
    python = str(environment.environment() / "python")
    command = [python, "-c", REFERENCE, str(model / "base"), str(model / "adapter")]
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=True, timeout=300)
    words: str = json.loads(done.stdout.splitlines()[-1])
    return words


def streamed(answer: httpx.Response) -> str:
    event = json.loads(answer.text.removeprefix("data: "))
    words: str = event["choices"][0]["delta"]["content"]
    return words


def test_it_installs_its_packages_and_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AITK_BICEP_PATH", str(shared("tools/bicep")))
    (tmp_path / "constraint").write_text(f"torch=={environment.TORCH}\n")
    monkeypatch.setenv("PIP_CONSTRAINT", str(tmp_path / "constraint"))
    model = real_models.make_models(tmp_path / "models") / "phi3"
    project = real_project(tmp_path / "project", model)
    desk = Desk(tmp_path / "desk")
    desk.home.mkdir()
    try:
        desk.run("provision", "--project", str(project), *GROUP)
        deployed = desk.run("deploy", "--project", str(project), "--yes", "--no-input")
        endpoint = str(deployed[-1]["endpoint"])
        body = {"messages": [{"role": "user", "content": "hello"}], "stream": True}
        answer = httpx.post(f"{endpoint}/v1/chat/completions", json=body, trust_env=False, timeout=120)
        assert streamed(answer) == reference(model)
        assert "gradio_config" in httpx.get(endpoint, trust_env=False, timeout=60).text
    finally:
        desk.local("stop")

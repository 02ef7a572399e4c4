"""The real packages in two archives: a model answers with the first, the page and rarer libraries come later."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starter.vllm_app import vllm_app
from support import starter

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = pytest.mark.skipif(os.name == "nt", reason="NOT TRIED on Windows: the container runs Linux")
FOLDERS = "import pathlib, start; own = start.packages(*map(pathlib.Path, {!r})); print(own.first.folder, own.whole)"
PLUGIN = "openvino/libs/libopenvino_intel_cpu_plugin.so"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an image: it has no packages."""
    folder = tmp_path_factory.mktemp("image") / "python"
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def archives(python: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What the first start of the sample keeps on the share: the first archive and the late one."""
    share = tmp_path_factory.mktemp("share")
    shutil.copytree(starter.STARTER, share, dirs_exist_ok=True)
    disk, cache = python.parents[1] / "starter", share / "environment-cache"
    _install(python, disk, cache)
    _start_until_kept(python, share, cache)
    late = next(cache.glob("packages-*-late.tar.gz"))
    return late.with_name(late.name.replace("-late", "")), late


def _install(python: Path, disk: Path, cache: Path) -> None:
    """Put the packages where start.py would have installed them."""
    find = [str(python), "-c", FOLDERS.format((str(disk), str(cache)))]
    found = subprocess.run(find, cwd=starter.INFERENCE, check=True, capture_output=True, text=True)
    first, whole = map(Path, found.stdout.split())
    packages = next((starter.environment().parents[1] / "lib").glob("python*/site-packages"))
    shutil.copytree(packages, first, copy_function=_link)
    whole.mkdir()


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _start_until_kept(python: Path, share: Path, cache: Path) -> None:
    port = str(starter.free_port())
    environment = {**os.environ, **starter.CHECKS, "PORT": port, "HOST": "127.0.0.1"}
    process = subprocess.Popen([str(python), "start.py"], cwd=share / "inference", env=environment)
    try:
        deadline = (
            time.monotonic() + 5 * starter.START_SECONDS
        )  # the packages are compiled with what others leave
        while len(list(cache.glob("packages-*.tar.gz"))) < 2:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def first(archives: tuple[Path, Path], tmp_path: Path) -> Iterator[Path]:
    """The first archive, unpacked."""
    folder = tmp_path / "packages"
    _unpack(archives[0], folder)
    yield folder
    shutil.rmtree(folder)


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as content:
        content.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.2 has none
        content.extractall(folder)


def variables(first: Path, whole: Path) -> dict[str, str]:
    paths = os.pathsep.join((str(first), starter.CHECKS["PYTHONPATH"]))
    return {"PYTHONPATH": paths, "LATE_PACKAGES": str(whole)}


def ask(client: httpx.Client, **more: object) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": "What is fog?"}], **more}
    return client.post("/v1/chat/completions", json=body)


def test_a_model_answers_with_the_first_archive_and_the_page_comes_with_the_late_one(
    python: Path, archives: tuple[Path, Path], first: Path, tmp_path: Path
) -> None:
    with starter.started(python, **variables(first, tmp_path / "whole")) as served:
        starter.wait(served, lambda: served.client.get("/ready").is_success)
        assert "Waiting for more packages" not in served.log
        whole = ask(served.client).json()["choices"][0]["message"]["content"]
        assert whole
        assert "[DONE]" in ask(served.client, stream=True).text
        assert ask(served.client, n=2).status_code == 400
        assert "gradio_config" not in served.client.get("/").text
        _unpack(archives[1], first)
        (tmp_path / "whole").mkdir()
        assert "gradio_config" in starter.page(served.client)


def test_the_first_archive_is_enough_for_vllm_too(python: Path, first: Path, tmp_path: Path) -> None:
    with vllm_app(tmp_path, python=python, **variables(first, tmp_path / "whole")) as app:
        app.wait_ready()
        assert app.ask().status_code == 200


def is_waiting(served: starter.Served) -> bool:
    stage: str = served.client.get("/ready").json()["stage"]
    return stage == "Waiting for more packages"


def test_openvino_waits_for_its_libraries_where_an_app_with_vllm_made_the_archives(
    python: Path, first: Path, tmp_path: Path
) -> None:
    large = [path for path in first.glob("openvino*/**/*.so*") if path.stat().st_size > 1 << 20]
    aside = [path.rename(tmp_path / path.name) for path in large]
    with starter.started(python, **variables(first, tmp_path / "whole")) as served:
        starter.wait(served, lambda: is_waiting(served))
        for path, place in zip(aside, large, strict=True):
            path.rename(place)
        (tmp_path / "whole").mkdir()
        starter.wait(served, lambda: served.client.get("/ready").is_success)
        assert ask(served.client).status_code == 200


def test_another_device_waits_for_its_libraries(
    python: Path, archives: tuple[Path, Path], first: Path, tmp_path: Path
) -> None:
    """GPU, for Intel's: there is none here, which OpenVINO says of a device that it has a library for."""
    project = shutil.copytree(starter.STARTER, tmp_path / "project")
    config = project / "inference" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"device": "GPU"}))
    with starter.started(python, config.parent, **variables(first, tmp_path / "whole")) as served:
        starter.wait(served, lambda: is_waiting(served))
        _unpack(archives[1], first)
        (tmp_path / "whole").mkdir()
        starter.wait(served, lambda: served.client.get("/ready").json()["status"] == "refused")
        assert "not registered" not in served.client.get("/ready").json()["reason"]


def test_what_no_model_needs_at_once_is_in_the_late_archive(archives: tuple[Path, Path]) -> None:
    names = []
    for archive in archives:
        with tarfile.open(archive) as content:
            names.append(frozenset(content.getnames()))
    first, late = names
    assert not first & late
    assert PLUGIN in first
    assert {"gradio/__init__.py", "openvino/libs/libopenvino_intel_gpu_plugin.so"} < late
    installed = next((starter.environment().parents[1] / "lib").glob("python*/site-packages"))
    files = {str(path.relative_to(installed)) for path in installed.rglob("*.so")}
    assert files <= first | late
    assert sys.implementation.cache_tag in " ".join(name for name in first if name.endswith(".pyc"))

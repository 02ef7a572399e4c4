"""The configuration file: six keys, atomic, a person's own keys kept."""

from __future__ import annotations

import errno
import json
import re
from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.config import (
    CONFIG_PATH,
    InferenceConfig,
    endpoint_url,
    incomplete,
    read_config,
    write_config,
)
from aitk_inference.core.errors import AppError, InvalidProject

if TYPE_CHECKING:
    from pathlib import Path


def _write(project: Path, text: str) -> Path:
    path = project / CONFIG_PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_missing_file_is_an_empty_configuration(tmp_path: Path) -> None:
    assert read_config(tmp_path).missing() == (
        "SUBSCRIPTION_ID",
        "RESOURCE_GROUP_NAME",
        "STORAGE_ACCOUNT_NAME",
        "FILE_SHARE_NAME",
        "ACA_APP_NAME",
        "ACA_APP_ENDPOINT",
    )


def test_keys_that_a_person_added_survive(tmp_path: Path) -> None:
    _write(tmp_path, '{"ACA_APP_NAME": "app", "note": {"mine": [1, null]}}')
    config = read_config(tmp_path)
    written = json.loads(write_config(tmp_path, config).read_text())
    assert written["note"] == {"mine": [1, None]}
    assert written["ACA_APP_NAME"] == "app"
    assert written["SUBSCRIPTION_ID"] is None


def test_a_folder_that_takes_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "infra").write_text("a file in the folder's place")
    with pytest.raises(AppError, match=r"inference.config.json can't be written: ") as caught:
        write_config(tmp_path, InferenceConfig(aca_app_name="app"))
    assert "run the command again" in caught.value.suggestion


def test_a_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    path = _write(tmp_path, '{\n  "ACA_APP_NAME": ,\n}')
    with pytest.raises(InvalidProject) as caught:
        read_config(tmp_path)
    problem = caught.value.problems[0]
    assert (problem.path, problem.line, problem.column) == (path, 1, 18)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "The file is empty."),
        (b" \n", "The file is empty."),
        (b'{"a": 1,\n}', "There is a comma too many before this place."),
        (b'{"a": 1, // mine\n}', "JSON has no comments."),
        (b"\xff\xfe{}", "The file is not UTF-8 text."),
        (b"[]", "must hold a JSON object"),
        (b'{"ACA_APP_NAME": 3}', "ACA_APP_NAME must be text or null."),
        (
            b'{"ACA_APP_ENDPOINT": "not a host"}',
            'must be a host name or an http(s) URL, and says "not a host".',
        ),
        (b'{"ACA_APP_ENDPOINT": "ftp://host"}', 'says "ftp://host".'),
        (b'{"ACA_APP_ENDPOINT": "host:99999"}', 'says "host:99999".'),
    ],
)
def test_each_mistake_is_told_in_words_and_the_file_left_alone(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = _write(tmp_path, "")
    path.write_bytes(content)
    with pytest.raises(InvalidProject, match=re.escape(told)) as caught:
        read_config(tmp_path)
    assert str(path) in caught.value.suggestion
    assert path.read_bytes() == content


def test_a_folder_that_is_no_project_is_told(tmp_path: Path) -> None:
    error = incomplete(tmp_path, read_config(tmp_path).missing())
    assert "is not a project" in error.message
    assert "own folder" in error.suggestion


def test_a_folder_in_the_files_place_is_told(tmp_path: Path) -> None:
    (tmp_path / CONFIG_PATH).mkdir(parents=True)
    with pytest.raises(InvalidProject, match=r"can't be read: [^:\[]*\. \(line 1"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "There is no infra/inference.config.json in this project"),
        ('{"ACA_APP_NAME": null}', "was not provisioned yet: infra/inference.config.json is not filled in"),
        (
            '{"ACA_APP_NAME": "app", "FILE_SHARE_NAME": "share"}',
            "does not say SUBSCRIPTION_ID, RESOURCE_GROUP_",
        ),
    ],
)
def test_what_is_not_known_yet_is_told_apart(tmp_path: Path, text: str | None, told: str) -> None:
    (tmp_path / CONFIG_PATH).parent.mkdir()
    if text is not None:
        _write(tmp_path, text)
    error = incomplete(tmp_path, read_config(tmp_path).missing())
    assert told in error.message
    assert "Run Provision" in error.suggestion


@pytest.mark.parametrize("text", ["[]", '{"ACA_APP_NAME": 3}', '"x"'])
def test_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    _write(tmp_path, text)
    with pytest.raises(InvalidProject):
        read_config(tmp_path)


def test_blank_text_counts_as_missing(tmp_path: Path) -> None:
    _write(tmp_path, '{"ACA_APP_NAME": "  "}')
    assert "ACA_APP_NAME" in read_config(tmp_path).missing()


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("app.x.westus3.azurecontainerapps.io", "https://app.x.westus3.azurecontainerapps.io"),
        ("https://app.example/", "https://app.example"),
        ("127.0.0.1:8123", "http://127.0.0.1:8123"),
        ("localhost:8123", "http://localhost:8123"),
    ],
)
def test_an_endpoint_may_be_a_host_or_a_url(value: str, url: str) -> None:
    assert endpoint_url(value) == url


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, "{}")
    monkeypatch.setattr("os.fsync", _no_space)
    with pytest.raises(AppError, match="no space"):
        write_config(tmp_path, InferenceConfig(aca_app_name="x"))
    assert path.read_text() == "{}"
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def _no_space(_: int) -> None:
    raise OSError(errno.ENOSPC, "no space")

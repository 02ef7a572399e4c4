"""What answers in the place of Azure is told as such, and one lost connection is no failure."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from aitk_inference.__main__ import main
from support.azure_behind_proxy import CONFIG, GOOD, RESET, Answer, Azure, azure_behind_proxy
from support.process_end import like_a_process
from support.under_test import is_another_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STRANGE = (
    '"a text"',
    "null",
    "[]",
    "{}",
    "<html>Sign in</html>",
    '{"id": "/x", "prop',
    '{"value": null}',
    '{"value": "x"}',
    "7",
    " ",
)
STEPS = {
    "status": ("GET /app", "GET /replicas"),
    "logs": ("GET /app", "GET /replicas", "GET /r", "POST /getauthtoken"),
    "stop": ("GET /app",),
    "deploy": ("GET /account", "POST /listkeys"),
}


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AITK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "log"))
    with azure_behind_proxy(tmp_path) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def run_as_program(words: list[str]) -> tuple[int, str]:
    """Run the command line as a process of its own, which takes four times as long."""
    command = [sys.executable, "-m", "aitk_inference", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stderr + done.stdout


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], tuple[int, str]]:
    (tmp_path / "project/infra").mkdir(parents=True)
    (tmp_path / "project/infra/inference.config.json").write_text(json.dumps(CONFIG))

    def _run(verb: str) -> tuple[int, str]:
        words = [*verb.split(), "--project", str(tmp_path / "project")]
        if is_another_tree():
            return run_as_program(words)
        monkeypatch.setattr("sys.argv", ["aitk-inference", *words])
        with like_a_process():
            code = main()
        said = capsys.readouterr()
        return code, said.err + said.out

    return _run


@pytest.mark.parametrize("verb", ["status", "logs", "stop"])
def test_it_works_behind_a_proxy(azure: Azure, run: Callable[[str], tuple[int, str]], verb: str) -> None:
    code, said = run(verb)
    assert code == 0, said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NO_PROXY", "localhost,127.0.0.1,fd07:b51a:cc66:f0::/64"),
        ("NO_PROXY", "[fd00::]/8 [::1]:80,["),
        ("no_proxy", "[fd00::]/8,::ffff:0/112,bad["),
        ("ALL_PROXY", "ftp://x"),
    ],
)
def test_a_variable_that_says_nothing_of_azure_stops_nothing(
    azure: Azure,
    run: Callable[[str], tuple[int, str]],
    name: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, value)
    code, said = run("status")
    assert (code, "HTTP 200" in said) == (0, True), said


@pytest.mark.parametrize("verb", STEPS)
def test_an_answer_that_is_not_azures_is_told_as_one(
    azure: Azure, run: Callable[[str], tuple[int, str]], verb: str
) -> None:
    wrong = []
    for step in STEPS[verb]:
        for strange in STRANGE:
            azure.answers = {step: strange}
            code, said = run(verb)
            if code != 1 or "Something other than Azure answered" not in said or "Traceback" in said:
                wrong.append((step, strange, code, said[-300:]))
    assert wrong == []


def inside(step: str, path: str, value: object) -> object:
    """The good answer to a step with another value at a path."""
    body = copy.deepcopy(GOOD[step])
    within = body
    *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for key in above:
        within = within[key]
    within[last] = value
    return body


CONTAINER = "properties.containers.0"
SHAPES = [
    ("GET /app", "properties.configuration", (5, "x", [None])),
    ("GET /app", "properties.configuration.ingress", (5, ["x"])),
    ("GET /app", "properties.configuration.ingress.traffic", (5, ["x"], [{"weight": "x"}])),
    ("GET /app", "properties.template", (["x"], {"containers": [5]}, {"volumes": ["x"]})),
    ("GET /app", "properties.template", ({"containers": [{"env": ["x"]}]}, {"scale": {"minReplicas": []}})),
    ("GET /replicas", f"value.0.{CONTAINER}", (5, "x", [])),
    ("GET /replicas", f"value.0.{CONTAINER}.restartCount", (["x"], "x")),
    ("GET /replicas", "value.0.properties.createdTime", ([], {"a": 1})),
]


@pytest.mark.parametrize("verb", ["status", "logs", "stop"])
def test_another_shape_inside_an_answer_is_told_as_one(
    azure: Azure, run: Callable[[str], tuple[int, str]], verb: str
) -> None:
    wrong = []
    for step, path, values in SHAPES:
        for value in values:
            azure.answers, azure.asked = {step: inside(step, path, value)}, []
            code, said = run(verb)
            if step in azure.asked and (code != 1 or "Something other than Azure answered" not in said):
                wrong.append((step, path, value, code, said[-300:]))
    assert wrong == []


PAGE = "<html>Sign in</html>"
PAGES = {
    "a page for what is not there": Answer(404, "text/html", PAGE),
    "a text for it": Answer(404, "text/plain", "404 page not found"),
    "another program's words for it": Answer(404, content='{"detail": "Not Found"}'),
    "a page for what is forbidden": Answer(403, "text/html", PAGE),
    "a page for who is unknown": Answer(401, "text/html", PAGE),
    "a redirect": Answer(302, "text/html", PAGE, (("Location", "/login"),)),
    "a redirect to nothing": Answer(302, headers=(("Location", "http://[::bad"),)),
    "nothing": Answer(204),
    "a part": Answer(206, content="{}"),
    "no compressed text": Answer(200, content="{}", headers=(("Content-Encoding", "gzip"),)),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("verb", ["status", "logs", "stop", "delete --yes"])
def test_a_proxys_page_is_no_answer_of_azures(
    azure: Azure, run: Callable[[str], tuple[int, str]], tmp_path: Path, verb: str, page: str
) -> None:
    azure.answers = dict.fromkeys(("GET /app", "GET /rg", "GET /account"), PAGES[page])
    code, said = run(verb)
    assert (code, "Something other than Azure answered" in said) == (1, True), said
    assert json.loads((tmp_path / "project/infra/inference.config.json").read_text()) == CONFIG


@pytest.mark.parametrize(
    "answer",
    [
        {"id": "/x"},
        {"value": []},
        {"value": [{"name": "one", "value": "1"}]},
        {"value": [{"name": "one", "value": "1"}, {"name": 5, "value": "2"}]},
        Answer(204),
    ],
)
def test_no_secret_is_lost_where_not_all_of_them_are_read(
    azure: Azure, run: Callable[[str], tuple[int, str]], answer: object
) -> None:
    names = [{"name": "one"}, {"name": "two"}]
    azure.answers = {
        "GET /app": inside("GET /app", "properties.configuration.secrets", names),
        "GET /revisions": {"value": []},
        "POST /listsecrets": answer,
    }
    code, said = run("secrets remove one")
    assert "PATCH /app" not in azure.asked
    assert (code, "Traceback" in said, "went wrong inside" in said) == (1, False, False), said


@pytest.mark.parametrize("page", ["<html>Sign in</html>"])
def test_a_page_is_no_log(azure: Azure, run: Callable[[str], tuple[int, str]], page: str) -> None:
    azure.answers = {"GET /logs": Answer(200, "text/html", page)}
    code, said = run("logs")
    assert (code, page in said, "Something other than Azure answered" in said) == (1, False, True), said


@pytest.mark.parametrize(
    ("verb", "step"),
    [
        ("logs", "POST /getauthtoken"),
        ("stop", "POST /stop"),
        ("status", "GET /app"),
        ("deploy", "POST /listkeys"),
    ],
)
def test_a_lost_connection_is_tried_again(
    azure: Azure, run: Callable[[str], tuple[int, str]], verb: str, step: str
) -> None:
    azure.once = {step: RESET}
    code, said = run(verb)
    assert azure.asked.count(step) >= 2, said
    assert code == 0 or verb == "deploy", said  # this Azure has no share to deploy to

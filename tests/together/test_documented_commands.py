"""The commands that the documents show: each is known, and those of a newcomer are run as they stand there.

Those of docs/manual-provision.md need the Azure CLI: ``tests/together/azure_cli`` runs them.
``make demo`` is a step of CI.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from aca_local.cli import parser as local_parser
from aitk_inference.cli.arguments import parser
from support import documents, starter
from support.projects import make_small
from support.running import until

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

ROOT = documents.ROOT
TIMEOUT = 240
RUN_ELSEWHERE = {
    "docs/failures.md": "it shows what programs said: tests/support/failure_gallery.py makes it",
    "docs/manual-provision.md": "tests/together/azure_cli, with the Azure CLI",
    "docs/operate.md": "tests/product/flows/test_{logs,ask,protect,secrets,secret_variable}.py, on a small Azure in the process",
    "docs/starter.md": "tests/product/cli/test_check.py",
    "scripts/sample_model/README.md": "nowhere in CI: it trains a model with PyTorch",
}
STANDS_FOR = {"DIR": "somewhere", "VERB": "status", "00000000-0000-0000-0000-000000000000": "local"}


def _shown() -> list[tuple[str, str]]:
    """Every command of ours in any document, with its place."""
    found = []
    for document in documents.documents():
        name = document.relative_to(ROOT).as_posix()
        lines = [(block.place, line) for block in documents.shell_blocks(document) for line in block.commands]
        lines += [(name, text) for text in documents.inline(document)]
        found += [
            (place, line) for place, line in lines if re.match(r"(aitk-inference|aca-local|make) \S", line)
        ]
    return found


SHOWN = _shown()


@pytest.mark.parametrize(("place", "line"), SHOWN, ids=[f"{place} {line}" for place, line in SHOWN])
def test_every_command_is_known(place: str, line: str) -> None:
    program, *words = [STANDS_FOR.get(word, word) for word in shlex.split(line)]
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert words[0] in targets, place
        return
    if words[:1] == ["evaluate"] or "…" in line:
        words = words[:1]
    known: ArgumentParser = parser() if program == "aitk-inference" else local_parser()
    assert _accepts(known, words), place


def _accepts(known: ArgumentParser, words: list[str]) -> bool:
    """True for words that the parser takes; a command named without its arguments is named rightly, too."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            known.parse_args(words)
        except SystemExit as left:
            lacks = re.search(r"arguments are required| needs ", said.getvalue()) and len(words) == 1
            return left.code == 0 or bool(lacks)
    return True


def test_a_wrong_flag_and_a_wrong_verb_would_be_found() -> None:
    assert not _accepts(parser(), ["deploy", "--nonsense"])
    assert not _accepts(parser(), ["undeploy"])
    assert not _accepts(local_parser(), ["serve", "--detached-from-all"])


def test_every_document_with_commands_is_run_somewhere() -> None:
    with_commands = {
        document.relative_to(ROOT).as_posix()
        for document in documents.documents()
        if any(block.commands for block in documents.shell_blocks(document))
    }
    here = {"README.md", "docs/terminal.md", "docs/aca-local.md", "infra/starter/README.md"}
    drawn = {"ARCHITECTURE.md"}  # a drawing
    only_make = {"CONTRIBUTING.md"}  # its targets are known (above); CI calls each
    assert with_commands == here | drawn | only_make | set(RUN_ELSEWHERE)


class Shell:
    """A newcomer's bash with an aca-local of its own; lines run one after the other in one shell."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(home),
            "AITK_LOCAL_DATA": str(home / "data"),
            "AITK_STATE_DIR": str(home / "state"),
            "AITK_LOG_DIR": str(home / "logs"),
        }

    def run(self, *lines: str, folder: Path | None = None) -> str:
        """Run the lines, which must all succeed; what they wrote."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
            cwd=folder or self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{lines}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    if os.name == "nt":
        pytest.skip("NOT TRIED: the documents' commands are for bash")
    shell = Shell(tmp_path_factory.mktemp("newcomer"))
    yield shell
    shell.run("aca-local stop")


def _block(document: str, beginning: str) -> documents.Block:
    (found,) = (
        block
        for block in documents.shell_blocks(ROOT / document)
        if block.commands and block.commands[0].startswith(beginning)
    )
    return found


def test_the_readmes_terminal_and_the_pipeline_lead_to_an_answer(shell: Shell) -> None:
    new, enter, *rest = _block("README.md", "aitk-inference new").commands
    shell.run(new, enter)
    project = make_small(shell.home / "my-model")  # the sample's own packages: make demo
    said = shell.run(*rest, folder=project)
    (endpoint,) = re.findall(
        r"^  Go to Inference Endpoint: (\S+)$", said.rpartition("Deployed")[2], re.MULTILINE
    )
    assert _get(endpoint) == "one"

    pipeline = _block("docs/terminal.md", "aitk-inference provision").commands
    shell.run(*(_as_local(line) for line in pipeline), folder=project)
    shell.run("aitk-inference status", "aitk-inference deploy --dry-run", folder=project)
    shell.run("aitk-inference provision --plan --subscription local --resource-group models", folder=project)
    _logs_stop_and_start(shell, project)


def _logs_stop_and_start(shell: Shell, project: Path) -> None:
    assert "ContainerStarted" in shell.run("aitk-inference logs --system", folder=project)
    shell.run("aitk-inference logs --tail 5", folder=project)
    said = shell.run("aitk-inference stop", folder=project)
    assert "Stopped" in shell.run("aitk-inference status", folder=project)
    (then,) = re.findall(r"^  Next: (.*)$", said, re.MULTILINE)
    shell.run(then, folder=project)
    endpoint = json.loads((project / "infra/inference.config.json").read_text())["ACA_APP_ENDPOINT"]
    until(lambda: _answer(endpoint), lambda text: text == "one")


def _answer(endpoint: str) -> str:
    try:
        return _get(endpoint)
    except OSError:
        return ""


def _as_local(line: str) -> str:
    return " ".join(STANDS_FOR.get(word, word) for word in line.split(" "))


def _get(endpoint: str) -> str:
    with urllib.request.urlopen(endpoint, timeout=30) as answer:
        return str(answer.read().decode())


def test_aca_local_says_what_its_page_shows(shell: Shell) -> None:
    block = _block("docs/aca-local.md", "aca-local serve")
    shown = [line for line in block.text.splitlines() if not line.startswith("$")]
    said = shell.run(*block.commands).splitlines()
    labels = re.compile(r"^ *[a-zA-Z -]+?(?=  | is ready)")
    for line in shown:
        found = labels.match(line)
        assert found, line
        assert any(real.startswith(found[0]) for real in said), line


def test_the_starters_own_commands_answer_the_question(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("NOT TRIED: the document's commands are for bash")
    document = ROOT / "infra" / "starter" / "README.md"
    run, ask = documents.shell_blocks(document)
    enter, make, install, serve = run.commands
    assert (enter, make) == ("cd inference", "python -m venv .venv")
    assert install == ".venv/bin/pip install -r requirements.txt"
    project = shutil.copytree(starter.STARTER, tmp_path / "starter")
    shutil.copytree(
        starter.STARTER.parents[1] / "server/model_check", project / "inference/model_check"
    )  # as `new` does
    port = str(starter.free_port())
    python = starter.environment()  # what those two lines make, once for all tests
    (project / "inference" / ".venv").symlink_to(python.parent.parent)
    command = serve.replace("7860", port)
    process = subprocess.Popen(["bash", "-c", f"{enter}\nexec env {command}"], cwd=project)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            starter.until_it_answers(client, process)
        asked = f"{enter}\n{ask.text.replace('7860', port)}"
        environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
        done = subprocess.run(
            ["bash", "-euc", asked],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=True,
        )
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert "The rivers bring it a pinch of salt" in " ".join(done.stdout.split())

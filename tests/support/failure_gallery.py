"""The failure gallery: causes of a failed start injected on aca-local, and what the command line says of each.

``python -m support.failure_gallery`` runs it and writes ``docs/failures.md`` with its pictures (``make gallery``); a
test holds the page to what a run says.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import textwrap
import urllib.request
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aitk_inference import cli
from aitk_inference.__main__ import _make_clouds
from support import fake_hub, starter
from support.desk import Desk
from support.failure_cases import CASES, REQUIREMENTS, SCRIPT, Case, possible
from support.process_end import like_a_process
from support.projects import set_parameters, small_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "failures.md"
PICTURES = ROOT / "docs" / "failures"
GROUP = "gallery"
_VERSION = "2024-03-01"
_COMMANDS = [
    "cd /mount/inference",
    "if [ -s requirements.txt ]; then pip install -r requirements.txt; fi",
    "python gradio_chat.py",
]
"""As a small project starts, but without pip where nothing is to be installed: it takes a second."""
_LINKS = ("  http", "  Show")


@dataclass(frozen=True)
class Shown:
    """What a case looked like on a terminal."""

    case: Case
    text: str

    @property
    def lasting(self) -> str:
        """Return what each run says again: how often an app was seen to end is a matter of chance."""
        lines = re.sub(r"ended \d+ times", "keeps ending", self.text).splitlines()
        if self.case.varies:
            lines = [line for line in lines if line[:2] != "  " or line.startswith(_LINKS)]
        return "\n".join(lines)


def run_cases(home: Path) -> Iterator[Shown]:
    """Deploy with each cause on one aca-local."""
    desk = Desk(home)
    project = small_project(home / "my-model")
    set_parameters(project, defaultCommands=_COMMANDS)
    gated = fake_hub.FakeHub({}, token="another")
    with _environment(desk), fake_hub.serving(gated) as hub:
        places = {"@HUB@": hub.url, "@STARTER@": str(starter.environment())}
        local = json.loads(desk.local("serve", "--detach", "--json").stdout)
        try:
            _command(
                "provision", "--project", str(project), "--subscription", "local", "--resource-group", GROUP
            )
            app, quick = (
                json.loads((project / "infra/inference.config.json").read_text())["ACA_APP_NAME"],
                False,
            )
            for case in CASES:
                if case.quick_probes and not quick:
                    _shorten_probes(local, app)
                    quick = True
                yield _deployed(possible(case).at(places), project, local, app)
        finally:
            desk.local("stop")


def page(shown: list[Shown]) -> str:
    """Return the gallery as a page."""
    parts = [
        "# When a start fails\n",
        "What Deploy says when the app does not come up: one sentence, the lines of the log that matter, what to do, and "
        "where the whole log is. `make gallery` runs each on aca-local and writes this page. *Injected* is what was broken: "
        "the words come from the program that met it, or from aca-local where it stands for Azure. *Replayed* is a log that "
        "others published. Other causes are in `flows/deploy/startup_patterns.py`, each with a published log in its tests.\n",
    ]
    for one in shown:
        title = (one.case.cause or "unknown").replace("-", " ")
        picture = f"failures/{one.case.cause or 'unknown'}.svg"
        parts.append(f"## {title[:1].upper()}{title[1:]}\n\n{one.case.shown_how}.\n")
        parts.append(f"![{title}]({picture})\n\n```\n{one.text}```\n")
    return "\n".join(parts)


def said_in(document: str) -> list[str]:
    """Return what a page shows, a text for each case."""
    return re.findall(r"^```\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)


def picture(text: str) -> str:
    """Return a terminal with the text, as SVG."""
    lines = [piece for line in text.splitlines() for piece in _folded(line)]
    height = 24 + 18 * len(lines)
    body = "".join(
        f'<text x="14" y="{28 + 18 * number}" fill="{_colour(number, line)}" xml:space="preserve">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="920" height="{height}" font-family="monospace" font-size="13">'
        f'<rect width="920" height="{height}" rx="6" fill="#1e1e1e"/>{body}</svg>\n'
    )


def main() -> None:
    """Run all and write the page and its pictures."""
    with tempfile.TemporaryDirectory() as home:
        shown = []
        for one in run_cases(Path(home)):
            print(one.case.cause or "unknown", file=sys.stderr)
            shown.append(one)
    PAGE.write_text(page(shown), "utf-8")
    draw(shown)


def draw(shown: list[Shown]) -> None:
    """Make the page's pictures."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir()
    for one in shown:
        (PICTURES / f"{one.case.cause or 'unknown'}.svg").write_text(picture(one.text), "utf-8")


def _deployed(case: Case, project: Path, local: Mapping[str, str], app: str) -> Shown:
    """Deploy once; the same error is what a person reads and what a program gets."""
    before = {path: (project / path).read_bytes() for path in (SCRIPT, REQUIREMENTS)}
    for path, content in case.files.items():
        (project / path).write_bytes(content.encode() if isinstance(content, str) else content)
    rules = [{"service": "replicas", "path": ".", "fault": case.fault, "times": 0}] if case.fault else []
    _ask(local, "PUT", f"{local['armHttp']}/aca-local/faults", rules)
    deploy = ("deploy", "--project", str(project), "--no-input", "--yes", "--timeout", case.timeout)
    try:
        code, errors, lines = _command(*deploy)
        assert code == 1, errors + lines
        return Shown(case, _masked(errors, project, app))
    finally:
        for path, content in before.items():
            (project / path).write_bytes(content)


def _command(*arguments: str) -> tuple[int, str, str]:
    """Run the command line in this process; its code, errors and output."""
    out, err = io.StringIO(), io.StringIO()
    with like_a_process(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run(arguments, _make_clouds)
    return code, err.getvalue(), out.getvalue()


def _masked(text: str, project: Path, app: str) -> str:
    """Return the text without what differs from run to run, from folder to folder and from Python to Python."""
    text = text.replace(f"{project}{os.sep}", "").replace(str(project), "my-model")
    text = re.sub(rf"{app}--\w+-[0-9a-f]+-\w+", f"{app}--abc-123-xyz", text)
    text = re.sub(r"ended \d+ times", "ended 2 times", text)
    text = re.sub(r"http://127\.0\.0\.1:\d+/org", "http://127.0.0.1:8080/org", text)
    return re.sub(r"after \d+(\.\d+)? s", "after 6 s", text)


def _shorten_probes(local: Mapping[str, str], app: str) -> None:
    """Change the app as another tool would: its startup probe looks each second, four times."""
    group = f"{local['armHttp']}/subscriptions/{local['subscriptionId']}/resourceGroups/{GROUP}"
    url = f"{group}/providers/Microsoft.App/containerApps/{app}?api-version={_VERSION}"
    template = _ask(local, "GET", url)["properties"]["template"]
    for probe in template["containers"][0]["probes"]:
        probe |= {"periodSeconds": 1, "failureThreshold": 4, "timeoutSeconds": 1}
    _ask(local, "PATCH", url, {"properties": {"template": template}})


def _ask(local: Mapping[str, str], method: str, url: str, body: object = None) -> Any:
    headers = {"Authorization": f"Bearer {local['token']}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


@contextlib.contextmanager
def _environment(desk: Desk) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(desk.environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _folded(line: str, width: int = 112) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(line, width, subsequent_indent=f"{indent}  ", drop_whitespace=True) or [""]


def _colour(number: int, line: str) -> str:
    if number == 0:
        return "#f48771"
    return "#dcdcaa" if line.startswith("→") else "#9cdcfe" if line.startswith(_LINKS) else "#cccccc"


if __name__ == "__main__":
    main()

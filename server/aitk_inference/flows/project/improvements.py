"""What to improve in a project of Microsoft's AI Toolkit, which runs as it is: its known weak points."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import Problem
from aitk_inference.core.params import PARAMETER_PATHS
from aitk_inference.core.regular_files import read_begin
from aitk_inference.flows.project.template import FOLDER, SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

_LONGEST = 1 << 20
_STARTER = "The inference/ of a new project (aitk-inference new DIR) does it."
_SCRIPT = Path("inference/gradio_chat.py")
_TEMPLATE = FOLDER / SOURCE


class Weakness(NamedTuple):
    """A weak point.

    Attributes:
        code: Its stable name.
        files: Where it is looked for.
        pattern: What it looks like.
        message: What it does.
        suggestion: What to do about it.
        severity: An error keeps the app from starting.
    """

    code: str
    files: tuple[Path, ...]
    pattern: str
    message: str
    suggestion: str
    severity: Literal["error", "warning"] = "warning"


WEAKNESSES = (
    Weakness(
        "placeholder",
        (_SCRIPT, Path("inference/chat.py"), Path("inference/console_chat.py")),
        r"torch\.<\w+>|[\"']<(?:quant_type|prompt_template|model-download-location)>[\"']",
        "A placeholder of the generator is left here: the app does not start, or answers nonsense.",
        "Write what fine-tuning used in its place, or generate the project again.",
        "error",
    ),
    Weakness(
        "names-from-suffix",
        (_TEMPLATE,),
        r"^param\s+resourceSuffix\b",
        "All names come from resourceSuffix, and so from the resource group: two projects in one group share app and files.",
        "Give fileShareName and acaAppName in infra/provision/inference.parameters.json, or use a group a project.",
    ),
    Weakness(
        "commands-joined-loosely",
        (_TEMPLATE,),
        r"join\(\s*defaultCommands\s*,\s*'\s*;\s*'\s*\)",
        "The commands are joined with ';': the app starts although an installation before it failed.",
        "Join them with ' && '.",
    ),
    Weakness(
        "template-resets",
        (_TEMPLATE,),
        r"^resource\s+\w+\s+'Microsoft\.App/managedEnvironments@[^']+'\s*=\s*\{",
        "A second Provision writes the environment anew: workload profiles that were added to it since are lost.",
        "Take infra/provision/inference.bicep of a new project (aitk-inference new DIR): it keeps what exists.",
    ),
    Weakness(
        "pip-at-each-start",
        PARAMETER_PATHS,
        r"\"[^\"\n]*\bpip3? install\b[^\"\n]*torch|\"[^\"\n]*\bpip3? install\b[^\"\n]*(?:setup/|\./)requirements\.txt",
        "Packages are fetched and installed at each start: that takes minutes, and a start fails where PyPI does.",
        f"Keep the environment on the share. {_STARTER}",
    ),
    Weakness(
        "two-nodes",
        PARAMETER_PATHS,
        r"\"maximumInstanceCount\"\s*:\s*\{\s*\"value\"\s*:\s*(?:[2-9]|\d{2,})",
        "maximumInstanceCount is above 1: a new subscription's quota is often one GPU, and each is billed.",
        "Set it to 1.",
    ),
    Weakness(
        "fixed-port",
        (_SCRIPT,),
        r"\bport\s*=\s*7860\b",
        "The port 7860 is fixed: the environment variable PORT, which the template sets, is not read.",
        "Write port=int(os.environ.get('PORT', '7860')).",
    ),
    Weakness(
        "base-in-silence",
        (_SCRIPT,),
        r"if\s+os\.path\.exists\(adapters_name\)",
        "Without its adapter the app answers with the base model and does not say so.",
        f"Stop with an error where the adapter is missing. {_STARTER}",
    ),
    Weakness(
        "last-message-alone",
        (_SCRIPT,),
        r"user_messages\[-1\]",
        "The API reads the last message alone, always streams, and never sends [DONE].",
        f"Answer as OpenAI's API does. {_STARTER}",
    ),
)


def improvements(project: Path) -> Iterator[Problem]:
    """Yield the weak points of a project, each at its first place in each file."""
    for weakness in WEAKNESSES:
        for name in weakness.files:
            try:
                text = read_begin(project / name, _LONGEST).decode("utf-8-sig", "replace")
            except OSError:
                continue
            match = re.search(weakness.pattern, text, re.MULTILINE)
            if match is not None:
                yield _problem(project / name, text, match.start(), weakness)


def _problem(path: Path, text: str, start: int, weakness: Weakness) -> Problem:
    line_start = text.rfind("\n", 0, start) + 1
    column = len(text[line_start:start].encode("utf-16-le", "surrogatepass")) // 2
    line = text.count("\n", 0, start)
    return Problem(
        path, weakness.message, line, column, weakness.code, weakness.severity, suggestion=weakness.suggestion
    )

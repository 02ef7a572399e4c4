"""The real server with flows that act out a scene: the scene is the request's resource group."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.errors import (
    Busy,
    Cancelled,
    DeployFailed,
    ErrorNode,
    InvalidProject,
    PreflightFailed,
    Problem,
    ProvisionFailed,
)
from aitk_inference.core.model import LogLine
from aitk_inference.core.preflight import Check, CheckState
from aitk_inference.core.user_interface import (
    Choice,
    Confirm,
    Document,
    Level,
    Option,
    ProgressEvent,
    Secret,
    Text,
)
from aitk_inference.flows.deploy import deploy
from aitk_inference.flows.operate import ask, logs, status
from aitk_inference.flows.outcome import Outcome
from aitk_inference.flows.project import scaffold
from aitk_inference.flows.provision import provision
from aitk_inference.lsp.server import serve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from aitk_inference.core.logs import ShowLine
    from aitk_inference.core.ports import EditorTokens
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import (
        AskRequest,
        DeployRequest,
        LogsRequest,
        ProvisionRequest,
        StatusRequest,
    )
    from aitk_inference.flows.operate.ask import ShowText

SECRET = "Zm9vYmFyc2VjcmV0" * 5 + "abcdef=="  # looks like an account key
SUBSCRIPTION = Choice(
    "subscription",
    "Select a subscription",
    "--subscription",
    (Option("local", "Local (this computer)"), Option("11111111-1111-1111-1111-111111111111", "Contoso")),
    default="local",
)
GROUP = Text(
    "resourceGroup", "Name of the resource group", "--resource-group", default="rg-demo", pattern=r"[\w-]+"
)
OVERWRITE = Confirm(
    "overwrite", "Overwrite it?", "--yes", yes_label="Overwrite", detail="It belongs to another project."
)
ENDPOINT = "http://127.0.0.1:5/"


async def _provision(request: ProvisionRequest, *, ui: UserInterface, clouds: EditorTokens | None) -> Outcome:
    if request.resource_group == "token":
        return await _token(clouds)
    scene = SCENES.get(request.resource_group or "ask", _ask)
    return await scene(request, ui)


async def _deploy(request: DeployRequest, *, ui: UserInterface, clouds: object) -> Outcome:
    if request.dry_run:
        return Outcome("Deploy would change 1 of 2 files (nothing was sent):\n  send    a.py")
    if request.restart is False:
        raise _not_starting(request.project)
    ui.progress(ProgressEvent("Sync", "2 files", 50, 0.5))
    ui.progress(ProgressEvent("Ready", "the web API answers", 100, 1.5))
    return _outcome(request.project)


def _not_starting(project: Path) -> DeployFailed:
    problem = Problem(project / "app.py", "A Python file has a syntax error.", 2, 6, code="start")
    return DeployFailed(
        "app does not start: a Python file has a syntax error.",
        suggestion="Mend that line, then deploy again.",
        link="https://example.com/syntax",
        log=("SyntaxError: invalid syntax",),
        cause="syntax-error",
        problem=problem,
    )


async def _status(request: StatusRequest, *, ui: UserInterface, clouds: object) -> Outcome:
    return Outcome("Running.", data={"runningStatus": "Running", "nested": {"list": [1, None, "x"]}})


async def _logs(request: LogsRequest, *, ui: UserInterface, clouds: object, show: ShowLine) -> Outcome:
    for number in range(request.tail):
        show(LogLine(None, f"line {number} \x1b]0;title\x07of the app\x1b[31m", replica="app--1-abc"))
    if request.since == "1h":
        show(LogLine(None, "The log ends here.", "notice"))
        await asyncio.sleep(60)
    return Outcome("", data={"lines": request.tail})


async def _answer(request: AskRequest, *, ui: UserInterface, clouds: object, show: ShowText) -> Outcome:
    for part in ("Because ", "of \x1b[31mrivers", ".\n"):
        show(part)
        await asyncio.sleep(0.1)
    return Outcome("m: First word after 0.1 s.", data={"tokens": 3})


async def _new(target: Path, *, infra: Path, ui: UserInterface) -> Outcome:
    (target / "infra").mkdir(parents=True, exist_ok=True)
    return Outcome(f"Made {target.name}.")


def act_out() -> None:
    """Put the scenes in the place of the flows, in this process alone."""
    provision.provision, deploy.deploy, status.status = _provision, _deploy, _status  # type: ignore[assignment]
    logs.logs, ask.ask, scaffold.new_project = _logs, _answer, _new


def _outcome(project: Path) -> Outcome:
    actions = (
        Action(ActionKind.OPEN_ENDPOINT, "Go to Inference Endpoint", ENDPOINT),
        Action(ActionKind.OPEN_FILE, "Open configuration", str(project / "infra/inference.config.json")),
        Action(ActionKind.SHOW_LOGS, "Show logs"),
    )
    return Outcome(
        "The web API answers.", ENDPOINT, project / "infra/inference.config.json", actions, {"took": 1}
    )


async def _token(tokens: EditorTokens | None) -> Outcome:
    if tokens is None:
        return Outcome("The editor gives no tokens.")
    token, ends = await tokens.token(
        ["https://management.azure.com/.default"], tenant_id="t", claims="c", www_authenticate="Bearer x"
    )
    return Outcome(f"A token of {len(token)} letters, until {ends}.")


async def _elsewhere(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    raise Busy("Another run works on it (deploy, process 7, since 10:00).", suggestion="Wait for it to end.")


async def _ask(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    answers = await ui.ask([SUBSCRIPTION, GROUP])
    return Outcome(f"{answers['subscription']} / {answers['resourceGroup']}", data=dict(answers))


async def _given(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    return Outcome(str(request.subscription))


async def _short(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    answers = await ui.ask([SUBSCRIPTION, OVERWRITE])
    return Outcome("Answered.", data=dict(answers))


async def _new_key(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    return Outcome("The app wants a key now.", key="canary-of-a-new-key")


async def _secret(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    answers = await ui.ask([Secret("hfToken", "Hugging Face token", "secrets set")])
    ui.say(Level.INFO, f"AccountKey={SECRET};sig={answers['hfToken']}")
    return Outcome("Kept.")


async def _steps(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    ui.progress(ProgressEvent("Check", "reading the project", None, 0.0))
    ui.progress(ProgressEvent("Deploy", "3 of 7 resources", 40, 2.5))
    ui.progress(ProgressEvent("Deploy", "3 of 7 resources", 42, 3.0))
    ui.say(Level.WARNING, "Both parameter files exist; infra/provision wins.")
    return _outcome(request.project)


async def _wait(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    ui.progress(ProgressEvent("Deploy", "waiting", 40, 2.5))
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(0.05)
        raise Cancelled(
            "The deployment was cancelled; 3 resources stay.", suggestion="Run it again."
        ) from None
    raise AssertionError


async def _plain_wait(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    ui.progress(ProgressEvent("Deploy", "waiting", 40, 2.5))
    await asyncio.sleep(60)
    raise AssertionError


async def _refused(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    tree = ErrorNode(
        "DeploymentFailed", "See details.", None, (ErrorNode("MaxGpu", f"No GPU. sig={SECRET}"),)
    )
    raise ProvisionFailed(
        "The deployment failed.",
        tree,
        suggestion="Ask for quota.",
        link="https://example.com/q",
        detail="{raw}",
    )


async def _invalid(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    path = request.project / "infra/inference.config.json"
    raise InvalidProject("It can't be read.", [Problem(path, "Expecting ',' delimiter", 3, 2)])


DOCUMENT = Document("Provision plan", f"# Plan\n\nAccountKey={SECRET}", "the plan in lines")


async def _page(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    await ui.show(DOCUMENT)
    answers = await ui.ask([OVERWRITE])
    return Outcome("Answered.", data=dict(answers))


async def _plan(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    headline = f"plan {request.plan_only}, check {request.check_only}"
    return Outcome("The plan.\n  create  app", headline=headline, document=DOCUMENT)


async def _fixable(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    fix = Action(ActionKind.FIX, "Use T4", "set?workloadProfileType=T4")
    raise PreflightFailed([Check("quota", CheckState.PROBLEM, "No GPU is left.", fixes=(fix,))])


async def _boom(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    print("a stray print")
    raise RuntimeError(f"boom {SECRET}")


SCENES: dict[str, Callable[[ProvisionRequest, UserInterface], Awaitable[Outcome]]] = {
    "ask": _ask,
    "elsewhere": _elsewhere,
    "given": _given,
    "short": _short,
    "secret": _secret,
    "new-key": _new_key,
    "steps": _steps,
    "wait": _wait,
    "plain-wait": _plain_wait,
    "refused": _refused,
    "invalid": _invalid,
    "boom": _boom,
    "page": _page,
    "plan": _plan,
    "fixable": _fixable,
}

if __name__ == "__main__":
    act_out()
    sys.exit(serve(lambda _, tokens: tokens, lambda url: None, lambda _: None))  # type: ignore[arg-type, return-value]  # nothing is opened

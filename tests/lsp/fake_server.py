"""The real server with flows that act out a scene: the scene is the request's resource group."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from aitk_inference.core.errors import (
    Busy,
    Cancelled,
    ErrorNode,
    InvalidProject,
    Problem,
    ProvisionFailed,
)
from aitk_inference.core.interface import (
    Action,
    ActionKind,
    Choice,
    Confirm,
    Level,
    Option,
    ProgressEvent,
    Secret,
    Text,
)
from aitk_inference.flows.requests import Outcome
from aitk_inference.lsp.server import serve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from aitk_inference.core.interface import UserInterface
    from aitk_inference.core.ports import EditorTokens
    from aitk_inference.flows.requests import DeployRequest, ProvisionRequest, StatusRequest

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


class FakeFlows:
    """Flows without a cloud."""

    async def provision(
        self, request: ProvisionRequest, *, ui: UserInterface, clouds: EditorTokens | None
    ) -> Outcome:
        if request.resource_group == "token":
            return await _token(clouds)
        scene = SCENES.get(request.resource_group or "ask", _ask)
        return await scene(request, ui)

    async def deploy(self, request: DeployRequest, *, ui: UserInterface, clouds: object) -> Outcome:
        if request.dry_run:
            return Outcome("Deploy would change 1 of 2 files (nothing was sent):\n  send    a.py")
        ui.progress(ProgressEvent("Sync", "2 files", 50, 0.5))
        ui.progress(ProgressEvent("Ready", "the web API answers", 100, 1.5))
        return _outcome(request.project)

    async def status(self, request: StatusRequest, *, ui: UserInterface, clouds: object) -> Outcome:
        return Outcome("Running.", data={"runningStatus": "Running", "nested": {"list": [1, None, "x"]}})

    async def new_project(self, target: Path, *, ui: UserInterface) -> Outcome:
        (target / "infra").mkdir(parents=True, exist_ok=True)
        return Outcome(f"Made {target.name}.")


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
    token, ends = await tokens.token(["https://management.azure.com/.default"], tenant_id="t", claims="c")
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


async def _boom(request: ProvisionRequest, ui: UserInterface) -> Outcome:
    print("a stray print")
    raise RuntimeError(f"boom {SECRET}")


SCENES: dict[str, Callable[[ProvisionRequest, UserInterface], Awaitable[Outcome]]] = {
    "ask": _ask,
    "elsewhere": _elsewhere,
    "given": _given,
    "short": _short,
    "secret": _secret,
    "steps": _steps,
    "wait": _wait,
    "plain-wait": _plain_wait,
    "refused": _refused,
    "invalid": _invalid,
    "boom": _boom,
}

if __name__ == "__main__":
    sys.exit(serve(lambda settings, tokens: tokens, FakeFlows, lambda settings: None))  # type: ignore[arg-type, return-value]  # nothing is opened

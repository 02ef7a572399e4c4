"""Scale: how many replicas run when nobody asks, and how many at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.errors import Misuse
from aitk_inference.core.user_interface import Text
from aitk_inference.flows.app.app_document import change_app, read_document
from aitk_inference.flows.operate.opened_app import app_to_change
from aitk_inference.flows.outcome import Outcome

if TYPE_CHECKING:
    from aitk_inference.core.model import ContainerApp, Json
    from aitk_inference.core.ports import Clouds
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import ScaleRequest

_MOST_REPLICAS = 1000
"""What Container Apps allows (learn.microsoft.com/azure/container-apps/scale-app)."""


async def scale(request: ScaleRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Set the least and the most replicas of the app; the rest of its scale settings is kept.

    Raises:
        AppError: the numbers make no sense.
        InvalidProject: the project was not provisioned.
        NotFound: the app is not there.
        Busy, Conflict, NotAuthenticated, Forbidden, Unreachable.
    """
    _check(request.least, request.most)
    async with app_to_change(request.project, "scale", ui=ui, clouds=clouds) as (cloud, app, report):
        least, most = await _asked(request, app, ui)
        _check(least, most)
        if (least, most) == (app.min_replicas, app.max_replicas):
            return _outcome(f"{app.ref.name} has {_words(least, most)} already.", app, least, most)
        report.step("Scale", f"Setting {app.ref.name} to {_words(least, most)}")
        document = await read_document(app, cloud)
        kept = document.find("template", "scale")
        known = (
            {key: value for key, value in kept.items() if value is not None} if isinstance(kept, dict) else {}
        )
        changed: dict[str, Json] = {**known, "minReplicas": least, "maxReplicas": most}
        await change_app(document, cloud, report, {"template": {"scale": changed}})
    return _outcome(
        f"{app.ref.name} has {_words(least, most)} now, in a new revision that starts with the code that is there.",
        app,
        least,
        most,
    )


async def _asked(request: ScaleRequest, app: ContainerApp, ui: UserInterface) -> tuple[int, int]:
    """Return both numbers: those given, else those that the app has; a person who gave none is asked for both."""
    if request.least is None and request.most is None:
        hint = "Type a whole number."
        questions = (
            Text(
                "least",
                "Replicas that run when nobody asks",
                "--min N",
                str(app.min_replicas),
                r"\d{1,4}",
                hint,
            ),
            Text("most", "The most replicas at a time", "--max N", str(app.max_replicas), r"\d{1,4}", hint),
        )
        answers = await ui.ask(questions)
        return int(answers["least"]), int(answers["most"])
    return (
        app.min_replicas if request.least is None else request.least,
        app.max_replicas if request.most is None else request.most,
    )


def _check(least: int | None, most: int | None) -> None:
    """Raise AppError for numbers that Azure would refuse, or that make no sense."""
    if least is not None and not 0 <= least <= _MOST_REPLICAS:
        raise Misuse(
            f"The least replicas can't be {least}.",
            suggestion=f"Give --min a number from 0 to {_MOST_REPLICAS}.",
        )
    if most is not None and not 1 <= most <= _MOST_REPLICAS:
        raise Misuse(
            f"The most replicas can't be {most}.",
            suggestion=f"Give --max a number from 1 to {_MOST_REPLICAS}; to run none at all: aitk-inference stop",
        )
    if least is not None and most is not None and least > most:
        raise Misuse(
            f"At least {least} replicas and at most {most} can't both be.",
            suggestion="Give --min a number that is not above --max.",
        )


def _words(least: int, most: int) -> str:
    counts = str(most) if least == most else f"{least} to {most}"
    return f"{counts} {'replica' if most == 1 else 'replicas'}"


def _outcome(summary: str, app: ContainerApp, least: int, most: int) -> Outcome:
    bill = "Nothing runs, and nothing is billed for it, while nobody asks; the first request then waits until the model is loaded."
    if least:
        who = "One replica is" if least == 1 else f"{least} replicas are"
        bill = f"{who} billed around the clock with its GPU, CPU and memory, asked or not. To pay only for use: aitk-inference scale --min 0"
    lines = [summary, bill]
    if app.several_revisions and app.latest_revision not in app.serving:
        lines.append(f"The traffic stays with {', '.join(app.serving)}, which keeps its own numbers.")
    return Outcome(
        "\n".join(lines),
        app.endpoint,
        actions=(Action(ActionKind.RUN, "Status", "status"),),
        data={"minReplicas": least, "maxReplicas": most},
    )

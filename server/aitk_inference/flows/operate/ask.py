"""Ask: one question to the app's model, with the app's own key."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.chat import ChatServer
from aitk_inference.core.errors import AppError, Misuse, NotFound
from aitk_inference.core.json_paths import text
from aitk_inference.core.progress import duration
from aitk_inference.core.user_interface import Text
from aitk_inference.flows.app.app_document import read_document
from aitk_inference.flows.app.app_secrets import read_secrets
from aitk_inference.flows.app.key_mount import KEY_SECRET
from aitk_inference.flows.operate.opened_app import app_of_project, configured_app
from aitk_inference.flows.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from aitk_inference.core.model import ContainerApp, Json
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import AskRequest

ShowText: TypeAlias = Callable[[str], None]
"""Shows what came of an answer; never waits, never fails."""


class Answered(NamedTuple):
    """How an answer came.

    Attributes:
        first: Seconds to its first word.
        took: Seconds to its end.
        tokens: As the app counted them, else the parts that came.
        counted: True if the app counted.
    """

    first: float
    took: float
    tokens: int
    counted: bool

    @property
    def per_second(self) -> float:
        """Return the tokens a second after the first; 0 where there was one alone."""
        return (
            (self.tokens - 1) / (self.took - self.first)
            if self.tokens > 1 and self.took > self.first
            else 0.0
        )

    @property
    def words(self) -> str:
        """Return the times for a person."""
        what = "tokens" if self.counted else "parts"
        speed = f", {self.per_second:.1f} {what} a second" if self.per_second else ""
        return (
            f"First word after {duration(self.first)}{speed}; {self.tokens} {what} in {duration(self.took)}."
        )


async def with_question(request: AskRequest, ui: UserInterface) -> AskRequest:
    """Return the request with its question, asked for where it has none.

    Raises:
        AppError: there is nothing to ask.
        InputRequired, Dismissed.
    """
    question = Text(
        "text", "What to ask the model", "TEXT", pattern=r"[\s\S]*\S[\s\S]*", pattern_hint="Type a question."
    )
    given = request.text if request.text is not None else (await ui.ask((question,)))["text"]
    if not given.strip():
        raise Misuse(
            "There is no question.", suggestion='For example: aitk-inference ask "Why is the sea salty?"'
        )
    return request._replace(text=given.strip())


async def ask(request: AskRequest, *, ui: UserInterface, clouds: Clouds, show: ShowText) -> Outcome:
    """Ask the model, and show its answer as it comes.

    Raises:
        AppError: there is nothing to ask, or the app refuses the question.
        InvalidProject: the project was not provisioned.
        NotFound: the app is not there, has no OpenAI API, or no such model.
        NotAuthenticated: the app wants another key.
        Forbidden, Unreachable, InputRequired, Dismissed.
    """
    configured_app(request.project)  # before anything is asked
    question = (await with_question(request, ui)).text or ""
    async with app_of_project(request.project, ui=ui, clouds=clouds) as (cloud, app, report):
        server = await _server(app, cloud)
        sleeps = ". It may sleep: then it loads its model first" if app.min_replicas == 0 else ""
        report.step("Ask", f"Asking {app.ref.name}{sleeps}")
        model = _model(request, await cloud.chat.models(server), server, app.ref.name)
        answered = await _answer(server, model, question, cloud, show)
    speed: dict[str, Json] = {
        "model": model,
        "secondsToFirstWord": round(answered.first, 3),
        "seconds": round(answered.took, 3),
        "tokens": answered.tokens,
        "tokensPerSecond": round(answered.per_second, 2),
    }
    again = Action(ActionKind.RUN, "Ask again", "ask")
    return Outcome(f"{model}: {answered.words}", actions=(again,) if ui.can_ask else (), data=speed)


async def _server(app: ContainerApp, cloud: Cloud) -> ChatServer:
    if not app.endpoint:
        raise NotFound(
            f"{app.ref.name} has no endpoint.",
            suggestion="Give it an ingress in the template, and run Provision.",
        )
    if app.is_stopped:
        raise AppError(f"{app.ref.name} is stopped.", suggestion="Start it with: aitk-inference start")
    if not app.key_file:
        return ChatServer(app.endpoint)
    known = await read_secrets(await read_document(app, cloud), cloud)
    return ChatServer(
        app.endpoint, next((text(one, "value") for one in known if one.get("name") == KEY_SECRET), "")
    )


def _model(request: AskRequest, names: Sequence[str], server: ChatServer, app: str) -> str:
    if not names:
        return request.model or app  # nobody looks at it
    if request.model is None:
        return names[0]
    if request.model not in names:
        raise NotFound(
            f"{server.address} has no model {request.model}.", suggestion=f"It has: {', '.join(names)}."
        )
    return request.model


async def _answer(server: ChatServer, model: str, question: str, cloud: Cloud, show: ShowText) -> Answered:
    begin, first, parts, counted = cloud.clock.monotonic(), None, 0, None
    async with aclosing(
        cast("AsyncGenerator[Any, None]", cloud.chat.answer(server, model, question))
    ) as answer:
        async for part in answer:
            counted = part.tokens if part.tokens is not None else counted
            if part.text:
                first = cloud.clock.monotonic() - begin if first is None else first
                parts += 1
                show(part.text)
    took = cloud.clock.monotonic() - begin
    if first is None:
        raise AppError(
            f"{model} answered with nothing.",
            suggestion="Ask in other words, or look at: aitk-inference logs",
        )
    show("\n")
    return Answered(first, took, counted or parts, counted is not None)

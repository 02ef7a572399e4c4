"""One request to an OpenAI-compatible web API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from aitk_inference.core.errors import Unreachable

if TYPE_CHECKING:
    from aitk_inference.core.model import Json

_TIMEOUT = 120.0


@dataclass(frozen=True)
class Answer:
    """What a model said."""

    model: str
    text: str


async def models(endpoint: str) -> tuple[str, ...]:
    """Names of the models that the web API serves, the adapted one first.

    Raises:
        Unreachable: no good answer.
    """
    match await _request("GET", f"{endpoint}/v1/models"):
        case {"data": [*items]}:
            return tuple(str(item["id"]) for item in items if isinstance(item, dict))
        case _:
            raise _strange(endpoint)


async def ask(endpoint: str, model: str, question: str) -> Answer:
    """Ask a model one question.

    Raises:
        Unreachable: no good answer.
    """
    body: Json = {"model": model, "messages": [{"role": "user", "content": question}], "temperature": 0}
    match await _request("POST", f"{endpoint}/v1/chat/completions", body):
        case {"choices": [{"message": {"content": str(text)}}, *_]}:
            return Answer(model, text.strip())
        case _:
            raise _strange(endpoint)


async def _request(method: str, url: str, body: Json = None) -> Json:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, follow_redirects=True) as client:
            answer = await client.request(method, url, json=body)
            answer.raise_for_status()
            document: Json = answer.json()
            return document
    except (httpx.HTTPError, ValueError) as error:
        raise _strange(url, f" ({type(error).__name__})") from error


def _strange(url: str, why: str = "") -> Unreachable:
    return Unreachable(
        f"The web API gave no good answer at {url}{why}.",
        suggestion="See how the app stands with: aitk-inference status",
    )

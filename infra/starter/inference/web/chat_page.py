"""The page: a chat in the browser, made with Gradio."""

from __future__ import annotations

import asyncio
import html
import json
from typing import TYPE_CHECKING, Any

import gradio as gr
from fastapi import FastAPI
from openai_api.errors import ApiError, out_of_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from service import Service

EXAMPLES = ("What is a lighthouse?", "Why is the sea salty?", "Can you tell me a joke?")
WARNING = (
    '<div role="status" style="background:#fef3c7;color:#78350f;padding:12px 16px;border-radius:8px">'
    '<strong style="color:#78350f">Warning.</strong> {}</div>'
)
CSS = "footer {display: none !important}"
SYSTEM_FONTS = ("system-ui", "sans-serif")
CHATS_AT_ONCE = 64
"""Gradio's own limit is one chat at a time."""


def make_page(service: Service) -> FastAPI:
    """Return the page of a service, as an application of its own. Importing this module takes seconds."""
    page = FastAPI()
    theme = gr.themes.Soft(primary_hue="teal", font=SYSTEM_FONTS, font_mono=("ui-monospace", "monospace"))
    gr.mount_gradio_app(
        page,
        _blocks(service),
        path="/",
        theme=theme,
        css=CSS,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        show_error=False,
    )
    return page


def _blocks(service: Service) -> gr.Blocks:
    blocks = gr.Blocks(title=service.settings.name, analytics_enabled=False, fill_height=True)
    with blocks:
        gr.Markdown(f"# {service.settings.name}")
        for warning in service.warnings:
            gr.HTML(WARNING.format(html.escape(warning)))
        _chat(service)
    return blocks


def _chat(service: Service) -> None:
    models = service.settings.models
    adapter = "and its adapter" if len(models) > 1 else "alone"
    model = gr.Radio(
        list(models),
        value=models[0],
        label="Model",
        info=f"The base {adapter}. The API at v1/chat/completions knows the same names.",
    )
    gr.ChatInterface(
        _talk(service),
        chatbot=gr.Chatbot(show_label=False, buttons=["copy"], height="50vh"),
        additional_inputs=[model],
        examples=[[question] for question in EXAMPLES],
        cache_examples=False,
        flagging_mode="never",
        api_visibility="private",
        concurrency_limit=CHATS_AT_ONCE,
    )


def _talk(service: Service) -> Callable[..., AsyncIterator[str]]:
    async def talk(message: str, history: list[dict[str, object]], model: str) -> AsyncIterator[str]:
        messages = [*(_plain(turn) for turn in history), {"role": "user", "content": message}]
        text = ""
        try:
            async for piece in answer(service, model, messages):
                text += piece
                yield text
        except ApiError as error:
            raise gr.Error(error.message, print_exception=False) from None
        except Exception as error:
            words = f"The app failed ({type(error).__name__})."
            raise gr.Error(words, print_exception=False) from None

    return talk


async def answer(service: Service, model: str, messages: list[dict[str, str]]) -> AsyncIterator[str]:
    """Yield an answer's pieces, by the same way as the API.

    Raises:
        ApiError: there is none, or it ended too early.
    """
    settings = service.settings
    body = {"model": model, "messages": messages, "stream": True, "max_tokens": settings.max_new_tokens}
    engine = service.ready_engine()
    call = await asyncio.to_thread(service.rules.check, "chat", body)
    try:
        async with asyncio.timeout(settings.answer_seconds), engine.stream(call) as events:
            async for event in events:
                for piece in _pieces(event):
                    yield piece
    except TimeoutError:
        raise out_of_time(settings.answer_seconds) from None


def _pieces(events: bytes) -> list[str]:
    lines = [line[len(b"data: ") :] for line in events.split(b"\n") if line.startswith(b"data: ")]
    chunks: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]


def _plain(turn: dict[str, object]) -> dict[str, str]:
    content = turn["content"]
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text", "") if isinstance(part, dict) else str(part) for part in parts]
    return {"role": str(turn["role"]), "content": "".join(texts)}

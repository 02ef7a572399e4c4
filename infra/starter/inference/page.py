"""The page: a chat in the browser, made with Gradio."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import gradio as gr
from engine import BadPrompt, Options
from fastapi import FastAPI

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from service import Service

EXAMPLES = ("What is a lighthouse?", "Why is the sea salty?", "Can you tell me a joke?")
BANNER = (
    '<div role="alert" style="background:#b91c1c;color:#fff;padding:12px 16px;border-radius:8px">'
    '<strong style="color:#fff">Not ready.</strong> {}</div>'
)
CSS = "footer {display: none !important}"
SYSTEM_FONTS = ("system-ui", "sans-serif")


def make_page(service: Service) -> FastAPI:
    """The page of a service, as an application of its own. Importing this module takes seconds."""
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
        if service.problem:
            gr.HTML(BANNER.format(html.escape(service.problem)))
        else:
            _chat(service)
    return blocks


def _chat(service: Service) -> None:
    adapter = "and its adapter" if len(service.models) > 1 else "alone"
    model = gr.Radio(
        list(service.models),
        value=service.models[0],
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
    )


def _talk(service: Service) -> Callable[..., AsyncIterator[str]]:
    async def talk(message: str, history: list[dict[str, object]], model: str) -> AsyncIterator[str]:
        messages = [*(_plain(turn) for turn in history), {"role": "user", "content": message}]
        text = ""
        try:
            async for piece in service.start(model, messages, _options(service)):
                text += piece
                yield text
        except BadPrompt as error:
            raise gr.Error(str(error), print_exception=False) from None

    return talk


def _options(service: Service) -> Options:
    return Options(max_tokens=service.settings.max_new_tokens)


def _plain(turn: dict[str, object]) -> dict[str, str]:
    content = turn["content"]
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text", "") if isinstance(part, dict) else str(part) for part in parts]
    return {"role": str(turn["role"]), "content": "".join(texts)}

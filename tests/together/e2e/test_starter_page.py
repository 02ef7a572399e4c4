"""The starter's page in a real browser, on both engines, with and without a key."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect
from starter.vllm_app import vllm_app
from support import starter
from together.e2e import chat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.async_api import BrowserContext, Page

KEY = "page-key"
ENGINES = {"openvino": "The rivers bring it a pinch of salt", "vllm": "tuned says Why is the sea salty?"}
WRONG = "wrong-key"


@contextlib.contextmanager
def page_address(engine: str, folder: Path, **variables: str) -> Iterator[str]:
    if engine == "openvino":
        with starter.serving(starter.environment(), **variables) as client:
            yield str(client.base_url)
    else:
        with vllm_app(folder, **variables) as app:
            app.wait_ready()
            yield str(app.client.base_url)


async def open_page(browser: BrowserContext, address: str) -> Page:
    page = await browser.new_page()
    await page.goto(address)
    return page


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_person_chats(browser: BrowserContext, tmp_path: Path, engine: str) -> None:
    with page_address(engine, tmp_path) as address:
        page = await open_page(browser, address)
        assert ENGINES[engine] in await chat.ask(page, "Why is the sea salty?")


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_person_signs_in_and_chats(browser: BrowserContext, tmp_path: Path, engine: str) -> None:
    (tmp_path / "key").write_text(KEY)
    with page_address(engine, tmp_path, INFERENCE_API_KEY_FILE=str(tmp_path / "key")) as address:
        page = await open_page(browser, address)
        for key in (WRONG, KEY):
            await page.get_by_label("API key").fill(key)
            await page.get_by_role("button", name="Sign in").click()
            if key == WRONG:
                await expect(page.get_by_role("alert")).to_have_text("This key is wrong.")
        assert ENGINES[engine] in await chat.ask(page, "Why is the sea salty?")
        assert KEY not in page.url
        assert KEY not in json.dumps(await browser.cookies())


async def test_the_stages_are_followed_by_the_chat(browser: BrowserContext, tmp_path: Path) -> None:
    with vllm_app(tmp_path, "slow-load") as app:
        page = await open_page(browser, str(app.client.base_url))
        await expect(page.get_by_text("Recording CUDA graphs")).to_be_visible(timeout=60_000)
        assert ENGINES["vllm"] in await chat.ask(page, "Why is the sea salty?")


async def test_a_refusal_is_a_red_banner(browser: BrowserContext, tmp_path: Path) -> None:
    with vllm_app(tmp_path, "refuses") as app:
        page = await open_page(browser, str(app.client.base_url))
        await expect(page.get_by_role("alert")).to_contain_text("DoRA", timeout=60_000)

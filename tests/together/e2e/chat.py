"""The starter's page, as a person uses it."""

from __future__ import annotations

from playwright.async_api import Page, expect

PENDING = ("", "Loading content")  # what Gradio shows before an answer's first words


async def ask(page: Page, question: str) -> str:
    """Type a question, wait until the answer stands still; returns the answer."""
    box = page.get_by_role("textbox").last
    await expect(box).to_be_visible(timeout=60_000)
    await box.fill(question)
    await box.press("Enter")
    answer = page.locator(".bot.message, [data-testid=bot]").last
    await expect(answer).to_be_visible(timeout=60_000)
    text = ""
    while (now := (await answer.inner_text()).strip()) != text or now in PENDING:
        text = now
        await page.wait_for_timeout(1_000)
    return text

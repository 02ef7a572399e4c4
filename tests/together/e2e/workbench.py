"""The editor's window as a person uses it: palette, quick picks, notifications, the output panel."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from playwright.async_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import BrowserContext, FloatRect, Locator, Page

SLOW = 240_000
"""Milliseconds for what installs packages or starts an app."""
STARTING = re.compile(
    "Waiting for (a|an answer)\\b|The web API|Replica assigned|Share mounted|Installing packages|Packages installed"
    "|Loading the model|Model loaded|The old replica ends"
)
"""What Deploy's progress says while the app starts: which of it is seen depends on how fast the computer is."""
_MOST_ROWS = 40
"""Rows that a list may have before the one that is looked for."""


class Workbench:
    """One window of the editor.

    Args:
        context: The browser.
        address: The editor's address.
        folder: The folder that is open, or the file of a workspace; None opens the editor without one.
        pictures: Where screenshots go.
    """

    def __init__(self, context: BrowserContext, address: str, folder: Path | None, pictures: Path) -> None:
        self._context = context
        self._pictures = pictures
        kind = "workspace" if folder and folder.suffix == ".code-workspace" else "folder"
        self._url = f"{address}/?{kind}={quote(str(folder))}" if folder else f"{address}/?ew=true"
        self._count = 0
        self.page: Page

    async def open(self) -> Workbench:
        """Open the window and wait until it is usable."""
        self.page = await self._context.new_page()
        await self.page.goto(self._url)
        await self.usable()
        return self

    async def reload(self) -> None:
        """Reload the window, as Developer: Reload Window does."""
        await self.page.reload()
        await self.usable()

    async def usable(self) -> None:
        """Wait until the workbench stands and its extensions' commands are there."""
        await expect(self.page.locator(".monaco-workbench .part.statusbar")).to_be_visible(timeout=60_000)

    async def shot(self, name: str) -> None:
        """Keep a picture of the window as it is."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        self._count += 1
        picture = self._pictures / f"{self._count:02}-{name}.png"
        await self.page.screenshot(path=picture, animations="disabled")

    async def for_readme(self, name: str, *, top: int, height: int, left: int = 0) -> None:
        """Keep a part of the window for the README: ``make pictures`` takes it from there."""
        folder = self._pictures.parents[1] / "readme"
        folder.mkdir(parents=True, exist_ok=True)
        part: FloatRect = {"x": left, "y": top, "width": 1280 - left, "height": height}
        await self.page.screenshot(path=folder / f"{name}.png", clip=part, animations="disabled")

    # --- the palette and its picks ---------------------------------------------------------------------

    async def palette(self, text: str) -> Locator:
        """Open the palette and type; returns the entries."""
        await self.page.keyboard.press("F1")
        box = self.page.locator(".quick-input-widget .quick-input-box input")
        await expect(box).to_be_visible()
        await box.fill(f">{text}")
        return self.page.locator(".quick-input-widget .monaco-list-row")

    async def run(self, title: str) -> None:
        """Run a command by its exact title."""
        await self.knows(title)
        rows = await self.palette(title)
        await self._take(rows.filter(has=self.page.get_by_text(title, exact=True)).first)

    async def knows(self, title: str) -> None:
        """Wait until the palette has an entry of exactly this title."""
        for _ in range(20):
            rows = await self.palette(title)
            found = rows.filter(has=self.page.get_by_text(title, exact=True)).first
            try:
                await expect(found).to_be_visible(timeout=3_000)
            except AssertionError:
                continue
            finally:
                await self.page.keyboard.press("Escape")
            return
        raise AssertionError(f"the palette does not have {title!r}")

    async def question(self, placeholder: str) -> Locator:
        """Wait for a quick pick; returns its entries."""
        box = self.page.locator(f'.quick-input-widget input[placeholder^="{placeholder}"]')
        await expect(box).to_be_visible(timeout=SLOW)
        return self.page.locator(".quick-input-widget .monaco-list-row")

    async def pick(self, label: str) -> None:
        """Choose an entry of the quick pick that is open."""
        await self._take(
            self.page.locator(".quick-input-widget .monaco-list-row").filter(has_text=label).first
        )

    async def _take(self, row: Locator) -> None:
        """Choose a row of the open list with the keyboard: whatever lies over it, that reaches it."""
        await expect(row).to_be_visible(timeout=30_000)
        for _ in range(_MOST_ROWS):
            if "focused" in (await row.get_attribute("class") or "").split():
                await self.page.keyboard.press("Enter")
                return
            await self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"No key reaches {await row.inner_text()!r}.")

    async def preselected(self, placeholder: str, label: str) -> None:
        """Wait for a quick pick with this entry preselected, and take it."""
        rows = await self.question(placeholder)
        await expect(rows.and_(self.page.locator(".focused"))).to_contain_text(label)
        await self.page.keyboard.press("Enter")

    async def type(self, text: str) -> None:
        """Type a name into the input box that opens after a pick."""
        await expect(self.page.locator(".quick-input-message")).to_contain_text("Type a name", timeout=30_000)
        box = self.page.locator(".quick-input-widget .quick-input-box input")
        await box.fill(text)
        await box.press("Enter")

    # --- files -----------------------------------------------------------------------------------------

    async def choose_folder(self, folder: Path, button: str) -> None:
        """Type a folder into the dialog and accept; while it still reads folders it takes no click."""
        widget = self.page.locator(".quick-input-widget")
        box = widget.locator(".quick-input-box input")
        await expect(box).to_be_visible()
        await box.fill(f"{folder}/")
        for _ in range(10):
            await widget.get_by_role("button", name=button).click()
            with suppress(AssertionError):
                await expect(box).to_be_hidden(timeout=3_000)
                return
        raise AssertionError(f"The dialog did not take {folder}.")

    async def open_file(self, name: str) -> None:
        """Open a file of the project by its name, with the cursor in it."""
        await self.page.keyboard.press("Control+P")
        await self.page.locator(".quick-input-widget .quick-input-box input").fill(name)
        rows = self.page.locator(".quick-input-widget .monaco-list-row")
        await self._take(rows.filter(has_text=name).first)
        await expect(self.page.locator(".tab.active").filter(has_text=name)).to_be_visible()
        await self.page.locator(".editor-instance .view-lines").first.click()

    # --- notifications ---------------------------------------------------------------------------------

    def toast(self, text: str | re.Pattern[str]) -> Locator:
        """The notification that holds a text."""
        return self.page.locator(".notifications-toasts .notification-toast").filter(has_text=text)

    async def see(self, text: str | re.Pattern[str], timeout: float = SLOW) -> Locator:
        """Wait for a notification."""
        toast = self.toast(text).first
        await expect(toast).to_be_visible(timeout=timeout)
        return toast

    async def press(self, toast: Locator, button: str) -> None:
        """Press a notification's button."""
        await toast.locator(".monaco-button").filter(has_text=button).first.press("Enter")

    async def close(self, toast: Locator) -> None:
        """Close a notification."""
        await toast.locator(".codicon-notifications-clear").first.dispatch_event("click")
        await expect(toast).to_have_count(0)

    async def opened(self, toast: Locator, button: str) -> tuple[str, Page]:
        """Press a button that opens a page; returns the address that was asked for and the page."""
        async with self._context.expect_page(timeout=30_000) as coming:
            await self.press(toast, button)
            await self._allow()
        page = await coming.value
        return page.url, page

    async def _allow(self) -> None:
        """Say yes when the editor asks whether to open an external address."""
        dialog = self.page.locator(".monaco-dialog-box .monaco-button").filter(has_text=re.compile(r"^Open$"))
        try:
            await dialog.click(timeout=3_000)
        except Exception:
            return

    # --- the output panel ------------------------------------------------------------------------------

    async def output(self) -> str:
        """The text of the panel **AI Toolkit**."""
        await self.run("AI Toolkit: Show inference output")
        lines = self.page.locator(".part.panel .view-lines .view-line")
        await expect(lines.first).to_be_visible(timeout=30_000)
        return "\n".join(text.replace("\u00a0", " ") for text in await lines.all_inner_texts())

    async def output_with(self, text: str) -> str:
        """The text of the panel once it holds something."""
        await self.run("AI Toolkit: Show inference output")
        await self.told(text)
        return await self.output()

    async def told(self, text: str) -> None:
        """Wait until the panel, which is open, holds a text."""
        await expect(self.page.locator(".part.panel .view-lines")).to_contain_text(text, timeout=60_000)

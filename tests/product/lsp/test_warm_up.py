"""What a first command needs is loaded beforehand: nothing waits for it longer than for one module."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest
from aitk_inference.lsp.warm_up import WarmUp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GATED = "import pathlib, time\nwhile not pathlib.Path({gate!r}).exists(): time.sleep(0.005)\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Make a module that can be imported, and is forgotten at the end."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name: str, code: str) -> str:
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.setitem(sys.modules, name, None)  # so that the end takes it away
        monkeypatch.delitem(sys.modules, name)
        return name

    return make


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():  # noqa: ASYNC110 - what is met is a module loaded in a thread
            await asyncio.sleep(0.005)


def loaded(name: str) -> bool:
    return name in sys.modules


async def test_modules_are_loaded_in_their_order_and_a_broken_one_is_left_to_the_command(
    module: Callable[[str, str], str],
) -> None:
    broken = module("warm_broken", "raise RuntimeError('boom')")
    after = module("warm_after", "")
    warm_up = WarmUp([broken, "warm_missing", after])
    warm_up.begin()
    await until(lambda: loaded(after))
    assert not loaded(broken)


async def test_a_command_waits_for_the_module_that_is_half_loaded_and_no_longer(
    module: Callable[[str, str], str], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = module("warm_first", GATED.format(gate=str(gate)))
    second = module("warm_second", "")
    warm_up = WarmUp([first, second])
    warm_up.begin()
    await until(lambda: loaded(first))
    began = asyncio.Event()
    end = asyncio.Event()

    async def command() -> None:
        async with warm_up.held():
            began.set()
            await end.wait()

    running = asyncio.ensure_future(command())
    await asyncio.sleep(0.05)  # the loop goes on meanwhile
    assert not began.is_set()
    gate.touch()
    await asyncio.wait_for(began.wait(), 20)
    await asyncio.sleep(0.05)
    assert not loaded(second)
    end.set()
    await running
    await until(lambda: loaded(second))


async def test_the_rest_waits_until_the_last_of_two_commands_has_ended(
    module: Callable[[str, str], str],
) -> None:
    later = module("warm_later", "")
    warm_up = WarmUp([later])
    async with warm_up.held():
        warm_up.begin()
        async with warm_up.held():
            pass
        await asyncio.sleep(0.05)
        assert not loaded(later)
    await until(lambda: loaded(later))


async def test_a_server_that_ends_loads_nothing_more(module: Callable[[str, str], str]) -> None:
    later = module("warm_never", "")
    warm_up = WarmUp([later])
    async with warm_up.held():
        warm_up.begin()
        await warm_up.stop()
    await asyncio.sleep(0.05)
    assert not loaded(later)

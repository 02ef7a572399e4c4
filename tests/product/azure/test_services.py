import asyncio
import subprocess
import sys

import pytest
from aitk_inference import composition
from aitk_inference.core.errors import NotAuthenticated
from aitk_inference.core.settings import Settings


def test_nothing_heavy_is_imported_before_a_target_is_opened() -> None:
    code = (
        "import sys, aitk_inference.composition as s\n"
        "from aitk_inference.core.settings import Settings\n"
        "s.clouds(Settings()).local\n"
        "heavy = {'azure', 'aiohttp', 'httpx', 'msal'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


async def test_nobody_signed_in_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotAuthenticated) as caught:
        await composition.clouds(Settings()).subscriptions(interactive=False)
    assert "az login" in caught.value.suggestion
    assert "Azure CLI not found on path" in caught.value.detail


async def test_the_editor_is_asked_silently_before_anybody_is_disturbed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    asked: list[bool] = []

    class Editor:
        async def token(
            self,
            scopes: object,
            *,
            tenant_id: str | None = None,
            claims: str | None = None,
            www_authenticate: str | None = None,
            interactive: bool = True,
        ) -> tuple[str, int]:
            asked.append(interactive)
            await asyncio.sleep(0)
            raise NotAuthenticated("No account.")

    with pytest.raises(NotAuthenticated):
        await composition.clouds(Settings(), tokens=Editor()).subscriptions(interactive=False)
    assert asked == [False]

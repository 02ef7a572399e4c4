"""The status bar: how the app of each open project stands, and what can be done about it.

It is looked at when the server is ready, after each command, when a configuration changes, and in between only now
and then: every few seconds while an app starts, else every two minutes, and less and less where nobody answers.
Nobody is asked to sign in for it, no local Azure is started, and no app is woken.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pygls.uris import to_fs_path

from aitk_inference.core.backoff import doubled
from aitk_inference.core.errors import AppError
from aitk_inference.lsp import settings
from aitk_inference.lsp.wire import StatusParams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aitk_inference.core.ports import Clouds, MakeClouds
    from aitk_inference.lsp.editor import Editor
    from aitk_inference.lsp.settings import EditorSettings
    from aitk_inference.lsp.warm_up import WarmUp

_STARTING, _SETTLED, _LONGEST = 5.0, 120.0, 900.0


class _Targets(NamedTuple):
    """The targets that the settings lead to, kept so that their sign-in is."""

    settings: EditorSettings
    clouds: Clouds


class StatusBar:
    """Keeps the status bar of one editor true.

    Args:
        editor: Whose; nothing is done where it has no status bar of ours.
        folders: The folders that are open, as URIs.
        make_clouds: Makes the targets from settings.
        warm_up: Held during a look, which loads what it needs.
    """

    def __init__(
        self,
        editor: Editor,
        folders: Callable[[], Sequence[str]],
        make_clouds: MakeClouds,
        warm_up: WarmUp,
    ) -> None:
        self._editor, self._folders, self._make_clouds = editor, folders, make_clouds
        self._warm_up = warm_up
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._targets: _Targets | None = None
        self._shown: dict[str, StatusParams] = {}

    def refresh(self) -> None:
        """Look again, soon; it never waits."""
        if not self._editor.features.status:
            return
        self._changed.set()
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        failures = 0
        while True:
            self._changed.clear()
            waits = [await self._look(uri) for uri in self._folders()]
            failures = failures + 1 if None in waits else 0
            known = [wait for wait in waits if wait is not None]
            wait = min(known, default=doubled(max(failures, 1), first=_SETTLED, longest=_LONGEST))
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _look(self, uri: str) -> float | None:
        """Show how a folder's app stands; return when to look again, or None where nobody answered."""
        from aitk_inference.lsp import app_status  # noqa: PLC0415 - flows, after `initialize`

        wait: float | None
        project = Path(to_fs_path(uri) or "")
        try:
            async with self._warm_up.held():
                params = await app_status.look(uri, project, self._clouds)
            wait = _STARTING if params.text.startswith(app_status.STARTING) else _SETTLED
        except (AppError, OSError) as error:
            params, wait = app_status.unknown(uri, error), None
        if params != self._shown.get(uri, StatusParams(uri, "")):
            self._shown[uri] = params
            self._editor.status(params)
        return wait

    async def _clouds(self) -> Clouds:
        chosen = await settings.read(self._editor)
        if self._targets is None or self._targets.settings != chosen:
            tokens = self._editor if self._editor.features.access_token else None
            self._targets = _Targets(chosen, self._make_clouds(chosen.settings, tokens))
        return self._targets.clouds

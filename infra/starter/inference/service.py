"""What is served: the engine from its start to its end, and what can be said of it meanwhile."""

from __future__ import annotations

import asyncio
import tempfile
import time
import traceback
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from adapter_effect import PROMPTS, WITHOUT_EFFECT, has_effect
from base_fetch import CannotFetch, Progress, locate_base
from checks import check
from engines.base import CannotServe, Engine, EngineEnded
from engines.openvino import OpenVinoEngine
from engines.vllm_command import VllmCommand
from gpu import has_gpu
from model_files import GIGABYTE, engine_for, gigabytes_of
from openai_api.errors import NO_RETRY, ApiError
from openai_api.requests import Rules
from share import copied, wants_copy, wants_prefetch
from stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from settings import Settings
    from web.key_file import KeyFile


class Service:
    """The engine and its state: ``refusal`` says why a new start would not help, ``failure`` how it ended."""

    def __init__(self, settings: Settings, key_file: KeyFile, log: Callable[[str], None]) -> None:
        self.settings = settings
        self.created = time.time()
        self.warnings: list[str] = []
        self.refusal: str | None = None
        self.failure: str | None = None
        self._key_file = key_file
        self.log = log
        self._stages = Stages(log)
        self._engine_name = settings.engine
        self._engine: Engine | None = None
        self._ready = False
        self._decided = asyncio.Event()

    @property
    def is_ready(self) -> bool:
        """Return True once a token was generated, until the engine ends."""
        return self._ready

    @property
    def is_protected(self) -> bool:
        """Return True where a key is wanted."""
        return self._key_file.read() is not None

    @property
    def stages(self) -> Stages:
        """Return the stages of the start."""
        return self._stages

    @property
    def rules(self) -> Rules:
        """Return what decides whether a request is taken."""
        return Rules(self.settings.models, self._engine_name, self.settings.tool_parser)

    async def run(self, on_failure: Callable[[], None]) -> None:
        """Start the engine and watch it. A refusal is kept and shown; an engine that ends is a failure."""
        try:
            await self._start()
            self._decided.set()
            failure = await self._present.ended()
        except CannotServe as error:
            self._refuse(str(error))
            return
        except EngineEnded as error:
            failure = str(error)
        except Exception:  # whatever it is, the container must not stay up without a model
            failure = f"The start failed.\n{traceback.format_exc()}"
        self._fail(failure)
        on_failure()

    async def stop(self) -> None:
        """End the engine."""
        self._ready = False
        if self._engine is not None:
            await self._engine.stop()

    @property
    def _present(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("no engine yet")
        return self._engine

    async def _start(self) -> None:
        await asyncio.to_thread(self._find_base)
        self._stages.begin("Checking the model")
        self._engine = await asyncio.to_thread(self._checked_engine)
        await self._engine.start(self._stages)
        self._stages.begin("Generating the first token")
        await self._try_out(self._engine)
        self._stages.finish()
        self._ready = True

    def _find_base(self) -> None:
        """Take the base's folder from the share, or fetch it there."""
        self._stages.begin("Looking for the base model")
        try:
            base = locate_base(self.settings.wanted_base, self._report_fetched)
        except CannotFetch as error:
            raise CannotServe(str(error)) from error
        self.settings = replace(self.settings, base=base.resolve())

    def _report_fetched(self, progress: Progress) -> None:
        self._stages.begin(f"Fetching {self.settings.base_text}", progress.total / GIGABYTE)
        self._stages.progress(progress.percent)

    def _checked_engine(self) -> Engine:
        settings = self.settings
        self._engine_name = engine_for(settings, gpu=has_gpu())
        checked = check(settings, self._engine_name)
        if checked.errors:
            raise CannotServe(" ".join(checked.errors))
        self.warnings += checked.warnings
        gigabytes = gigabytes_of(settings.base)
        if self._engine_name == "openvino":
            return OpenVinoEngine(self._near(settings, gigabytes), gigabytes)
        if prefetch := wants_prefetch(settings.base, gigabytes * GIGABYTE):
            return self._vllm(VllmCommand(settings, checked.options, prefetch), gigabytes)
        return self._vllm(VllmCommand(self._near(settings, gigabytes), checked.options), gigabytes)

    def _vllm(self, command: VllmCommand, gigabytes: float) -> Engine:
        from engines.vllm import VllmEngine  # noqa: PLC0415  its HTTP client is a big library

        return VllmEngine(command, gigabytes, self.log)

    def _near(self, settings: Settings, gigabytes: float) -> Settings:
        """Copy the base from the share to the disk where it fits: both engines read it in small pieces."""
        disk = Path(tempfile.gettempdir())
        if not wants_copy(settings.base, disk):
            return settings
        self._stages.begin("Copying the base to the container's disk", gigabytes)
        try:
            return replace(settings, base=copied(settings.base, disk))
        except OSError as error:  # what else is on the disk may have grown
            self.log(f"Not copied ({error.strerror}): the base is read from the share.")
            return settings

    async def _try_out(self, engine: Engine) -> None:
        settings = self.settings
        try:
            await engine.first_tokens(settings.models[0], PROMPTS[0])
            if not settings.base_only and not await has_effect(engine, settings.base_name, settings.name):
                self.warnings.append(WITHOUT_EFFECT)
                self.log(f"Warning: {WITHOUT_EFFECT}")
        except ApiError as error:
            raise CannotServe(f"The model is loaded and generates nothing: {error.message}") from error

    def _refuse(self, words: str) -> None:
        self.refusal = words
        self._decided.set()
        self.log(f"Not ready: {words}")

    def _fail(self, words: str) -> None:
        self._ready = False
        self.failure = words
        self._decided.set()
        self.log(words)

    async def decided(self) -> None:
        """Wait until the model answers, is refused, or has failed."""
        await self._decided.wait()

    def ready_engine(self) -> Engine:
        """Return the engine.

        Raises:
            ApiError: it can't answer, and why.
        """
        if not self._ready:
            headers = NO_RETRY if self.refusal else {"retry-after": "5"}
            words = f"Not ready. {self.reason()}"
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, words, code="not_ready", headers=headers)
        return self._present

    def reason(self) -> str:
        """Return why the model can't answer."""
        if self.failure is not None:
            return "The engine ended by itself; the console log says more. The app starts again."
        return self.refusal or self._stages.words()

    def state(self) -> dict[str, object]:
        """Return whether the model answers and, if not, why; nothing that is worth guarding."""
        said: dict[str, object] = {"ready": self._ready}
        if self._ready and not self.is_protected:
            said["models"] = list(self.settings.models)
        if not self._ready:
            said |= {"reason": self.reason(), "status": self._status(), **self._progress()}
        if self.warnings:
            said["warnings"] = list(self.warnings)
        return said

    def health(self) -> dict[str, object]:
        """Return the same with the engine, the models and whether a key is wanted."""
        return {
            "status": self._status(),
            "engine": self._engine_name,
            "protected": self.is_protected,
            "models": list(self.settings.models),
            **self.state(),
        }

    def _status(self) -> str:
        if self._ready:
            return "ok"
        return "failed" if self.failure is not None else "refused" if self.refusal else "starting"

    def _progress(self) -> dict[str, object]:
        if self.refusal or self.failure is not None or not self._stages.all:
            return {}
        stage = self._stages.all[-1]
        return {
            "stage": stage.title,
            "seconds": round(self._stages.elapsed, 1),
            "gigabytes": None if stage.gigabytes is None else round(stage.gigabytes, 2),
            "percent": stage.percent,
        }

"""Two runs at once on one share, with stalls at any request: one run's content or an error, never a mixture.

Each request of either run waits for its turn before it is carried out, and again before its answer is read; time
passes between as the test says, so that a lock ends under a run that stands still.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from aitk_inference.core.errors import AppError
from aitk_inference.core.progress import Reporter
from aitk_inference.core.project_lock import Holder
from aitk_inference.sync import commit, large_files, plan, upload
from aitk_inference.sync.engine import Job, sync
from aitk_inference.sync.ignore import MANIFEST_NAME
from aitk_inference.sync.manifest import decode
from aitk_inference.sync.report import Synced
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_share import FakeShare
from support.scripted import FakeClock, Scripted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATHS = ("a.py", "lib/b.py", "lib/c.py", "model.bin")
YES = {"overwrite": "yes", "drift": "yes", "delete": "yes"}
OURS = frozenset({MANIFEST_NAME, ".aitk-lock"})


class AheadClock:
    """A computer's clock that is wrong by some seconds."""

    def __init__(self, clock: FakeClock, ahead: int) -> None:
        self._ahead = timedelta(seconds=ahead)
        self._clock = clock
        self.monotonic = clock.monotonic
        self.sleep = clock.sleep

    def now(self) -> datetime:
        return self._clock.now() + self._ahead


class Turns:
    """Whose request goes on next, and how much later; in turns when nothing more is said."""

    def __init__(self, said: Sequence[tuple[int, int]], clock: FakeClock) -> None:
        self._said: Iterator[tuple[int, int]] = iter(said)
        self._clock = clock
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._queues = (asyncio.Lock(), asyncio.Lock())
        self._alive = {0, 1}
        self._last = 0

    async def wait(self, who: int) -> None:
        async with self._queues[who]:  # several requests of one run come one after the other
            turn = asyncio.get_running_loop().create_future()
            self._waiting[who] = turn
            asyncio.get_running_loop().call_soon(self._go_on)
            try:
                await turn
            finally:  # it may have been cancelled
                self._waiting.pop(who, None)

    def ended(self, who: int) -> None:
        self._alive.discard(who)
        self._go_on()

    def _go_on(self) -> None:
        if not self._waiting or self._alive - self._waiting.keys():
            return
        who, seconds = next(self._said, (1 - self._last, 0))
        self._last = who if who in self._waiting else next(iter(self._waiting))
        self._clock.seconds += seconds
        turn = self._waiting.pop(self._last)
        if not turn.done():
            turn.set_result(None)


class TurnsShare:
    """One run's way to a share that two runs have: its own check before writes, and its turns."""

    def __init__(self, share: FakeShare, turns: Turns, who: int) -> None:
        self._share = share
        self._turns = turns
        self._who = who
        self._check: Any = None
        self.requests = 0

    def before_writes(self, check: Any) -> None:
        self._check = check

    def __getattr__(self, name: str) -> Any:
        request = getattr(self._share, name)
        reads = ("list", "entry", "read", "read_range", "directory", "ranges", "set_directory_metadata")

        async def call(*args: Any, **options: Any) -> Any:
            if self._check is not None and name not in reads:
                await self._check()
            self.requests += 1
            await self._turns.wait(self._who)
            try:
                return await request(*args, **options)
            finally:
                await self._turns.wait(self._who)

        return call


def lay(home: Path, name: str) -> tuple[Path, dict[str, bytes]]:
    """A clone of the project with content of its own."""
    root = home / name / "project"
    files = {path: f"{name} {path} {'x' * (path == 'model.bin') * 20}".encode() for path in PATHS}
    (root / ".git").mkdir(parents=True)
    (root / ".git/config").write_text('[remote "origin"]\n\turl = https://host.example/team/app\n')
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root, files


async def run_both(home: Path, said: Sequence[tuple[int, int]], ahead: int = 0) -> None:
    clock = FakeClock()
    share = FakeShare(lambda _: None, clock.now)
    turns = Turns(said, clock)
    clocks = (clock, AheadClock(clock, ahead))
    clones = [lay(home, "first"), lay(home, "second")]

    async def run(who: int) -> Synced | AppError:
        holder = Holder("same", "host")  # two containers: the same host name, path and user
        job = Job(clones[who][0], "share", holder, home / f"state{who}")
        try:
            return await sync(job, TurnsShare(share, turns, who), clocks[who], Reporter(Scripted(YES)))  # type: ignore[arg-type] # a share by name
        except AppError as error:
            return error
        finally:
            turns.ended(who)

    ended = await asyncio.gather(run(0), run(1))
    check_manifest(share)
    trees = [files for _, files in clones]
    for path in PATHS:
        assert share.files.get(path) in (None, *(files[path] for files in trees)), "half of a file"
    if all(isinstance(one, Synced) for one in ended):
        assert {path: content for path, content in share.files.items() if path not in OURS} in trees, ended


def check_manifest(share: FakeShare) -> None:
    """What the manifest vouches for is what the share holds."""
    if MANIFEST_NAME not in share.files:
        return
    for path, sent in decode(share.files[MANIFEST_NAME]).files.items():
        if sent.sha256:
            assert hashlib.sha256(share.files[path]).hexdigest() == sent.sha256, path


TURNS = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0, 0, 0, 0, 1, 40, 70, 130])), max_size=120)


@settings(
    max_examples=int(os.environ.get("AITK_EXAMPLES", "60")),
    deadline=None,
    derandomize="CI" in os.environ,  # CI repeats; whoever works here explores
)
@given(TURNS, st.sampled_from([0, 130, -130]))
def test_two_runs_end_in_ones_content_or_an_error_and_never_in_a_mixture(
    said: list[tuple[int, int]], ahead: int
) -> None:
    with tempfile.TemporaryDirectory() as home, ExitStack() as small:
        for module in (plan, upload, commit, large_files):
            small.enter_context(patch.object(module, "PIECE", 16))
        asyncio.run(run_both(Path(home), said, ahead))


def stalls() -> Iterator[tuple[int, int]]:
    """At which turn the first run stops, and for how long; the other goes to its end meanwhile."""
    return ((turn, seconds) for turn in range(2, 60, 3) for seconds in (70, 130))


def test_a_run_that_stands_still_at_any_request_while_another_runs_to_its_end() -> None:
    for turn, seconds in stalls():
        with tempfile.TemporaryDirectory() as home, ExitStack() as small:
            for module in (plan, upload, commit, large_files):
                small.enter_context(patch.object(module, "PIECE", 16))
            said = [*[(0, 0)] * turn, (1, seconds), *[(1, 0)] * 200]
            asyncio.run(run_both(Path(home), said))

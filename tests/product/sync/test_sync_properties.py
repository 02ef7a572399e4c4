"""Any folder, any share, any history: a sync converges, keeps what is not ours, and does nothing twice."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from aitk_inference.core.errors import Dismissed, InvalidProject
from aitk_inference.core.progress import Reporter
from aitk_inference.core.project_lock import holder_of
from aitk_inference.sync import commit, large_files, plan, upload
from aitk_inference.sync.engine import Job, sync
from aitk_inference.sync.ignore import MANIFEST_NAME
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_share import ShareWorld
from support.scripted import Killed, Scripted

NAMES = st.sampled_from(["a", "b", "A", "model.bin"])
PATHS = st.builds("/".join, st.lists(NAMES, min_size=1, max_size=3))
CONTENTS = st.sampled_from([b"", b"1", b"2", b"0123456789", b"9876543210", bytes(9)])
TREES = st.dictionaries(PATHS, CONTENTS, max_size=6)
EDITS = st.lists(st.tuples(PATHS, CONTENTS), max_size=3)
KILLS = st.one_of(st.none(), st.integers(min_value=0, max_value=25))
ROUNDS = st.lists(st.tuples(TREES, EDITS, KILLS), min_size=1, max_size=4)


class World:
    """A folder, a share, and what others put on it."""

    def __init__(self, home: Path) -> None:
        self.cloud = ShareWorld()
        self.root = home / "tree"
        self.state = home / "state"
        self.foreign: dict[str, bytes] = {}
        self.adopted: dict[str, bytes] = {}

    def lay(self, tree: dict[str, bytes]) -> bool:
        """Make the folder this tree; False for one that can't be, or that Azure can't hold."""
        names: dict[str, str] = {}
        for path in tree:
            parts = path.split("/")
            for depth in range(1, len(parts) + 1):
                kind = "file" if depth == len(parts) else "folder"
                name = "/".join(parts[:depth])
                if names.setdefault(name.lower(), kind + name) != kind + name:
                    return False
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        for path, content in tree.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(content)
        return True

    def edit(self, edits: list[tuple[str, bytes]]) -> None:
        """Somebody else writes to the share, but to no file that a sync knows (that would be drift)."""
        share = self.cloud.share
        for path, content in edits:
            name = path.lower()
            ours = name not in self.foreign and name in self.on_share()
            if ours or "/" in path or any(folder.lower() == name for folder in share.folders):
                continue
            share.edit(path, content)
            self.foreign[name] = content

    def on_share(self) -> dict[str, bytes]:
        """What the share has, by name as the service compares names."""
        return {path.lower(): content for path, content in self.cloud.share.files.items()}

    async def sync(self, answers: dict[str, str], kill: int | None) -> None:
        job = Job(self.root, "share", holder_of(self.root), self.state)
        cloud = self.cloud
        cloud.kill_at = None if kill is None else len(cloud.calls) + kill
        try:
            await sync(job, cloud.share, cloud.clock, Reporter(Scripted(answers)))
        finally:
            cloud.kill_at = None

    def local(self) -> dict[str, bytes]:
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {path.relative_to(self.root).as_posix().lower(): path.read_bytes() for path in files}


NO = {"overwrite": "no", "drift": "no", "delete": "no", "takeOver": "no"}
YES = {"overwrite": "yes", "drift": "yes", "delete": "yes", "takeOver": "yes"}


Round = tuple[dict[str, bytes], list[tuple[str, bytes]], int | None]


async def _live(world: World, rounds: list[Round]) -> None:
    for tree, edits, kill in rounds:
        if world.lay(tree):
            world.edit(edits)
            await _unasked(world, kill)
            await _agreed(world)


async def _unasked(world: World, kill: int | None) -> None:
    """Somebody says no to everything, or the process is killed: others' files are as they were."""
    with suppress(Dismissed, InvalidProject, Killed, BaseExceptionGroup):
        await world.sync(NO, kill)
    if kill is not None:  # what it sent before it could note it stays when it is gone here by the next run
        world.adopted |= world.local()
    share = world.on_share()
    assert {name: share.get(name) for name in world.foreign} == world.foreign


async def _agreed(world: World) -> None:
    """Somebody says yes to everything: the share has what the folder has, and what others put elsewhere."""
    try:
        await world.sync(YES, None)
    except InvalidProject:  # a folder of one stands in the other's place
        return
    local, share = world.local(), world.on_share()
    assert {name: share.get(name) for name in local} == local
    same = {name: content for name, content in world.foreign.items() if local.get(name) == content}
    replaced = {name for name, content in world.adopted.items() if local.get(name, content) != content}
    world.adopted = {n: c for n, c in (world.adopted | same).items() if n not in replaced}
    world.foreign = {name: content for name, content in world.foreign.items() if name not in local}
    left = {name: share[name] for name in set(share) - set(local) - {MANIFEST_NAME}}
    assert left.items() >= world.foreign.items()
    assert left.items() <= (world.adopted | world.foreign).items()
    before = world.cloud.share.requests
    await world.sync(NO, None)
    if MANIFEST_NAME in share:
        assert world.cloud.share.requests == before + 1, "a second run finds nothing to do"


@settings(
    max_examples=int(os.environ.get("AITK_EXAMPLES", "100")),
    deadline=None,
    derandomize="CI" in os.environ,  # CI repeats; whoever works here explores
)
@given(ROUNDS)
def test_every_history_converges_and_spares_what_is_not_ours(
    rounds: list[Round],
) -> None:
    with (
        tempfile.TemporaryDirectory() as home,
        patch.object(plan, "PIECE", 4),  # ten bytes are a large file
        patch.object(upload, "PIECE", 4),
        patch.object(large_files, "PIECE", 4),
        patch.object(commit, "PIECE", 4),
    ):
        asyncio.run(_live(World(Path(home)), rounds))

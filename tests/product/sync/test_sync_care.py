"""What a sync does not lose: edits on the share, others' files, interrupted files, spelling, places."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.errors import InputRequired, InvalidProject
from aitk_inference.core.progress import Reporter
from aitk_inference.core.project_lock import holder_of
from aitk_inference.flows.user_dirs import state_folder
from aitk_inference.sync.engine import Job, sync
from aitk_inference.sync.ignore import LOCK_NAME, MANIFEST_NAME
from aitk_inference.sync.local_state import BaseCache
from aitk_inference.sync.manifest import decode
from aitk_inference.sync.plan import PIECE
from support.scripted import Killed, Scripted

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.sync.report import Synced
    from support.fake_share import ShareWorld


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    return root


def _write(root: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def _age(root: Path, seconds: int = 60) -> None:
    """Let the files be as old as most are: nothing wrote them in the last moment."""
    for path in root.rglob("*"):
        found = path.stat()
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns - seconds * 10**9))


async def _sync(root: Path, world: ShareWorld, ui: Scripted | None = None, **options: bool) -> Synced:
    job = Job(root, "share", holder_of(root), state_folder(), **options)  # type: ignore[arg-type] # flags
    return await sync(job, world.share, world.clock, Reporter(ui or Scripted()))


def _forget_everything(root: Path) -> None:
    """Another computer, which knows nothing of earlier runs."""
    for path in (state_folder() / "shares").glob("*"):
        path.unlink()


async def _killed(root: Path, world: ShareWorld, steps: int) -> None:
    world.kill_at = len(world.calls) + steps
    with suppress(Killed, BaseExceptionGroup):
        await _sync(root, world)
    world.kill_at = None


async def test_requests_are_at_the_floor(tree: Path, world: ShareWorld) -> None:
    _write(tree, {f"d{n % 3}/f{n}": b"x%d" % n for n in range(20)})
    _age(tree)
    assert (await _sync(tree, world)).requests == 20 + 3 + 5
    assert (await _sync(tree, world)).requests == 1
    (tree / "d0/f0").write_bytes(b"changed")
    assert (await _sync(tree, world)).requests == 5 + 1  # one look at what is replaced


async def test_the_words_say_what_it_took(tree: Path, world: ShareWorld) -> None:
    _write(tree, {"a": b"1", "b": b"2"})
    await _sync(tree, world)
    (tree / "a").write_bytes(b"changed")
    changed = await _sync(tree, world)
    assert str(changed._replace(seconds=0.4)) == "1 of 2 files changed, 7 B in 0.4 s, 6 requests"
    same = await _sync(tree, world)
    assert str(same._replace(seconds=0.0381)) == "0 of 2 files changed, 0 B in 38 ms, 1 request"


async def test_an_edit_on_the_share_is_never_lost_silently(tree: Path, world: ShareWorld) -> None:
    _write(tree, {"a": b"1", "b": b"2"})
    await _sync(tree, world)
    world.share.edit("a", b"edited there")
    (tree / "a").write_bytes(b"edited here")
    with pytest.raises(InputRequired, match="1 file changed on the share since"):
        await _sync(tree, world)
    assert world.share.files["a"] == b"edited there"
    assert (await _sync(tree, world, Scripted({"drift": "no"}))).sent == ()
    assert world.share.files["a"] == b"edited there"
    await _sync(tree, world, Scripted({"drift": "yes"}))
    assert world.share.files["a"] == b"edited here"


async def test_a_file_that_was_edited_on_the_share_is_not_deleted_silently(
    tree: Path, world: ShareWorld
) -> None:
    _write(tree, {str(n): b"%d" % n for n in range(10)})
    await _sync(tree, world)
    world.share.edit("0", b"edited there")
    (tree / "0").unlink()
    with pytest.raises(InputRequired, match="changed on the share"):
        await _sync(tree, world)
    assert "0" in world.share.files


async def test_verify_finds_what_time_and_size_hide(tree: Path, world: ShareWorld) -> None:
    _write(tree, {"a": b"1", "b": b"2", "c": b"3"})
    _age(tree)
    await _sync(tree, world)
    before = (tree / "a").stat()
    (tree / "a").write_bytes(b"X")
    os.utime(tree / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    world.share.edit("b", b"edited there")
    del world.share.stored["c"]
    assert (await _sync(tree, world)).sent == ()
    with pytest.raises(InputRequired):
        await _sync(tree, world, verify=True)
    synced = await _sync(tree, world, Scripted({"drift": "yes"}), verify=True)
    assert set(synced.sent) == {"a", "b", "c"}
    assert (world.share.files["a"], world.share.files["b"]) == (b"X", b"2")


async def test_a_change_within_the_same_tick_of_the_clock_is_found(tree: Path, world: ShareWorld) -> None:
    _write(tree, {"a": b"1"})
    before = (tree / "a").stat()
    await _sync(tree, world)
    (tree / "a").write_bytes(b"2")
    os.utime(tree / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (await _sync(tree, world)).sent == ("a",)


async def test_a_new_file_does_not_replace_anothers(tree: Path, world: ShareWorld) -> None:
    _write(tree, {"a": b"1"})
    await _sync(tree, world)
    world.share.edit("B", b"somebody's")
    _write(tree, {"b": b"ours"})
    with pytest.raises(InputRequired, match="somebody else put"):
        await _sync(tree, world)
    assert world.share.files["B"] == b"somebody's"


async def test_what_the_share_has_with_the_same_content_is_neither_asked_about_nor_sent_nor_ours(
    tree: Path, world: ShareWorld
) -> None:
    model = os.urandom(PIECE + 7)
    world.share.edit("model.bin", model)
    _write(tree, {"model.bin": model, "a": b"1"})
    assert (await _sync(tree, world)).sent == ("a",)
    (tree / "model.bin").unlink()
    assert (await _sync(tree, world)).deleted == ()
    assert world.share.files["model.bin"] == model


async def test_a_large_file_that_moved_is_copied_on_the_service(tree: Path, world: ShareWorld) -> None:
    model = os.urandom(PIECE + 7)
    _write(tree, {"old/model.bin": model, **{f"f{n}": b"x" for n in range(10)}})
    await _sync(tree, world)
    world.share.calls.clear()
    (tree / "new").mkdir()
    (tree / "old/model.bin").rename(tree / "new/model.bin")
    await _sync(tree, world)
    assert "copy" in world.share.calls
    assert "range" not in world.share.calls
    assert world.share.files["new/model.bin"] == model
    assert "old/model.bin" not in world.share.files


@pytest.mark.parametrize("steps", range(2, 9))
async def test_an_interrupted_large_file_goes_on_at_the_missing_parts(
    tree: Path, world: ShareWorld, steps: int
) -> None:
    content = os.urandom(5 * PIECE + 3)
    _write(tree, {"model.bin": content})
    await _killed(tree, world, steps)
    ranges = world.share.calls.count("range")
    await _sync(tree, world)
    assert world.share.files["model.bin"] == content
    started = ranges - 1 if ranges else 0  # the one that was under way when the process ended
    assert world.share.calls.count("range") <= 6 + ranges - started


async def test_a_killed_overwrite_of_a_large_file_leaves_the_old_one_whole(
    tree: Path, world: ShareWorld
) -> None:
    old, new = os.urandom(PIECE + 1), os.urandom(PIECE + 1)
    _write(tree, {"model.bin": old})
    _age(tree)
    times = (tree / "model.bin").stat()
    await _sync(tree, world)
    (tree / "model.bin").write_bytes(new)
    steps_to_the_first_part = 6  # look, lock, manifest, journal, create, range
    await _killed(tree, world, steps_to_the_first_part)
    assert world.share.files["model.bin"] == old
    assert any(name.startswith(".aitk-part-") for name in world.share.files)
    (tree / "model.bin").write_bytes(old)
    os.utime(tree / "model.bin", ns=(times.st_atime_ns, times.st_mtime_ns))
    await _sync(tree, world)
    assert world.share.files["model.bin"] == old
    assert not any(name.startswith(".aitk-part-") for name in world.share.files)


async def test_zeros_need_no_requests(tree: Path, world: ShareWorld) -> None:
    with (tree / "sparse").open("wb") as file:
        file.truncate(64 << 20)
    await _sync(tree, world)
    assert world.share.calls.count("range") == 0
    assert world.share.files["sparse"] == bytes(64 << 20)


async def test_after_a_killed_first_sync_nobody_is_asked_about_our_own_files(
    tree: Path, world: ShareWorld
) -> None:
    _write(tree, {f"f{n}": b"x" for n in range(10)})
    await _killed(tree, world, 8)
    assert world.share.files
    assert LOCK_NAME in world.share.folders
    for n in range(10):
        (tree / f"f{n}").write_bytes(b"newer")
    await _sync(tree, world)
    assert world.share.files["f0"] == b"newer"


async def test_another_spelling_of_a_name_is_the_same_file_on_the_share(
    tree: Path, world: ShareWorld
) -> None:
    _write(tree, {f"f{n}": b"x" for n in range(10)} | {"Readme.md": b"1"})
    await _sync(tree, world)
    (tree / "Readme.md").rename(tree / "README.md")
    await _sync(tree, world)
    assert world.share.files["README.md"] == b"1"
    assert "Readme.md" not in world.share.files


async def test_a_file_becomes_a_folder_and_a_folder_a_file(tree: Path, world: ShareWorld) -> None:
    _write(tree, {f"f{n}": b"x" for n in range(20)} | {"a": b"1", "b/c": b"2"})
    await _sync(tree, world)
    (tree / "a").unlink()
    (tree / "b/c").unlink()
    (tree / "b").rmdir()
    _write(tree, {"a/x": b"3", "b": b"4"})
    await _sync(tree, world)
    assert (world.share.files["a/x"], world.share.files["b"]) == (b"3", b"4")
    assert (await _sync(tree, world)).requests == 1


async def test_a_folder_of_somebody_else_in_a_files_place_is_told(tree: Path, world: ShareWorld) -> None:
    world.share.folders["a"] = {}
    _write(tree, {"a": b"1"})
    with pytest.raises(InvalidProject, match="same names"):
        await _sync(tree, world)


async def test_a_folder_that_somebody_deleted_is_made_again(tree: Path, world: ShareWorld) -> None:
    _write(tree, {"d/a": b"1", "d/b": b"2"})
    await _sync(tree, world)
    del world.share.stored["d/a"], world.share.stored["d/b"], world.share.folders["d"]
    (tree / "d/a").write_bytes(b"newer")
    await _sync(tree, world)
    assert world.share.files["d/a"] == b"newer"


async def test_a_clone_hashes_once_and_sends_nothing(tree: Path, world: ShareWorld) -> None:
    _write(tree, {"a": b"1", "b": b"2"})
    await _sync(tree, world)
    _forget_everything(tree)
    _age(tree, 3600)
    assert (await _sync(tree, world)).sent == ()
    world.share.calls.clear()
    assert (await _sync(tree, world)).sent == ()
    assert world.share.calls == ["entry"]


async def test_a_share_that_changed_under_us_is_looked_at_again(tree: Path, world: ShareWorld) -> None:
    """Another computer synced the project since: its manifest counts, not what we remember."""
    _write(tree, {"a": b"1", "b": b"2"})
    await _sync(tree, world)
    remembered = {path: path.read_bytes() for path in (state_folder() / "shares").glob("*")}
    (tree / "a").write_bytes(b"from the other computer")
    await _sync(tree, world)
    for path, content in remembered.items():
        path.write_bytes(content)
    (tree / "b").write_bytes(b"from this computer")
    await _sync(tree, world)
    assert (await _sync(tree, world)).requests == 1
    assert world.share.files["a"] == b"from the other computer"
    assert set(decode(world.share.files[MANIFEST_NAME]).files) == {"a", "b"}


async def test_a_broken_note_of_ours_is_as_good_as_none(tree: Path, world: ShareWorld) -> None:
    _write(tree, {"a": b"1"})
    await _sync(tree, world)
    for path in (state_folder() / "shares").glob("*"):
        path.write_bytes(b"\xff\xfe nonsense")
    assert (await _sync(tree, world)).sent == ()
    assert BaseCache(state_folder(), "nowhere").load() is None


async def test_a_dry_run_sends_nothing_and_says_why_things_are_left_out(
    tree: Path, world: ShareWorld
) -> None:
    _write(tree, {"a": b"1", ".env": b"secret", "x.log": b"", "node_modules/m/i.js": b""})
    (tree / ".aitkignore").write_text("*.log\n")
    synced = await _sync(tree, world, dry_run=True)
    assert synced.sent == ("a",)
    assert not world.share.files
    assert not world.share.folders
    assert dict(synced.skipped) == {
        ".aitkignore": "default list: /.aitkignore",
        ".env": "default list: .env*",
        "node_modules/": "default list: node_modules/",
        "x.log": ".aitkignore: *.log",
    }


async def test_a_file_that_vanishes_while_others_are_sent_is_told(tree: Path, world: ShareWorld) -> None:
    _write(tree, {"a": b"1", "b": b"2"})
    ui = Scripted()

    def vanish(step: str) -> None:
        if step == "share make":
            (tree / "b").unlink(missing_ok=True)

    world.on_step = vanish
    await _sync(tree, world, ui)
    assert "Deleted while it was being sent: b." in [text for _, text in ui.said]
    assert set(decode(world.share.files[MANIFEST_NAME]).files) == {"a"}


async def test_the_manifest_tells_what_the_issue_of_drift_needs(tree: Path, world: ShareWorld) -> None:
    _write(tree, {"a": b"12"})
    _age(tree)
    await _sync(tree, world)
    [sent] = decode(world.share.files[MANIFEST_NAME]).files.values()
    mtime = (tree / "a").stat().st_mtime_ns
    assert (sent.size, sent.mtime_ns, sent.written_ns) == (2, mtime, mtime // 1000 * 1000)
    assert sent.etag == world.share.stored["a"].etag
    assert len(sent.sha256) == 64


async def test_a_killed_runs_lock_of_another_computer_ends_by_itself(tree: Path, world: ShareWorld) -> None:
    _write(tree, {"a": b"1"})
    until = (world.clock.now() - timedelta(seconds=1)).isoformat()
    world.share.folders[LOCK_NAME] = {"holder": "elsewhere/abc", "token": "t", "until": until}
    await _sync(tree, world)
    assert LOCK_NAME not in world.share.folders

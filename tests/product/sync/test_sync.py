"""The sync: what it sends, keeps, refuses and asks, and how its lock heals."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.errors import Busy, Conflict, Dismissed, InputRequired, InvalidProject
from aitk_inference.core.progress import Reporter
from aitk_inference.core.project_lock import hold, holder_of, note_run
from aitk_inference.flows.user_dirs import state_folder
from aitk_inference.sync.engine import Job, sync
from aitk_inference.sync.ignore import LOCK_NAME, MANIFEST_NAME, ignore_rules
from aitk_inference.sync.lock import LIFETIME, Claim, hold_share
from aitk_inference.sync.manifest import Manifest, Sent, decode, encode, manifest_etag, write_manifest
from aitk_inference.sync.project_id import project_identity
from aitk_inference.sync.scan import scan
from support.scripted import Scripted

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.sync.report import Synced
    from support.fake_share import ShareWorld


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    return root


def _write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


async def _sync(root: Path, world: ShareWorld, ui: Scripted | None = None, *, yes: bool = False) -> Synced:
    job = Job(root, "share", holder_of(root), state_folder(), assume_yes=yes)
    return await sync(job, world.share, world.clock, Reporter(ui or Scripted()))


async def test_without_a_change_one_call_is_all(tree: Path, world: ShareWorld) -> None:
    _write(tree, a_py="1", b__c_py="2")
    await _sync(tree, world)
    world.share.calls.clear()
    synced = await _sync(tree, world)
    assert (synced.sent, synced.deleted, synced.total) == ((), (), 2)
    assert world.share.calls == ["entry"]


async def test_only_what_changed_is_sent(tree: Path, world: ShareWorld) -> None:
    _write(tree, a_py="1", b_py="2")
    await _sync(tree, world)
    _write(tree, b_py="changed")
    assert (await _sync(tree, world)).sent == ("b.py",)


async def test_a_new_time_alone_is_no_change(tree: Path, world: ShareWorld) -> None:
    _write(tree, a_py="1")
    await _sync(tree, world)
    os.utime(tree / "a.py", (1, 1))
    assert (await _sync(tree, world)).sent == ()


async def test_a_change_of_the_same_size_is_found_by_its_time(tree: Path, world: ShareWorld) -> None:
    _write(tree, a_py="1")
    await _sync(tree, world)
    _write(tree, a_py="2")
    os.utime(tree / "a.py", (5, 5))
    assert (await _sync(tree, world)).sent == ("a.py",)


async def test_a_large_file_goes_in_ranges(tree: Path, world: ShareWorld) -> None:
    content = os.urandom((9 << 20) + 3)
    (tree / "model.bin").write_bytes(content)
    await _sync(tree, world)
    assert world.share.files["model.bin"] == content
    assert world.share.calls.count("range") == 3


async def test_it_never_deletes_what_it_did_not_send(tree: Path, world: ShareWorld) -> None:
    world.share.edit("adapter.safetensors", b"only here")
    _write(tree, a_py="1", b_py="2")
    await _sync(tree, world)
    (tree / "a.py").unlink()
    await _sync(tree, world, yes=True)
    assert set(world.share.files) == {"adapter.safetensors", "b.py", MANIFEST_NAME}


async def test_a_file_that_is_ignored_now_stays_on_the_share(tree: Path, world: ShareWorld) -> None:
    _write(tree, **{f"f{n}_py": "x" for n in range(10)})
    await _sync(tree, world)
    (tree / ".aitkignore").write_text("f0.py\n")
    assert (await _sync(tree, world)).deleted == ()
    (tree / "f0.py").unlink()
    assert (await _sync(tree, world)).deleted == ("f0.py",)


async def test_empty_folders_of_ours_go_with_their_files(tree: Path, world: ShareWorld) -> None:
    _write(tree, a_py="1", b__c__d_py="2")
    await _sync(tree, world)
    (tree / "b/c/d.py").unlink()
    await _sync(tree, world, yes=True)
    assert not world.share.folders


async def test_more_than_a_fifth_is_deleted_only_when_confirmed(tree: Path, world: ShareWorld) -> None:
    _write(tree, **{f"f{n}_py": "x" for n in range(10)})
    await _sync(tree, world)
    for n in range(2):
        (tree / f"f{n}.py").unlink()
    assert len((await _sync(tree, world)).deleted) == 2
    for n in range(2, 5):
        (tree / f"f{n}.py").unlink()
    with pytest.raises(InputRequired, match="3 files that are gone here"):
        await _sync(tree, world)
    assert "f2.py" in world.share.files
    assert (await _sync(tree, world, Scripted({"delete": "no"}))).deleted == ()
    assert "f2.py" in world.share.files
    assert len((await _sync(tree, world, Scripted({"delete": "yes"}))).deleted) == 3


async def test_a_model_file_is_deleted_only_when_confirmed(tree: Path, world: ShareWorld) -> None:
    _write(tree, **{f"f{n}_py": "x" for n in range(10)})
    (tree / "adapter.safetensors").write_bytes(b"weights")
    await _sync(tree, world)
    (tree / "adapter.safetensors").unlink()
    with pytest.raises(InputRequired):
        await _sync(tree, world)
    assert "adapter.safetensors" in world.share.files


async def test_files_of_others_are_not_overwritten_silently(tree: Path, world: ShareWorld) -> None:
    world.share.edit("a.py", b"somebody's")
    _write(tree, a_py="ours")
    with pytest.raises(InputRequired, match="somebody else put on the share"):
        await _sync(tree, world)
    with pytest.raises(Dismissed):
        await _sync(tree, world, Scripted({"overwrite": "no"}))
    assert world.share.files["a.py"] == b"somebody's"
    await _sync(tree, world, Scripted({"overwrite": "yes"}))
    assert world.share.files["a.py"] == b"ours"


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses these names by itself")
def test_everything_that_azure_refuses_is_told_together(tree: Path) -> None:
    _write(tree, fine_py="1")
    (tree / "what?.py").write_text("")
    (tree / "con.txt").write_text("")
    (tree / "dot.").write_text("")
    (tree / "A.py").write_text("")
    (tree / "a.py").write_text("")
    (tree / "link").symlink_to(tree / "fine.py")
    os.mkfifo(tree / "pipe")
    with pytest.raises(InvalidProject, match="6 files or folders") as caught:
        scan(tree, ignore_rules(tree))
    named = {problem.path.name for problem in caught.value.problems}
    assert {"what?.py", "con.txt", "dot.", "link", "pipe"} < named
    assert named & {"A.py", "a.py"}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_told(tree: Path) -> None:
    _write(tree, a_py="1")
    (tree / "a.py").chmod(0)
    with pytest.raises(InvalidProject):
        scan(tree, ignore_rules(tree))


def test_folders_that_differ_in_case_collide(tree: Path) -> None:
    _write(tree, X__a_py="1", x__b_py="2")
    with pytest.raises(InvalidProject):
        scan(tree, ignore_rules(tree))


def test_the_default_list_keeps_secrets_and_caches_here(tree: Path) -> None:
    for name in (".git/config", ".env", ".env.local", ".venv/x", "a/__pycache__/m.pyc", "infra/x.json"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("")
    _write(tree, a__infra__b_py="1")
    assert [file.path for file in scan(tree, ignore_rules(tree)).files] == ["a/infra/b.py"]


def test_the_ignore_file_adds_and_brings_back(tree: Path) -> None:
    _write(tree, a_py="1", b_py="2", infra__c_py="3")
    (tree / ".aitkignore").write_text("b.py\n!/infra/\n")
    assert [file.path for file in scan(tree, ignore_rules(tree)).files] == ["a.py", "infra/c.py"]


def test_what_git_ignores_is_sent_all_the_same(tree: Path) -> None:
    (tree / ".gitignore").write_text("*.safetensors\n")
    (tree / "adapter.safetensors").write_text("w")
    assert [file.path for file in scan(tree, ignore_rules(tree)).files] == ["adapter.safetensors"]


async def test_a_lock_of_another_computer_is_respected_until_it_ends(tree: Path, world: ShareWorld) -> None:
    _write(tree, a_py="1")
    until = (world.clock.now() + LIFETIME).isoformat()
    world.share.folders[LOCK_NAME] = {"holder": "elsewhere/abc", "token": "t", "until": until}
    with pytest.raises(Busy, match="elsewhere is writing"):
        await _sync(tree, world)
    world.clock.seconds += LIFETIME.total_seconds() + 1
    await _sync(tree, world)
    assert "a.py" in world.share.files
    assert LOCK_NAME not in world.share.folders


async def test_a_lock_that_became_anothers_is_left_to_it(tree: Path, world: ShareWorld) -> None:
    claim = Claim(holder_of(tree), "project", (), state_folder())
    async with hold_share(world.share, claim, world.clock):
        world.clock.seconds += 10 * LIFETIME.total_seconds()
        world.share.folders[LOCK_NAME] = {"holder": "elsewhere/abc", "token": "theirs"}
        world.share.instances[LOCK_NAME] = ("theirs", world.clock.now())
    assert world.share.folders[LOCK_NAME]["token"] == "theirs"


async def test_a_lock_of_our_own_killed_run_is_taken_over_at_once(tree: Path, world: ShareWorld) -> None:
    _write(tree, a_py="1")
    until = (world.clock.now() + timedelta(days=1)).isoformat()
    note_run("t", holder_of(tree), state_folder())
    world.share.folders[LOCK_NAME] = {"holder": str(holder_of(tree)), "token": "t", "until": until}
    await _sync(tree, world)
    assert LOCK_NAME not in world.share.folders


async def test_a_lock_of_another_project_here_heals_when_its_process_is_gone(
    tree: Path, world: ShareWorld, tmp_path: Path
) -> None:
    _write(tree, a_py="1")
    other = tmp_path / "other"
    until = (world.clock.now() + timedelta(days=1)).isoformat()
    world.share.folders[LOCK_NAME] = {"holder": str(holder_of(other)), "token": "t", "until": until}
    note_run("t", holder_of(other), state_folder())
    with hold(other, "deploy", state_folder()), pytest.raises(Busy):
        await _sync(tree, world)
    await _sync(tree, world)
    assert "a.py" in world.share.files


def test_a_killed_process_leaves_no_project_lock(tree: Path) -> None:
    code = (
        "import sys, os, signal; from pathlib import Path\n"
        "from aitk_inference.core.project_lock import hold\n"
        "with hold(Path(sys.argv[1]), 'deploy', Path(sys.argv[2])):\n"
        "    print('held', flush=True); os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    command = [sys.executable, "-c", code, str(tree), str(state_folder())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "held\n"
    with hold(tree, "deploy", state_folder()):
        pass


def test_a_manifest_reads_as_it_was_written(tree: Path) -> None:
    manifest = Manifest(project_identity(tree).project, {"ä/b.py": Sent(1, "00", 2, '"e"')})
    assert decode(encode(manifest)) == manifest


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version":1}', b'{"version":99,"project":{}}'])
def test_a_damaged_or_newer_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(Conflict):
        decode(content)


async def test_a_large_manifest_is_replaced_in_one_step(tree: Path, world: ShareWorld) -> None:
    files = {f"{n:0>100}": Sent(1, "0" * 64, 2, '"e"') for n in range(25_000)}
    etag = await write_manifest(world.share, encode(Manifest(project_identity(tree).project, files)))
    assert world.share.calls[-2:] == ["rename", "entry"]
    assert etag == await manifest_etag(world.share)
    assert len(decode(world.share.files[MANIFEST_NAME]).files) == 25_000


def test_clones_of_one_repository_are_one_project_without_credentials(tmp_path: Path) -> None:
    identities = set()
    for number, url in enumerate(("https://me:token@host.example/team/app.git", "git@host.example:team/app")):
        root = tmp_path / str(number)
        (root / ".git").mkdir(parents=True)
        (root / ".git/config").write_text(f'[core]\n\tbare = false\n[remote "origin"]\n\turl = {url}\n')
        identities.add(project_identity(root).project)
    (identity,) = identities
    assert identity.label == "host.example/team/app"
    assert project_identity(tmp_path).project.id != identity.id

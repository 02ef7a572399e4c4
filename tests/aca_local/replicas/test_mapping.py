import os
from pathlib import Path

import pytest
from aca_local.kernel.replicas import ContainerSpec, Mount, ReplicasError
from aca_local.replicas.mount_rewrite import folders_of, locate, rewrite, rewrite_container, shell_safe
from hypothesis import given, settings
from hypothesis import strategies as st

PLACES = {"/mount": "/data/share", "/mount/models": "/data/models"}


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("/mount", "/data/share"),
        ("/mount/app.py", "/data/share/app.py"),
        ("cd /mount && python app.py", "cd /data/share && python app.py"),
        ("cd /mount; ls", "cd /data/share; ls"),
        ("--dir=/mount", "--dir=/data/share"),
        ("python '/mount/app.py'", "python '/data/share/app.py'"),
        ("A=/x:/mount/bin:/y", "A=/x:/data/share/bin:/y"),
        (">/mount/log", ">/data/share/log"),
        ("file:///mount/x", "file:///data/share/x"),
        ("/mount/models/a", "/data/models/a"),
        ("/mounted /mount-2 /mount.txt /mount_x", "/mounted /mount-2 /mount.txt /mount_x"),
        ("/data/mount ./mount ../mount ~/mount", "/data/mount ./mount ../mount ~/mount"),
        ("${ROOT}/mount $(pwd)/mount", "${ROOT}/mount $(pwd)/mount"),
        ("http://mount/x", "http://mount/x"),
        ("It is in /mount.", "It is in /data/share."),
    ],
)
def test_only_whole_mount_paths_are_rewritten(text: str, mapped: str) -> None:
    assert rewrite(text, PLACES) == mapped


@settings(deadline=None)
@given(st.text())
def test_text_without_a_mount_path_stays(text: str) -> None:
    assert rewrite(text, {"/zz-mount-zz": "/data"}) == text or "/zz-mount-zz" in text


def test_command_arguments_and_variables_are_rewritten() -> None:
    spec = ContainerSpec("c", "i", ("/bin/bash", "-c"), ("cd /mount",), {"HF_HOME": "/mount/cache"})
    mapped = rewrite_container(spec, PLACES)
    assert mapped.args == ("cd /data/share",)
    assert mapped.env == {"HF_HOME": "/data/share/cache"}


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights on Windows")
def test_a_folder_with_a_space_gets_a_name_that_a_shell_takes_unquoted(tmp_path: Path) -> None:
    folder = tmp_path / "Application Support"
    folder.mkdir()
    name = shell_safe(folder)
    assert " " not in name
    assert Path(name).samefile(folder)
    assert shell_safe(folder) == name


def test_a_volume_at_the_root_is_never_rewritten() -> None:
    assert folders_of([Mount("/", Path("/data"))]) == {}


def test_a_program_of_linux_is_found_by_its_name_on_windows() -> None:
    command = ("/bin/bash", "-c", "ls")
    assert locate(command, {"bash": "C:/Git/bin/bash.exe"}.get, windows=True) == (
        "C:/Git/bin/bash.exe",
        "-c",
        "ls",
    )
    assert locate(command, {}.get, windows=False) == command
    assert locate(("python", "a.py"), {}.get, windows=True) == ("python", "a.py")
    with pytest.raises(ReplicasError, match=r"needs bash.*Git for Windows"):
        locate(command, {}.get, windows=True)

"""``.aitkignore`` means what it would mean to git: right is what ``git ls-files --others --exclude-standard`` keeps."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from aitk_inference.sync.ignore import IGNORE_FILE, ignore_rules
from hypothesis import example, given, settings
from hypothesis import strategies as st

NAMES = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "A",
        "a b",
        "x.log",
        "keep.log",
        "é",
        "[x]",
        "#c",
        "!d",
        "m-1",
        "a ",
        "b\\",
        "a]",
        "-",
        "models",
        "a\u00a0",
        "😀",
        "éa",
    ]
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
ATOMS = st.sampled_from(
    [
        "*",
        "**",
        "?",
        "/",
        "/",
        "a",
        "b",
        "A",
        "x",
        "m",
        ".log",
        "keep",
        "models",
        "[ab]",
        "[!a]",
        "[^b]",
        "[a-c]",
        "[[:alpha:]]",
        "[[:digit:]",
        "[[:foo:]]",
        "[]a]",
        "[a",
        "[a-",
        "[--a]",
        "[\\]]",
        "\\a",
        "\\*",
        "\\",
        "\\!",
        "\\#",
        "!",
        "#",
        "é",
        "-",
        "**/",
        "/**",
        " ",
        "\\ ",
        "\u00a0",
        "😀",
    ]
)
LINES = st.builds(
    lambda bang, atoms, slash: bang + "".join(atoms) + slash,
    st.sampled_from(["", "", "!"]),
    st.lists(ATOMS, min_size=1, max_size=5),
    st.sampled_from(["", "", "/"]),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


def kept_by_git(repository: Path, tree: Path, ignore: Path) -> set[str]:
    command = [
        "git",
        "--git-dir",
        repository / ".git",
        "--work-tree",
        tree,
        "-c",
        f"core.excludesFile={ignore}",
    ]
    listed = [*command, "-c", "core.ignoreCase=false", "ls-files", "-z", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=tree, capture_output=True, check=True)
    return {os.fsdecode(name) for name in done.stdout.split(b"\0") if name}


def kept_by_us(tree: Path, folder: Path) -> set[str]:
    rules = ignore_rules(folder, defaults=())
    kept: set[str] = set()

    def look(above: str) -> None:
        for entry in os.scandir(tree / above):
            path = above + entry.name + "/" * entry.is_dir()
            if rules.suspect(entry.name) and rules(path):
                continue
            if entry.is_dir():
                look(path)
            else:
                kept.add(path)

    look("")
    return kept


def lay(tree: Path, paths: set[str]) -> None:
    for path in paths:
        try:
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).touch()
        except OSError:
            continue  # a file stands where a folder would be


@settings(
    max_examples=int(os.environ.get("AITK_EXAMPLES", "80")), deadline=None, derandomize="CI" in os.environ
)
@given(
    st.sets(PATHS, min_size=1, max_size=12),
    st.lists(LINES, min_size=1, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)
@example(
    {"models/a/b/x.log", "models/a/m-1", "models/x.log"},
    ["models/**", "!models/**/", "!models/**/*.log"],
    "\n",
    "",
)
@example({"é", "😀", "éa/b"}, ["??", "!????", "???/"], "\n", "")
@example({"a\u00a0", "b"}, ["a\u00a0"], "\n", "")
@example({"a/b", "ab"}, ["a**/b", "a\\"], "\n", "")
@example({"a /b", "a", "a "}, ["a   ", "!a\\ "], "\r\n", "\ufeff")
@example({"a/keep.log", "a/x.log"}, ["a/", "!a/keep.log"], "\n", "")
@example({"a/keep.log", "a/x.log"}, ["a/*", "!a/keep.log"], "\n", "")
def test_what_is_kept_is_what_git_keeps(
    repository: Path, paths: set[str], lines: list[str], end: str, mark: str
) -> None:
    with tempfile.TemporaryDirectory() as home:
        tree, folder = Path(home) / "tree", Path(home) / "folder"
        tree.mkdir()
        folder.mkdir()
        lay(tree, paths)
        (folder / IGNORE_FILE).write_bytes((mark + end.join(lines)).encode())
        assert kept_by_us(tree, folder) == kept_by_git(repository, tree, folder / IGNORE_FILE)

"""Which files of the project a container's start command needs."""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING

from arm_template import open_expressions

from aitk_inference.core.json_paths import find, objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aitk_inference.core.model import Json

_MOUNT = "/mount"
"""Where the share, and with it the project, is in the container."""
_RUNNERS = re.compile(r"(python|pip)[\d.]*|uv|bash|sh|source|\.|exec|nohup|time")
_SEPARATOR = re.compile(r"&&|\|\||[;\n|&]")
_REQUIREMENTS = ("-r", "--requirement", "--requirements")


def missing_files(app: Json, project: Path) -> list[str]:
    """Return the files, relative to the project, that the app's start command names and the project lacks.

    A command that only Azure can finish is left out.
    """
    named: dict[str, None] = {}
    for container in objects(find(app, "properties", "template"), "containers"):
        words = [*_texts(container, "command"), *_texts(container, "args")]
        if words and not open_expressions([*words]):
            named |= dict.fromkeys(files_of(script_of(words), _MOUNT))
    return [path for path in named if not (project / path).exists()]


def script_of(words: Sequence[str]) -> str:
    """Return the shell script that a container's command, with its arguments, stands for."""
    return words[words.index("-c") + 1] if "-c" in words[:-1] else shlex.join(words)


def files_of(script: str, mount: str) -> Iterator[str]:
    """Yield what a script reads below a mount, relative to it, in the folder that the script is in by then."""
    folder = "/"
    for part in _SEPARATOR.split(script):
        words = _words(part)
        if len(words) > 1 and words[0] == "cd":
            folder = posixpath.join(folder, words[1])
            continue
        for word in _read_by(words):
            path = posixpath.normpath(posixpath.join(folder, word))
            if path.startswith(f"{mount}/"):
                yield path.removeprefix(f"{mount}/")


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:  # quotes that go over a separator: nothing is known about such a command
        return []
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words = words[1:]
    return words


def _read_by(words: Sequence[str]) -> Iterator[str]:
    if not words or any(sign in word for word in words for sign in "$*`"):
        return
    if words[0].startswith(("./", "/")):
        yield words[0]
    elif not _RUNNERS.fullmatch(words[0]):
        return
    for before, word in zip(["", *words], words, strict=False):
        if before in _REQUIREMENTS or (word.endswith((".py", ".sh")) and not word.startswith("-")):
            yield word


def _texts(container: Json, name: str) -> list[str]:
    value = find(container, name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

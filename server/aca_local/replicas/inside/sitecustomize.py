"""Mount paths inside the Python programs of a replica, where the system has no mount namespaces.

Each Python that a replica starts runs this at its start, since PYTHONPATH names its folder: standard library
only, in the words of Python 3.8. A path below a mount path is opened in the share's folder; commands get that
folder's path. What a shell script or a compiled library opens by itself is out of reach.
"""

from __future__ import annotations

import builtins
import functools
import importlib.util
import io
import json
import os
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLE = "ACA_LOCAL_MOUNTS"
OPENERS = (
    (builtins, ("open",)),
    (io, ("open", "open_code")),
    (importlib.util, ("spec_from_file_location",)),
)
OF_OS = (
    *("access", "chdir", "chflags", "chmod", "chown", "execv", "execve", "getxattr", "lchown", "link"),
    *("listdir", "listxattr", "lstat", "mkdir", "mkfifo", "mknod", "open", "pathconf", "posix_spawn"),
    *("posix_spawnp", "readlink", "remove", "removexattr", "rename", "replace", "rmdir", "scandir"),
    *("setxattr", "stat", "statvfs", "symlink", "truncate", "unlink", "utime"),
)
CAPABILITIES = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")


def rewrite(text: str, folders: Mapping[str, str]) -> str:
    """Put the folders (mount path → folder) into a text; the longest path wins, folders stay."""
    if not folders:
        return text
    known = _with_themselves(folders)
    paths = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    pattern = r"(?:(?<![\w./~})*-])|(?<=://))(" + paths + r")(?![\w-]|\.\w)"
    return re.sub(pattern, lambda found: known[found[1]], text)


def translate(path: str, folders: Mapping[str, str]) -> str:
    """Return where a path lies: in the folder of the longest mount path above it, else where it says."""
    known, posix = _with_themselves(folders), path.replace(os.sep, "/")
    for above in sorted(known, key=len, reverse=True):
        if posix == above or posix.startswith(above + "/"):
            return known[above] + posix[len(above) :]
    return path


def _with_themselves(folders: Mapping[str, str]) -> dict[str, str]:
    """Return the folders and, for each, itself: what was translated once is not translated again."""
    return {**folders, **{folder: folder for folder in folders.values()}}


def to_variable(folders: Mapping[str, str]) -> str:
    """Write the folders for a variable; without their first slash, so that nothing takes them for paths."""
    return json.dumps({path.lstrip("/"): folder for path, folder in folders.items()})


def from_variable(text: str) -> dict[str, str]:
    """Read the folders again."""
    return {"/" + path: folder for path, folder in json.loads(text).items()}


class Translating:
    """A function that takes paths: mount paths among its arguments are translated, in lists rewritten.

    An object and not a function, since classes that hold the original as an attribute must not bind it.
    """

    def __init__(
        self,
        original: Callable[..., Any],
        folders: Mapping[str, str],
        change: Callable[[str, Mapping[str, str]], str] = translate,
    ) -> None:
        functools.update_wrapper(self, original)
        self._original, self._folders, self._change = original, folders, change

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call the original."""
        words = {name: self._argument(one) for name, one in named.items()}
        return self._original(*map(self._argument, given), **words)

    def _argument(self, one: Any) -> Any:
        if isinstance(one, (list, tuple)):  # the words of a command
            return type(one)(self._text(each, rewrite) for each in one)
        return self._text(os.fspath(one) if isinstance(one, os.PathLike) else one, self._change)

    def _text(self, one: Any, change: Callable[[str, Mapping[str, str]], str]) -> Any:
        if isinstance(one, bytes):
            return os.fsencode(change(os.fsdecode(one), self._folders))
        return change(one, self._folders) if isinstance(one, str) else one


def install(folders: Mapping[str, str]) -> None:
    """Translate mount paths from now on in all that this Python opens, lists, starts and imports."""
    for module, names in (*OPENERS, (os, OF_OS)):
        for name in names:
            if hasattr(module, name):  # each system has some of them
                _replace(module, name, folders)
    os.system = Translating(os.system, folders, rewrite)
    with suppress(ImportError):  # Windows has none
        _replace(importlib.import_module("_posixsubprocess"), "fork_exec", folders)
    sys.path_hooks.insert(0, functools.partial(_importer, folders=folders))


def _replace(module: Any, name: str, folders: Mapping[str, str]) -> None:
    original = getattr(module, name)
    translating = Translating(original, folders)
    setattr(module, name, translating)
    for capability in CAPABILITIES:  # they are sets of functions
        functions = getattr(os, capability)
        if original in functions:
            functions.add(translating)


def _importer(path: str, folders: Mapping[str, str]) -> Any:
    """Find modules below a mount path in the share's folder; raise ImportError for other paths."""
    folder = translate(path, folders)
    if folder == path:
        raise ImportError(path)
    for hook in sys.path_hooks[1:]:
        with suppress(ImportError):
            return hook(folder)
    raise ImportError(path)


def _give_way() -> None:
    """Run the system's own sitecustomize, which this one hides."""
    sys.path.remove(__file__.rpartition(os.sep)[0])
    this = sys.modules.pop("sitecustomize")
    try:
        importlib.import_module("sitecustomize")
    except ImportError:
        sys.modules["sitecustomize"] = this


if __name__ == "sitecustomize" and VARIABLE in os.environ:
    install(from_variable(os.environ[VARIABLE]))
    _give_way()

"""Which names Azure Files takes: "Naming and referencing shares, directories, files, and metadata"."""

from __future__ import annotations

import re

# Patterns of what is rare are texts: `re` compiles them at first use, and a short run never pays for them.
_FORBIDDEN = r'["\\:|<>*?\x00-\x1f\x7f-\x9f]'
_DEVICES = r"(?i)^(?:lpt[1-9]|com[1-9]|prn|aux|nul|con|clock\$)(?:\..*)?$"
_PLAIN_NAME = r"(?!(?i:lpt|com|prn|aux|nul|con|clock))[\w. -]{0,199}[\w-]"
_PLAIN = re.compile(_PLAIN_NAME, re.ASCII)
"""Names that need no closer look: most."""
_PLAIN_PATH = re.compile(rf"{_PLAIN_NAME}(?:/{_PLAIN_NAME})*", re.ASCII)
_LONGEST_NAME, _LONGEST_PATH, _DEEPEST = 255, 2048, 250
_WAY_OUT = "Rename it, or list it in .aitkignore."


def name_problem(name: str, path: str) -> str:
    """Return why Azure Files refuses a name; empty when it takes it."""
    is_plain = _PLAIN.fullmatch(name) and len(path) < _LONGEST_NAME  # such a path is not too deep, either
    return "" if is_plain else closer_look(name, path)


def closer_look(name: str, path: str) -> str:
    """Return why Azure Files refuses a name, rule by rule."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return f"Its name is not valid text. {_WAY_OUT}"
    if re.search(_FORBIDDEN, name):
        return f'Azure Files refuses names with " \\ : | < > * ? or control characters. {_WAY_OUT}'
    if re.match(_DEVICES, name):
        return f"Azure Files refuses {name}, the name of a device. {_WAY_OUT}"
    if name.endswith((".", " ")):
        return f"Azure Files would drop the dot or space at the end of its name. {_WAY_OUT}"
    if _length(name) > _LONGEST_NAME or _length(path) > _LONGEST_PATH or path.count("/") >= _DEEPEST:
        return f"Its name or path is longer, or lies deeper, than Azure Files allows. {_WAY_OUT}"
    return ""


def is_sendable(path: str) -> bool:
    """Return True if a scan can have found a file of this path, relative and with ``/`` between parts."""
    if len(path) < _LONGEST_NAME and _PLAIN_PATH.fullmatch(path):
        return True
    return all(name and not closer_look(name, path) for name in path.split("/"))


def _length(text: str) -> int:
    """Return a text's length in UTF-16 code units, as the service counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2

"""Measures the sources of the server: imports, sizes of functions, words of names. Nothing of them is run.

``PYTHONPATH=tests python -m support.code_shape`` prints what the tests of the house hold.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SERVER = Path(__file__).resolve().parents[2] / "server"
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
SMALL = 4
"""Lines below which a helper should say more than its body, or not be."""


@dataclass(frozen=True)
class Module:
    """A source file: its dotted name and its syntax tree."""

    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    def functions(self) -> Iterator[FUNCTION]:
        return (node for node in ast.walk(self.tree) if isinstance(node, FUNCTION))

    def names_used(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Attribute):
                yield node.attr

    def names_defined(self) -> Iterator[str]:
        """Names of functions, classes and their fields: not local variables."""
        for node in ast.walk(self.tree):
            if isinstance(node, FUNCTION | ast.ClassDef):
                yield node.name
            if isinstance(node, ast.ClassDef):
                yield from (
                    item.target.id
                    for item in node.body
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
                )


def modules() -> list[Module]:
    """Return every source file of the server."""
    paths = sorted(SERVER.rglob("*.py"))
    return [Module(".".join(p.relative_to(SERVER).with_suffix("").parts), p) for p in paths]


def imports(sources: list[Module]) -> dict[str, set[str]]:
    """Return which file imports which, typing imports included; a package is its ``__init__``."""
    known = {module.name for module in sources}

    def file_of(name: str) -> str | None:
        return next((n for n in (name, f"{name}.__init__") if n in known), None)

    def targets(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [file_of(f"{node.module}.{alias.name}") for alias in node.names]
            yield from (name for name in inner if name)
            if not all(inner):
                yield node.module

    return {
        module.name: {
            found
            for node in ast.walk(module.tree)
            for name in targets(node)
            if (found := file_of(name)) and found != module.name
        }
        for module in sources
    }


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return one cycle of the graph, empty when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def length(function: FUNCTION) -> int:
    """Return the lines of a function's body, its docstring apart."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def small_helpers_used_once(sources: list[Module]) -> list[str]:
    """Return private functions of at most four lines that their module calls in one place alone."""
    return [f"{module.name}.{node.name}" for module in sources for node in _small_helpers(module)]


def _small_helpers(module: Module) -> Iterator[FUNCTION]:
    named, called = Counter(module.names_used()), Counter(_called(module))
    for node in module.tree.body:
        if not isinstance(node, FUNCTION) or node.decorator_list or not re.match(r"_[^_]", node.name):
            continue
        if length(node) <= SMALL and named[node.name] == called[node.name] == 1:
            yield node


def _called(module: Module) -> Iterator[str]:
    calls = (node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call))
    return (function.id for function in calls if isinstance(function, ast.Name))


def named_with(sources: list[Module], word: str) -> list[str]:
    """Return functions, classes and fields whose name has the word as one of its parts."""
    return [
        f"{module.name}.{name}"
        for module in sources
        for name in module.names_defined()
        if word in re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_")
    ]


def main() -> None:
    """Print what the tests of the house measure."""
    sources = modules()
    lengths = sorted(length(function) for module in sources for function in module.functions())
    print("cycle:", " > ".join(cycle(imports(sources))) or "none")
    print(
        "lines of functions: p50",
        lengths[len(lengths) // 2],
        "p90",
        lengths[len(lengths) * 9 // 10],
        "max",
        lengths[-1],
    )
    helpers = small_helpers_used_once(sources)
    print(f"{len(helpers)} helpers of at most {SMALL} lines called once:", *helpers, sep="\n  ")
    for word in ("settle", "settled", "mark", "place", "tell", "told", "wire"):
        print(f"named with {word}:", *named_with(sources, word), sep="\n  ")


if __name__ == "__main__":
    main()

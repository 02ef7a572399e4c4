"""The folders that are synced, how they change, and whether a share holds them."""

import filecmp
import os
import time
from dataclasses import dataclass
from pathlib import Path

WRITTEN = 1_700_000_000
"""When every file was last written before a run (seconds since 1970): long ago, the same for everyone."""


PIECE = 4 << 20
"""The most that one request carries, in bytes."""


@dataclass(frozen=True)
class Shape:
    """A tree in words and numbers; ``size`` is one file's, in bytes."""

    name: str
    words: str
    files: int
    folders: int
    size: int

    @property
    def is_large(self) -> bool:
        return self.size > PIECE

    @property
    def pieces(self) -> int:
        """Requests that a file takes at the least: one, or a create and its ranges."""
        return 1 + -(-self.size // PIECE) if self.is_large else 1


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("2000", "2,000 × 2 KB in 40 folders", 2_000, 40, 2_048),
        Shape("10000", "10,000 × 2 KB in 200 folders", 10_000, 200, 2_048),
        Shape("large", "4 × 256 MiB", 4, 0, 256 << 20),
    )
}


@dataclass(frozen=True)
class Tree:
    """A tree on the disk."""

    shape: Shape
    root: Path

    @property
    def paths(self) -> list[Path]:
        shape = self.shape
        if not shape.folders:
            return [self.root / f"model-{number}.bin" for number in range(shape.files)]
        return [
            self.root / f"folder{number % shape.folders:03}" / f"file{number:05}.txt"
            for number in range(shape.files)
        ]

    def make(self) -> None:
        """Write all files, with bytes that do not compress and are nowhere the same."""
        for path in self.paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, self.shape.size)
        self.settle()

    def settle(self) -> None:
        """Let all files be old, as a tree that nobody touched since."""
        for path in self.paths:
            os.utime(path, (WRITTEN, WRITTEN))

    def change(self, count: int) -> None:
        """Write other bytes, as many, into some files from all over the tree; they are as old as now.

        One file alone is never among those of a greater count: what was sent for it is seen at the end.
        """
        step = self.shape.files // count
        for path in self.paths[1 if count == 1 else 0 :: step][:count]:
            _write(path, self.shape.size)

    def missing_on(self, folder: Path) -> list[str]:
        """The files that a share's folder does not hold with this very content."""
        return [
            str(path.relative_to(self.root))
            for path in self.paths
            if not _same(path, folder / path.relative_to(self.root))
        ]


def wait_for_next_second() -> None:
    """Let the clock's second pass: AzCopy looks no closer when it tells which of two files is newer."""
    time.sleep(1.05)


def _write(path: Path, size: int) -> None:
    with path.open("wb") as file:
        while size > 0:
            size -= file.write(os.urandom(min(size, 8 << 20)))


def _same(mine: Path, theirs: Path) -> bool:
    return theirs.is_file() and filecmp.cmp(mine, theirs, shallow=False)

"""What a killed process left half done on disk is finished at the next start."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aca_local.files import FileShares
from aca_local.files.write_ahead import CLEAR, WRITE, Intent

BEFORE = b"-" * 20_000


@contextmanager
def opened(root: Path) -> Iterator[FileShares]:
    shares = FileShares(root)
    yield shares
    shares.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with opened(tmp_path) as shares:
        shares.create_account("acct")
        shares.create_share("acct", "share")
        path = shares.folder("acct", "share") / "file"
    path.write_bytes(BEFORE)
    return path


def test_a_write_that_was_cut_off_is_written_again(tmp_path: Path, file: Path) -> None:
    with opened(tmp_path) as shares:
        aside = Path(shares.staging())
        aside.write_bytes(b"new" * 4000)
        shares.store.intend(Intent(f"{WRITE}@100", str(aside), str(file)))
        file.write_bytes(BEFORE[:100] + b"new" * 10 + BEFORE[130:])  # and there the kill came
    with opened(tmp_path):
        assert file.read_bytes() == BEFORE[:100] + b"new" * 4000 + BEFORE[12_100:]
        assert not aside.exists()


def test_a_write_that_was_not_yet_decided_leaves_the_file_alone(tmp_path: Path, file: Path) -> None:
    with opened(tmp_path) as shares:
        aside = Path(shares.staging())
        aside.write_bytes(b"new" * 4000)
    with opened(tmp_path):
        assert file.read_bytes() == BEFORE
        assert not aside.exists()


def test_a_clearing_that_was_cut_off_is_finished(tmp_path: Path, file: Path) -> None:
    with opened(tmp_path) as shares:
        shares.store.intend(Intent(f"{CLEAR}@10+9000", "", str(file)))
    with opened(tmp_path):
        assert file.read_bytes() == BEFORE[:10] + bytes(9000) + BEFORE[9010:]


def test_a_file_that_has_gone_since_is_not_written(tmp_path: Path, file: Path) -> None:
    with opened(tmp_path) as shares:
        shares.store.intend(Intent(f"{CLEAR}@10+9000", "", str(file)))
    file.unlink()
    with opened(tmp_path):
        assert not file.exists()

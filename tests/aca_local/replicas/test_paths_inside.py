import pytest
from aca_local.replicas.inside.sitecustomize import from_variable, rewrite, to_variable, translate
from hypothesis import given
from hypothesis import strategies as st

FOLDERS = {"/mount": "/data/share", "/mount/models": "/data/models", "/data": "/data/x/share"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/mount", "/data/share"),
        ("/mount/a b.txt", "/data/share/a b.txt"),
        ("/mount/models/m.bin", "/data/models/m.bin"),
        ("/mounted", "/mounted"),
        ("mount/a", "mount/a"),
        ("/data/a", "/data/x/share/a"),
        ("/data/x/share/a", "/data/x/share/a"),
        ("r", "r"),
    ],
)
def test_a_path_below_a_mount_path_lies_in_the_shares_folder(path: str, found: str) -> None:
    assert translate(path, FOLDERS) == found


@given(st.sampled_from(sorted(FOLDERS)), st.text(st.characters(exclude_characters="\0")))
def test_what_was_translated_stays_as_it_is(mount: str, rest: str) -> None:
    once = translate(f"{mount}/{rest}", FOLDERS)
    assert translate(once, FOLDERS) == once
    again = rewrite(f"cat {mount}/x", FOLDERS)
    assert rewrite(again, FOLDERS) == again


def test_the_variable_survives_that_variables_are_rewritten() -> None:
    written = to_variable(FOLDERS)
    assert from_variable(rewrite(written, FOLDERS)) == FOLDERS

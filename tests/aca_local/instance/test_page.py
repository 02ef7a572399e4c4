import os
from pathlib import Path

import pytest
from aca_local.page.browse import inside, listing
from aca_local.page.html import join, table, tag
from aca_local.page.states import progress, seconds, state

EVIL = "<script>alert('x')</script>\""


def test_whatever_is_put_in_is_escaped() -> None:
    made = join(tag("p", EVIL, title=EVIL), table(("Name",), [(EVIL,)]), EVIL)
    assert "<script" not in made
    assert 'title="&lt;script&gt;' in made


def test_elements_inside_elements_stay_elements() -> None:
    assert tag("p", tag("b", 1), None, class_="x", open=True, id=None) == '<p class="x" open><b>1</b></p>'


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (tmp_path / "secret").write_text("s")
    return folder


def test_a_path_on_the_share_is_found(share: Path) -> None:
    assert inside(share, "a.txt") == share / "a.txt"
    assert inside(share, "sub/") == share / "sub"
    assert inside(share, "") == share


@pytest.mark.parametrize("path", ["../secret", "sub/../../secret", "//etc/passwd", "none", "a\0b"])
def test_a_path_that_leads_out_of_the_share_is_not(share: Path, path: str) -> None:
    assert inside(share, path) is None


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights on Windows")
def test_a_link_that_leads_out_of_the_share_is_neither_shown_nor_followed(share: Path) -> None:
    (share / "link").symlink_to(share.parent / "secret")
    assert inside(share, "link") is None
    assert "link" not in listing("acct/share/", "/x/", share)


def test_folders_come_first_and_names_are_quoted(share: Path) -> None:
    (share / "a b#.txt").write_text("")
    shown = listing("acct/share/", "/x/", share)
    assert shown.index("sub/") < shown.index("a.txt")
    assert 'href="a%20b%23.txt"' in shown


@pytest.mark.parametrize(
    ("duration", "expected"), [("PT0S", 0), ("PT1M2.5S", 62.5), ("PT2H1S", 7201), ("nonsense", 0)]
)
def test_durations_of_the_wire_are_read(duration: str, expected: float) -> None:
    assert seconds(duration) == expected


def test_what_runs_is_good_of_an_app_and_not_there_yet_of_a_deployment() -> None:
    assert 'class="state good"' in state("Running")
    assert 'class="state busy"' in progress("Running")
    assert ['class="state bad"' in show("Failed") for show in (state, progress)] == [True, True]

"""Rules for names."""

import pytest
from aca_local.files import FilesError
from aca_local.files.names import check_metadata, check_share_name, fold, split_path


@pytest.mark.parametrize("name", ["abc", "a-b", "0a9", "a" * 63])
def test_good_share_names_pass(name: str) -> None:
    assert check_share_name(name) == name


@pytest.mark.parametrize("name", ["Abc", "-abc", "abc-", "a--b", "a_b", "a.b", "$web"])
def test_bad_share_names_are_refused(name: str) -> None:
    with pytest.raises(FilesError, match="InvalidResourceName"):
        check_share_name(name)


@pytest.mark.parametrize("name", ["ab", "a" * 64, ""])
def test_share_names_of_the_wrong_length_are_out_of_range(name: str) -> None:
    with pytest.raises(FilesError, match="OutOfRangeInput"):
        check_share_name(name)


def test_trailing_dots_fall_off_unless_they_are_asked_for() -> None:
    assert split_path("a./b..", keep_trailing_dots=False) == ("a", "b")
    assert split_path("a./b..", keep_trailing_dots=True) == ("a.", "b..")


@pytest.mark.parametrize(
    "path", [".", "..", "a/..", "...", "a:b", "a\\b", 'a"b', "nul", "Com1", "a\x01", "x" * 256]
)
def test_forbidden_names_are_refused(path: str) -> None:
    with pytest.raises(FilesError, match="InvalidResourceName"):
        split_path(path, keep_trailing_dots=False)


def test_names_compare_without_case() -> None:
    assert fold(("Größe", "A.TXT")) == fold(("größe", "a.txt"))
    assert fold(("straße",)) != fold(("strasse",))


def test_metadata_is_checked() -> None:
    assert check_metadata({"a_1": "x"}) == {"a_1": "x"}
    for bad, code in (
        ({"": "x"}, "EmptyMetadataKey"),
        ({"1a": "x"}, "InvalidMetadata"),
        ({"a": "x" * 9000}, "MetadataTooLarge"),
    ):
        with pytest.raises(FilesError, match=code):
            check_metadata(bad)

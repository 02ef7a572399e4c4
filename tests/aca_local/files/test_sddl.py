"""Security descriptors: the text and the binary form."""

import pytest
from aca_local.files import FilesError
from aca_local.files.sddl import from_binary, is_sddl, to_binary

TEXTS = [
    "O:SYG:SYD:(A;;FA;;;BA)",
    "O:S-1-5-21-1-2-3-500G:S-1-5-21-1-2-3-513D:PAI(A;OICI;FA;;;SY)(D;;0x1301bf;;;WD)",
    "O:BAG:BAD:AI(A;ID;FR;;;AU)S:NO_ACCESS_CONTROL",
    "G:BU",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_binary_form_reads_back_as_the_text(text: str) -> None:
    assert is_sddl(text)
    assert from_binary(to_binary(text)) == text


@pytest.mark.parametrize("text", ["", "nonsense", "O:SY)", "D:(A;;FA"])
def test_what_is_no_descriptor_is_seen(text: str) -> None:
    assert not is_sddl(text)


@pytest.mark.parametrize("text", ["nonsense!", "AAAA", ""])
def test_what_is_no_binary_descriptor_is_refused(text: str) -> None:
    with pytest.raises(FilesError, match="InvalidInput"):
        from_binary(text)

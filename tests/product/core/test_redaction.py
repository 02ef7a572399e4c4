"""Secrets are recognised in the forms in which they turn up; what is no secret stays readable."""

from __future__ import annotations

import logging

import pytest
from aitk_inference.core.redaction import RedactingFormatter, redact

KEY = "A" * 86 + "=="
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("Authorization: SharedKey account:c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("https://a.file.core.windows.net/s?sv=1&sig=abc%2Fdef&se=2", "abc%2Fdef"),
        ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;x=y", "c2VjcmV0"),
        (f'{{"keyName": "key1", "value": "{KEY}"}}', KEY),
        ('{"primarySharedKey": "c2VjcmV0"}', "c2VjcmV0"),
        ('{"token": "s3cret", "expires": 1}', "s3cret"),
        ("password=hunter2 next", "hunter2"),
        (f"got {TOKEN} from the editor", TOKEN),
        ("https://user:hunter2@host/repo.git", "hunter2"),
    ],
)
def test_a_secret_is_hidden(text: str, secret: str) -> None:
    hidden = redact(text)
    assert secret not in hidden
    assert "[hidden]" in hidden


@pytest.mark.parametrize(
    "text",
    [
        "Storage account aistoragealdpz: done",
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/models",
        "12 of 2,048 files changed, 1.3 MB in 0.4 s",
        "https://app.example/path?x=1",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_a_traceback_in_the_log_is_hidden_too() -> None:
    try:
        raise ValueError(f"AccountKey={KEY}")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed %s", ("Bearer abc",), info)
    text = RedactingFormatter("%(message)s").format(record)
    assert KEY not in text
    assert "abc" not in text
    assert "ValueError" in text

"""Takes secrets out of text before it may reach a log."""

from __future__ import annotations

import re

_HIDDEN = "[hidden]"
_LONGEST = 8000
_TELLTALE = r"(?:\w*(?:key|secret|password|token|signature|connectionstring|credential|sig)\w*|sig|value)"
_PATTERNS = (
    re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]+"),
    re.compile(r"(?i)(\bsharedkey\s+[\w-]+:)[\w+/=]+"),
    re.compile(r"(?i)([?&;](?:sig|accountkey|sharedaccesssignature)=)[^&;\s\"']+"),
    re.compile(rf'(?i)((?<!\w)\\*"{_TELLTALE}\\*"\s*:\s*\\*")(?:[^"\\]|\\(?!"))*'),
    re.compile(r"()\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"),
    re.compile(r"()(?<![\w+/])[A-Za-z0-9+/]{86}=="),
    re.compile(r"()(?<![\w+/])[A-Za-z0-9+/]{43}="),
)


def redact(text: str) -> str:
    """The text without bearer tokens, account keys, signatures and values of secret-looking JSON keys.

    Returns:
        At most 8,000 characters: it is for a log.
    """
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{_HIDDEN}", text)
    return text[:_LONGEST]

"""Keeps secrets out of logs: account keys, SAS signatures, bearer tokens, connection strings."""

from __future__ import annotations

import logging
import re

from aitk_inference.core.terminal_text import printable

_HIDDEN = "[hidden]"
_PATTERNS = (
    (re.compile(r"(?i)\b(bearer|sharedkey(?:lite)?)\s+[^\s\"',;]+"), rf"\1 {_HIDDEN}"),
    (re.compile(r"(?i)([?&]|%26|\b)(sig)(=|%3D)[^&\s\"']+"), rf"\1\2\3{_HIDDEN}"),
    (re.compile(r"(?i)\b(AccountKey|SharedAccess(?:Key|Signature))=[^;\s\"']+"), rf"\1={_HIDDEN}"),
    (
        re.compile(
            r"(?i)(\\?[\"']?\b(?:account_?key|shared_?key|primary_?shared_?key|secondary_?shared_?key|"
            r"password|access_?token|refresh_?token|client_?secret|api_?key|token)\b\\?[\"']?\s*[:=]\s*\\?[\"']?)"
            r"[^\s\"',;&\\}]+"
        ),
        rf"\1{_HIDDEN}",
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+"), _HIDDEN),
    (re.compile(r"(?<![\w+/])[A-Za-z0-9+/]{86}=="), _HIDDEN),
    (re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"), _HIDDEN),
)


_SIGNATURE = r"(?i)(?<!\w)(sig(?:=|%3D))[^&\s\"'.]{16,}"


def without_signatures(text: str) -> str:
    """Return the text with the signatures (SAS) in it replaced by ``[hidden]``, and nothing else."""
    return re.sub(_SIGNATURE, rf"\1{_HIDDEN}", text) if "sig" in text.lower() else text


def redact(text: str) -> str:
    """Return the text with every secret that can be recognised replaced by ``[hidden]``.

    Recognised: ``Authorization`` values (bearer, SharedKey), SAS ``sig`` parameters, connection strings,
    JSON fields that are named for a secret, JSON web tokens, 64-byte account keys, passwords in URLs.
    """
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Formats a record, traceback included, and then redacts the whole text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one redacted text that steers no terminal."""
        return printable(redact(super().format(record)))

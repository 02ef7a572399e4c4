"""A deployment's fingerprint: equal when the same template is deployed with the same parameters."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import Json

_LENGTH = 32


def fingerprint(template: Json, parameters: Mapping[str, Json]) -> str:
    """32 hexadecimal digits of a SHA-256 over both as canonical JSON (the order of keys does not count)."""
    text = json.dumps([template, dict(parameters)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]

"""A deployment's fingerprint: equal when the same template is deployed with the same wishes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import Json

_LENGTH = 32


def fingerprint(template: Mapping[str, Json], wishes: Mapping[str, Json]) -> str:
    """32 hexadecimal digits of a SHA-256 over both as canonical JSON (the order of keys does not count).

    The template's ``metadata`` (which compiler made it) is left out. ``wishes`` are the parameters that
    people chose, without what was read from Azure: those change once the resources exist.
    """
    content = {name: value for name, value in template.items() if name != "metadata"}
    both = [content, dict(wishes)]
    text = json.dumps(both, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]

"""What keeps strangers from an app's endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aitk_inference.core.model import ContainerApp


def protection(app: ContainerApp) -> tuple[str, ...]:
    """Return in words what keeps strangers out; nothing: the endpoint is public."""
    found = {
        "reached from the environment's own network alone": not app.external,
        "API key, which the app checks": bool(app.key_file),
        f"IP rules {', '.join(app.ip_rules)}": bool(app.ip_rules),
    }
    return tuple(words for words, is_so in found.items() if is_so)

"""The check of base and adapter before an engine starts; ``aitk-inference check`` uses the same package."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu import read_gpus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from settings import Settings


@dataclass(frozen=True)
class Checked:
    """What keeps the model from being served, what is unwise, and options for vLLM."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)


def check(settings: Settings, engine: str) -> Checked:
    """Return what the check of the model finds."""
    from model_check import Hardware, Wish, check_model  # noqa: PLC0415  :func:`locate_base` has looked for it

    gpus = read_gpus() if engine == "vllm" else None
    report = check_model(
        settings.base,
        None if settings.base_only else settings.adapter,
        hardware=None if gpus is None else Hardware(*gpus),
        engine=engine,
        wish=Wish(settings.context_tokens, settings.users),
    )
    return Checked(
        tuple(_words(finding) for finding in report.findings if finding.severity == "error"),
        tuple(_words(finding) for finding in report.findings if finding.severity == "warning"),
        _options(report.engine_options._asdict()),
    )


def _words(finding: Any) -> str:
    return f"{finding.message} {finding.suggestion}".strip()


def _options(options: dict[str, Any]) -> dict[str, object]:
    """Write the adapter's own chat template to a file where it stands in none: vLLM wants a file."""
    text = options.pop("chat_template_text", None)
    if text and not options.get("chat_template"):
        options["chat_template"] = Path(tempfile.mkdtemp(prefix="template-")) / "chat_template.jinja"
        options["chat_template"].write_text(text, "utf-8")
    return options

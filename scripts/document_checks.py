"""Writes the tables of docs/starter.md and docs/preflight.md that say what is checked; --check: only compare."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.flows.project.improvements import WEAKNESSES
from aitk_inference.flows.provision.preflight_catalogue import CATALOGUE as PREFLIGHT
from aitk_inference.flows.provision.preflight_catalogue import NAMES
from model_check import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aitk_inference.flows.provision.preflight_catalogue import Row

PAGE = Path(__file__).resolve().parents[1] / "docs" / "starter.md"
PREFLIGHT_PAGE = PAGE.with_name("preflight.md")
GROUPS = (
    ("The adapter's files", ("adapter-", "lfs-", "link-", "file-", "not-", "json-", "shards-", "index-")),
    ("adapter_config.json", (
        "peft-", "task-", "rank-invalid", "rank-too", "alpha-", "targets-", "dora", "modules-to", "bias",
        "init-", "openvino-",
    )),
    ("The adapter's matrices against the base", (
        "tensor", "embeddings-", "rank-differs", "shape-", "layers-", "module-", "prefix-", "modules-left",
    )),
    ("The base", ("base-", "architecture-")),
    ("Tokenizer and chat template", ("tokenizer-", "vocabulary-", "chat-")),
    ("Memory and hardware", ("fit-", "context-", "needs-", "gpu-")),
)  # fmt: skip
"""The page's headings, and how the codes below each begin."""


def tables() -> str:
    """Return the tables, one a group."""
    parts = []
    for title, beginnings in GROUPS:
        rules = {code: rule for code, rule in CATALOGUE.items() if code.startswith(beginnings)}
        rows = ((code, r.severity, r.message, r.suggestion, r.link) for code, r in rules.items())
        parts.append(f"### {title}\n\n{_table(rows)}")
    rows = ((w.code, w.severity, w.message, w.suggestion, None) for w in WEAKNESSES)
    parts.append(f"### Projects of Microsoft's AI Toolkit\n\n{_table(rows)}")
    return "\n".join(parts)


def preflight_tables() -> str:
    """Return what the preflight checks, and what it finds."""
    checks = "\n".join(f"| `{name}` | {words} |" for name, words in NAMES.items())
    rows = ((row.name, str(row.state), row.message, _remedy(row), row.link) for row in PREFLIGHT.values())
    words = "`what`, `why` and `remedy` stand for the words of what is behind a finding: a file's problem, Azure's refusal."
    return f"| check | where nothing is wrong |\n| --- | --- |\n{checks}\n\n{_table(rows)}\n{words}\n"


def _remedy(row: Row) -> str:
    buttons = "; ".join(fix.title for fix in row.fixes)
    words = row.suggestion or "Nothing to do."
    return f"{words} Buttons: {buttons}." if buttons else words


def _table(rows: Iterable[tuple[str, str, str, str, str | None]]) -> str:
    lines = ["| code | | what is wrong | what to do |", "| --- | --- | --- | --- |"]
    for code, severity, message, suggestion, link in rows:
        more = f" [More]({link})" if link else ""
        lines.append(f"| `{code}` | {severity} | {_cell(message)} | {_cell(suggestion)}{more} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Return words for a cell; what is filled in is set in italics."""
    return re.sub(r"\{(\w+)\}", r"*\1*", text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;"))


def written(page: str, made: str = "") -> str:
    """Return the page with the tables as they are now."""
    return re.sub(
        r"(<!-- checks: begin -->\n).*(\n<!-- checks: end -->)",
        lambda found: f"{found[1]}\n{made or tables()}{found[2]}",
        page,
        flags=re.DOTALL,
    )


def main() -> int:
    """Write the page, or compare it."""
    before = {page: page.read_text(encoding="utf-8") for page in (PAGE, PREFLIGHT_PAGE)}
    made = {PAGE: tables(), PREFLIGHT_PAGE: preflight_tables()}
    after = {page: written(text, made[page]) for page, text in before.items()}
    if "--check" in sys.argv:
        return 0 if before == after else 1
    for page, text in after.items():
        page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

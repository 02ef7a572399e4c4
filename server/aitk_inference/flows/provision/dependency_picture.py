"""A template's resources and what each stands on, as a picture (SVG): what is needed first is on the left."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.arm_names import kind
from aitk_inference.flows.project.template_plan import short_name
from aitk_inference.flows.provision.existing_resources import is_shown
from aitk_inference.flows.provision.preview import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from arm_template import PlannedResource

    from aitk_inference.flows.provision.preview import PlannedChange

_WIDTH, _HEIGHT = 210, 62
_ACROSS, _DOWN, _MARGIN = 60, 20, 12
"""Gaps between boxes, and around all of them, in pixels."""
_LONGEST = 28
_COLOURS = {
    WORDS["create"]: ("#2e7d32", "#e8f5e9"),
    WORDS["update"]: ("#b26a00", "#fff4e0"),
    WORDS["delete"]: ("#b3261e", "#fdecea"),
}
_INK = "#1f2328"
_OTHER_COLOURS = ("#5f6b7a", "#f3f4f6")

Edges = dict[str, frozenset[str]]
"""What each resource stands on, by lower-case ARM id."""


class Box(NamedTuple):
    """A resource of the picture and where its box begins."""

    resource: PlannedResource
    x: int
    y: int


def picture(resources: Sequence[PlannedResource], changes: Sequence[PlannedChange]) -> str:
    """Return the picture as SVG.

    Args:
        resources: All that a template makes where nothing exists.
        changes: What happens to them now.
    """
    edges = dependencies(resources)
    boxes = _boxes([one for one in resources if is_shown(one)], edges)
    words = {change.id.lower(): change.word for change in changes}
    width = max((box.x for box in boxes.values()), default=0) + _WIDTH + _MARGIN
    height = max((box.y for box in boxes.values()), default=0) + _HEIGHT + _MARGIN
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    arrows = (_arrow(boxes[one], boxes[other]) for one in boxes for other in sorted(edges[one]))
    drawn = (_drawn(box, words.get(key, "")) for key, box in boxes.items())
    return "".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', _MARKER, *arrows, *drawn, "</svg>"])


def dependencies(resources: Sequence[PlannedResource]) -> Edges:
    """Return what each listed resource stands on, directly: what goes through another is left out."""
    needs = {one.id.lower(): {other.lower() for other in one.depends_on} for one in resources}
    listed = {one.id.lower() for one in resources if is_shown(one)}
    above = {one: _reached(one, needs) & listed for one in listed}
    return {
        one: frozenset(other for other in found if not any(other in above[between] for between in found))
        for one, found in above.items()
    }


def _reached(start: str, needs: Mapping[str, set[str]]) -> set[str]:
    found, pending = set[str](), [start]
    while pending:
        fresh = needs.get(pending.pop(), set()) - found
        found |= fresh
        pending += fresh
    return found - {start}


def _boxes(resources: Sequence[PlannedResource], edges: Edges) -> dict[str, Box]:
    """Return the boxes by id: a column further right than all that a resource stands on."""
    columns: dict[str, int] = {}
    for _ in resources:  # as many turns as the longest chain can have
        columns = {one: 1 + max((columns.get(other, 0) for other in edges[one]), default=-1) for one in edges}
    rows: dict[int, int] = {}
    boxes: dict[str, Box] = {}
    for resource in resources:
        key = resource.id.lower()
        column = columns[key]
        row = rows[column] = rows.get(column, -1) + 1
        x, y = column * (_WIDTH + _ACROSS), row * (_HEIGHT + _DOWN)
        boxes[key] = Box(resource, _MARGIN + x, _MARGIN + y)
    return boxes


_MARKER = (
    '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
    '<path d="M0,0 L8,4 L0,8 z" fill="#8a94a3"/></marker></defs>'
)


def _arrow(box: Box, needed: Box) -> str:
    """Draw an arrow from what is needed to what needs it."""
    x1, y1 = needed.x + _WIDTH, needed.y + _HEIGHT // 2
    x2, y2 = box.x, box.y + _HEIGHT // 2
    middle = (x1 + x2) // 2
    way = f"M{x1},{y1} C{middle},{y1} {middle},{y2} {x2},{y2}"
    return f'<path d="{way}" fill="none" stroke="#8a94a3" stroke-width="1.5" marker-end="url(#head)"/>'


def _drawn(box: Box, word: str) -> str:
    line, fill = _COLOURS.get(word, _OTHER_COLOURS)
    frame = f'x="{box.x}" y="{box.y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"'
    drawn = [f'<rect {frame} fill="{fill}" stroke="{line}" stroke-width="1.5"/>']
    texts = ((kind(box.resource.type), 600, _INK), (short_name(box.resource), 400, _INK), (word, 400, line))
    for row, (words, weight, colour) in enumerate(texts):
        short = words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
        place = f'x="{box.x + 10}" y="{box.y + 20 + 17 * row}" font-family="Segoe UI,Ubuntu,sans-serif"'
        style = f'font-size="12" font-weight="{weight}" fill="{colour}"'
        drawn.append(f"<text {place} {style}>{escape(short)}</text>")
    return "".join(drawn)

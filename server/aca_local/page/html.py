"""HTML from functions: whatever is put in is escaped, except what these functions made."""

from __future__ import annotations

from html import escape

VOID = frozenset({"meta", "link", "br"})


class Raw(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(piece: object) -> str:
    """Write one piece: HTML as it is, anything else escaped, None as nothing."""
    if piece is None:
        return ""
    return str(piece) if isinstance(piece, Raw) else escape(str(piece))


def tag(name: str, /, *pieces: object, **attributes: str | bool | None) -> Raw:
    """Make an element; ``class_`` becomes ``class``; an attribute that is False or None is left out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Raw(f"<{name}{written}>" if name in VOID else f"<{name}{written}>{join(*pieces)}</{name}>")


def join(*pieces: object) -> Raw:
    """Put pieces side by side."""
    return Raw("".join(text(one) for one in pieces))


def table(heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> Raw:
    """Make a table; nothing when it has no rows."""
    if not rows:
        return tag("p", "None yet.", class_="quiet")
    head = tag("tr", *(tag("th", one, scope="col") for one in heads))
    body = (tag("tr", *(tag("td", cell) for cell in row)) for row in rows)
    return tag("table", tag("thead", head), tag("tbody", *body))

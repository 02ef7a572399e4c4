r"""Text of others made safe to show: a share, a log line or a service may hold what steers a terminal.

Sequences that steer (``ESC [ 31 m`` colours, ``ESC ] 0 ;`` sets the title, and all their kind) are left out.
Other control characters and those that turn the direction of writing are shown as ``\x07`` or ``\u202e``, so
that they can be seen and do nothing.
"""

from __future__ import annotations

import re

# Patterns of what is rare are texts: `re` compiles them at first use, and a short run never pays for them.
#
# CSI (colours, cursor, erasing); OSC and DCS (titles, links, clipboard); short ones (character sets)
_SEQUENCES = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c|(?=\n)|$)"
    r"|\x1b[ -/]*[0-~]"
)
_COLOUR = r"\x1b\[[0-9;:]*m"
_RESET = "\x1b[0m"
_CONTROLS = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]"
_RETURNS = r"\r+(?=\n|$)"


def printable(text: str) -> str:
    """Return the text without what steers a terminal; tabs and line ends stay."""
    if text.isprintable():
        return text
    plain = re.sub(_RETURNS, "", re.sub(_SEQUENCES, "", text))
    return re.sub(_CONTROLS, lambda found: found[0].encode("unicode_escape").decode(), plain)


def coloured(text: str) -> str:
    """Return the text without what steers a terminal but its colours, which end with it."""
    if "\x1b" not in text:
        return printable(text)
    pieces, colours = re.split(_COLOUR, text), re.findall(_COLOUR, text)
    shown = "".join(
        f"{printable(piece)}{colour}" for piece, colour in zip(pieces, [*colours, ""], strict=True)
    )
    return f"{shown}{_RESET}" if colours else shown

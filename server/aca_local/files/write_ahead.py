"""One step that is about to happen on disk, remembered with the records that belong to it.

Records and files can't change in one transaction. So the records and the intent are committed together, then
the step is taken: after `kill -9`, the step that was left is taken at the next start. There is one at a time,
since each is taken without giving way to another request.
"""

import os
from dataclasses import dataclass

from aca_local.files.content import copy_bytes, zero_bytes

PUT, MOVE, MAKE = "put", "move", "make"
WRITE, CLEAR = "write", "clear"  # followed by "@" and the first byte; of a clearing, the length after "+"


@dataclass(slots=True, frozen=True)
class Intent:
    """A step: `put` the file `source` at `target`, `move` what is there, or `make` the folder `target`;
    `write` the content of `source` into the file `target` in place, or `clear` bytes of it.

    A write in place is remembered too, since a kill may stop the system in the middle of it: what was half
    written is written again.
    """

    kind: str
    source: str
    target: str

    def take(self) -> None:
        """Take the step."""
        if self.kind == MAKE:
            os.mkdir(self.target)
            return
        name, _, where = self.kind.partition("@")
        if name == WRITE:
            copy_bytes(self.source, 0, self.target, int(where), os.path.getsize(self.source))
            os.unlink(self.source)
            return
        if name == CLEAR:
            start, _, length = where.partition("+")
            zero_bytes(self.target, int(start), int(length))
            return
        if self.kind == MOVE and os.path.isdir(self.source) and os.path.isfile(self.target):
            os.unlink(self.target)
        os.replace(self.source, self.target)

    def is_left(self) -> bool:
        """Return True if the step was remembered and not taken."""
        if self.kind == MAKE:
            return not os.path.lexists(self.target) and os.path.isdir(os.path.dirname(self.target))
        if self.kind.startswith(f"{CLEAR}@"):
            return os.path.isfile(self.target)
        return os.path.lexists(self.source)

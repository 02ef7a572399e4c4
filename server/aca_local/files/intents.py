"""One step that is about to happen on disk, remembered with the records that belong to it.

Records and files can't change in one transaction. So the records and the intent are committed together, then
the step is taken: after `kill -9`, the step that was left is taken at the next start. There is one at a time,
since each is taken without giving way to another request.
"""

import os
from dataclasses import dataclass

PUT, MOVE, MAKE = "put", "move", "make"


@dataclass(slots=True, frozen=True)
class Intent:
    """A step: `put` the file `source` at `target`, `move` what is there, or `make` the folder `target`."""

    kind: str
    source: str
    target: str

    def take(self) -> None:
        """Take the step."""
        if self.kind == MAKE:
            os.mkdir(self.target)
            return
        if self.kind == MOVE and os.path.isdir(self.source) and os.path.isfile(self.target):
            os.unlink(self.target)
        os.replace(self.source, self.target)

    def is_left(self) -> bool:
        """Say whether the step was remembered and not taken."""
        if self.kind == MAKE:
            return not os.path.lexists(self.target) and os.path.isdir(os.path.dirname(self.target))
        return os.path.lexists(self.source)

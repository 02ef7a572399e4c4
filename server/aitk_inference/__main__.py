"""The program ``aitk-inference``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line."""
    sys.stderr.write("aitk-inference: no command is built yet\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())

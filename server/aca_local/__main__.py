"""``python -m aca_local``."""

import sys

from aca_local.cli import main

if __name__ == "__main__":
    sys.exit(main())

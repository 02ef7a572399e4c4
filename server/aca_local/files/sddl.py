"""Security descriptors: the text form (SDDL) and the binary form, [MS-DTYP] 2.4.6 and 2.5.1."""

import re

SDDL = re.compile(r"(?:O:[^:]+)?(?:G:[^:]+)?(?:D:[^:]*(?:\([^)]*\))*)?(?:S:[^:]*(?:\([^)]*\))*)?")


def is_sddl(text: str) -> bool:
    """Say whether a text looks like a security descriptor."""
    return bool(text) and SDDL.fullmatch(text.strip()) is not None

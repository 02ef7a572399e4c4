"""A Chromium for tests: this system's, or Debian's unpacked into the user's cache folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from support import debian

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "chromium"
SCRIPT = "run-chromium"
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <include ignore_missing="yes">{root}/usr/share/fontconfig/conf.avail/60-latin.conf</include>
  <dir>/usr/share/fonts</dir>
  <dir>{root}/usr/share/fonts</dir>
  <cachedir>{root}/var/cache/fontconfig</cachedir>
</fontconfig>
"""


def browser() -> str | None:
    """Return a Chromium that is there, or None."""
    names = (PACKAGE, "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    beside = debian.folder_of(PACKAGE) / SCRIPT
    return found or (str(beside) if beside.exists() else None)


def set_up_browser() -> str:
    """Return a Chromium that is there, or unpack Debian's; raises MissingPackageError."""
    return browser() or str(_unpack())


def _unpack() -> Path:
    root = debian.unpacked(PACKAGE)
    fonts = root / "fonts.conf"
    fonts.write_text(FONTS.format(root=root))
    program = root / "usr" / "lib" / "chromium" / "chromium"
    return debian.wrapper(root / SCRIPT, program, root, FONTCONFIG_FILE=str(fonts))

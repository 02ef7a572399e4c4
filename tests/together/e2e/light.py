"""A project whose app needs no packages: it starts in seconds, so that tests can be about the editor."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import psutil
from support.projects import with_server

if TYPE_CHECKING:
    from pathlib import Path

    from together.e2e.code_server import Profile

SERVER = textwrap.dedent(
    """
    import http.server, os, time
    time.sleep(10)
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(b"light")
        def log_message(self, *_): pass
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
    """
)


def make_light(project: Path) -> Path:
    """Replace a starter's app by one that starts in ten seconds."""
    return with_server(project, SERVER)


def use_slow_local(project: Path, data: Path) -> None:
    """Let this project's local target take Azure's own times."""
    command = [sys.executable, "-m", "aca_local", "serve", "--detach", "--json", "--timing", "realistic"]
    subprocess.run(
        [*command, "--data-dir", str(data)], check=True, capture_output=True, timeout=120, cwd=sys.prefix
    )
    settings = project / ".vscode/settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"aitk.inference.localDataFolder": str(data)}))


def kill_servers(profile: Profile) -> int:
    """Kill a profile's language servers, as a crash would; windows closed before may still have theirs."""
    found = servers(profile)
    for process in found:
        process.kill()
    psutil.wait_procs(found)
    return len(found)


def servers(profile: Profile) -> list[psutil.Process]:
    """The language servers of a profile's windows: they run beneath its editor."""
    return [process for process in psutil.process_iter() if _serves(process, str(profile.home))]


def _serves(process: psutil.Process, home: str) -> bool:
    try:
        is_server = process.cmdline()[-2:] == ["aitk_inference", "serve"]
        return is_server and any(home in word for parent in process.parents() for word in parent.cmdline())
    except psutil.Error:
        return False

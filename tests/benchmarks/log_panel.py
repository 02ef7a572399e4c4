"""How soon a log line stands in the editor's panel, and what 100,000 of them cost the server.

``PYTHONPATH=tests python -m benchmarks.log_panel``: the language server as it is, on a running aca-local; the app prints
a line with its time whenever it is asked to, and 100,000 at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
from product.lsp.raw import RawClient, raw_client
from support.projects import small_project

SERVE = [sys.executable, "-m", "aitk_inference", "serve"]
LINES, MANY = 40, 100_000
GOAL_MS, GOAL_MB, GOAL_S = 300.0, 20.0, 1.0
PATIENCE = 400.0
APP = """\
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        count = int(self.path[1:]) if self.path[1:].isdecimal() else 0
        if count == 1:
            print(f"written {time.time():.6f}", flush=True)
        for number in range(count if count > 1 else 0):
            sys.stdout.write(f"line {number} of what an app writes while it loads a model\\n")
            if number % 500 == 0:
                sys.stdout.flush()
                time.sleep(0.01)
        if count > 1:
            print("all written", flush=True)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


class Panel:
    """The editor's end: shows each text at once, and keeps when it came."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self.text, self.came = "", list[tuple[float, str]]()

    async def read(self) -> None:
        """Answer the server until the test ends."""
        while True:
            message = await self.client._read()
            if message.get("method") == "workspace/aitk/append":
                text = message["params"]["text"]
                self.came.append((time.time(), text))
                self.text = self.text[-100_000:] + text
                self.client.send(id=message["id"], result={"shown": True})
                self.client.received.clear()

    async def run(self, msg_id: int, verb: str, **argument: Any) -> dict[str, Any]:
        """Run a command."""
        self.client.execute(msg_id, verb, argument)
        return await self.until(lambda: self._answer(msg_id))

    async def until(self, met: Any) -> Any:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE):
            while not (found := met()):  # noqa: ASYNC110 - what is waited for is another process
                await asyncio.sleep(0.005)
        return found

    def _answer(self, msg_id: int) -> dict[str, Any] | None:
        return next((m for m in self.client.received if m.get("id") == msg_id and "method" not in m), None)


async def main() -> int:
    """Measure; return 1 where a goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        home, places = (
            Path(folder),
            {"AITK_STATE_DIR": f"{folder}/state", "AITK_LOCAL_DATA": f"{folder}/data"},
        )
        project = small_project(home / "project")
        (project / "inference/gradio_chat.py").write_text(APP)
        try:
            async with raw_client(SERVE, **places) as client:
                client.patience = PATIENCE
                await client.initialize(project, channels=True, notifications=True)
                panel = Panel(client)
                reading = asyncio.ensure_future(panel.read())
                found = await measure(panel, project)
                reading.cancel()
                await asyncio.wait([reading])
        finally:
            stop = [sys.executable, "-m", "aca_local", "stop", "--data-dir", f"{folder}/data"]
            await asyncio.to_thread(
                subprocess.run, stop, capture_output=True, check=False, env=dict(os.environ)
            )
    print(json.dumps(found, indent=2))
    return int(found["lineMsMost"] > GOAL_MS or found["grownMB"] > GOAL_MB or found["answersAfterS"] > GOAL_S)


async def measure(panel: Panel, project: Path) -> dict[str, float]:
    """Return what was measured."""
    await panel.run(1, "provision", subscription="local", resourceGroup="bench")
    await panel.run(2, "deploy")
    endpoint = json.loads((project / "infra/inference.config.json").read_text())["ACA_APP_ENDPOINT"].rstrip(
        "/"
    )
    await panel.run(3, "logs", follow=True, both=True, since="1h", tail=300)
    await asyncio.sleep(2)
    for _ in range(LINES):
        await asyncio.to_thread(lambda: urllib.request.urlopen(f"{endpoint}/1", timeout=30).close())
        await asyncio.sleep(0.1)
    await panel.until(lambda: sum(text.count("written ") for _, text in panel.came) >= LINES)
    took = [
        1000 * (when - float(line.rpartition("written ")[2]))
        for when, text in panel.came
        for line in text.splitlines()
        if "written " in line
    ]
    server = psutil.Process(panel.client.process.pid)
    before = server.memory_info().rss
    begin = time.monotonic()
    await asyncio.to_thread(lambda: urllib.request.urlopen(f"{endpoint}/{MANY}", timeout=300).close())
    await panel.until(lambda: "all written" in panel.text)
    seconds = time.monotonic() - begin
    grown = (server.memory_info().rss - before) / 1e6
    shown = sum(text.count("of what an app writes") for _, text in panel.came)
    begin = time.monotonic()
    await panel.run(4, "stopLogs")
    return {
        "lineMsMedian": round(statistics.median(took), 1),
        "lineMsMost": round(max(took), 1),
        "lines": MANY,
        "linesShown": shown,
        "secondsForAll": round(seconds, 1),
        "grownMB": round(grown, 1),
        "answersAfterS": round(time.monotonic() - begin, 3),
    }


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

"""What Deploy itself costs on aca-local, and what many of them cost a server: deploy.py [ROUNDS] [DEPLOYS].

- overhead: a Deploy's seconds through a running language server, less its sync's and the app's own start (from the first
  line of its program until it listens); the median of the rounds, limit 1 s, beside the parts in the same run;
- growth: resident memory of one server over DEPLOYS deploys, after ten to warm up (limit 10 MB).

Each deploy sends one small changed file.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from support.desk import Desk  # noqa: E402 - the tests' folder is not a package
from support.projects import set_parameters, small_project  # noqa: E402

PROGRAM = """\
import time
began = time.time()
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"began": began, "listening": listening, "answer": open("answer.txt").read()}).encode())
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
listening = time.time()
server.serve_forever()
"""
WARM = 10


class Server:
    """A language server of a plain client, which runs one command after the other."""

    def __init__(self, desk: Desk) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aitk_inference", "serve"],
            env=desk.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._last = 0
        self.call("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self._send({"method": "initialized", "params": {}})

    def call(self, method: str, params: dict[str, Any]) -> Any:
        """Send a request and return its result; what the server asks meanwhile is answered with nothing."""
        self._last += 1
        self._send({"id": self._last, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == self._last and "method" not in message:
                assert "error" not in message, message
                return message["result"]
            if "id" in message and "method" in message:
                self._send({"id": message["id"], "result": None})

    def deploy(self, project: Path) -> dict[str, Any]:
        argument = {"projectUri": project.as_uri(), "restart": True}
        result: dict[str, Any] = self.call(
            "workspace/executeCommand", {"command": "aitk-inference.deploy", "arguments": [argument]}
        )
        return result

    @property
    def memory(self) -> float:
        """Return its resident memory in MB."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1e6

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        length = 0
        while (line := self.process.stdout.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message


def main() -> None:
    """Measure and print."""
    rounds, deploys = (int(word) for word in (*sys.argv[1:], "10", "200")[:2])
    with tempfile.TemporaryDirectory(prefix="deploy-bench-") as name:
        desk, project = Desk(Path(name)), small_project(Path(name) / "project")
        (project / "inference/gradio_chat.py").write_text(PROGRAM)
        set_parameters(project, defaultCommands=["cd /mount/inference", "python gradio_chat.py"])
        try:
            desk.run(
                "provision", "--project", str(project), "--subscription", "local", "--resource-group", "bench"
            )
            server = Server(desk)
            _measure(server, project, rounds, deploys)
            server.process.kill()
        finally:
            desk.local("stop")


def _measure(server: Server, project: Path, rounds: int, deploys: int) -> None:
    parts = [_round(server, project, number) for number in range(WARM + rounds)][WARM:]
    names = ("whole", "sync", "own start", "overhead")
    middle = {name: statistics.median(part[name] for part in parts) for name in names}
    print(", ".join(f"{name} {seconds:.2f} s" for name, seconds in middle.items()), "(overhead: limit 1 s)")
    before = server.memory
    for number in range(deploys):
        _round(server, project, 1000 + number)
    grown = server.memory - before
    print(f"{deploys} deploys: the server grew by {grown:.1f} MB, from {before:.0f} MB (limit 10 MB for 200)")


def _round(server: Server, project: Path, number: int) -> dict[str, float]:
    (project / "inference/answer.txt").write_text(str(number))
    began = time.perf_counter()
    result = server.deploy(project)
    whole = time.perf_counter() - began
    with urllib.request.urlopen(result["endpoint"], timeout=30) as answer:
        said = json.loads(answer.read())
    assert said["answer"] == str(number)
    sync, own = result["data"]["syncSeconds"], said["listening"] - said["began"]
    return {"whole": whole, "sync": sync, "own start": own, "overhead": whole - sync - own}


if __name__ == "__main__":
    main()

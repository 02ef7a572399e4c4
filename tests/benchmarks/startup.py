"""How soon the editor's half stands: run ``make package`` first, then ``python tests/benchmarks/startup.py``.

- from process start to the answer of ``initialize``, beside an empty pygls server (ratio at most 1.3);
- loading and activating the extension before the first command (limit 30 ms), the editor's API stubbed;
- the size of the VSIX (limit 3 MB).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
OURS = [sys.executable, "-m", "aitk_inference", "serve"]
EMPTY = [sys.executable, str(Path(__file__).with_name("empty_server.py"))]
NODE = Path(sys.executable).with_name("node")
ROUNDS = 15


def initialize_seconds(command: Sequence[str]) -> float:
    """Seconds from starting a server to the first byte of its answer to ``initialize``."""
    params = {"processId": None, "rootUri": None, "capabilities": {}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).encode()
    begun = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        server.stdin.flush()
        assert server.stdout.read(1), "no answer"
        seconds = time.perf_counter() - begun
        server.kill()
    return seconds


def activation_ms() -> float:
    """Milliseconds of the extension's activation; the median of several processes."""
    script = Path(__file__).with_name("activation.mjs")
    command = [str(NODE), str(script), str(ROOT / "dist" / "extension.js")]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(ROUNDS)]
    return statistics.median(float(run.stdout) for run in runs)


def main() -> None:
    """Measure and print."""
    pairs = [(initialize_seconds(OURS), initialize_seconds(EMPTY)) for _ in range(ROUNDS)]
    ours, empty = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(mine / other for mine, other in pairs)
    size = (ROOT / "build" / "aitk-remote-inference.vsix").stat().st_size
    print(f"initialize: {ours:.3f} s, empty pygls server {empty:.3f} s, ratio {ratio:.2f} (limit 1.3)")
    print(f"activation before the first command: {activation_ms():.1f} ms (limit 30)")
    print(f"VSIX: {size / 1e6:.2f} MB (limit 3)")


if __name__ == "__main__":
    main()

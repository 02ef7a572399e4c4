"""A program that stands for the Bicep CLI: speaks its protocol, and misbehaves on demand."""

from __future__ import annotations

import json
import sys
import time

BEHAVIOUR = sys.argv[0].rpartition("-")[2]
DIAGNOSTIC = {
    "source": "/project/main.bicep",
    "range": {"start": {"line": 1, "char": 4}, "end": {"line": 1, "char": 7}},
    "level": "Warning",
    "code": "no-unused-vars",
    "message": "Variable is never used.",
}


def answer(request: dict[str, object]) -> dict[str, object]:
    """Answer one request."""
    method, number = request["method"], request["id"]
    if BEHAVIOUR == "refusing":
        data = {"type": "X", "message": "An error occurred reading file.\nmore", "stack": "at X.Y"}
        return {"jsonrpc": "2.0", "id": number, "error": {"code": -32000, "message": "no", "data": data}}
    results: dict[object, object] = {
        "bicep/compile": {"success": True, "contents": "{}", "diagnostics": [DIAGNOSTIC]},
        "bicep/compileParams": {"success": True, "parameters": "{}", "template": "{}", "diagnostics": []},
        "bicep/getFileReferences": {"filePaths": ["/project/main.bicep", "/project/part.bicep"]},
    }
    return {"jsonrpc": "2.0", "id": number, "result": results[method]}


def serve() -> None:
    """Read requests and answer them."""
    while header := sys.stdin.buffer.readline():
        sys.stdin.buffer.readline()
        request = json.loads(sys.stdin.buffer.read(int(header.partition(b":")[2])))
        if BEHAVIOUR == "crashing":
            sys.exit(3)
        if BEHAVIOUR == "hanging":
            time.sleep(60)
        if BEHAVIOUR == "babbling":
            sys.stdout.buffer.write(b"Content-Length: x\r\n\r\nhello")
            sys.stdout.buffer.flush()
            continue
        body = json.dumps(answer(request)).encode()
        sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        sys.stdout.buffer.flush()


def build() -> None:
    """Do as `bicep build --stdout` does."""
    if BEHAVIOUR == "oldbad":
        sys.stderr.write(
            '/p/main.bicep(1,9) : Error BCP302: The name "x" is not a type. [https://aka.ms/x]\n'
        )
        sys.exit(1)
    sys.stdout.write('{"resources": []}')


if __name__ == "__main__":
    if "--version" in sys.argv:
        sys.stdout.write(f"Bicep CLI version {'0.20.4' if BEHAVIOUR.startswith('old') else '0.49.2'} (abc)\n")
    elif sys.argv[1] == "build":
        build()
    else:
        serve()

"""aca-local where the kernel refuses mount namespaces, as in many containers: apps find their share."""

import json
import platform
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest
from support.running import (
    ACCOUNT,
    APP_API,
    ENVIRONMENT,
    LIMIT,
    STORAGE_API,
    Azure,
    aca_local,
    application,
    provision,
    until,
    upload,
)

UNSHARE = {"x86_64": 272, "aarch64": 97}.get(platform.machine())
# A program under a seccomp filter that answers unshare(2) with EPERM, as container engines do.
REFUSING = textwrap.dedent(
    f"""
    import ctypes, os, struct, sys
    instruction = struct.Struct("HBBI").pack
    lines = instruction(0x20, 0, 0, 0) + instruction(0x15, 0, 1, {UNSHARE})  # is it this system call?
    lines += instruction(0x06, 0, 0, 0x00050001) + instruction(0x06, 0, 0, 0x7FFF0000)  # EPERM; allowed
    code = ctypes.create_string_buffer(lines)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()  # PR_SET_SECCOMP
    os.execv(sys.argv[1], sys.argv[1:])
    """
)
# It lies elsewhere and knows its files by their mount path alone.
REPORT = textwrap.dedent(
    """
    import http.server, importlib.util, json, os, pathlib, subprocess, sys
    sys.path.insert(0, "/mount")
    import helper
    def report():
        pathlib.Path("/mount/written").write_text("by the app")
        return {
            "module": helper.NAME,
            "note": open("/mount/note.txt").read(),
            "listed": "note.txt" in os.listdir("/mount"),
            "command": subprocess.check_output(["cat", "/mount/note.txt"], text=True),
            "shell": subprocess.check_output("cd /mount && cat written", shell=True, text=True),
            "setuptools": importlib.util.find_spec("setuptools") is not None,
        }
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(report()).encode())
        def log_message(self, *_): pass
    http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
    """
)
pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or UNSHARE is None,
    reason="NOT TRIED: the refusal is made with Linux' seccomp, on x86-64 or ARM64",
)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    folder = tmp_path_factory.mktemp("refused") / "Application Support"
    serve = [sys.executable, "-m", "aca_local", "serve", "--detach", "--json", "--data-dir", str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", REFUSING, *serve], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr
    found = Azure(json.loads(done.stdout))
    provision(found)
    yield found
    aca_local(folder, "stop")


def test_an_app_whose_program_names_the_mount_path_answers(azure: Azure) -> None:
    assert until(azure.get, bool).endswith("first")


def test_all_that_a_program_of_python_does_with_the_mount_path_reaches_the_share(azure: Azure) -> None:
    _put_on_the_share(azure, "report.py", REPORT)
    _put_on_the_share(azure, "helper.py", "NAME = 'from the share'")
    body = application(f"{azure.group}/providers/Microsoft.App/managedEnvironments/{ENVIRONMENT}")
    (container,) = body["properties"]["template"]["containers"]
    container["args"] = ["-c", "cp /mount/report.py here.py && python here.py"]
    azure.put(azure.app, APP_API, body)
    assert json.loads(until(azure.get, lambda text: text.startswith("{"))) == {
        "module": "from the share",
        "note": "first",
        "listed": True,
        "command": "first",
        "shell": "by the app",
        "setuptools": sys.version_info < (3, 12),
    }


def _put_on_the_share(azure: Azure, name: str, text: str) -> None:
    account = f"{azure.group}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
    endpoint = azure.ask("GET", account, STORAGE_API)["properties"]["primaryEndpoints"]["file"]
    key = azure.ask("POST", f"{account}/listKeys", STORAGE_API)["keys"][0]["value"]
    upload(endpoint, key, name, text)

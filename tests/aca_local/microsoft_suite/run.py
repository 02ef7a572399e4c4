"""Run Microsoft's own tests of azure-storage-file-share, unmodified, against the Files service.

The tests come in the package's sdist and are fetched when they are needed, never kept here. Exit code 0: at
least 95 % of the SMB tests pass, and every other test is one that `expected.json` names with its reason.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a program
from support.certificates import certificate

HERE = Path(__file__).parent
ROOT = Path(__file__).resolve().parents[3]
WORK = ROOT / "build" / "microsoft_suite"
SDIST = "azure-storage-file-share==12.27.1"
GOAL = 0.95
KEY = base64.b64encode(b"a key for the tests of the suite, known to all").decode()


@dataclass
class Tally:
    """The outcome of a run: node ids of the tests that passed, failed, or were skipped with a reason."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def prepare() -> Path:
    """Make the environment of the suite and unpack its tests; return their folder."""
    python = WORK / "venv" / "bin" / "python"
    uv = Path(sys.executable).parent / "uv"
    if not python.exists():
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, WORK / "venv"], check=True)
    subprocess.run([uv, "pip", "install", "-q", "-p", python, "-r", HERE / "requirements.txt"], check=True)
    if not list(WORK.glob("*.tar.gz")):
        fetch = ["download", "-q", "--no-deps", "--no-binary", "azure-storage-file-share", "-d", WORK, SDIST]
        subprocess.run([sys.executable, "-m", "pip", *fetch], check=True)
    [archive] = WORK.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.2 has none
        packed.extractall(WORK)
    return next(WORK.glob("azure_storage_file_share-*/tests"))


def environment(port: int, trusted: Path, tests: Path) -> dict[str, str]:
    """Return the environment that the tests run in."""
    return {
        **os.environ,
        "PYTHONPATH": f"{HERE}{os.pathsep}{tests}",
        "AITK_SUITE_PORT": str(port),
        "REQUESTS_CA_BUNDLE": str(trusted),
        "SSL_CERT_FILE": str(trusted),
        "STORAGE_ACCOUNT_NAME": "storagename",
        "STORAGE_ACCOUNT_KEY": KEY,
        "SECONDARY_STORAGE_ACCOUNT_NAME": "pyrmtstoragestorname",
        "SECONDARY_STORAGE_ACCOUNT_KEY": KEY,
        "PREMIUM_STORAGE_FILE_ACCOUNT_NAME": "premiumname",
        "PREMIUM_STORAGE_FILE_ACCOUNT_KEY": KEY,
        "AZURE_TEST_RUN_LIVE": "true",
        "AZURE_SKIP_LIVE_RECORDING": "true",
    }


def run_tests(tests: Path, chosen: list[str], port: int, trusted: Path) -> Path:
    """Run the suite; return its JUnit report."""
    report = WORK / "report.xml"
    options = ["-q", "-p", "loopback", "-o", "asyncio_mode=auto", "-o", "junit_family=xunit1", "-n", "2"]
    options += [
        "--rootdir",
        str(tests),
        "-c",
        os.devnull,
        f"--junitxml={report}",
        "--tb=short",
        "-W",
        "ignore",
    ]
    python = WORK / "venv" / "bin" / "python"
    command = [python, "-m", "pytest", *options, *(chosen or [str(tests)])]
    subprocess.run(command, cwd=tests, env=environment(port, trusted, tests), check=False, timeout=1500)
    return report


def count(report: Path) -> Tally:
    """Read a JUnit report."""
    tally = Tally()
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('file') or case.get('classname')}::{case.get('name')}"
        name = name.replace("tests/", "")
        skipped = case.find("skipped")
        if skipped is not None:
            tally.skipped[name] = skipped.get("message") or ""
        elif case.find("failure") is not None or case.find("error") is not None:
            tally.failed.append(name)
        else:
            tally.passed.append(name)
    return tally


def judge(tally: Tally) -> int:
    """Print the count, and return 0 when the goal is met and nothing unexpected failed."""
    expected: dict[str, dict[str, str]] = json.loads((HERE / "expected.json").read_text())
    outside, known = expected["out_of_the_count"], expected["failing"]
    reason = {name: why for group, why in outside.items() for name in _matching(tally, group)}
    counted = [name for name in [*tally.passed, *tally.failed] if name not in reason]
    failed = [name for name in tally.failed if name not in reason]
    rate = (len(counted) - len(failed)) / max(1, len(counted))
    print(f"{len(counted) - len(failed)} of {len(counted)} SMB tests pass ({rate:.1%}).")
    _print_uncounted(tally, reason)
    surprises = [name for name in failed if name not in known]
    for name in failed:
        print(f"  failed: {name}: {known.get(name, 'not expected')}")
    return 0 if rate >= GOAL and not surprises else 1


def _print_uncounted(tally: Tally, reason: dict[str, str]) -> None:
    """Say of each test that does not count why: those out of the count by name, those the suite skips."""
    whys = [f"out of the count: {why}" for why in reason.values()]
    whys += [f"skipped by the suite: {why}" for name, why in tally.skipped.items() if name not in reason]
    print(f"Not counted: {len(whys)} of {len(tally.passed) + len(tally.failed) + len(tally.skipped)}.")
    for why, times in Counter(whys).most_common():
        print(f"  {times} {why}")


def _matching(tally: Tally, group: str) -> list[str]:
    names = [*tally.passed, *tally.failed, *tally.skipped]
    return [name for name in names if name == group or name.startswith((f"{group}::", f"{group}["))]


def main() -> int:
    """Prepare, serve, run, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "tests", nargs="*", help="some tests only (as pytest names them, below the suite's folder)"
    )
    chosen = parser.parse_args()
    tests = prepare()
    server_file, trusted = certificate(WORK, ["*.file.core.windows.net", "*.blob.core.windows.net"])
    root = WORK / "data" / str(os.getpid())
    command = [sys.executable, str(HERE / "serve.py"), str(root), KEY, str(server_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = json.loads(server.stdout.readline())["port"]
            report = run_tests(tests, chosen.tests, port, trusted)
        finally:
            server.terminate()
    return judge(count(report))


if __name__ == "__main__":
    sys.exit(main())

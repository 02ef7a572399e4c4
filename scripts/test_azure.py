"""The two flows and the contract tests on real Azure, with a limit of costs, a clean-up and a report.

``AITK_AZURE=1 make test-azure`` needs ``AITK_AZURE_SUBSCRIPTION`` and ``AITK_AZURE_LOCATION``, and a sign-in (``az login``, or a
pipeline's variables). ``AITK_AZURE_TENANT`` names another directory, ``AITK_AZURE_LIMIT`` the most that the run may cost in
the list's currency (2.00): what costs more, or an unknown amount, is not started. All it makes is in two resource groups with
names of its own, which are deleted whatever happens. Without ``AITK_AZURE`` it is the same run against aca-local, which
stands for an Azure where the subscription is in another directory. The report is ``artifacts/test-azure/report.md``.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from support.azure_accounts import SUBSCRIPTION, azure_accounts
from support.real_projects import config_of, make_small, name_resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "artifacts/test-azure"
CONTRACTS = ("tests/together/test_cloud_ports.py", "tests/together/test_cloud_deployments.py")
HOURS, BESIDES = 1.0, 0.20
"""The longest that anything may run, and what storage and logs may cost besides."""
STEP_SECONDS = 1800
DELETE = "--delete-group"


class Target(NamedTuple):
    """Where it runs.

    Attributes:
        name: For the report.
        environment: The variables of the program.
        tenant: The directory that the program is told of, or empty.
    """

    name: str
    environment: Mapping[str, str]
    subscription: str
    location: str
    tenant: str = ""
    limit: float = 2.0
    is_real: bool = False


class Step(NamedTuple):
    """What was tried, how it ended, and what it said last."""

    name: str
    ok: bool
    seconds: float
    words: str


class StepFailedError(Exception):
    """A step failed, so that those after it make no sense."""


@dataclass
class Run:
    """One run: its target, a resource group for the flows and one for the contract tests, and what was done."""

    target: Target
    groups: tuple[str, str]
    steps: list[Step] = field(default_factory=list)
    bound: float | None = None
    currency: str = ""

    def step(self, name: str, work: Callable[[], str]) -> None:
        """Do a step and note how it ended. Raise StepFailedError."""
        began = time.monotonic()
        try:
            words, ok = work(), True
        except (AssertionError, OSError, httpx.HTTPError, subprocess.TimeoutExpired) as error:
            words, ok = str(error) or type(error).__name__, False
        self.steps.append(Step(name, ok, time.monotonic() - began, words.strip()[-400:]))
        print(
            f"{'ok    ' if ok else 'FAILED'} {name} ({self.steps[-1].seconds:.0f} s) {words.strip()[-200:]}"
        )
        if not ok:
            raise StepFailedError

    def program(self, *words: str) -> dict[str, Any]:
        """Run the product and return its last line. Raise AssertionError where it fails."""
        tenant = ("--tenant", self.target.tenant) if self.target.tenant and words[0] != "new" else ()
        done = subprocess.run(
            [sys.executable, "-m", "aitk_inference", *words, *tenant, "--json"],
            env={**os.environ, **self.target.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        last: dict[str, Any] = json.loads((done.stdout.splitlines() or ["{}"])[-1])
        said = " ".join(str(last.get(key) or "") for key in ("message", "suggestion")).strip()
        assert done.returncode == 0, said or done.stderr or last
        return last

    def flows(self, root: Path) -> None:
        """Provision, deploy, ask, and delete again."""
        place = ("--project", str(root))
        where = ("--subscription", self.target.subscription, "--resource-group", self.groups[0])
        self.step("new", lambda: self._new(root))
        region = ("--location", self.target.location)
        self.step("costs", lambda: self._priced(self.program("provision", "--plan", *where, *region, *place)))
        self.step("provision --check", lambda: self._said("provision", "--check", *where, *region, *place))
        self.step("provision", lambda: self._said("provision", "--yes", *where, *region, *place))
        self.step("deploy", lambda: self._said("deploy", "--yes", *place))
        self.step("answer", lambda: _answer(config_of(root)["ACA_APP_ENDPOINT"]))
        self.step("status", lambda: self._said("status", *place))
        share = config_of(root)["FILE_SHARE_NAME"]
        self.step("delete", lambda: self._said("delete", "--all", "--yes", "--share", share, *place))

    def contracts(self) -> None:
        """Run the contract tests of the cloud's ports."""
        self.step("contract tests", self._contracts)

    def clean_up(self) -> None:
        """Delete what may be left of both groups; what fails is noted with what to do by hand."""
        for group in self.groups:
            try:
                self.step(f"clean up {group}", partial(self._delete, group))
            except StepFailedError:
                print(f"By hand: az group delete --name {group} --subscription {self.target.subscription}")

    def _new(self, root: Path) -> str:
        self.program("new", str(root))
        name_resources(make_small(root), self.groups[0])
        return "a small app on half a core"

    def _said(self, *words: str) -> str:
        return str(self.program(*words)["summary"])

    def _priced(self, plan: dict[str, Any]) -> str:
        price = plan["data"]["price"]
        assert price["known"], "what an hour costs is unknown, so nothing was made"
        self.bound, self.currency = HOURS * price["busyPerHour"] + BESIDES, price["currency"]
        words = f"at most {self.bound:.2f} {self.currency}, the limit is {self.target.limit:.2f}"
        assert self.bound <= self.target.limit, f"{words}: nothing was made"
        return words

    def _contracts(self) -> str:
        environment = {**os.environ, "AITK_AZURE_GROUP": self.groups[1]} if self.target.is_real else None
        command = [sys.executable, "-m", "pytest", "-q", "-rs", *CONTRACTS]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=2 * STEP_SECONDS, check=False
        )  # fmt: skip
        print(done.stdout)
        assert done.returncode == 0, done.stdout[-2000:]
        return done.stdout.splitlines()[-1]

    def _delete(self, group: str) -> str:
        done = subprocess.run(
            [sys.executable, __file__, DELETE, self.target.subscription, group],
            env={**os.environ, **self.target.environment},
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def report(self) -> str:
        """Return the run as a page."""
        good = all(step.ok for step in self.steps)
        bound = "unknown" if self.bound is None else f"{self.bound:.2f} {self.currency}"
        lines = [
            f"# {'Passed' if good else 'FAILED'}: {self.target.name}",
            "",
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, subscription {self.target.subscription}, {self.target.location}. "
            f"Costs: at most {bound} (list prices for {HOURS:g} hour), limit {self.target.limit:.2f}.",
            "",
            "| step | result | seconds | what it said |",
            "| --- | --- | --- | --- |",
        ]
        for step in self.steps:
            words = " ".join(step.words.split()).replace("|", "\\|")
            lines.append(f"| {step.name} | {'ok' if step.ok else 'FAILED'} | {step.seconds:.0f} | {words} |")
        return "\n".join(lines) + "\n"


def _answer(endpoint: str) -> str:
    answer = httpx.get(endpoint, timeout=240, follow_redirects=True)
    assert answer.is_success, f"{endpoint} answers HTTP {answer.status_code}"
    return f"{endpoint} answers HTTP {answer.status_code}: {answer.text[:60]}"


@contextmanager
def _target() -> Iterator[Target]:
    """Yield the subscription that the variables name, or aca-local in another directory."""
    asked = os.environ
    limit = float(asked.get("AITK_AZURE_LIMIT", "2.00"))
    if asked.get("AITK_AZURE") == "1":
        subscription, location = asked["AITK_AZURE_SUBSCRIPTION"], asked["AITK_AZURE_LOCATION"]
        tenant = asked.get("AITK_AZURE_TENANT", "")
        yield Target("real Azure", {}, subscription, location, tenant, limit, is_real=True)
        return
    with tempfile.TemporaryDirectory() as folder, azure_accounts(Path(folder)) as accounts:
        prices = {"AITK_PRICES_URL": accounts.line["armHttp"]}
        environment = {**accounts.environment, **prices}
        yield Target("aca-local, in another directory", environment, SUBSCRIPTION, "westus3", limit=limit)


async def _delete_group(subscription: str, group: str) -> None:
    from aitk_inference import composition  # noqa: PLC0415 - the process that cleans up alone
    from aitk_inference.core.settings import settings_from  # noqa: PLC0415 - the process that cleans up alone

    async with composition.clouds(settings_from(os.environ)).open(subscription) as cloud:
        there = await cloud.subscriptions.resource_group(subscription, group)
        if there is not None:
            await cloud.subscriptions.delete_resource_group(subscription, group)
        print("deleted" if there else "nothing was left")


def main() -> int:
    """Run all of it and write the report; return 1 where something failed."""
    if sys.argv[1:2] == [DELETE]:
        asyncio.run(_delete_group(*sys.argv[2:]))
        return 0
    token = secrets.token_hex(3)
    with _target() as target, tempfile.TemporaryDirectory() as folder:
        run = Run(target, (f"aitk{token}a", f"aitk{token}b"))
        try:
            run.flows(Path(folder) / "project")
            run.contracts()
        except StepFailedError:
            pass
        finally:
            run.clean_up()
            REPORT.mkdir(parents=True, exist_ok=True)
            (REPORT / "report.md").write_text(run.report(), encoding="utf-8")
            print(f"The report: {REPORT / 'report.md'}")
    return 0 if all(step.ok for step in run.steps) else 1


if __name__ == "__main__":
    sys.exit(main())

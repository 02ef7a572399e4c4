"""The page of a running aca-local: who may look, and what it shows."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from aca_local.security import page_url
from support import debian
from support.browser import set_up_browser
from support.running import ACCOUNT, APP, GROUP, LIMIT, SHARE, Azure, aca_local, provision, start, until

PAGE = "/aca-local/page"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the command is for bash")


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    folder = tmp_path_factory.mktemp("page") / "data"
    found = start(folder)
    provision(found)
    until(found.get, bool)
    assert page_url(found.line["armHttp"], found.line["token"]) in aca_local(folder, "status")
    yield found
    aca_local(folder, "stop")


@pytest.fixture
def browser(azure: Azure) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=azure.line["armHttp"], timeout=LIMIT, trust_env=False) as client:
        answer = client.get(page_url(azure.line["armHttp"], azure.line["token"]))
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        yield client


@pytest.fixture
def chromium() -> str:
    try:
        return set_up_browser()
    except debian.MissingPackageError as missing:
        pytest.skip(f"NOT TRIED in a real browser: {missing}")


@pytest.mark.parametrize("path", ["/", "/?key=wrong", f"{PAGE}/events?app=x", f"{PAGE}/files/a/b/"])
def test_without_the_key_nothing_is_shown(azure: Azure, path: str) -> None:
    answer = httpx.get(azure.line["armHttp"] + path, timeout=LIMIT, trust_env=False)
    assert answer.status_code == 401
    assert "aca-local status" in answer.text
    assert GROUP not in answer.text


def test_the_key_opens_the_page_and_no_more(azure: Azure, browser: httpx.Client) -> None:
    key = page_url("", azure.line["token"]).partition("=")[2]
    assert key not in azure.line["token"]
    headers = {"Authorization": f"Bearer {key}"}
    answer = browser.get("/subscriptions", params={"api-version": "2022-12-01"}, headers=headers)
    assert answer.status_code == 401


def test_the_overview_shows_what_is_there(azure: Azure, browser: httpx.Client) -> None:
    answer = browser.get("/")
    (replica,) = azure.replicas()
    for words in (
        GROUP,
        APP,
        SHARE,
        ACCOUNT,
        replica["name"],
        "Running",
        "Microsoft.App/managedEnvironments",
    ):
        assert words in answer.text
    assert azure.line["token"] not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_log_comes_as_it_is_written(azure: Azure, browser: httpx.Client) -> None:
    (replica,) = azure.replicas()
    revision = replica["name"].rsplit("-", 2)[0]
    query = {"app": azure.app, "revision": revision, "replica": replica["name"], "container": "main"}
    with browser.stream("GET", f"{PAGE}/log", params=query) as answer:
        assert any("serving on" in line for line in answer.iter_lines())
    gone = browser.get(f"{PAGE}/log", params={**query, "replica": "<b>gone"})
    assert "&lt;b&gt;gone" in gone.text


def test_the_system_log_is_shown(azure: Azure, browser: httpx.Client) -> None:
    with browser.stream("GET", f"{PAGE}/events", params={"app": azure.app}) as answer:
        assert any("ContainerStarted" in line for line in answer.iter_lines())


def test_a_share_can_be_looked_through(browser: httpx.Client) -> None:
    assert 'href="note.txt"' in browser.get(f"{PAGE}/files/{ACCOUNT}/{SHARE}/").text
    note = browser.get(f"{PAGE}/files/{ACCOUNT}/{SHARE}/note.txt")
    assert (note.text, note.headers["Content-Type"]) == ("first", "text/plain")


@pytest.mark.parametrize(
    "path",
    [
        f"{ACCOUNT}/{SHARE}/%2e%2e/%2e%2e/instance.json",
        f"{ACCOUNT}/{SHARE}/..%2f..%2f..%2f..%2ftoken",
        f"{ACCOUNT}/none/",
        "none/none/",
        f"{ACCOUNT}/../..",
    ],
)
def test_nothing_but_shares_can_be_looked_through(azure: Azure, browser: httpx.Client, path: str) -> None:
    answer = browser.get(f"{PAGE}/files/{path}")
    assert answer.status_code in {401, 404}
    assert azure.line["token"] not in answer.text


def test_a_real_browser_shows_the_page_and_keeps_it_fresh(
    azure: Azure, chromium: str, tmp_path: Path
) -> None:
    """``--dump-dom`` prints what the page became after some seconds of (virtual) time."""
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={tmp_path}", "--enable-logging=stderr", "--virtual-time-budget=7000"]
    url = page_url(azure.line["armHttp"], azure.line["token"])
    done = subprocess.run(
        [*command, "--dump-dom", url], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    (replica,) = azure.replicas()
    assert replica["name"] in done.stdout
    assert "As of " in done.stdout
    assert "Content Security Policy" not in done.stderr


def test_faults_can_be_set_while_it_runs(azure: Azure) -> None:
    rules = [{"service": "arm", "path": "/resourcegroups/", "fault": "throttled", "retryAfter": 1}]
    headers = {"Authorization": f"Bearer {azure.line['token']}"}
    url = azure.line["armHttp"] + "/aca-local/faults"
    done = httpx.put(url, content=json.dumps(rules), headers=headers, timeout=LIMIT, trust_env=False)
    assert done.json() == {"faults": 1}
    answer = httpx.get(
        azure.line["armHttp"] + azure.group,
        params={"api-version": "2022-09-01"},
        headers=headers,
        timeout=LIMIT,
        trust_env=False,
    )
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "TooManyRequests"
    assert azure.ask("GET", azure.group, "2022-09-01")["name"] == GROUP

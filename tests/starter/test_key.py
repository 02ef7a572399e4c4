"""The key: programs send it, browsers sign in with it, everything but two paths wants it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest
from starter.vllm_app import VllmApp, vllm_app
from support import starter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sésame-0b5e"
HTML = {"Accept": "text/html"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GUARDED = (
    *("/", "/health", "/v1/models", "/v1/models/tuned", "/config", "/config/", "/theme.css", "/favicon.ico"),
    *("/assets/index.js", "/static/img/logo.svg", "/gradio_api/info", "/gradio_api/heartbeat/x"),
    *("/gradio_api/queue/data?session_hash=x", "/gradio_api/file=/etc/passwd", "/gradio_api/startup-events"),
    *("/livez/", "/ready/", "//livez", "/sign-in", "/nothing"),
)
POSTED = (
    *("/v1/chat/completions", "/v1/completions"),
    *("/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/cancel"),
)


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "api-key"
    path.write_text(f"{KEY}\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, secret: Path) -> Iterator[VllmApp]:
    with vllm_app(tmp_path_factory.mktemp("key"), INFERENCE_API_KEY_FILE=str(secret)) as app:
        app.wait_ready()
        yield app


def bearer(key: str = KEY) -> dict[bytes, bytes]:
    return {b"Authorization": b"Bearer " + key.encode()}


def sign_in(app: VllmApp, key: str = KEY, **headers: str) -> httpx.Response:
    with httpx.Client(base_url=app.client.base_url, timeout=60, trust_env=False) as fresh:
        return fresh.post("/sign-in", data={"key": key}, headers=headers)


@pytest.fixture
def browser(app: VllmApp) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=app.client.base_url, timeout=60, trust_env=False) as browser:
        browser.post("/sign-in", data={"key": KEY})
        yield browser


@pytest.mark.parametrize("path", GUARDED)
def test_every_path_wants_the_key(app: VllmApp, path: str) -> None:
    response = app.client.get(path)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_api_key"
    assert response.headers["www-authenticate"] == "Bearer"
    assert "tuned" not in response.text


@pytest.mark.parametrize("path", POSTED)
def test_every_request_wants_the_key(app: VllmApp, path: str) -> None:
    before = len(app.bodies)
    assert app.client.post(path, json={"messages": []}).status_code == 401
    assert len(app.bodies) == before


def test_a_key_in_the_address_opens_nothing(app: VllmApp) -> None:
    for query in ("key", "api-key", "api_key", "token", "access_token"):
        assert app.client.get("/v1/models", params={query: KEY}).status_code == 401


def test_probes_need_no_key_and_learn_no_names(app: VllmApp) -> None:
    assert app.client.get("/livez").json() == {"status": "up"}
    assert app.client.get("/ready").json() == {"ready": True}


@pytest.mark.parametrize(
    "headers", [bearer(), {b"api-key": KEY.encode()}, {b"AUTHORIZATION": b"bearer " + KEY.encode()}]
)
def test_a_program_sends_the_key_in_a_header(app: VllmApp, headers: dict[bytes, bytes]) -> None:
    assert app.client.get("/health", headers=headers).json()["protected"] is True
    body = {"messages": [{"role": "user", "content": "x"}]}
    assert app.client.post("/v1/chat/completions", json=body, headers=headers).status_code == 200
    assert not {"authorization", "api-key", "cookie"} & set(app.events[-1]["headers"])


@pytest.mark.parametrize("wrong", ["wrong", KEY[:-1], KEY + "x", KEY.upper(), "Bearer", "é"])
def test_a_wrong_key_is_refused(app: VllmApp, wrong: str) -> None:
    headers = {b"api-key": wrong.encode(), b"X-Forwarded-For": wrong.encode()}
    assert app.client.get("/v1/models", headers=headers).status_code == 401


def test_a_browser_signs_in_once(app: VllmApp) -> None:
    asked = app.client.get("/", headers=HTML)
    assert asked.status_code == 401
    assert 'action="sign-in"' in asked.text
    done = sign_in(app)
    cookie = done.headers["set-cookie"]
    assert (done.status_code, done.headers["location"]) == (303, "./")
    assert all(word in cookie.lower() for word in ("httponly", "samesite=lax"))
    assert KEY not in cookie
    assert "secure" not in cookie.lower()
    assert "path=" not in cookie.lower(), "the page's own path is known to the browser alone"
    assert "Secure" in sign_in(app, **{"X-Forwarded-Proto": "https"}).headers["set-cookie"]


def test_a_signed_in_browser_may_use_everything(browser: httpx.Client) -> None:
    assert "gradio_config" in starter.page(browser)
    assert browser.get("/v1/models").status_code == 200
    body = {"messages": [{"role": "user", "content": "x"}]}
    assert browser.post("/v1/chat/completions", json=body).status_code == 200


def test_another_site_cannot_use_the_browsers_cookie(browser: httpx.Client) -> None:
    body = {"messages": [{"role": "user", "content": "x"}]}
    for path in ("/v1/chat/completions", "/gradio_api/queue/join"):
        for origin in ("http://evil.example", "null"):
            assert browser.post(path, json=body, headers={"Origin": origin}).status_code == 401
    own = {"Origin": str(browser.base_url).rstrip("/")}
    assert browser.post("/v1/chat/completions", json=body, headers=own).status_code == 200


def test_a_forged_cookie_opens_nothing(app: VllmApp) -> None:
    for cookie in (
        "inference_session=x",
        f"inference_session={'0' * 64}",
        "inference_session=",
        "a;;=b=\xff",
    ):
        headers = {"Cookie": cookie.encode("latin-1")}
        assert app.client.get("/v1/models", headers=headers).status_code == 401


def test_a_wrong_key_in_the_form_is_said(app: VllmApp) -> None:
    response = sign_in(app, "wrong", **{"X-Forwarded-For": "9.9.9.9"})
    assert response.status_code == 401
    assert "This key is wrong" in response.text
    assert "set-cookie" not in response.headers


def test_a_form_that_is_too_long_is_refused(app: VllmApp) -> None:
    response = app.client.post(
        "/sign-in", content=b"key=" + b"x" * 100_000, headers=FORM | {"X-Forwarded-For": "8.8.8.8"}
    )
    assert response.status_code in (401, 413)


def test_a_websocket_wants_the_key(app: VllmApp) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    for path in ("/queue/join", "/gradio_api/queue/join", "/"):
        assert app.client.get(path, headers=headers).status_code in (400, 401, 403)


def test_wrong_keys_are_answered_more_and_more_slowly(app: VllmApp) -> None:
    headers = {b"api-key": b"wrong", b"X-Forwarded-For": b"spoofed, 7.7.7.7"}
    took = []
    for _ in range(3):
        began = time.monotonic()
        app.client.get("/v1/models", headers=headers)
        took.append(time.monotonic() - began)
    assert took[2] > took[0] + 0.5, "the third waits 0.75 s longer than the first"


def test_the_key_is_in_no_log(app: VllmApp) -> None:
    app.client.get("/v1/models", headers=bearer())
    app.client.get("/v1/models", headers=bearer("wrong-but-secret"))
    assert KEY not in app.served.log
    assert "wrong-but-secret" not in app.served.log


def test_a_new_key_counts_at_once(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("first")
    with vllm_app(tmp_path, INFERENCE_API_KEY_FILE=str(secret)) as app:
        app.wait_ready()
        cookie = {"Cookie": sign_in(app, "first").headers["set-cookie"].partition(";")[0]}
        assert app.client.get("/v1/models", headers=cookie).status_code == 200
        assert app.client.get("/v1/models", headers=bearer("first")).status_code == 200
        replace(secret, "second")
        assert app.client.get("/v1/models", headers=bearer("second")).status_code == 200
        assert app.client.get("/v1/models", headers=bearer("first")).status_code == 401
        assert app.client.get("/v1/models", headers=cookie).status_code == 401
        for closed in ("empty", "gone"):
            replace(secret, "") if closed == "empty" else secret.unlink()
            for key in ("x", "second", "first"):
                headers = {**bearer(key), b"X-Forwarded-For": f"{closed}{key}".encode()}
                assert app.client.get("/v1/models", headers=headers).status_code == 401, closed


def replace(path: Path, text: str) -> None:
    """As a secret volume does it: another file takes the name."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_without_a_secret_the_app_is_open_and_says_so(tmp_path: Path) -> None:
    with vllm_app(tmp_path, INFERENCE_API_KEY_FILE=str(tmp_path / "not" / "mounted")) as app:
        app.wait_ready()
        assert app.client.get("/health").json()["protected"] is False
        assert app.client.get("/v1/models").status_code == 200
        assert app.client.get("/sign-in").headers["location"] == "./"

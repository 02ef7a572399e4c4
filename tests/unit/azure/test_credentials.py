"""Who is asked for a token, in which order, and how often."""

import asyncio
import logging
import os
import stat
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from aitk_inference.azure import credentials
from aitk_inference.azure.credentials import (
    SignIn,
    Source,
    StaticCredential,
    TokenRequest,
    editor_source,
    has_display,
    sign_in,
    unattended,
)
from aitk_inference.core.errors import NotAuthenticated
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, EnvironmentCredential, ManagedIdentityCredential

SCOPE = "https://management.azure.com/.default"


def token(text: str, lasts: float = 3600) -> AccessToken:
    return AccessToken(text, int(time.time() + lasts))


class Sources:
    """Makes sources that write down what they are asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, TokenRequest]] = []

    def make(self, name: str, answer: Callable[[TokenRequest], AccessToken | Exception]) -> Source:
        async def ask(request: TokenRequest) -> AccessToken:
            self.asked.append((name, request))
            given = answer(request)
            if isinstance(given, Exception):
                raise given
            return given

        return ask

    @property
    def names(self) -> list[tuple[str, bool]]:
        return [(name, request.interactive) for name, request in self.asked]


def unavailable(_: TokenRequest) -> Exception:
    return CredentialUnavailableError(message="not here")


async def test_the_first_source_that_has_a_token_gives_it() -> None:
    sources = Sources()
    first = sources.make("first", unavailable)
    broken = sources.make("broken", lambda _: ClientAuthenticationError(message="expired"))
    third = sources.make("third", lambda _: token("t"))
    assert (await SignIn([first, broken, third]).get_token(SCOPE)).token == "t"
    assert [name for name, _ in sources.names] == ["first", "broken", "third"]


async def test_nobody_is_disturbed_unless_that_is_allowed() -> None:
    sources = Sources()

    def asks_a_person(request: TokenRequest) -> AccessToken | Exception:
        return token("signed in") if request.interactive else unavailable(request)

    chain = SignIn([sources.make("cli", unavailable), sources.make("person", asks_a_person)])
    with pytest.raises(ClientAuthenticationError, match="not here"):
        await chain.get_token(SCOPE)
    assert all(not interactive for _, interactive in sources.names)
    chain.allow_interaction()
    sources.asked.clear()
    assert (await chain.get_token(SCOPE)).token == "signed in"
    assert sources.names == [("cli", False), ("person", False), ("cli", True), ("person", True)]


async def test_a_token_is_kept_for_its_scope_and_directory_until_shortly_before_its_end() -> None:
    sources = Sources()
    chain = SignIn([sources.make("a", lambda _: token("t"))])
    await asyncio.gather(*(chain.get_token(SCOPE) for _ in range(5)))
    assert len(sources.asked) == 1
    await chain.get_token(SCOPE, tenant_id="other")
    await chain.get_token("https://storage.azure.com/.default")
    assert len(sources.asked) == 3
    await chain.get_token(SCOPE, claims='{"x":1}')
    assert sources.asked[-1][1].claims == '{"x":1}'
    chain.forget()
    await chain.get_token(SCOPE)
    assert len(sources.asked) == 5
    short = SignIn([sources.make("short", lambda _: token("t", lasts=60))])
    await short.get_token(SCOPE)
    await short.get_token(SCOPE)
    assert len(sources.asked) == 7


async def test_the_directory_set_by_hand_is_asked_for_unless_the_service_names_another() -> None:
    sources = Sources()
    chain = SignIn([sources.make("a", lambda _: token("t"))], "mine")
    await chain.get_token(SCOPE)
    await chain.get_token(SCOPE, tenant_id="theirs")
    assert [request.tenant_id for _, request in sources.asked] == ["mine", "theirs"]


async def test_the_editors_account_is_a_source() -> None:
    class Editor:
        async def token(
            self,
            scopes: Sequence[str],
            *,
            tenant_id: str | None = None,
            claims: str | None = None,
            interactive: bool = True,
        ) -> tuple[str, int]:
            if tenant_id == "none":
                raise NotAuthenticated("The person refused.")
            return f"{scopes[0]} {tenant_id} {claims} {interactive}", 7

    ask = editor_source(Editor())
    given = await ask(TokenRequest((SCOPE,), "t", "c"))
    assert given == AccessToken(f"{SCOPE} t c False", 7)
    with pytest.raises(CredentialUnavailableError, match="The person refused"):
        await ask(TokenRequest((SCOPE,), "none"))


async def test_the_local_targets_token_never_ends() -> None:
    given = await StaticCredential("local").get_token(SCOPE)
    assert given.token == "local"
    assert given.expires_on > time.time() + 3600


def program(folder: Path, name: str, body: str) -> None:
    file = folder / name
    file.write_text(f"#!{sys.executable}\n{body}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands first on the PATH, for stand-ins of az and azd."""
    if os.name == "nt":
        pytest.skip("NOT TRIED: scripts can't stand for az on Windows")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


AZ = """
import json, sys
tenant = sys.argv[sys.argv.index('--tenant') + 1] if '--tenant' in sys.argv else 'home'
ends = {'expiresOn': '2099-01-01 00:00:00.000000', 'expires_on': 4070908800}
print(json.dumps({'accessToken': 'az-' + tenant, **ends}))
"""


async def test_az_is_asked_for_the_directory_that_is_wanted(tools: Path) -> None:
    program(tools, "az", AZ)
    chain = sign_in(None, tenant_id=None, timeout=1, log=logging.getLogger("test"))
    tenant = "11111111-1111-4111-8111-111111111111"
    assert (await chain.get_token(SCOPE)).token == "az-home"
    assert (await chain.get_token(SCOPE, tenant_id=tenant)).token == f"az-{tenant}"


async def test_where_az_is_signed_out_azd_is_asked(tools: Path) -> None:
    program(tools, "az", "import sys; sys.exit('ERROR: Please run az login to setup account.')")
    program(tools, "azd", 'print(\'{"token": "azd", "expiresOn": "2099-01-01T00:00:00Z"}\')')
    chain = sign_in(None, tenant_id=None, timeout=1, log=logging.getLogger("test"))
    assert (await chain.get_token(SCOPE)).token == "azd"


async def test_a_code_is_told_where_there_is_no_browser(
    tools: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Device:
        def __init__(self, *, prompt_callback: Callable[..., None], **_: object) -> None:
            self.tell = prompt_callback

        def get_token(self, *scopes: str, **_: object) -> AccessToken:
            from datetime import UTC, datetime

            self.tell("https://microsoft.com/devicelogin", "ABCD", datetime(2026, 1, 1, 10, 30, tzinfo=UTC))
            return token("device")

    monkeypatch.setattr(credentials, "has_display", lambda: False)
    monkeypatch.setattr(credentials, "DeviceCodeCredential", Device)
    chain = sign_in(None, tenant_id=None, timeout=1, log=logging.getLogger("test"))
    chain.allow_interaction()
    with caplog.at_level(logging.WARNING):
        assert (await chain.get_token(SCOPE)).token == "device"
    assert "open https://microsoft.com/devicelogin and enter the code ABCD (until 10:30 UTC)" in caplog.text


async def test_a_sign_in_that_waits_for_a_person_can_be_left(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    released, loop, began = threading.Event(), asyncio.get_running_loop(), asyncio.Event()

    class Browser:
        def __init__(self, **_: object) -> None:
            pass

        def get_token(self, *scopes: str, **_: object) -> AccessToken:
            loop.call_soon_threadsafe(began.set)
            released.wait(30)
            return token("late")

    monkeypatch.setattr(credentials, "has_display", lambda: True)
    monkeypatch.setattr(credentials, "InteractiveBrowserCredential", Browser)
    chain = sign_in(None, tenant_id=None, timeout=1, log=logging.getLogger("test"))
    chain.allow_interaction()
    task = asyncio.create_task(chain.get_token(SCOPE))
    await asyncio.wait_for(began.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    released.set()


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "1.2.3.4"}, "linux", False),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_a_browser_opens_only_where_there_is_a_screen(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], platform: str, expected: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert has_display() is expected


def test_a_pipeline_signs_in_by_the_variables_that_it_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    principal = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
    for name, value in principal.items():
        monkeypatch.setenv(name, value)
    assert [type(one) for one in unattended(os.environ)] == [EnvironmentCredential]


def test_a_managed_identity_is_asked_only_where_a_variable_announces_it() -> None:
    assert unattended({}) == []
    assert unattended({"AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}) == []
    found = unattended({"IDENTITY_ENDPOINT": "http://127.0.0.1:9/token"})
    assert [type(one) for one in found] == [ManagedIdentityCredential]

"""Who is asked for a token, in which order, and how often."""

import asyncio
import os
import stat
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from aitk_inference.azure import sign_in_sources
from aitk_inference.azure.credentials import SignIn, Source, StaticCredential, TokenRequest
from aitk_inference.azure.errors import map_azure_errors
from aitk_inference.azure.sign_in_sources import editor_source, has_display, sign_in, unattended
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

        return Source(name, name, ask)

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
    with pytest.raises(NotAuthenticated, match="asks for more"):  # the source has the same token only
        await chain.get_token(SCOPE, claims='{"x":1}')
    assert sources.asked[-1][1].claims == '{"x":1}'
    assert len(sources.asked) == 4
    short = SignIn([sources.make("short", lambda _: token("t", lasts=60))])
    await short.get_token(SCOPE)
    await short.get_token(SCOPE)
    assert len(sources.asked) == 6


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
            www_authenticate: str | None = None,
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


shown: list[str] = []


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
    chain = sign_in(None, tenant_id=None, timeout=1, show=shown.append)
    tenant = "11111111-1111-4111-8111-111111111111"
    assert (await chain.get_token(SCOPE)).token == "az-home"
    assert (await chain.get_token(SCOPE, tenant_id=tenant)).token == f"az-{tenant}"


async def test_where_az_is_signed_out_azd_is_asked(tools: Path) -> None:
    program(tools, "az", "import sys; sys.exit('ERROR: Please run az login to setup account.')")
    program(tools, "azd", 'print(\'{"token": "azd", "expiresOn": "2099-01-01T00:00:00Z"}\')')
    chain = sign_in(None, tenant_id=None, timeout=1, show=shown.append)
    assert (await chain.get_token(SCOPE)).token == "azd"


async def test_a_code_is_told_where_there_is_no_browser(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Device:
        def __init__(self, *, prompt_callback: Callable[..., None], **_: object) -> None:
            self.tell = prompt_callback

        def get_token(self, *scopes: str, **_: object) -> AccessToken:
            from datetime import UTC, datetime

            self.tell("https://microsoft.com/devicelogin", "ABCD", datetime(2026, 1, 1, 10, 30, tzinfo=UTC))
            return token("device")

    monkeypatch.setattr(sign_in_sources, "has_display", lambda: False)
    monkeypatch.setattr(sign_in_sources, "DeviceCodeCredential", Device)
    chain = sign_in(None, tenant_id=None, timeout=1, show=shown.append)
    chain.allow_interaction()
    assert (await chain.get_token(SCOPE)).token == "device"
    assert "open https://microsoft.com/devicelogin and enter the code ABCD (until 10:30 UTC)" in shown[-1]


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

    monkeypatch.setattr(sign_in_sources, "has_display", lambda: True)
    monkeypatch.setattr(sign_in_sources, "InteractiveBrowserCredential", Browser)
    chain = sign_in(None, tenant_id=None, timeout=1, show=shown.append)
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


CLAIMS, CHALLENGE = '{"access_token":{}}', 'Bearer error="insufficient_claims", claims="e30="'


async def test_claims_go_to_the_source_whose_token_was_refused_with_the_whole_header() -> None:
    sources = Sources()

    def editor(request: TokenRequest) -> AccessToken:
        return token("stronger" if request.claims and request.interactive else "weak")

    chain = SignIn([sources.make("cli", unavailable), sources.make("editor", editor)])
    chain.allow_interaction()
    await chain.get_token(SCOPE)
    sources.asked.clear()
    given = await chain.get_token(SCOPE, claims=CLAIMS, challenge=CHALLENGE, refused="weak")
    assert given.token == "stronger"
    assert [(name, request.interactive, request.challenge) for name, request in sources.asked] == [
        ("editor", False, CHALLENGE),
        ("editor", True, CHALLENGE),
    ]
    sources.asked.clear()
    again = await chain.get_token(SCOPE, claims=CLAIMS, challenge=CHALLENGE, refused="weak")
    assert (again.token, sources.asked) == ("stronger", [])  # another client was refused the old one


async def test_where_claims_cant_be_met_azure_cli_is_offered_once_and_then_asked_first() -> None:
    sources, commands, signed_in = Sources(), list[str](), list[str]()

    def cli(request: TokenRequest) -> AccessToken | Exception:
        if request.claims:
            return CredentialUnavailableError(message="az takes no claims")
        return token("cli") if signed_in else unavailable(request)

    async def confirm(command: str) -> bool:
        commands.append(command)
        signed_in.append("yes")
        return True

    chain = SignIn([sources.make("editor", lambda _: token("weak")), sources.make("azure-cli", cli)])
    chain.allow_interaction(confirm)
    await chain.get_token(SCOPE, tenant_id="t")
    given = await chain.get_token(SCOPE, tenant_id="t", claims=CLAIMS, challenge=CHALLENGE, refused="weak")
    assert given.token == "cli"
    assert commands == ['az login --tenant t --claims-challenge "eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="']
    assert chain.sources[0].name == "azure-cli"
    with pytest.raises(NotAuthenticated, match="asks for more") as caught:
        await chain.get_token(SCOPE, tenant_id="t", claims=CLAIMS, challenge=CHALLENGE, refused="cli")
    assert "az login --tenant t --claims-challenge" in caught.value.suggestion


async def test_a_refused_sign_in_is_reported_in_microsofts_words() -> None:
    sources = Sources()
    words = "ERROR: AADSTS50076: Due to a configuration change you must use multi-factor authentication.\nTrace ID: 1"
    refused = sources.make("cli", lambda _: ClientAuthenticationError(message=words))
    chain = SignIn([sources.make("editor", unavailable), refused])
    with pytest.raises(NotAuthenticated) as caught, map_azure_errors("signing in"):
        await chain.get_token(SCOPE)
    assert caught.value.message.startswith("Azure did not accept the sign-in: AADSTS50076: Due to")
    assert "Trace ID" not in caught.value.message
    assert caught.value.link == "https://login.microsoftonline.com/error?code=50076"


async def test_a_silent_credential_asks_nobody_and_one_of_a_directory_remembers_it() -> None:
    sources = Sources()
    chain = SignIn([sources.make("a", lambda request: token(f"of {request.tenant_id}"))])
    chain.allow_interaction()
    silent = chain.of("t", silent=True)
    assert (await silent.get_token(SCOPE)).token == "of t"
    assert (await silent.get_token(SCOPE, tenant_id="u")).token == "of u"
    assert (await silent.get_token(SCOPE)).token == "of u"
    assert all(not interactive for _, interactive in sources.names)

"""A refused token is answered with a new one, of the directory that the service names."""

import base64
from typing import Any

import pytest
from aitk_inference.azure.answers import OnlyAzure, is_answer
from aitk_inference.azure.authentication_policy import FreshTokens
from aitk_inference.azure.challenges import read_challenge
from aitk_inference.azure.credentials import Credential, TokenRequest
from aitk_inference.azure.errors import map_azure_errors
from aitk_inference.core.errors import Unreachable
from azure.core.credentials import AccessToken
from azure.core.pipeline import AsyncPipeline, PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

TENANT = "11111111-1111-4111-8111-111111111111"
WRONG_TENANT = (
    f'Bearer authorization_uri="https://login.windows.net/{TENANT}", error="invalid_token", '
    'error_description="The access token is from the wrong issuer."'
)
EXPIRED = 'Bearer authorization_uri="https://login.windows.net/", error="invalid_token"'


class Counting(Credential):
    """Numbers its tokens and remembers what they were for."""

    def __init__(self) -> None:
        self.asked: list[TokenRequest] = []

    async def _token(self, request: TokenRequest) -> AccessToken:
        self.asked.append(request)
        return AccessToken(f"t{len(self.asked)}", 2**31)


class Answer:
    """As much of a response as policies look at."""

    is_stream_consumed = True

    def __init__(self, status: int, challenge: str = "", kind: str = "") -> None:
        self.status_code = status
        headers = {"WWW-Authenticate": challenge, "Content-Type": kind}
        self.headers = {name: value for name, value in headers.items() if value}

    def text(self) -> str:
        return '{"id": "/x"}'


class Canned(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """A transport that gives these answers in turn."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.sent: list[str] = []

    async def send(self, request: HttpRequest, **_: Any) -> Any:
        self.sent.append(request.headers["Authorization"])
        return self.answers.pop(0)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def sleep(self, duration: float) -> None: ...


async def run(*answers: Answer) -> tuple[Counting, Canned, int]:
    credential, transport = Counting(), Canned(*answers)
    policy = FreshTokens(credential, "https://x/.default")
    async with AsyncPipeline(transport, [policy]) as pipeline:
        done = await pipeline.run(HttpRequest("GET", "https://x/"))
    return credential, transport, done.http_response.status_code


async def test_a_good_token_is_asked_for_once() -> None:
    credential, transport, status = await run(Answer(200))
    assert (status, transport.sent, len(credential.asked)) == (200, ["Bearer t1"], 1)


async def test_the_directory_that_the_service_names_is_signed_in_to() -> None:
    credential, transport, status = await run(Answer(401, WRONG_TENANT), Answer(200))
    assert (status, transport.sent) == (200, ["Bearer t1", "Bearer t2"])
    assert credential.asked[1].tenant_id == TENANT


async def test_an_expired_token_is_named_as_refused_and_asked_for_again_once() -> None:
    credential, transport, status = await run(Answer(401, EXPIRED), Answer(401, EXPIRED))
    assert (status, transport.sent) == (401, ["Bearer t1", "Bearer t2"])
    assert credential.asked[1].refused == "t1"


async def test_claims_that_the_service_wants_are_handed_on() -> None:
    claims = base64.urlsafe_b64encode(b'{"access_token":{}}').decode().rstrip("=")
    challenge = f'Bearer realm="", error="insufficient_claims", claims="{claims}"'
    credential, _, status = await run(Answer(401, challenge), Answer(200))
    assert status == 200
    asked = credential.asked[1]
    assert (asked.claims, asked.challenge, asked.refused) == ('{"access_token":{}}', challenge, "t1")


@pytest.mark.parametrize(
    ("status", "kind", "good"),
    [
        (200, "application/json; charset=utf-8", True),
        (204, "", True),
        (202, "text/plain", True),
        (200, "text/html", False),
        (403, "text/html", False),
        (404, "text/html", False),
        (503, "text/html", True),
    ],
)
async def test_a_page_with_a_good_status_is_not_taken_for_an_answer(
    status: int, kind: str, good: bool
) -> None:
    async with AsyncPipeline(Canned(Answer(status, kind=kind)), [OnlyAzure(), Anonymous()]) as pipeline:
        if good:
            assert (await pipeline.run(HttpRequest("GET", "https://x/"))).http_response.status_code == status
            return
        with pytest.raises(Unreachable, match="Something other than Azure"), map_azure_errors("looking"):
            await pipeline.run(HttpRequest("GET", "https://x/"))


class Anonymous(SansIOHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Stands for a sign-in."""

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        request.http_request.headers["Authorization"] = "none"


@pytest.mark.parametrize(
    "text",
    [
        '"a text"',
        "null",
        "[]",
        "{}",
        "7",
        '{"value": null}',
        '{"value": "x"}',
        '{"value": [1]}',
        '{"properties": "x"}',
        '{"id": 5}',
        '{"message": "Welcome"}',
        '{"id": "/x", "properties": {"a": ',
        "Welcome",
        " ",
    ],
)
def test_other_json_is_not_taken_for_a_resource(text: str) -> None:
    assert not is_answer(text)
    assert is_answer('{"id": "/x", "properties": null}')
    assert is_answer('{"value": []}')


def test_work_under_way_may_have_nothing_to_say() -> None:
    assert is_answer("", waiting=True)
    assert is_answer("{}", waiting=True)
    assert not is_answer('"Running"', waiting=True)


COMMON = 'Bearer authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="x"'


@pytest.mark.parametrize(
    ("header", "tenant"), [(WRONG_TENANT, TENANT), (EXPIRED, None), ("", None), (COMMON, None)]
)
def test_the_tenant_is_read_from_the_challenge(header: str, tenant: str | None) -> None:
    assert read_challenge(header).tenant_id == tenant

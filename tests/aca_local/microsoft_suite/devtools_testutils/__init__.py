"""What Microsoft's Files tests ask of their `devtools_testutils`, for live runs on a local service alone.

Only the names and signatures are theirs: recording, proxying and sanitizing do nothing here.
"""

import base64
import functools
import inspect
import json
import os
import time
import zlib

import pytest
from azure.core.credentials import AccessToken

__all__ = [
    "AzureRecordedTestCase", "EnvironmentVariableLoader", "EnvironmentVariableOptions", "FakeTokenCredential",
    "add_body_regex_sanitizer", "add_general_regex_sanitizer", "add_header_regex_sanitizer",
    "add_oauth_response_sanitizer", "add_remove_header_sanitizer", "add_uri_regex_sanitizer",
    "add_uri_string_sanitizer", "is_live", "recorded_by_proxy", "set_custom_default_matcher", "test_proxy",
]  # fmt: skip


TENANT = "22222222-2222-2222-2222-222222222222"


def _nothing(**_options):
    """Stand in for what only matters to recordings."""


add_body_regex_sanitizer = add_general_regex_sanitizer = add_header_regex_sanitizer = _nothing
add_oauth_response_sanitizer = add_remove_header_sanitizer = add_uri_regex_sanitizer = _nothing
add_uri_string_sanitizer = set_custom_default_matcher = _nothing


def is_live():
    return True


@pytest.fixture(scope="session")
def test_proxy():
    """Nothing is recorded, so there is no proxy."""


class Secret(str):
    """A key that tests read as `.secret` or as the text itself."""

    __slots__ = ()

    @property
    def secret(self):
        return str(self)


class EnvironmentVariableOptions:
    def __init__(self, **_options):
        pass


class EnvironmentVariableLoader:
    """Gives a test the values of `<NAME>` variables as keyword arguments."""

    def __init__(self, _directory, *, options=None, **fakes):
        self._names = list(fakes)

    def __call__(self, test):
        values = {name: _value(name) for name in self._names} if _takes_keywords(test) else {}
        if inspect.iscoroutinefunction(test):

            @functools.wraps(test)
            async def run_async(case, *args, **kwargs):
                await test(case, *args, **values, **kwargs)

            return _without_keywords(run_async)

        @functools.wraps(test)
        def run(case, *args, **kwargs):
            test(case, *args, **values, **kwargs)

        return _without_keywords(run)


def _takes_keywords(test):
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(test).parameters.values())


def _value(name):
    text = os.environ[name.upper()]
    return Secret(text) if name.endswith("_key") else text


def _without_keywords(run):
    """Hide what we fill in, so that pytest looks for fixtures of the parametrized names alone."""
    shown = [p for p in inspect.signature(run).parameters.values() if p.kind is not p.VAR_KEYWORD]
    run.__signature__ = inspect.Signature(shown)
    return run


def recorded_by_proxy(test):
    return test


class FakeTokenCredential:
    """A sign-in: an unsigned token that says which audience it is for."""

    def get_token(self, *scopes, **_options):
        claims = {"aud": scopes[0], "oid": "11111111-1111-1111-1111-111111111111", "tid": TENANT}
        parts = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in ({"alg": "none"}, claims))
        return AccessToken(b".".join((*parts, b"")).decode().replace("=", ""), int(time.time()) + 3600)


class AsyncFakeTokenCredential(FakeTokenCredential):
    async def get_token(self, *scopes, **options):
        return super().get_token(*scopes, **options)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_error):
        pass

    async def close(self):
        pass


class AzureRecordedTestCase:
    is_live = True

    @property
    def qualified_test_name(self):
        return os.environ["PYTEST_CURRENT_TEST"].split(" ")[0]

    def is_playback(self):
        return False

    def sleep(self, seconds):
        time.sleep(seconds)

    def get_resource_name(self, name):
        """Return a name that each test has for itself, the same throughout the test."""
        return f"{name}{zlib.crc32(self.qualified_test_name.encode()):08x}"

    def get_credential(self, _client, is_async=False, **_options):
        return AsyncFakeTokenCredential() if is_async else FakeTokenCredential()

    def generate_sas(self, make, *args, **kwargs):
        return make(*args, **kwargs)

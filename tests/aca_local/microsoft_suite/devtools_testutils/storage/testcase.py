"""The base class of the storage tests: addresses, random content, progress."""

import io
import logging
import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.fileshare import AccountSasPermissions, ResourceTypes, generate_account_sas

from devtools_testutils import AzureRecordedTestCase

WORDS = ("hello", "world", "python")


def generate_sas_token():
    now = datetime.now(UTC)
    return "?" + generate_account_sas(
        account_name="test",
        account_key="a" * 60,
        resource_types=ResourceTypes(object=True),
        permission=AccountSasPermissions(read=True, list=True),
        start=now - timedelta(days=1),
        expiry=now + timedelta(days=1),
    )


class StorageRecordedTestCase(AzureRecordedTestCase):
    def setup_class(self):
        self.logger = logging.getLogger("azure.storage")
        self.sas_token = generate_sas_token()

    def account_url(self, account, kind):
        return f"https://{account}.{kind}.core.windows.net"

    def connection_string(self, account, key):
        account_part = f"AccountName={account};AccountKey={key}"
        return f"DefaultEndpointsProtocol=https;{account_part};EndpointSuffix=core.windows.net"

    def get_random_bytes(self, size):
        return b"a" * size

    def get_random_text_data(self, size):
        chosen = random.Random(self.qualified_test_name)
        text = ""
        while len(text) < size:
            text += " " + chosen.choice(WORDS)
        return text

    def get_datetime_variable(self, _variables, _name, moment):
        return moment

    def enable_logging(self):
        self.logger.setLevel(logging.DEBUG)
        self.logger.disabled = False

    def configure_logging(self):
        self.enable_logging()

    def assert_upload_progress(self, size, chunk, progress, unknown_size=False):
        total = None if unknown_size else size
        assert len(progress) == math.ceil(size / chunk)
        assert all(done % chunk in (0, size % chunk) and of == total for done, of in progress)

    def assert_download_progress(self, size, chunk, first, progress):
        rest = max(0, size - first)
        assert len(progress) == 1 + math.ceil(rest / chunk)
        assert all(total == size for _, total in progress[1:])

    def assertNamedItemInContainer(self, container, name, msg=None):  # noqa: N802 - the name that the tests call
        if not any(
            name in (getattr(item, "name", item), getattr(item, "snapshot", None)) for item in container
        ):
            pytest.fail(f"{name!r} not found in {container!r}")


class LogCaptured:
    """What the SDK logs, as a stream."""

    def __init__(self, case=None):
        self._case = case

    def __enter__(self):
        self._stream = io.StringIO()
        self._handler = logging.StreamHandler(self._stream)
        logger = logging.getLogger("azure.storage")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(self._handler)
        return self._stream

    def __exit__(self, *_error):
        logging.getLogger("azure.storage").removeHandler(self._handler)

"""The base class of the asynchronous storage tests."""

from . import GenericTestProxyParametrize1
from .testcase import StorageRecordedTestCase

__all__ = ["AsyncStorageRecordedTestCase", "GenericTestProxyParametrize1"]


class AsyncStorageRecordedTestCase(StorageRecordedTestCase):
    pass

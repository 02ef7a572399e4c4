"""The base class of the storage tests."""

from .testcase import LogCaptured, StorageRecordedTestCase

__all__ = ["GenericTestProxyParametrize1", "LogCaptured", "StorageRecordedTestCase"]


class GenericTestProxyParametrize1:
    """Recordings need a wrapper to know a parameter; live tests do not."""

    def __call__(self, test):
        return test

"""A pytest plugin: every host name of the tests leads to the local service, and nowhere else."""

import os
import socket

import pytest

PORT = int(os.environ["AITK_SUITE_PORT"])


def _only_here(_host, _port=None, family=0, type=0, proto=0, flags=0):
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", PORT))]


def pytest_configure(config):
    socket.getaddrinfo = _only_here
    for mark in ("live_test_only", "playback_test_only", "asyncio"):
        config.addinivalue_line("markers", f"{mark}: a mark of Microsoft's suite")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("playback_test_only"):
            item.add_marker(pytest.mark.skip(reason="Microsoft runs it on recordings alone"))

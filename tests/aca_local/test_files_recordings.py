"""Recorded traffic of the real service, asked again here: same status, error code, headers and elements.

The recordings begin after their tests' set-up, so shares and folders that they take for granted are made
first. Names that the service gave out (snapshots, permission keys) are replaced by ours. What
differs stands in `differences`, each with its reason.
"""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
import yaml
from support.differences import FILES, explained
from support.files_server import KEY, FilesServer, FixedKeys, files_server
from support.shared import shared

FOLDER = shared("wire/files-sdk")
NOT_MEANT = frozenset(
    {
        "date",
        "server",
        "transfer-encoding",
        "content-length",
        "vary",
        "x-ms-request-id",
        "x-ms-version",
        "connection",
    }
)
SAME_VALUE = (
    "content-type", "content-range", "accept-ranges", "content-md5", "cache-control", "x-ms-type",
    "x-ms-share-quota", "x-ms-file-attributes", "x-ms-server-encrypted",
    "x-ms-request-server-encrypted", "x-ms-lease-state", "x-ms-lease-status",
    "x-ms-copy-status", "x-ms-error-code", "x-ms-content-length",
)  # fmt: skip
GIVEN_OUT = ("x-ms-snapshot", "x-ms-file-permission-key", "x-ms-copy-id", "etag")


class Loader(yaml.SafeLoader):
    """Reads the recordings, whose bodies carry Python's own tags, as plain data."""


def _plain(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


Loader.add_multi_constructor("tag:yaml.org,2002:python/", _plain)


Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Replay:
    """Asks the recorded questions, with the names of this service for those of the recording."""

    server: FilesServer
    names: dict[str, str] = field(
        default_factory=lambda: {"emilydevtest.": "storagename.", "zemaintest.": "remotestoragename."}
    )

    def ours(self, text: str) -> str:
        for theirs, mine in self.names.items():
            text = text.replace(theirs, mine)
        return text

    def ask(self, request: dict[str, Any]) -> Answer:
        parts = urlsplit(self.ours(request["uri"]))
        headers = {name: self.ours(str(_one(value))) for name, value in request["headers"].items()}
        headers |= {
            "Host": parts.netloc,
            "Authorization": "Bearer good",
            "x-ms-file-request-intent": "backup",
        }
        body = _bytes(request.get("body"))
        headers.pop("Content-Length", None)
        connection = http.client.HTTPConnection(self.server.url.removeprefix("http://"), timeout=10)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(request["method"], target, body, headers)
            reply = connection.getresponse()
            return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
        finally:
            connection.close()

    def learn(self, recorded: dict[str, str], given: dict[str, str]) -> None:
        """Note the names that each side gave out."""
        for header in GIVEN_OUT:
            if header in recorded and header in given:
                self.names[recorded[header]] = given[header]

    def prepare(self, request: dict[str, Any], theirs: Answer) -> None:
        """Make what the recorded answer takes for granted."""
        parts = urlsplit(request["uri"])
        account, code = parts.netloc.partition(".")[0], theirs[1].get("x-ms-error-code", "")
        share, _, path = unquote(parts.path).strip("/").partition("/")
        creates = not path and parts.query == "restype=share" and code != "ShareAlreadyExists"
        if not share or creates or code in ("ShareNotFound", "ShareBeingDeleted"):
            return
        shares = self.server.shares
        if share not in {one.name for one in shares.list_shares(account)}:
            self.server.call(lambda: shares.create_share(account, share))
        place = shares.folder(account, share) / path
        if code != "ParentNotFound":
            place.parent.mkdir(parents=True, exist_ok=True)
        if theirs[0] == 206 and "sharesnapshot" not in parts.query and not place.exists():
            place.write_bytes(bytes(int(theirs[1]["content-range"].partition("/")[2])))


def _one(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def _bytes(body: Any) -> bytes:
    if isinstance(body, dict):
        body = body.get("string", "")
    return body if isinstance(body, bytes) else str(body or "").encode()


def _elements(body: bytes) -> set[str]:
    """Return the names of all elements of an XML body, each with its parent's."""
    root = ET.fromstring(body.decode("utf-8-sig"))
    return {f"{parent.tag}/{child.tag}" for parent in root.iter() for child in parent}


def _recorded(response: dict[str, Any]) -> Answer:
    headers = {name.lower(): str(_one(value)) for name, value in response["headers"].items()}
    return response["status"]["code"], headers, _bytes(response["body"])


def differences(theirs: Answer, ours: Answer) -> Iterator[str]:
    """Yield what of the recorded answer is missing or different in ours."""
    if theirs[0] != ours[0]:
        yield f"status {theirs[0]} is {ours[0]} {ours[1].get('x-ms-error-code', '')}"
        return
    for name in sorted(theirs[1].keys() - ours[1].keys() - NOT_MEANT):
        yield f"header {name} is missing"
    for name in SAME_VALUE:
        if name in theirs[1] and name in ours[1] and theirs[1][name] != ours[1][name]:
            yield f"header {name}: {theirs[1][name]!r} is {ours[1][name]!r}"
    xml = "xml" in theirs[1].get("content-type", "") and theirs[2].lstrip(b"\xef\xbb\xbf").startswith(
        b"<?xml"
    )
    if xml:
        for element in sorted(_elements(theirs[2]) - _elements(ours[2])):
            yield f"element {element} is missing"
        assert ours[2].startswith(b"\xef\xbb\xbf<?xml")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FilesServer]:
    keys = FixedKeys({"storagename": [KEY], "remotestoragename": [KEY]})
    with files_server(tmp_path, keys=keys, token_is_valid=lambda token: token == "good") as running:
        yield running


@pytest.mark.parametrize("recording", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_recording_is_answered_as_the_service_answered_it(server: FilesServer, recording: Path) -> None:
    replay, found = Replay(server), []
    for interaction in yaml.load(recording.read_text(), Loader)["interactions"]:
        request, theirs = interaction["request"], _recorded(interaction["response"])
        replay.prepare(request, theirs)
        ours = replay.ask(request)
        replay.learn(theirs[1], ours[1])
        found += [f"{recording.stem}: {request['method']} {what}" for what in differences(theirs, ours)]
    assert [line for line in found if not explained(FILES, recording.stem, line)] == []

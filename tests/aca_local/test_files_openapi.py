"""Answers of the Files data plane held against Microsoft's OpenAPI document, through the SDK.

Each answer's status must be documented; the documented headers must be there, of their type and format; a
body must hold what its schema requires. `DIFFERENCES` is the whole list of what differs, each with a reason.
"""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree as ET

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import PipelineResponse
from azure.storage.fileshare import (
    AccessPolicy,
    ContentSettings,
    Metrics,
    ShareClient,
    ShareFileClient,
    ShareServiceClient,
    generate_account_sas,
)
from azure.storage.fileshare import AccountSasPermissions as Permissions
from azure.storage.fileshare import ResourceTypes as Types
from support.files_server import KEY, FilesServer, files_server
from support.openapi import Json, Node, load, violations
from support.shared import shared

DOCUMENT = "specs/specification/storage/data-plane/Microsoft.FileStorage/stable/2024-08-04/file.json"
SETTINGS = ContentSettings(
    content_type="text/plain",
    content_encoding="x",
    content_language="en",
    content_disposition="inline",
    cache_control="no-store",
    content_md5=bytearray(16),
)
LEVELS = ("/", "/{shareName}", "/{shareName}/{directory}", "/{shareName}/{directory}/{fileName}")
FILE_TIME = "the document says HTTP date; recordings show ISO with seven digits, and the SDK reads it as text"
WHERE_SET = "the document: only where it was set on the file (the reads before set_http_headers lack it)"
ONLY_COPIES = "the document: only on a file that a copy was made onto"
ONLY_LEASED = "the document: only while the resource is leased"
PROVISIONED = "of provisioned (premium) shares only"
DIFFERENCES = (  # operation and difference (both as patterns), why
    ("*", "header x-ms-file-*-time: * is no date-time-rfc1123", FILE_TIME),
    ("File_GetProperties", "header Cache-Control is absent", WHERE_SET),
    ("File_GetProperties", "header Content-[DEL]* is absent", WHERE_SET),
    ("File_*", "header Content-MD5 is absent", f"{WHERE_SET}, or asked for with a range"),
    ("File_*", "header x-ms-copy-* is absent", ONLY_COPIES),
    ("*", "header x-ms-lease-duration is absent", ONLY_LEASED),
    (
        "*_BreakLease",
        "header x-ms-lease-id is absent",
        "not recorded: which is right is not known",
    ),
    ("*_ForceCloseHandles", "header x-ms-marker is absent", "the document: only where handles are left"),
    (
        "File_UploadRangeFromURL",
        "header x-ms-content-crc64 is absent",
        "a gap: the service sends it (recorded)",
    ),
    ("Share_GetProperties", "header x-ms-share-* is absent", PROVISIONED),
    ("Share_GetProperties", "header x-ms-root-squash is absent", "of NFS shares only"),
    ("Share_GetProperties", "header x-ms-access-tier-transition-state is absent", "only in a change of tier"),
    ("Directory_List*", ".Prefix: is required", "recordings have the element only where a prefix was given"),
    ("Directory_List*", "*.DirectoryItems*.Content-Length: is required", "a folder has no length (recorded)"),
)


def format_breaks(text: str, schema: dict[str, Json]) -> bool:
    """Say whether a text is not of the type and format of its schema."""
    kind, form = schema.get("type", "string"), schema.get("format", "")
    if kind == "integer":
        return re.fullmatch(r"-?\d+", text) is None
    if kind == "boolean":
        return text not in ("true", "false")
    if form == "byte":
        return base64.b64encode(base64.b64decode(text)).decode() != text
    if form == "date-time-rfc1123":
        return _is_no_date(text)
    if form == "date-time":
        return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z", text) is None
    allowed = schema.get("enum")
    return bool(allowed) and text not in allowed


def _is_no_date(text: str) -> bool:
    try:
        return not text.endswith(" GMT") or parsedate_to_datetime(text) is None
    except ValueError:
        return True


def header_breaks(headers: dict[str, str], documented: dict[str, dict[str, Json]]) -> Iterator[str]:
    """Yield what the headers of an answer (lower-case names) lack, and what is malformed in them."""
    for name, schema in documented.items():
        if "x-ms-header-collection-prefix" in schema:
            found = [text for key, text in headers.items() if key.startswith(f"{name.lower()}-")]
        else:
            found = [headers[name.lower()]] if name.lower() in headers else []
        if not found:
            yield f"header {name} is absent"
        if any(format_breaks(text, schema) for text in found):
            yield f"header {name}: '{found[0]}' is no {schema.get('format', schema['type'])}"


def from_xml(element: ET.Element, node: Node) -> Json:
    """Return what an element holds in the shape of its schema, for `violations`."""
    node = node.follow()
    kind = node.schema.get("type")
    if "properties" in node.schema:
        names = node.schema["properties"].items()
        return {name: _property(element, name, node.within(schema)) for name, schema in names}
    if kind == "array":
        return [from_xml(child, node.within(node.schema["items"])) for child in element]
    if "additionalProperties" in node.schema:
        return {child.tag: child.text for child in element}
    return _scalar(element.text or "", node.schema)


def _property(element: ET.Element, name: str, node: Node) -> Json:
    about, target = node.schema.get("xml", {}), node.follow()
    name = about.get("name", target.schema.get("xml", {}).get("name", name))
    if about.get("attribute"):
        text = element.get(name)
        return None if text is None else _scalar(text, target.schema)
    if about.get("x-ms-text"):
        return element.text
    if target.schema.get("type") == "array" and not about.get("wrapped"):
        items = target.within(target.schema["items"])
        tag = items.follow().schema.get("xml", {}).get("name", name)
        return [from_xml(child, items) for child in element.findall(tag)]
    child = element.find(name)
    return None if child is None else from_xml(child, target)


def _scalar(text: str, schema: dict[str, Json]) -> Json:
    """Return a text as what its schema says; a text that is something else stays a text, and is found out."""
    if format_breaks(text, schema):
        return text if schema.get("type") in ("integer", "boolean") else {"malformed": text}
    if schema.get("type") == "integer":
        return int(text)
    return text == "true" if schema.get("type") == "boolean" else text


@dataclass
class Checker:
    """Holds answers against the document, and keeps which operations it saw."""

    document: Path
    seen: set[str] = field(default_factory=set)
    found: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, answer: PipelineResponse) -> None:
        request, response = answer.http_request, answer.http_response
        asked = {name.lower(): text for name, text in request.headers.items()}
        name, operation = self._operation(request.method, request.url, asked)
        self.seen.add(name)
        headers = {key.lower(): text for key, text in response.headers.items()}
        documented = operation["responses"].get(str(response.status_code))
        if documented is None and response.status_code < 400:
            self.found.append((name, f"status {response.status_code} is not documented"))
            return
        expected = documented or operation["responses"]["default"]
        breaks = [*header_breaks(headers, expected.get("headers", {}))]
        if "schema" in expected and name != "File_Download" and request.method != "HEAD":
            breaks += self._body(
                response.body(), headers["content-type"], Node(expected["schema"], self.document)
            )
        self.found += [(name, one) for one in breaks]

    def _body(self, body: bytes, content_type: str, node: Node) -> list[str]:
        if content_type.startswith("application/json"):
            return violations(json.loads(body), node)
        return violations(from_xml(ET.fromstring(body), node), node)

    def _operation(self, method: str, url: str, headers: dict[str, str]) -> tuple[str, dict[str, Json]]:
        query = dict(parse_qsl(urlsplit(url).query))
        names = urlsplit(url).path.strip("/").split("/")[1:]
        folder = bool(names) and "." not in names[-1]
        level = LEVELS[len(names) if len(names) < 2 else 2 if folder else 3]
        wanted = _markers(query, headers)
        for template, operations in load(self.document)["x-ms-paths"].items():
            path, _, rest = template.partition("?")
            if path == level and {*rest.split("&")} - {""} == wanted and method.lower() in operations:
                operation: dict[str, Json] = operations[method.lower()]
                return str(operation["operationId"]), operation
        raise AssertionError(f"the document knows no {method} {level} with {wanted}")


def _markers(query: dict[str, str], headers: dict[str, str]) -> set[str]:
    """Return how the document tells operations of one path apart; some of it never is on the wire."""
    found = {f"{name}={query[name]}" for name in ("restype", "comp") if name in query}
    if query.get("comp") == "lease":
        found.add(headers["x-ms-lease-action"])
    if "x-ms-copy-source" in headers:
        found.add("fromURL" if query.get("comp") == "range" else "comp=copy")
    return found | ({"copyid"} if "copyid" in query else set())


@contextmanager
def checked(server: FilesServer, checker: Checker) -> Iterator[ShareServiceClient]:
    with ShareServiceClient.from_connection_string(
        server.connection_string, raw_response_hook=checker, retry_total=0
    ) as client:
        yield client


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    """Drive the operations through the SDK, and keep what the answers break."""
    checker = Checker(shared(DOCUMENT))
    with files_server(tmp_path_factory.mktemp("files")) as server, checked(server, checker) as client:
        _service(client)
        share = client.create_share("share", metadata={"a": "b"})
        _share(share)
        _folder(share)
        _file(server, share)
        _share_leases(share)
        share.create_snapshot(metadata={"a": "b"})
        list(client.list_shares(include_metadata=True, include_snapshots=True))
        server.call(lambda: server.shares.set_retention("acct", 1))
        share.delete_share(delete_snapshots="include")
        [gone] = [one for one in client.list_shares(include_deleted=True) if one.deleted]
        client.undelete_share("share", gone.version)
    return checker


def _service(client: ShareServiceClient) -> None:
    client.set_service_properties(hour_metrics=Metrics(enabled=True, include_apis=True))
    client.get_service_properties()


def _share(share: ShareClient) -> None:
    share.get_share_properties()
    share.set_share_quota(10)
    share.set_share_metadata({"c": "d"})
    share.set_share_access_policy({"one": AccessPolicy(permission="r")})
    share.get_share_access_policy()
    share.get_share_stats()
    key = share.create_permission_for_share("O:SYG:SYD:(A;;FA;;;SY)")
    share.get_permission_for_share(key)


def _share_leases(share: ShareClient) -> None:
    lease = share.acquire_lease(lease_duration=15)
    lease.renew()
    lease.change("00000000-0000-0000-0000-000000000001")
    lease.release()
    share.acquire_lease().break_lease()


def _folder(share: ShareClient) -> None:
    folder = share.create_directory("folder", metadata={"a": "b"})
    folder.get_directory_properties()
    folder.set_http_headers(file_attributes="none")
    folder.set_directory_metadata({"c": "d"})
    folder.create_subdirectory("inner")
    folder.upload_file("file.txt", b"text")
    list(folder.list_directories_and_files(include=["timestamps", "Etag", "Attributes", "PermissionKey"]))
    list(folder.list_handles())
    folder.close_all_handles()
    folder.rename_directory("renamed").delete_subdirectory("inner")
    share.create_directory("gone").delete_directory()
    with pytest.raises(HttpResponseError):
        share.get_directory_client("gone").delete_directory()


def _file(server: FilesServer, share: ShareClient) -> None:
    file = share.get_file_client("file.bin")
    file.create_file(1024, metadata={"a": "b"})
    file.upload_range(b"x" * 512, offset=0, length=512)
    file.get_file_properties()
    file.set_http_headers(SETTINGS, file_attributes="none")
    file.set_file_metadata({"c": "d"})
    file.download_file().readall()
    file.download_file(offset=0, length=10, validate_content=True).readall()
    list(file.list_ranges())
    list(file.list_handles())
    file.close_all_handles()
    _file_leases(file)
    _copies(server, share, file)
    file.rename_file("other.bin").delete_file()
    with pytest.raises(HttpResponseError):
        file.download_file()


def _file_leases(file: ShareFileClient) -> None:
    lease = file.acquire_lease()
    lease.change("00000000-0000-0000-0000-000000000001")
    lease.release()
    file.acquire_lease().break_lease()


def _copies(server: FilesServer, share: ShareClient, file: ShareFileClient) -> None:
    allowed = generate_account_sas(
        "acct", KEY, Types(object=True), Permissions(read=True), "2099-01-01T00:00:00Z"
    )
    copy = share.get_file_client("copy.bin")
    started = copy.start_copy_from_url(file.url)
    copy.get_file_properties()
    with pytest.raises(HttpResponseError, match="NoPendingCopyOperation"):
        copy.abort_copy(started["copy_id"])
    copy.upload_range_from_url(f"{file.url}?{allowed}", offset=0, length=512, source_offset=0)


def differs(operation: str, difference: str) -> bool:
    return any(
        fnmatchcase(operation, where) and fnmatchcase(difference, what) for where, what, _ in DIFFERENCES
    )


def test_answers_keep_to_the_document(checker: Checker) -> None:
    unexplained = [f"{name}: {what}" for name, what in checker.found if not differs(name, what)]
    assert sorted(set(unexplained)) == []


def test_every_difference_in_the_table_is_met(checker: Checker) -> None:
    for where, what, why in DIFFERENCES:
        met = [one for one in checker.found if fnmatchcase(one[0], where) and fnmatchcase(one[1], what)]
        assert met, (where, what, why)


def test_every_operation_of_the_document_was_asked(checker: Checker) -> None:
    known = {
        operation["operationId"]
        for operations in load(checker.document)["x-ms-paths"].values()
        for method, operation in operations.items()
        if method != "parameters"
    }
    assert known == checker.seen


def test_the_check_itself_finds_what_is_wrong() -> None:
    document = shared(DOCUMENT)
    node = Node(load(document)["definitions"]["ShareStats"], document)
    assert violations(from_xml(ET.fromstring("<ShareStats/>"), node), node) == [
        ".ShareUsageBytes: is required"
    ]
    wrong = ET.fromstring("<ShareStats><ShareUsageBytes>few</ShareUsageBytes></ShareStats>")
    assert violations(from_xml(wrong, node), node) == [".ShareUsageBytes: str is not integer"]
    documented = {"Date": {"type": "string", "format": "date-time-rfc1123"}, "ETag": {"type": "string"}}
    assert list(header_breaks({"date": "today"}, documented)) == [
        "header Date: 'today' is no date-time-rfc1123",
        "header ETag is absent",
    ]

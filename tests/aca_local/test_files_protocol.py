"""What the SDKs do not send: hostile, mistaken and foreign requests, byte for byte."""

import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from aca_local.files import FilesOptions
from azure.core.exceptions import HttpResponseError
from azure.storage.fileshare import (
    AccountSasPermissions,
    FileSasPermissions,
    ResourceTypes,
    ShareClient,
    ShareSasPermissions,
    generate_account_sas,
    generate_file_sas,
    generate_share_sas,
)
from support.files_server import KEY, FilesServer, files_server

VERSION = "2026-10-06"


@dataclass
class Answer:
    """A reply: status, headers by lower-case name, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The error code, the same in header and body."""
        if self.body:
            assert self.body.startswith(b"\xef\xbb\xbf")
            assert (
                ET.fromstring(self.body.decode("utf-8-sig")).findtext("Code")
                == self.headers["x-ms-error-code"]
            )
        return self.headers["x-ms-error-code"]


def hours(count: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=count)


def account_sas(**changes: object) -> str:
    fields: dict[str, object] = {
        "account_name": "acct",
        "account_key": KEY,
        "resource_types": ResourceTypes(service=True, container=True, object=True),
        "permission": AccountSasPermissions(read=True, write=True, delete=True, list=True, create=True),
        "expiry": hours(1),
    }
    return generate_account_sas(**{**fields, **changes})  # type: ignore[arg-type] - the SDK's own keywords


@dataclass
class Client:
    """Sends one request as it is, signed by an account SAS unless another signature is given."""

    server: FilesServer

    def send(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        sas: str | None = None,
        version: str = VERSION,
        **headers: str,
    ) -> Answer:
        signature = account_sas() if sas is None else sas
        query = f"{'&' if '?' in target else '?'}{signature}" if signature else ""
        sent = {"x-ms-version": version, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection = http.client.HTTPConnection(self.server.url.removeprefix("http://"), timeout=10)
        try:
            connection.request(method, target + query, body or None, sent)
            reply = connection.getresponse()
            return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def put(self, name: str, data: bytes = b"data", **headers: str) -> Answer:
        given = {"x_ms_type": "file", "x_ms_content_length": str(len(data)), "Content_Length": str(len(data))}
        return self.send("PUT", f"/acct/share/{name}", data, **{**given, **headers})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FilesServer]:
    with files_server(tmp_path / "data", token_is_valid=lambda token: token == "good") as running:
        running.call(lambda: running.shares.create_share("acct", "share"))
        yield running


@pytest.fixture
def client(server: FilesServer) -> Client:
    return Client(server)


# --- who may


@pytest.mark.parametrize(
    ("sas", "code"),
    [
        ("", "NoAuthenticationInformation"),
        (account_sas(expiry=hours(-1)), "AuthenticationFailed"),
        (account_sas(start=hours(1)), "AuthenticationFailed"),
        (account_sas(account_key="AAAA"), "AuthenticationFailed"),
        (account_sas(permission=AccountSasPermissions(read=True)), "AuthorizationPermissionMismatch"),
        (account_sas(resource_types=ResourceTypes(service=True)), "AuthorizationResourceTypeMismatch"),
        (account_sas(services="b"), "AuthorizationServiceMismatch"),
        (account_sas(protocol="https"), "AuthorizationProtocolMismatch"),
        (account_sas(ip="10.0.0.1"), "AuthorizationSourceIPMismatch"),
    ],
)
def test_a_signature_that_does_not_allow_it_is_refused(client: Client, sas: str, code: str) -> None:
    given = {"x_ms_type": "file", "x_ms_content_length": "1", "Content_Length": "1"}
    answer = client.send("PUT", "/acct/share/x", b"x", sas=sas, **given)
    assert (answer.status, answer.code) == (401 if code.startswith("No") else 403, code)
    assert client.send("GET", "/acct/share/x").code == "ResourceNotFound"


def test_a_signature_that_was_tampered_with_is_refused(client: Client) -> None:
    sas = account_sas(permission=AccountSasPermissions(read=True)).replace("sp=r", "sp=rw")
    assert client.send("GET", "/acct/share/x", sas=sas).code == "AuthenticationFailed"


def test_a_signature_for_one_file_opens_that_file_alone(client: Client) -> None:
    client.put("one")
    client.put("two")
    sas = generate_file_sas(
        "acct", "share", ["one"], account_key=KEY, permission=FileSasPermissions(read=True), expiry=hours(1)
    )
    assert client.send("GET", "/acct/share/one", sas=sas).body == b"data"
    assert client.send("GET", "/acct/share/two", sas=sas).code == "AuthenticationFailed"
    assert client.send("DELETE", "/acct/share/one", sas=sas).code == "AuthorizationPermissionMismatch"


def test_a_signature_for_a_share_does_not_delete_the_share(client: Client) -> None:
    everything = ShareSasPermissions(read=True, write=True, delete=True, list=True, create=True)
    sas = generate_share_sas("acct", "share", KEY, permission=everything, expiry=hours(1))
    assert client.send("DELETE", "/acct/share?restype=share", sas=sas).code == "AuthorizationFailure"
    assert client.send("GET", "/acct/share?restype=directory&comp=list", sas=sas).status == 200


def test_a_token_needs_the_intent_and_must_be_good(client: Client) -> None:
    good, bad = {"Authorization": "Bearer good"}, {"Authorization": "Bearer bad"}
    target = "/acct/share?restype=directory&comp=list"
    assert client.send("GET", target, sas="", **good).code == "MissingRequiredHeader"
    assert client.send("GET", target, sas="", x_ms_file_request_intent="backup", **good).status == 200
    refused = client.send("GET", target, sas="", x_ms_file_request_intent="backup", **bad)
    assert (refused.status, refused.code) == (401, "InvalidAuthenticationInfo")
    assert refused.headers["www-authenticate"].startswith("Bearer authorization_uri=")


def test_an_account_may_forbid_its_keys(tmp_path: Path) -> None:
    """Neither a key nor what it signed opens anything then; a person's token does."""
    with files_server(
        tmp_path, takes_keys=lambda account: False, token_is_valid=lambda token: True
    ) as server:
        with (
            ShareClient.from_connection_string(server.connection_string, "share") as share,
            pytest.raises(HttpResponseError) as caught,
        ):
            share.create_share()
        assert caught.value.error_code == "KeyBasedAuthenticationNotPermitted"
        client = Client(server)
        refused = client.send("PUT", "/acct/share?restype=share")
        assert (refused.status, refused.code) == (403, "KeyBasedAuthenticationNotPermitted")
        person = {"Authorization": "Bearer t", "x_ms_file_request_intent": "backup"}
        assert client.send("PUT", "/acct/share?restype=share", sas="", **person).status == 201


@pytest.mark.parametrize("host", ["evil.example", "acct.file.evil.example", "127.0.0.1.evil.example:80", ""])
def test_a_host_that_is_not_ours_is_refused(client: Client, host: str) -> None:
    answer = client.send("GET", "/acct/?comp=list", Host=host)
    assert (answer.status, answer.code) == (400, "InvalidHeaderValue")


@pytest.mark.parametrize("host", ["acct.file.core.windows.net", "acct.file.localhost:1234"])
def test_host_style_addresses_name_the_account(client: Client, host: str) -> None:
    answer = client.send("GET", "/?comp=list", Host=host)
    assert answer.status == 200
    assert f'ServiceEndpoint="http://{host}/"'.encode() in answer.body


def test_an_unknown_account_is_named_as_such(client: Client) -> None:
    assert client.send("GET", "/nobody/?comp=list").code == "AccountNotFound"


# --- where


@pytest.mark.parametrize(
    "name",
    [
        "../acct2/x",
        "%2E%2E/x",
        "a/%2e%2e/%2e%2e/x",
        "..%2F..%2Fx",
        "a%5C..%5Cx",
        "%00",
        "%22",
        "%FF",
        "a%3Ab",
        "con",
        "LPT1",
        "x" * 256,
        "/".join("d" * 251),
    ],
)
def test_names_that_lead_out_or_are_forbidden_are_refused(
    client: Client, server: FilesServer, name: str
) -> None:
    before = sorted(str(path) for path in server.shares.root.rglob("*"))
    assert client.put(name).code in (
        "InvalidResourceName",
        "InvalidUri",
        "AuthenticationFailed",
        "AccountNotFound",
    )
    after = sorted(str(path) for path in server.shares.root.rglob("*"))
    assert after == before


def test_a_link_out_of_the_share_is_not_followed(client: Client, server: FilesServer, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    folder = server.shares.folder("acct", "share")
    (folder / "folder").symlink_to(outside)
    (folder / "file").symlink_to(outside / "secret")
    assert client.send("GET", "/acct/share/folder/secret").code == "ParentNotFound"
    assert client.send("GET", "/acct/share/file").code == "ResourceNotFound"
    assert client.put("folder/new").code == "ParentNotFound"
    assert b"<Entries />" in client.send("GET", "/acct/share?restype=directory&comp=list").body
    client.put("file", b"mine")
    assert (outside / "secret").read_text() == "secret"
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_link_inside_the_share_is_followed(client: Client, server: FilesServer) -> None:
    folder = server.shares.folder("acct", "share")
    client.put("blob")
    (folder / "name").symlink_to("blob")
    assert client.send("GET", "/acct/share/name").body == b"data"


def test_encoded_separators_are_separators(client: Client) -> None:
    assert client.send("PUT", "/acct/share/a?restype=directory").status == 201
    assert client.send("PUT", "/acct/share/a%2Fb?restype=directory").status == 201
    assert client.put("a%2Fb%2Fc.txt").status == 201
    assert client.send("GET", "/acct/share/a/b/c.txt").body == b"data"


# --- what


@pytest.mark.parametrize(
    ("method", "target", "headers", "code"),
    [
        ("GET", "/acct/share/x", {"x_ms_version": "2031-01-01"}, "InvalidHeaderValue"),
        ("GET", "/acct/share/x?comp=nonsense", {}, "InvalidQueryParameterValue"),
        ("GET", "/acct/share?restype=nonsense", {}, "InvalidQueryParameterValue"),
        ("POST", "/acct/share/x", {}, "UnsupportedHttpVerb"),
        ("GET", "/acct/share/x?versionid=3", {}, "UnsupportedQueryParameter"),
        ("GET", "/acct/share/x", {"x_ms_encryption_key": "abc"}, "UnsupportedHeader"),
        ("PUT", "/acct/share/x?comp=metadata", {"If_Match": "*"}, "ConditionHeadersNotSupported"),
        ("PUT", "/acct/nfs?restype=share", {"x_ms_enabled_protocols": "NFS"}, "UnsupportedHeader"),
        ("PUT", "/acct/Share?restype=share", {}, "InvalidResourceName"),
        ("PUT", "/acct/ab?restype=share", {}, "OutOfRangeInput"),
        ("GET", "/acct/share?restype=directory&comp=list&maxresults=0", {}, "OutOfRangeQueryParameterValue"),
        ("GET", "/acct/share?restype=directory&comp=list&include=nonsense", {}, "InvalidQueryParameterValue"),
        ("GET", "/acct/missing/x", {}, "ShareNotFound"),
        ("GET", "/acct/share/missing/x", {}, "ParentNotFound"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    client: Client, method: str, target: str, headers: dict[str, str], code: str
) -> None:
    version = headers.pop("x_ms_version", VERSION)
    assert client.send(method, target, version=version, **headers).code == code


def test_what_is_not_served_is_told_and_other_errors_are_not(tmp_path: Path) -> None:
    noted: list[tuple[str, str, str]] = []
    with files_server(tmp_path, refused=lambda *what: noted.append(what)) as server:
        client = Client(server)
        client.send("PUT", "/acct/share?restype=share")
        client.send("GET", "/acct/share/missing")
        client.send("GET", "/acct/share/x?comp=nonsense")
        client.send("PUT", "/acct/share/x?comp=metadata&tier=hot")
        client.send("GET", "/acct/share?restype=share", version="1999-01-01")
        client.send("GET", "/acct/share/x", x_ms_encryption_key="abc")
    assert noted == [
        ("GET", "files:/{share}/{path}?comp=nonsense (comp; nonsense)", "InvalidQueryParameterValue"),
        ("PUT", "files:/{share}/{path}?comp=metadata (tier)", "UnsupportedQueryParameter"),
        ("GET", "files:/{share}?restype=share (x-ms-version; 1999-01-01)", "InvalidHeaderValue"),
        ("GET", "files:/{share}/{path} (x-ms-encryption-key)", "UnsupportedHeader"),
    ]


def test_an_error_to_a_head_request_has_no_body(client: Client) -> None:
    answer = client.send("HEAD", "/acct/share/missing")
    assert (answer.status, answer.code, answer.body) == (404, "ResourceNotFound", b"")


def test_reads_honour_conditions(client: Client) -> None:
    tag = client.put("x").headers["etag"]
    assert client.send("GET", "/acct/share/x", If_Match=tag).status == 200
    assert client.send("GET", "/acct/share/x", If_Match='"other"').status == 412
    assert client.send("GET", "/acct/share/x", If_None_Match=tag).status == 304
    assert (
        client.send("HEAD", "/acct/share/x", If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT").status == 304
    )


def test_content_that_is_not_what_its_digest_says_is_refused(client: Client) -> None:
    answer = client.put("x", Content_MD5="AAAAAAAAAAAAAAAAAAAAAA==")
    assert (answer.status, answer.code) == (400, "Md5Mismatch")
    assert client.put("x", Content_MD5="nonsense").code == "InvalidMd5"
    assert client.send("GET", "/acct/share/x").code == "ResourceNotFound"


def test_a_structured_message_with_a_wrong_checksum_is_refused(client: Client) -> None:
    message = bytes.fromhex("01 2b00000000000000 0100 0100 0100 0400000000000000") + b"data" + bytes(16)
    given = {"x_ms_structured_body": "XSM/1.0; properties=crc64", "x_ms_structured_content_length": "4"}
    answer = client.put("x", message, x_ms_content_length="4", **given)
    assert answer.code == "Crc64Mismatch"
    assert client.send("GET", "/acct/share/x").code == "ResourceNotFound"


def test_a_write_outside_the_file_is_refused(client: Client) -> None:
    client.put("x")
    ranged = {"x_ms_write": "update", "Content_Length": "4"}
    answer = client.send("PUT", "/acct/share/x?comp=range", b"more", x_ms_range="bytes=2-5", **ranged)
    assert (answer.status, answer.code) == (416, "InvalidRange")
    assert client.send("GET", "/acct/share/x").body == b"data"


def test_a_body_larger_than_four_mebibytes_is_refused(client: Client) -> None:
    size = 4 * 1024 * 1024 + 1
    assert client.put("x", bytes(size)).code == "RequestBodyTooLarge"


def test_a_service_too_old_for_it_takes_no_content_at_creation(tmp_path: Path) -> None:
    with files_server(tmp_path, options=FilesOptions(create_with_data=False)) as server:
        server.call(lambda: server.shares.create_share("acct", "share"))
        client = Client(server)
        answer = client.put("x")
        assert (answer.status, answer.code) == (400, "InvalidHeaderValue")
        assert b"<HeaderName>Content-Length</HeaderName>" in answer.body
        assert client.put("x", b"", x_ms_content_length="4").status == 201


def test_state_survives_a_restart(tmp_path: Path) -> None:
    with files_server(tmp_path) as server:
        server.call(lambda: server.shares.create_share("acct", "share", metadata={"a": "b"}, quota_gib=9))
        made = Client(server).put("x", x_ms_meta_k="v", x_ms_content_type="text/plain")
    with files_server(tmp_path) as server:
        found = Client(server).send("HEAD", "/acct/share/x")
        names = ("etag", "x-ms-file-creation-time", "x-ms-file-last-write-time", "x-ms-file-id")
        assert {name: found.headers[name] for name in names} == {name: made.headers[name] for name in names}
        assert (found.headers["x-ms-meta-k"], found.headers["content-type"]) == ("v", "text/plain")
        assert server.call(lambda: server.shares.get_share("acct", "share").quota_gib) == 9

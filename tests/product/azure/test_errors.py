"""Bodies as Azure wrote them (recordings and reports of users), and what a person reads of them."""

import json
import ssl

import aiohttp
import httpx
import pytest
from aitk_inference.azure.error_tree import tree_of, tree_of_body
from aitk_inference.azure.errors import answer_error, map_azure_errors
from aitk_inference.core.errors import (
    AppError,
    Conflict,
    Forbidden,
    KeysForbidden,
    NotAuthenticated,
    NotFound,
    ProvisionFailed,
    QuotaExceeded,
    Unreachable,
    describe,
)
from aitk_inference.core.model import Json
from azure.core.exceptions import (
    ClientAuthenticationError,
    ServiceRequestError,
    ServiceResponseTimeoutError,
)
from product.azure.doubles import recorded
from support.shared import shared


def error(code: str, message: str = "", **more: Json) -> str:
    return json.dumps({"error": {"code": code, "message": message, **more}})


REGISTRATION = error(
    "MissingSubscriptionRegistration",
    "The subscription is not registered to use namespace 'Microsoft.App'. See https://aka.ms/rps-not-found",
    details=[
        {
            "code": "MissingSubscriptionRegistration",
            "target": "Microsoft.App",
            "message": "The subscription is not registered to use namespace 'Microsoft.App'.",
        }
    ],
)
QUOTA = error(
    "MaxRegionalQuotaExceeded",
    "Regional max quota limit threshold hit. The subscription <id> cannot have more than 1"
    " SubscriptionNCA100Gpus in region West US 3.",
)
RIGHT = error(
    "AuthorizationFailed",
    "The client 'me@x' with object id '1' does not have authorization to perform action"
    " 'Microsoft.App/containerApps/read' over scope '/subscriptions/s/resourceGroups/g' or the scope is not.",
)
TAKEN = json.dumps(
    {
        "code": "InvalidTemplateDeployment",
        "message": "The template deployment failed with error.",
        "details": [
            {
                "code": "PreflightValidationCheckFailed",
                "message": "Preflight validation failed. Please refer to the details.",
                "details": [
                    {
                        "code": "StorageAccountAlreadyTaken",
                        "target": "x",
                        "message": "The storage account named x is already taken.",
                    }
                ],
            }
        ],
    }
)
POLICY = error(
    "RequestDisallowedByPolicy",
    "Resource 'aistorage' was disallowed by policy."
    """ Policy identifiers: '[{"policyAssignment":{"name":"No storage"}}]'.""",
    target="aistorage",
    additionalInfo=[{"type": "PolicyViolation", "info": {}}],
)


@pytest.mark.parametrize(
    ("status", "body", "kind", "says", "way_out"),
    [
        (409, REGISTRATION, Conflict, "not registered for Microsoft.App", "az provider register"),
        (400, QUOTA, QuotaExceeded, "SubscriptionNCA100Gpus", "maximumInstanceCount"),
        (403, RIGHT, Forbidden, "Microsoft.App/containerApps/read on /subscriptions/s", "Contributor"),
        (400, TAKEN, ProvisionFailed, "name x is taken", "storageAccountName"),
        (403, POLICY, Forbidden, "policy of your organisation forbids the resource aistorage", "exemption"),
        (
            403,
            error("KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted."),
            KeysForbidden,
            "access with its key",
            "Storage File Data Privileged Contributor",
        ),
        (
            409,
            error("ContainerAppOperationInProgress", "Cannot modify a container app 'x' …"),
            Conflict,
            "under way",
            "Wait",
        ),
        (
            404,
            error("ResourceGroupNotFound", "Resource group 'nope' could not be found."),
            NotFound,
            "no resource group nope",
            "Provision",
        ),
        (
            401,
            error("InvalidAuthenticationTokenTenant", "?"),
            NotAuthenticated,
            "another",
            "--tenant DIRECTORY",
        ),
        (409, error("DeploymentActive", "Unable to edit …"), Conflict, "still running", "cancel it"),
        (
            401,
            error(
                "InvalidAuthenticationTokenTenant",
                "The access token is from the wrong issuer. Please use the authority (URL)"
                " 'https://login.windows.net/88d52eb9-4040-4847-b7f2-0d5eeef9cf39' to get the token.",
            ),
            NotAuthenticated,
            "another directory",
            "az login --tenant 88d52eb9-4040-4847-b7f2-0d5eeef9cf39",
        ),
        (
            400,
            json.dumps(
                {
                    "code": "ValidationForResourceFailed",
                    "details": [{"code": "MaxNumberOfGlobalEnvironmentsInSubExceeded"}],
                }
            ),
            QuotaExceeded,
            "Max number of global environments",
            "quota",
        ),
        (
            404,
            error(
                "ResourceNotFound",
                "The Resource 'Microsoft.App/containerApps/a' under resource group 'g' was not found.",
            ),
            NotFound,
            "There is no a (Microsoft.App/containerApps) in the resource group g.",
            "inference.config.json",
        ),
        (
            400,
            error(
                "InvalidTemplateDeployment", "x", details=[{"code": "Odd", "message": "The label is wrong."}]
            ),
            ProvisionFailed,
            "Testing failed: The label is wrong.",
            "infra/provision",
        ),
        (404, error("SomethingElse", "No such thing."), NotFound, "No such thing.", ""),
        (503, "<html>gateway</html>", Unreachable, "Testing failed (503)", "Wait"),
        (429, error("TooManyRequests", "Slow."), Unreachable, "slow down", "Wait"),
    ],
)
def test_an_answer_is_told_in_words(
    status: int, body: str, kind: type[AppError], says: str, way_out: str
) -> None:
    told = answer_error(status, body, "", "testing")
    assert type(told) is kind
    assert says in told.message
    assert way_out in told.suggestion
    assert "{" not in told.message + told.suggestion
    assert body[:20] in told.detail


def test_the_place_in_a_template_is_told() -> None:
    words = (
        "Deployment template validation failed: 'The resource 'x' at line '1' and column '57' is not valid'."
    )
    told = answer_error(400, error("InvalidTemplate", words), "", "starting the deployment")
    assert isinstance(told, ProvisionFailed)
    assert "line '1' and column '57'" in told.message
    silent = error(
        "InvalidTemplate",
        "Deployment template validation failed.",
        additionalInfo=[
            {"type": "TemplateViolation", "info": {"lineNumber": 3, "linePosition": 9, "path": "p"}}
        ],
    )
    assert "(line 3, column 9)" in answer_error(400, silent, "", "starting").message


def test_json_inside_a_message_is_unwrapped_however_deep() -> None:
    quota = {"code": "StorageAccountAlreadyTaken", "message": "The storage account named x is already taken."}
    middle = {
        "status": "Failed",
        "error": {"code": "ResourceDeploymentFailure", "message": json.dumps(quota)},
    }
    outer = {"error": {"code": "DeploymentFailed", "message": "See details: " + json.dumps(middle)}}
    tree = tree_of(outer)
    assert [leaf.code for leaf in tree.root_causes()] == ["StorageAccountAlreadyTaken"]
    assert tree.message == "See details"
    assert "storageAccountName" in tree.root_causes()[0].suggestion
    told = answer_error(409, json.dumps(outer), "", "testing")
    assert isinstance(told, ProvisionFailed)
    assert describe(told).causes == (
        "StorageAccountAlreadyTaken: The storage account named x is already taken.",
    )


def test_json_that_is_no_error_leaves_its_names() -> None:
    assert tree_of(json.loads(POLICY)).message.endswith("Policy identifiers: 'No storage'.")


def test_json_that_was_escaped_once_more_is_unwrapped() -> None:
    inner = json.dumps({"error": {"code": "ImagePullFailure", "message": "429 from Docker Hub"}})
    tree = tree_of({"code": "ContainerAppOperationError", "message": json.dumps(inner)[1:-1]})
    assert [leaf.code for leaf in tree.root_causes()] == ["ImagePullFailure"]


def test_endless_nesting_ends() -> None:
    body: Json = {"code": "Deepest", "message": "x"}
    for _ in range(200):
        body = {"code": "Outer", "message": "y", "details": [body]}
    assert tree_of(body).code == "Outer"


def test_a_storage_answer_is_read_from_xml_or_its_header() -> None:
    xml = (
        '\ufeff<?xml version="1.0"?><Error><Code>ShareNotFound</Code>'
        "<Message>The specified share does not exist.\nRequestId:1\nTime:2</Message></Error>"
    )
    assert tree_of_body(xml, 404).message == "The specified share does not exist."
    assert tree_of_body("", 404, "ShareNotFound").code == "ShareNotFound"
    assert "does not exist" in answer_error(404, "", "ShareNotFound", "listing").message


def test_every_recorded_error_gives_a_code_and_plain_words() -> None:
    seen = set()
    for file in sorted(shared("wire").glob("*/*.yaml")):
        for body, status in recorded_errors(file.read_text(encoding="utf-8", errors="replace")):
            told = answer_error(status, body, "", "replaying")
            code = tree_of_body(body, status).code
            assert code in body
            assert '{"' not in told.message
            seen.add(code)
    assert {"ResourceNotFound", "InvalidTemplate", "DeploymentCannotBeCancelled", "ShareNotFound"} <= seen, (
        seen
    )


def recorded_errors(text: str) -> list[tuple[str, int]]:
    if "interactions:" not in text:
        return []
    found = []
    for item in recorded(text):
        response = item["response"]
        status = (
            response["status"]["code"]
            if isinstance(response.get("status"), dict)
            else response.get("code", 0)
        )
        body = response.get("body")
        body = body.get("string") if isinstance(body, dict) else body
        body = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        if int(status) >= 400 and body and ("code" in body.lower()):
            found.append((body, int(status)))
    return found


@pytest.mark.parametrize(
    ("foreign", "kind", "says"),
    [
        (ServiceRequestError("Cannot connect"), Unreachable, "can't be reached, while testing"),
        (ServiceResponseTimeoutError("late"), Unreachable, "No answer in time"),
        (
            ClientAuthenticationError(message="AzureCliCredential: Please run 'az login'"),
            NotAuthenticated,
            "Nobody",
        ),
        (httpx.ConnectError("refused"), Unreachable, "can't be reached"),
        (httpx.ReadTimeout("late"), Unreachable, "No answer in time"),
        (aiohttp.ClientPayloadError("cut"), Unreachable, "can't be reached"),
        (TimeoutError(), Unreachable, "No answer in time"),
        (ssl.SSLCertVerificationError("unknown issuer"), Unreachable, "certificate is not trusted"),
        (OSError("disk full"), AppError, "disk full"),
    ],
)
def test_a_foreign_error_becomes_ours(foreign: Exception, kind: type[AppError], says: str) -> None:
    with pytest.raises(AppError) as caught, map_azure_errors("testing"):
        raise foreign
    assert type(caught.value) is kind
    assert says in caught.value.message


def test_our_own_errors_and_mistakes_in_code_pass_as_they_are() -> None:
    with pytest.raises(QuotaExceeded), map_azure_errors("testing"):
        raise QuotaExceeded("x")
    with pytest.raises(KeyError), map_azure_errors("testing"):
        raise KeyError("a bug stays a bug")


def test_no_secret_reaches_the_detail() -> None:
    key = "A" * 86 + "=="
    body = json.dumps(
        {
            "error": {
                "code": "X",
                "message": f"Bearer abc.def-123 ?sig=Zm9v%3D&x=1 {key}",
                "accountKey": "hunter2",
            }
        }
    )
    detail = answer_error(400, body, "", "testing").detail
    for secret in ("abc.def-123", "Zm9v", key, "hunter2"):
        assert secret not in detail

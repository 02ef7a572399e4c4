"""Accounts, directories and rights as real Azure has them; each test is named by its finding.

The program runs as a person runs it, with Azure's own addresses, before an Azure of two directories: the account's
own one, without a subscription, and one where it is a guest. Each runs unchanged on the first release, and fails.
"""

import base64
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.azure_accounts import (
    CLAIMS,
    HOME,
    LOCKED,
    OTHER,
    SUBSCRIPTION,
    WORK,
    Accounts,
    Answer,
    Tenant,
    azure_accounts,
)
from support.real_projects import name_resources

LIMIT = 300.0
AADSTS = "ERROR: AADSTS700082: The refresh token has expired due to inactivity. To re-authenticate, please run: az login"
CONFIG = "infra/inference.config.json"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    with azure_accounts(tmp_path_factory.mktemp("azure")) as accounts:
        yield accounts


@pytest.fixture
def azure(running: Accounts) -> Accounts:
    running.renew()
    return running


@pytest.fixture(scope="module")
def shipped(running: Accounts) -> Path:
    """A new project on a CPU, made by the program itself."""
    root = running.folder / "shipped"
    made = running.run("new", str(root))
    assert made.returncode == 0, made.stderr
    path = root / "infra/provision/inference.parameters.json"
    document = json.loads(path.read_text())
    small = {"workloadProfileType": "Consumption", "cpu": "0.5", "memory": "1Gi"}
    document["parameters"] |= {name: {"value": value} for name, value in small.items()}
    path.write_text(json.dumps(document))
    return root


@pytest.fixture
def project(shipped: Path, tmp_path: Path) -> Path:
    return shutil.copytree(shipped, tmp_path / "project")


def plan(azure: Accounts, project: Path, subscription: str) -> subprocess.CompletedProcess[str]:
    where = ("--subscription", subscription, "--resource-group", "models", "--project", str(project))
    return azure.run("provision", "--plan", "--no-input", *where)


def provision(azure: Accounts, project: Path, group: str = "models") -> subprocess.CompletedProcess[str]:
    name_resources(project, group)
    where = ("--subscription", SUBSCRIPTION, "--resource-group", group, "--location", "westus3")
    return azure.run("provision", "--no-input", "--yes", *where, "--project", str(project))


def configured(project: Path, **more: str) -> None:
    keys = ("RESOURCE_GROUP_NAME", "STORAGE_ACCOUNT_NAME", "FILE_SHARE_NAME", "ACA_APP_NAME")
    known = dict.fromkeys(keys, "models") | {"ACA_APP_ENDPOINT": "http://127.0.0.1:9"}
    text = json.dumps({"SUBSCRIPTION_ID": SUBSCRIPTION, **known, **more})
    (project / CONFIG).write_text(text)


def text_of(done: subprocess.CompletedProcess[str]) -> str:
    return f"{done.returncode}\n{done.stdout}\n{done.stderr}"


def own_subscription(azure: Accounts) -> None:
    """The account's own directory has the subscription, and wants a second factor for each write."""
    azure.tenants[:] = [Tenant(HOME, "Personal", {SUBSCRIPTION: "Team"})]
    azure.tokens["strong"] = HOME
    azure.weak.add("home")


@pytest.mark.parametrize("name", [SUBSCRIPTION, "Team"])
def test_real_azure_A1_a_guests_subscription_is_found_by_its_id_and_its_name(
    azure: Accounts, project: Path, name: str
) -> None:
    done = plan(azure, project, name)
    assert done.returncode == 0, text_of(done)
    assert "Team" in done.stdout


def test_real_azure_A1_a_directory_that_does_not_answer_is_reported_and_the_others_are_listed(
    azure: Accounts, project: Path
) -> None:
    azure.tenants.append(Tenant(LOCKED, "Fabrikam", {OTHER: "Locked"}))
    words = "ERROR: AADSTS50076: Due to a configuration change made by your administrator, you must use MFA."
    azure.signed_in({"default": "home", HOME: "home", WORK: "work", LOCKED: words})
    done = plan(azure, project, "Team")
    assert done.returncode == 0, text_of(done)
    assert "Fabrikam (fabrikam.example)" in done.stdout + done.stderr
    assert "AADSTS50076" in done.stdout + done.stderr
    assert "az login --tenant" in done.stdout + done.stderr


def test_real_azure_A1_the_directory_is_kept_with_the_project_and_used_by_later_commands(
    azure: Accounts, project: Path
) -> None:
    done = provision(azure, project)
    assert done.returncode == 0, text_of(done)
    config = json.loads((project / CONFIG).read_text())
    assert config["TENANT_ID"] == WORK
    azure.asked.clear()
    status = azure.run("status", "--project", str(project))
    assert status.returncode == 0, text_of(status)
    assert {token for _, _, token in azure.asked} == {"work"}
    assert "/subscriptions" not in {path for _, path, _ in azure.asked}  # nothing is listed for what is known


def test_real_azure_A1_status_works_by_the_configuration_alone_where_nothing_is_listed(
    azure: Accounts, project: Path
) -> None:
    configured(project)
    azure.signed_in({"default": "home", WORK: "work"})
    azure.answers += [Answer("GET", "^/(subscriptions|tenants)$", 200, {"value": []})]
    done = azure.run("status", "--project", str(project))
    assert done.returncode == 0, text_of(done)
    assert "The container app models is not there" in done.stdout


def test_real_azure_A1_a_command_names_the_directory_and_it_comes_before_the_projects(
    azure: Accounts, project: Path
) -> None:
    configured(project, TENANT_ID=LOCKED)
    azure.signed_in({"default": "home", WORK: "work", LOCKED: AADSTS})
    done = azure.run("status", "--tenant", WORK, "--project", str(project))
    assert done.returncode == 0, text_of(done)
    assert {token for _, _, token in azure.asked} == {"work"}


def test_real_azure_A2_a_claims_challenge_ends_in_azure_clis_command_and_no_second_sign_in(
    azure: Accounts, project: Path
) -> None:
    own_subscription(azure)
    done = provision(azure, project, "claims")
    assert done.returncode == 1, text_of(done)
    assert f'--claims-challenge "{CLAIMS}"' in done.stderr
    assert f"az login --tenant {HOME}" in done.stderr
    assert "Nobody is signed in" not in done.stderr
    assert not azure.elsewhere  # no sign-in page, no device code


def test_real_azure_A2_in_a_terminal_azure_cli_is_offered_and_its_new_token_is_used(
    azure: Accounts, project: Path
) -> None:
    own_subscription(azure)
    name_resources(project, "claims2")
    words = [
        "provision",
        "--subscription",
        SUBSCRIPTION,
        "--resource-group",
        "claims2",
        "--location",
        "westus3",
    ]
    terminal = Terminal(azure, [*words, "--yes", "--project", str(project)])
    shown = terminal.until("[y/N]")
    assert f'az login --tenant {HOME} --claims-challenge "{CLAIMS}"' in shown.replace("\r\n", "")
    azure.signed_in({"default": "strong", HOME: "strong"})
    terminal.answer("y")
    code, rest = terminal.end()
    assert code == 0, shown + rest
    assert (shown + rest).count("--claims-challenge") == 1
    assert {token for method, _, token in azure.asked if method != "GET"} == {"home", "strong"}
    assert not azure.elsewhere


def test_real_azure_A2_what_microsoft_says_of_a_refused_sign_in_is_shown(
    azure: Accounts, project: Path
) -> None:
    azure.signed_in({"default": AADSTS})
    done = plan(azure, project, SUBSCRIPTION)
    assert done.returncode == 1
    assert "AADSTS700082: The refresh token has expired" in done.stderr
    assert "Nobody is signed in" not in done.stderr


@pytest.mark.parametrize(
    "words", [("provision", "--no-input", "--subscription", "Team", "--resource-group", "x"), ("status",)]
)
def test_real_azure_B3_without_input_no_sign_in_is_started(
    azure: Accounts, project: Path, words: tuple[str, ...]
) -> None:
    configured(project)
    azure.signed_in({})
    done = azure.run(*words, "--project", str(project))
    assert done.returncode == 1, text_of(done)
    assert "Nobody is signed in to Azure" in done.stderr
    for variable in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        assert variable in done.stderr
    assert not azure.elsewhere


def test_real_azure_B4_a_name_that_occurs_twice_is_refused_with_the_ids(
    azure: Accounts, project: Path
) -> None:
    azure.tenants[0] = Tenant(HOME, "Personal", {OTHER: "Team"})
    done = plan(azure, project, "team")
    assert done.returncode == 1, text_of(done)
    assert SUBSCRIPTION in done.stderr
    assert OTHER in done.stderr
    by_id = plan(azure, project, SUBSCRIPTION)
    assert by_id.returncode == 0, text_of(by_id)


NO_RIGHT = {
    "code": "AuthorizationFailed",
    "message": f"The client 'x' does not have authorization to perform action 'Microsoft.Resources/subscriptions/providers/read' over scope '/subscriptions/{SUBSCRIPTION}'.",
}
PROVIDER = "/providers/Microsoft[.][A-Za-z]+$"


def test_real_azure_A3_rights_on_one_group_alone_are_enough(azure: Accounts, project: Path) -> None:
    own_subscription(azure)
    azure.weak.clear()
    assert provision(azure, project, "rights").returncode == 0  # the group is there from now on
    (project / CONFIG).unlink()
    azure.answers += [
        Answer("GET", PROVIDER, 403, {"error": NO_RIGHT}),
        Answer("POST", "/register$", 403, {"error": NO_RIGHT}),
        Answer("PUT", "/resourcegroups/[^/]+$", 403, {"error": NO_RIGHT}),
    ]
    done = azure.run(
        *("provision", "--no-input", "--again", "--subscription", SUBSCRIPTION, "--resource-group", "rights"),
        *("--project", str(project)),
    )
    assert done.returncode == 0, text_of(done)


@pytest.mark.parametrize("state", ["Registering", "NotRegistered"])
def test_real_azure_A3_nobody_waits_for_a_provider_that_registers(
    azure: Accounts, project: Path, state: str
) -> None:
    own_subscription(azure)
    azure.weak.clear()
    found = {"id": "/x", "namespace": "Microsoft.App", "registrationState": state, "resourceTypes": []}
    missing = {
        "code": "MissingSubscriptionRegistration",
        "message": "The subscription is not registered to use namespace 'Microsoft.App'.",
    }
    azure.answers += [
        Answer("GET", "/providers/Microsoft.App$", 200, found, times=4),
        Answer(
            "POST", "/providers/Microsoft.App/register$", 200, {**found, "registrationState": "Registering"}
        ),
        Answer("PUT", "/providers/Microsoft.Resources/deployments/[^/]+$", 409, {"error": missing}, times=1),
    ]
    done = provision(azure, project, f"in-{state.lower()}")
    assert done.returncode == 0, text_of(done)
    registered = [path for method, path, _ in azure.asked if path.endswith("/register") and method == "POST"]
    assert len(registered) == (state == "NotRegistered")
    assert "Waiting for the registration" in done.stdout + done.stderr


def test_real_azure_A3_advice_names_the_scope_that_the_message_names(azure: Accounts, project: Path) -> None:
    own_subscription(azure)
    azure.weak.clear()
    scope = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/advice"
    words = NO_RIGHT["message"].replace(f"/subscriptions/{SUBSCRIPTION}'", f"{scope}'")
    azure.answers += [Answer("PUT", "/resourcegroups/[^/]+$", 403, {"error": {**NO_RIGHT, "message": words}})]
    done = provision(azure, project, "advice")
    assert done.returncode == 1
    assert f"Ask an owner of {scope} for" in done.stderr


def test_real_azure_A3_a_provider_that_may_not_be_registered_is_named_with_the_command(
    azure: Accounts, project: Path
) -> None:
    own_subscription(azure)
    azure.weak.clear()
    found = {
        "id": "/x",
        "namespace": "Microsoft.App",
        "registrationState": "NotRegistered",
        "resourceTypes": [],
    }
    azure.answers += [
        Answer("GET", "/providers/Microsoft.App$", 200, found),
        Answer("POST", "/register$", 403, {"error": NO_RIGHT}),
    ]
    done = provision(azure, project, "unregistered")
    assert done.returncode == 1
    assert f"az provider register --namespace Microsoft.App --subscription {SUBSCRIPTION}" in done.stderr


def test_real_azure_B5_the_companys_bundle_counts_whichever_variable_names_it(
    azure: Accounts, project: Path
) -> None:
    own_subscription(azure)
    bundle = azure.environment["SSL_CERT_FILE"]
    done = azure.run(
        *("provision", "--plan", "--no-input", "--subscription", SUBSCRIPTION, "--resource-group", "models"),
        *("--project", str(project)),
        SSL_CERT_FILE="",
        REQUESTS_CA_BUNDLE=bundle,
    )
    assert done.returncode == 0, text_of(done)


class Terminal:
    """aitk-inference with a person before it."""

    def __init__(self, azure: Accounts, words: list[str]) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "aitk_inference", *words],
            env={**os.environ, **azure.environment, "TERM": "dumb"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)

    def until(self, words: str) -> str:
        """What is shown up to these words, or to the program's end."""
        shown, limit = "", time.monotonic() + LIMIT
        while words not in shown and time.monotonic() < limit:
            piece = self._piece()
            if piece is None:
                break
            shown += piece
        return shown

    def answer(self, text: str) -> None:
        os.write(self._ours, f"{text}\n".encode())

    def end(self) -> tuple[int, str]:
        """The exit code and what was shown until then."""
        shown = self.until("\0")
        code = self._process.wait(LIMIT)
        os.close(self._ours)
        return code, shown

    def _piece(self) -> str | None:
        if not select.select([self._ours], [], [], 1.0)[0]:
            return None if self._process.poll() is not None else ""
        try:
            return os.read(self._ours, 65536).decode(errors="replace") or None
        except OSError:
            return None


def test_real_azure_A1_status_says_who_is_signed_in_how_and_where(azure: Accounts, project: Path) -> None:
    configured(project, TENANT_ID=WORK)
    azure.tokens[jwt(upn="maria@contoso.example", tid=WORK)] = WORK
    azure.signed_in({"default": "home", WORK: jwt(upn="maria@contoso.example", tid=WORK)})
    done = azure.run("status", "--account", "--project", str(project))
    assert done.returncode == 0, text_of(done)
    assert "maria@contoso.example" in done.stdout
    assert "Azure CLI" in done.stdout
    assert f"Contoso (contoso.example) {WORK}" in done.stdout
    assert f"Personal (personal.example) {HOME}" in done.stdout


def jwt(**claims: str) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"

import os
from pathlib import Path

import pytest
from aca_local.replicas.environment import azure_variables, lent, replica_environment, without_target_port

PARENT = {
    "PATH": "/usr/bin",
    "HOME": "/home/me",
    "LC_ALL": "C.UTF-8",
    "PIP_INDEX_URL": "http://index/simple",
    "https_proxy": "http://proxy",
    "AZURE_CLIENT_SECRET": "s1",
    "GITHUB_TOKEN": "s2",
    "HF_TOKEN": "s3",
    "OPENAI_API_KEY": "s4",
    "DB_PASSWORD": "s5",
    "PIP_REQUIRE_VIRTUALENV": "1",
    "SOMETHING_ELSE": "x",
}


def test_secrets_and_unknown_names_are_not_lent() -> None:
    assert set(lent(PARENT)) == {
        "PATH",
        "HOME",
        "LC_ALL",
        "PIP_INDEX_URL",
        "https_proxy",
        "PIP_REQUIRE_VIRTUALENV",
    }


def test_the_apps_environment_comes_first_even_when_the_template_sets_path() -> None:
    env = replica_environment(PARENT, Path("/data/venv"), {}, {"PATH": "/opt/tool"})
    first, *rest = env["PATH"].split(os.pathsep)
    assert Path(first).parent == Path("/data/venv")
    assert rest == ["/opt/tool"]
    assert env["VIRTUAL_ENV"] == str(Path("/data/venv"))


def test_the_template_overrides_what_azure_and_this_computer_set() -> None:
    env = replica_environment(PARENT, Path("/v"), {"PORT": "1"}, {"PORT": "9", "PIP_INDEX_URL": "u"})
    assert env["PORT"] == "9"
    assert env["PIP_INDEX_URL"] == "u"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"NO_PROXY": "a.example"}, "a.example"),
        ({"HTTP_PROXY": "http://p"}, "localhost,127.0.0.1"),
        ({"all_proxy": "http://p", "no_proxy": "localhost, x:80,::1,fd07::/64"}, "localhost,x:80,127.0.0.1"),
    ],
)
def test_this_computer_is_never_behind_a_proxy(given: dict[str, str], expected: str | None) -> None:
    env = replica_environment(given, Path("/v"), {}, {})
    assert env.get("NO_PROXY") == expected


def test_pip_installs_into_the_apps_environment_whatever_a_person_set() -> None:
    parent = {"PIP_USER": "1", "PIP_TARGET": "/x", "PIP_PREFIX": "/y", "PIP_INDEX_URL": "u"}
    env = replica_environment(parent, Path("/v"), {}, {})
    assert {name for name in env if name.startswith("PIP_")} == {
        "PIP_INDEX_URL",
        "PIP_USER",
        "PIP_DISABLE_PIP_VERSION_CHECK",
    }
    assert env["PIP_USER"] == "0"


def test_azures_variables_name_app_revision_replica_and_port() -> None:
    env = azure_variables("app", "app--1", "app--1-abc", 4711)
    assert env["CONTAINER_APP_NAME"] == "app"
    assert env["CONTAINER_APP_REVISION"] == "app--1"
    assert env["CONTAINER_APP_REPLICA_NAME"] == "app--1-abc"
    assert env["CONTAINER_APP_HOSTNAME"].startswith("app--1.")
    assert env["CONTAINER_APP_PORT"] == env["PORT"] == "4711"
    assert "PORT" not in azure_variables("app", "r", "p", None)


def test_a_port_variable_that_names_the_target_port_gives_way_to_the_local_port() -> None:
    assert without_target_port({"PORT": "7860", "A": "1"}, 7860) == {"A": "1"}
    assert without_target_port({"PORT": "9000"}, 7860) == {"PORT": "9000"}


def test_apps_are_told_to_listen_where_only_this_computer_reaches_them() -> None:
    env = azure_variables("app", "app--1", "app--1-abc", 4711)
    assert (env["HOST"], env["GRADIO_SERVER_NAME"]) == ("127.0.0.1", "127.0.0.1")

"""Recorded streams, an app with a mounted share and a provider's registration, beside aca-local."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.arm_recordings import Json, Player, cassette, compare, playing, recorded
from support.arm_server import run_arm
from support.shared import shared

EVENTS = "containerapp-ext/test_containerapp_eventstream.yaml"
LOGS = "containerapp-ext/test_containerapp_logstream.yaml"
MOUNT = "containerapp-ext/test_container_app_mount_azurefile_e2e.yaml"
PROVIDER = "arm-cli-resource/test_provider_registration.yaml"
PROFILES = [{"workloadProfileType": "Consumption", "name": "Consumption"}]
HERE = {"location": "eastus"}  # the recordings are of a region that only Microsoft has


@pytest.fixture
def player(tmp_path: Path) -> Iterator[Player]:
    groups = "clitest.rg000001", "client.env_rg_northcentralusstage"
    with run_arm(tmp_path) as running, playing(running, *((one, "eastus") for one in groups)) as player:
        yield player


def as_recorded(player: Player, relative: str, *indexes: int) -> httpx.Response:
    """Send requests as they were recorded; each is answered as it was. The last answer."""
    for index in indexes:
        answer = player.send(recorded(relative, index)[0])
        compare(answer, relative, index)
    return answer


def moved(player: Player, relative: str, index: int) -> httpx.Response:
    """Send a recorded PUT, for a region that we have; wait for its end."""
    request = recorded(relative, index)[0]
    answer = player.send(request, json.loads(request["body"]) | HERE)
    compare(answer, relative, index)
    last = player.follow(answer)
    assert last.json()["status"] == "Succeeded"
    return last


def app_in_environment(player: Player, relative: str) -> None:
    """Both recordings of streams begin alike."""
    environment = HERE | {"properties": {"workloadProfiles": PROFILES}}
    player.follow(player.send(recorded(relative, 1)[0] | {"method": "PUT"}, environment))
    as_recorded(player, relative, 0, 1)
    last = moved(player, relative, 5)
    assert set(last.json()) == set(recorded(relative, 10)[3])
    as_recorded(player, relative, 11)


def lines(text: str) -> list[dict[str, Json]]:
    return [json.loads(line) for line in text.splitlines()]


def streams(
    player: Player, token: httpx.Response, relative: str, index: int, names: dict[str, str]
) -> tuple[list[dict[str, Json]], list[dict[str, Json]]]:
    """Read a recorded stream with its own token: the lines found and the lines recorded, with our names."""
    one = cassette(shared(f"wire/{relative}"))[index]
    uri, wanted = one["request"]["uri"], one["response"]["body"]["string"]
    for old, new in names.items():
        uri, wanted = uri.replace(old, new), wanted.replace(old, new)
    answer = player.send(one["request"] | {"uri": uri}, token=token.json()["properties"]["token"])
    assert answer.status_code == one["response"]["status"]["code"]
    assert answer.headers["transfer-encoding"] == one["response"]["headers"]["transfer-encoding"][0]
    return lines(answer.text), lines(wanted)


def digits(text: str) -> str:
    """The form of a time: its digits as zeros, a fraction of any length as one."""
    return re.sub(r"\.0+", ".0", re.sub(r"\d", "0", text))


@pytest.mark.parametrize(("token", "stream", "before"), [(12, 14, (13,)), (17, 18, (15, 16))])
def test_event_streams_of_an_app_and_its_environment(
    player: Player, token: int, stream: int, before: tuple[int, ...]
) -> None:
    app_in_environment(player, EVENTS)
    as_recorded(player, EVENTS, *before)
    found, wanted = streams(player, as_recorded(player, EVENTS, token), EVENTS, stream, {})
    assert [list(one) for one in found] == [list(one) for one in wanted[: len(found)]]
    assert [digits(one["TimeStamp"]) for one in found[:3]] == [digits(one["TimeStamp"]) for one in wanted[:3]]
    for ours, azures in zip(found[:2], wanted[:2], strict=True):
        assert ours | {"TimeStamp": ""} == azures | {"TimeStamp": ""}
    assert found[2]["Reason"] in {one["Reason"] for one in wanted}


def test_the_log_stream_of_a_replica(player: Player) -> None:
    app_in_environment(player, LOGS)
    shown = as_recorded(player, LOGS, 13, 21, 12).json()
    revision = shown["properties"]["latestRevisionName"]
    names = {"capp000002--7r7bmai": revision}
    listed = asked(player, LOGS, 15, names)
    (replica,) = listed.json()["value"]
    names = {"capp000002--7r7bmai-76bf94b8ff-rm7bm": replica["name"]} | names
    for index in (16, 18):
        asked(player, LOGS, index, names)
    token = as_recorded(player, LOGS, 20)
    found, wanted = streams(player, token, LOGS, 22, names)
    assert [list(one) for one in found] == [["TimeStamp", "Log"]] * len(found)
    assert [one["Log"] for one in found[:2]] == [one["Log"] for one in wanted[:2]]
    assert [digits(one["TimeStamp"]) for one in found[:3]] == [digits(one["TimeStamp"]) for one in wanted]
    assert found[2]["Log"] == "line 0"


def asked(player: Player, relative: str, index: int, names: dict[str, str]) -> httpx.Response:
    """Send a recorded request with our names in its path; it is answered as it was."""
    request = recorded(relative, index)[0]
    uri = request["uri"]
    for old, new in names.items():
        uri = uri.replace(old, new)
    answer = player.send(request | {"uri": uri})
    compare(answer, relative, index)
    return answer


def test_an_app_with_a_share_mounted_in_it(player: Player) -> None:
    account = as_recorded(player, MOUNT, 0, 1)
    made = player.follow(account)
    compare(made, MOUNT, 3)
    as_recorded(player, MOUNT, 4, 9)
    moved(player, MOUNT, 10)
    as_recorded(player, MOUNT, 57, 60, 63, 64)
    moved(player, MOUNT, 69)
    as_recorded(player, MOUNT, 74, 77, 83)
    request = recorded(MOUNT, 84)[0]
    patched = player.send(request, json.loads(request["body"]) | HERE)
    compare(patched, MOUNT, 84)
    assert player.follow(patched).json()["status"] == "Succeeded"
    shown = as_recorded(player, MOUNT, 89).json()["properties"]["template"]
    wanted = recorded(MOUNT, 89)[3]["properties"]["template"]
    assert shown["volumes"] == wanted["volumes"]
    assert shown["containers"][0]["volumeMounts"] == wanted["containers"][0]["volumeMounts"]
    found = as_recorded(player, MOUNT, 92).json()["value"]
    assert len(found) == len(recorded(MOUNT, 92)[3]["value"])


def test_a_provider_is_unregistered_and_registered_again(player: Player) -> None:
    """The recording has a provider that is not served: ours stands in. Between two answers of Azure pass
    minutes in ``Registering``; here the next one tells the end.
    """

    def sent(index: int) -> httpx.Response:
        request = recorded(PROVIDER, index)[0]
        uri = request["uri"].replace("Microsoft.ClassicInfrastructureMigrate", "Microsoft.App")
        answer = player.send(request | {"uri": uri})
        compare(answer, PROVIDER, index)
        return answer

    def state(answer: httpx.Response) -> tuple[str, str]:
        body = answer.json()
        return body["registrationState"], body["registrationPolicy"]

    def told(index: int) -> tuple[str, str]:
        body = recorded(PROVIDER, index)[3]
        return body["registrationState"], body["registrationPolicy"]

    required = "RegistrationRequired"
    assert state(sent(3)) == told(3) == ("Unregistering", required)
    assert state(sent(0)) == told(0) == ("Unregistered", required)
    assert state(sent(1)) == told(1) == ("Registering", required)
    assert state(sent(2)) == ("Registered", required)
    unknown = player.send(recorded(PROVIDER, 0)[0])
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "InvalidResourceNamespace")

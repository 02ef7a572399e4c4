"""Recorded traffic of real Azure, sent to aca-local and compared: the same statuses, headers and body keys.

Not compared: values that are Azure's own (ids, times, addresses). What differs on purpose stands in
``differences``, with its reason; a difference that is neither there nor in the recording fails.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from support.arm_server import LIMIT, SUBSCRIPTION, TOKEN, Running
from support.differences import excused
from support.shared import shared

Json = Any
RECORDED = "00000000-0000-0000-0000-000000000000"
HEADERS = ("location", "azure-asyncoperation", "x-ms-failure-cause", "x-ms-async-operation-timeout")


@cache
def cassette(path: Path) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = yaml.load(path.read_text(), yaml.CSafeLoader)["interactions"]
    return found


def recorded(relative: str, index: int) -> tuple[dict[str, Json], int, dict[str, str], Json]:
    """One exchange: the request, and the answer's status, headers and body."""
    one = cassette(shared(f"wire/{relative}"))[index]
    answer = one["response"]
    headers = {key.lower(): values[0] for key, values in answer["headers"].items()}
    text = answer["body"]["string"]
    return one["request"], answer["status"]["code"], headers, json.loads(text) if text else None


def shape(value: Json, path: str = "") -> set[str]:
    """The paths of all keys of a body; of a list, the keys of all its elements."""
    if isinstance(value, list):
        return set().union(*(shape(one, path) for one in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, held in value.items():
        here = f"{path}.{key}" if path else key
        found |= {here} | shape(held, here)
    return found


class Player:
    """Sends recorded requests to aca-local, with its subscription."""

    def __init__(self, running: Running) -> None:
        self.client = httpx.Client(
            base_url=running.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=LIMIT
        )

    def send(self, request: dict[str, Json], body: Json = None, token: str = TOKEN) -> httpx.Response:
        """Send a recorded request, or one like it with another body."""
        path = re.sub(r"^https://[^/]+", "", request["uri"]).replace(RECORDED, SUBSCRIPTION)
        content = json.dumps(body) if body is not None else (request["body"] or "")
        headers = {"Authorization": f"Bearer {token}"}
        content = content.replace(RECORDED, SUBSCRIPTION)
        return self.client.request(request["method"], path, content=content, headers=headers)

    def group(self, name: str, location: str = "eastus") -> None:
        path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}"
        self.client.put(path, params={"api-version": "2022-09-01"}, json={"location": location})

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Wait for the operation that an answer points to; the last poll."""
        url = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        while url:
            answer = self.client.get(url)
            if answer.status_code == 202 or (
                answer.content and answer.json().get("status") in {"InProgress", "Running", "Accepted"}
            ):
                continue
            url = None
        return answer


@contextmanager
def playing(running: Running, *groups: tuple[str, str]) -> Iterator[Player]:
    """A player on a running Resource Manager, with groups (name, location)."""
    player = Player(running)
    for name, location in groups:
        player.group(name, location)
    yield player
    player.client.close()


def compare(answer: httpx.Response, relative: str, index: int) -> None:
    """The answer has the recorded status, the same of the headers that matter, and the recorded keys."""
    _, status, headers, body = recorded(relative, index)
    assert answer.status_code == status
    assert {one for one in HEADERS if one in answer.headers} == {one for one in HEADERS if one in headers}
    if body is None:
        assert answer.content == b""
        return
    missing = {one for one in shape(body) - shape(answer.json()) if not excused(one)}
    assert not missing, f"keys that Azure answers and aca-local does not: {sorted(missing)}"

"""Asks aca-local every question of a recording of Resource Manager's traffic, in order.

Regions that only Microsoft has become one of ours, names that the service gave out (revisions, replicas,
operations) become those that aca-local gave out, templates of providers that are not served get a stand-in.
What a recording takes for granted (its group, a shared environment) is made from its own answers. A poll that
Azure answered with the end is asked until the end.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from arm_template.source_positions import read_template
from support.arm_recordings import HEADERS, Player, cassette, shape
from support.arm_server import LIMIT
from support.differences import excused
from support.shared import shared

Json = Any
SERVED = ("microsoft.app", "microsoft.storage", "microsoft.operationalinsights", "microsoft.resources")
HOSTS = ("management.azure.com", ".azurecontainerapps.dev")  # Resource Manager, and the streams
REGIONS = {"northcentralusstage": "eastus", "North Central US (Stage)": "East US"}
GIVEN_OUT = ("latestRevisionName", "latestReadyRevisionName", "operationId", "customerId")
UNDER_WAY = {"InProgress", "Running", "Accepted", "Deleting"}
MEANT = (*HEADERS, "retry-after", "content-type")
WRITABLE = ("location", "tags", "sku", "kind", "properties")


@dataclass
class Exchange:
    """One recorded question with its answer; ``body`` is the answer's JSON, if it is JSON."""

    method: str
    uri: str
    sent: str
    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Json:
        return as_json(self.text)

    @property
    def host(self) -> str:
        return urlsplit(self.uri).netloc

    @property
    def namespace(self) -> str:
        """The provider that is asked, of Resource Manager's paths."""
        found = re.search(r"/providers/([^/?]+)", self.uri)
        return found[1].lower() if found else SERVED[0]

    def is_the_end(self) -> bool:
        """Whether a poll was answered with the end of its operation."""
        return self.status != httpx.codes.ACCEPTED and status_of(self.body) not in UNDER_WAY


def as_json(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return None


def status_of(body: Json) -> str:
    return str(body.get("status", "")) if isinstance(body, dict) else ""


def exchanges(recording: str) -> Iterator[Exchange]:
    for one in cassette(shared(f"wire/{recording}")):
        asked, answer = one["request"], one["response"]
        headers = {name.lower(): values[0] for name, values in answer["headers"].items()}
        text = answer["body"]["string"]
        yield Exchange(
            asked["method"], asked["uri"], asked["body"] or "", answer["status"]["code"], headers, text
        )


@dataclass
class Replay:
    """The state of one replay: what the recording's names are called here, its polls, its groups."""

    player: Player
    names: dict[str, str] = field(default_factory=dict)
    polls: dict[str, str] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)

    def run(self, recording: str) -> Iterator[str]:
        """Ask everything; yield what differs, each line with the method of its request."""
        for index, one in enumerate(exchanges(recording)):
            for line in self._differences(one):
                yield f"{one.method} {line} [{index}]"

    def _differences(self, one: Exchange) -> Iterator[str]:
        if not one.host.endswith(HOSTS):
            yield f"not sent to {one.host}"
        elif one.namespace not in SERVED:
            yield f"not sent: {one.namespace} is not served"
        else:
            yield from self._compare(one, self._ask(one))

    def _ask(self, one: Exchange) -> httpx.Response:
        polled = self.polls.get(key(one.uri))
        target = polled or self.ours(re.sub(r"^https://[^/]+", "", one.uri))
        self._prepare(one, target)
        request = {"method": one.method, "uri": target, "body": self.ours(stand_in(one))}
        answer = self.player.send(request)
        end = time.monotonic() + LIMIT
        while polled and one.is_the_end() and under_way(answer) and time.monotonic() < end:
            answer = self.player.send(request)
        self._learn(one, answer)
        return answer

    def ours(self, text: str) -> str:
        for theirs, mine in sorted((REGIONS | self.names).items(), key=lambda pair: -len(pair[0])):
            text = text.replace(theirs, mine)
        return text

    def _prepare(self, one: Exchange, target: str) -> None:
        """Make the group of a path; make a resource that is read and that nobody made."""
        found = re.search(r"/resourcegroups/([^/?]+)([/?])", target, re.IGNORECASE)
        if found is None:
            return
        if found[1] not in self.groups:
            self.groups.add(found[1])
            self.player.group(found[1], self.ours(location_of(one)))
        shared_one = "properties" in (one.body or {}) and one.namespace in SERVED[:3]
        if one.method != "GET" or one.status != httpx.codes.OK or not shared_one:
            return
        if (
            self.player.send({"method": "GET", "uri": target, "body": ""}).status_code
            == httpx.codes.NOT_FOUND
        ):
            written = as_json(self.ours(json.dumps({name: one.body.get(name) for name in WRITABLE})))
            written["properties"].pop("provisioningState", None)
            self.player.follow(self.player.send({"method": "PUT", "uri": target, "body": ""}, written))

    def _learn(self, one: Exchange, answer: httpx.Response) -> None:
        for header in ("location", "azure-asyncoperation"):
            if header in one.headers and header in answer.headers:
                self.polls[key(one.headers[header])] = answer.headers[header]
        self._match(one.body, as_json(answer.text))

    def _match(self, theirs: Json, mine: Json) -> None:
        """Note the names that each side gave out."""
        if isinstance(theirs, list) and isinstance(mine, list):
            for left, right in zip(theirs, mine, strict=False):
                self._match(left, right)
        if not isinstance(theirs, dict) or not isinstance(mine, dict):
            return
        child = "/revisions" in str(theirs.get("type", "")).lower()
        for name in (*GIVEN_OUT, *(["name"] if child else [])):
            if theirs.get(name) and mine.get(name):
                self.names[theirs[name]] = mine[name]
        for name in theirs.keys() & mine.keys():
            self._match(theirs[name], mine[name])

    def _compare(self, one: Exchange, answer: httpx.Response) -> Iterator[str]:
        if key(one.uri) in self.polls and not one.is_the_end() and answer.is_success:
            return  # Azure was still at it: here it has ended, or is at it too
        if answer.status_code != one.status:
            code = (as_json(answer.text) or {}).get("error", {}).get("code", "")
            yield f"status {one.status} is {answer.status_code} {code}".rstrip()
            return
        yield from headers_differ(one, answer)
        if one.body is not None:
            yield from bodies_differ(one.body, as_json(answer.text))


def under_way(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.ACCEPTED or status_of(as_json(answer.text)) in UNDER_WAY


def key(uri: str) -> str:
    """A poll's operation: the names of deployments before it were scrubbed differently in places."""
    return urlsplit(uri).path.rpartition("/")[2].lower()


def location_of(one: Exchange) -> str:
    found = re.search(r'"location": ?"([^"\[]+)"', f"{one.sent}{one.text}")
    return found[1] if found else "eastus"


def headers_differ(one: Exchange, answer: httpx.Response) -> Iterator[str]:
    for name in MEANT:
        theirs, mine = (held.get(name, "").partition(";")[0] for held in (one.headers, answer.headers))
        if name == "content-type" and theirs != mine:
            yield f"content-type {theirs!r} is {mine!r}"
        elif bool(theirs) != bool(mine):
            yield f"header {name} is {'missing' if theirs else 'extra'}"


def bodies_differ(theirs: Json, mine: Json) -> Iterator[str]:
    missing = sorted(one for one in shape(theirs) - shape(mine) if not excused(one))
    for path in missing:
        if path.rpartition(".")[0] not in missing:
            yield f"key {path} is missing"
    if not isinstance(theirs, dict) or not isinstance(mine, dict):
        return
    for path in ("status", "type", "error.code", "properties.provisioningState"):
        left, right = at(theirs, path), at(mine, path)
        if left is not None and right is not None and left != right:
            yield f"{path} {left!r} is {right!r}"


def at(body: Json, path: str) -> Json:
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body


def stand_in(one: Exchange) -> str:
    """The body to send: a deployment of providers that are not served deploys workspaces instead."""
    if "/deployments/" not in one.uri or not one.sent:
        return one.sent
    body = read_template(one.sent)
    template = body.get("properties", {}).get("template")
    if template is None or all(is_served(each) for each in template["resources"]):
        return one.sent
    template["resources"] = [
        {
            "type": "Microsoft.OperationalInsights/workspaces",
            "apiVersion": "2023-09-01",
            "name": f"stand-in-{number}",
            "location": "westus",
            "properties": {},
        }
        for number, _ in enumerate(template["resources"])
    ]
    for left in ("outputs", "variables"):
        template.pop(left, None)
    return json.dumps(body)


def is_served(resource: dict[str, Json]) -> bool:
    return str(resource["type"]).lower().startswith(SERVED)

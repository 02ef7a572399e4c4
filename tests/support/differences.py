"""Everything in which aca-local differs from the recorded traffic of Azure, with the reason: the one table.

A difference that is not here fails a test; a line that no recording needs any more fails one too.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple


class Difference(NamedTuple):
    """``recording`` and ``what`` are patterns; ``what`` begins with the method of the request."""

    recording: str
    what: str
    why: str


CLI, APPS = "arm-cli-resource/*", "containerapp-*"
GROUP = "arm-cli-resource/test_group_deployment.yaml"
NESTED = "arm-cli-resource/test_resource_group_deployment.yaml"
BASIC = "arm-sdk-resource/test_mgmt_resource.test_deployments_basic.yaml"
LINKED = "arm-sdk-resource/test_mgmt_resource.test_deployments_linked_template_error.yaml"
SINGLE = "containerapp-core/test_containerapp_scale_revision_copy.yaml"
NOT_SERVED = "networks and the like are no part of this; test_arm_recordings registers a provider that is"
HANDED_OVER = (
    "a new revision is ready at once here, and the old one, which the recording goes on with, has gone"
)
HURRY = "polls need not wait for the SDKs' 30 seconds here: every answer that is to be followed says when"
UNRECORDED = "what it reads was made by a set-up that was not recorded"
STAND_IN = "its template is of a provider that is not served: a workspace stands in"
ENDED = "the stand-in is there at once, so that the deployment has ended before it can be cancelled"

# Keys of bodies, in all recordings: by themselves, with what is below them.
KEYS = {
    "properties.kedaConfiguration": "no KEDA runs here",
    "properties.daprConfiguration": "no Dapr runs here",
    "properties.primaryEndpoints.blob": "only the Files service runs here",
    "properties.primaryEndpoints.dfs": "only the Files service runs here",
    "properties.primaryEndpoints.queue": "only the Files service runs here",
    "properties.primaryEndpoints.table": "only the Files service runs here",
    "properties.primaryEndpoints.web": "only the Files service runs here",
    "properties.outputs": STAND_IN,
    "value.properties.outputs": STAND_IN,
    "value.availabilityZoneMappings": "no zones here",
    "value.metadata.geography": "the group of geographies is told",
    "value.metadata.homeLocation": "no edge zones here",
    "managedByTenants": "no managing tenants here",
    "value.managedByTenants": "no managing tenants here",
    "resourceTypes": "a provider has the types that aca-local serves",
    "authorization": "no first-party applications here",
    "authorizations": "no first-party applications here",
    "properties.workloadProfiles.enableFips": "no nodes here whose images could be of that kind",
    "properties.containers.execEndpoint": "there is no exec here: null",
}

ARM = (
    Difference("*", "* header retry-after is extra", HURRY),
    Difference("*", "* not sent to *", "not Resource Manager: a registry of models, the app itself"),
    Difference(CLI, "* not sent: microsoft.* is not served", NOT_SERVED),
    Difference(CLI, "POST status 204 is 409 DeploymentCannotBeCancelled", ENDED),
    Difference(CLI, "GET properties.provisioningState 'Cancel*' is 'Succeeded'", ENDED),
    Difference(APPS, "GET content-type '' is 'text/plain'", "a stream says what it is"),
    Difference(GROUP, "GET key tags is missing", UNRECORDED),
    Difference(GROUP, "PUT status 201 is 200", "another name of the deployment was scrubbed to the same"),
    Difference(NESTED, "PUT status 201 is 200", "another name of the deployment was scrubbed to the same"),
    Difference(NESTED, "POST key template.* is missing", STAND_IN),
    Difference(BASIC, "POST key template.outputs is missing", STAND_IN),
    Difference(LINKED, "PUT *", "templates behind a link are refused: nothing is fetched from elsewhere"),
    Difference(SINGLE, "POST status 200 is 400 RevisionNotActive", HANDED_OVER),
    Difference(SINGLE, "GET key value.* is missing", HANDED_OVER),
    Difference(SINGLE, "GET status 200 is 404 ReplicaNotFound", HANDED_OVER),
)

FILES = (
    Difference(
        "*.test_abort_copy_file", "*", "the source's signature was made with a key that was not recorded"
    ),
    Difference("*.test_update_range_from_file_url", "*", "as above: the source can't be verified"),
    Difference("*.test_user_agent_custom", "*GET element *", "another test had set the account's properties"),
    Difference("*.test_set_hour_metrics", "*GET element *Cors*", "as above: CORS rules of another test"),
    Difference("*_from_snapshot", "*404 ParentNotFound", UNRECORDED),
    Difference("*_from_snapshot", "*DELETE status 202 is 404 ResourceNotFound", UNRECORDED),
    Difference("*.test_get_file_server_encryption", "*header content-*", UNRECORDED),
    Difference("*.test_ranged_get_file_to_path_small", "*header content-type*", UNRECORDED),
    Difference("test_handle.*", "*GET*", "a person held files open over SMB; nothing mounts a share here"),
    Difference(
        "*.test_list_shares_with_num_results_and_marker", "*DELETE status 409*", "our deletions take no time"
    ),
)


def explained(table: Iterable[Difference], recording: str, line: str) -> bool:
    """Say whether a difference stands in a table."""
    return any(fnmatchcase(recording, one.recording) and fnmatchcase(line, one.what) for one in table)


def idle(table: Iterable[Difference], recording: str, lines: Iterable[str]) -> list[Difference]:
    """The lines of a table that name this very recording and explain nothing in it."""
    found = list(lines)
    mine = (one for one in table if one.recording == recording)
    return [one for one in mine if not any(fnmatchcase(line, one.what) for line in found)]


def excused(path: str) -> bool:
    """Say whether a key of a body may be missing."""
    return any(path == one or path.startswith(f"{one}.") for one in KEYS)

"""``/metadata/endpoints``: what clients ask, before they sign in, about a cloud that they do not know.

``az cloud register --endpoint-resource-manager``, Terraform's ``metadata_host`` and others read it. One
object since api-version 2022-09-01, a list of one before; the keys are those that ``azure-cli-core`` reads
(``cloud.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aca_local.kernel import responses

if TYPE_CHECKING:
    from aiohttp import web

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.routing import ArmRequest
    from aca_local.state import JsonObject

VERSIONS = ("2022-09-01", "2020-06-01", "2019-05-01")
LOGIN = "https://login.microsoftonline.com"  # nobody signs in here: the token is in aca-local's state file


async def endpoints(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``GET /metadata/endpoints``."""
    found = document(cloud)
    return responses.answer(found if request.api_version >= VERSIONS[0] else [found])


def document(cloud: Cloud) -> JsonObject:
    """Return this cloud's addresses; of data planes only Azure Files' is there."""
    arm = f"{cloud.settings.arm_url}/"
    files = urlsplit(cloud.settings.files_url("account"))
    return {
        "name": "aca-local",
        "resourceManager": arm,
        "portal": arm,
        "gallery": arm,
        "graph": arm,
        "graphAudience": arm,
        "logAnalyticsResourceId": arm,
        "authentication": {
            "loginEndpoint": LOGIN,
            "audiences": [arm],
            "tenant": cloud.settings.tenant_id,
            "identityProvider": "AAD",
        },
        "suffixes": {"storage": f"localhost:{files.port}"},
    }

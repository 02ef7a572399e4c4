"""How the SDKs' requests get another token when a service refuses theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

from aitk_inference.azure.challenges import read_challenge

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineRequest, PipelineResponse
    from azure.core.rest import AsyncHttpResponse, HttpRequest

    from aitk_inference.azure.credentials import Credential

_BEARER = "Bearer "


class FreshTokens(AsyncARMChallengeAuthenticationPolicy):
    """Answers a refused token with another one, once: of the directory, or with the claims, that are asked for.

    The SDK's own policy answers claims challenges alone, and without the header that editors want.
    """

    def __init__(self, credential: Credential, scope: str) -> None:
        super().__init__(credential, scope)

    async def on_challenge(
        self,
        request: PipelineRequest[HttpRequest],
        response: PipelineResponse[HttpRequest, AsyncHttpResponse],
    ) -> bool:
        """Get the token that the service asks for, and send the request again.

        Raises:
            NotAuthenticated, ClientAuthenticationError: there is none.
        """
        challenge = read_challenge(response.http_response.headers.get("WWW-Authenticate", ""))
        refused = request.http_request.headers.get("Authorization", "").removeprefix(_BEARER)
        more = {"tenant_id": challenge.tenant_id, "claims": challenge.claims, "refused": refused}
        if challenge.claims:
            more["challenge"] = challenge.header
        await self.authorize_request(request, *self._scopes, **more)
        return True

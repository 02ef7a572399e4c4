"""A target that is opened: its adapters behind the ports. Loading this takes a third of a second: only composition does."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aitk_inference.azure.chat import OpenAiChat
from aitk_inference.azure.clients import connect
from aitk_inference.azure.container_apps import ArmContainerApps
from aitk_inference.azure.deployments import ArmDeployments
from aitk_inference.azure.files.shares import ArmShares
from aitk_inference.azure.log_streams import LogStreams
from aitk_inference.azure.past_logs import LogAnalytics
from aitk_inference.azure.preflight import ArmPreflight
from aitk_inference.azure.probe import HttpProbe, http_client
from aitk_inference.azure.resources import ArmResources
from aitk_inference.azure.retail_prices import PUBLIC, RetailPrices
from aitk_inference.azure.subscriptions import ArmSubscriptions
from aitk_inference.bicep import BicepCompiler
from aitk_inference.core.clock import SystemClock
from aitk_inference.core.ports import Cloud
from aitk_inference.flows.user_dirs import cache_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aitk_inference.azure.clients import Endpoint
    from aitk_inference.azure.credentials import Credential
    from aitk_inference.core.settings import Settings

_LOG_SILENCE = 600.0


@asynccontextmanager
async def opened_cloud(
    endpoint: Endpoint, credential: Credential, settings: Settings
) -> AsyncIterator[Cloud]:
    """Yield the target; its connections and its compiler live as long as the block."""
    prices = settings.prices_url or (endpoint.arm if endpoint.is_local else PUBLIC)
    clock = SystemClock()
    async with (
        connect(endpoint, credential, timeout=settings.request_timeout) as clients,
        http_client(endpoint.tls, read_timeout=_LOG_SILENCE) as http,
        BicepCompiler(settings.bicep_path) as compiler,
    ):
        yield Cloud(
            subscriptions=ArmSubscriptions(clients),
            deployments=ArmDeployments(clients),
            resources=ArmResources(clients),
            apps=ArmContainerApps(clients, LogStreams(clients, http, clock), clock),
            shares=ArmShares(clients, clock),
            probe=HttpProbe(http),
            compiler=compiler,
            clock=clock,
            preflight=ArmPreflight(clients),
            prices=RetailPrices(http, prices, cache_folder(), clock),
            past_logs=LogAnalytics(clients, http),
            chat=OpenAiChat(http),
            is_local=endpoint.is_local,
        )

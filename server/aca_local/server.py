"""The composition root of aca-local: makes all parts, wires them, listens, and ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from aca_local import certificates, faults
from aca_local.arm import Settings, build_arm, resume
from aca_local.faulty import Faults
from aca_local.files import FileShares, build_handler
from aca_local.ingress import ReverseProxy
from aca_local.instance import SUBSCRIPTION_ID, TENANT_ID, describe
from aca_local.listeners import for_local_names, listen, with_admin, with_latency
from aca_local.ports import HOST, PortBook
from aca_local.replicas.container import Pace
from aca_local.replicas.process import can_mount
from aca_local.replicas.replica import Workshop
from aca_local.replicas.supervisor import Supervisor
from aca_local.replicas.venvs import VirtualEnvironments
from aca_local.state import Store

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from contextlib import AsyncExitStack
    from pathlib import Path

    from aca_local.instance import DataFolder, Instance
    from aca_local.listeners import Handler
    from aca_local.state import Timing

log = logging.getLogger(__name__)

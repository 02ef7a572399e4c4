"""Azure Resource Manager, as far as Container Apps and their deployments need it."""

from aca_local.arm.http_app import build_arm
from aca_local.arm.recovery import resume
from aca_local.kernel.context import Cloud, Settings, Tasks
from aca_local.providers.accounts import account_keys, is_reachable, takes_keys
from aca_local.providers.registry import build_registry

__all__ = [
    "Cloud",
    "Settings",
    "Tasks",
    "account_keys",
    "build_arm",
    "build_registry",
    "is_reachable",
    "resume",
    "takes_keys",
]

"""Azure Resource Manager, as far as Container Apps and their deployments need it."""

from aca_local.arm.app import build_arm
from aca_local.arm.cloud import Cloud, Settings, Tasks
from aca_local.arm.resuming import resume
from aca_local.providers.accounts import account_keys, takes_keys
from aca_local.providers.registry import build_registry

__all__ = [
    "Cloud",
    "Settings",
    "Tasks",
    "account_keys",
    "build_arm",
    "build_registry",
    "resume",
    "takes_keys",
]

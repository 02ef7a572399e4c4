"""How far a command is at each of its steps, in percent: one table a command, so that no bar goes back."""

from __future__ import annotations


class ProvisionPercent:
    """Provision, in its order."""

    SUBSCRIPTIONS = 0
    CONNECT = 1
    LOOK = 10
    ENVIRONMENT_BUSY = 11
    PREFLIGHT = 12
    GROUP = 12
    WHAT_IF = 13
    REGISTER = 13
    REGISTERED = 14
    ENVIRONMENT = 15
    DEPLOYMENT = 20
    DEPLOYED = 95
    STOP = 96
    DONE = 100


class DeployPercent:
    """Deploy, in its order; a sync alone takes its part of it."""

    CONNECT = 1
    MOUNT = 2
    SYNC = 5
    SENT = 45
    SYNCED = 48
    RESTART = 50
    READY = 95
    DONE = 100


class DeletePercent:
    """Delete, in its order."""

    LOOK = 5
    SHARE = 8
    FIRST = 10
    LAST = 90
    GROUP = 92
    DONE = 100


def between(first: int, last: int, part: float) -> int:
    """Return the percent at a part (0 to 1) of the way between two steps."""
    return first + int((last - first) * min(part, 1))

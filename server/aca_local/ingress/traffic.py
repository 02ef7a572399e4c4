"""Where the requests of an app go: by label, by the name of a revision, else split by weight."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.kernel.replicas import AccessRules, TrafficTarget

LABEL = "---"  # https://learn.microsoft.com/azure/container-apps/revisions#labels


@dataclass
class Traffic:
    """The targets of one app; ``choose`` splits requests smoothly, as nginx's weighted round robin does."""

    targets: Sequence[TrafficTarget] = ()
    _credit: dict[str, int] = field(default_factory=dict)

    def choose(self, host: str) -> str:
        """Return the revision for the next request to this host; empty when there is none."""
        name = host.partition(".")[0].partition(":")[0].lower()
        if LABEL in name:
            label = name.partition(LABEL)[2]
            return next((one.revision for one in self.targets if one.label.lower() == label), "")
        if "--" in name:
            return name
        return self._by_weight()

    def keeps(self, revision: str) -> bool:
        """Return True if a request that waits for this revision may go on waiting."""
        return any(one.revision.lower() == revision.lower() for one in self.targets)

    def _by_weight(self) -> str:
        weighted = [one for one in self.targets if one.weight > 0] or self.targets[:1]
        if not weighted:
            return ""
        for one in weighted:
            self._credit[one.revision] = self._credit.get(one.revision, 0) + one.weight
        chosen = max(weighted, key=lambda one: self._credit[one.revision]).revision
        self._credit[chosen] -= sum(one.weight for one in weighted)
        return chosen


def is_allowed(rules: AccessRules, address: str) -> bool:
    """Return True if the IP rules let an address in: rules that allow shut out all others."""
    inside = any(ip_address(address) in ip_network(one, strict=False) for one in rules.ranges)
    return not rules.ranges or inside == rules.allow

"""Every exchange of every recording of Resource Manager's traffic, asked again (how: ``arm_replay``).

``azd``'s recording is apart (``test_azd_recording``): most of what it deploys is not served. What the other
tests of recordings look at more closely, values and streams, is not looked at again here.
"""

from collections import Counter
from pathlib import Path

import pytest
from support.arm_recordings import RECORDED, playing
from support.arm_replay import Replay, exchanges
from support.arm_server import SUBSCRIPTION, run_arm
from support.differences import ARM, explained, idle
from support.shared import shared

APART = "arm-azd"
RECORDINGS = sorted(
    str(path.relative_to(shared("wire")))
    for path in shared("wire").glob("*/*.yaml")
    if path.parent.name not in {APART, "files-sdk"}
)


@pytest.mark.parametrize("recording", RECORDINGS)
def test_a_recording_is_answered_as_azure_answered_it(tmp_path: Path, recording: str) -> None:
    with run_arm(tmp_path) as running, playing(running) as player:
        lines = list(Replay(player, {RECORDED: SUBSCRIPTION}).run(recording))
    found = [line.rpartition(" ")[0] for line in lines]
    surprises = [line for line, what in zip(lines, found, strict=True) if not explained(ARM, recording, what)]
    assert surprises == []
    assert idle(ARM, recording, found) == []


def test_what_is_replayed_is_nearly_all_there_is() -> None:
    """How many questions of the recordings are sent at all: the rest is counted, not passed over."""
    hosts: Counter[str] = Counter()
    for recording in RECORDINGS:
        hosts.update(one.host for one in exchanges(recording))
    assert hosts["management.azure.com"] > 0.95 * hosts.total()

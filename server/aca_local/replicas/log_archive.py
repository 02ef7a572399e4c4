"""Past logs, read from an app's folder: what the replicas that still run and the last that ended wrote."""

from __future__ import annotations

import heapq
import json
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from aca_local.kernel.replicas import PastLine, SystemEvent
from aca_local.replicas.log_buffer import FILE_LIMIT
from aca_local.state.own_files import OwnFile, OwnFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST = 2 * FILE_LIMIT  # bytes: the limit is looked at before a line is written


def console_lines(app_folder: Path) -> Iterator[PastLine]:
    """All console lines that are kept of an app, oldest first."""
    logs = sorted((app_folder / "replicas").glob("*/*/console.log"))
    yield from heapq.merge(*(_console(log) for log in logs), key=lambda line: line.time)


def system_events(app_folder: Path) -> Iterator[SystemEvent]:
    """All system events that are kept of an app, oldest first."""
    for line in _lines(app_folder / "system.log"):
        event = _event(line)
        if event:
            yield event


def _console(log: Path) -> Iterator[PastLine]:
    container, replica = log.parent.name, log.parent.parent.name
    revision = replica.rsplit("-", 2)[0]  # Kubernetes' two suffixes follow it
    for line in _lines(log):
        stamp, _, text = line.partition(" ")
        try:
            yield PastLine(datetime.fromisoformat(stamp), revision, replica, container, text)
        except ValueError:
            continue  # cut in half when aca-local was killed


def _event(line: str) -> SystemEvent | None:
    try:
        found = json.loads(line)
        return SystemEvent(
            time=datetime.fromisoformat(found["TimeStamp"]),
            reason=found["Reason"],
            message=found["Msg"],
            type=found["Type"],
            count=found["Count"],
            app=found["ContainerAppName"],
            revision=found["RevisionName"],
            replica=found["ReplicaName"],
        )
    except (ValueError, KeyError, TypeError):
        return None  # cut in half when aca-local was killed


def _lines(log: Path) -> Iterator[str]:
    """Yield the older file's lines, then the newer's; each is read whole (some MiB): none stays open."""
    for path in (log.with_name(log.name + ".1"), log):
        with suppress(OwnFileError):
            data = OwnFile(path).data(LONGEST) or b""
            yield from (line.rstrip("\r") for line in data.decode("utf-8", "replace").split("\n") if line)

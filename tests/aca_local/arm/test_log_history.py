"""Past logs as they lie in an app's folder."""

import json
from pathlib import Path

from aca_local.replicas.log_archive import console_lines, system_events


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), newline="\n")


def test_lines_of_all_replicas_come_in_the_order_of_time(tmp_path: Path) -> None:
    old = tmp_path / "replicas" / "app--1-0123456789-bcdfg" / "main"
    write(old / "console.log.1", "2026-01-01T00:00:01+00:00 first")
    write(old / "console.log", "2026-01-01T00:00:03+00:00 third  with\u2028odd spaces")
    write(
        tmp_path / "replicas" / "my-app--two-0123456789-hjklm" / "side" / "console.log",
        "2026-01-01T00:00:02+00:00 second",
        "2026-01-0",
    )
    found = [(line.revision, line.container, line.text) for line in console_lines(tmp_path)]
    assert found == [
        ("app--1", "main", "first"),
        ("my-app--two", "side", "second"),
        ("app--1", "main", "third  with\u2028odd spaces"),
    ]


def test_events_are_read_and_half_a_line_is_left_out(tmp_path: Path) -> None:
    event = {"TimeStamp": "2026-01-01T00:00:01+00:00", "Type": "Warning", "ContainerAppName": "app"}
    event |= {"RevisionName": "app--1", "ReplicaName": "r", "Msg": "m", "Reason": "ProbeFailed"}
    whole = json.dumps(event | {"Count": 3})
    write(tmp_path / "system.log", whole, whole[:20])
    (found,) = system_events(tmp_path)
    assert (found.reason, found.type, found.count, found.revision) == ("ProbeFailed", "Warning", 3, "app--1")


def test_an_app_without_logs_has_none(tmp_path: Path) -> None:
    assert list(console_lines(tmp_path)) == []
    assert list(system_events(tmp_path)) == []

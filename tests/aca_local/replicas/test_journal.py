import asyncio
from pathlib import Path

from aca_local.replicas.log_buffer import KEPT, Journal, RotatingFile


async def test_a_tail_gives_the_last_entries() -> None:
    journal: Journal[int] = Journal()
    for number in range(10):
        journal.append(number)
    assert [one async for one in journal.read(tail=3, follow=False)] == [7, 8, 9]
    assert [one async for one in journal.read(tail=99, follow=False)] == list(range(10))
    assert [one async for one in journal.read(tail=0, follow=False)] == []


async def test_a_follower_gets_what_comes_and_stops_at_the_end() -> None:
    journal: Journal[str] = Journal()
    journal.append("old")
    seen: list[str] = []

    async def follow() -> None:
        seen.extend([one async for one in journal.read(tail=1, follow=True)])

    task = asyncio.create_task(follow())
    await asyncio.sleep(0)
    journal.append("new")
    await asyncio.sleep(0)
    journal.append("newest")
    journal.close()
    await asyncio.wait_for(task, 5)
    assert seen == ["old", "new", "newest"]


async def test_a_slow_follower_misses_old_entries_and_never_breaks() -> None:
    journal: Journal[int] = Journal()
    journal.append(-1)
    reader = journal.read(tail=1, follow=True)
    assert await anext(reader) == -1
    for number in range(KEPT * 2):
        journal.append(number)
    journal.close()
    rest = [one async for one in reader]
    assert rest == list(range(KEPT, KEPT * 2))


def test_a_file_is_rotated_and_bounded(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "console.log", limit=100)
    for number in range(100):
        file.write(f"line {number}")
    file.close()
    older = (tmp_path / "console.log.1").read_text().splitlines()
    current = (tmp_path / "console.log").read_text().splitlines()
    assert current[-1] == "line 99"
    assert len(older) + len(current) < 40

"""How many requests are in flight: more while it pays, fewer when the service pushes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aitk_inference.azure.files.concurrency_limiter import FEWEST, FIRST, MOST, ConcurrencyLimiter


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


class FullLimiter(ConcurrencyLimiter):
    """There is always more to send."""

    def _is_full(self) -> bool:
        return True


def _windows(pace: ConcurrencyLimiter, clock: Clock, rates: list[float]) -> list[int]:
    """Let answers come at these rates; returns the limit after each window."""
    limits = []
    for rate in rates:
        for _ in range(pace.limit):
            clock.now += 1 / rate
            pace.answered()
        limits.append(pace.limit)
    return limits


def test_it_doubles_while_that_brings_more_answers() -> None:
    clock = Clock()
    assert _windows(FullLimiter(clock), clock, [100, 200, 400]) == [2 * FIRST, 4 * FIRST, 8 * FIRST]


def test_it_stops_growing_where_the_service_gives_no_more() -> None:
    clock = Clock()
    limits = _windows(FullLimiter(clock), clock, [100, 101, 101, 101])
    assert limits == [2 * FIRST, 2 * FIRST, 2 * FIRST, 2 * FIRST]


def test_it_never_grows_beyond_the_most() -> None:
    clock = Clock()
    assert max(_windows(FullLimiter(clock), clock, [10.0 * 2**n for n in range(12)])) == MOST


def test_at_the_most_it_stays_while_that_is_what_pays() -> None:
    clock = Clock()
    limits = _windows(FullLimiter(clock), clock, [100, 200, 400, 800, 1600, 1600, 1600])
    assert limits[-1] == MOST


def test_a_push_back_halves_once_however_many_answers_tell_it() -> None:
    clock = Clock()
    pace = ConcurrencyLimiter(clock)
    for _ in range(10):
        pace.pushed_back(2.0)
    assert pace.limit == FIRST // 2
    assert pace.pause == 2.0
    clock.now += 2.5
    assert pace.pause == 0.0
    pace.pushed_back(2.0)
    assert pace.limit == FIRST // 4


def test_push_backs_never_stop_it_for_good_and_calm_lets_it_grow_again() -> None:
    clock = Clock()
    pace = FullLimiter(clock)
    for _ in range(20):
        pace.pushed_back(1.0)
        clock.now += 1.5
    assert pace.limit == FEWEST
    limits = _windows(pace, clock, [50] * 60)
    assert limits[-1] > 4 * FEWEST


def test_answers_in_calm_times_say_nothing_about_the_limit() -> None:
    clock = Clock()
    assert set(_windows(ConcurrencyLimiter(clock), clock, [10, 1, 1])) == {FIRST}


async def test_no_more_than_the_limit_is_in_flight() -> None:
    pace = ConcurrencyLimiter(Clock())
    flying = most = 0

    async def request() -> None:
        nonlocal flying, most
        async with pace:
            flying += 1
            most = max(most, flying)
            await asyncio.sleep(0)
            flying -= 1

    await asyncio.gather(*(request() for _ in range(200)))
    assert most == FIRST


async def test_a_cancelled_waiter_takes_nobodys_turn() -> None:
    pace = ConcurrencyLimiter(Clock())
    pace.limit = 1
    hold = asyncio.Event()

    async def request() -> None:
        async with pace:
            await hold.wait()

    first, second, third = (asyncio.create_task(request()) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()
    hold.set()
    await asyncio.gather(first, third)
    async with asyncio.timeout(1), pace:
        pass

"""When and how often a request to a file share is sent again.

The SDK's own retry waits 19 s on the first 503, ignores ``Retry-After`` and never repeats 409 or 429; it is
turned off (``retry_total=0``) and this stands in its place, for the requests that go without the SDK, too.
"""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from aitk_inference.core.backoff import doubled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aitk_inference.core.errors import AppError
    from aitk_inference.core.ports import Clock

    _Result = TypeVar("_Result")

ATTEMPTS: Final = 8
"""How often a request is sent in all."""

PUSHED_BACK = frozenset({429, 503})
"""The service wants fewer requests."""

_FIRST_WAIT, _LONGEST_WAIT, _LONGEST_ASKED = 0.2, 15.0, 60.0
_STATUSES = PUSHED_BACK | {408, 500, 502, 504}
"""Request timeout, internal error, bad gateway, gateway timeout."""
_CODES = frozenset(
    {
        "SharingViolation",
        "FileLockConflict",
        "DeletePending",
        "ServerBusy",
        "OperationTimedOut",
        "InternalError",
        "ClientCacheFlushDelay",
    }
)


class Failure(NamedTuple):
    """A request that failed, as far as it decides about another try.

    Attributes:
        error: Makes our error of it.
        status: Of the answer; None when there was none.
        code: The service's code.
        retry_after: The answer's ``Retry-After``, as it stands.
        unsent: Surely not carried out: there was no connection.
        is_final: Another try can't help.
    """

    error: Callable[[], AppError]
    status: int | None = None
    code: str = ""
    retry_after: str = ""
    unsent: bool = False
    is_final: bool = False

    @property
    def asked(self) -> float | None:
        """The seconds that the service asks for, bounded so that a wrong clock can't hang a run."""
        try:
            return min(max(float(self.retry_after), 0.0), _LONGEST_ASKED) if self.retry_after else None
        except ValueError:
            return None

    def passes(self, *, idempotent: bool) -> bool:
        """Return True if it is likely to pass by itself, and may be tried again."""
        if self.is_final:
            return False
        if self.status is not None:
            return self.status in _STATUSES or self.code in _CODES
        return idempotent or self.unsent


class Backoff(NamedTuple):
    """Doubling waits with jitter; ``spread`` gives a number from 0 to 1."""

    spread: Callable[[], float] = random.random

    def wait(self, attempt: int, failure: Failure, *, idempotent: bool) -> float | None:
        """Return the seconds to wait before attempt number ``attempt`` + 1; None: the failure is final.

        Args:
            attempt: How often the request was sent, from 1.
            failure: What came back.
            idempotent: Whether the request may be repeated when the first may have been carried out.
        """
        if attempt >= ATTEMPTS or not failure.passes(idempotent=idempotent):
            return None
        own = doubled(attempt, first=_FIRST_WAIT, longest=_LONGEST_WAIT)
        asked = failure.asked
        return own * (0.5 + self.spread() / 2) if asked is None else asked + own * self.spread()


class Retry(NamedTuple):
    """Sends requests until they are answered for good.

    Attributes:
        on_push_back: Is given the seconds to wait where the service wants fewer requests.
    """

    clock: Clock
    backoff: Backoff = Backoff()
    on_push_back: Callable[[float], None] | None = None

    async def run(
        self,
        send: Callable[[], Awaitable[_Result | Failure]],
        *,
        idempotent: bool = True,
        first: Failure | None = None,
    ) -> _Result:
        """Send a request, again and again where that may help; return its answer.

        Args:
            send: Sends it once.
            idempotent: Whether it may be sent again when the first may have been carried out.
            first: What came of it, where it was sent once already.

        Raises:
            AppError: it failed for good.
        """
        for attempt in count(1):
            answer = first if first and attempt == 1 else await send()
            if not isinstance(answer, Failure):
                return answer
            wait = self.backoff.wait(attempt, answer, idempotent=idempotent)
            if wait is None:
                raise answer.error()
            if answer.status in PUSHED_BACK and self.on_push_back:
                self.on_push_back(wait)
            await self.clock.sleep(wait)
        raise AssertionError  # the attempts never end by themselves

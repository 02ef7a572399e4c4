"""Functions of dates and times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from arm_template.dotnet.date_parsing import SECOND, Moment, moment_of, read_date
from arm_template.dotnet.dates import format_date
from arm_template.errors import TemplateError, fault
from arm_template.evaluator import check_count, check_last_kind, rebuilt
from arm_template.messages import wrong_kind
from arm_template.scope import Function, Routine, Special
from arm_template.syntax import Call, Literal
from arm_template.values import Node

if TYPE_CHECKING:
    from arm_template.scope import Env
    from arm_template.values import Value

TEXT = ("String",)
DEFAULT = "yyyy-MM-ddTHH:mm:ssZ"
NOW = "yyyyMMddTHHmmssZ"
DURATION = re.compile(
    r"(-)?P(?=.)(?:(\d{1,19})Y)?(?:(\d{1,19})M)?(?:(\d{1,19})D)?(?:T(?=.)(?:(\d{1,19})H)?(?:(\d{1,19})M)?(?:(\d{1,19})(?:\.(?P<fraction>\d+))?S)?)?",
    re.ASCII,
)
LARGEST = 2**63 - 1  # ticks of the longest duration
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAGE = "Please see https://aka.ms/arm-syntax-functions ."


def date_time_add(base: str, duration: str, pattern: str = DEFAULT) -> str:
    """`dateTimeAdd(base, duration, [format])`.

    Years count 365 days and months 30 only where a calendar is short.
    """
    moment = read_date(base)
    if moment is None:
        raise _bad("dateTimeAdd", f"The first parameter '{base}' is not a valid ISO8601 DateTime string.")
    ticks = _ticks(duration)
    if ticks is None:
        raise _bad(
            "dateTimeAdd", f"The second parameter '{duration}' is not a valid ISO8601 Duration string."
        )
    try:
        moved = Moment(moment.ticks + ticks, moment.offset)
        return _formatted("dateTimeAdd", moved, pattern, "third parameter")
    except (OverflowError, ValueError) as error:
        raise TemplateError(
            "The added or subtracted value results in an un-representable DateTime. (Parameter 't')"
        ) from error


def _ticks(duration: str) -> int | None:
    """Read an ISO 8601 duration. None where it is none, or longer than .NET's `TimeSpan`."""
    match = DURATION.fullmatch(duration)
    if match is None:
        return None
    years, months, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:7])
    whole = (((years * 365 + months * 30 + days) * 24 + hours) * 60 + minutes) * 60 + seconds
    ticks = whole * SECOND + int((match["fraction"] or "").ljust(7, "0")[:7])
    return None if ticks > LARGEST else -ticks if match[1] else ticks


def _formatted(name: str, moment: Moment, pattern: str, place: str) -> str:
    text = format_date(moment, pattern)
    if text is None:
        raise TemplateError(
            f"The template function '{name}' has an invalid parameter. The {place} '{pattern}' is not a valid DateTime format string. Please see https://aka.ms/arn-template#functions ."
        )
    return text


def _bad(name: str, problem: str) -> TemplateError:
    return TemplateError(f"The template function '{name}' has an invalid parameter. {problem} {PAGE}")


def from_epoch(seconds: Value) -> str:
    """`dateTimeFromEpoch(seconds)`: a number, or its text."""
    if isinstance(seconds, (bool, list, dict)) or seconds is None:
        raise wrong_kind("dateTimeFromEpoch", ("Integer",), seconds, 0, alone=True)
    whole = isinstance(seconds, float) and seconds.is_integer()
    number = str(int(seconds)) if isinstance(seconds, float) and whole else str(seconds)
    try:
        if not re.fullmatch(r"\s*[+-]?\d{1,20}\s*", number):
            raise ValueError(number)
        moment = moment_of(EPOCH + timedelta(seconds=int(number)))
    except (OverflowError, ValueError) as error:
        raise _bad("dateTimeFromEpoch", "The parameter is not a valid epoch time integer.") from error
    return format_date(moment, DEFAULT) or ""


def to_epoch(text: str) -> int:
    """`dateTimeToEpoch(text)`: whole seconds."""
    moment = read_date(text)
    if moment is None:
        raise _bad("dateTimeToEpoch", "The parameter is not a valid ISO8601 DateTime string.")
    return moment.ticks // SECOND - moment_of(EPOCH).ticks // SECOND


def run_utc_now(call: Call, env: Env) -> Routine:
    """`utcNow([format])`: only in a parameter's default; an expression where the time is not given."""
    _only_in_defaults("utcNow", env)
    check_count(call, 0, 1)
    pattern: Value = NOW
    if call.args:
        pattern = yield call.args[0], env
    if isinstance(pattern, Node):
        return rebuilt(call, [pattern])
    if not isinstance(pattern, str):
        raise wrong_kind(call.name, TEXT, pattern, 0, alone=True)
    volatile = env.context.volatile
    if volatile is None:
        args = () if pattern == NOW else (Literal(pattern),)
        return env.context.left_open(Call("utcNow", args, "utcnow"))
    now = volatile.now.astimezone(UTC)
    return _formatted("utcNow", moment_of(now, now.microsecond * 10), pattern, "first parameter")


def run_new_guid(call: Call, env: Env) -> Routine:
    """`newGuid()`: only in a parameter's default; an expression where none are given."""
    _only_in_defaults("newGuid", env)
    check_count(call, 0, 0)
    yield from ()
    volatile = env.context.volatile
    if volatile is None:
        return env.context.left_open(Call("newGuid", (), "newguid"))
    return volatile.new_guid()


def _only_in_defaults(name: str, env: Env) -> None:
    if not env.volatile:
        raise fault(
            f"The template function '{name}' is not expected at this location. The function can only be used with parameter default value expresions."
        )


def _check_text(name: str, args: list[Value]) -> None:
    check_last_kind(name, args, TEXT)


TABLE: dict[str, Function | Special] = {
    "datetimeadd": Function(date_time_add, 2, 3, (TEXT,), eager=_check_text),
    "datetimefromepoch": Function(from_epoch, 1, 1, waits="shallow"),
    "datetimetoepoch": Function(to_epoch, 1, 1, (TEXT,)),
    "utcnow": Special(run_utc_now, 0, None),
    "newguid": Special(run_new_guid, 0, None),
}

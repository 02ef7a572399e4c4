import pytest
from aca_local.kernel.replicas import Probe
from aca_local.replicas.container import AS_AZURE, Pace
from aca_local.replicas.probes import default_probes, until_failure, until_success


def test_the_back_off_doubles_up_to_its_limit() -> None:
    assert [AS_AZURE.back_off(crashes) for crashes in range(1, 9)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert Pace().back_off(1) == 0


def test_default_probes_are_those_of_an_app_with_an_ingress() -> None:
    startup, readiness = default_probes(8080)
    assert (startup.kind, startup.scheme, startup.port, startup.failure_threshold) == (
        "Startup",
        "tcp",
        8080,
        240,
    )
    assert (readiness.kind, readiness.failure_threshold) == ("Readiness", 48)
    assert default_probes(None) == ()


@pytest.mark.parametrize(("answers", "passed"), [("-+", True), ("--", False), ("+", True), ("-x", False)])
async def test_startup_counts_failures_up_to_its_threshold(answers: str, passed: bool) -> None:
    given = iter(answers)
    said: list[str] = []

    async def look(_: Probe) -> str | None:
        return None if next(given) == "+" else "failed"

    probe = Probe("Startup", 1, period=0.001, failure_threshold=2)
    assert await until_success(probe, look, said.append, eager=False) is passed
    assert said == ["failed"] * answers.replace("x", "-").count("-")


async def test_failures_within_the_initial_delay_do_not_count() -> None:
    looks: list[int] = []
    said: list[str] = []

    async def look(_: Probe) -> str | None:
        looks.append(1)
        return None if len(looks) == 5 else "failed"

    probe = Probe("Startup", 1, initial_delay=3600, period=0.001, failure_threshold=1)
    assert await until_success(probe, look, said.append)
    assert said == []


async def test_a_success_threshold_wants_successes_in_a_row() -> None:
    given = iter("+-++")

    async def look(_: Probe) -> str | None:
        return None if next(given) == "+" else "failed"

    probe = Probe("Readiness", 1, period=0.001, success_threshold=2, failure_threshold=9)
    assert await until_success(probe, look, lambda _: None, eager=False)
    assert next(given, "none left") == "none left"


async def test_liveness_fails_only_in_a_row() -> None:
    given = iter("-+--")
    said: list[str] = []

    async def look(_: Probe) -> str | None:
        return None if next(given) == "+" else "failed"

    await until_failure(Probe("Liveness", 1, period=0.001, failure_threshold=2), look, said.append)
    assert len(said) == 3

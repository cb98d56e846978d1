"""The forecast: what it says is what a budget then takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimove_pipeline.optimove.budget import CallClass, Limit, Window, forecast, limits_of, traffic
from optimove_pipeline_tests.optimove.budget.scene import GUARD, Scene, run, spend

MINUTE, HOUR = Limit(5, 10.0), Limit(20, 100.0)


@pytest.mark.parametrize(
    ("calls", "limits", "ages", "seconds", "limit"),
    [
        (0, [MINUTE, HOUR], [], 0.0, None),
        (5, [MINUTE, HOUR], [], 0.0, None),
        (6, [MINUTE, HOUR], [], 10.0, MINUTE),
        (20, [MINUTE, HOUR], [], 30.0, MINUTE),
        (21, [MINUTE, HOUR], [], 100.0, HOUR),
        (40, [MINUTE, HOUR], [], 130.0, HOUR),
        (1, [MINUTE, HOUR], [2.0] * 5, 8.0, MINUTE),
        (1, [MINUTE, HOUR], [30.0] * 20, 70.0, HOUR),
        (7, [HOUR], [90.0, *[30.0] * 19], 70.0, HOUR),
        (3, [MINUTE, HOUR], [99.0] * 5, 0.0, None),
        (3, [], [1.0], 0.0, None),
    ],
)
def test_the_last_call_is_made_as_early_as_the_limits_allow(
    calls: int, limits: Sequence[Limit], ages: Sequence[float], seconds: float, limit: Limit | None
) -> None:
    found = forecast(calls, limits, ages)
    assert found.seconds == pytest.approx(seconds)
    assert found.limit == limit


def test_many_calls_go_on_at_the_pace_of_the_slowest_limit() -> None:
    year = forecast(1_000_000, [Limit(50, 10.0), Limit(2000, 3600.0)])
    assert year.seconds == pytest.approx(1_000_000 / 2000 * 3600.0, rel=0.01)
    assert year.limit == Limit(2000, 3600.0)


windows = st.builds(Window, st.integers(2, 12), st.sampled_from([1.0, 5.0, 20.0]))


@settings(max_examples=20)
@given(
    st.lists(windows, min_size=1, max_size=2),
    st.sampled_from(CallClass),
    st.integers(0, 25),
    st.floats(0.0, 20.0),
    st.integers(1, 40),
)
def test_a_budget_takes_as_long_as_was_said(
    windows: list[Window], call_class: CallClass, made: int, pause: float, calls: int
) -> None:
    with TemporaryDirectory() as folder:
        scene = Scene(Path(folder) / "budget.sqlite")
        said, took = run(_said_and_took(scene, windows, call_class, made, pause, calls))
    # A waiting budget looks again at least each tenth of a second where others have a share.
    assert took == pytest.approx(said, abs=0.2)


async def _said_and_took(
    scene: Scene, windows: list[Window], call_class: CallClass, made: int, pause: float, calls: int
) -> tuple[float, float]:
    async with scene.budget(*windows, call_class=call_class) as budget:
        await spend(budget, made)
        scene.clock.advance(pause)
        limits = limits_of(windows, call_class, reserve=0.2, guard=GUARD)
        said = forecast(calls, limits, traffic(scene.store, "client", 3600.0).ages).seconds
        before = scene.clock.monotonic()
        await spend(budget, calls)
        return said, scene.clock.monotonic() - before


def test_traffic_tells_of_calls_made_and_of_those_that_wait(scene: Scene) -> None:
    assert run(_observed(scene)) == ((6.0, 6.0, 4.0), {CallClass.BACKFILL: 1})


async def _observed(scene: Scene) -> tuple[tuple[float, ...], dict[CallClass, int]]:
    async with scene.budget(Window(100, 60.0)) as daily:
        await spend(daily, 1)
        scene.clock.advance(60.0)
        await spend(daily, 2)
        scene.clock.advance(2.0)
        await spend(daily, 1)
    waiting = scene.clock.that_waits()
    async with scene.budget(Window(4, 60.0), call_class=CallClass.BACKFILL, clock=waiting) as backfill:
        call = asyncio.ensure_future(backfill.acquire())
        await scene.clock.asleep(1)
        scene.clock.advance(4.0)
        seen = traffic(scene.store, "client", 60.0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    return seen.ages, dict(seen.waiting)

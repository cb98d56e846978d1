"""Many processes on one budget, judged by what a server saw arrive."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from optimove_pipeline.optimove.budget import Window
from optimove_pipeline_tests.optimove.budget.fleet import (
    Arrivals,
    allowed_in,
    counting_server,
    most_in_any,
    ready_hammers,
)
from optimove_pipeline_tests.optimove.budget.hammer import Orders

WINDOWS = [Window(25, 1.5), Window(50, 8.0)]
SECONDS = 15.9
"""Two of the longer windows: what a busy machine delays within one must still be spent."""
SIZES = (1, 4, 8)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Arrivals]:
    """What the servers of three fleets saw, of 1, 4 and 8 processes; the fleets run at the same time."""
    folder = tmp_path_factory.mktemp("budgets")
    with ExitStack() as servers:
        arrivals = {size: servers.enter_context(counting_server()) for size in SIZES}
        orders = [_orders(folder / f"{size}.sqlite", arrivals[size], n) for size in SIZES for n in range(size)]
        with ready_hammers(orders) as hammers:
            hammers.go()
            hammers.wait()
    return arrivals


def _orders(file: Path, arrivals: Arrivals, number: int) -> Orders:
    windows = [(window.calls, window.seconds) for window in WINDOWS]
    return Orders(str(file), f"{arrivals.url}/{number}", windows, SECONDS)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_no_window_is_exceeded_at_the_server(seen: dict[int, Arrivals], size: int, window: Window) -> None:
    assert most_in_any(seen[size].times, window.seconds) <= window.calls


@pytest.mark.parametrize("size", SIZES)
def test_nearly_all_that_the_windows_allow_is_spent(seen: dict[int, Arrivals], size: int) -> None:
    assert len(seen[size].times) >= 0.98 * allowed_in(WINDOWS, SECONDS)


@pytest.mark.parametrize("size", SIZES)
def test_every_process_gets_its_share(seen: dict[int, Arrivals], size: int) -> None:
    counts = [len(times) for times in seen[size].by_path.values()]
    mean = sum(counts) / size
    assert len(counts) == size
    assert mean / 2 <= min(counts)
    assert max(counts) <= 2 * mean

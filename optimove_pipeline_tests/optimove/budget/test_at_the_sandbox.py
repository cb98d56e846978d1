"""Eight processes on one budget, judged by the limits that the sandbox itself enforces and counts."""

from pathlib import Path

from optimove_pipeline.optimove.budget import Window
from optimove_pipeline.sandbox.process import running_sandbox
from optimove_pipeline_tests.optimove.budget.fleet import allowed_in, go, ready_hammers, wait_for
from optimove_pipeline_tests.optimove.budget.hammer import Orders

WINDOWS = ((40, 2.0), (100, 12.0))
SECONDS = 23.9
PROCESSES = 8


def test_the_sandbox_refuses_none_of_eight_processes_and_sees_the_budget_used(tmp_path: Path) -> None:
    with running_sandbox(preset="tiny", windows=WINDOWS) as sandbox:
        url = f"{sandbox.url}/general/GetLastDataUpdate"
        orders = Orders(str(tmp_path / "budget.sqlite"), url, list(WINDOWS), SECONDS)
        with ready_hammers([orders] * PROCESSES) as hammers:
            go(hammers)
            for hammer in hammers:
                wait_for(hammer)
        seen = sandbox.stats()
    assert seen["by_status"] == {"200": seen["total"]}
    for window, (calls, _) in zip(seen["windows"], WINDOWS, strict=True):
        assert window["refused"] == 0
        assert window["most"] <= calls
    assert seen["total"] >= 0.98 * allowed_in([Window(*window) for window in WINDOWS], SECONDS)

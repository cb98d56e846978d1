"""Eight processes on one budget, judged by the limits that the sandbox itself enforces and counts."""

from pathlib import Path

from optimove_pipeline.optimove.budget import Window
from optimove_pipeline.sandbox.process import running_sandbox
from optimove_pipeline_tests.optimove.budget.fleet import allowed_in, ready_hammers
from optimove_pipeline_tests.optimove.budget.hammer import Orders

WINDOWS = ((25, 1.5), (50, 8.0))
SECONDS = 15.9
PROCESSES = 8


def test_the_sandbox_refuses_none_of_eight_processes_and_sees_the_budget_used(tmp_path: Path) -> None:
    with running_sandbox(preset="tiny", windows=WINDOWS) as sandbox:
        url = f"{sandbox.url}/general/GetLastDataUpdate"
        orders = Orders(str(tmp_path / "budget.sqlite"), url, list(WINDOWS), SECONDS)
        with ready_hammers([orders] * PROCESSES) as hammers:
            hammers.go()
            hammers.wait()
        seen = sandbox.stats()
    assert seen["by_status"] == {"200": seen["total"]}
    for window, (calls, _) in zip(seen["windows"], WINDOWS, strict=True):
        assert window["refused"] == 0
        assert window["most"] <= calls
    assert seen["total"] >= 0.98 * allowed_in([Window(*window) for window in WINDOWS], SECONDS)

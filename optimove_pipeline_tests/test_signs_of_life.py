"""A run whose process dies is told from one under way, and from one that has ended."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster_duckdb import DuckDBResource

from optimove_pipeline.assets.resources import OptimoveResource
from optimove_pipeline.signs_of_life import forget, lost_runs, sign_of_life
from optimove_pipeline_tests.children import child, line

RUNNING = """
import sys
from pathlib import Path
from optimove_pipeline.signs_of_life import sign_of_life

with sign_of_life(Path(sys.argv[1]), sys.argv[2]):
    print("alive", flush=True)
    sys.stdin.readline()
print("ended", flush=True)
sys.stdin.readline()
"""


def test_a_run_is_lost_once_its_process_is_killed(tmp_path: Path) -> None:
    assert lost_runs(tmp_path) == []
    with child(RUNNING, tmp_path, "run-1") as process:
        assert line(process) == "alive"
        assert lost_runs(tmp_path) == []
        process.kill()
        process.wait()
    assert lost_runs(tmp_path) == ["run-1"]
    forget(tmp_path, "run-1")
    assert lost_runs(tmp_path) == []


def test_a_run_that_ends_is_not_lost(tmp_path: Path) -> None:
    with child(RUNNING, tmp_path, "run-1") as process:
        assert line(process) == "alive"
        assert process.stdin is not None
        print(file=process.stdin, flush=True)
        assert line(process) == "ended"
        process.kill()
        process.wait()
    assert lost_runs(tmp_path) == []
    assert [*(tmp_path / "state" / "runs").iterdir()] == []


def test_a_run_of_which_another_process_lives_is_not_lost(tmp_path: Path) -> None:
    with child(RUNNING, tmp_path, "run-1") as process:
        assert line(process) == "alive"
        process.kill()
        process.wait()
    with sign_of_life(tmp_path, "run-1"):
        assert lost_runs(tmp_path) == []
    assert lost_runs(tmp_path) == ["run-1"]


@pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run is deprecated")  # by Dagster's own code
def test_a_run_of_reports_shows_that_it_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIMOVE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("OPTIMOVE_CONFIG", raising=False)
    signs: list[str] = []

    @dg.op
    def look(optimove: OptimoveResource) -> None:
        signs.extend(file.name for file in (tmp_path / "state" / "runs").iterdir())

    @dg.job(resource_defs={"optimove": OptimoveResource(duckdb=DuckDBResource(database=str(tmp_path / "w")))})
    def looking() -> None:
        look()

    result = looking.execute_in_process()
    assert [name.partition(".")[0] for name in signs] == [result.run_id]
    assert [*(tmp_path / "state" / "runs").iterdir()] == []

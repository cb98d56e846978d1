"""Dagster's own folder."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from optimove_pipeline.commands.dagster_home import open_instance, prepare_dagster_home
from optimove_pipeline_tests.children import child, line

OPENER = """
import sys
from pathlib import Path
from optimove_pipeline.commands.dagster_home import open_instance, prepare_dagster_home
home = prepare_dagster_home(Path(sys.argv[1]))
print("prepared", flush=True)
sys.stdin.readline()
with open_instance(home) as instance:
    print(instance.get_runs_count(), flush=True)
"""


def test_processes_that_begin_a_new_folder_at_once_all_open_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with ExitStack() as stack:
        openers = [stack.enter_context(child(OPENER, tmp_path)) for _ in range(4)]
        assert [line(opener) for opener in openers] == ["prepared"] * 4
        for opener in openers:
            assert opener.stdin is not None
            opener.stdin.write("\n")
            opener.stdin.flush()
        assert [line(opener) for opener in openers] == ["0"] * 4


def test_backfills_leave_a_place_to_the_daily_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with open_instance(prepare_dagster_home(tmp_path)) as instance:
        config = instance.get_concurrency_config().run_queue_config
    assert config is not None
    backfills = [limit["limit"] for limit in config.tag_concurrency_limits]
    assert sum(backfills) < config.max_concurrent_runs

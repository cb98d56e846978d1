"""Dagster's event log with its databases kept open: the files and the events are those of Dagster's own."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import Engine, event

from optimove_pipeline.automation.event_log import MOST_OPEN, EventLog
from optimove_pipeline.commands.dagster_home import open_instance, prepare_dagster_home
from optimove_pipeline_tests.children import child, line

LONGEST_SECONDS = 60


@dg.asset
def made() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset_check(asset=made)
def whole() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return prepare_dagster_home(tmp_path)


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(home) as opened:
        yield opened


def run_of(instance: dg.DagsterInstance) -> str:
    """Make the asset, and return the run."""
    job = dg.Definitions([made], asset_checks=[whole]).resolve_implicit_global_asset_job_def()
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return job.execute_in_process(instance=instance, run_config=quiet).run_id


def tell(instance: dg.DagsterInstance, message: str, run_id: str) -> None:
    instance.report_engine_event(message, job_name="job", run_id=run_id)


def told(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    return [entry.dagster_event.message or "" for entry in instance.all_logs(run_id) if entry.dagster_event]


def open_files(home: Path) -> set[str]:
    paths = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return {path for path in paths if path.startswith(str(home / "history" / "runs"))}


def test_a_run_leaves_what_it_leaves_in_dagsters_own_log(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.event_log_storage, EventLog)
    with dg.DagsterInstance.local_temp() as other:
        assert type(other.event_log_storage) is SqliteEventLogStorage
        theirs = [entry.dagster_event_type for entry in other.all_logs(run_of(other))]
    run = run_of(instance)
    assert [entry.dagster_event_type for entry in instance.all_logs(run)] == theirs
    materialization = instance.get_latest_materialization_event(dg.AssetKey("made"))
    assert materialization is not None
    assert materialization.run_id == run
    check = next(iter(whole.check_keys))
    assert instance.event_log_storage.get_asset_check_execution_history(check, limit=2)[0].run_id == run


def test_dagsters_own_log_goes_on_in_the_same_files(home: Path) -> None:
    with open_instance(home) as instance:
        run = run_of(instance)
        count = len(instance.all_logs(run))
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as plain:
        assert type(plain.event_log_storage) is SqliteEventLogStorage
        assert len(plain.all_logs(run)) == count > 0
        run_of(plain)
        (record,) = plain.get_asset_records([dg.AssetKey("made")])
        assert record.asset_entry.last_run_id != run


def test_who_follows_a_run_is_told_of_each_event(instance: dg.DagsterInstance) -> None:
    run, seen, heard = str(uuid.uuid4()), [], threading.Event()

    def listen(entry: dg.EventLogEntry, _cursor: str) -> None:
        seen.append(entry.message)
        heard.set()

    tell(instance, "first", run)
    instance.event_log_storage.watch(run, None, listen)
    for message in ("second", "third"):
        heard.clear()
        tell(instance, message, run)
        assert heard.wait(LONGEST_SECONDS)
    instance.event_log_storage.end_watch(run, listen)
    assert {"first", "second", "third"} >= set(seen) >= {"third"}


def test_few_databases_stay_open_and_none_afterwards(home: Path) -> None:
    runs = [str(uuid.uuid4()) for _ in range(10)]
    with open_instance(home) as instance:
        for run in runs:
            tell(instance, "begun", run)
        databases = {path for path in open_files(home) if path.endswith(".db")}
        assert 0 < len(databases) <= MOST_OPEN < len(runs)
        assert [told(instance, run) for run in runs] == [["begun"]] * len(runs)
    assert open_files(home) == set()


def test_a_database_is_looked_over_once_however_often_it_is_opened(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_over: list[str] = []
    look_over = EventLog._initdb

    def counted(self: EventLog, engine: Engine, *, for_index_shard: bool) -> None:
        looked_over.append(str(engine.url.database))
        look_over(self, engine, for_index_shard=for_index_shard)

    runs = [str(uuid.uuid4()) for _ in range(MOST_OPEN + 1)]
    with open_instance(home) as instance:
        monkeypatch.setattr(EventLog, "_initdb", counted)
        for run in [*runs, *runs]:
            tell(instance, "begun", run)
    assert sorted(Path(path).stem for path in looked_over if "index" not in path) == sorted(runs)


def test_what_the_index_has_is_looked_up_once_and_what_it_lacks_each_time(
    home: Path, instance: dg.DagsterInstance
) -> None:
    log = instance.event_log_storage
    assert isinstance(log, EventLog)
    assert not log.has_table("added_later")
    with contextlib.closing(sqlite3.connect(log.path_for_shard("index"))) as index:
        index.execute("CREATE TABLE added_later (id INTEGER)")
    assert log.has_table("added_later")
    run_of(instance)
    statements: list[str] = []
    with log.index_connection() as connection:
        event.listen(connection.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    run_of(instance)
    assert any("INSERT INTO asset_check_executions" in each for each in statements)
    assert not [each for each in statements if "PRAGMA" in each or "secondary_indexes" in each]


def test_files_that_another_process_has_removed_are_begun_anew(home: Path, instance: dg.DagsterInstance) -> None:
    run = run_of(instance)
    tell(instance, "before", run)
    with open_instance(home) as other:
        other.event_log_storage.wipe()
    assert told(instance, run) == []
    tell(instance, "after", run)
    assert told(instance, run) == ["after"]


FORKING = """
import os, sys, uuid
from pathlib import Path
from optimove_pipeline.commands.dagster_home import open_instance
with open_instance(Path(sys.argv[1])) as instance:
    tell = lambda message: instance.report_engine_event(message, job_name="job", run_id=sys.argv[2])
    tell("parent")
    if os.fork() == 0:
        tell("child")
        opened = [link.resolve().name for link in Path("/proc/self/fd").iterdir()]
        print(opened.count(f"{sys.argv[2]}.db"), flush=True)
        instance.dispose()
        os._exit(0)
    os.wait()
    tell("parent again")
print("done", flush=True)
"""


def test_a_process_that_is_forked_opens_databases_of_its_own(home: Path) -> None:
    run = str(uuid.uuid4())
    with child(FORKING, home, run) as process:
        assert line(process) == "2", "the one inherited and one of its own"
        assert line(process) == "done"
    with open_instance(home) as instance:
        assert told(instance, run) == ["parent", "child", "parent again"]


WRITING = """
import sys
from pathlib import Path
import dagster as dg
from optimove_pipeline.commands.dagster_home import open_instance
with open_instance(Path(sys.argv[1])) as instance:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(sys.argv[3])):
        instance.report_engine_event(str(number), job_name="job", run_id=sys.argv[2])
        instance.report_runless_asset_event(dg.AssetMaterialization("made", partition=f"{sys.argv[2]}/{number}"))
print("done", flush=True)
"""


def test_processes_that_write_at_once_lose_nothing(home: Path) -> None:
    count = 30
    runs = [str(uuid.uuid4()) for _ in range(2)]
    with child(WRITING, home, runs[0], count) as first, child(WRITING, home, runs[1], count) as second:
        for process in (first, second):
            assert line(process) == "ready"
        for process in (first, second):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        assert [line(first), line(second)] == ["done", "done"]
    with open_instance(home) as instance:
        for run in runs:
            assert told(instance, run) == [*map(str, range(count))]
        made_partitions = instance.get_materialized_partitions(dg.AssetKey("made"))
    assert made_partitions == {f"{run}/{number}" for run in runs for number in range(count)}

"""A place to run in: a folder with settings and a data directory, and what the tests do there."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml

from optimove_pipeline.assets.graph import build_definitions
from optimove_pipeline.assets.selection import range_tags
from optimove_pipeline.commands.dagster_home import open_instance
from optimove_pipeline.config import Settings, load_settings
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline.sandbox.truth import Choices, truth
from optimove_pipeline_tests.end_to_end.events_in_memory import instance_in_memory
from optimove_pipeline_tests.end_to_end.forked import Ended, Forked, run_forked

TODAY = date(2025, 6, 20)
DAYS = (date(2025, 6, 17), date(2025, 6, 18), date(2025, 6, 19))
NEWEST = DAYS[-1]

ATTRIBUTES = ("Alias", "AgentNotes", "City")
"""Their values hold commas, quotes, line breaks, letters of many scripts, empty text and null."""

CHANGED = ("Balance", "OptimailUnsubscribed")
CHOICES = Choices(attributes=ATTRIBUTES, changed_attributes=CHANGED, control_group=True, recipient_group_ids=True)

STAGES = ("report", "validated", "published")
STAMPS = {"report_date", "_loaded_at", "_run_id"}

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with ``optimove.yaml`` and a data directory, and the environment of a process that works there."""

    root: Path
    environment: Mapping[str, str]

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.root / "data"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.data / "warehouse.duckdb"


def settle(root: Path, sandbox: RunningSandbox, **settings: Any) -> Place:
    """Return a place whose settings name the sandbox as a tenant, with a budget that never waits, and no targets."""
    document = {
        "delivery": {"reports": "none"},
        "budget": {"windows": [{"calls": 100_000, "seconds": 10}]},
        "reports": {"attributes": [*ATTRIBUTES], "filters": {"changed_attributes": [*CHANGED]}},
    }
    root.mkdir(parents=True, exist_ok=True)
    (root / "optimove.yaml").write_text(yaml.safe_dump(_merged(document, settings)))
    return Place(
        root,
        {
            "OPTIMOVE_API_URL": sandbox.url,
            "OPTIMOVE_API_KEY": sandbox.key,
            "OPTIMOVE_CONFIG": str(root / "optimove.yaml"),
            "OPTIMOVE_DATA_DIR": str(root / "data"),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
        },
    )


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(under) | dict(over)
    for name in under.keys() & over.keys():
        if isinstance(under[name], dict):
            both[name] = _merged(under[name], over[name])
    return both


def start(place: Place, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start the installed ``optimove-pipeline`` with these arguments; a variable given as "" is not set."""
    command = [str(Path(sys.executable).with_name("optimove-pipeline")), *arguments]
    return subprocess.Popen(
        command,
        env=_environment_of(place, environment),
        cwd=place.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begin(place: Place, *arguments: str, **environment: str) -> Forked:
    """Start ``optimove-pipeline`` as ``start`` does, in a process that has not to load Dagster first."""
    return Forked(arguments, _environment_of(place, environment), place.root)


def _environment_of(place: Place, changes: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OPTIMOVE_", "DAGSTER_"))}
    return {name: value for name, value in {**own, **place.environment, **changes}.items() if value}


def end(process: subprocess.Popen[str] | Forked) -> Ended:
    """Wait for a command to end."""
    out, told = process.communicate(timeout=600)
    return Ended(process.wait(), out, told)


def run(place: Place, *arguments: str, **environment: str) -> Ended:
    """Run ``optimove-pipeline`` to its end, in a process that has not to load Dagster first."""
    return run_forked(arguments, _environment_of(place, environment), place.root)


def pull(place: Place, *reports: str, first: date = NEWEST, last: date = NEWEST) -> Ended:
    """Run ``optimove-pipeline run --json`` for some reports, or all, of some days."""
    chosen = [part for name in reports for part in ("--report", name)]
    return run(place, "run", "--json", "--from", first.isoformat(), "--to", last.isoformat(), *chosen)


def materialise(
    place: Place,
    *reports: str,
    days: Sequence[date] = (NEWEST,),
    stages: Sequence[str] = STAGES,
    instance: dg.DagsterInstance | None = None,
    filters: Mapping[str, Mapping[str, Any]] | None = None,
    tags: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """Materialise stages of reports through Dagster in this process, in one run over the range of days.

    ``filters`` are given for this run, by report; ``config`` is further configuration. Without an instance of its
    own, what the run leaves in Dagster is forgotten.
    """
    opened = nullcontext(instance) if instance else instance_in_memory()
    with environment(place), opened as kept, warnings.catch_warnings():
        # Dagster's own code for nested resources calls what Dagster deprecated.
        warnings.filterwarnings("ignore", message="InitResourceContext.dagster_run is deprecated")
        job = _definitions_of(load_settings(), reports).resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=kept,
            asset_selection=[dg.AssetKey([stage, name]) for name in reports for stage in stages],
            tags={**range_tags(days[0], days[-1]), **(tags or {})},
            run_config={
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "ops": {f"report__{name}": {"config": {"filters": given}} for name, given in (filters or {}).items()},
                **(config or {}),
            },
            raise_on_error=False,
        )


def _definitions_of(settings: Settings, feeds: Sequence[str]) -> dg.Definitions:
    """Return what these feeds take, as ``run --report`` and ``deliver`` do."""
    reports = [name for name in feeds if name in BY_NAME]
    own = settings.model_copy(update={"reports": settings.reports.model_copy(update={"select": tuple(reports)})})
    return build_definitions(own if reports else settings, reports=bool(reports), datasets=len(reports) < len(feeds))


@contextmanager
def recorded_log() -> Iterator[list[str]]:
    """Collect what the project logs, at every level, whatever a command that ran in this process has set."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    project = logging.getLogger("optimove_pipeline")
    below = [
        logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith(f"{project.name}.")
    ]
    levels = {logger: logger.level for logger in (project, *below)}
    for logger in below:
        logger.setLevel(logging.NOTSET)
    project.setLevel(logging.DEBUG)
    project.addHandler(handler)
    try:
        yield lines
    finally:
        project.removeHandler(handler)
        for logger, level in levels.items():
            logger.setLevel(level)


@contextmanager
def environment(place: Place) -> Iterator[None]:
    """Be in the environment of the place."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("OPTIMOVE_", "DAGSTER_"))]:
            patch.delenv(name)
        for name, value in place.environment.items():
            patch.setenv(name, value)
        yield


@contextmanager
def history_of(place: Place) -> Iterator[dg.DagsterInstance]:
    """Open what Dagster keeps of the place."""
    home = place.data / "dagster"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        with open_instance(home) as instance:
            yield instance


def query(place: Place, sql: str, *values: object) -> Rows:
    """Return the rows of a query on the warehouse."""
    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        result = connection.execute(sql, values)
        names = [name for name, *_ in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def tables(place: Place, schema: str = "optimove") -> list[str]:
    """Return the names of a schema's tables; none where there is no warehouse."""
    if not place.warehouse.exists():
        return []
    rows = query(place, "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?", schema)
    return sorted(row["table_name"] for row in rows)


def published(place: Place, report: str, day: date) -> Rows:
    """Return the published rows of a day without the stamps of loading."""
    rows = query(place, f"SELECT * FROM optimove.{report} WHERE report_date = ?", day)
    return [{name: value for name, value in row.items() if name not in STAMPS} for row in rows]


def published_days(place: Place, report: str) -> list[date]:
    """Return the days that a published table holds."""
    return [
        row["day"] for row in query(place, f"SELECT DISTINCT report_date AS day FROM optimove.{report} ORDER BY 1")
    ]


def all_rows(place: Place) -> dict[str, Rows]:
    """Return the rows of every published table, in one order, without the stamps of loading."""
    return {
        name: alike(query(place, f"SELECT * EXCLUDE (_loaded_at, _run_id) FROM optimove.{name}"))
        for name in tables(place)
    }


def true_rows(sandbox: RunningSandbox, report: str, day: date) -> Rows:
    """Return the rows that a day of a report must have.

    Two columns differ from what the server says by design: report 9's ``ScheduleTime`` has the name that all other
    reports give it, and the times of report 15, whose contract nobody settles, are found to be times.
    """
    return [_in_table(report, row) for row in truth(sandbox.tenant, report, day, CHOICES)]


def _in_table(report: str, row: dict[str, Any]) -> dict[str, Any]:
    if report == "customer_execution_details_by_campaign":
        return {"scheduled_time" if name == "schedule_time" else name: value for name, value in row.items()}
    if report == "customers_activity_event_attributes":
        return {**row, "event_date": datetime.fromisoformat(row["event_date"])}
    return row


def alike(rows: Rows) -> Rows:
    """Return the rows in an order that depends on nothing but them, their columns by name."""
    return sorted(({name: row[name] for name in sorted(row)} for row in rows), key=repr)


def checks(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, dg.AssetCheckEvaluation]:
    """Return the evaluations of an asset's checks (``validated/promo_codes``) by the name of the check."""
    evaluations = (
        event.asset_check_evaluation_data
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    return {each.check_name: each for each in evaluations if each.asset_key.to_user_string() == asset}


def materializations(result: dg.ExecuteInProcessResult, asset: str) -> dict[date, dg.AssetMaterialization]:
    """Return what a run materialised of an asset (``published/promo_codes``) by day."""
    found = (
        event.step_materialization_data.materialization
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    return {
        date.fromisoformat(str(each.partition)): each for each in found if each.asset_key.to_user_string() == asset
    }


def values(made: dg.AssetMaterialization) -> dict[str, Any]:
    """Return the metadata of a materialisation as plain values."""
    return {name: value.value for name, value in made.metadata.items()}

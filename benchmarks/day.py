"""A whole day of all reports through Dagster, against its default executor on the same graph."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import Measured, alternate, measure_command
from benchmarks.results import Figure, Section
from optimove_pipeline.commands.dagster_home import write_instance_file
from optimove_pipeline.reports.catalogue import REPORTS
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox

STAGES = 3
FEW = ("executed_campaign_details", "promo_codes", "target_groups_by_date")
"""Reports that need no other: a process for each step of all 27 would take many minutes."""

_OURS, _PROCESSES = "optimove-pipeline run", "Dagster's default executor"
_SETTINGS = """\
api: {{url: "${{OPTIMOVE_API_URL}}", key: "${{OPTIMOVE_API_KEY}}"}}
budget: {{windows: [{{calls: 1000000, seconds: 1.0}}]}}
delivery: {{reports: none}}
reports: {{select: {select}, attributes: [Alias, Country], filters: {{changed_attributes: [Alias, Country]}}}}
"""


def measure_day() -> Section:
    """Measure a day of all reports as one process; and of a few, that against a process for each step."""
    with TemporaryDirectory(prefix="benchmark-") as folder, running_sandbox(preset="small", windows=()) as sandbox:
        run, yesterday = partial(_run, sandbox, Path(folder)), datetime.now(UTC).date() - timedelta(days=1)
        day = alternate(3, {f"{_OURS}, all reports": run(_command(), "all")})
        few = alternate(2, {_OURS: run(_command(), list(FEW)), _PROCESSES: run(by_processes(yesterday), list(FEW))})
    (every,) = day.values()
    rows = sum(line["rows"] for line in json.loads(every.found)["lines"].values())
    note = (
        f"One day ({rows:,} rows) of the sandbox's tenant `small`, which has no latency and no limits here, into an "
        "empty data directory: whole commands from start to end, the sandbox's own CPU not counted. The baseline "
        "runs the same assets with a process for each step (`multiprocess`)."
    )
    return Section("A day of all reports", note, _figures(every, few[_OURS], few[_PROCESSES]))


def _command() -> list[str]:
    return [str(Path(sys.executable).with_name("optimove-pipeline")), "run", "--days", "1", "--json"]


def by_processes(day: date) -> list[str]:
    """Return the command that runs a day with a process for each step, as Dagster does by default."""
    dagster = str(Path(sys.executable).with_name("dagster"))
    tags = json.dumps({"dagster/partition": day.isoformat()})
    return [dagster, "job", "execute", "-m", "benchmarks.subjects.by_processes", "-j", "by_processes", "--tags", tags]


def _run(sandbox: RunningSandbox, root: Path, command: list[str], select: str | list[str]) -> Callable[[], Measured]:
    def subject() -> Measured:
        with TemporaryDirectory(dir=root) as folder:
            return measure_command(command, environment(sandbox, Path(folder), select))

    return subject


def environment(sandbox: RunningSandbox, folder: Path, select: str | list[str]) -> dict[str, str]:
    """Return the environment of a tenant without limits whose data and Dagster's history lie in an empty folder."""
    settings, home = folder / "optimove.yaml", folder / "dagster"
    settings.write_text(_SETTINGS.format(select=json.dumps(select)), encoding="utf-8")
    write_instance_file(home)
    return {
        "OPTIMOVE_CONFIG": str(settings),
        "OPTIMOVE_API_URL": sandbox.url,
        "OPTIMOVE_API_KEY": sandbox.key,
        "OPTIMOVE_DATA_DIR": str(folder / "data"),
        "DAGSTER_HOME": str(home),
    }


def _figures(every: Measured, few: Measured, processes: Measured) -> tuple[Figure, ...]:
    all_steps, steps = STAGES * len(REPORTS), STAGES * len(FEW)
    return (
        Figure(f"all 27 reports, {all_steps} steps: seconds", f"{every.seconds:.1f}"),
        Figure(f"all 27 reports, {all_steps} steps: CPU seconds", f"{every.cpu_seconds:.1f}"),
        _figure(f"{len(FEW)} reports, {steps} steps: seconds", few.seconds, processes.seconds),
        _figure(f"{len(FEW)} reports, {steps} steps: CPU seconds", few.cpu_seconds, processes.cpu_seconds),
    )


def _figure(what: str, ours: float, theirs: float) -> Figure:
    return Figure(what, f"{ours:.1f}", _PROCESSES, f"{theirs:.1f}", ours / theirs)

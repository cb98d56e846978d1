"""A whole day of all reports through Dagster, against its default executor on the same graph."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import Measured, alternate, measure_command
from benchmarks.results import Figure, Section
from optimove_pipeline.reports.catalogue import REPORTS
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox

STEPS = 3 * len(REPORTS)
"""Each report has three assets: report, validated, published."""

_OURS, _PROCESSES = "optimove-pipeline run", "Dagster's default executor"
_SETTINGS = """\
api: {url: "${OPTIMOVE_API_URL}", key: "${OPTIMOVE_API_KEY}"}
budget: {windows: [{calls: 1000000, seconds: 1.0}]}
reports: {attributes: [Alias, Country], filters: {changed_attributes: [Alias, Country]}}
"""


def measure_day() -> Section:
    """Measure a day as one process, and with a process for each step."""
    with TemporaryDirectory(prefix="benchmark-") as folder, running_sandbox(preset="small", windows=()) as sandbox:
        root = Path(folder)
        (root / "optimove.yaml").write_text(_SETTINGS, encoding="utf-8")
        ours = alternate(3, {_OURS: _run(sandbox, root, _command())})[_OURS]
        processes = alternate(1, {_PROCESSES: _run(sandbox, root, _by_processes())})[_PROCESSES]
    rows = sum(line["rows"] for line in json.loads(ours.found)["lines"].values())
    note = (
        f"All 27 reports of yesterday ({rows:,} rows, {STEPS} steps) of the sandbox's tenant `small`, which has no "
        "latency and no limits here, into an empty data directory: the whole command from start to end, the sandbox's "
        "own CPU not counted. The baseline runs the same assets with a process for each step (`multiprocess`)."
    )
    return Section("A day of all reports", note, _figures(ours, processes))


def _command() -> list[str]:
    return [str(Path(sys.executable).with_name("optimove-pipeline")), "run", "--days", "1", "--json"]


def _by_processes() -> list[str]:
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    dagster = str(Path(sys.executable).with_name("dagster"))
    tags = json.dumps({"dagster/partition": yesterday})
    module = "benchmarks.subjects.by_processes"
    return [dagster, "job", "execute", "-m", module, "-j", "by_processes", "--tags", tags]


def _run(sandbox: RunningSandbox, root: Path, command: list[str]) -> Callable[[], Measured]:
    def subject() -> Measured:
        with TemporaryDirectory(dir=root) as data_dir:
            home = Path(data_dir) / "dagster"
            home.mkdir()
            (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
            environment = {
                "OPTIMOVE_CONFIG": str(root / "optimove.yaml"),
                "OPTIMOVE_API_URL": sandbox.url,
                "OPTIMOVE_API_KEY": sandbox.key,
                "OPTIMOVE_DATA_DIR": data_dir,
                "DAGSTER_HOME": str(home),
            }
            return measure_command(command, environment)

    return subject


def _figures(ours: Measured, processes: Measured) -> tuple[Figure, ...]:
    return (
        _figure("seconds", ours.seconds, processes.seconds),
        _figure("CPU seconds", ours.cpu_seconds, processes.cpu_seconds),
        _figure("CPU seconds a step", ours.cpu_seconds / STEPS, processes.cpu_seconds / STEPS),
    )


def _figure(what: str, ours: float, theirs: float) -> Figure:
    return Figure(what, f"{ours:.2f}", _PROCESSES, f"{theirs:.2f}", ours / theirs)

"""What a command imports, imported once in the process that the others are forked from."""

from __future__ import annotations

import gc
import importlib
import io
from contextlib import redirect_stderr, redirect_stdout
from tempfile import TemporaryDirectory

import dagster as dg

from optimove_pipeline_tests import dagster_migrations

WHEN_NEEDED = (
    "anyio._backends._asyncio",
    "dateutil.relativedelta",
    "httpcore",
    "optimove_pipeline.automation.event_log",
    "optimove_pipeline.automation.wiring",
    "optimove_pipeline.commands.deliver",
    "optimove_pipeline.commands.plan",
    "optimove_pipeline.commands.pull",
    "optimove_pipeline.commands.quarantine",
    "optimove_pipeline.commands.status",
    "optimove_pipeline.commands.summary",
    "optimove_pipeline_tests.end_to_end.events_in_memory",
    "paramiko",
    "pyarrow.dataset",
)
"""What is imported only once it is needed, by the project or by what it uses."""


def _run_nothing() -> None:
    """Let Dagster import what it does not before its first run."""
    nothing = dg.asset(name="nothing")(lambda: None)
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with TemporaryDirectory() as home, dg.DagsterInstance.local_temp(home) as instance:
        job = dg.Definitions(assets=[nothing]).resolve_implicit_global_asset_job_def()
        assert job.execute_in_process(instance=instance, run_config=quiet).success


# Whether there is a terminal is asked at import, and commands have streams of their own.
with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
    importlib.import_module("optimove_pipeline.cli")
for _name in WHEN_NEEDED:
    importlib.import_module(_name)
dagster_migrations.read_once()
_run_nothing()
# Nobody's collector need look at all this again, nor copy it by doing so.
gc.freeze()

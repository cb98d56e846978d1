"""The Dagster resource of a run: the tenant's session, and the warehouse behind dagster-duckdb's connection."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource
from duckdb import DuckDBPyConnection
from pydantic import PrivateAttr

from optimove_pipeline.calls_table import record_calls
from optimove_pipeline.config import load_settings
from optimove_pipeline.errors import BusyError
from optimove_pipeline.optimove.budget import CallClass
from optimove_pipeline.session import Session
from optimove_pipeline.signs_of_life import sign_of_life
from optimove_pipeline.warehouse import Warehouse

logger = logging.getLogger(__name__)

CALL_CLASS_TAG = "optimove/call_class"
"""Run tag: ``daily`` or ``backfill``; by default Dagster's own backfills are backfills and all else is daily."""

COMMAND_TAG = "optimove/command"
"""Run tag: the id of the command that the run is a part of."""

COMMAND_RUNS_TAG = "optimove/command_runs"
"""Run tag: how many runs that command makes."""


class OptimoveResource(dg.ConfigurableResource[Session]):
    """The tenant's settings, read when the run starts, and what a run opens from them.

    ``duckdb`` gives the connection to the warehouse.
    """

    duckdb: DuckDBResource
    _session: Session | None = PrivateAttr(default=None)
    _life: ExitStack = PrivateAttr(default_factory=ExitStack)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Open the session of this run."""
        run = context.run
        instance = context.instance
        self._session = Session(
            load_settings(),
            run.run_id if run else "no-run",
            call_class=call_class(run.tags if run else {}),
            resumable=lambda run_id: instance is not None and ended_early(instance, run_id),
        )
        if run is not None:
            self._life.enter_context(sign_of_life(self._session.settings.data_dir, run.run_id))

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the session, and take the calls that were made into the warehouse."""
        session, self._session = self._session, None
        if session is None:
            return
        with self._life:
            session.close()
            try:
                session.journal.flush(partial(_record, self._warehouse(session)))
            except BusyError as error:
                logger.warning("The calls made are kept, the next run takes them into ops.api_calls: %s", error)

    @property
    def session(self) -> Session:
        """The run's session."""
        if self._session is None:
            raise dg.DagsterInvariantViolationError("the Optimove resource is used outside a run")
        return self._session

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse of the settings, opened through dagster-duckdb's resource."""
        return self._warehouse(self.session)

    def _warehouse(self, session: Session) -> Warehouse:
        @contextmanager
        def connect(_: Path) -> Iterator[DuckDBPyConnection]:
            with self.duckdb.get_connection() as connection:
                yield connection

        timeout = session.settings.warehouse.lock_timeout_seconds
        return Warehouse(session.settings.warehouse_path, lock_timeout=timeout, connect=connect)


def _record(warehouse: Warehouse, calls: Sequence[Mapping[str, Any]]) -> None:
    with warehouse.open("recording calls") as connection:
        record_calls(connection, calls)


def call_class(tags: Mapping[str, str]) -> CallClass:
    """Return the class of a run's calls, from its tags."""
    chosen = tags.get(CALL_CLASS_TAG)
    if chosen:
        return CallClass(chosen)
    return CallClass.BACKFILL if "dagster/backfill" in tags else CallClass.DAILY


def ended_early(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Return whether a run, or the command that it is a part of, did not come to its end.

    That is so if it failed, was killed, or is not known any more.
    """
    run = instance.get_run_by_id(run_id)
    if run is None or run.status is not dg.DagsterRunStatus.SUCCESS:
        return True
    command = run.tags.get(COMMAND_TAG)
    if command is None:
        return False
    parts = dg.RunsFilter(tags={COMMAND_TAG: command}, statuses=[dg.DagsterRunStatus.SUCCESS])
    return instance.get_runs_count(parts) < int(run.tags[COMMAND_RUNS_TAG])

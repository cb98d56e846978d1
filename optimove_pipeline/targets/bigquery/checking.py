"""Checking BigQuery as the receiver: its account reads every view, no table, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from optimove_pipeline.errors import PipelineError
from optimove_pipeline.targets.bigquery.client import Session, session, told
from optimove_pipeline.targets.bigquery.making import reader_entry
from optimove_pipeline.targets.bigquery.statements import DIALECT, newest_query, place_of
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.databases.layout import RECEIPTS, bare, receipts_table, rows_name, text_of
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.kinds.bigquery import BigQueryTargetSettings
from optimove_pipeline.targets.table import Table


def check(name: str, settings: BigQueryTargetSettings, tables: Sequence[Table]) -> list[Checked]:
    """Return the steps tried, ending with the first that failed.

    Without the reader's own credential we read the views ourselves, and look whether the reader may.
    """
    account = settings.reader_account or settings.service_account
    doing, steps = "connect", list[Checked]()

    def then(following: str) -> None:
        nonlocal doing
        steps.append(Checked(doing, passed=True))
        doing = following

    try:
        with session(f"target {name} (bigquery://{settings.project}/{settings.dataset})", settings, account) as own:
            own.run("SELECT 1")
            then("read the views")
            _read(name, own, tables)
            _look_at_rights(name, own, tables, then)
            then("")
    except PipelineError as error:
        steps.append(Checked(doing, passed=False, fix=str(error)))
    return steps


def _look_at_rights(name: str, own: Session, tables: Sequence[Table], then: Callable[[str], None]) -> None:
    if own.settings.reader_account is None:
        then("look at the reader's right")
        _must_be_reader(name, own)
        return
    then("be refused the tables")
    _must_be_refused(own, tables)
    then("be refused a write")
    _must_not_write(own)


def _read(name: str, own: Session, tables: Sequence[Table]) -> None:
    """Read the number of rows and the newest change of every view."""
    for table in tables:
        try:
            own.run(newest_query(own.settings, table))
        except UnreachableError:
            raise
        except TargetError as error:
            hint = f"`optimove-pipeline connect {name} --apply` sets up what is missing"
            raise TargetError(f"{table.name}: {error}; {hint}") from error


def _must_be_reader(name: str, own: Session) -> None:
    settings = own.settings
    with told(own.label, f"look at {settings.dataset}"):
        found = own.client.get_dataset(f"{settings.project}.{settings.dataset}", **own.once)
    if reader_entry(settings) not in found.access_entries:
        raise TargetError(
            f"{own.label}: {settings.reader} may not read {settings.dataset}: "
            f"`optimove-pipeline connect {name} --apply` lets it"
        )


def _must_be_refused(own: Session, tables: Sequence[Table]) -> None:
    place = place_of(own.settings, own.settings.tables_dataset)
    for table in tables:
        rows = bare(rows_name(table), [], place)
        _refused(own, text_of(sa.select(sa.func.count()).select_from(rows), DIALECT), f"read {rows_name(table)}")


def _must_not_write(own: Session) -> None:
    receipts = receipts_table(place_of(own.settings, own.settings.tables_dataset))
    _refused(own, text_of(sa.delete(receipts).where(sa.false()), DIALECT), f"write to {RECEIPTS}")


def _refused(own: Session, statement: str, what: str) -> None:
    try:
        own.run(statement)
    except LoginError:
        return
    raise TargetError(
        f"{own.label}: {own.settings.reader} may {what}: take its roles on {own.settings.project} and "
        f"{own.settings.tables_dataset} away, but for BigQuery Job User"
    )

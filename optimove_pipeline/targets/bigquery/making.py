"""Making what BigQuery lacks of a target: datasets, tables, views, and the right to read these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from google.cloud.bigquery import AccessEntry

from optimove_pipeline.targets.bigquery.client import Session, told
from optimove_pipeline.targets.bigquery.statements import (
    first_statements,
    missing,
    must_be_named,
    seen_after,
    view_statement,
)
from optimove_pipeline.targets.bigquery.steps import program_steps
from optimove_pipeline.targets.connecting import Step
from optimove_pipeline.targets.databases.layout import rows_name
from optimove_pipeline.targets.kinds.bigquery import BigQueryTargetSettings
from optimove_pipeline.targets.table import Table


def make(session: Session, table: Table) -> None:
    """Make what is missing of a feed's table and its view, and the datasets where there is no table yet."""
    settings = session.settings
    must_be_named(table)
    held = session.columns(settings.tables_dataset, rows_name(table))
    wanted = seen_after(table, held)
    statements = [*([] if held else first_statements(settings)), *missing(settings, table, held)]
    if session.columns(settings.dataset, table.name) != wanted:
        statements.append(view_statement(settings, table, wanted))
    if statements:
        session.run(*statements)


def connect(session: Session, tables: Sequence[Table]) -> Iterator[Step]:
    """Carry out the steps of the program, yielding each."""
    datasets, made, access = program_steps(session.settings, tables)
    session.run(*first_statements(session.settings))
    yield datasets
    for table in tables:
        make(session, table)
    yield made
    _let_views_read(session)
    _let_reader_read(session)
    yield access


def reader_entry(settings: BigQueryTargetSettings) -> AccessEntry:
    """Return the reader's right on the dataset of views: the role BigQuery Data Viewer there."""
    return AccessEntry("READER", "userByEmail", settings.reader)


def _let_views_read(session: Session) -> None:
    """Authorise all views of the one dataset to read the tables of the other."""
    settings = session.settings
    views = {"projectId": settings.project, "datasetId": settings.dataset}
    entry = AccessEntry(None, "dataset", {"dataset": views, "targetTypes": ["VIEWS"]})
    _let(session, settings.tables_dataset, entry)


def _let_reader_read(session: Session) -> None:
    _let(session, session.settings.dataset, reader_entry(session.settings))


def _let(session: Session, dataset: str, entry: AccessEntry) -> None:
    with told(session.label, f"change who may read {dataset}"):
        found = session.client.get_dataset(f"{session.settings.project}.{dataset}", **session.once)
        if entry not in found.access_entries:
            found.access_entries = [*found.access_entries, entry]
            session.client.update_dataset(found, ["access_entries"], **session.once)

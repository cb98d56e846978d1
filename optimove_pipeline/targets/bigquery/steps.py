"""What both sides set up before BigQuery takes the first delivery, with the tenant's names."""

from __future__ import annotations

from collections.abc import Sequence

from optimove_pipeline.targets.bigquery.statements import (
    first_statements,
    missing,
    must_be_named,
    newest_query,
    seen_after,
    view_statement,
)
from optimove_pipeline.targets.connecting import Step, Who
from optimove_pipeline.targets.kinds.bigquery import BigQueryTargetSettings
from optimove_pipeline.targets.table import Table


def steps(name: str, settings: BigQueryTargetSettings, tables: Sequence[Table]) -> list[Step]:
    """Return all steps, in order (reference on delivery, section 3.3)."""
    return [
        Step(Who.COMPANY, "make the account that Optimove reads as, and a key of it", _account(settings)),
        Step(Who.COMPANY, "let our own account run jobs and make datasets", _own_roles(settings)),
        *program_steps(settings, tables),
        Step(Who.COMPANY, "let Optimove's account run queries", _reader_roles(settings)),
        Step(Who.COMPANY, "tell Optimove, the key through a vault", _told(settings, tables)),
        Step(Who.OPTIMOVE, "connect, and compare with what was sent", _lines(_queries(settings, tables))),
        Step(Who.COMPANY, "see that all of it works", f"optimove-pipeline check  # target {name}"),
    ]


def program_steps(settings: BigQueryTargetSettings, tables: Sequence[Table]) -> list[Step]:
    """Return the three steps of the program: datasets, tables with their views, rights.

    Raises:
        SettingsError: a table has a name that BigQuery does not take.
    """
    for table in tables:
        must_be_named(table)
    made = [
        statement
        for table in tables
        for statement in (*missing(settings, table, []), view_statement(settings, table, seen_after(table, [])))
    ]
    return [
        Step(
            Who.PROGRAM,
            "make the datasets and the table of receipts",
            _lines(first_statements(settings)),
        ),
        Step(Who.PROGRAM, "make a table and a view for each feed", _lines(made)),
        Step(
            Who.PROGRAM, "let the views read the tables, and Optimove the views and nothing else", _rights(settings)
        ),
    ]


def _account(settings: BigQueryTargetSettings) -> str:
    account, _, domain = settings.reader.partition("@")
    project = domain.removesuffix(".iam.gserviceaccount.com")
    return (
        f"gcloud iam service-accounts create {account} --project={project}\n"
        f"gcloud iam service-accounts keys create {account}.json --iam-account={settings.reader}\n"
        "If Optimove names an account of its own, put that into the setting `reader` and leave this out."
    )


def _own_roles(settings: BigQueryTargetSettings) -> str:
    return (
        f"gcloud projects add-iam-policy-binding {settings.project} --role=roles/bigquery.user "
        "--member=serviceAccount:OUR_ACCOUNT"
    )


def _rights(settings: BigQueryTargetSettings) -> str:
    return (
        f"access of dataset {settings.project}.{settings.tables_dataset}: authorised dataset "
        f"{settings.project}.{settings.dataset}, target type VIEWS\n"
        f"access of dataset {settings.project}.{settings.dataset}: READER (BigQuery Data Viewer), {settings.reader}"
    )


def _reader_roles(settings: BigQueryTargetSettings) -> str:
    return "\n".join(
        f"gcloud projects add-iam-policy-binding {settings.project} --role=roles/bigquery.{role} "
        f"--member=serviceAccount:{settings.reader}"
        for role in ("jobUser", "readSessionUser")
    )


def _told(settings: BigQueryTargetSettings, tables: Sequence[Table]) -> str:
    views = [
        f"{table.name}: key {', '.join(table.key) or 'none'}, change column {table.changed or 'none'}"
        for table in tables
    ]
    known = [
        f"project {settings.project}, dataset {settings.dataset}, location {settings.region}",
        f"account {settings.reader}",
        "times are DATETIME in UTC",
    ]
    return "\n".join([*known, *views])


def _queries(settings: BigQueryTargetSettings, tables: Sequence[Table]) -> list[str]:
    return [newest_query(settings, table) for table in tables]


def _lines(statements: Sequence[str]) -> str:
    return "\n".join(f"{statement};" for statement in statements)

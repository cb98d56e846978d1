"""SQL Server, Snowflake and BigQuery: what is said to their drivers, which are mocks here.

None of the three runs where these tests do. The mocks record calls and give rows; they know nothing of SQL.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import polars as pl
import pytest

from optimove_pipeline.datasets.sources.opening import open_source
from optimove_pipeline.datasets.sources.source import BATCH_ROWS, Origin, Selection
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.settings.sources import AnySource, BigQuerySettings, SnowflakeSettings, SqlServerSettings

MOMENT = datetime(2026, 11, 21, 2, 0, 0, 123456, tzinfo=UTC)
ROWS = pl.DataFrame({"id": [1, 2], "at": [MOMENT.replace(tzinfo=None)] * 2})
PLAYERS = Origin(table="crm.players")
SELECTION = Selection(
    origin=PLAYERS, columns=("id",), change_column="at", start="2026-11-20T00:00:00", order=("at", "id")
)


class DriverError(Exception):
    pass


class DatabaseError(DriverError):
    pass


class OperationalError(DatabaseError):
    pass


class ProgrammingError(DatabaseError):
    pass


@dataclass(slots=True)
class Recorder:
    """A driver's connection and cursor in one: it keeps what it is told."""

    said: list[str] = field(default_factory=list)
    login: dict[str, Any] = field(default_factory=dict)
    fails: Exception | None = None

    def connect(self, *arguments: Any, **named: Any) -> Self:
        self.login = {"address": arguments[0] if arguments else None, **named}
        return self

    def cursor(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.said.append("closed")

    def execute(self, sql: str) -> None:
        self.said.append(" ".join(sql.split()))
        if self.fails and "players" in sql:
            raise self.fails

    def fetchone(self) -> tuple[Any, ...]:
        last = [each for each in self.said if each != "closed"][-1]
        if "count(*)" in last:
            return (2,)
        return (MOMENT.replace(tzinfo=None) if "SYSUTC" in last else MOMENT,)

    def rows(self, **_: Any) -> pl.DataFrame:
        return ROWS.clear() if "1 = 0" in self.said[-1] else ROWS

    arrow = rows
    fetch_arrow_all = rows

    def batches(self, **options: Any) -> Iterator[pl.DataFrame]:
        assert options in ({}, {"batch_size": BATCH_ROWS})
        yield ROWS.select("id")

    arrow_reader = batches
    fetch_arrow_batches = batches

    def query(self, sql: str, **options: Any) -> Any:
        self.execute(sql)
        schema = [
            SimpleNamespace(name="id", field_type="INTEGER", mode="NULLABLE"),
            SimpleNamespace(name="at", field_type="TIMESTAMP", mode="NULLABLE"),
            SimpleNamespace(name="tags", field_type="STRING", mode="REPEATED"),
            SimpleNamespace(name="place", field_type="GEOGRAPHY", mode="NULLABLE"),
        ]
        return SimpleNamespace(schema=schema, result=lambda: Answer(self))


@dataclass(slots=True)
class Answer:
    recorder: Recorder

    def to_arrow_iterable(self) -> Iterator[pl.DataFrame]:
        yield ROWS.select("id")

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter([self.recorder.fetchone()])


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    errors = SimpleNamespace(
        Error=DriverError,
        DatabaseError=DatabaseError,
        OperationalError=OperationalError,
        ProgrammingError=ProgrammingError,
    )
    api = {"ServerError": OperationalError, "RetryError": OperationalError, "GoogleAPICallError": ProgrammingError}
    config = lambda **options: SimpleNamespace(**options)  # noqa: E731
    client = SimpleNamespace(from_service_account_info=made.connect)
    modules: dict[str, dict[str, Any]] = {
        "pyarrow": {},
        "mssql_python": {"connect": made.connect, "Error": DriverError},
        "snowflake": {},
        "snowflake.connector": {"connect": made.connect, "errors": errors},
        "google": {},
        "google.cloud": {},
        "google.cloud.bigquery": {"Client": client, "QueryJobConfig": config},
        "google.api_core": {},
        "google.api_core.exceptions": api,
        "google.auth": {},
        "google.auth.exceptions": {"GoogleAuthError": DatabaseError},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("SHOP_PASSWORD", "ge}heim")
    monkeypatch.setenv("SHOP_ACCOUNT", '{"client_email": "x"}')
    return made


SETTINGS: dict[str, AnySource] = {
    "sqlserver": SqlServerSettings(
        kind="sqlserver", host="db.example.com", database="crm", username="reader", password="${SHOP_PASSWORD}"
    ),
    "snowflake": SnowflakeSettings(
        kind="snowflake", account="acme", database="CRM", username="reader", password="${SHOP_PASSWORD}", role="R"
    ),
    "bigquery": BigQuerySettings(
        kind="bigquery", project="acme", dataset="crm", region="EU", service_account="${SHOP_ACCOUNT}"
    ),
}
AT = "AT(TIMESTAMP => '2026-11-21 02:00:00.123456 +0000'::TIMESTAMP_TZ)"
AS_OF = "FOR SYSTEM_TIME AS OF TIMESTAMP '2026-11-21 02:00:00.123456+00:00'"
SAID = {
    "sqlserver": [
        "SET TRANSACTION ISOLATION LEVEL SNAPSHOT",
        "SELECT count(*) FROM sys.tables",
        "SELECT SYSUTCDATETIME()",
        "SELECT count(*) AS counted FROM crm.players WHERE [at] >= '2026-11-20T00:00:00'",
        "SELECT * FROM crm.players WHERE 1 = 0",
        "SELECT [id] AS [id] FROM crm.players WHERE [at] >= '2026-11-20T00:00:00' ORDER BY [at], [id]",
    ],
    "snowflake": [
        "SELECT CURRENT_TIMESTAMP()",
        f"SELECT count(*) AS counted FROM crm.players {AT} WHERE \"at\" >= '2026-11-20T00:00:00'",
        f"SELECT * FROM crm.players {AT} WHERE 1 = 0",
        f'SELECT "id" AS "id" FROM crm.players {AT} WHERE "at" >= \'2026-11-20T00:00:00\' ORDER BY "at", "id"',
    ],
    "bigquery": [
        "SELECT CURRENT_TIMESTAMP()",
        f"SELECT count(*) AS counted FROM crm.players {AS_OF} WHERE `at` >= '2026-11-20T00:00:00'",
        f"SELECT * FROM crm.players {AS_OF} WHERE 1 = 0",
        f"SELECT `id` AS `id` FROM crm.players {AS_OF} WHERE `at` >= '2026-11-20T00:00:00' ORDER BY `at`, `id`",
    ],
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_mock_of_the_driver_is_asked_for_one_view(kind: str, recorder: Recorder) -> None:
    with open_source("shop", SETTINGS[kind], Path("/nowhere")) as snapshot:
        assert snapshot.taken_at == MOMENT
        assert snapshot.count(SELECTION) == 2
        assert [frame.to_dicts() for frame in snapshot.read(SELECTION)] == [[{"id": 1}, {"id": 2}]]
    assert [each for each in recorder.said if each != "closed"] == SAID[kind]
    assert recorder.said[-1] == "closed"


def test_a_mock_of_the_sql_server_driver_gets_the_login(recorder: Recorder) -> None:
    with open_source("shop", SETTINGS["sqlserver"], Path("/nowhere")):
        assert recorder.login["address"] == (
            "Server={tcp:db.example.com,1433};Database={crm};UID={reader};PWD={ge}}heim};Encrypt={yes};"
            "TrustServerCertificate={no}"
        )


def test_a_mock_of_the_snowflake_connector_gets_the_login_and_a_session_in_utc(recorder: Recorder) -> None:
    with open_source("shop", SETTINGS["snowflake"], Path("/nowhere")):
        assert recorder.login["password"] == "ge}heim"
        assert recorder.login["session_parameters"] == {"TIMEZONE": "UTC"}
        assert recorder.login["role"] == "R"
        assert "warehouse" not in recorder.login


def test_a_mock_of_the_bigquery_client_gets_project_account_and_dataset(recorder: Recorder) -> None:
    with open_source("shop", SETTINGS["bigquery"], Path("/nowhere")) as snapshot:
        assert recorder.login["address"] == {"client_email": "x"}
        assert recorder.login["default_query_job_config"].default_dataset == "acme.crm"
        assert snapshot.columns(PLAYERS) == {
            "id": pl.Int64(),
            "at": pl.Datetime("us", "UTC"),
            "tags": pl.String(),
            "place": pl.String(),
        }


@pytest.mark.parametrize("kind", ["snowflake", "bigquery"])
def test_a_query_without_the_moment_is_refused_before_a_mock_is_asked(kind: str, recorder: Recorder) -> None:
    with open_source("shop", SETTINGS[kind], Path("/nowhere")) as snapshot:
        with pytest.raises(SettingsError, match=r"expected \{as_of\} behind the name of each table"):
            snapshot.columns(Origin(query="SELECT * FROM players"))
        assert "id" in snapshot.columns(Origin(query="SELECT * FROM players {as_of}"))


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize(
    ("error", "expected"),
    [(ProgrammingError("no such table"), SettingsError), (OperationalError("x"), PartitionError)],
)
def test_errors_of_a_mock_of_the_driver_are_told(
    kind: str, error: Exception, expected: type[Exception], recorder: Recorder
) -> None:
    recorder.fails = error
    with (
        open_source("shop", SETTINGS[kind], Path("/nowhere")) as snapshot,
        pytest.raises(expected, match=rf"source shop \({kind}, .*crm\.players: .*{error}"),
    ):
        snapshot.columns(PLAYERS)


def test_a_database_that_allows_no_snapshots_is_told_by_a_mock(recorder: Recorder) -> None:
    recorder.fails = DriverError("Snapshot isolation transaction failed accessing database 'crm'")
    with (
        open_source("shop", SETTINGS["sqlserver"], Path("/nowhere")) as snapshot,
        pytest.raises(SettingsError, match="SET ALLOW_SNAPSHOT_ISOLATION ON"),
    ):
        snapshot.columns(PLAYERS)


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_driver_that_is_not_installed_is_named_with_the_command(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mssql_python", "snowflake.connector", "google.cloud.bigquery"):
        monkeypatch.setitem(sys.modules, name, None)
    with (
        pytest.raises(SettingsError, match=rf"pip install 'optimove-pipeline\[{kind}\]'"),
        open_source("shop", SETTINGS[kind], Path("/nowhere")),
    ):
        pass

"""Data sets and a report on their way into both databases, through Dagster, read back as Optimove would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline.settings.databases import DatabaseTargetSettings
from optimove_pipeline_tests.assets.casino import casino, command
from optimove_pipeline_tests.end_to_end.dagster_in_memory import without_history
from optimove_pipeline_tests.end_to_end.place import NEWEST, TODAY, Place, materialise, query, settle
from optimove_pipeline_tests.targets.databases.conftest import administered, administrator
from optimove_pipeline_tests.targets.databases.engine import READER, SECRETS, log_in

Databases = dict[str, DatabaseTargetSettings]

DAY = "2020-03-01"
REPORT, CHANNELS = "executed_campaigns_by_channel", "execution_channels"
STAGES = ("report", "validated", "published", "packaged", "delivered")


@pytest.fixture
def both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Databases:
    """Both databases, empty, by the names of their targets."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    settings = {name: request.getfixturevalue(f"{name}_target") for name in ("postgres", "mysql")}
    for each in settings.values():
        with administered(each):
            pass
    return settings


def documents(both: Databases) -> dict[str, Any]:
    return {name: each.model_dump(mode="json") for name, each in both.items()}


def received(settings: DatabaseTargetSettings, columns: str, view: str) -> list[tuple[Any, ...]]:
    """Return what Optimove's login reads in a view; its columns may have any quotes."""
    mark, schema = ("`", settings.database) if settings.kind == "mysql" else ('"', "optimove")
    connection = log_in(settings, READER, SECRETS["READER_PASSWORD"])
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {schema}.{mark}{view}{mark} ORDER BY 1".replace("|", mark))
        return [tuple(row) for row in cursor.fetchall()]


def test_a_data_set_is_delivered_and_a_forgotten_customer_goes(tmp_path: Path, both: Databases) -> None:
    place = without_history(casino(tmp_path, select=["customers"], overlap_hours=24))
    document = yaml.safe_load((tmp_path / "optimove.yaml").read_text())
    document |= {"targets": documents(both), "delivery": {**document["delivery"], "datasets": list(both)}}
    (tmp_path / "optimove.yaml").write_text(yaml.safe_dump(document))
    for name in both:
        assert command(place, "connect", name, "--apply").exit_code == 0
    with_rows_of_the_day_before(both, "7", "8")
    for settings in both.values():
        assert [row for (row,) in received(settings, "|Player_ID|", "Customers")] == ["7", "8"]
    for forgotten in ("7", "59"):
        assert command(place, "forget", forgotten).exit_code == 0
    ended = command(place, "deliver", "--from", DAY, "--to", DAY)
    assert ended.exit_code == 0, ended.output
    for settings in both.values():
        assert [row for (row,) in received(settings, "|Player_ID|", "Customers")] == ["60", "8"]
    ledger = query(place, "SELECT target, name, state, version FROM ops.deliveries ORDER BY 1")
    assert [tuple(row.values()) for row in ledger] == [(name, "Customers", "delivered", 1) for name in sorted(both)]


def with_rows_of_the_day_before(both: Databases, *customers: str) -> None:
    """Put rows into the tables as a load of an earlier partition would."""
    for settings in both.values():
        with administrator(settings) as engine:
            mark = '"' if engine.kind == "postgres" else "`"
            columns = f"({mark}Player_ID{mark}, _partition)"
            values = ", ".join(f"('{customer}', '2020-02-29')" for customer in customers)
            engine.run(f"INSERT INTO {engine.named('_Customers')} {columns} VALUES {values}")


@pytest.fixture(scope="module")
def tenant() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=TODAY, windows=()) as sandbox:
        yield sandbox


def test_a_report_that_was_read_again_replaces_its_day(
    tmp_path: Path, both: Databases, tenant: RunningSandbox
) -> None:
    place = settle(
        tmp_path,
        tenant,
        targets=documents(both),
        delivery={"each": {REPORT: list(both)}},
        readiness={"time": "00:00"},
    )
    for name in both:
        assert command(place, "connect", name, "--apply").exit_code == 0
    materialise(place, CHANNELS)
    assert materialise(place, REPORT, stages=STAGES).success
    columns = "report_date, |campaign_id|, |channel_id|"
    rows = query(place, f"SELECT {columns.replace('|', '')} FROM optimove.{REPORT} ORDER BY ALL")
    assert rows
    for settings in both.values():
        assert sorted(received(settings, columns, table_of(place))) == [tuple(row.values()) for row in rows]
    (least, *_) = sorted({row["channel_id"] for row in rows})
    assert materialise(place, REPORT, stages=STAGES, filters={REPORT: {"channels": [least]}}).success
    for settings in both.values():
        found = received(settings, columns, table_of(place))
        assert 0 < len(found) < len(rows)
        assert {day for day, *_ in found} == {NEWEST}


def table_of(place: Place) -> str:
    """Return the name that the report's table has at targets."""
    (row,) = query(place, f"SELECT DISTINCT name FROM ops.deliveries WHERE feed = '{REPORT}'")
    return str(row["name"])

"""Tables and rows for a Snowflake account, and what is in it afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import polars as pl
from pydantic import TypeAdapter
from snowflake import connector

from optimove_pipeline.packages import Window
from optimove_pipeline.settings.targets import AnyTarget
from optimove_pipeline.targets.kinds.snowflake import SnowflakeShareSettings
from optimove_pipeline.targets.snowflake.target import SnowflakeTarget
from optimove_pipeline.targets.table import Replace, Rows, Table, TableColumn
from optimove_pipeline_tests.servers.snowflake import PASSWORD, Recorder

Told = dict[str, Any]

WINDOW = Window(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
MOMENT = datetime(2026, 11, 20, 7, 8, 9, 123456, UTC).replace(tzinfo=None)
VARIABLE = "SNOWFLAKE_PASSWORD"

CUSTOMERS = Table(
    feed="customers",
    name="Customers",
    columns=(
        TableColumn("Customer_ID", pl.Int64(), required=True),
        TableColumn("Alias", pl.String(), length=100),
        TableColumn("Balance", pl.Decimal(38, 4)),
        TableColumn("Is_Blocked", pl.Boolean()),
        TableColumn("Birth_Date", pl.Date()),
        TableColumn("LastUpdated", pl.Datetime("us"), required=True),
    ),
    key=("Customer_ID",),
    unique=True,
    replace=Replace.KEYS,
    changed="LastUpdated",
    customer="Customer_ID",
)
"""A profile: the newest change of a key wins."""

DETAILS = Table(
    feed="bets_details",
    name="Bets_Details",
    columns=(
        TableColumn("Bet_ID", pl.String(), required=True),
        TableColumn("Event", pl.String()),
        TableColumn("LastUpdated", pl.Datetime("us"), required=True),
    ),
    key=("Bet_ID",),
    unique=False,
    replace=Replace.KEYS,
    changed="LastUpdated",
)
"""Several rows of one key, which come and go together."""

CATALOG = replace(DETAILS, feed="catalog", name="Catalog", replace=Replace.ALL, unique=True)
REPORT = replace(DETAILS, feed="promo_codes", name="promo_codes", replace=Replace.PARTITION, changed=None)


def settings_of(account: Recorder, **more: Any) -> SnowflakeShareSettings:
    """Return settings of an account with schemas and a share of its own."""
    own = uuid4().hex[:8]
    document = {
        "kind": "snowflake",
        "account": "acme-prod",
        "username": "loader",
        "password": f"${{{VARIABLE}}}",
        "role": "FEEDS",
        "warehouse": "SMALL",
        "database": "Feeds",
        "schema_name": f"Optimove_{own}",
        "tables_schema": f"Optimove_Tables_{own}",
        "share": f"Optimove_Share_{own}",
        "consumers": [{"account": "OPTI.PROD_EU", "region": "AWS_EU_WEST_1"}],
        "own_region": "aws_eu_west_1",
        "endpoint": account.address,
    }
    settings = TypeAdapter(AnyTarget).validate_python({**document, **more})
    assert isinstance(settings, SnowflakeShareSettings)
    return settings


def target_of(account: Recorder, folder: Path, **more: Any) -> SnowflakeTarget:
    """Return a target with schemas and a share of its own."""
    return SnowflakeTarget("share", settings_of(account, **more), folder)


def rows(
    table: Table, partition: str, told: Collection[Told], *, source: str = "", forgotten: Collection[str] = ()
) -> Rows:
    """Return rows of a table; columns that a row does not tell are null."""
    frame = pl.DataFrame([*told], schema={column.name: column.dtype for column in table.columns})

    def frames() -> Iterator[pl.DataFrame]:
        yield from frame.iter_slices(2)

    return Rows(
        table=table,
        partition=partition,
        source=source or f"{table.feed} {partition}",
        count=frame.height,
        run_id="run-1",
        window=WINDOW,
        frames=frames,
        forgotten=forgotten,
    )


def customer(number: int, alias: str | None, hour: int = 7, **more: Any) -> Told:
    """Return a customer that was last changed in an hour."""
    balance = Decimal("1234567890.1234")
    return {
        "Customer_ID": number,
        "Alias": alias,
        "Balance": balance,
        "Is_Blocked": number % 2 == 0,
        "Birth_Date": MOMENT.date(),
        "LastUpdated": MOMENT.replace(hour=hour),
        **more,
    }


def detail(bet: str, event: str, hour: int = 7) -> Told:
    """Return a part of a bet."""
    return {"Bet_ID": bet, "Event": event, "LastUpdated": MOMENT.replace(hour=hour)}


def asked(account: Recorder, sql: str) -> list[Told]:
    """Return the rows of a query, columns as Snowflake names them."""
    address = urlsplit(account.address)
    login = {"account": "acme-prod", "user": "reader", "password": PASSWORD}
    connection = connector.connect(
        **login, host=address.hostname, port=address.port, protocol="http", platform_detection_timeout_seconds=0
    )
    with closing(connection), connection.cursor(connector.DictCursor) as cursor:
        cursor.execute(sql)
        return [*cursor.fetchall()]


def held(account: Recorder, target: SnowflakeTarget, table: Table) -> list[Told]:
    """Return the rows of a table's view, in one order, as the receiver sees them."""
    found = asked(account, f"SELECT * FROM {target.names.view(table.name)}")
    return sorted(found, key=lambda row: repr([str(value) for value in row.values()]))


def received(told: Collection[Told]) -> list[Told]:
    """Return rows as the receiver is to see them."""
    capital = [{name.upper(): value for name, value in row.items()} for row in told]
    return sorted(capital, key=lambda row: repr([str(value) for value in row.values()]))

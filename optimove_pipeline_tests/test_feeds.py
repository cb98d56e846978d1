"""Feeds: the kinds of columns, and the names that fields get in tables."""

from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimove_pipeline.feeds import Column, Feed, Kind, attribute_column, snake_case


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("CustomerID", "customer_id"),
        ("ChannelId", "channel_id"),
        ("SendIDs", "send_ids"),
        ("IDs", "ids"),
        ("IsMultiChannel", "is_multi_channel"),
        ("ListID", "list_id"),
        ("TGName", "tg_name"),
        ("TG Name", "tg_name"),
        ("VIP2Level", "vip2_level"),
        ("VIP_Level", "vip_level"),
        ("Spend (EUR)", "spend_eur"),
        ("__meta__", "meta"),
        ("Größe", "größe"),
        ("already_snake", "already_snake"),
        ("?", ""),
    ],
)
def test_a_field_gets_its_column_name(field: str, column: str) -> None:
    assert snake_case(field) == column


@given(st.text(max_size=20))
def test_a_column_name_stays_as_it_is_and_can_be_a_column(field: str) -> None:
    name = snake_case(field)
    assert name == name.strip("_")
    assert "__" not in name
    assert '"' not in name
    assert snake_case(name) == name


def test_an_attribute_gets_a_column_of_its_own_prefix() -> None:
    assert attribute_column("Preferred Brand") == "attribute_preferred_brand"


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_is_the_same_type_in_polars_and_duckdb(kind: Kind, tmp_path: Path) -> None:
    file = tmp_path / "frame.parquet"
    pl.DataFrame(schema={"value": kind.dtype}).write_parquet(file)
    with duckdb.connect() as connection:
        described = connection.execute("DESCRIBE SELECT value FROM read_parquet(?)", [str(file)]).fetchall()
    assert described[0][1] == kind.sql_type


def test_a_feed_knows_its_documented_columns() -> None:
    customer = Column("customer_id", Kind.TEXT, "CustomerID")
    day = Column("report_date", Kind.DATE)
    feed = Feed(name="f", title="F", group="g", columns=(customer, day), key=("customer_id",))
    assert feed.column("customer_id") is customer
    assert feed.column("CustomerID") is None
    assert (customer.stamped, day.stamped) == (False, True)

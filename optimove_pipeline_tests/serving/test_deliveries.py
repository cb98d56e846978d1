"""What is pulled after deliveries: rows by key, by partition and whole, and those of forgotten customers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.targets.table import Table, TableColumn
from optimove_pipeline_tests.serving.api import CATALOG, DAY, REPORT, Api, customer, goods, ids, served


def games(*names: str) -> list[dict[str, Any]]:
    return [{"Game_ID": name, "Game_Name": name.title()} for name in names]


def codes(day: date, *names: str) -> list[dict[str, Any]]:
    of = {"report_date": day, "target_group_id": 1, "recipient_group_id": 2, "action_id": 3}
    return [{**of, "promo_code": name} for name in names]


def test_a_row_is_replaced_by_one_of_its_key_that_is_newer(api: Api) -> None:
    api.deliver([customer(1, minutes=5, Alias="first"), customer(2)])
    api.deliver([customer(1, minutes=9, Alias="second")], partition="2026-11-21")
    assert [(row["Player_ID"], row["Alias"]) for row in api.pull()] == [("C00002", None), ("C00001", "second")]


def test_an_older_row_of_its_key_does_not_replace_it(api: Api) -> None:
    api.deliver([customer(1, minutes=9, Alias="newer")], partition="2026-11-21")
    api.deliver([customer(1, minutes=5, Alias="older"), customer(2)])
    assert [(row["Player_ID"], row["Alias"]) for row in api.pull()] == [("C00002", None), ("C00001", "newer")]


def test_of_two_that_are_equally_new_the_later_load_wins(api: Api) -> None:
    api.deliver([customer(1, Alias="first")], partition="2026-11-21")
    api.deliver([customer(1, Alias="second")])
    assert [row["Alias"] for row in api.pull()] == ["second"]


def test_of_two_rows_of_one_key_in_a_partition_the_newer_is_kept(api: Api) -> None:
    rows = [customer(1, minutes=9, Alias="newer"), customer(2), customer(1, minutes=5, Alias="older")]
    api.deliver(rows, blocks=3)
    assert [row["Alias"] for row in api.pull()] == [None, "newer"]


def test_the_same_rows_again_change_nothing(api: Api) -> None:
    api.deliver([customer(1)])
    before = api.page()
    api.deliver([customer(1)])
    assert api.page() == before


def test_a_report_is_replaced_by_the_day(api: Api) -> None:
    before = DAY - timedelta(days=1)
    api.deliver(codes(before, "A", "A", "B"), table=REPORT, partition="2026-11-19")
    api.deliver(codes(DAY, "C"), table=REPORT, partition="2026-11-20")
    api.deliver(codes(before, "D", "D"), table=REPORT, partition="2026-11-19")
    assert [row["promo_code"] for row in api.pull(REPORT)] == ["D", "D", "C"]
    of_day = api.pull(REPORT, updated_from="2026-11-20", updated_to="2026-11-21")
    assert [row["promo_code"] for row in of_day] == ["C"]


def test_a_snapshot_replaces_all_rows(api: Api) -> None:
    api.deliver(games("mines", "dice"), table=CATALOG)
    api.deliver(games("dice", "keno"), table=CATALOG, partition="2026-11-21")
    assert [row["Game_ID"] for row in api.pull(CATALOG)] == ["dice", "keno"]


def test_an_older_snapshot_is_only_recorded(api: Api) -> None:
    api.deliver(games("keno"), table=CATALOG, partition="2026-11-21")
    api.deliver(games("mines"), table=CATALOG, source="older")
    assert [row["Game_ID"] for row in api.pull(CATALOG)] == ["keno"]
    assert api.target.receipt(api.table(CATALOG), "2026-11-20") == "older"


def test_a_receipt_tells_what_was_loaded(api: Api) -> None:
    assert api.target.receipt(api.table(), "2026-11-20") is None
    api.deliver([customer(1)], source="what it is made of")
    assert api.target.receipt(api.table(), "2026-11-20") == "what it is made of"
    assert api.target.receipt(api.table(CATALOG), "2026-11-20") is None


def test_without_a_store_there_is_no_receipt(api: Api, tmp_path: Path) -> None:
    elsewhere = replace(api.target, data_dir=tmp_path / "elsewhere")
    assert elsewhere.receipt(api.table(), "2026-11-20") is None


def test_forgotten_customers_are_gone_from_all_generations_at_once(api: Api) -> None:
    api.deliver([customer(number, Alias=f"alias {number}") for number in range(6)])
    first = api.page(limit=2)
    api.deliver([customer(4, minutes=3)], partition="2026-11-21", forgotten=["C00003", "C00004"])
    second = api.page(cursor=first["next_cursor"], limit=10)
    assert ids(first["data"] + second["data"]) == ["C00000", "C00001", "C00002", "C00005"]
    assert ids(api.pull()) == ["C00000", "C00001", "C00002", "C00005"]
    files = [file.read_bytes() for file in api.target.path.parent.iterdir() if file.is_file()]
    assert not any(b"alias 3" in content for content in files)
    assert any(b"alias 5" in content for content in files)


def test_they_are_gone_too_where_the_rows_are_the_same_as_before(api: Api) -> None:
    api.deliver([customer(1), customer(2)], source="the same")
    api.deliver([customer(1), customer(2)], source="the same", forgotten=["C00001"])
    assert ids(api.pull()) == ["C00002"]


def test_a_customer_taken_off_the_list_may_come_again(api: Api) -> None:
    api.deliver([customer(1)], forgotten=["C00001"])
    assert api.pull() == []
    api.deliver([customer(1)], partition="2026-11-21")
    assert ids(api.pull()) == ["C00001"]


def test_a_table_gains_a_column(api: Api) -> None:
    api.deliver([customer(1)])
    table = api.table()
    wider = replace(table, columns=(*table.columns, TableColumn("Shoe_Size", pl.Int64())))
    api.target.load(goods(wider, [customer(2, Shoe_Size=43)], partition="2026-11-21"))
    api.deliver([customer(3)], partition="2026-11-22")
    assert [row.get("Shoe_Size", "absent") for row in api.pull()] == ["absent", 43, None]
    (column,) = [each for each in api.get("/v1/Customers/schema").json()["columns"] if each["name"] == "Shoe_Size"]
    assert column["type"] == ["integer", "null"]


HARD = "“quotes” \"'\\ ünïcode 日本語 🎰 \u2028 a,b"


def test_values_come_as_they_were_delivered(api: Api) -> None:
    changed = datetime(2026, 11, 20, 13, 14, 15, 16)  # noqa: DTZ001 - as tables have them
    api.deliver([customer(1, Alias=HARD, Balance=Decimal("-1234567890.1200"), LastUpdated=changed)])
    (row,) = api.pull()
    assert (row["Alias"], row["Balance"], row["Email"]) == (HARD, "-1234567890.1200", None)
    assert (row["Registration_Date"], row["LastUpdated"]) == ("2025-01-31", "2026-11-20T13:14:15.000016Z")
    assert [*row] == [column.name for column in api.table().columns]


def test_decimals_can_be_numbers(tmp_path: Path) -> None:
    with served(tmp_path, decimals="number") as api:
        api.deliver([customer(1, Balance=Decimal("12.5000"))])
        assert '"Balance":12.5000,' in api.get("/v1/Customers").text


def test_no_two_keys_are_one(api: Api) -> None:
    columns = tuple(TableColumn(name, pl.String()) for name in ("a", "b"))
    table = replace(api.table(), columns=(*columns, *api.table().columns), key=("a", "b"))
    pairs = [("x\x1f", "y"), ("x", "\x1fy"), ("x\x1e1", "y"), ("x", "\x1e1y")]
    api.target.load(goods(table, [customer(1, a=a, b=b) for a, b in pairs]))
    assert sorted((row["a"], row["b"]) for row in api.pull()) == sorted(pairs)


def text_moment(table: Table) -> Table:
    columns = [column for column in table.columns if column.name != table.changed]
    return replace(table, columns=(*columns, TableColumn("LastUpdated", pl.String())))


def test_a_moment_of_change_that_is_text_is_refused(api: Api) -> None:
    with pytest.raises(SettingsError, match=r"packages\.each\.customers\.fields\.LastUpdated: it makes the moment"):
        api.target.load(goods(text_moment(api.table()), [{**customer(1), "LastUpdated": "20.11.2026"}]))
    assert api.target.receipt(api.table(), "2026-11-20") is None
    assert api.pull() == []


def test_rows_without_a_moment_of_change_count_from_their_day(api: Api) -> None:
    api.deliver([customer(1, LastUpdated=None), customer(2, minutes=1)])
    assert ids(api.pull(updated_from="2026-11-20", updated_to="2026-11-20T00:00:01Z")) == ["C00001"]


def test_an_hour_is_a_partition_too(api: Api) -> None:
    api.deliver(games("mines"), table=CATALOG, partition="2026-11-20T14")
    found = api.pull(CATALOG, updated_from="2026-11-20T14:00Z", updated_to="2026-11-20T15:00Z")
    assert [row["Game_ID"] for row in found] == ["mines"]

"""Validating a partition of a data set: types, versions, what is dropped and why, the gate."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimove_pipeline.datasets.known import Known
from optimove_pipeline.datasets.validation import dataset_validation_of, validate_dataset
from optimove_pipeline.errors import ContractError, PartitionError
from optimove_pipeline.settings.datasets import Datasets, DatasetSettings
from optimove_pipeline.stages.frames import Bounds
from optimove_pipeline.stages.leaving_out import Forgotten
from optimove_pipeline.stages.publish import publish
from optimove_pipeline.stages.validate import validation_of
from optimove_pipeline.staging import Staging
from optimove_pipeline.warehouse import Warehouse
from optimove_pipeline_tests.datasets.rows import (
    DAY,
    EVERYBODY,
    NOW,
    dataset_named,
    extracted,
    held,
    row,
    validated,
)

CUSTOMERS, EVENTS = dataset_named("customers"), dataset_named("events")
TimeUnit = Literal["ms", "us", "ns"]
SMALL = Bounds(rows=3, hashes=4, compared=2)
MOMENT = datetime(2026, 11, 19, 10)  # noqa: DTZ001 - UTC, as all times of data sets


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging")


def only(staging: Staging, name: str = "customers") -> dict[str, Any]:
    (kept,) = held(staging, "validated", dataset_named(name)).to_dicts()
    return kept


def test_rows_are_typed_under_the_partitions_key(staging: Staging) -> None:
    found = validated(staging, CUSTOMERS, [row("customers", Is_OptIn="No", Balance="-0.5")])
    kept = only(staging)
    assert list(kept) == ["_partition", *(column.name for column in CUSTOMERS.columns)]
    assert found.columns == staging.open("validated", "customers", DAY).columns
    assert {name: value for name, value in kept.items() if value is not None} == {
        "_partition": "2026-11-19",
        "Player_ID": "C1",
        "Registration_Date": date(2024, 2, 29),
        "Is_OptIn": False,
        "Balance": Decimal("-0.5000"),
        "LastUpdated": MOMENT,
    }
    assert (found.rows_in, found.rows, found.repaired, found.warned, found.by_rule) == (1, 1, {}, {}, {})


def test_a_partition_of_an_hour_has_the_hours_key(staging: Staging) -> None:
    hour = datetime(2026, 11, 19, 14)  # noqa: DTZ001 - a partition
    validated(staging, CUSTOMERS, [row("customers")], day=hour)
    assert held(staging, "validated", CUSTOMERS, hour)["_partition"].to_list() == ["2026-11-19T14"]


@pytest.mark.parametrize("rows", [[], [row("customers", Player_ID=None)]])
def test_a_partition_without_sound_rows_keeps_its_columns(staging: Staging, rows: list[dict[str, Any]]) -> None:
    found = validated(staging, CUSTOMERS, rows)
    partition = staging.open("validated", "customers", DAY)
    assert (partition.rows, found.rows, found.quarantined) == (0, 0, len(rows))
    assert partition.columns == found.columns
    assert found.quarantined_share == len(rows)


CET = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("name", "column", "value", "typed"),
    [
        ("customers", "Player_ID", 42, "42"),
        ("customers", "Player_ID", 42.0, "42"),
        ("customers", "Alias", Decimal("1.50"), "1.50"),
        ("customers", "City", 'Zürich, "Old\ntown" 🎲', 'Zürich, "Old\ntown" 🎲'),
        ("customers", "City", "", None),
        ("customers", "Is_OptIn", True, True),
        ("customers", "Is_OptIn", 0, False),
        ("customers", "Is_OptIn", 1.0, True),
        ("customers", "Balance", 12, Decimal("12.0000")),
        ("customers", "Balance", 99_999_999_999_999, Decimal("99999999999999.0000")),
        ("customers", "Balance", 0.1 + 0.2, Decimal("0.3000")),
        ("customers", "Balance", Decimal("99999999999999.9999"), Decimal("99999999999999.9999")),
        ("customers", "Registration_Date", date(2024, 2, 29), date(2024, 2, 29)),
        ("customers", "Registration_Date", datetime(2026, 1, 1, 0, 30, tzinfo=CET), date(2025, 12, 31)),
        ("customers", "Registration_Date", "2024-02-29 23:59:59", date(2024, 2, 29)),
        ("customers", "LastUpdated", datetime(2026, 11, 19, 11, tzinfo=CET), MOMENT),
        ("customers", "LastUpdated", MOMENT, MOMENT),
        ("customers", "LastUpdated", date(2026, 11, 19), datetime(2026, 11, 19)),  # noqa: DTZ001 - UTC
        ("customers", "LastUpdated", "2026-11-19T11:00:00+01:00", MOMENT),
        ("customers", "LastUpdated", "2026-11-19 09:00:00.000 -0100", MOMENT),
        ("customers", "LastUpdated", "2026-11-19T10:00:00", MOMENT),
        ("customers", "LastUpdated", "2026-11-19 10:00:00 UTC", MOMENT),
        ("events", "tenant", "7", 7),
        ("events", "tenant", 7.0, 7),
        ("events", "timestamp", "2026-11-19 10:00:00.000001 UTC", MOMENT + timedelta(microseconds=1)),
        ("events", "context", {"amount": 1.5, "method": "é"}, '{"amount":1.5,"method":"é"}'),
    ],
)
def test_a_value_of_any_type_becomes_the_contracts(
    staging: Staging, name: str, column: str, value: Any, typed: Any
) -> None:
    found = validated(staging, dataset_named(name), [row(name, **{column: value})])
    assert (found.rows, found.by_rule) == (1, {})
    assert only(staging, name)[column] == typed


@pytest.mark.parametrize(("unit", "zone"), [("ms", "Asia/Tokyo"), ("ns", "UTC"), ("us", None)])
def test_times_of_any_unit_and_zone_become_utc(staging: Staging, unit: TimeUnit, zone: str | None) -> None:
    extracted(staging, CUSTOMERS, [row("customers")])
    frame = pl.read_parquet(staging.open("dataset", "customers", DAY).files)
    moment = pl.lit(MOMENT).cast(pl.Datetime(unit)).dt.replace_time_zone("UTC")
    local = moment.dt.replace_time_zone(None) if zone is None else moment.dt.convert_time_zone(zone)
    with staging.writing("dataset", "customers", DAY) as writer:
        writer.write(frame.with_columns(LastUpdated=local, Registration_Date=local))
    own = DatasetSettings(tolerated_share=0.0)
    assert validate_dataset(CUSTOMERS, DAY, staging, own, EVERYBODY, now=NOW).rows == 1
    assert (only(staging)["LastUpdated"], only(staging)["Registration_Date"]) == (MOMENT, MOMENT.date())


def test_text_that_the_source_holds_as_categories_is_checked_as_text(staging: Staging) -> None:
    extracted(staging, CUSTOMERS, [row("customers", City="Oslo ", Gender="male")])
    frame = pl.read_parquet(staging.open("dataset", "customers", DAY).files)
    with staging.writing("dataset", "customers", DAY) as writer:
        writer.write(frame.with_columns(pl.col("City", "Gender").cast(pl.Categorical)))
    own = DatasetSettings(tolerated_share=0.0)
    found = validate_dataset(CUSTOMERS, DAY, staging, own, EVERYBODY, now=NOW)
    assert found.repaired == {"trim:City": 1, "spelling:Gender": 1}
    assert (only(staging)["City"], only(staging)["Gender"]) == ("Oslo", "Male")


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("customers", "Balance", float("inf")),
        ("customers", "Balance", 1e15),
        ("customers", "Balance", 10**14),
        ("customers", "Balance", Decimal("100000000000000.0")),
        ("customers", "Balance", True),
        ("customers", "Is_OptIn", 2),
        ("customers", "Is_OptIn", "perhaps"),
        ("customers", "LastUpdated", "19.11.2026 10:00"),
        ("customers", "LastUpdated", 1763546400),
        ("customers", "Registration_Date", "2023-02-29"),
        ("events", "tenant", 7.5),
        ("events", "tenant", "seven"),
        ("events", "tenant", date(2026, 1, 1)),
    ],
)
def test_a_value_that_is_none_of_its_kind_is_rejected_and_shown(
    staging: Staging, name: str, column: str, value: Any
) -> None:
    found = validated(staging, dataset_named(name), [row(name, **{column: value})])
    assert found.by_rule == {f"type:{column}": 1}
    (broken,) = held(staging, "quarantine", dataset_named(name)).to_dicts()
    assert broken["rule"] == f"type:{column}"
    assert broken["raw_value"]
    assert json.loads(broken["row"])[column] == broken["raw_value"]


def test_ids_that_came_as_fractions_since_others_were_null_are_whole_again(staging: Staging) -> None:
    rows = [row("events", event_id=f"E{number}", customer=customer) for number, customer in enumerate([1.0, None])]
    rows[1]["visitor"] = "V1"
    known = Known(references={"customers.Player_ID": lambda asked: asked == "1"})
    assert validated(staging, EVENTS, rows, known=known).rows == 2
    assert held(staging, "validated", EVENTS)["customer"].to_list() == ["1", None]


def test_a_broken_row_is_kept_as_it_came_with_all_of_its_rules(staging: Staging) -> None:
    came = row("customers", Player_ID=" C1 ", Email='x,\n"y"', Gender="?", Registration_Date="1900-01-01")
    found = validated(staging, CUSTOMERS, [came])
    (broken,) = held(staging, "quarantine", CUSTOMERS).to_dicts()
    assert (broken["rule"], broken["column"]) == ("sentinel:Registration_Date, email:Email", "Registration_Date")
    assert {name: value for name, value in json.loads(broken["row"]).items() if value is not None} == came
    assert found.by_rule == {"sentinel:Registration_Date": 1, "email:Email": 1}
    assert found.repaired == {"trim:Player_ID": 1, "placeholder:Gender": 1}


def test_the_newest_version_of_a_key_wins_wherever_it_stands(staging: Staging) -> None:
    stamps = ["10:00:00", "12:00:00", "11:00:00", "12:00:00"]
    rows = [
        *(row("customers", First_Name=stamp, LastUpdated=f"2026-11-19 {stamp}") for stamp in stamps),
        *(row("customers", Player_ID=f"D{number}") for number in range(4)),
    ]
    found = validated(staging, CUSTOMERS, rows, bounds=SMALL)
    assert (found.rows, found.repeated_rows, found.duplicate_keys, found.quarantined) == (5, 3, 3, 0)
    kept = held(staging, "validated", CUSTOMERS).filter(pl.col("Player_ID") == "C1")
    assert kept["First_Name"].to_list() == ["12:00:00"]


def test_a_row_of_the_same_key_and_moment_but_other_content_is_broken(staging: Staging) -> None:
    rows = [row("customers", First_Name=name) for name in ("Ann", "Anne", "Ann")]
    found = validated(staging, CUSTOMERS, rows)
    assert (found.rows, found.repeated_rows, found.by_rule) == (1, 1, {"unique": 1})
    assert only(staging)["First_Name"] == "Ann"
    (broken,) = held(staging, "quarantine", CUSTOMERS).to_dicts()
    assert (broken["rule"], broken["column"], broken["raw_value"]) == ("unique", "Player_ID", "C1")


def test_a_broken_newest_version_does_not_displace_an_older_sound_one(staging: Staging) -> None:
    rows = [row("customers"), row("customers", Email="x", LastUpdated="2026-11-19 12:00:00")]
    found = validated(staging, CUSTOMERS, rows)
    assert (found.rows, found.repeated_rows, found.quarantined) == (1, 0, 1)
    assert only(staging)["LastUpdated"] == MOMENT


def test_ids_that_differ_in_blanks_alone_are_one_key_once_repaired(staging: Staging) -> None:
    found = validated(staging, CUSTOMERS, [row("customers"), row("customers", Player_ID="C1 ")])
    assert (found.rows, found.repeated_rows) == (1, 1)


def test_rows_without_a_moment_of_change_that_are_alike_are_copies(staging: Staging) -> None:
    catalog = dataset_named("game_types_and_categories")
    rows = [{"Game_ID": "G1", "Game_Name": name} for name in ("Slots", "Slots", "Slot")]
    found = validated(staging, catalog, rows)
    assert (found.rows, found.repeated_rows, found.by_rule) == (1, 1, {"unique": 1})


def test_rows_that_an_earlier_partition_delivered_are_dropped(staging: Staging) -> None:
    rows = [row("customers", Player_ID=customer) for customer in ("C1", "C2", "C3")]
    asked: list[list[str]] = []

    def delivered(keys: pl.DataFrame) -> pl.Series:
        asked.append(keys.columns)
        return (keys["Player_ID"] == "C2") & (keys["LastUpdated"] == MOMENT)

    found = validated(staging, CUSTOMERS, rows, known=Known(delivered=delivered))
    assert (found.rows, found.already_delivered) == (2, 1)
    assert held(staging, "validated", CUSTOMERS)["Player_ID"].to_list() == ["C1", "C3"]
    assert asked == [["Player_ID", "LastUpdated"]]


def test_rows_of_suppressed_customers_leave_no_trace(staging: Staging) -> None:
    rows = [row("customers", Player_ID=" C1 ", Email="x"), row("customers", Player_ID="C2"), row("customers")]
    found = validated(staging, CUSTOMERS, rows, known=Known(forgotten=Forgotten("Player_ID", {"C1"})))
    assert (found.rows, found.suppressed, found.quarantined, found.repaired) == (1, 2, 0, {})
    assert only(staging)["Player_ID"] == "C2"
    assert staging.open("quarantine", "customers", DAY).rows == 0


def test_the_currency_of_most_rows_is_the_one_if_the_settings_name_none(staging: Staging) -> None:
    games = dataset_named("games")
    codes = ["SEK", "EUR", " EUR ", None, "EUR"]
    rows = [row("games", Currency=code, Platform=str(number)) for number, code in enumerate(codes)]
    found = validated(staging, games, rows)
    assert found.by_rule == {"currency:Currency": 1}
    assert held(staging, "validated", games)["Currency"].to_list() == ["EUR", "EUR", None, "EUR"]


def test_more_broken_rows_than_tolerated_hold_the_partition_back(staging: Staging) -> None:
    validated(staging, CUSTOMERS, [row("customers")])
    rows = [row("customers", Player_ID=f"C{number}", Email=email) for number, email in enumerate(["x", "a@b"])]
    own = Datasets(tolerated_share=0.4).of("customers")
    with pytest.raises(ContractError) as caught:
        validated(staging, CUSTOMERS, rows, own)
    assert "validated/customers of 2026-11-19 is held back: 1 of 2 rows (50.00%)" in str(caught.value)
    assert "40.00% are tolerated. Rows by rule: email:Email 1." in str(caught.value)
    assert staging.find("validated", "customers", DAY) is None
    assert held(staging, "quarantine", CUSTOMERS).height == 1


def test_one_row_that_blocks_holds_the_partition_back_whatever_is_tolerated(staging: Staging) -> None:
    rows = [row("customers", Player_ID=f"C{number}") for number in range(500)]
    rows[7]["Email"] = "x"
    own = DatasetSettings(tolerated_share=1.0, rules={"email": "block"})
    with pytest.raises(ContractError, match="blocked by email:Email"):
        validated(staging, CUSTOMERS, rows, own)
    assert dataset_validation_of(staging.open("quarantine", "customers", DAY)).blocked_by == ["email:Email"]


def test_a_partition_that_was_never_extracted_is_told(staging: Staging) -> None:
    with pytest.raises(PartitionError, match="dataset/customers of 2026-11-19 is not there"):
        validate_dataset(CUSTOMERS, DAY, staging, DatasetSettings(), EVERYBODY, now=NOW)


def test_a_validated_partition_is_published(staging: Staging, tmp_path: Path) -> None:
    found = validated(staging, CUSTOMERS, [row("customers"), row("customers", Player_ID="C2", Email="x")])
    partition = staging.open("validated", "customers", DAY)
    assert dataset_validation_of(partition) == found
    assert asdict(validation_of(partition)).items() <= asdict(found).items()
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    published = publish(CUSTOMERS, [DAY], staging, warehouse, "a run")
    assert (published.rows, published.quarantined) == ({DAY: 1}, {DAY: 1})
    with warehouse.open("looking") as connection:
        rows = connection.execute("SELECT _partition, Player_ID, LastUpdated FROM datasets.customers").fetchall()
    assert rows == [("2026-11-19", "C1", MOMENT)]


CUSTOMER_ROWS = st.fixed_dictionaries(
    {
        "Player_ID": st.sampled_from(["C1", "C1 ", "C2", "C3", "C4", None]),
        "First_Name": st.one_of(st.sampled_from(["Ann", 'Zoë, "Z"\n']), st.text(max_size=3)),
        "Email": st.sampled_from([None, "a@b", "x"]),
        "LastUpdated": st.sampled_from(["2026-11-19 10:00:00", "2026-11-19T09:00:00Z", "2026-11-21 00:00:00"]),
    }
)
KNOWN = Known(delivered=lambda keys: keys["Player_ID"] == "C4", forgotten=Forgotten("Player_ID", {"C3"}))


@given(st.lists(CUSTOMER_ROWS, max_size=9), st.integers(2, 5))
@settings(max_examples=10, derandomize=True)
def test_every_row_is_somewhere_and_only_once(rows: list[dict[str, Any]], rows_at_once: int) -> None:
    whole = [row("customers", **each) for each in rows]
    with TemporaryDirectory() as folder:
        staging = Staging(Path(folder))
        found = validated(
            staging, CUSTOMERS, whole, known=KNOWN, bounds=Bounds(rows=rows_at_once, hashes=3, compared=1)
        )
        kept, broken = held(staging, "validated", CUSTOMERS), held(staging, "quarantine", CUSTOMERS)
    dropped = found.repeated_rows + found.already_delivered + found.suppressed + found.quarantined_before
    assert found.rows_in == len(rows) == found.rows + found.quarantined + dropped
    assert (kept.height, broken.height) == (found.rows, found.quarantined)
    assert kept.is_empty() or kept["Player_ID"].is_unique().all()

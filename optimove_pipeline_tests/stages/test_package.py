"""Packages: their parts, names and manifests, and what packaging again does."""

from __future__ import annotations

import gzip
import hashlib
import random
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from optimove_pipeline.errors import ContractError, SettingsError
from optimove_pipeline.packages import MANIFEST, Package, Window, find_package, open_package
from optimove_pipeline.stages.package import package
from optimove_pipeline_tests.stages.packing import (
    DAY,
    READY,
    SENDS,
    by_duckdb,
    by_python,
    contents,
    options,
    packaged,
    text,
    validated,
)

NONE = pl.DataFrame(schema={"customer_id": pl.String, "sent_at": pl.Datetime("us"), "amount": pl.Float64})


def rows(count: int, seed: int = 1) -> pl.DataFrame:
    """Return rows that compress badly, so that small limits make many parts."""
    source = random.Random(seed)
    return pl.DataFrame(
        {
            "customer_id": [f"C{number:06d}" for number in range(count)],
            "token": [f"{source.getrandbits(128):x}" for _ in range(count)],
            "amount": [source.random() * 1000 for _ in range(count)],
        }
    )


def files(made: Package) -> dict[str, bytes]:
    return {part.name: made.file(part).read_bytes() for part in made.parts}


def test_a_part_is_named_for_table_day_readiness_and_number(tmp_path: Path) -> None:
    made = packaged(tmp_path, rows(3))
    assert [part.name for part in made.parts] == ["Sends_20261119_060000_001.csv.gz"]
    template = {"each": {"sends": {"table": "Mails", "name": "{feed}-{table}.{part}.{date}.{extension}"}}}
    assert [part.name for part in packaged(tmp_path, rows(3), **template).parts] == ["sends-Mails.1.20261119.csv.gz"]


@pytest.mark.parametrize(
    ("settings", "extension"),
    [
        ({"format": "csv", "compression": "none"}, "csv"),
        ({"format": "ndjson"}, "json.gz"),
        ({"format": "ndjson", "compression": "none"}, "json"),
        ({"format": "parquet"}, "parquet"),
    ],
)
def test_a_name_tells_format_and_compression(tmp_path: Path, settings: dict[str, Any], extension: str) -> None:
    (part,) = packaged(tmp_path, rows(3), **settings).parts
    assert part.name == f"Sends_20261119_060000_001.{extension}"


def test_readiness_is_named_in_utc(tmp_path: Path) -> None:
    ready = datetime(2026, 11, 20, 1, 30, tzinfo=timezone(timedelta(hours=-5)))
    made = package(SENDS, validated(tmp_path, rows(1)), options(), tmp_path / "packages", ready=ready)
    assert made.parts[0].name == "Sends_20261119_063000_001.csv.gz"


def test_the_manifest_tells_what_the_parts_are(tmp_path: Path) -> None:
    window = Window(datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
    partition = validated(tmp_path, rows(2000))
    made = package(
        SENDS,
        partition,
        options(part_bytes=20_000),
        tmp_path / "packages",
        ready=READY,
        window=window,
    )
    assert open_package(tmp_path / "packages" / "sends" / "2026-11-19") == made
    assert (made.feed, made.day, made.format, made.table) == ("sends", DAY, "csv", "Sends")
    assert (made.window, made.watermark) == (window, window.end)
    assert made.columns == {"customer_id": "String", "token": "String", "amount": "Float64"}
    assert made.rows == 2000 == sum(part.rows for part in made.parts)
    assert len(made.parts) > 1
    for part, content in zip(made.parts, contents(made), strict=True):
        file = made.file(part).read_bytes()
        assert (part.bytes, part.sha256) == (len(file), hashlib.sha256(file).hexdigest())
        assert part.rows == content.count(b"\n") - 1


@pytest.mark.parametrize(
    "settings",
    [
        {"format": "csv", "part_bytes": 30_000},
        {"format": "csv", "part_bytes": 30_000, "compression": "none"},
        {"format": "ndjson", "part_bytes": 30_000, "gzip_level": 0},
        {"format": "parquet", "part_bytes": 60_000},
    ],
    ids=["csv.gz", "csv", "json.gz", "parquet"],
)
def test_parts_are_nearly_full_and_never_over_the_limit(tmp_path: Path, settings: dict[str, Any]) -> None:
    made = packaged(tmp_path, rows(20_000), **settings)
    limit = settings["part_bytes"]
    assert len(made.parts) > 10
    assert all(part.bytes <= limit for part in made.parts)
    assert all(part.bytes >= 0.7 * limit for part in made.parts[:-1])


@pytest.mark.parametrize("limit", [40_000, 50_000, 60_000, 70_000])
def test_parts_are_nearly_full_wherever_blocks_end(tmp_path: Path, limit: int) -> None:
    parts = packaged(tmp_path, rows(10_000), part_bytes=limit).parts
    assert all(0.7 * limit <= part.bytes <= limit for part in parts[:-1])


@pytest.mark.parametrize("settings", [{}, {"compression": "none"}, {"format": "ndjson"}, {"format": "parquet"}])
def test_the_limit_holds_to_the_byte(tmp_path: Path, settings: dict[str, Any]) -> None:
    (whole,) = packaged(tmp_path, rows(300), **settings).parts
    assert len(packaged(tmp_path, rows(300), part_bytes=whole.bytes, **settings).parts) == 1
    cut = packaged(tmp_path, rows(300), part_bytes=whole.bytes - 1, **settings).parts
    assert all(part.bytes < whole.bytes for part in cut)
    assert sum(part.rows for part in cut) == 300


def test_parquet_parts_hold_all_rows_in_order(tmp_path: Path) -> None:
    frame = rows(20_000)
    made = packaged(tmp_path, frame, format="parquet", part_bytes=300_000)
    read = pl.concat([pl.read_parquet(made.file(part)) for part in made.parts])
    assert read["customer_id"].to_list() == frame["customer_id"].to_list()
    assert [pl.read_parquet(made.file(part)).height for part in made.parts] == [part.rows for part in made.parts]


def test_row_groups_of_parquet_are_put_together_to_one_part(tmp_path: Path) -> None:
    frame = pl.DataFrame({"customer_id": pl.int_range(300_000, eager=True).cast(pl.String)})
    made = packaged(tmp_path, frame, format="parquet")
    (part,) = made.parts
    groups = duckdb.sql(f"SELECT DISTINCT row_group_num_rows FROM parquet_metadata('{made.file(part)}')").fetchall()
    assert sorted(groups) == [(54_240,), (122_880,)]
    assert pl.read_parquet(made.file(part)).equals(frame)
    assert {path.name for path in made.file(part).parent.iterdir()} == {part.name, MANIFEST}


def test_a_row_larger_than_a_part_is_an_error_without_values(tmp_path: Path) -> None:
    frame = rows(50).with_columns(token=pl.when(pl.col("customer_id") == "C000031").then(pl.lit("äx" * 5000)))
    with pytest.raises(ContractError) as caught:
        packaged(tmp_path, frame, part_bytes=2_000, compression="none")
    assert str(caught.value) == (
        "packaged/sends of 2026-11-19: one row alone needs more than the 2,000 bytes that packages.part_bytes allows "
        "a part; look for the longest values by the key (customer_id), and shorten them at the source or allow "
        "larger parts"
    )
    assert find_package(tmp_path / "packages" / "sends" / "2026-11-19") is None
    assert list((tmp_path / "packages" / "sends" / "2026-11-19").iterdir()) == []


@pytest.mark.parametrize("part_format", ["csv", "ndjson", "parquet"])
def test_the_same_rows_give_the_same_bytes_however_they_were_cut(tmp_path: Path, part_format: str) -> None:
    frame, settings = pl.DataFrame({"customer_id": pl.int_range(150_000, eager=True)}), options(format=part_format)
    made = [
        package(SENDS, validated(folder, frame, cut), settings, folder / "packages", ready=READY)
        for folder, cut in ((tmp_path / "whole", 150_000), (tmp_path / "cut", 40_001))
    ]
    assert files(made[0]) == files(made[1])
    assert made[0].parts == made[1].parts
    assert made[0].source != made[1].source


def test_a_gzip_part_holds_no_name_and_no_time(tmp_path: Path) -> None:
    (content,) = files(packaged(tmp_path, rows(3))).values()
    assert content[:10] == b"\x1f\x8b\x08" + bytes(6) + b"\xff"


def test_a_gzip_part_is_one_member_though_blocks_are_compressed_alone(tmp_path: Path) -> None:
    made = packaged(tmp_path, rows(40_000))
    (content,) = files(made).values()
    with gzip.open(made.file(made.parts[0])) as file:
        assert file.read().count(b"\n") == 40_001
    # A second member would have a header of its own, and the size at the end would be its alone.
    assert int.from_bytes(content[-4:], "little") == len(gzip.decompress(content))


def test_packaging_what_is_whole_does_nothing(tmp_path: Path) -> None:
    partition = validated(tmp_path, rows(100))
    first = package(SENDS, partition, options(), tmp_path / "packages", ready=READY)
    written = first.file(first.parts[0]).stat()
    assert package(SENDS, partition, options(), tmp_path / "packages", ready=READY) == first
    assert first.file(first.parts[0]).stat() == written


def test_a_package_that_lost_a_part_is_made_again(tmp_path: Path) -> None:
    partition = validated(tmp_path, rows(100))
    first = package(SENDS, partition, options(), tmp_path / "packages", ready=READY)
    whole = files(first)
    first.file(first.parts[0]).write_bytes(b"short")
    assert files(package(SENDS, partition, options(), tmp_path / "packages", ready=READY)) == whole


def test_rows_validated_again_make_the_package_anew_beside_the_old_parts(tmp_path: Path) -> None:
    first = packaged(tmp_path, rows(100))
    old = files(first)
    second = packaged(tmp_path, rows(100, seed=2))
    assert open_package(first.folder) == second != first
    assert files(first) == old != files(second)


def test_other_settings_make_the_package_anew_with_another_fingerprint_where_readers_see_it(tmp_path: Path) -> None:
    partition = validated(tmp_path, rows(100))

    def fingerprint(**settings: Any) -> str:
        return package(SENDS, partition, options(**settings), tmp_path / "packages", ready=READY).fingerprint

    usual = fingerprint()
    assert fingerprint(gzip_level=1) == fingerprint(part_bytes=1_000) == usual
    others = [fingerprint(format="ndjson"), fingerprint(csv={"delimiter": "tab"}), fingerprint(decimal_places=2)]
    assert len({usual, *others}) == 4


@pytest.mark.parametrize(
    ("settings", "content"),
    [
        ({}, b"customer_id,sent_at,amount\n"),
        ({"csv": {"header": False}}, b""),
        ({"format": "ndjson"}, b""),
    ],
)
def test_an_empty_day_gives_a_part_without_rows(tmp_path: Path, settings: dict[str, Any], content: bytes) -> None:
    made = packaged(tmp_path, NONE, **settings)
    assert [part.rows for part in made.parts] == [0]
    assert contents(made) == [content]


def test_an_empty_day_of_parquet_keeps_its_types(tmp_path: Path) -> None:
    made = packaged(tmp_path, NONE, format="parquet")
    read = pl.read_parquet(made.file(made.parts[0]))
    assert (read.height, read.schema) == (
        0,
        pl.Schema(
            {"customer_id": pl.String(), "sent_at": pl.Datetime("us", "UTC"), "amount": pl.Decimal(18, 4)},
        ),
    )


@pytest.mark.parametrize("part_format", ["csv", "ndjson", "parquet"])
def test_an_empty_day_gives_no_part_where_none_is_wanted(tmp_path: Path, part_format: str) -> None:
    made = packaged(tmp_path, NONE, format=part_format, empty_day="none")
    assert (made.parts, made.rows, open_package(made.folder)) == ((), 0, made)


def test_a_field_that_is_no_column_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        packaged(tmp_path, rows(1), each={"sends": {"fields": {"tokn": "json"}}})
    assert str(caught.value) == (
        "packages.each.sends.fields.tokn: sends has no such column, only customer_id, token, amount"
    )


@pytest.mark.parametrize(
    ("column", "form", "expected"),
    [
        ("customer_id", "Yes/No", "'Yes/No' does not fit a text: expected json or text"),
        ("amount", "%Y", "'%Y' does not fit a number: expected number or text"),
        ("born", "%Y %H", "'%Y %H' does not fit a date: expected a pattern of dates"),
    ],
)
def test_a_form_that_does_not_fit_the_column_is_refused(
    tmp_path: Path, column: str, form: str, expected: str
) -> None:
    frame = rows(1).with_columns(born=pl.lit(DAY))
    with pytest.raises(SettingsError) as caught:
        packaged(tmp_path, frame, each={"sends": {"fields": {column: form}}})
    assert str(caught.value) == f"packages.each.sends.fields.{column}: {expected}"


def test_a_column_of_no_known_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"column tags is of type List\(String\), which can't be packaged"):
        packaged(tmp_path, pl.DataFrame({"customer_id": ["1"], "tags": [["a"]]}))


def test_both_readers_see_all_rows_of_many_parts(tmp_path: Path) -> None:
    frame = rows(3_000)
    made = packaged(tmp_path, frame, part_bytes=20_000)
    ids = frame["customer_id"].to_list()
    assert [row[0] for row in by_python(made)] == [row[0] for row in by_duckdb(made)] == ids


def test_a_custom_name_never_makes_two_parts_one(tmp_path: Path) -> None:
    made = packaged(tmp_path, rows(2_000), part_bytes=20_000, name="{date}{part}")
    assert len({part.name for part in made.parts}) == len(made.parts) > 1
    assert text(packaged(tmp_path, rows(1), name="{date}{part}")).count("\n") == 2

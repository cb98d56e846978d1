"""Files as a source: CSV, NDJSON and Parquet, in folders and buckets."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import obstore
import polars as pl
import pytest
from obstore.store import S3Store

from optimove_pipeline.datasets.sources.opening import open_source
from optimove_pipeline.datasets.sources.source import Origin
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.settings.sources import FilesSettings
from optimove_pipeline_tests.datasets.sources.database import everything, read_all, rows, schema_of
from optimove_pipeline_tests.servers.s3 import ACCESS_KEY, BUCKET, SECRET_KEY, s3_server
from optimove_pipeline_tests.servers.starting import free_port


def files(form: str, location: str = "in", **more: Any) -> FilesSettings:
    return FilesSettings.model_validate({"kind": "files", "location": location, "format": form, **more})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def read(folder: Path, form: str, pattern: str, **more: Any) -> list[dict[str, Any]]:
    return read_all(files(form, **more), Origin(table=pattern), data_dir=folder.parent)


def test_csv_is_read_with_its_quotes_and_line_breaks(folder: Path) -> None:
    (folder / "a.csv").write_text('id,name\n007,"a ""quote"", a comma,\nand a line 😀"\n8,""\n9,\n')
    assert read(folder, "csv", "a.csv") == [
        {"id": "007", "name": 'a "quote", a comma,\nand a line 😀'},
        {"id": "8", "name": ""},
        {"id": "9", "name": None},
    ]


def test_csv_of_another_dialect_is_read_as_the_settings_say(folder: Path) -> None:
    (folder / "a.csv").write_bytes("1;'Zo\xeb; \\'x\\'';NULL\n".encode("latin-1"))
    dialect = {"delimiter": ";", "quote": "'", "escape": "\\", "header": False, "null_text": "NULL"}
    found = read(folder, "csv", "a.csv", csv={**dialect, "encoding": "latin-1"})
    assert found == [{"column0": "1", "column1": "Zoë; 'x'", "column2": None}]


def test_files_are_put_together_by_the_names_of_their_columns(folder: Path) -> None:
    (folder / "a.csv").write_text("id,name\n1,x\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "b.csv.gz").write_bytes(gzip.compress(b"age,id\n30,2\n"))
    found = read(folder, "csv", "**/*.csv*")
    assert sorted(found, key=lambda row: row["id"]) == [
        {"id": "1", "name": "x", "age": None},
        {"id": "2", "name": None, "age": "30"},
    ]


def test_ndjson_is_read_as_text_and_nested_values_as_json(folder: Path) -> None:
    (folder / "a.ndjson").write_text(
        '{"id":"007","n":12345678901234567890,"yes":true,"none":null,"context":{"k":[1,"ü"]}}\n'
        '{"id":"8","a/b~c":"x\\ny"}\n'
    )
    first, second = sorted(read(folder, "ndjson", "a.ndjson"), key=lambda row: str(row["id"]))
    assert first == {
        "id": "007", "n": "12345678901234567890", "yes": "true", "none": None, "context": '{"k":[1,"ü"]}',
        "a/b~c": None,
    }  # fmt: skip
    assert second["a/b~c"] == "x\ny"


def test_parquet_keeps_its_types(folder: Path) -> None:
    frame = pl.DataFrame(
        {"id": [1], "at": [datetime(2026, 11, 20, tzinfo=UTC)], "day": [date(2026, 11, 20)], "list": [[1, 2]]}
    )
    frame.write_parquet(folder / "a.parquet")
    origin = Origin(table="a.parquet")
    assert schema_of(files("parquet"), origin, folder.parent) == {
        "id": pl.Int64(),
        "at": pl.Datetime("us", "UTC"),
        "day": pl.Date(),
        "list": pl.String(),
    }
    (row,) = read(folder, "parquet", "a.parquet")
    assert (row["at"], row["list"]) == (datetime(2026, 11, 20, tzinfo=UTC), "[1,2]")


def test_files_that_arrive_after_the_list_was_made_are_not_seen(folder: Path) -> None:
    (folder / "a.csv").write_text("id\n1\n")
    with open_source("drop", files("csv"), folder.parent) as snapshot:
        selection = everything(snapshot, Origin(table="*.csv"))
        (folder / "b.csv").write_text("id\n2\n")
        assert snapshot.count(selection) == 1
        assert rows(snapshot, selection) == [{"id": "1"}]


@pytest.mark.parametrize("change", ["longer", "touched", "gone"])
def test_a_file_that_changes_while_it_is_read_is_refused(folder: Path, change: str) -> None:
    file = folder / "a.csv"
    file.write_text("id\n1\n")
    with open_source("drop", files("csv"), folder.parent) as snapshot:
        frames = snapshot.read(everything(snapshot, Origin(table="*.csv")))
        next(frames)
        if change == "longer":
            file.write_text("id\n1\n2\n")
        elif change == "touched":
            os.utime(file, (1, 1))
        else:
            file.unlink()
        with pytest.raises(PartitionError, match=r"source drop \(files, in\): a\.csv changed while it was read"):
            next(frames)


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("csv", b'id,name\n1,x\n2,y,"geheim"\n'),
        ("csv", b"id,name\n1,\xff\xfegeheim\n"),
        ("ndjson", b'{"id":1}\n{"id":geheim}\n'),
        ("parquet", b"geheim"),
    ],
)
def test_a_file_that_can_not_be_read_is_named_and_not_repeated(folder: Path, form: str, content: bytes) -> None:
    (folder / f"a.{form}").write_bytes(content)
    with pytest.raises(SettingsError, match=rf"source shop \(files, in\): a\.{form}: ") as caught:
        read(folder, form, f"a.{form}")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("/etc/*.csv", "expected a pattern of paths below the source's location"),
        ("../*.csv", "expected a pattern of paths below the source's location"),
        ("{day}.csv", "the day is written as"),
        ("none*.csv", r"no file is named none\*\.csv"),
    ],
)
def test_a_wrong_pattern_is_refused(folder: Path, pattern: str, told: str) -> None:
    with pytest.raises((SettingsError, PartitionError), match=told):
        read(folder, "csv", pattern)


def test_a_folder_that_is_not_there_and_a_query_are_refused(folder: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such folder"):
        read_all(files("csv", "nowhere"), Origin(table="*.csv"), data_dir=folder.parent)
    with pytest.raises(SettingsError, match="expected table, a pattern of paths"):
        read_all(files("csv"), Origin(query="SELECT 1"), data_dir=folder.parent)


def test_nothing_is_left_behind(folder: Path) -> None:
    (folder / "a.csv").write_text("id\n1\n")
    read(folder, "csv", "a.csv")
    assert list((folder.parent / "scratch").iterdir()) == []


def test_what_a_killed_process_left_goes_after_a_day(folder: Path) -> None:
    left = folder.parent / "scratch" / "left"
    left.mkdir(parents=True)
    os.utime(left, (1, 1))
    (folder / "a.csv").write_text("id\n1\n")
    read(folder, "csv", "a.csv")
    assert not left.exists()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    monkeypatch.setenv("S3_KEY", ACCESS_KEY)
    monkeypatch.setenv("S3_SECRET", SECRET_KEY)
    store = S3Store(
        BUCKET,
        prefix="exports",
        endpoint=s3,
        region="us-east-1",
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        client_options={"allow_http": True},
    )
    yield store
    obstore.delete(store, [each["path"] for some in obstore.list(store) for each in some])


def s3_files(address: str, folder: str = "exports") -> FilesSettings:
    return files(
        "csv",
        f"s3://{BUCKET}/{folder}",
        endpoint=address,
        region="us-east-1",
        access_key="${S3_KEY}",
        secret_key="${S3_SECRET}",
        timeout_seconds=5,
    )


def test_files_of_a_bucket_are_read_by_pattern(s3: str, bucket: S3Store, tmp_path: Path) -> None:
    for name, content in {
        "2026-11-20/a.csv": "1",
        "2026-11-20/b.csv": "2",
        "2026-11-21/a.csv": "3",
        "x.txt": "4",
    }.items():
        obstore.put(bucket, name, f"id\n{content}\n".encode())
    origin = Origin(table="{date:%Y-%m-%d}/*.csv", partition=date(2026, 11, 20))
    assert read_all(s3_files(s3), origin, "id", data_dir=tmp_path) == [{"id": "1"}, {"id": "2"}]
    everywhere = Origin(table="**/a.csv")
    assert read_all(s3_files(s3), everywhere, "id", data_dir=tmp_path) == [{"id": "1"}, {"id": "3"}]


def test_an_object_that_changes_meanwhile_is_seen_as_it_was(s3: str, bucket: S3Store, tmp_path: Path) -> None:
    obstore.put(bucket, "a.csv", b"id\n1\n")
    with open_source("drop", s3_files(s3), tmp_path) as snapshot:
        selection = everything(snapshot, Origin(table="*.csv"))
        obstore.put(bucket, "a.csv", b"id\n2\n")
        assert rows(snapshot, selection) == [{"id": "1"}]


def test_a_refused_key_of_a_bucket_is_told_without_it(
    s3: str, bucket: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_SECRET", "geheim")
    with pytest.raises(SettingsError, match="refused: may the credential list and read there") as caught:
        read_all(s3_files(s3), Origin(table="*.csv"), data_dir=tmp_path)
    assert "geheim" not in repr(caught.value)


def test_a_bucket_that_can_not_be_reached_is_told_whatever_numbers_the_address_has(
    bucket: S3Store, tmp_path: Path
) -> None:
    away = s3_files(f"http://127.0.0.1:{free_port()}", "in 403.5ms")
    with pytest.raises(PartitionError, match=r"source shop .*: list: "):
        read_all(away, Origin(table="*.csv"), data_dir=tmp_path)

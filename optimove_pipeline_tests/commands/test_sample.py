"""``sample``: a few rows to the test folder, joined and masked, and no trace of it as a delivery."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import duckdb
import pytest

from optimove_pipeline.commands.sample import sample_name
from optimove_pipeline.ledger import ledger_file
from optimove_pipeline_tests.commands.company import DAY, NAMES, Company, rows_of, tree
from optimove_pipeline_tests.datasets.test_masking import CASINO

ON_DAY = ("--day", f"{DAY}")
TABLES = ("Customers", "Transactions")


def trials(company: Company) -> Path:
    return company.places.sftp_root / "test"


def sample_of(company: Company, table: str) -> list[dict[str, str]]:
    (file,) = trials(company).glob(f"{table}_*_sample.csv.gz")
    return rows_of(file)


def events_of(company: Company) -> list[dict[str, str]]:
    (file,) = trials(company).glob("Events_*_sample.*")
    return [json.loads(line) for line in gzip.open(file, "rt", encoding="utf-8")]


def test_a_sample_lies_in_the_test_folder_and_leaves_no_trace_of_a_delivery(delivered: Company) -> None:
    sent, data = tree(delivered.places.inbox), tree(delivered.place.data)
    ledger = ledger_file(delivered.place.data)
    with duckdb.connect(str(delivered.place.data / "warehouse.duckdb"), read_only=True) as warehouse:
        before = warehouse.execute("SELECT count(*) FROM datasets.customers").fetchall()
    records = ledger.read_bytes()
    ended = delivered.run("sample", "--rows", "20", *ON_DAY, "--json")
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout)
    assert [each["dataset"] for each in told["sent"]] == [*NAMES]
    assert told["problems"] == []
    for each in told["sent"]:
        assert each["rows"] == 20
        (file,) = each["files"]
        assert re.fullmatch(r"sftp://127.0.0.1:\d+/test/\w+_20250619_060000_001_sample\.(csv|json)\.gz", file)
        assert (trials(delivered) / Path(file).name).is_file()
    assert tree(delivered.places.inbox) == sent
    assert tree(delivered.place.data) - data - {"scratch"} == set()
    assert ledger.read_bytes() == records
    with duckdb.connect(str(delivered.place.data / "warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.execute("SELECT count(*) FROM datasets.customers").fetchall() == before


def test_a_masked_sample_is_joined_like_the_rows_and_holds_nothing_personal(delivered: Company) -> None:
    assert delivered.run("sample", "--rows", "30", *ON_DAY).exit_code == 0
    plain, paid = sample_of(delivered, "Customers"), sample_of(delivered, "Transactions")
    assert delivered.run("sample", "--rows", "30", *ON_DAY, "--mask").exit_code == 0
    masked, masked_paid = sample_of(delivered, "Customers"), sample_of(delivered, "Transactions")
    personal = [column.name for column in CASINO["customers"].columns if column.personal and column.name in plain[0]]
    assert {"Player_ID", "Email", "Mobile_Number", "First_Name", "Date_Of_Birth"} <= {*personal}
    for name in personal:
        assert (
            not {row[name] for row in masked if row[name]} & {row[name] for row in plain} or name == "Date_Of_Birth"
        )
        assert [bool(row[name]) for row in masked] == [bool(row[name]) for row in plain]
    kept = plain[0].keys() - {*personal}
    assert [{name: row[name] for name in kept} for row in masked] == [
        {name: row[name] for name in kept} for row in plain
    ]
    ids, masked_ids = ([row["Player_ID"] for row in rows] for rows in (plain, masked))
    mask = dict(zip(ids, masked_ids, strict=True))
    assert [row["Player_ID"] in mask for row in paid].count(True) > 0
    assert [mask[row["Player_ID"]] for row in paid if row["Player_ID"] in mask] == [
        row["Player_ID"] for row in masked_paid if row["Player_ID"] in {*masked_ids}
    ]
    assert not {str(row["customer"]) for row in events_of(delivered)} & {*ids}


def test_a_sample_replaces_the_one_before(delivered: Company) -> None:
    for rows in ("5", "7"):
        ended = delivered.run("sample", "--dataset", "customers", "--rows", rows, *ON_DAY)
        assert ended.exit_code == 0, ended.output
    assert len(sample_of(delivered, "Customers")) == 7
    assert ended.stdout.splitlines()[0].startswith("customers: 7 rows; broken rows of the day were left out: ")


def test_a_data_set_that_cannot_be_read_is_told_and_the_others_are_sent(company: Company) -> None:
    company.change(lambda document: document["datasets"]["each"]["events"].update(table="app.nothing"))
    company.change(lambda document: document["targets"].update(share={"kind": "local", "folder": "share"}))
    ended = company.run("sample", "--target", "share", "--rows", "3", *ON_DAY, "--json")
    assert ended.exit_code == 1
    told = json.loads(ended.stdout)
    assert [each["dataset"] for each in told["sent"]] == ["customers", "transactions"]
    assert len(told["problems"]) == 1
    assert "app.nothing" in told["problems"][0]
    lying = [path.name for path in (company.place.data / "share").rglob("*.gz")]
    assert sorted(lying) == [f"{table}_20250619_060000_001_sample.csv.gz" for table in TABLES]
    assert (company.place.data / "share" / "optimove-pipeline-test" / lying[0]).is_file()


def test_a_first_sample_needs_nothing_that_was_delivered(company: Company) -> None:
    company.export("OPTIMOVE_DATA_DIR", str(company.place.root / "fresh"))
    ended = company.run("sample", "--dataset", "transactions", "--rows", "3", *ON_DAY)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.startswith("transactions: 3 rows")
    assert tree(company.place.root / "fresh") == {"scratch"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--dataset", "customrs"), "--dataset customrs: no such data set; did you mean customers?"),
        (("--target", "sandbx"), "--target sandbx: no such target; there are outbox, sandbox"),
    ],
)
def test_what_is_not_there_is_refused(arguments: tuple[str, ...], told: str, delivered: Company) -> None:
    ended = delivered.run("sample", *arguments, *ON_DAY)
    assert ended.exit_code == 2
    assert told in " ".join(ended.output.split())


def test_the_real_folder_is_never_the_test_folder(company: Company) -> None:
    company.change(lambda document: document["targets"]["sandbox"].update(test_folder="in"))
    ended = company.run("sample", *ON_DAY)
    assert ended.exit_code == 2
    assert "targets.sandbox.test_folder: it is the target's own folder" in " ".join(ended.output.split())


def test_a_samples_files_are_told_by_their_names() -> None:
    assert sample_name("Customers_20261120_060000_001.csv.gz") == "Customers_20261120_060000_001_sample.csv.gz"

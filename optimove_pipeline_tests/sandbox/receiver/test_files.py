"""Optimove's reader accepts good files, and rejects a file for each rule that a row or the file itself breaks."""

import gzip
import os
from typing import Any

import polars as pl
import pytest

from optimove_pipeline.sandbox.places import Places
from optimove_pipeline.sandbox.receiver.checking import MOST_BYTES
from optimove_pipeline.sandbox.receiver.report import Received, received
from optimove_pipeline_tests.sandbox.receiver.goods import (
    CUSTOMER,
    DAY,
    EVENT,
    GAME,
    PLAY,
    ROWS,
    TRANSACTION,
    csv_text,
    deliver,
    deliver_day,
    deliver_rows,
    file_name,
    ndjson_text,
)

LONG = "a" * 245 + "@b.com"


def told(places: Places, table: str, part: int = 1) -> Received:
    """What became of the file of a table."""
    (found,) = [each for each in received(places.folder) if (each.table, each.part) == (table, part)]
    return found


def test_a_good_file_of_each_table_is_accepted(places: Places) -> None:
    deliver_day(places)
    files = received(places.folder)
    assert {each.table: each.problems + each.warnings for each in files} == dict.fromkeys(ROWS, ())
    assert [(each.accepted, each.rows, each.day, each.part, each.version) for each in files] == [
        (True, 1, DAY, 1, 1)
    ] * 5
    assert [each.bytes for each in files] == [(places.inbox / each.file).stat().st_size for each in files]


@pytest.mark.parametrize(
    ("table", "column", "value", "problem"),
    [
        ("Customers", "Player_ID", "", "Player_ID is blank"),
        ("Customers", "Player_ID", " 100001", "Player_ID begins or ends with blanks"),
        ("Customers", "Registration_Date", "31.01.2020", "Registration_Date is no date of the form yyyy-MM-dd"),
        ("Customers", "Registration_Date", "2020-02-30", "Registration_Date is no date of the form yyyy-MM-dd"),
        ("Customers", "Registration_Date", "20200131", "Registration_Date is no date of the form yyyy-MM-dd"),
        ("Customers", "Registration_Date", "2026-11-21", "Registration_Date lies in the future"),
        ("Customers", "Date_Of_Birth", "1900-01-01", "Date_Of_Birth is a date that stands for none"),
        ("Customers", "Date_Of_Birth", "1980-02-29T00:00:00Z", "Date_Of_Birth is an ISO time with a T"),
        ("Customers", "LastUpdated", "2026-11-19T10:00:00Z", "LastUpdated is an ISO time with a T"),
        ("Customers", "LastUpdated", "2026-11-19 10:00:00 UTC", "LastUpdated is no time of the form"),
        ("Customers", "LastUpdated", "2026-11-19 25:00:00", "LastUpdated is no time of the form"),
        ("Customers", "LastUpdated", "2026-11-21 00:00:00", "LastUpdated lies in the future"),
        ("Customers", "LastUpdated", "", "LastUpdated is blank"),
        ("Customers", "Email", LONG, "Email has more than 250 characters"),
        ("Customers", "Email", "a@b@example.com", "Email is no e-mail address"),
        ("Customers", "Is_OptIn", "true", "Is_OptIn is neither Yes nor No"),
        ("Customers", "Is_OptIn", "1", "Is_OptIn is neither Yes nor No"),
        ("Customers", "Allow_SMS", "yes", "Allow_SMS is neither Yes nor No"),
        ("Customers", "Gender", "F", "Gender is none of Male, Female, Unknown"),
        ("Customers", "Balance", "1.23456", "Balance is no decimal of at most 4 places"),
        ("Customers", "Balance", "1,5", "Balance is no decimal of at most 4 places"),
        ("Customers", "First_Name", "NULL", "First_Name holds a placeholder"),
        ("Customers", "Currency", "€", "Currency is no code of three letters"),
        ("Transactions", "Transaction_Amount", "€5", "Transaction_Amount is no decimal of at most 4 places"),
        ("Transactions", "Transaction_Amount", "", "Transaction_Amount is blank"),
        ("Transactions", "Player_ID", "ghost", "Player_ID is not in Customers"),
        ("Games", "Number_Of_Bets", "1.5", "Number_Of_Bets is no whole number"),
        ("Games", "Real_Bet_Amount", "12e3", "Real_Bet_Amount is no decimal of at most 4 places"),
        ("Game_Types_and_Categories", "Game_Name", "", "Game_Name is blank"),
        ("Events", "tenant", "4711", "tenant is no number"),
        ("Events", "tenant", None, "tenant is blank"),
        ("Events", "event", "OOTB_login", "event is not configured"),
        ("Events", "customer", None, "customer is blank, and so is visitor"),
        ("Events", "customer", "ghost", "customer is not in Customers"),
        ("Events", "timestamp", "2026-11-19 10:30:00", "timestamp is not of the form"),
        ("Events", "timestamp", "2026-13-19 10:30:00.000000 UTC", "timestamp is not of the form"),
        ("Events", "LastUpdated", "2026-11-19T10:30:00Z", "LastUpdated is an ISO time with a T"),
        ("Events", "context", '{"platform": "Web"}', "context is no object"),
        ("Events", "context", {"Platform": "Web"}, "context has a parameter whose name is not snake_case"),
        ("Events", "context", {"tags": ["a"]}, "context has a parameter that is no text, number or boolean"),
        ("Events", "context", {"note": "n" * 256}, "context has a parameter of more than 255 characters"),
    ],
)
def test_a_file_with_a_wrong_value_is_rejected(
    places: Places, table: str, column: str, value: Any, problem: str
) -> None:
    deliver_day(places, without=table)
    deliver_rows(places, table, [ROWS[table] | {column: value}])
    found = told(places, table)
    assert not found.accepted
    assert [each for each in found.problems if each.startswith(problem)] != []
    assert str(value) not in " ".join(found.problems) or len(str(value)) < 5


def test_problems_are_counted_and_the_first_line_is_told(places: Places) -> None:
    rows = [CUSTOMER | {"Player_ID": str(number), "Gender": "X"} for number in range(3)]
    deliver_rows(places, "Customers", rows)
    # The name of each row goes over two lines.
    assert told(places, "Customers").problems == (
        "Gender is none of Male, Female, Unknown (3 rows, first in line 3)",
    )


def test_a_key_may_be_there_once_in_all_parts_of_a_delivery(places: Places) -> None:
    deliver_rows(places, "Customers", [CUSTOMER], part=1)
    deliver_rows(places, "Customers", [CUSTOMER], part=2)
    assert told(places, "Customers", 1).accepted
    assert told(places, "Customers", 2).problems == ("Player_ID is there twice (line 3)",)


def test_a_key_of_several_columns_is_looked_at_whole(places: Places) -> None:
    deliver_day(places, without="Games")
    deliver_rows(places, "Games", [PLAY, PLAY | {"Platform": "iOS"}])
    assert told(places, "Games").accepted


def test_an_orphan_of_the_catalog_is_told_and_accepted(places: Places) -> None:
    deliver_day(places, without="Games")
    deliver_rows(places, "Games", [PLAY | {"Game_ID": "G999"}])
    found = told(places, "Games")
    assert (found.accepted, found.problems) == (True, ())
    assert found.warnings == ("Game_ID is not in Game_Types_and_Categories (line 2)",)


def test_customers_of_a_rejected_file_are_not_known(places: Places) -> None:
    deliver_day(places, without="Customers")
    deliver_rows(places, "Customers", [CUSTOMER | {"Gender": "X"}])
    assert told(places, "Transactions").problems == ("Player_ID is not in Customers (line 2)",)


def test_two_currencies_are_rejected_in_facts_only(places: Places) -> None:
    customers = [CUSTOMER, CUSTOMER | {"Player_ID": "2", "Currency": "USD"}]
    deliver_rows(places, "Customers", customers)
    deliver_rows(places, "Transactions", [TRANSACTION, TRANSACTION | {"Transaction_ID": "2", "Currency": "USD"}])
    assert told(places, "Customers").accepted
    assert told(places, "Transactions").problems == ("Currency is not one and the same",)


def test_personal_data_belong_in_the_profile(places: Places) -> None:
    deliver_rows(places, "Game_Types_and_Categories", [GAME | {"Email": "a@example.com"}])
    problems = told(places, "Game_Types_and_Categories").problems
    assert problems == ("Email tells of a person, which only the profile may (line 2)",)


def test_names_of_columns_are_english(places: Places) -> None:
    deliver_rows(places, "Game_Types_and_Categories", [GAME | {"Größe": "1"}])
    problems = told(places, "Game_Types_and_Categories").problems
    assert problems == ("a column has a name that is not of English letters, digits and _ (line 2)",)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "has no header"),
        (b"Game_ID,Game_Name,Game_ID\n1,a,1\n", "names a column twice"),
        (b"Game_ID,Game_Category\n1,a\n", "has no column Game_Name"),
        (b"Game_ID,Game_Name\n1,a,b\n", "has 3 values in line 2, 2 columns in its header"),
        (b"Game_ID,Game_Name\n1\n", "has 1 values in line 2, 2 columns in its header"),
        (b'Game_ID,Game_Name\n1,"a\n', "is no CSV"),
        (b"Game_ID,Game_Name\n1,\xff\n", "is not UTF-8"),
        (b"\xef\xbb\xbfGame_ID,Game_Name\n1,a\n", "begins with a byte order mark"),
    ],
)
def test_a_broken_csv_file_is_rejected(places: Places, content: bytes, problem: str) -> None:
    deliver(places, file_name("Game_Types_and_Categories"), content)
    (found,) = received(places.folder)
    assert not found.accepted
    assert found.problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[" + ndjson_text([EVENT]).strip() + b"]\n", "has no JSON object in line 1"),
        (ndjson_text([EVENT]) + b"\n", "has no JSON object in line 2"),
        (b'{"event": 1, "event": 2}\n', "names a field twice in one object"),
        (ndjson_text([EVENT])[:-5], "has no JSON object in line 1"),
    ],
)
def test_a_broken_ndjson_file_is_rejected(places: Places, content: bytes, problem: str) -> None:
    deliver(places, file_name("Events"), content)
    assert told(places, "Events").problems[-1] == problem


def test_a_table_as_ndjson_needs_the_text_yes_or_no(places: Places) -> None:
    name = file_name("Customers").replace("csv", "ndjson")
    good = {**CUSTOMER, "Allow_SMS": None, "Balance": 12.5}
    deliver(places, name, ndjson_text([good]))
    assert told(places, "Customers").accepted
    deliver(places, name, ndjson_text([good | {"Is_OptIn": True}, good | {"Player_ID": "2", "City": {"a": 1}}]))
    assert [problem.partition(" (")[0] for problem in told(places, "Customers").problems] == [
        "Is_OptIn is a boolean, expected the text Yes or No",
        "City is a list or an object",
    ]


def test_a_parquet_file_is_read_by_its_own_types(places: Places) -> None:
    frame = pl.DataFrame([{**CUSTOMER, "Allow_SMS": None}]).with_columns(
        pl.col("Registration_Date").str.to_date(),
        pl.col("LastUpdated").str.to_datetime(),
        pl.col("Balance").cast(pl.Decimal(18, 4)),
        Is_OptIn=pl.lit(value=True),
    )
    frame.write_parquet(places.inbox / "Customers_20261119_060000_001.parquet")
    assert told(places, "Customers").problems == ()
    (places.inbox / "Customers_20261119_060000_002.parquet").write_bytes(b"PAR1")
    assert told(places, "Customers", 2).problems == ("is no Parquet file",)


@pytest.mark.parametrize("damage", ["cut", "trailing", "checksum", "plain"])
def test_a_broken_gzip_file_is_rejected(places: Places, damage: str) -> None:
    whole = gzip.compress(csv_text([GAME]))
    broken = {
        "cut": whole[:-9],
        "trailing": whole + b"more",
        "checksum": whole[:-8] + bytes(4) + whole[-4:],
        "plain": csv_text([GAME]),
    }[damage]
    (places.inbox / file_name("Game_Types_and_Categories")).write_bytes(broken)
    assert told(places, "Game_Types_and_Categories").problems == ("is no whole gzip file",)


def test_an_empty_day_s_files_are_accepted(places: Places) -> None:
    deliver(places, file_name("Game_Types_and_Categories"), b"Game_ID,Game_Name\n")
    deliver(places, file_name("Events"), b"")
    assert [(each.accepted, each.rows) for each in received(places.folder)] == [(True, 0), (True, 0)]


def test_a_part_with_another_header_is_rejected(places: Places) -> None:
    deliver_rows(places, "Game_Types_and_Categories", [GAME])
    turned = dict(reversed({**GAME, "Game_ID": "G002"}.items()))
    deliver_rows(places, "Game_Types_and_Categories", [turned], part=2)
    problems = told(places, "Game_Types_and_Categories", 2).problems
    assert problems == ("has another header than the delivery's first part",)


def test_a_file_beyond_the_limit_is_rejected_unread(places: Places) -> None:
    file = places.inbox / file_name("Customers")
    file.touch()
    os.truncate(file, MOST_BYTES + 1)
    assert told(places, "Customers").problems == ("is larger than 100,000,000 bytes",)


@pytest.mark.parametrize(
    "name",
    [
        "customers.csv",
        "Customers_20261119.csv.gz",
        "Customers_20261319_060000_001.csv.gz",
        "Customers_20261119_060000_001.zip",
        "Customers_20261119_060000_001.csv.bz2",
        "Customers_20261119_060000_001.parquet.gz",
    ],
)
def test_a_file_of_another_name_is_rejected(places: Places, name: str) -> None:
    (places.inbox / name).write_bytes(b"anything")
    (found,) = received(places.folder)
    assert (found.accepted, found.table, found.rows) == (False, None, 0)
    assert found.problems == ("has no name of the form Table_YYYYMMDD_HHMMSS_001.csv.gz",)


def test_a_table_that_was_not_agreed_is_rejected(places: Places) -> None:
    deliver(places, "customers_20261119_060000_001.csv.gz", csv_text([CUSTOMER]))
    assert told(places, "customers").problems == ("no table customers was agreed",)


def test_files_lie_at_most_two_folders_deep(places: Places) -> None:
    deliver(places, "a/b/" + file_name("Customers"), csv_text([CUSTOMER]))
    deliver(places, "a/b/c/" + file_name("Events"), b"")
    assert told(places, "Customers").accepted
    assert told(places, "Events").problems == ("lies deeper than two folders",)


def test_files_that_are_not_whole_yet_are_not_looked_at_and_neither_are_manifests(places: Places) -> None:
    for name in (
        ".Customers_20261119.abc.optimove-partial",
        "a.csv.tmp",
        ".staging/a.csv",
        "customers_manifest.json",
    ):
        deliver(places, name, b"")
    assert received(places.folder) == []


def test_files_that_were_moved_at_once_are_read_as_well(places: Places) -> None:
    file = deliver_rows(places, "Customers", [CUSTOMER])
    file.rename(places.taken / file.name)
    assert told(places, "Customers").accepted

"""Rows into tables of a Snowflake account, by the real connector; the account is fakesnow behind our recorder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from snowflake import connector

from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.table import TableColumn
from optimove_pipeline_tests.servers.snowflake import Recorder
from optimove_pipeline_tests.targets.snowflake.tables import (
    CATALOG,
    CUSTOMERS,
    DETAILS,
    REPORT,
    VARIABLE,
    asked,
    customer,
    detail,
    held,
    received,
    rows,
    target_of,
)

DAY, NEXT = "2026-11-20", "2026-11-21"
ODD = "Ünï, \"quoted\" 'text'\n\\N\\"


def test_values_of_all_types_arrive_as_they_were_and_no_files_are_left(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    left = tmp_path / "loading" / "share" / "customers" / "rows_00001.parquet"
    left.parent.mkdir(parents=True)
    left.write_text("of a load that was killed")
    told = [customer(1, ODD), customer(2, ""), customer(3, None, Balance=None, Is_Blocked=None, Birth_Date=None)]
    target.load(rows(CUSTOMERS, DAY, told))
    assert held(account, target, CUSTOMERS) == received(told)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_newest_change_of_a_key_wins_and_the_later_load_among_equals(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    target.load(rows(CUSTOMERS, DAY, [customer(1, "held", 9), customer(2, "held", 9), customer(3, "held", 9)]))
    target.load(rows(CUSTOMERS, NEXT, [customer(1, "older", 8), customer(2, "same", 9), customer(4, "new", 1)]))
    expected = [customer(1, "held", 9), customer(2, "same", 9), customer(3, "held", 9), customer(4, "new", 1)]
    assert held(account, target, CUSTOMERS) == received(expected)


def test_rows_of_one_key_are_replaced_together_by_the_same_ones_too(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    first = [detail("a", "one"), detail("a", "two"), detail("b", "one", 6), detail("b", "two", 9)]
    for _ in range(2):
        target.load(rows(DETAILS, DAY, first))
    assert held(account, target, DETAILS) == received(first)
    target.load(rows(DETAILS, NEXT, [detail("a", "three", 8), detail("a", "four", 8), detail("b", "three", 8)]))
    expected = [detail("a", "three", 8), detail("a", "four", 8), detail("b", "one", 6), detail("b", "two", 9)]
    assert held(account, target, DETAILS) == received(expected)


def test_a_partition_takes_the_place_of_its_own_rows_alone_if_it_is_whole(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    target.load(rows(REPORT, DAY, [detail("a", "one"), detail("b", "two")]))
    target.load(rows(REPORT, NEXT, [detail("a", "three")]))
    target.load(rows(REPORT, DAY, [detail("c", "four")]))
    assert held(account, target, REPORT) == received([detail("a", "three"), detail("c", "four")])
    with pytest.raises(TargetError, match=r"2 rows were copied, expected 3; nothing was changed"):
        target.load(replace(rows(REPORT, DAY, [detail("b", "x"), detail("c", "y")], source="short"), count=3))
    assert held(account, target, REPORT) == received([detail("a", "three"), detail("c", "four")])
    assert target.receipt(REPORT, DAY) == f"promo_codes {DAY}"
    target.load(rows(REPORT, DAY, [], source="emptied"))
    assert held(account, target, REPORT) == received([detail("a", "three")])
    assert target.receipt(REPORT, DAY) == "emptied"


def test_a_table_that_comes_whole_keeps_the_newest_partition(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    target.load(rows(CATALOG, "2026-10", [detail("a", "month")]))
    target.load(rows(CATALOG, NEXT, [detail("b", "newest")]))
    target.load(rows(CATALOG, DAY, [detail("c", "older")]))
    assert held(account, target, CATALOG) == received([detail("b", "newest")])
    assert target.receipt(CATALOG, DAY) == f"catalog {DAY}"


def test_rows_of_forgotten_customers_go_from_all_partitions(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    target.load(rows(CUSTOMERS, DAY, [customer(1, "one"), customer(2, "two"), customer(12, "twelve")]))
    target.load(rows(CUSTOMERS, NEXT, [customer(3, "three")], forgotten=["2", "77", "O'Brien"]))
    assert held(account, target, CUSTOMERS) == received(
        [customer(1, "one"), customer(3, "three"), customer(12, "twelve")]
    )
    assert not any("O'Brien" in sql for sql in account.said), "ids do not stand in statements, which Snowflake keeps"


def test_a_receipt_tells_what_was_loaded_by_which_run_and_of_which_window(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    assert target.receipt(CUSTOMERS, DAY) is None
    target.load(rows(CUSTOMERS, DAY, [customer(1, "one")], source="first"))
    target.load(rows(CUSTOMERS, DAY, [customer(1, "one"), customer(2, "two")], source="second"))
    assert target.receipt(CUSTOMERS, DAY) == "second"
    assert target.receipt(CUSTOMERS, NEXT) is None
    (receipt,) = asked(account, f"SELECT * FROM {target.names.receipts}")
    loaded_at = receipt.pop("LOADED_AT")
    assert isinstance(loaded_at, datetime)
    assert receipt == {
        "FEED": "customers",
        "PARTITION": DAY,
        "SOURCE": "second",
        "ROW_COUNT": 2,
        "RUN_ID": "run-1",
        "WINDOW_START": "2026-11-20T00:00:00+00:00",
        "WINDOW_END": "2026-11-21T00:00:00+00:00",
    }


def test_a_table_gets_a_new_column_at_its_end_keeps_one_that_lacks_and_is_of_the_same_types(
    account: Recorder, tmp_path: Path
) -> None:
    target = target_of(account, tmp_path)
    list(target.connect([CUSTOMERS]))
    target.load(rows(CUSTOMERS, DAY, [customer(1, "one")]))
    wider = replace(CUSTOMERS, columns=(TableColumn("Brand", pl.String()), *CUSTOMERS.columns))
    target.load(rows(wider, NEXT, [customer(2, "two", Brand="b")]))
    assert held(account, target, CUSTOMERS) == received(
        [customer(1, "one", Brand=None), customer(2, "two", Brand="b")]
    )
    assert [*held(account, target, CUSTOMERS)[0]][-1] == "BRAND"
    assert all(step.passed for step in target.check([CUSTOMERS])), "the view that was made anew is shared as before"

    narrower = replace(CUSTOMERS, columns=tuple(each for each in CUSTOMERS.columns if each.name != "Alias"))
    told = {name: value for name, value in customer(1, "one", 9).items() if name != "Alias"}
    target.load(rows(narrower, NEXT, [told]))
    other = replace(wider, columns=(*wider.columns[:3], TableColumn("Balance", pl.String()), *wider.columns[4:]))
    with pytest.raises(TargetError, match=r"Balance is NUMBER with 4 decimal places there, customers needs VARCHAR"):
        target.load(rows(other, NEXT, [customer(1, "one", 9, Balance="much")]))
    expected = [customer(1, None, 9, Brand=None), customer(2, "two", Brand="b")]
    assert held(account, target, CUSTOMERS) == received(expected)


def test_columns_that_differ_in_nothing_but_case_are_refused(account: Recorder, tmp_path: Path) -> None:
    twice = replace(DETAILS, columns=(*DETAILS.columns, TableColumn("EVENT", pl.String())))
    with pytest.raises(TargetError, match=r"EVENT: columns of Snowflake are told apart without the case"):
        target_of(account, tmp_path).load(rows(twice, DAY, []))


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the connector try again at once, not after a second or more."""
    monkeypatch.setattr(connector, "connect", partial(connector.connect, backoff_policy=lambda: repeat(0.02)))


@pytest.mark.usefixtures("_soon")
def test_connections_that_are_cut_lose_and_double_nothing(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    account.cut_at = ["BEGIN", "INSERT INTO", "COMMIT"]
    target.load(rows(REPORT, DAY, [detail("a", "one"), detail("b", "two")]))
    assert not account.cut_at
    assert held(account, target, REPORT) == received([detail("a", "one"), detail("b", "two")])


def without_autocommit(connect: Callable[..., Any], **arguments: Any) -> Any:
    """Return a connection to an account whose AUTOCOMMIT is off: as a context, it rolls back at its end."""
    connection = connect(**arguments)
    vars(connection)["_session_parameters"]["AUTOCOMMIT"] = False
    return connection


@pytest.mark.usefixtures("_soon")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_account_that_goes_down_within_the_transaction_keeps_what_it_had(
    account: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connector tries in a thread of its own to end the statement, which fails there too."""
    target = target_of(account, tmp_path, statement_seconds=1)
    monkeypatch.setattr(connector, "connect", partial(without_autocommit, connector.connect))
    target.load(rows(REPORT, DAY, [detail("a", "one")], source="first"))
    account.down_at = "INSERT INTO"
    with pytest.raises(UnreachableError, match=r"load promo_codes of 2026-11-20: can't be reached"):
        target.load(rows(REPORT, DAY, [detail("b", "two")], source="second"))
    account.is_down = False
    assert held(account, target, REPORT) == received([detail("a", "one")])
    assert target.receipt(REPORT, DAY) == "first"


def test_a_wrong_password_is_told_and_not_shown(
    account: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "wrong-secret")
    with pytest.raises(
        LoginError, match=r"target share \(snowflake://acme-prod/Feeds/Optimove_.*Incorrect username"
    ) as caught:
        target_of(account, tmp_path).receipt(CUSTOMERS, DAY)
    assert "wrong-secret" not in str(caught.value)


def test_an_account_that_does_not_answer_may_be_tried_again(tmp_path: Path, account: Recorder) -> None:
    with pytest.raises(UnreachableError, match="log in: can't be reached"):
        target_of(account, tmp_path, endpoint="http://127.0.0.1:9", timeout_seconds=1).receipt(CUSTOMERS, DAY)


def test_a_session_is_in_utc_and_ends_what_it_began_if_it_is_cut(account: Recorder, tmp_path: Path) -> None:
    target_of(account, tmp_path).receipt(CUSTOMERS, DAY)
    parameters = account.logins[0]["SESSION_PARAMETERS"]
    assert parameters["TIMEZONE"] == "UTC"
    assert parameters["ABORT_DETACHED_QUERY"] is True

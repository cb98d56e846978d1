"""The company's database is a function of date and seed, believable, and wrong only where it says so."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from optimove_pipeline.sandbox.company.database import DAYS, build_company
from optimove_pipeline.sandbox.company.exports import COLUMNS, export_of
from optimove_pipeline.sandbox.company.players import PLAYERS
from optimove_pipeline.sandbox.company.schema import TABLES, VIEWS
from optimove_pipeline.sandbox.customers import customer_id
from optimove_pipeline_tests.docs.pages import ROOT
from optimove_pipeline_tests.sandbox.company.reading import tables

TODAY = date(2026, 11, 20)

MISTAKES: Mapping[str, str] = {
    "email_too_long": "crm.player_changes WHERE length(email) > 250",
    "unknown_gender": "crm.player_changes WHERE sex NOT IN ('F', 'M')",
    "sentinel_date": "crm.player_changes WHERE birth_date = '1900-01-01'",
    "iso_date": "crm.player_changes WHERE birth_date LIKE '%T%Z'",
    "trailing_blanks": "crm.player_changes WHERE first_name LIKE '% ' AND email LIKE '% '",
    "hard_name": "crm.player_changes WHERE last_name LIKE '%' || chr(10) || '%,%\"%🎲%'",
    "orphan": "cashier.payments WHERE player NOT IN (SELECT player_id FROM crm.players)",
    "future_payment": "cashier.payments WHERE created_at > '2098-01-01' AND changed_at < '2098-01-01'",
    "future_change": "cashier.payments WHERE changed_at > '2098-01-01' AND created_at < '2098-01-01'",
    "five_decimals": "cashier.payments WHERE amount <> round(amount, 4)",
}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("company") / "company.duckdb"
    build_company(path, TODAY, 1)
    return path


@pytest.fixture
def connection(company: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(duckdb.connect(str(company), read_only=True)) as opened:
        yield opened


def one(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    """The one value of a query."""
    return connection.execute(query).fetchall()[0][0]


def test_equal_dates_and_seeds_make_equal_tables_and_another_seed_others(company: Path, tmp_path: Path) -> None:
    build_company(tmp_path / "same", TODAY, 1)
    build_company(tmp_path / "other", TODAY, 2)
    assert tables(tmp_path / "same") == tables(company)
    assert all(
        tables(tmp_path / "other")[name] != rows for name, rows in tables(company).items() if "games" not in name
    )


def test_a_day_s_rows_are_the_same_whatever_the_date_is(company: Path, tmp_path: Path) -> None:
    build_company(tmp_path / "later", TODAY + timedelta(days=3), 1)
    days = {
        "crm.player_changes": "changed_at::DATE",
        "cashier.payments": "changed_at::DATE",
        "casino.rounds_daily": "day",
        "app.events": "stored_at::DATE",
    }
    for table, day in days.items():
        both = f"FROM {table} WHERE {day} BETWEEN '2026-11-13' AND '2026-11-19' ORDER BY ALL"
        found = []
        for path in (company, tmp_path / "later"):
            with closing(duckdb.connect(str(path), read_only=True)) as opened:
                found.append(opened.execute(both).fetchall())
        assert found[0] == found[1] != []


def test_what_is_there_is_not_made_again_and_another_date_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "company.duckdb"
    build_company(path, TODAY, 1)
    made = path.stat().st_ino
    with closing(duckdb.connect(str(path), read_only=True)) as reader:
        build_company(path, TODAY, 1)
        assert path.stat().st_ino == made
        build_company(path, TODAY + timedelta(days=1), 1)
        assert path.stat().st_ino != made
        assert one(reader, "SELECT today FROM about") == TODAY
    assert sorted(file.name for file in tmp_path.iterdir()) == ["company.duckdb", "exports"]


def test_what_fails_leaves_no_database(tmp_path: Path) -> None:
    too_large = 2**70
    with pytest.raises(duckdb.Error):
        build_company(tmp_path / "company.duckdb", TODAY, too_large)
    assert [file.name for file in tmp_path.iterdir()] == ["exports"]


def test_it_holds_a_few_thousand_rows_of_ten_days(connection: duckdb.DuckDBPyConnection) -> None:
    rows = {name: one(connection, f"SELECT count(*) FROM {name}") for name in (*TABLES, *VIEWS)}
    assert 5_000 < sum(rows.values()) < 10_000
    assert rows["crm.players"] == PLAYERS
    for table, stamp in (
        ("cashier.payments", "created_at"),
        ("casino.rounds_daily", "day"),
        ("app.events", "stored_at"),
    ):
        query = f"SELECT DISTINCT {stamp}::DATE FROM {table} WHERE {stamp} < '2098-01-01' ORDER BY 1"
        days = [day for (day,) in connection.execute(query).fetchall()]
        assert days == [TODAY - timedelta(days=back) for back in range(DAYS, 0, -1)]


def test_the_players_are_the_tenant_s_customers(connection: duckdb.DuckDBPyConnection) -> None:
    ids = {number for (number,) in connection.execute("SELECT player_id FROM crm.players").fetchall()}
    assert ids == {customer_id(index) for index in range(PLAYERS)}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_made_once_a_day(connection: duckdb.DuckDBPyConnection, mistake: str) -> None:
    assert one(connection, f"SELECT count(*) FROM {MISTAKES[mistake]}") == DAYS


def test_every_mistake_is_documented_with_its_table_and_number() -> None:
    text = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8").partition("## The company")[2]
    documented = re.findall(r"^\| `(\w+)` \| (\d+) \| `([\w.]+)` \|", text, re.MULTILINE)
    assert documented == [(name, "1", query.partition(" ")[0]) for name, query in MISTAKES.items()]


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("crm.player_changes", "player_id, changed_at"),
        ("cashier.payments", "payment_no"),
        ("casino.rounds_daily", "day, player, game, device"),
        ("casino.games", "code"),
        ("app.events", "id"),
    ],
)
def test_keys_are_unique(connection: duckdb.DuckDBPyConnection, table: str, key: str) -> None:
    counted = one(connection, f"SELECT count(*) - count(DISTINCT ({key})) FROM {table}")
    assert counted == 0


@pytest.mark.parametrize(
    ("table", "player", "day"),
    [
        ("cashier.payments", "player", "least(created_at, changed_at)::DATE"),
        ("casino.rounds_daily", "player", "day"),
        ("app.events", "player", "stored_at::DATE"),
    ],
)
def test_whoever_does_something_on_a_day_has_a_right_version_of_that_day(
    connection: duckdb.DuckDBPyConnection, table: str, player: str, day: str
) -> None:
    right = "length(email) <= 250 AND (sex IS NULL OR sex <> 'X')"
    without = (
        f"SELECT count(*) FROM {table} AS t WHERE {player} <> 'ghost-player' AND NOT EXISTS ("
        f"FROM crm.player_changes AS c WHERE c.player_id = t.{player} AND c.changed_at::DATE = {day} AND {right})"
    )
    assert one(connection, without) == 0


def test_each_night_s_export_holds_the_games_and_stays_when_the_date_moves_on(
    company: Path, connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    columns = ", ".join(COLUMNS)
    held = connection.execute(f"SELECT {columns} FROM casino.games").fetchall()
    for back in range(1, DAYS + 1):
        file = str(export_of(company, TODAY - timedelta(days=back)))
        assert duckdb.execute(f"SELECT {columns} FROM read_csv(?, delim=';')", [file]).fetchall() == held
    build_company(tmp_path / "company.duckdb", TODAY, 1)
    build_company(tmp_path / "company.duckdb", TODAY + timedelta(days=1), 1)
    assert len([*(tmp_path / "exports").iterdir()]) == DAYS + 1


def test_games_that_are_played_are_in_the_catalog(connection: duckdb.DuckDBPyConnection) -> None:
    strangers = "SELECT count(*) FROM casino.rounds_daily WHERE game NOT IN (SELECT code FROM casino.games)"
    assert one(connection, strangers) == 0

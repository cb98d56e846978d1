"""PostgreSQL and MariaDB as sources: the promises that both keep."""

from __future__ import annotations

import resource
import socket
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from optimove_pipeline.datasets.sources.opening import open_source
from optimove_pipeline.datasets.sources.source import BATCH_ROWS, Origin, Selection
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.settings.sources import MySqlSettings, PostgresSettings
from optimove_pipeline_tests.datasets.sources.database import (
    DATA_DIR,
    PLAYERS_OF_OLD,
    Database,
    everything,
    read_all,
    rows,
)
from optimove_pipeline_tests.servers.starting import free_port

PLAYERS = Origin(table="crm.players")
TEXTS = [
    "plain",
    "",
    "two\nlines",
    "tab\there",
    'a "quote", a comma',
    "back\\slash",
    "'; --",
    "Zoë 😀",
    "50%",
    "\x1e\x1f",
]


def test_texts_come_as_they_are_and_null_is_not_an_empty_text(database: Database) -> None:
    database.run("CREATE TABLE crm.players (id int, name varchar(50))")
    with database.connection.cursor() as cursor:
        for number, text in enumerate([*TEXTS, None]):
            cursor.execute("INSERT INTO crm.players VALUES (%s, %s)", (number, text))
    found = read_all(database.settings, PLAYERS, "id")
    assert [row["name"] for row in found] == [*TEXTS, None]


def test_the_same_types_come_from_both_databases(database: Database) -> None:
    moment = "timestamp" if isinstance(database.settings, MySqlSettings) else "timestamp with time zone"
    naive = "datetime(6)" if isinstance(database.settings, MySqlSettings) else "timestamp"
    database.run(
        f"CREATE TABLE crm.players (big bigint, half double precision, day date, at {naive}, moment {moment} NULL)",
        "INSERT INTO crm.players VALUES (-9007199254740993, 0.1, '2026-02-28', '2026-10-25 01:30:00.123456', "
        "'2026-11-20 10:30:00')",
        "INSERT INTO crm.players VALUES (NULL, NULL, NULL, NULL, NULL)",
    )
    assert read_all(database.settings, PLAYERS, "big") == [
        *([dict.fromkeys(("big", "half", "day", "at", "moment"))] if _nulls_first(database) else []),
        {
            "big": -9007199254740993,
            "half": 0.1,
            "day": date(2026, 2, 28),
            "at": datetime.fromisoformat("2026-10-25 01:30:00.123456"),
            "moment": datetime(2026, 11, 20, 10, 30, tzinfo=UTC),
        },
        *([] if _nulls_first(database) else [dict.fromkeys(("big", "half", "day", "at", "moment"))]),
    ]


def _nulls_first(database: Database) -> bool:
    return isinstance(database.settings, MySqlSettings)


def test_decimals_keep_every_digit(database: Database) -> None:
    database.run(
        "CREATE TABLE crm.players (amount decimal(30, 10))",
        "INSERT INTO crm.players VALUES (12345678901234567890.0123456789)",
    )
    (row,) = read_all(database.settings, PLAYERS)
    assert Decimal(row["amount"]) == Decimal("12345678901234567890.0123456789")


def test_what_is_committed_after_the_snapshot_began_is_not_seen(database: Database) -> None:
    database.run("CREATE TABLE crm.players (id int)", "INSERT INTO crm.players VALUES (1), (2)")
    with open_source("shop", database.settings, DATA_DIR) as snapshot:
        database.run("INSERT INTO crm.players VALUES (3)", "DELETE FROM crm.players WHERE id = 1")
        selection = everything(snapshot, PLAYERS, "id")
        assert snapshot.count(selection) == 2
        assert rows(snapshot, selection) == [{"id": 1}, {"id": 2}]
        assert snapshot.first_value("SELECT max(id) FROM crm.players", []) == 2
    assert read_all(database.settings, PLAYERS, "id") == [{"id": 2}, {"id": 3}]


def test_a_commit_in_the_middle_of_a_read_is_not_seen(large: Database) -> None:
    with open_source("shop", large.settings, DATA_DIR) as snapshot:
        frames = snapshot.read(everything(snapshot, PLAYERS_OF_OLD, "id"))
        height = next(frames).height
        large.run(f"UPDATE old.players SET name = 'changed' WHERE id > {large.large_height - 10}")
        for frame in frames:
            height += frame.height
            assert "changed" not in frame["name"]
        assert height == large.large_height


def test_rows_come_in_their_order_in_frames_of_limited_height_and_memory_does_not_grow(large: Database) -> None:
    with open_source("shop", large.settings, DATA_DIR) as snapshot:
        frames = snapshot.read(everything(snapshot, PLAYERS_OF_OLD, "changed_at", "id"))
        last = _ends(next(frames))[1]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for frame in frames:
            first, following = _ends(frame)
            assert last < first
            last = following
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 60 * 1024


def _ends(frame: pl.DataFrame) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """Return the keys of a frame's first and last row; those between are in their order."""
    assert frame.height <= BATCH_ROWS
    keys = frame.select("changed_at", "id")
    assert keys.equals(keys.sort("changed_at", "id"))
    return keys.row(0), keys.row(-1)


def test_a_window_holds_its_start_and_not_its_end(database: Database) -> None:
    database.run(
        "CREATE TABLE crm.players (id int, at timestamp NULL)",
        "INSERT INTO crm.players VALUES (1, '2026-11-19 23:59:59'), (2, '2026-11-20 00:00:00'), "
        "(3, '2026-11-20 23:59:59'), (4, '2026-11-21 00:00:00'), (5, NULL)",
    )
    with open_source("shop", database.settings, DATA_DIR) as snapshot:
        window = Selection(
            origin=PLAYERS,
            columns=("id",),
            change_column="at",
            start="2026-11-20T00:00:00",
            end="2026-11-21T00:00:00",
            order=("at", "id"),
        )
        assert [row["id"] for row in rows(snapshot, window)] == [2, 3]
        assert snapshot.count(window) == 2
        unchanged = Selection(origin=PLAYERS, columns=("id",), change_column="at", unchanged=True)
        assert [row["id"] for row in rows(snapshot, unchanged)] == [5]


def test_a_query_takes_the_place_of_a_table(database: Database) -> None:
    database.run("CREATE TABLE crm.players (id int)", "INSERT INTO crm.players VALUES (1), (2)")
    origin = Origin(query="SELECT id AS number, '50%:day' AS note FROM crm.players WHERE id > 1;")
    assert read_all(database.settings, origin) == [{"number": 2, "note": "50%:day"}]


def test_a_question_gets_the_day(database: Database) -> None:
    database.run("CREATE TABLE crm.players (day date)", "INSERT INTO crm.players VALUES ('2026-11-20')")
    with open_source("shop", database.settings, DATA_DIR) as snapshot:
        sql = "SELECT count(*) FROM crm.players WHERE day = :day"
        assert snapshot.first_value(sql, [date(2026, 11, 20)]) == 1
        assert snapshot.first_value(sql, [date(2026, 11, 21)]) == 0
        assert snapshot.first_value("SELECT day FROM crm.players WHERE day > :day", [date(2026, 11, 21)]) is None
        with pytest.raises(SettingsError, match=r"a query has 1 parameters \(day\), expected 0"):
            snapshot.first_value(sql, [])


def test_the_source_is_not_written_to(database: Database) -> None:
    database.run("CREATE TABLE crm.players (id int)")
    refused = pytest.raises(SettingsError, match=r"(?i)read.only")
    with open_source("shop", database.settings, DATA_DIR) as snapshot, refused:
        snapshot.first_value("INSERT INTO crm.players VALUES (1) RETURNING id", [])
    assert read_all(database.settings, PLAYERS) == []


def test_the_moment_of_the_view_is_now(database: Database) -> None:
    with open_source("shop", database.settings, DATA_DIR) as snapshot:
        assert abs(snapshot.taken_at - datetime.now(UTC)) < timedelta(minutes=1)
        assert not snapshot.keeps_days(PLAYERS)


def test_a_table_that_is_not_there_is_named_with_the_source(database: Database) -> None:
    with (
        open_source("shop", database.settings, DATA_DIR) as snapshot,
        pytest.raises(
            SettingsError, match=r"source shop \((postgres|mysql), 127.0.0.1:\d+/\w+\): crm.nobody: .*nobody"
        ),
    ):
        snapshot.columns(Origin(table="crm.nobody"))


def test_a_wrong_password_is_told_without_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "very:secret@/?")
    name = "reader"
    if isinstance(database.settings, MySqlSettings):
        database.run("CREATE OR REPLACE USER reader@'%' IDENTIFIED BY 'other'")
    else:
        # Everybody is trusted on this server, but not those that are not there.
        name = "nobody_there"
    settings = database.settings.model_copy(update={"username": name, "password": "${SHOP_PASSWORD}"})
    with pytest.raises(SettingsError) as caught, open_source("shop", settings, DATA_DIR):
        pass
    assert "source shop" in str(caught.value)
    assert "secret" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_a_server_that_is_not_there_is_told(database: Database) -> None:
    settings = database.settings.model_copy(update={"port": free_port()})
    with (
        pytest.raises(PartitionError, match=r"source shop .* can't be reached"),
        open_source("shop", settings, DATA_DIR),
    ):
        pass


def test_a_server_that_says_nothing_is_given_up(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        update = {"port": silent.getsockname()[1], "timeout_seconds": 1}
        settings = database.settings.model_copy(update=update)
        with pytest.raises(PartitionError, match="can't be reached"), open_source("shop", settings, DATA_DIR):
            pass


def test_a_connection_that_ends_while_it_is_read_is_told(large: Database) -> None:
    with pytest.raises(PartitionError, match=r"source shop .* broke off"):
        _read_while_the_connection_ends(large)


def _read_while_the_connection_ends(database: Database) -> None:
    with open_source("shop", database.settings, DATA_DIR) as snapshot:
        own = snapshot.first_value(
            "SELECT connection_id()" if isinstance(database.settings, MySqlSettings) else "SELECT pg_backend_pid()",
            [],
        )
        frames = snapshot.read(everything(snapshot, PLAYERS_OF_OLD))
        next(frames)
        database.run(
            f"KILL {own}" if isinstance(database.settings, MySqlSettings) else f"SELECT pg_terminate_backend({own})"
        )
        for _ in frames:
            pass


def test_nothing_of_a_secret_is_shown(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "geheim")
    if isinstance(database.settings, MySqlSettings):
        database.run("CREATE OR REPLACE USER root2@'%' IDENTIFIED BY 'geheim'", "GRANT SELECT ON *.* TO root2@'%'")
    settings = database.settings.model_copy(
        update={
            "password": "${SHOP_PASSWORD}",
            "username": "root2" if isinstance(database.settings, MySqlSettings) else "postgres",
        }
    )
    with open_source("shop", settings, DATA_DIR) as snapshot:
        assert "geheim" not in repr(snapshot)


def test_postgres_values_of_every_other_type_are_text(postgres_source: PostgresSettings) -> None:
    origin = Origin(
        query="SELECT 1.50::numeric(9,4) AS n, 1.5::numeric AS loose, 'NaN'::numeric AS nan, true AS b, "
        "'a'::text AS t, "
        "'{\"k\": [1]}'::jsonb AS j, ARRAY[1,2] AS a, '00000000-0000-0000-0000-000000000001'::uuid AS u, "
        "time '10:30' AS c, interval '1 day' AS i, '\\x00ff'::bytea AS y, 3::smallint AS s, 'x'::char(3) AS f, "
        "NULL AS nothing"
    )
    assert read_all(postgres_source, origin) == [
        {
            "n": "1.5000",
            "loose": "1.5",
            "nan": "NaN",
            "b": True,
            "t": "a",
            "j": '{"k": [1]}',
            "a": "[1,2]",
            "u": "00000000-0000-0000-0000-000000000001",
            "c": "10:30:00",
            "i": "1 day",
            "y": "\\x00ff",
            "s": 3,
            "f": "x  ",
            "nothing": None,
        }
    ]


def test_mariadb_values_of_every_other_type_are_read(mysql_source: MySqlSettings, database: Database) -> None:
    if not isinstance(database.settings, MySqlSettings):
        return
    database.run(
        "CREATE TABLE crm.players (u bigint unsigned, b boolean, bit1 bit(1), j json, y varbinary(9), "
        "e enum('a', 'b'), "
        "c time, yr year, s smallint, f float, none date NULL)",
        "SET sql_mode = ''",
        "INSERT INTO crm.players VALUES (18446744073709551615, true, b'1', '{\"k\": [1]}', x'00ff', 'b', "
        "'10:30', 2026, "
        "-3, 1.5, '0000-00-00')",
    )
    assert read_all(mysql_source, PLAYERS) == [
        {
            "u": 18446744073709551615,
            "b": 1,
            "bit1": True,
            "j": '{"k": [1]}',
            "y": "00FF",
            "e": "b",
            "c": "10:30:00",
            "yr": 2026,
            "s": -3,
            "f": 1.5,
            "none": None,
        }
    ]

"""The budget in PostgreSQL: many processes, and what may go wrong with a database."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from optimove_pipeline.errors import BusyError, SettingsError
from optimove_pipeline.optimove.budget import CallClass, PostgresStore, Window, open_budget, snapshot, traffic
from optimove_pipeline_tests.optimove.budget.fleet import (
    allowed_in,
    counting_server,
    most_in_any,
    ready_hammers,
)
from optimove_pipeline_tests.optimove.budget.hammer import Orders

WINDOWS = [Window(25, 1.5), Window(50, 8.0)]
SECONDS = 15.9
HOUR = (Window(100, 3600.0),)


def test_four_processes_spend_what_is_allowed_no_more_and_share_it(database: str) -> None:
    windows = [(window.calls, window.seconds) for window in WINDOWS]
    with counting_server() as arrivals:
        orders = [Orders(database, f"{arrivals.url}/{number}", windows, SECONDS) for number in range(4)]
        with ready_hammers(orders) as hammers:
            hammers.go()
            hammers.wait()
    for window in WINDOWS:
        assert most_in_any(arrivals.times, window.seconds) <= window.calls
    assert len(arrivals.times) >= 0.98 * allowed_in(WINDOWS, SECONDS)
    counts = [len(times) for times in arrivals.by_path.values()]
    mean = sum(counts) / len(orders)
    assert len(counts) == len(orders)
    assert mean / 2 <= min(counts)
    assert max(counts) <= 2 * mean


def test_many_may_make_the_tables_at_once(database: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        uses = list(threads.map(lambda _: snapshot(PostgresStore(database), "client", HOUR), range(8)))
    assert [use[0].used for use in uses] == [0] * 8


def test_clients_share_a_database_but_no_calls(database: str) -> None:
    asyncio.run(_spend(database, "one", 3))
    asyncio.run(_spend(database, "two", 1))
    store = PostgresStore(database)
    assert [snapshot(store, client, HOUR)[0].used for client in ("one", "two", "three")] == [3, 1, 0]


async def _spend(database: str, client: str, calls: int) -> None:
    budget = open_budget(PostgresStore(database), client, windows=HOUR)
    for _ in range(calls):
        await (await budget.acquire()).stamp()
    await budget.aclose()


def test_traffic_tells_of_calls_made_and_of_one_that_waits(database: str) -> None:
    async def test() -> None:
        asking = open_budget(PostgresStore(database), "client", windows=[Window(2, 3600.0)])
        for _ in range(2):
            await (await asking.acquire()).stamp()
        waiting = asyncio.ensure_future(asking.acquire())
        while not (seen := await asyncio.to_thread(traffic, PostgresStore(database), "client", 3600.0)).waiting:
            assert not waiting.done()
        assert len(seen.ages) == 2
        assert seen.waiting == {CallClass.DAILY: 1}
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asking.aclose()

    asyncio.run(test())


def test_a_lost_connection_is_made_again(database: str) -> None:
    async def test() -> None:
        budget = open_budget(PostgresStore(database), "client", windows=HOUR)
        await (await budget.acquire()).stamp()
        _end_all_sessions(database)
        await (await budget.acquire()).stamp()
        await budget.aclose()

    asyncio.run(test())
    assert snapshot(PostgresStore(database), "client", HOUR)[0].used == 2


def _end_all_sessions(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_lock_that_is_never_let_go_is_named(database: str) -> None:
    with (
        closing(PostgresStore(database, patience=0.05).open()) as first,
        closing(PostgresStore(database, patience=0.05).open()) as second,
        pytest.raises(BusyError, match=r"optimove-budget client.*pg_locks"),
    ):
        first.run("client", lambda _: second.run("client", lambda turn: turn.now))


def test_the_clock_is_the_databases(database: str) -> None:
    with closing(PostgresStore(database).open()) as session, psycopg.connect(database) as connection:
        now = session.run("client", lambda turn: turn.now)
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    assert row is not None
    assert 0.0 <= row[0] - now < 10.0


def test_without_psycopg_the_extra_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "optimove_pipeline.optimove.budget.postgres_session", raising=False)
    with pytest.raises(SettingsError, match=r"pip install 'optimove-pipeline\[postgres\]'"):
        PostgresStore("postgresql://localhost/x").open()


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://user:hunter2@127.0.0.1:1/db", r"budget database at 127\.0\.0\.1, database db"),
        ("host=127.0.0.1 password=hunter2 nonsense", "the connection string can't be read"),
        ("postgresql://user:hunter2@127.0.0.1:1/db?sslmode=hunter2", "budget database at"),
    ],
)
def test_a_database_that_cant_be_used_is_named_without_the_password(dsn: str, expected: str) -> None:
    store = PostgresStore(dsn)
    with pytest.raises(SettingsError, match=expected) as raised:
        store.open()
    assert "hunter2" not in str(raised.value).replace('"hunter2"', "")
    assert raised.value.__cause__ is None
    assert "hunter2" not in repr(store)


def test_a_user_without_the_right_to_make_tables_may_use_those_that_are_there(database: str) -> None:
    guest = database.replace("postgres@", "guest@")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN")
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        with pytest.raises(SettingsError, match="may create the tables optimove_budget_"):
            PostgresStore(guest).open()
        asyncio.run(_spend(database, "client", 1))
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest")
    asyncio.run(_spend(guest, "client", 1))
    assert snapshot(PostgresStore(guest), "client", HOUR)[0].used == 2

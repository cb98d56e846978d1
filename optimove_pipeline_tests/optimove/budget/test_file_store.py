"""The budget's file: made when it is needed, shared, and clear about what is wrong with it."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from optimove_pipeline.errors import BusyError, SettingsError
from optimove_pipeline.optimove.budget import FileStore, Window, open_budget, snapshot
from optimove_pipeline.optimove.budget.store import Transaction

HOUR = (Window(100, 3600.0),)


async def _spend(store: FileStore, client: str, calls: int) -> None:
    budget = open_budget(store, client, windows=HOUR)
    for _ in range(calls):
        await (await budget.acquire()).stamp()
    await budget.aclose()


def test_the_file_is_made_with_its_folder(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "state" / "budget.sqlite")
    asyncio.run(_spend(store, "client", 2))
    assert snapshot(store, "client", HOUR)[0].used == 2


def test_many_may_make_the_file_at_once(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "budget.sqlite")
    with ThreadPoolExecutor(8) as threads:
        uses = list(threads.map(lambda _: snapshot(store, "client", HOUR), range(24)))
    assert [use[0].used for use in uses] == [0] * 24


def test_what_was_spent_is_known_to_the_next_process(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "budget.sqlite")
    asyncio.run(_spend(store, "client", 3))
    asyncio.run(_spend(store, "client", 4))
    asyncio.run(_spend(store, "another client", 1))
    assert [snapshot(store, client, HOUR)[0].used for client in ("client", "another client")] == [7, 1]


def test_calls_older_than_any_window_are_forgotten(tmp_path: Path) -> None:
    now = 1_800_000_000.0
    store = FileStore(tmp_path / "budget.sqlite", lambda: now)
    asyncio.run(_spend(store, "client", 5))
    now += 2 * 3600.0
    asyncio.run(_spend(store, "client", 1))
    assert snapshot(store, "client", [Window(100, 100 * 3600.0)])[0].used == 1


def test_a_place_that_cant_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, not a folder")
    with pytest.raises(SettingsError, match=r"budget file .*state/budget\.sqlite"):
        asyncio.run(_spend(FileStore(tmp_path / "state" / "budget.sqlite"), "client", 1))


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("nothing that SQLite knows " * 100)
    with pytest.raises(SettingsError, match=r"notes\.txt: file is not a database"):
        snapshot(FileStore(other), "client", HOUR)


def test_a_file_that_stays_locked_is_named(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "budget.sqlite", patience=0.05)
    snapshot(store, "client", HOUR)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError, match=r"budget\.sqlite: locked by another process for 0\.05 s"):
            snapshot(store, "client", HOUR)


def test_work_that_fails_leaves_no_trace(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "budget.sqlite")
    with closing(store.open()) as session:
        with pytest.raises(ZeroDivisionError):
            session.run("client", lambda turn: _insert(turn) / 0)
        assert session.run("client", lambda turn: turn.rows("SELECT * FROM optimove_budget_grants")) == []


def _insert(turn: Transaction) -> int:
    turn.do("INSERT INTO optimove_budget_grants (id, client, call_class, at) VALUES ('a', 'b', 'daily', 0)")
    return 1

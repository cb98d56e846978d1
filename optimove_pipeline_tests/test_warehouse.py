"""The one door to DuckDB."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pytest
from duckdb import DuckDBPyConnection

from optimove_pipeline.errors import BusyError
from optimove_pipeline.warehouse import Warehouse, exists, row_counts, transaction
from optimove_pipeline_tests.children import child, line

OTHER_PROGRAM = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
connection.close()
"""

WRITER = """
import sys
from pathlib import Path
from optimove_pipeline.warehouse import Warehouse
warehouse = Warehouse(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    with warehouse.open("writing") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS written (process VARCHAR, number INTEGER)")
        connection.execute("INSERT INTO written VALUES (?, ?)", [sys.argv[3], number])
print("done", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def test_processes_that_write_at_once_are_all_served(path: Path) -> None:
    processes = 6
    with ExitStack() as stack:
        writers = [stack.enter_context(child(WRITER, path, 3, name)) for name in range(processes)]
        assert [line(writer) for writer in writers] == ["done"] * processes
    with duckdb.connect(str(path)) as connection:
        written = connection.execute("SELECT process, count(DISTINCT number), count(*) FROM written GROUP BY 1")
        assert sorted(written.fetchall()) == [(str(name), 3, 3) for name in range(processes)]


def test_a_program_that_has_the_file_open_is_named_with_its_process(path: Path) -> None:
    with child(OTHER_PROGRAM, path) as other:
        assert line(other) == "open"
        warehouse = Warehouse(path, lock_timeout=0.01)
        with pytest.raises(BusyError) as error, warehouse.open("a test"):
            pytest.fail("two processes have the file open")
    message = str(error.value)
    assert f"(process {other.pid})" in message
    assert "python" in message
    assert "close it there" in message


def test_a_program_that_closes_the_file_in_time_is_waited_for(path: Path) -> None:
    with child(OTHER_PROGRAM, path) as other, ExitStack() as stack:
        assert line(other) == "open"
        attempts = 0

        @contextmanager
        def connect(file: Path) -> Iterator[DuckDBPyConnection]:
            nonlocal attempts
            attempts += 1
            if attempts == 2:
                other.communicate("\n")
            with duckdb.connect(str(file)) as connection:
                yield connection

        connection = stack.enter_context(Warehouse(path, connect=connect).open("a test"))
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert attempts == 2


def test_an_error_that_is_not_about_another_process_stays_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(duckdb.Error, match="not a valid DuckDB database"), Warehouse(path).open("a test"):
        pytest.fail("opened")


def test_the_file_is_free_after_an_error_in_the_block(path: Path) -> None:
    warehouse = Warehouse(path, lock_timeout=0)
    with pytest.raises(ZeroDivisionError), warehouse.open("a test"):
        _ = 1 / 0
    with warehouse.open("a test") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_extensions_are_never_fetched_and_memory_is_bounded(path: Path) -> None:
    with Warehouse(path, memory_limit="100MB").open("a test") as connection:
        names = ("autoinstall_known_extensions", "autoload_known_extensions", "memory_limit")
        assert [connection.execute(f"SELECT current_setting('{name}')").fetchone() for name in names] == [
            (False,),
            (False,),
            ("95.3 MiB",),
        ]


def test_a_transaction_is_undone_whole_when_its_block_fails(path: Path) -> None:
    def insert(number: int) -> None:
        with transaction(connection):
            connection.execute("INSERT INTO numbers VALUES (?)", [number])
            _ = 1 / number

    with Warehouse(path).open("a test") as connection:
        connection.execute("CREATE TABLE numbers (number INTEGER)")
        with pytest.raises(ZeroDivisionError):
            insert(0)
        insert(2)
        assert connection.execute("FROM numbers").fetchall() == [(2,)]


def test_row_counts_are_read_from_a_table(path: Path) -> None:
    first, second = date(2026, 11, 19), date(2026, 11, 20)
    with Warehouse(path).open("a test") as connection:
        assert row_counts(connection, "optimove.promo_codes") == []
        connection.execute("CREATE SCHEMA optimove")
        connection.execute("CREATE TABLE optimove.promo_codes (report_date DATE, promo_code VARCHAR)")
        values = [(second, "B"), (first, "A"), (second, "C")]
        connection.executemany("INSERT INTO optimove.promo_codes VALUES (?, ?)", values)
        assert row_counts(connection, "optimove.promo_codes") == [(first, 1), (second, 2)]


class Interruption(BaseException):
    """What a signal's handler raises."""


def query_at_length(warehouse: Warehouse) -> None:
    with warehouse.open("a long query") as connection, transaction(connection):
        connection.execute("CREATE TABLE begun AS SELECT 1")
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        # Of bounded length, since DuckDB may go on to its end before it undoes the transaction.
        connection.execute("SELECT count(*) FROM range(1_000_000_000)")


def test_an_interruption_is_not_taken_for_an_error_of_the_query(path: Path) -> None:
    def interrupt(*_: object) -> None:
        raise Interruption

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(Interruption):
            query_at_length(Warehouse(path))
    finally:
        signal.signal(signal.SIGALRM, before)
    with Warehouse(path).open("looking") as connection:
        assert not exists(connection, "main.begun")


def test_an_error_of_the_query_stays_one(path: Path) -> None:
    with pytest.raises(duckdb.CatalogException), Warehouse(path).open("a wrong query") as connection:
        connection.execute("FROM nothing_of_that_name")

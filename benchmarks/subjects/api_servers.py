"""Servers of a day of customers as NDJSON: this project's, and one as it is usually written.

``python -m benchmarks.subjects.api_servers ours|naive <folder>`` serves on one core and prints the port.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from benchmarks.subjects.packagers import customers
from optimove_pipeline.serving.access import Access, Client, digest
from optimove_pipeline.serving.app import Served, application
from optimove_pipeline.serving.connections import Connections
from optimove_pipeline.serving.readiness import DayReadiness
from optimove_pipeline.serving.store import store_file
from optimove_pipeline.serving.target import ApiTarget
from optimove_pipeline.staging import ROWS_PER_PART
from optimove_pipeline.targets.kinds.api import ApiClient, ApiSettings
from optimove_pipeline.targets.table import Replace, Rows, Table, TableColumn

KEY = "a-key-of-the-benchmark"
NAME = "Customers"
DAY = date(2026, 11, 19)

_SETTINGS = ApiSettings(kind="api", clients=(ApiClient(name="optimove", key="${KEY}", requests_per_minute=10**6),))
_PAGE = """
SELECT * FROM customers WHERE (LastUpdated, Player_ID) > (?::TIMESTAMP, ?) ORDER BY LastUpdated, Player_ID LIMIT ?
"""


def write_rows(folder: str, parts: int) -> int:
    """Fill the stores of both servers with so many parts of 122,880 rows; return the rows."""
    frames = [*range(parts)]
    target = ApiTarget("api", _SETTINGS, Path(folder))
    target.load(_rows_of(frames))
    with closing(duckdb.connect(Path(folder) / "naive.duckdb")) as connection:
        for number in frames:
            block = _frame(number)  # noqa: F841 - DuckDB finds it by its name
            connection.execute(
                "CREATE TABLE customers AS FROM block" if number == 0 else "INSERT INTO customers FROM block"
            )
    return parts * ROWS_PER_PART


def _frame(number: int) -> pl.DataFrame:
    return customers(number).with_columns(pl.col("Balance", "Bonus").cast(pl.Decimal(18, 4)))


def _table() -> Table:
    required = {"Player_ID", "LastUpdated"}
    schema = _frame(0).head(0).schema
    return Table(
        feed="customers",
        name=NAME,
        columns=tuple(TableColumn(name, dtype, required=name in required) for name, dtype in schema.items()),
        key=("Player_ID",),
        unique=True,
        replace=Replace.KEYS,
        changed="LastUpdated",
    )


def _rows_of(numbers: list[int]) -> Rows:
    def frames() -> Iterator[pl.DataFrame]:
        return map(_frame, numbers)

    return Rows(
        table=_table(),
        partition=DAY.isoformat(),
        source="benchmark",
        count=len(numbers) * ROWS_PER_PART,
        run_id="benchmark",
        window=None,
        frames=frames,
    )


def _ours(folder: Path) -> ASGIApp:
    access = Access("api", (Client("optimove", 10**6, key=digest(KEY)),))
    store = Connections(store_file(folder, "api"))
    return application(Served(_SETTINGS, access, {NAME: _table()}, store, _no_readiness))


def _no_readiness(day: date | None) -> DayReadiness:
    return DayReadiness(day or DAY, ready=False, tables=())


def _naive(folder: Path) -> ASGIApp:
    """Ask DuckDB for a page, and make each row a line with ``json.dumps``."""
    connection = duckdb.connect(folder / "naive.duckdb", read_only=True, config={"threads": 1})

    def page(request: Request) -> Response:
        after = json.loads(request.query_params.get("cursor", '["2000-01-01", ""]'))
        found = connection.cursor().execute(_PAGE, [*after, int(request.query_params["limit"])])
        names = [name for name, *_ in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        content = "".join(f"{json.dumps(row, default=str, ensure_ascii=False)}\n" for row in rows)
        last = rows[-1] if rows else {}
        cursor = json.dumps([str(last["LastUpdated"]), last["Player_ID"]]) if rows else ""
        return Response(content, media_type="application/x-ndjson", headers={"Next-Cursor": cursor} if cursor else {})

    return Starlette(routes=[Route(f"/v1/{NAME}", page)], middleware=[Middleware(GZipMiddleware)])


def main() -> None:
    """Serve until killed."""
    servers: dict[str, Any] = {"ours": _ours, "naive": _naive}
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    app = servers[sys.argv[1]](Path(sys.argv[2]))
    config = uvicorn.Config(app, ws="none", log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()

"""An API in this process, over a real socket, and what is delivered to it and pulled from it."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import uvicorn
import yaml

from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.packages import Package
from optimove_pipeline.serving.access import access_of
from optimove_pipeline.serving.app import Served, application, tables_by_name
from optimove_pipeline.serving.connections import Connections
from optimove_pipeline.serving.readiness import day_readiness
from optimove_pipeline.serving.store import writing
from optimove_pipeline.serving.target import ApiTarget
from optimove_pipeline.target_feeds import tables_at
from optimove_pipeline.targets.kinds.api import ApiSettings
from optimove_pipeline.targets.table import Rows, Table
from optimove_pipeline_tests.end_to_end.place import Place

KEY, SECRET, SIGNING = "a-key-of-24-characters-or", "a-secret-of-24-characters", "s" * 32
ENVIRONMENT = {"PULL_KEY": KEY, "PULL_SECRET": SECRET, "SIGNING_KEY": SIGNING}
CLIENT = {"name": "optimove", "key": "${PULL_KEY}", "requests_per_minute": 100_000}
OAUTH = {"name": "engineers", "secret": "${PULL_SECRET}"}
DAY = date(2026, 11, 20)
TABLE, CATALOG, REPORT = "Customers", "Game_Types_and_Categories", "Promo_Codes"

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Spares httpx from reading all certificates of the machine for each client."""

JsonRow = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Api:
    """A target of kind ``api`` that is served at ``url``."""

    settings: Settings
    target: ApiTarget
    url: str
    client: httpx.Client

    def table(self, name: str = TABLE) -> Table:
        """Return a table that is served."""
        return customers_table(self.settings, name)

    def get(self, path: str, headers: Mapping[str, str] | None = None, **parameters: Any) -> httpx.Response:
        """Ask once, with the key unless other headers are given."""
        return self.client.get(
            path,
            params={name: str(value) for name, value in parameters.items()} or None,
            headers={"X-API-Key": KEY} if headers is None else dict(headers),
        )

    def page(self, table: str = TABLE, **parameters: Any) -> JsonRow:
        """Return a page, which there must be."""
        answer = self.get(f"/v1/{table}", **parameters)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def pull(self, table: str = TABLE, **parameters: Any) -> list[JsonRow]:
        """Return the rows of all pages."""
        page = self.page(table, **parameters)
        rows = list(page["data"])
        while page["next_cursor"]:
            page = self.page(table, cursor=page["next_cursor"], limit=parameters.get("limit", 1000))
            rows += page["data"]
        return rows

    def deliver(self, rows: Sequence[JsonRow], *, partition: str = DAY.isoformat(), **options: Any) -> None:
        """Load rows of customers, or of another table."""
        self.target.load(goods(self.table(options.pop("table", TABLE)), rows, partition=partition, **options))


def customers_table(settings: Settings, name: str = TABLE) -> Table:
    """Return a table that is delivered to the API, by default that of customers."""
    return next(table for table in tables_at(settings, "api") if table.name == name)


def settings_of(root: Path, **api: Any) -> Settings:
    """Return settings that deliver two data sets and a report to the API."""
    return parse_settings(document_of(root, **api), source="a test", data_dir=root / "data")


def document_of(root: Path, **api: Any) -> dict[str, Any]:
    """Return the same as in a file."""
    return {
        "sources": {"casino": {"kind": "duckdb", "path": str(root / "casino.duckdb")}},
        "datasets": {
            "preset": "casino",
            "source": "casino",
            "select": ["customers", "game_types_and_categories"],
            "first_day": DAY.isoformat(),
        },
        "reports": {"select": ["promo_codes"]},
        "delivery": {"reports": ["api"], "datasets": ["api"]},
        "targets": {"api": {"kind": "api", "clients": [CLIENT], **api}},
    }


def place_of(root: Path, **api: Any) -> Place:
    """Return a place with these settings, where commands run."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "optimove.yaml").write_text(yaml.safe_dump(document_of(root, **api)))
    variables = {"OPTIMOVE_CONFIG": str(root / "optimove.yaml"), "OPTIMOVE_DATA_DIR": str(root / "data")}
    return Place(root, {**variables, **ENVIRONMENT})


@contextmanager
def served(root: Path, **api: Any) -> Iterator[Api]:
    """Serve an API on any free port; its credentials must be in the environment."""
    settings = settings_of(root, **api)
    own = settings.target("api")
    assert isinstance(own, ApiSettings)
    target = own.open("api", settings.data_dir)
    with writing(target.path):
        pass
    app = application(
        Served(
            own,
            access_of("api", own),
            tables_by_name(tables_at(settings, "api")),
            Connections(target.path),
            lambda day: day_readiness(settings, "api", datetime.now(UTC), day),
        )
    )
    config = uvicorn.Config(
        app,
        port=0,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=bool(own.trusted_proxies),
        forwarded_allow_ips=",".join(own.trusted_proxies),
    )
    with _running(config) as url, httpx.Client(base_url=url, verify=_NO_TLS) as client:
        yield Api(settings, target, url, client)


@contextmanager
def _running(config: uvicorn.Config) -> Iterator[str]:
    listening = config.bind_socket()
    server, ready = uvicorn.Server(config), threading.Event()
    startup = server.startup

    async def told(sockets: Any = None) -> None:
        await startup(sockets)
        ready.set()

    server.startup = told  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        assert ready.wait(10)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def goods(
    table: Table,
    rows: Sequence[JsonRow],
    *,
    partition: str = DAY.isoformat(),
    source: str | None = None,
    forgotten: Sequence[str] = (),
    blocks: int = 1,
) -> Rows:
    """Return rows on their way into a table; what they leave out is null."""
    names = [column.name for column in table.columns]
    schema = {column.name: column.dtype for column in table.columns}
    frame = pl.DataFrame([{name: row.get(name) for name in names} for row in rows], schema=schema)
    size = max(1, -(-frame.height // blocks))
    return Rows(
        table=table,
        partition=partition,
        source=source or hashlib.sha256(json.dumps([partition, [*rows]], default=str).encode()).hexdigest(),
        count=len(rows),
        run_id="a run",
        window=None,
        frames=lambda: iter([*frame.iter_slices(size)]),
        forgotten=forgotten,
    )


def customer(number: int, *, minutes: int = 0, **values: Any) -> JsonRow:
    """Return a customer, changed so many minutes after the day's begin."""
    start = datetime.combine(DAY, datetime.min.time())
    return {
        "Player_ID": f"C{number:05d}",
        "Registration_Date": date(2025, 1, 31),
        "LastUpdated": start + timedelta(minutes=minutes),
        **values,
    }


def many(count: int) -> list[JsonRow]:
    """Return customers, four a minute."""
    return [customer(number, minutes=number // 4 % 1440) for number in range(count)]


def package(rows: Rows) -> Package:
    """Return what stands for the package that rows are of, for the ledger."""
    return Package(
        feed=rows.table.feed,
        day=date.fromisoformat(rows.partition),
        folder=Path(),
        table=rows.table.name,
        format="csv",
        parts=(),
        rows=rows.count,
        columns={},
        fingerprint="",
        source=rows.source,
        window=None,
        watermark=None,
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
    )


def ids(rows: Sequence[JsonRow]) -> list[str]:
    """Return the ids of customers."""
    return [row["Player_ID"] for row in rows]

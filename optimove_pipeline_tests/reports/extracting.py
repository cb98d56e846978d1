"""What the tests of paging, look-ups and extraction build on: a client of the sandbox, and an extraction."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import SecretStr

from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.optimove.budget import FileStore, Window, client_id, open_budget
from optimove_pipeline.optimove.client import Optimove
from optimove_pipeline.optimove.options import ApiOptions
from optimove_pipeline.reports.extraction import Extraction
from optimove_pipeline.reports.landing import Landing
from optimove_pipeline.reports.lookups import Lookups
from optimove_pipeline.reports.paging import PagingRule
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline.staging import Staging

TODAY = date(2026, 11, 20)
DAY, DAY_BEFORE = date(2026, 11, 19), date(2026, 11, 18)
"""The last day with data, and the one before it."""


@asynccontextmanager
async def client_of(url: str, key: str, folder: Path, **options: Any) -> AsyncIterator[Optimove]:
    """Open a client that fails at the first failure, with a budget that never makes it wait."""
    budget = open_budget(
        FileStore(folder / "state" / "budget.sqlite"), client_id(url, key), windows=[Window(100_000, 10)], guard=0
    )
    api = ApiOptions(base_url=url, api_key=SecretStr(key), **{"attempts": 1, **options})
    try:
        async with Optimove(api, budget) as client:
            yield client
    finally:
        await budget.aclose()


def settings_of(folder: Path, reports: dict[str, Any] | None = None, **sections: Any) -> Settings:
    return parse_settings({"reports": reports or {}, **sections}, source="the test", data_dir=folder)


@asynccontextmanager
async def extraction_of(
    sandbox: RunningSandbox,
    folder: Path,
    reports: dict[str, Any] | None = None,
    *,
    run: str = "run-1",
    resumable: Callable[[str], bool] = lambda _: False,
    today: date = TODAY,
    **sections: Any,
) -> AsyncIterator[Extraction]:
    """Open everything that extracting takes, below a folder."""
    settings = settings_of(folder, reports, **sections)
    async with client_of(sandbox.url, sandbox.key, folder, concurrency=settings.api.concurrency) as client:
        yield Extraction(
            settings=settings,
            client=client,
            staging=Staging(folder / "staging"),
            landing=Landing(folder / "landing"),
            lookups=Lookups(client, folder / "look-ups", lambda: today),
            rule=PagingRule(settings.api.page_size, settings.api.stop_at),
            run_id=run,
            resumable=resumable,
        )


def asked(sandbox: RunningSandbox, function: str = "") -> list[dict[str, str]]:
    """Return the parameters of the calls that a sandbox has seen of a function, or of all, in order."""
    return [call["parameters"] for call in sandbox.stats()["calls"] if function in call["function"]]


def partition(folder: Path, report: str, day: date) -> pl.DataFrame:
    """Return the rows of an extracted day, all columns, in order."""
    held = Staging(folder / "staging").open("report", report, day)
    return held.scan([name for name in held.columns if not name.startswith("_")]).collect()


def as_text(rows: Sequence[dict[str, Any]]) -> list[tuple[tuple[str, str], ...]]:
    """Return rows in an order of their own, values as text, nulls left out, so that two sources compare."""
    return sorted(
        tuple(sorted((name, _text(value)) for name, value in row.items() if value is not None)) for row in rows
    )


def _text(value: Any) -> str:
    """Return a value as the reading of answers gives it: ``true``, and ``71`` for 71.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)

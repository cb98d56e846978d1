"""A small casino in a place of its own: customers of two months, and a catalog that is only had as it is now."""

from __future__ import annotations

import warnings
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import yaml
from click.testing import CliRunner, Result

from optimove_pipeline.cli import main
from optimove_pipeline_tests.end_to_end.place import Place, environment

CATALOG = "game_types_and_categories"
FIRST = date(2020, 3, 1)
ROWS = (
    'CREATE OR REPLACE TABLE customers AS SELECT i::text AS "Player_ID", DATE \'2020-01-01\' AS "Registration_Date",'
    " TIMESTAMP '2020-01-01 12:00:00' + INTERVAL (i) DAY AS \"LastUpdated\" FROM range(70) AS rows(i)",
    "CREATE OR REPLACE TABLE games AS SELECT 'g1' AS \"Game_ID\", 'Mines' AS \"Game_Name\"",
)


def casino(root: Path, **datasets: Any) -> Place:
    """Return a place whose data sets go to the outbox; the days are sent by their changes from ``FIRST`` on."""
    with duckdb.connect(root / "casino.duckdb") as connection:
        for statement in ROWS:
            connection.execute(statement)
    document = {
        "tenant": {"start_date": "2020-01-01"},
        "sources": {"casino": {"kind": "duckdb", "path": str(root / "casino.duckdb")}},
        "reports": {"select": ["promo_codes"]},
        "delivery": {"reports": "none", "datasets": ["outbox"]},
        "datasets": {
            "preset": "casino",
            "select": ["customers", CATALOG],
            "source": "casino",
            "first_day": FIRST,
            "history_months": 2,
            "each": {name: {"table": name} for name in ("customers", "transactions")} | {CATALOG: {"table": "games"}},
            **datasets,
        },
    }
    (root / "optimove.yaml").write_text(yaml.safe_dump(document))
    variables = {
        "OPTIMOVE_API_URL": "http://127.0.0.1:9/current",
        "OPTIMOVE_API_KEY": "a-key",
        "OPTIMOVE_CONFIG": str(root / "optimove.yaml"),
        "OPTIMOVE_DATA_DIR": str(root / "data"),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    return Place(root, variables)


def command(place: Place, *arguments: str) -> Result:
    """Run a command in this process."""
    with environment(place), warnings.catch_warnings():
        # Dagster's own code for nested resources calls what Dagster deprecated.
        warnings.filterwarnings("ignore", message="InitResourceContext.dagster_run is deprecated")
        return CliRunner().invoke(main, arguments, terminal_width=200)

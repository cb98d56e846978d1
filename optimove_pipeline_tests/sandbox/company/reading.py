"""What a company's database holds."""

from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from optimove_pipeline.sandbox.company.schema import TABLES


def tables(path: Path) -> dict[str, list[Any]]:
    """All rows of all tables, in their order."""
    with closing(duckdb.connect(str(path), read_only=True)) as opened:
        return {name: opened.execute(f"FROM {name}").fetchall() for name in TABLES}

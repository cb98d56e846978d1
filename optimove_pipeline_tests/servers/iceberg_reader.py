"""Iceberg tables read by DuckDB, which shares no code with what writes them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

_HOME = Path(__file__).parents[2] / ".venv" / "iceberg_reader"
_PROGRAM = """
import duckdb, json, sys
connection = duckdb.connect(config={"autoinstall_known_extensions": False, "threads": 1})
connection.execute("LOAD avro; LOAD iceberg")
rows = connection.execute(f"SELECT {sys.argv[2]} FROM iceberg_scan('{sys.argv[1]}') ORDER BY ALL").fetchall()
print(json.dumps(rows, default=str))
"""


def duckdb_rows(metadata: str, columns: str = "*") -> list[list[Any]]:
    """Return the rows of a table, by the address of its metadata; what is no number and no flag as text.

    ``FileNotFoundError`` says what to do if the reader is missing.
    """
    if not (_HOME / ".whole").exists():
        raise FileNotFoundError("these tests need DuckDB's reader of Iceberg: tools/test_servers.sh installs it")
    command = [str(_HOME / "bin" / "python"), "-c", _PROGRAM, metadata, columns]
    ended = subprocess.run(command, env={"HOME": str(_HOME)}, capture_output=True, text=True, check=True)
    found: list[list[Any]] = json.loads(ended.stdout)
    return found

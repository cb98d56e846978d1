"""Files as a view of DuckDB: CSV and NDJSON as text, Parquet with its own types."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from optimove_pipeline.settings.sources import FilesSettings, SourceCsv


def make_view(
    connection: duckdb.DuckDBPyConnection, name: str, settings: FilesSettings, files: Sequence[Path]
) -> None:
    """Make a view of the rows of all files; columns are matched by name, those that a file lacks are null.

    CSV: all text; a quoted empty value is an empty text, an unquoted one null. NDJSON: the text of every value as it
    is written, objects and lists as JSON; the columns are the keys that occur.
    """
    listed = f"[{', '.join(map(_literal, map(str, files)))}]"
    match settings.format:
        case "csv":
            rows = f"SELECT * FROM read_csv({listed}, {_csv_options(settings.csv)})"  # noqa: S608 - all of it is quoted here
        case "parquet":
            rows = f"SELECT * FROM read_parquet({listed}, union_by_name = true)"  # noqa: S608 - quoted
        case "ndjson":
            rows = _ndjson_rows(connection, listed)
    connection.execute(f"CREATE VIEW {name} AS {rows}")


def _csv_options(csv: SourceCsv) -> str:
    options = {
        "delim": _literal(csv.delimiter),
        "quote": _literal(csv.quote),
        "escape": _literal(csv.escape),
        "header": str(csv.header).lower(),
        "nullstr": _literal(csv.null_text),
        "encoding": _literal(csv.encoding),
        "all_varchar": "true",
        "allow_quoted_nulls": "false",
        "union_by_name": "true",
        "skip": "0",
        "comment": "''",
    }
    return ", ".join(f"{key} = {value}" for key, value in options.items())


def _ndjson_rows(connection: duckdb.DuckDBPyConnection, listed: str) -> str:
    objects = f"read_ndjson_objects({listed})"
    keys = connection.execute(
        f"SELECT DISTINCT unnest(json_keys(json)) AS key FROM {objects} ORDER BY key"  # noqa: S608 - quoted
    ).fetchall()
    values = [f"json ->> {_literal(_pointer(key))} AS {_name(key)}" for (key,) in keys]
    return f"SELECT {', '.join(values) or 'NULL::VARCHAR AS nothing'} FROM {objects}"  # noqa: S608 - quoted


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'

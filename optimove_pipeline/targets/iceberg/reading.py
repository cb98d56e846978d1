"""Tables read as the receiver reads them: by another engine than the one that wrote them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from polars.exceptions import PerformanceWarning, PolarsError
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from pyiceberg.table import Table as IcebergTable

from optimove_pipeline.errors import PipelineError
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.iceberg import catalogs
from optimove_pipeline.targets.iceberg.schemas import name_of
from optimove_pipeline.targets.kinds.iceberg import IcebergSettings
from optimove_pipeline.targets.table import Table


def checked(settings: IcebergSettings, name: str, data_dir: Path, tables: Sequence[Table]) -> list[Checked]:
    """Return the steps tried, ending with the first that failed: connect, then a look into each table."""
    steps, doing = list[Checked](), "connect"
    try:
        with catalogs.opened(settings, name, data_dir) as catalog:
            catalog.list_namespaces()
            steps.append(Checked(doing, passed=True))
            for table in tables:
                doing = f"read {table.name}"
                steps.append(Checked(_look(catalog, settings.namespace, table, name), passed=True))
    except PipelineError as error:
        steps.append(Checked(doing, passed=False, fix=str(error)))
    return steps


def _look(catalog: Catalog, namespace: str, table: Table, target: str) -> str:
    """Return what a table holds: rows, newest change and the moment of its snapshot.

    Raises:
        TargetError: it is not there, or can't be read.
    """
    try:
        found = catalog.load_table((namespace, name_of(table)))
    except (NoSuchNamespaceError, NoSuchTableError):
        raise TargetError(
            f"{namespace}.{name_of(table)} is not there: `optimove-pipeline connect {target} --apply` creates it"
        ) from None
    rows, newest = rows_and_newest(found, table.changed)
    changed = f", newest {table.changed} {newest}" if newest else ""
    snapshot = found.current_snapshot()
    since = (
        f"{datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC" if snapshot else "none"
    )
    return f"{table.name}: {rows:,} rows{changed}, snapshot {since}"


def rows_and_newest(found: IcebergTable, changed: str | None) -> tuple[int, object]:
    """Return how many rows Polars reads in a table, and the highest value of a column, if one is named.

    Raises:
        TargetError: Polars can't read it.
    """
    newest = pl.col(changed).max() if changed else pl.lit(None)
    row = read(found, pl.len().alias("rows"), newest.alias("newest"))
    return row["rows"][0], row["newest"][0]


def read(found: IcebergTable, *columns: pl.Expr) -> pl.DataFrame:
    """Return columns of a table's current snapshot, as Polars reads them.

    Raises:
        TargetError: Polars can't read it.
    """
    with warnings.catch_warnings():
        # It says that another planner would be faster.
        warnings.simplefilter("ignore", PerformanceWarning)
        lazy = pl.scan_iceberg(found, storage_options=_storage(found), reader_override="native")
        try:
            return lazy.select(*columns).collect()
        except PolarsError as error:
            said = str(error).partition("\n")[0][:300]
            raise TargetError(f"{'.'.join(found.name())}: can't be read: {said}") from None


def _storage(found: IcebergTable) -> dict[str, str]:
    """Return how the storage is reached, with the credentials that the catalog lends, if it does."""
    own = {key: str(value) for key, value in found.io.properties.items() if key.startswith(("s3.", "adls.", "gcs."))}
    is_plain = own.get("s3.endpoint", "").startswith("http://")
    return own | ({"allow_http": "true"} if is_plain else {})

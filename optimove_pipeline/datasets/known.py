"""What is known besides the rows of a partition: values referred to, rows delivered before, customers forgotten.

The first two are held as sorted 64-bit hashes, 8 bytes each, taken from the warehouse and from staging in a stream.
Two values with the same hash would be taken for one: of 100 million values, one row in 10^11 so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from duckdb import DuckDBPyConnection

from optimove_pipeline.datasets.dataset import PARTITION, Dataset, Load
from optimove_pipeline.datasets.windows import ended_by
from optimove_pipeline.errors import PartitionError
from optimove_pipeline.feeds import Kind
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.stages.frames import frames
from optimove_pipeline.stages.leaving_out import NOBODY, Forgotten
from optimove_pipeline.stages.validate import QUARANTINE, VALIDATED
from optimove_pipeline.staging import Partition, Staging
from optimove_pipeline.tables import types_of
from optimove_pipeline.warehouse import quoted

DATASET = "dataset"
"""The stage that extraction writes."""

Holds = Callable[[pl.Series], pl.Series]
"""Tells for each value (never null: of a null either answer) whether it is known."""
Delivered = Callable[[pl.DataFrame], pl.Series]
"""Tells for each row of a key and its moment of change whether it was delivered before."""


def nothing(rows: pl.DataFrame | pl.Series) -> pl.Series:
    """Say of each row that it is not known."""
    return pl.repeat(value=False, n=len(rows), dtype=pl.Boolean, eager=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What validation needs to know.

    ``references`` is by the column referred to, such as ``customers.Player_ID``; ``delivered`` takes frames of the
    key's columns and the change column; ``quarantined`` takes broken rows as the quarantine holds them (``row``), and
    tells which of them it has of an earlier partition; rows of ``forgotten`` customers are dropped.
    """

    references: Mapping[str, Holds] = field(default_factory=dict)
    delivered: Delivered = nothing
    quarantined: Holds = nothing
    forgotten: Forgotten = NOBODY


def known_of(
    dataset: Dataset,
    day: date,
    staging: Staging,
    connection: DuckDBPyConnection,
    *,
    forgotten: Forgotten = NOBODY,
    counted: Collection[date] | None = None,
) -> Known:
    """Return what is known for validating a partition; the connection is not needed any more once this returns.

    A value referred to is known if its data set has published it, or has it in the stage ``validated`` of the same
    partition or of one that is not published yet. A row was delivered before if a partition of those ``counted``
    (``delivered_before``; None, for a data set without targets: all earlier ones that are published) has the same key
    and moment of change; only moments since the start of the partition's window are looked at.

    Where a contract was changed, what was published or validated under the old one counts with the columns that it
    has: without the column that is referred to it knows nothing, and without a column of the key no row of it is
    taken for delivered.

    A moment at midnight may be a mere date, which a row keeps through all changes of that day: such a row is never
    taken for delivered. To send it again changes nothing at the receiver, and to leave it out would lose a change.

    Raises:
        PartitionError: a data set that is referred to has neither, or not with that column; or the partition was
            never extracted.
    """
    references = {column.reference for column in dataset.columns if column.reference is not None}
    with TemporaryDirectory(prefix="optimove-known-") as folder:
        file = Path(folder) / "known.parquet"
        return Known(
            references={name: _references(name, dataset, day, staging, connection, file) for name in references},
            delivered=_delivered(dataset, day, staging, connection, file, counted),
            quarantined=_quarantined(dataset, day, staging),
            forgotten=forgotten,
        )


def reaches_back_to(dataset: Dataset, day: date, staging: Staging) -> datetime | None:
    """Return the moment (UTC, naive) from which on a partition was extracted; None if it was not by its changes.

    Raises:
        PartitionError: it was never extracted.
    """
    window = staging.open(DATASET, dataset.name, day).metadata.get("window")
    if window is None or dataset.load is Load.SNAPSHOT:
        return None
    return datetime.fromisoformat(window[0]).astimezone(UTC).replace(tzinfo=None)


def _references(
    reference: str, dataset: Dataset, day: date, staging: Staging, connection: DuckDBPyConnection, file: Path
) -> Holds:
    name, _, column = reference.partition(".")
    table = f"datasets.{name}"
    published, hashes = frozenset[str](), list[pl.Series]()
    if column in types_of(connection, table):
        published = _partitions(connection, table)
        query = f"SELECT DISTINCT {quoted(column)}::VARCHAR AS value FROM {quoted(table)}"  # noqa: S608 - quoted
        hashes.append(_hashed(connection, query, [], file))
    for other in staging.days(VALIDATED, name):
        if other == day or partition_key(other) not in published:
            partition = staging.open(VALIDATED, name, other)
            if column in partition.columns:
                hashes += [pl.Series(dtype=pl.UInt64), *_column_hashes(partition, column)]
    if not hashes:
        raise PartitionError(
            f"validated/{dataset.name} of {partition_key(day)}: what refers to {reference} can't be checked, since "
            f"{name} has no partition with {column} that is validated or published: materialise dataset/{name} and "
            f"validated/{name} first"
        )
    return _holding(hashes)


def _partitions(connection: DuckDBPyConnection, table: str) -> frozenset[str]:
    """Return the keys of the partitions that a data set's table holds."""
    query = f"SELECT DISTINCT {quoted(PARTITION.name)} FROM {quoted(table)}"  # noqa: S608 - quoted
    return frozenset(key for (key,) in connection.execute(query).fetchall())


def _column_hashes(partition: Partition, column: str) -> Iterator[pl.Series]:
    for frame in frames(partition, [column]):
        yield frame[column].cast(pl.String).hash()


def _holding(hashes: list[pl.Series]) -> Holds:
    ordered = _ordered(hashes)
    return lambda values: _among(ordered, values.cast(pl.String).hash())


def _delivered(
    dataset: Dataset,
    day: date,
    staging: Staging,
    connection: DuckDBPyConnection,
    file: Path,
    counted: Collection[date] | None,
) -> Delivered:
    change, since = dataset.change_column, reaches_back_to(dataset, day, staging)
    if change is None or since is None:
        return nothing
    names = [*dataset.key, change]
    if counted is None:
        hashes = [_published(dataset, "<", day, connection, names, since, file)]
    else:
        hashes = [_rows_of(dataset, each, staging, connection, names, since, file) for each in counted]
    ordered = _ordered(hashes)
    if ordered.is_empty():
        return nothing
    return lambda rows: _among(ordered, rows.select(pl.struct(names).hash()).to_series()) & _has_time(rows[change])


def _quarantined(dataset: Dataset, day: date, staging: Staging) -> Holds:
    """Return which rows are in quarantine of an earlier partition whose time the window reaches back to."""
    since = reaches_back_to(dataset, day, staging)
    if since is None:
        return nothing
    hashes = [
        frame["row"].hash()
        for each in staging.partitions(QUARANTINE, dataset.name)
        if partition_key(each) < partition_key(day) and ended_by(each) > since
        for frame in frames(staging.open(QUARANTINE, dataset.name, each), ["row"])
    ]
    return _holding(hashes) if hashes else nothing


def _has_time(moments: pl.Series) -> pl.Series:
    times = moments.cast(pl.Datetime("us"))
    return (times != times.dt.truncate("1d")).fill_null(value=False)


def _rows_of(
    dataset: Dataset,
    partition: date,
    staging: Staging,
    connection: DuckDBPyConnection,
    names: list[str],
    since: datetime,
    file: Path,
) -> pl.Series:
    """Return the hashes of a partition's rows; those published if the validated ones are not held any more."""
    held = staging.find(VALIDATED, dataset.name, partition)
    if held is None:
        return _published(dataset, "=", partition, connection, names, since, file)
    typed = [pl.col(name).cast(kind.dtype, strict=False) for name, kind in _kinds(dataset, names).items()]
    changed = pl.col(names[-1]) >= since
    rows = (frame.select(typed).filter(changed) for frame in frames(held, names))
    found = (frame.select(pl.struct(names).hash()).to_series() for frame in rows)
    return pl.concat([pl.Series(dtype=pl.UInt64), *found])


def _published(
    dataset: Dataset,
    compared: str,
    day: date,
    connection: DuckDBPyConnection,
    names: list[str],
    since: datetime,
    file: Path,
) -> pl.Series:
    if not types_of(connection, dataset.table_name).keys() >= {*names}:
        return pl.Series(dtype=pl.UInt64)
    typed = {name: f"TRY_CAST({quoted(name)} AS {kind.sql_type})" for name, kind in _kinds(dataset, names).items()}
    query = (
        f"SELECT {', '.join(f'{value} AS {quoted(name)}' for name, value in typed.items())} "  # noqa: S608 - quoted
        f"FROM {quoted(dataset.table_name)} WHERE {quoted(dataset.stamp.name)} {compared} ? "
        f"AND {typed[names[-1]]} >= ?"
    )
    return _hashed(connection, query, [dataset.stamp_of(day), since], file)


def _kinds(dataset: Dataset, names: list[str]) -> dict[str, Kind]:
    kinds = {column.name: column.kind for column in dataset.columns}
    return {name: kinds[name] for name in names}


def _hashed(connection: DuckDBPyConnection, query: str, parameters: list[object], file: Path) -> pl.Series:
    """Return the hashes of a query's rows, which go by way of a file, so that memory holds the hashes alone."""
    target = str(file).replace("'", "''")
    connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet)", parameters)
    names = list(pl.read_parquet_schema(file))
    value = pl.col(names[0]) if len(names) == 1 else pl.struct(names)
    return pl.scan_parquet(file).select(value.hash()).collect(engine="streaming").to_series()


def _ordered(hashes: list[pl.Series]) -> pl.Series:
    return pl.concat([pl.Series(dtype=pl.UInt64), *hashes]).unique().sort()


def _among(ordered: pl.Series, hashes: pl.Series) -> pl.Series:
    if ordered.is_empty():
        return pl.repeat(value=False, n=hashes.len(), dtype=pl.Boolean, eager=True)
    place = ordered.search_sorted(hashes).clip(upper_bound=ordered.len() - 1)
    return ordered.gather(place) == hashes

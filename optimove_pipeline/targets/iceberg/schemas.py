"""Tables of feeds as Iceberg knows them: columns, types and partitions.

Columns are in the agreed order; the last is ``_partition``, the key of the partition that a row was loaded with.
A table is partitioned by it, so days and hours are files of their own. One whose key is the customer alone has one
row for each, that any day may change: it is not partitioned, else each day would leave rests of all days before it.
"""

from __future__ import annotations

import re
from typing import Any, cast

import polars as pl
import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    LongType,
    NestedField,
    PrimitiveType,
    StringType,
    TimestampType,
)

from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.table import STAMP, Replace, Table, TableColumn

PROPERTIES = {
    "format-version": "2",
    # We try again ourselves, with rows compared anew: pyiceberg would append what was compared with older ones.
    "commit.retry.num-retries": "0",
    "commit.manifest-merge.enabled": "true",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.parquet.compression-codec": "zstd",
}
_FEED = "optimove.feed"
"""Property of a table: the feed whose rows it holds."""
_FIRST_PARTITION_FIELD = 1000
_TYPES: dict[type[pl.DataType], PrimitiveType] = {
    pl.String: StringType(),
    pl.Int64: LongType(),
    pl.Boolean: BooleanType(),
    pl.Date: DateType(),
    pl.Datetime: TimestampType(),
}


def name_of(table: Table) -> str:
    """Return a table's name in a catalog: some, such as Glue, know none but small letters, digits and ``_``."""
    return re.sub(r"[^a-z0-9_]", "_", table.name.lower())


def is_partitioned(table: Table) -> bool:
    """Return whether the rows of a partition lie in files of their own."""
    return not (table.replace is Replace.KEYS and table.key == (table.customer,))


def schema_of(table: Table) -> Schema:
    """Return the columns; those of the key are required, and identify a row where the key is unique."""
    columns = [*table.columns, TableColumn(STAMP, pl.String())]
    required = {*table.key, STAMP}
    fields = [
        NestedField(number, column.name, type_of(column), required=column.name in required)
        for number, column in enumerate(columns, 1)
    ]
    identifiers = [field.field_id for field in fields if table.unique and field.name in table.key]
    return Schema(*fields, identifier_field_ids=identifiers)


def type_of(column: TableColumn) -> PrimitiveType:
    """Return the type of a column; texts have no length, times no zone."""
    if isinstance(column.dtype, pl.Decimal):
        return DecimalType(column.dtype.precision or 38, column.dtype.scale)
    return _TYPES[type(column.dtype)]


def ensured(catalog: Catalog, namespace: str, table: Table) -> IcebergTable:
    """Return the table at the catalog; what it lacks, itself or columns, is made.

    Raises:
        TargetError: a column has another type there, or the table is another feed's.
    """
    try:
        found = catalog.load_table((namespace, name_of(table)))
    except (NoSuchNamespaceError, NoSuchTableError):
        found = _created(catalog, namespace, table)
    _must_be_own(found, table)
    _add_columns(found, _missing(found, table))
    own = {key: value for key, value in PROPERTIES.items() if key.startswith("commit.")}
    if any(found.properties.get(key) != value for key, value in own.items()):
        found.transaction().set_properties(own).commit_transaction()
    return found


def _created(catalog: Catalog, namespace: str, table: Table) -> IcebergTable:
    """Make a table; one that is there would get a file of metadata that nothing refers to."""
    schema = schema_of(table)
    catalog.create_namespace_if_not_exists(namespace)
    return catalog.create_table_if_not_exists(
        (namespace, name_of(table)),
        schema,
        partition_spec=_spec(table, schema),
        properties=PROPERTIES | {_FEED: table.feed},
    )


def _must_be_own(found: IcebergTable, table: Table) -> None:
    feed = found.properties.get(_FEED, table.feed)
    if feed != table.feed:
        raise TargetError(
            f"{'.'.join(found.name())}: it is the table of {feed}; give {table.feed} a table name that differs in "
            "more than capital letters and marks"
        )


def _spec(table: Table, schema: Schema) -> PartitionSpec:
    if not is_partitioned(table):
        return UNPARTITIONED_PARTITION_SPEC
    source = schema.find_field(STAMP).field_id
    return PartitionSpec(PartitionField(source, _FIRST_PARTITION_FIELD, IdentityTransform(), STAMP))


def _missing(found: IcebergTable, table: Table) -> list[TableColumn]:
    """Return the columns that a table lacks.

    Raises:
        TargetError: one that it has is of another type.
    """
    there = {field.name: field.field_type for field in found.schema().fields}
    for column in table.columns:
        if column.name in there and there[column.name] != type_of(column):
            raise TargetError(
                f"{table.name}.{column.name}: it is {there[column.name]} at the target, and {type_of(column)} by the "
                "contract and the settings: set it back, or give the data set another table name"
            )
    return [column for column in table.columns if column.name not in there]


def _add_columns(found: IcebergTable, columns: list[TableColumn]) -> None:
    if not columns:
        return
    with found.update_schema() as update:
        for column in columns:
            update.add_column(column.name, type_of(column))
            update.move_before(column.name, STAMP)


def as_arrow(frame: pl.DataFrame, schema: Schema, partition: str) -> pa.Table:
    """Return rows with the columns of a table, those that they lack empty, stamped with their partition."""
    stamped = frame.with_columns(pl.lit(partition).alias(STAMP))
    arrow = arrow_schema(schema)
    missing = [name for name in arrow.names if name not in stamped.columns]
    rows = stamped.to_arrow()
    for name in missing:
        rows = rows.append_column(name, pa.nulls(len(rows), arrow.field(name).type))
    return rows.select(arrow.names).cast(arrow)


def arrow_schema(schema: Schema) -> Any:
    """Return a schema as pyarrow's."""
    return cast("Any", schema_to_pyarrow)(schema, include_field_ids=False)

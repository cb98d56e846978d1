"""What reports and data sets share: a name, columns, a key and the rules that follow from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import polars as pl

from optimove_pipeline.partition_keys import partition_key


class Kind(StrEnum):
    """The kind of a column's values, the same in Polars and in DuckDB.

    Ids of customers, sends and templates are text and never cast; other ids are integers; times are naive
    times of the tenant (reference, section 1.7). Decimals have four places (reference on delivery, section 1.1).
    """

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    FLAG = "flag"
    DATE = "date"
    TIME = "time"

    @property
    def dtype(self) -> pl.DataType:
        """Return the Polars dtype: String, Int64, Float64, Decimal(18, 4), Boolean, Date or Datetime(us)."""
        return _DTYPES[self]

    @property
    def sql_type(self) -> str:
        """Return DuckDB's name of the type."""
        return _SQL_TYPES[self]


_DTYPES: dict[Kind, pl.DataType] = {
    Kind.TEXT: pl.String(),
    Kind.INTEGER: pl.Int64(),
    Kind.NUMBER: pl.Float64(),
    Kind.DECIMAL: pl.Decimal(18, 4),
    Kind.FLAG: pl.Boolean(),
    Kind.DATE: pl.Date(),
    Kind.TIME: pl.Datetime("us"),
}
_SQL_TYPES: dict[Kind, str] = {
    Kind.TEXT: "VARCHAR",
    Kind.INTEGER: "BIGINT",
    Kind.NUMBER: "DOUBLE",
    Kind.DECIMAL: "DECIMAL(18,4)",
    Kind.FLAG: "BOOLEAN",
    Kind.DATE: "DATE",
    Kind.TIME: "TIMESTAMP",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a feed.

    ``name`` is the column in tables; ``field`` is the name in the answer, empty where the column is stamped from
    the request; ``aliases`` are further spellings of the field seen in use. A ``required`` column may not be null.
    ``minimum`` bounds integers and numbers from below. ``personal`` marks what tells of a single customer.
    """

    name: str
    kind: Kind
    field: str = ""
    aliases: tuple[str, ...] = ()
    required: bool = False
    minimum: int | None = None
    personal: bool = False
    description: str = ""

    @property
    def stamped(self) -> bool:
        """Whether the column's value comes from the request and not from the answer."""
        return not self.field


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Anything that flows through the stages.

    ``key`` names the columns that identify a row within a partition, none of them null. Where ``unique`` is false
    the source itself may repeat a key (two campaigns can reach one customer with one action), so rows are kept.
    ``open_schema`` marks a feed whose contract no source settles: its unknown columns are inferred and expected.
    ``schema`` is the warehouse's schema that the feed's table lies in; ``stamp`` the column of it that holds the
    partition: the day, or as text its key (``partition_keys``).
    """

    name: str
    title: str
    group: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unique: bool = True
    open_schema: bool = False
    schema: str = "optimove"
    stamp: Column = Column("report_date", Kind.DATE)

    @property
    def table_name(self) -> str:
        """The name of the feed's table in the warehouse, with its schema."""
        return f"{self.schema}.{self.name}"

    def stamp_of(self, partition: date) -> date | str:
        """Return the value of ``stamp`` in the rows of a partition."""
        return partition if self.stamp.kind is Kind.DATE else partition_key(partition)

    def column(self, name: str) -> Column | None:
        """Return the documented column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[\W_]+")


def snake_case(field: str) -> str:
    """Return a field's column name: ``CustomerID`` → ``customer_id``, ``IsMultiChannel`` → ``is_multi_channel``.

    >>> [snake_case(name) for name in ("CustomerID", "SendIDs", "TG Name", "VIP2Level")]
    ['customer_id', 'send_ids', 'tg_name', 'vip2_level']
    """
    words = _NOT_WORD.sub("_", field).strip("_").replace("IDs", "Ids")
    return _WORD_STARTS.sub("_", words).lower()


def attribute_column(name: str) -> str:
    """Return the column of a customer attribute: ``Preferred Brand`` → ``attribute_preferred_brand``."""
    return f"attribute_{snake_case(name)}"

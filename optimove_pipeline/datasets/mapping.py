"""From a source's columns to a contract's: which one each is read from, and what is done to its values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from optimove_pipeline.datasets.dataset import ContractColumn, Dataset
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.datasets import Constant, DatasetSettings, SourceColumn

_ISO = "%Y-%m-%d %H:%M:%S%.6f"


@dataclass(frozen=True, slots=True)
class Read:
    """A contract's column that is read from the source; ``origin`` is its name there, in the source's spelling."""

    column: ContractColumn
    origin: str
    dtype: pl.DataType
    how: SourceColumn


@dataclass(frozen=True, slots=True)
class ContractMapping:
    """How all columns of a contract come about; ``missing`` are the optional ones that the source does not have."""

    read: tuple[Read, ...]
    constants: tuple[tuple[ContractColumn, Constant], ...]
    missing: tuple[ContractColumn, ...]

    def of(self, name: str | None) -> Read | None:
        """Return how a contract's column is read, or None if it is not read."""
        return next((read for read in self.read if read.column.name == name), None)


def mapping_of(
    dataset: Dataset, own: DatasetSettings, found: Mapping[str, pl.DataType], place: str
) -> ContractMapping:
    """Return where each column of a contract comes from; ``found`` are the source's columns, ``place`` names it.

    A column that the settings don't map is that of the same name, by its case, else without regard to it.

    Raises:
        SettingsError: the settings map an unknown column, or name one that the source lacks; a required column is
            nowhere; or what is to be done to a column can't be done to its type.
    """
    _refuse_unknown(dataset, own)
    read, constants, missing = list[Read](), list[tuple[ContractColumn, Constant]](), list[ContractColumn]()
    for column in dataset.columns:
        how = own.columns.get(column.name) or _unmapped(dataset, own, column)
        if isinstance(how, Constant):
            constants.append((column, how))
            continue
        origin = named(how.column, found)
        if origin is not None:
            read.append(_checked(dataset, Read(column, origin, found[origin], how), place))
        elif column.required or column.name in own.columns:
            raise _lacking(dataset, column.name, how.column, found, place)
        else:
            missing.append(column)
    return ContractMapping(tuple(read), tuple(constants), tuple(missing))


def named(name: str, found: Iterable[str]) -> str | None:
    """Return the source's spelling of a column's name: the same, or the only one that differs by case alone."""
    names = list(found)
    if name in names:
        return name
    alike = [each for each in names if each.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def expressions_of(mapping: ContractMapping, order: Iterable[str]) -> list[pl.Expr]:
    """Return a contract's columns, in this order, as expressions of a frame in the source's names."""
    values = {read.column.name: _value(read) for read in mapping.read}
    values |= {column.name: pl.lit(how.constant) for column, how in mapping.constants}
    values |= {column.name: pl.lit(None, column.kind.dtype) for column in mapping.missing}
    return [values[name].alias(name) for name in order]


def _unmapped(dataset: Dataset, own: DatasetSettings, column: ContractColumn) -> SourceColumn:
    is_change = column.name == dataset.change_column and own.change_column is not None
    return SourceColumn(column=own.change_column if is_change and own.change_column else column.name)


def _refuse_unknown(dataset: Dataset, own: DatasetSettings) -> None:
    names = [column.name for column in dataset.columns]
    for name in own.columns:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            raise SettingsError(
                f"datasets.each.{dataset.name}.columns.{name}: {dataset.name} has no such column"
                f"{f'; did you mean {near[0]}?' if near else ''}"
            )


def _lacking(dataset: Dataset, name: str, origin: str, found: Iterable[str], place: str) -> SettingsError:
    return SettingsError(
        f"{dataset.name}: {name}: {place} has no column {origin!r}; there are {', '.join(found)}. Map it by "
        f"datasets.each.{dataset.name}.columns.{name}"
    )


def _checked(dataset: Dataset, read: Read, place: str) -> Read:
    setting = f"datasets.each.{dataset.name}.columns.{read.column.name}"
    there = f"{place} has {read.origin!r} as {read.dtype}"
    if read.how.format is not None and read.dtype != pl.String:
        raise SettingsError(f"{setting}.format: it is for text, but {there}")
    if read.how.timezone is None or (read.dtype == pl.String and read.how.format is not None):
        return read
    if not isinstance(read.dtype, pl.Datetime) or read.dtype.time_zone is not None:
        raise SettingsError(f"{setting}.timezone: it is for times without a zone, or text with a format, but {there}")
    return read


def _value(read: Read) -> pl.Expr:
    value = pl.col(read.origin)
    if read.how.values:
        texts = value.cast(pl.String)
        return texts.replace(read.how.values)
    if read.how.format is not None:
        return _parsed(value, read.how.format, read.how.timezone)
    if isinstance(read.dtype, pl.Datetime):
        return _utc(value, read.dtype.time_zone, read.how.timezone)
    return value


def _parsed(value: pl.Expr, pattern: str, zone: str | None) -> pl.Expr:
    """Return text that fits the pattern as text in the batch's own form, in UTC; other text as it is.

    It stays text, so that the rule for the column's type tells of a value that does not fit.
    """
    if not any(directive in pattern for directive in ("%H", "%I", "%s", "%T", "%R", "%X", "%c")):
        return pl.coalesce(value.str.to_date(pattern, strict=False).dt.strftime("%Y-%m-%d"), value)
    if "%z" in pattern:
        moment = value.str.to_datetime(pattern, strict=False, time_unit="us", time_zone="UTC")
        return pl.coalesce(_utc(moment, "UTC", None).dt.strftime(_ISO), value)
    moment = value.str.to_datetime(pattern, strict=False, time_unit="us")
    return pl.coalesce(_utc(moment, None, zone).dt.strftime(_ISO), value)


def _utc(value: pl.Expr, known: str | None, zone: str | None) -> pl.Expr:
    """Return times as naive times of UTC.

    A time that the clocks pass twice is the earlier one; one that they leave out counts by the offset before.
    """
    if known is not None:
        return value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if zone is None or zone == "UTC":
        return value
    there = value.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    before = value.dt.offset_by("-1d").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    left_out = before.dt.convert_time_zone("UTC").dt.offset_by("24h")
    moments = pl.coalesce(there.dt.convert_time_zone("UTC"), left_out)
    return moments.dt.replace_time_zone(None)

"""The columns of a package: the kind of each, and how its values are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from optimove_pipeline.errors import ContractError, SettingsError
from optimove_pipeline.feeds import Feed, Kind
from optimove_pipeline.settings.packages import PackageOptions

_FORMS = {
    Kind.TEXT: {"text", "json"},
    Kind.INTEGER: {"text", "number"},
    Kind.NUMBER: {"text", "number"},
    Kind.FLAG: {"Yes/No", "true/false", "1/0"},
    Kind.DATE: set[str](),
    Kind.TIME: set[str](),
}
_ID = re.compile(r"(?:^|_)(?i:ids?)$|[a-z]I[Dd]s?$")
_DATE_DIRECTIVE = re.compile(r"%[YymbBdj]")
_DECIMAL = re.compile(r"Decimal\(precision=(\d+), scale=(\d+)\)")
_ZONED = re.compile(r"Datetime\(time_unit='us', time_zone='(.+)'\)")
_DTYPES = {str(kind.dtype): kind.dtype for kind in Kind} | {
    str(dtype): dtype for dtype in (pl.Int32(), pl.UInt32(), pl.UInt64(), pl.Int128(), pl.Float32())
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its name, its dtype in the partition, its kind, and the form that its values are written in.

    ``form`` is a pattern for dates and times, empty where Parquet has a type for them; ``text``, ``number`` or
    ``json``; or the two words of a flag.
    """

    name: str
    dtype: pl.DataType
    kind: Kind
    form: str


def fields_of(feed: Feed, columns: Mapping[str, str], options: PackageOptions) -> tuple[Field, ...]:
    """Return ``columns``, those of a partition, in their order, but for the project's own, which begin with ``_``.

    Raises:
        SettingsError: a form is set for a column that is not there, or that is of another kind.
        ContractError: a column is of a type that no file can hold.
    """
    named = {name: text for name, text in columns.items() if not name.startswith("_")}
    dtypes = {name: _dtype(feed, name, text) for name, text in named.items()}
    if unknown := [name for name in options.fields if name not in dtypes]:
        raise SettingsError(
            f"packages.each.{feed.name}.fields.{unknown[0]}: {feed.name} has no such column, only {', '.join(dtypes)}"
        )
    return tuple(_field(feed, name, dtype, options) for name, dtype in dtypes.items())


def _dtype(feed: Feed, name: str, text: str) -> pl.DataType:
    if text in _DTYPES:
        return _DTYPES[text]
    if found := _DECIMAL.fullmatch(text):
        return pl.Decimal(int(found[1]), int(found[2]))
    if found := _ZONED.fullmatch(text):
        return pl.Datetime("us", found[1])
    raise ContractError(
        f"{feed.name}: column {name} is of type {text}, which can't be packaged: expected text, whole numbers, "
        "numbers, flags, dates or times; give it one of these in the contract"
    )


def _field(feed: Feed, name: str, dtype: pl.DataType, options: PackageOptions) -> Field:
    kind, form = _kind(dtype), options.fields.get(name)
    if form is None:
        return Field(name, dtype, kind, _usual_form(feed, name, kind, options))
    if not _fits(kind, form):
        expected = " or ".join(sorted(_FORMS[kind])) or f"a pattern of {kind}s"
        raise SettingsError(
            f"packages.each.{feed.name}.fields.{name}: {form!r} does not fit a {kind}: expected {expected}"
        )
    return Field(name, dtype, kind, form)


def _fits(kind: Kind, form: str) -> bool:
    if "%" not in form:
        return form in _FORMS[kind]
    return kind is Kind.TIME or (kind is Kind.DATE and "%" not in _DATE_DIRECTIVE.sub("", form))


def _usual_form(feed: Feed, name: str, kind: Kind, options: PackageOptions) -> str:
    general = options.packaging
    forms: Mapping[Kind, str] = {
        Kind.TEXT: "text",
        Kind.INTEGER: general.ndjson.ids if name in feed.key or _ID.search(name) else "number",
        Kind.NUMBER: general.ndjson.decimals,
        Kind.FLAG: general.flags,
        Kind.DATE: "" if general.format == "parquet" else general.dates,
        Kind.TIME: "" if general.format == "parquet" else general.times,
    }
    return forms[kind]


def _kind(dtype: pl.DataType) -> Kind:
    if dtype.is_integer():
        return Kind.INTEGER
    if dtype.is_numeric():
        return Kind.NUMBER
    return Kind.TIME if isinstance(dtype, pl.Datetime) else next(kind for kind in Kind if kind.dtype == dtype)

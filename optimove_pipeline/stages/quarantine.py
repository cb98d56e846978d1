"""The rows that broke their contract, as they are kept for a person to look at."""

from __future__ import annotations

from datetime import date

import polars as pl

from optimove_pipeline.feeds import Feed
from optimove_pipeline.stages.rules import Rule

_COLUMNS = ("rule", "column", "raw_value", "row")


def schema_of(feed: Feed) -> dict[str, pl.DataType]:
    """Return the columns of a feed's quarantine: its stamp, and ``_COLUMNS`` as text."""
    return {feed.stamp.name: feed.stamp.kind.dtype, **dict.fromkeys(_COLUMNS, pl.String())}


def quarantined(
    feed: Feed, text: pl.DataFrame, breaches: pl.DataFrame, rules: tuple[Rule, ...], day: date
) -> pl.DataFrame:
    """Return one row for each row given, in the columns of ``schema_of``.

    ``text`` holds the broken rows as they came, ``breaches`` a flag column for each rule. ``rule`` names all rules
    that a row broke, joined by a comma; ``column`` and ``raw_value`` show the first of them, the values of several
    columns joined by a comma too; ``row`` is the whole row as JSON.
    """
    both = text.hstack(breaches.rename(_flag))
    column, value = pl.lit(None, pl.String), pl.lit(None, pl.String)
    for rule in reversed(rules):
        column = pl.when(_flag(rule.name)).then(pl.lit(", ".join(rule.columns))).otherwise(column)
        value = pl.when(_flag(rule.name)).then(_shown(rule)).otherwise(value)
    names = [pl.when(_flag(rule.name)).then(pl.lit(rule.name)) for rule in rules]
    return both.select(
        pl.lit(feed.stamp_of(day)).alias(feed.stamp.name),
        pl.concat_str(names, separator=", ", ignore_nulls=True).alias("rule"),
        column.alias("column"),
        value.alias("raw_value"),
        pl.struct(text.columns).struct.json_encode().alias("row"),
    )


def _flag(rule: str) -> str:
    return f"broke {rule}"


def _shown(rule: Rule) -> pl.Expr:
    if len(rule.columns) == 1:
        return pl.col(rule.columns[0])
    return pl.concat_str(rule.columns, separator=", ", ignore_nulls=True)

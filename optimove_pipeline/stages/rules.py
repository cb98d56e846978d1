"""The rules of a contract, row by row.

A rule is a record: to add one is to add one expression over the typed columns. Where a rule needs the text that a
value was cast from, it finds it under ``raw(column)``. A rule that comes out null counts as kept, so that it need not
repeat the rule that null breaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from optimove_pipeline.feeds import Column, Feed, Kind


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name, the columns that quarantine shows when it is broken, and when it is."""

    name: str
    columns: tuple[str, ...]
    broken: pl.Expr


def raw(column: str) -> str:
    """Return the name of the column that holds the text which ``column`` was cast from."""
    return f"raw:{column}"


def rules_of(feed: Feed) -> tuple[Rule, ...]:
    """Return the rules that follow from a feed's columns and key.

    ``type:<column>`` text that is no value of the column's kind; ``required:<column>`` and ``key:<column>`` null
    where the contract, or the key, allows none; ``minimum:<column>`` a value below the least allowed.
    """
    return tuple(rule for column in feed.columns for rule in _rules(column, in_key=column.name in feed.key))


def _rules(column: Column, *, in_key: bool) -> list[Rule]:
    rules = []
    value, lost = pl.col(column.name), _lost(column)
    if column.kind is not Kind.TEXT:
        rules.append(Rule(f"type:{column.name}", (column.name,), lost))
    if column.required or in_key:
        name = f"{'required' if column.required else 'key'}:{column.name}"
        rules.append(Rule(name, (column.name,), value.is_null() & ~lost))
    if column.minimum is not None:
        rules.append(Rule(f"minimum:{column.name}", (column.name,), value < column.minimum))
    return rules


def _lost(column: Column) -> pl.Expr:
    if column.kind is Kind.TEXT:
        return pl.lit(value=False)
    text = pl.col(raw(column.name))
    return pl.col(column.name).is_null() & text.is_not_null() & (text != "")


def breaches(typed: pl.DataFrame, text: pl.DataFrame, rules: tuple[Rule, ...]) -> pl.DataFrame:
    """Return a flag column for each rule, named as the rule: whether the row breaks it.

    ``typed`` and ``text`` hold the same rows, cast and as they came.
    """
    cast = [name for name, dtype in typed.schema.items() if dtype != pl.String and name in text.columns]
    both = typed.hstack([text[name].alias(raw(name)) for name in cast])
    return both.select(rule.broken.fill_null(value=False).alias(rule.name) for rule in rules)

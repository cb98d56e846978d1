"""Reconciliation: reports that tell of the same things must agree, row for row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

EXAMPLES = 10

_HASH = "_hash"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Distinct values that only one of two reports has, and the first groups of them.

    Each example is a line such as ``campaign_id 5, channel_id 504: 12 only left``.
    """

    only_left: int
    only_right: int
    examples: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether both reports have the same values."""
        return not self.only_left and not self.only_right


def compare(left: pl.LazyFrame, right: pl.LazyFrame, columns: Sequence[str], shown: Sequence[str]) -> Mismatch:
    """Compare the distinct values of ``columns`` in two reports; examples are counted by the columns ``shown``.

    Values are compared by a 64-bit hash, so that the largest reports need little memory.
    """
    one, other = _distinct(left, columns, shown), _distinct(right, columns, shown)
    only_left = one.join(other, on=_HASH, how="anti")
    only_right = other.join(one, on=_HASH, how="anti")
    examples = [*_examples(only_left, shown, "left"), *_examples(only_right, shown, "right")]
    return Mismatch(only_left.height, only_right.height, tuple(examples))


def split_codes(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return a row for each promo code of a value; no code is the empty text (reference, section 1.7)."""
    codes = pl.col("promo_code").fill_null("").str.split(",")
    return rows.with_columns(codes).explode("promo_code").with_columns(pl.col("promo_code").str.strip_chars())


def _distinct(rows: pl.LazyFrame, columns: Sequence[str], shown: Sequence[str]) -> pl.DataFrame:
    hashed = rows.select(pl.struct(columns).hash(seed=0).alias(_HASH), *shown)
    return hashed.unique(_HASH).collect(engine="streaming")


def _examples(rows: pl.DataFrame, shown: Sequence[str], side: str) -> list[str]:
    if rows.is_empty():
        return []
    counted = rows.group_by(shown).len("n").sort("n", *shown, descending=[True] + [False] * len(shown))
    return [
        f"{', '.join(f'{name} {value}' for name, value in row.items() if name != 'n')}: {row['n']} only {side}"
        for row in counted.head(EXAMPLES).iter_rows(named=True)
    ]

"""What a rule of a data set is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum

import polars as pl

from optimove_pipeline.datasets.dataset import Severity
from optimove_pipeline.stages.rules import Rule


class Phase(IntEnum):
    """When a rule looks: the first three see text as it came, the others typed values, as those before left them."""

    TRIM = 1
    BLANK = 2
    SPELLING = 3
    MENDING = 4
    JUDGING = 5


@dataclass(frozen=True, slots=True)
class DatasetRule(Rule):
    """A rule with what it does; ``fixed`` is the value of its only column once repaired, if it can repair."""

    severity: Severity
    phase: Phase
    fixed: pl.Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What rules need to know besides the row.

    ``day`` is the partition's day, ``now`` the moment (UTC, naive) that no time may lie after; ``currency`` the code
    that all rows must have, None if there is no row with one; ``constants`` the columns that every row has the same
    value in, by the settings.
    """

    day: date
    now: datetime
    currency: str | None = None
    constants: frozenset[str] = frozenset()

"""Rows against their rules: repaired, typed, and which rules each of them breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from optimove_pipeline.datasets.dataset import Dataset, Severity
from optimove_pipeline.datasets.known import Holds
from optimove_pipeline.datasets.reading import read_typed, without_empty
from optimove_pipeline.datasets.rules.events import judged
from optimove_pipeline.datasets.rules.families import orphan
from optimove_pipeline.datasets.rules.rule import DatasetRule, Phase
from optimove_pipeline.stages.rules import raw

_STOPPING = (Severity.REJECT, Severity.BLOCK)
_OF_TEXT = (Phase.TRIM, Phase.BLANK, Phase.SPELLING)


@dataclass(slots=True)
class Checked:
    """Rows in the types of their contract, with the rules that they break.

    ``broken`` has a flag column for each rule that rejects or blocks and that a row breaks; ``repaired`` and
    ``warned`` count rows by rule.
    """

    typed: pl.DataFrame
    broken: pl.DataFrame
    repaired: Counter[str] = field(default_factory=Counter)
    warned: Counter[str] = field(default_factory=Counter)

    @property
    def sound(self) -> pl.Series:
        """Return for each row whether it breaks no rule that stops it."""
        if not self.broken.width:
            return pl.repeat(value=True, n=self.typed.height, dtype=pl.Boolean, eager=True)
        return self.broken.select(~pl.any_horizontal(pl.all())).to_series()


def check(
    frame: pl.DataFrame, dataset: Dataset, rules: Sequence[DatasetRule], references: Mapping[str, Holds]
) -> Checked:
    """Return rows, as the source gave them, repaired, typed and judged.

    ``references`` tells for each column that a column refers to which values it holds.
    """
    flags: list[pl.Series] = []
    frame = frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))
    for phase in _OF_TEXT:
        text = [rule for rule in rules if rule.phase is phase and frame[rule.columns[0]].dtype == pl.String]
        frame = _look(frame, text, flags)
    frame = without_empty(frame)
    typed = read_typed(frame, dataset.columns)
    both = typed.hstack([frame[column.name].alias(raw(column.name)) for column in dataset.columns])
    both = _look(both, [rule for rule in rules if rule.phase is Phase.MENDING], flags)
    both = both.hstack(_orphans(both, dataset, references))
    if dataset.events:
        both = both.hstack(judged(both["event"], both["context"], dataset.events))
    both = _look(both, [rule for rule in rules if rule.phase is Phase.JUDGING], flags)
    return _sorted(both.select(typed.columns), flags, rules)


def _look(frame: pl.DataFrame, rules: Sequence[DatasetRule], flags: list[pl.Series]) -> pl.DataFrame:
    """Add the flags of those rules that are broken, and return the rows with their values repaired."""
    looked = frame.select(rule.broken.fill_null(value=False).alias(rule.name) for rule in rules)
    found = [rule for rule in rules if looked[rule.name].any()]
    flags.extend(_of_height(looked[rule.name], frame.height) for rule in found)
    for rule in found:
        if rule.severity is Severity.REPAIR and rule.fixed is not None:
            name = rule.columns[0]
            frame = frame.with_columns(
                pl.when(pl.lit(looked[rule.name])).then(rule.fixed).otherwise(pl.col(name)).alias(name)
            )
    return frame


def _of_height(flag: pl.Series, height: int) -> pl.Series:
    return flag if flag.len() == height else flag.new_from_index(0, height)


def _orphans(frame: pl.DataFrame, dataset: Dataset, references: Mapping[str, Holds]) -> list[pl.Series]:
    return [
        (~references[column.reference](frame[column.name]))
        .set(frame[column.name].is_null(), None)
        .alias(orphan(column.name))
        for column in dataset.columns
        if column.reference is not None
    ]


def _sorted(typed: pl.DataFrame, flags: Sequence[pl.Series], rules: Sequence[DatasetRule]) -> Checked:
    of = {rule.name: rule.severity for rule in rules}
    checked = Checked(typed, pl.DataFrame([flag for flag in flags if of[flag.name] in _STOPPING]))
    for flag in flags:
        counter = {Severity.REPAIR: checked.repaired, Severity.WARN: checked.warned}.get(of[flag.name])
        if counter is not None:
            counter[flag.name] += int(flag.sum())
    return checked

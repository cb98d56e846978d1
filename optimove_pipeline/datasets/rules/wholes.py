"""The rules of a data set as a whole: of several columns at once, and of events and their context."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from optimove_pipeline.datasets.dataset import Dataset, Severity
from optimove_pipeline.datasets.rules.rule import DatasetRule, Phase

UNIQUE = "unique"
_TELLING = (Severity.REJECT, Severity.BLOCK, Severity.WARN)
_STOPPING = (Severity.REJECT, Severity.BLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A rule of a data set: its name, what breaks it, what it does by default and what settings can choose."""

    name: str
    meaning: str
    usual: Severity = Severity.REJECT
    may: tuple[Severity, ...] = _TELLING


WHOLES = (
    Whole(
        name=UNIQUE,
        meaning="a row of the same key and the same moment of change as another, but of other content",
        may=_STOPPING,
    ),
    Whole(name="one_of", meaning="blank in all columns of which one is needed: customer and visitor"),
    Whole(name="event", meaning="an event that the contract does not know; keys are case-sensitive"),
    Whole(
        name="object:context",
        meaning="a context that is no JSON object",
        may=_STOPPING,
    ),
    Whole(
        name="type:context", meaning="a parameter of another type than the contract's, or text above 255 characters"
    ),
    Whole(name="names:context", meaning="a parameter whose name is not snake_case, and not in the contract"),
    Whole(
        name="parameters:context",
        meaning="a parameter that the contract does not know; Optimove wants it configured first",
        usual=Severity.WARN,
    ),
)


def wholes_of(dataset: Dataset) -> tuple[Whole, ...]:
    """Return the rules that a data set has as a whole."""
    absent = set() if dataset.one_of else {"one_of"}
    if not dataset.events:
        absent |= {whole.name for whole in WHOLES if whole.name == "event" or whole.name.endswith(":context")}
    return tuple(whole for whole in WHOLES if whole.name not in absent)


def judging(dataset: Dataset, whole: Whole, severity: Severity) -> DatasetRule:
    """Return the rule over the typed columns, and over those that ``judged`` adds for events."""
    if whole.name == "one_of":
        blank = pl.all_horizontal(pl.col(name).is_null() for name in dataset.one_of)
        return DatasetRule(whole.name, dataset.one_of, blank, severity, Phase.JUDGING)
    column = "context" if whole.name.endswith(":context") else "event"
    return DatasetRule(whole.name, (column,), pl.col(f"judged {whole.name}"), severity, Phase.JUDGING)

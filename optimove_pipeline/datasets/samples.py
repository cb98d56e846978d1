"""Which rows stand for a partition in a sample: few, and such that those of different data sets belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.stages.frames import frames
from optimove_pipeline.staging import Partition

_SCORE = "score of a sample"
_LOOKED_AT = 100_000
"""Values of a column that others are chosen by: enough to find some that belong together, and little memory."""


def referred_first(datasets: Sequence[Dataset]) -> list[Dataset]:
    """Return data sets in such an order that each comes after those that it refers to, as far as that can be."""
    ordered, left = list[Dataset](), list(datasets)
    while left:
        names = {each.name for each in left}
        free = [each for each in left if not references_of(each).keys() & (names - {each.name})] or left[:1]
        ordered += free
        left = [each for each in left if each not in free]
    return ordered


def with_referred(chosen: Sequence[Dataset], every: Sequence[Dataset]) -> list[Dataset]:
    """Return data sets with all that they refer to, and what these do."""
    of, needed, left = {each.name: each for each in every}, dict[str, Dataset](), list(chosen)
    while left:
        dataset = left.pop()
        if dataset.name not in needed:
            needed[dataset.name] = dataset
            left += [of[name] for name in references_of(dataset) if name in of]
    return [each for each in every if each.name in needed]


def references_of(dataset: Dataset) -> dict[str, list[tuple[str, str]]]:
    """Return by data set that is referred to the pairs of a column and the column there that it refers to."""
    found = dict[str, list[tuple[str, str]]]()
    for column in dataset.columns:
        if column.reference is not None:
            name, _, there = column.reference.partition(".")
            found.setdefault(name, []).append((column.name, there))
    return found


def sample_rows(held: Mapping[str, Partition], datasets: Sequence[Dataset], rows: int) -> dict[str, pl.DataFrame]:
    """Return at most so many rows of each partition that has some, by data set.

    ``datasets`` has those referred to first.

    Rows that others refer to come first, and then rows that refer to these; what is left is filled with other rows,
    in their order. Memory holds the frames of one partition and the samples.
    """
    samples = dict[str, pl.DataFrame]()
    for dataset in [each for each in datasets if each.name in held]:
        wanted = dict(_hints(dataset, held, datasets)) | dict(_referred(dataset, samples))
        best = _best(held[dataset.name], wanted, rows)
        if best is not None:
            samples[dataset.name] = best
    return samples


def _hints(
    dataset: Dataset, held: Mapping[str, Partition], datasets: Sequence[Dataset]
) -> Iterator[tuple[str, list[str]]]:
    """Yield the columns that others refer to, each with the first values that they have there."""
    pairs = [
        (other.name, column, there)
        for other in datasets
        if other.name in held and other.name != dataset.name
        for column, there in references_of(other).get(dataset.name, ())
    ]
    wanted = dict[str, list[str]]()
    for name, column, there in pairs:
        wanted.setdefault(there, []).extend(_first_values(held[name], column))
    yield from wanted.items()


def _first_values(partition: Partition, column: str) -> list[str]:
    found = pl.Series(column, dtype=pl.String)
    for frame in frames(partition, [column]):
        if found.len() < _LOOKED_AT:
            found = pl.concat([found, frame[column].cast(pl.String).drop_nulls()]).unique(maintain_order=True)
    return found.to_list()


def _referred(dataset: Dataset, samples: Mapping[str, pl.DataFrame]) -> Iterator[tuple[str, list[str]]]:
    for name, pairs in references_of(dataset).items():
        if name in samples and name != dataset.name:
            yield from ((column, samples[name][there].cast(pl.String).to_list()) for column, there in pairs)


def _best(partition: Partition, wanted: Mapping[str, list[str]], rows: int) -> pl.DataFrame | None:
    """Return the rows with the most values that are wanted, of equal ones the first; None if there are none."""
    score = pl.sum_horizontal(
        pl.lit(0),
        *(pl.col(name).cast(pl.String).is_in(values).fill_null(value=False) for name, values in wanted.items()),
    )
    best: pl.DataFrame | None = None
    for frame in frames(partition, list(partition.columns)):
        scored = frame.with_columns(score.alias(_SCORE))
        both = scored if best is None else pl.concat([best, scored])
        best = both.sort(_SCORE, descending=True, maintain_order=True).head(rows)
    return None if best is None else best.drop(_SCORE)

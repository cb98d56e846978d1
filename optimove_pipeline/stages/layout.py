"""The columns of a day: those of the contract, the customer attributes asked for, and those that nobody announced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optimove_pipeline.feeds import Feed, Kind
from optimove_pipeline.stages.frames import BOUNDS, Bounds, frames
from optimove_pipeline.stages.inference import infer
from optimove_pipeline.staging import Partition

CALL, PAGE = "_call", "_page"
"""Where a row came from: the number of the call in the plan, the number of the page in the call."""

_ATTRIBUTE = "attribute_"


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a day in the order of its table, each with its kind.

    ``unknown`` names those that no contract names; ``empty`` those of them without a single value, which are held as
    text but say nothing about their kind.
    """

    kinds: dict[str, Kind]
    unknown: tuple[str, ...]
    empty: tuple[str, ...]


def layout_of(feed: Feed, source: Partition, attributes: Sequence[str], bounds: Bounds = BOUNDS) -> Layout:
    """Return the columns of a day; ``attributes`` are the columns expected of customer attributes, all text."""
    kinds = {column.name: column.kind for column in feed.columns} | dict.fromkeys(attributes, Kind.TEXT)
    further = [name for name in source.columns if name not in kinds and name not in {CALL, PAGE}]
    kinds |= {name: Kind.TEXT for name in further if name.startswith(_ATTRIBUTE)}
    unknown = tuple(name for name in further if name not in kinds)
    inferred = infer(frames(source, unknown, bounds), unknown) if unknown else {}
    return Layout(
        kinds=kinds | {name: kind or Kind.TEXT for name, kind in inferred.items()},
        unknown=unknown,
        empty=tuple(name for name, kind in inferred.items() if kind is None),
    )

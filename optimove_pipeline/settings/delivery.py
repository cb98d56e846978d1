"""Settings of delivery: which targets each feed's packages go to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Tag

from optimove_pipeline.settings.branches import LISTED, WORD, listed, word_or_list
from optimove_pipeline.settings.packages import FeedName
from optimove_pipeline.settings.targets import TargetName
from optimove_pipeline.settings.types import Section, not_empty

OUTBOX = "outbox"
"""The target that need not be set up: the folder ``outbox`` in the data directory."""


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len({*names}) < len(names):
        raise ValueError("expected each target once")
    return names


Chosen = Annotated[
    Annotated[Literal["none"], Tag(WORD)]
    | Annotated[
        tuple[TargetName, ...],
        listed("none", "targets"),
        AfterValidator(not_empty),
        AfterValidator(_distinct),
        Tag(LISTED),
    ],
    word_or_list("none"),
]


class Delivery(Section):
    """Where the packages of reports and data sets go."""

    reports: Chosen = Field((OUTBOX,), description="targets of every report; none: reports end in the warehouse")
    datasets: Chosen = Field((OUTBOX,), description="targets of every data set")
    each: dict[FeedName, Chosen] = Field({}, description="report or data set: its own targets, or none")
    changed_reports: Literal["redeliver", "refuse"] = Field(
        "redeliver", description="a report's day that changed after it was delivered is sent again by itself, or not"
    )

    @property
    def targets(self) -> frozenset[str]:
        """The names of all targets that are chosen for something."""
        return frozenset(
            name for chosen in (self.reports, self.datasets, *self.each.values()) for name in _names(chosen)
        )

    def of(self, feed: str, *, is_report: bool) -> tuple[str, ...]:
        """Return the targets of a feed, by its name; none of them if it is not delivered."""
        return _names(self.each.get(feed, self.reports if is_report else self.datasets))


def _names(chosen: tuple[str, ...] | Literal["none"]) -> tuple[str, ...]:
    return () if chosen == "none" else chosen

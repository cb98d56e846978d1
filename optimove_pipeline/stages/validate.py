"""From the text of a day's answers to typed rows that keep their contract.

The gate is data: the validated partition of a day exists only if the share of its broken rows is tolerated. A day
that is held back loses the validated partition it had, so that no later stage takes old rows for the new ones; what
is published already stays until the day passes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from optimove_pipeline.errors import ContractError
from optimove_pipeline.feeds import Feed
from optimove_pipeline.stages.duplicates import HashFile
from optimove_pipeline.stages.frames import BOUNDS, Bounds
from optimove_pipeline.stages.layout import Layout, layout_of
from optimove_pipeline.stages.repeats import NO_REPEATS, Repeats, find_repeats
from optimove_pipeline.stages.split import Counts, split
from optimove_pipeline.staging import Partition, PartWriter, Staging

logger = logging.getLogger(__name__)

REPORT, VALIDATED, QUARANTINE = "report", "validated", "quarantine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What validating a day found.

    ``rows_in`` = ``rows`` (typed on) + ``quarantined`` + ``repeated_rows`` (dropped, as copies). ``by_rule`` counts
    broken rows by rule, a row once for each that it breaks. ``columns`` maps the typed columns to their Polars
    dtypes; ``unknown_columns`` are those that no contract names, ``empty_columns`` those of them without a value.
    ``duplicate_keys`` counts the rows beyond the first of their key, whether or not the contract allows them (by a
    64-bit hash of the key); ``null_keys`` the nulls in each column of the key.
    """

    rows_in: int
    rows: int
    quarantined: int
    repeated_rows: int
    duplicate_keys: int
    by_rule: dict[str, int]
    null_keys: dict[str, int]
    columns: dict[str, str]
    unknown_columns: list[str]
    empty_columns: list[str]

    @property
    def quarantined_share(self) -> float:
        """Share of all rows that is in quarantine, from 0 to 1."""
        return self.quarantined / self.rows_in if self.rows_in else 0.0


def validation_of(partition: Partition) -> Validation:
    """Return what validating found, from the metadata of a validated or a quarantine partition of any feed."""
    return Validation(**{each.name: partition.metadata[each.name] for each in fields(Validation)})


def validate(
    feed: Feed,
    day: date,
    staging: Staging,
    *,
    tolerated_share: float,
    attributes: Sequence[str] = (),
    bounds: Bounds = BOUNDS,
) -> Validation:
    """Type a day's rows into the stage ``validated`` and put those that break a rule into the stage ``quarantine``.

    ``attributes`` names the text columns of the customer attributes asked for; ``tolerated_share`` is from 0 to 1.
    The typed columns are ``report_date`` (Date), the contract's, the attributes', the unknown ones'.

    Raises:
        PartitionError: the day was never extracted.
        ContractError: more rows broke the contract than tolerated; the quarantine is there, the typed day is not.
    """
    source = staging.open(REPORT, feed.name, day)
    layout = layout_of(feed, source, attributes, bounds)
    try:
        with staging.writing(VALIDATED, feed.name, day) as good:
            with staging.writing(QUARANTINE, feed.name, day) as broken:
                found = _split(feed, source, layout, good, broken, bounds)
                broken.metadata |= asdict(found)
            good.metadata |= asdict(found)
            _gate(feed, day, found, tolerated_share)
    except ContractError:
        staging.remove(VALIDATED, feed.name, day)
        raise
    logger.info("validated/%s of %s: %d rows, %d in quarantine", feed.name, day, found.rows, found.quarantined)
    return found


def _split(
    feed: Feed, source: Partition, layout: Layout, good: PartWriter, broken: PartWriter, bounds: Bounds
) -> Validation:
    """Split the day as if no row came twice, which is the rule; and once more where that turns out wrong."""
    with TemporaryDirectory(prefix="optimove-hashes-") as folder:
        hashes = HashFile(Path(folder))
        counts = split(feed, source, layout, NO_REPEATS, good, broken, bounds, hashes=hashes)
        repeats = find_repeats(feed, source, layout, hashes, bounds)
    if repeats.copies.len() or repeats.clashes.len():
        good.clear()
        broken.clear()
        counts = split(feed, source, layout, repeats, good, broken, bounds)
    return _validation(feed, source, layout, repeats, counts)


def _validation(feed: Feed, source: Partition, layout: Layout, repeats: Repeats, counts: Counts) -> Validation:
    return Validation(
        rows_in=source.rows,
        rows=counts.rows,
        quarantined=counts.quarantined,
        repeated_rows=repeats.copies.len(),
        duplicate_keys=repeats.duplicate_keys,
        by_rule=dict(counts.by_rule.most_common()),
        null_keys=dict(counts.null_keys),
        columns={
            feed.stamp.name: str(feed.stamp.kind.dtype),
            **{name: str(kind.dtype) for name, kind in layout.kinds.items()},
        },
        unknown_columns=list(layout.unknown),
        empty_columns=list(layout.empty),
    )


def _gate(feed: Feed, day: date, found: Validation, tolerated_share: float) -> None:
    if found.quarantined_share <= tolerated_share:
        return
    rules = ", ".join(f"{rule} {count}" for rule, count in found.by_rule.items())
    raise ContractError(
        f"validated/{feed.name} of {day} is held back: {found.quarantined} of {found.rows_in} rows "
        f"({found.quarantined_share:.2%}) broke the contract, {tolerated_share:.2%} are tolerated. Rows by rule: "
        f"{rules}. Look at them in quarantine/{feed.name} of that day, then extract it again or tolerate more"
    )

"""From the rows of a data set, as the source gave them, to rows that Optimove's rules allow.

Each row is repaired where the rules may, and then kept, put in quarantine, or dropped: as of a suppressed customer,
as an older version or copy of another row, or as delivered before. The gate is data: the validated partition exists
only if no rule blocks it and the share of broken rows is tolerated.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from optimove_pipeline.datasets.dataset import Dataset, Severity
from optimove_pipeline.datasets.known import DATASET, Known
from optimove_pipeline.datasets.reading import as_texts
from optimove_pipeline.datasets.rules.rule import Circumstances
from optimove_pipeline.datasets.rules.severities import rules_of, severities_of
from optimove_pipeline.datasets.shapes import refuse_other_shape
from optimove_pipeline.datasets.sifting import Sieve, Sifted, sift
from optimove_pipeline.datasets.unfilled import filled_in
from optimove_pipeline.datasets.versions import find_versions
from optimove_pipeline.errors import ContractError
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.settings.datasets import DatasetSettings
from optimove_pipeline.stages.duplicates import HashFile
from optimove_pipeline.stages.frames import BOUNDS, Bounds, frames
from optimove_pipeline.stages.repeats import NO_REPEATS, Repeats
from optimove_pipeline.stages.validate import QUARANTINE, VALIDATED, Validation
from optimove_pipeline.staging import Partition, PartWriter, Staging

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetValidation(Validation):
    """What validating a partition of a data set found.

    ``rows_in`` = ``rows`` + ``quarantined`` + ``repeated_rows`` (older versions and copies) + ``already_delivered``
    (an earlier partition has the same key and moment of change) + ``suppressed`` (of customers to be forgotten) +
    ``quarantined_before`` (broken, and in quarantine of an earlier partition just as they are).
    ``repaired`` and ``warned`` count rows by rule; ``by_rule`` those in quarantine. ``blocked_by`` are the rules that
    hold the partition back.
    """

    already_delivered: int
    suppressed: int
    repaired: dict[str, int]
    warned: dict[str, int]
    blocked_by: list[str]
    quarantined_before: int = 0


def dataset_validation_of(partition: Partition) -> DatasetValidation:
    """Return what validating found, from the metadata of a validated or a quarantine partition of a data set."""
    return DatasetValidation(**partition.metadata)


def validate_dataset(
    dataset: Dataset,
    day: date,
    staging: Staging,
    settings: DatasetSettings,
    known: Known,
    *,
    now: datetime,
    bounds: Bounds = BOUNDS,
) -> DatasetValidation:
    """Validate the stage ``dataset`` of a partition into the stages ``validated`` and ``quarantine``.

    ``settings`` are those of ``Datasets.of``; ``now`` has its zone. The typed columns are ``_partition`` (String) and
    the contract's; times are UTC, without a zone.

    Raises:
        PartitionError: the partition was never extracted, or under another contract.
        ContractError: a rule blocks it, or more rows are broken than tolerated; the quarantine is there, the
            validated partition is not.
    """
    source = staging.open(DATASET, dataset.name, day)
    refuse_other_shape(dataset, source)
    circumstances = _circumstances(dataset, source, day, settings, now)
    sieve = Sieve(
        dataset=dataset,
        day=day,
        rules=rules_of(dataset, settings.rules, circumstances),
        known=known,
        bounds=bounds,
    )
    severities = severities_of(dataset, settings.rules)
    try:
        with staging.writing(VALIDATED, dataset.name, day) as good:
            with staging.writing(QUARANTINE, dataset.name, day) as broken:
                found = _validation(sieve, source, severities, *_sifted(sieve, source, good, broken))
                broken.metadata |= asdict(found)
            good.metadata |= asdict(found)
            _gate(dataset, day, found, settings.tolerated_share or 0.0)
    except ContractError:
        staging.remove(VALIDATED, dataset.name, day)
        raise
    logger.info(
        "validated/%s of %s: %d rows, %d in quarantine, %d delivered before",
        dataset.name,
        partition_key(day),
        found.rows,
        found.quarantined,
        found.already_delivered,
    )
    return found


def _circumstances(
    dataset: Dataset, source: Partition, day: date, settings: DatasetSettings, now: datetime
) -> Circumstances:
    return Circumstances(
        day=day.date() if isinstance(day, datetime) else day,
        now=now.astimezone(UTC).replace(tzinfo=None),
        currency=settings.currency or _usual_currency(dataset, source),
        constants=frozenset(name for name, how in filled_in(dataset, settings).items() if how == "constant"),
    )


def _usual_currency(dataset: Dataset, source: Partition) -> str | None:
    """Return the code that most rows have; of several, the first by the alphabet."""
    names = [column.name for column in dataset.columns if column.currency]
    counts: Counter[str] = Counter()
    for frame in frames(source, names) if names else ():
        codes = as_texts(frame).unpivot()["value"].str.strip_chars().drop_nulls().value_counts()
        counts.update({code: count for code, count in codes.iter_rows() if code})
    return min(counts, key=lambda code: (-counts[code], code), default=None)


def _sifted(sieve: Sieve, source: Partition, good: PartWriter, broken: PartWriter) -> tuple[Repeats, Sifted]:
    """Sift the rows as if no key came twice, which is the rule; and once more where that turns out wrong."""
    with TemporaryDirectory(prefix="optimove-hashes-") as folder:
        hashes = HashFile(Path(folder))
        sifted = sift(sieve, source, NO_REPEATS, good, broken, hashes=hashes)
        repeats = find_versions(sieve.dataset, lambda: sieve.read(source), sieve.sound, hashes, sieve.bounds)
    if repeats.copies.len() or repeats.clashes.len():
        good.clear()
        broken.clear()
        sifted = sift(sieve, source, repeats, good, broken)
    return repeats, sifted


def _validation(
    sieve: Sieve, source: Partition, severities: dict[str, Severity], repeats: Repeats, sifted: Sifted
) -> DatasetValidation:
    dataset = sieve.dataset
    return DatasetValidation(
        rows_in=source.rows,
        rows=sifted.rows,
        quarantined=sifted.quarantined,
        repeated_rows=repeats.copies.len(),
        duplicate_keys=repeats.duplicate_keys,
        by_rule=dict(sifted.by_rule.most_common()),
        null_keys=dict(sifted.null_keys),
        columns={
            dataset.stamp.name: str(dataset.stamp.kind.dtype),
            **{column.name: str(column.kind.dtype) for column in dataset.columns},
        },
        unknown_columns=[],
        empty_columns=[],
        already_delivered=sifted.already_delivered,
        suppressed=sifted.suppressed,
        quarantined_before=sifted.quarantined_before,
        repaired=dict(sifted.repaired.most_common()),
        warned=dict(sifted.warned.most_common()),
        blocked_by=[name for name in sifted.by_rule if severities[name] is Severity.BLOCK],
    )


def _gate(dataset: Dataset, day: date, found: DatasetValidation, tolerated_share: float) -> None:
    if not found.blocked_by and found.quarantined_share <= tolerated_share:
        return
    rules = ", ".join(f"{rule} {count}" for rule, count in found.by_rule.items())
    broke = f"{found.quarantined} of {found.rows_in} rows ({found.quarantined_share:.2%}) broke the contract"
    why = f"blocked by {', '.join(found.blocked_by)}" if found.blocked_by else f"{tolerated_share:.2%} are tolerated"
    raise ContractError(
        f"validated/{dataset.name} of {partition_key(day)} is held back: {broke}, {why}. Rows by rule: {rules}. "
        f"Look at them in quarantine.{dataset.name} of that partition, correct them at the source and "
        f"extract it again, or change datasets.each.{dataset.name}.rules or tolerated_share"
    )

"""Whether every row that the source counted is accounted for in what is delivered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.known import DATASET
from optimove_pipeline.datasets.validation import dataset_validation_of
from optimove_pipeline.errors import ContractError
from optimove_pipeline.packages import Package
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.stages.validate import VALIDATED
from optimove_pipeline.staging import Staging


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where the rows of a partition went: ``source`` is the sum of all others."""

    source: int
    delivered: int
    quarantined: int
    quarantined_before: int
    repeated: int
    delivered_before: int
    forgotten: int


def account_of(dataset: Dataset, partition: date, staging: Staging, package: Package) -> Account:
    """Return where the rows of a packaged partition went, from the source's own count to the parts' rows.

    Raises:
        PartitionError: the partition is not validated.
        ContractError: rows are unaccounted for; the message has the numbers.
    """
    validation = dataset_validation_of(staging.open(VALIDATED, dataset.name, partition))
    read = staging.find(DATASET, dataset.name, partition)
    account = Account(
        source=validation.rows_in if read is None else int(read.metadata["source_rows"]),
        delivered=sum(part.rows for part in package.parts),
        quarantined=validation.quarantined,
        quarantined_before=validation.quarantined_before,
        repeated=validation.repeated_rows,
        delivered_before=validation.already_delivered,
        forgotten=validation.suppressed + validation.rows - package.rows,
    )
    _, *others = asdict(account).values()
    if account.source != sum(others) or account.forgotten < 0:
        raise ContractError(
            f"{dataset.name} of {partition_key(partition)} does not add up: {account}. Read, validate and package it "
            "again, one after the other"
        )
    return account
